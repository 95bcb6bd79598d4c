# SPDX-License-Identifier: GPL-3.0-or-later
"""Cycles' bake from copies of the source and the body, on the CPU, with every setting put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from ..material import shading
from ..mesh import meshes
from ..mesh.meshes import Floats
from ..mesh.selection import alone, linked
from ..render import pictures
from ..uv import tiles

LARGEST = 4096
"""px that one pass bakes at most: Blender takes some 200 bytes a pixel. Larger textures are baked in parts."""
_SAMPLES = 2000
"""Points that the gap is measured at; the answer of `closest_point_on_mesh` takes some microseconds each."""
_WINDOW = "galatea_window"
_AWAY = -9.0
"""Where the faces of other tiles are put, outside of what is baked."""


def measured_gap(source: bpy.types.Object, body: bpy.types.Object) -> float:
    """How far the two surfaces are apart, in metres: the largest distance but for the worst half percent.

    Parts that one of them lacks (floaters, closed holes) must not make the cage so wide that it cuts limbs.
    """
    with alone(body, source):
        return max(_distance(body, source), _distance(source, body))


def _distance(here: bpy.types.Object, there: bpy.types.Object) -> float:
    points, (faces, _) = meshes.vertices_of(here.data), meshes.drawn(here.data)
    points = np.concatenate([points, points[faces].mean(axis=1)])
    step = max(1, len(points) // _SAMPLES)
    apart = []
    for point in points[::step].tolist():
        found, nearest, _, _ = there.closest_point_on_mesh(point)
        if found:
            apart.append(float(np.linalg.norm(np.subtract(nearest, point))))
    return float(np.percentile(apart, 99.5)) if apart else 0.0


@contextmanager
def _settings(owner: Any, **values: Any) -> Iterator[None]:
    old = {name: getattr(owner, name) for name in values if hasattr(owner, name)}
    for name in old:
        setattr(owner, name, values[name])
    try:
        yield
    finally:
        for name, value in old.items():
            setattr(owner, name, value)


@contextmanager
def copied(obj: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """A copy for a while: a mesh of triangles and material slots of its own, no modifiers."""
    with linked(obj.data.copy()) as copy:
        mesh, copy.matrix_world = copy.data, obj.matrix_world
        meshes.triangulate(mesh, "FIXED")  # as renderers cut them
        if not len(mesh.materials):
            mesh.materials.append(None)
        yield copy


@contextmanager
def _alone_rendered(*objects: bpy.types.Object) -> Iterator[None]:
    """Cycles is spared all other objects, which would cost time and throw shadows."""
    others = [(obj, obj.hide_render) for obj in bpy.context.scene.objects if obj not in objects]
    for obj, _ in others:
        obj.hide_render = True
    try:
        with alone(*objects):
            yield
    finally:
        for obj, hidden in others:
            obj.hide_render = hidden


class Baker:
    """Bakes from `source` to `body`, two copies of triangles, onto the map `galatea`.

    `distance` in m is how far off the rays begin. `dress`, called with a slot's own material, makes the one that is
    baked in its place.
    """

    def __init__(self, source: bpy.types.Object, body: bpy.types.Object, distance: float) -> None:
        self.source, self.body, self.distance = source, body, distance
        self.own = list(source.data.materials)
        self.uv = meshes.uv_of(body.data, shading.BODY_UV)
        self.tile = np.repeat(tiles.of_faces(self.uv), 3)

    def passes(
        self,
        kind: str,
        tile: int,
        size: int,
        *,
        samples: int = 1,
        dress: Callable[[bpy.types.Material | None], bpy.types.Material] | None = None,
    ) -> Iterator[tuple[tuple[int, int], Floats]]:
        """Bake `kind` (EMIT, NORMAL, AO) in parts: row and column of each, and its pixels (h, w, 4), linear.

        The fourth is 1 where a ray reached the source.
        """
        parts = -(-size // LARGEST)
        edge = -(-size // parts)
        made = {own: dress(own) for own in dict.fromkeys(self.own)} if dress else {}
        try:
            for slot, own in enumerate(self.own):
                self.source.data.materials[slot] = made.get(own, own)
            for row, column in np.ndindex(parts, parts):
                corner = tiles.corner(tile) + np.array([column, row], np.float32) * edge / size
                uv = np.where(self.tile[:, None] == tile, (self.uv - corner) * (size / edge), np.float32(_AWAY))
                meshes.set_uv(self.body.data, _WINDOW, uv)
                y, x = row * edge, column * edge
                yield (y, x), self._bake(kind, edge, samples)[: size - y, : size - x]
        finally:
            for slot, own in enumerate(self.own):
                self.source.data.materials[slot] = own
            for material in made.values():
                bpy.data.materials.remove(material)

    def _bake(self, kind: str, edge: int, samples: int) -> Floats:
        scene = bpy.context.scene
        image = bpy.data.images.new("galatea bake", edge, edge, alpha=True, float_buffer=True)
        image.colorspace_settings.name = "Non-Color"
        image.generated_color = (0, 0, 0, 0)
        target, tree = shading.new_material("galatea bake target")
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        tree.nodes.active = node
        for slot in range(len(self.body.data.materials)):
            self.body.data.materials[slot] = target
        pair = [self.source, self.body]
        try:
            with (
                _settings(scene.render, engine="CYCLES"),
                _settings(
                    scene.cycles,
                    device="CPU",
                    samples=samples,
                    use_denoising=False,
                    use_adaptive_sampling=False,
                    seed=0,
                ),
                _alone_rendered(self.body, self.source),
                bpy.context.temp_override(
                    active_object=self.body,
                    object=self.body,
                    selected_objects=pair,
                    selected_editable_objects=pair,
                ),
            ):
                bpy.ops.object.bake(
                    type=kind,
                    target="IMAGE_TEXTURES",
                    uv_layer=_WINDOW,
                    use_selected_to_active=True,
                    use_cage=True,  # without a cage object: shaded smooth, so that faces do not part at edges
                    cage_extrusion=self.distance,
                    max_ray_distance=4 * self.distance,
                    normal_space="TANGENT",
                    use_clear=False,
                    margin=0,
                )
            return pictures.pixels_of(image)
        finally:
            bpy.data.materials.remove(target)
            bpy.data.images.remove(image)
