# SPDX-License-Identifier: GPL-3.0-or-later
"""How like the raw mesh the finished one looks: outline and colour, rendered from eight sides without light.

All eight sides are one picture: copies of the object, each turned by an eighth and tilted, stand in a grid before a
camera that knows no perspective. The pixels of both meshes mean the same places, so they are compared one by one.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .....backend.geometry import formats
from .....backend.geometry.topology import Beat
from ..material import shading
from ..material.nodes import node
from ..mesh import meshes
from . import framing, pictures, sets

VIEWS, SIDE, SAMPLES = 8, 256, 4
"""Sides looked from, px of one, samples a pixel."""
_COLUMNS = 4
_ROWS = -(-VIEWS // _COLUMNS)
_ELEVATION = math.radians(15)
_FREE = 1.04
"""Of a cell to the largest that stands in one."""
_SURE = 0.999
"""A pixel less covered than this is a rim: its colour is not compared."""
_GREY = (0.6, 0.6, 0.6, 1.0)


def figures(body: bpy.types.Object, source: bpy.types.Object, beat: Beat = lambda: None) -> dict[str, float | None]:
    """`silhouette_iou`, 1 where the outlines are the same, and `colour_error`, the mean distance of colours in CIELAB
    (ΔE of 1976; 2.3 is just seen), None where no pixel shows both.

    Both meshes are taken as they are stored, in the space that they share: not moved, posed or modified.
    """
    points = [meshes.vertices_of(obj.data) for obj in (body, source)]
    frames = _frames(np.concatenate(points))
    if frames is None:
        return {"silhouette_iou": None, "colour_error": None}
    beat()
    ours = _rendered(body.data, frames)
    beat()
    return compared(ours, _rendered(source.data, frames))


def _frames(points: meshes.Array) -> list[meshes.Array] | None:
    """A matrix (4, 4) for each side: turned, tilted, in the middle of its cell of 1 by 1, all of one scale."""
    ways = [framing.axes(2 * math.pi * number / VIEWS, _ELEVATION) for number in range(VIEWS)]
    seen = [points.astype(np.float64) @ way.T for way in ways]
    low, high = ([pick(each, axis=0) for each in seen] for pick in (np.min, np.max))
    across = _FREE * max(float((b - a).max()) for a, b in zip(low, high, strict=True))
    if not 0 < across < np.inf:
        return None
    out = []
    for number, way in enumerate(ways):
        row, column = divmod(number, _COLUMNS)
        cell = np.array([column + 0.5 - _COLUMNS / 2, _ROWS / 2 - row - 0.5, -1])
        frame = np.eye(4)
        frame[:3, :3], frame[:3, 3] = way / across, cell - (low[number] + high[number]) / 2 / across
        out.append(frame)
    return out


def compared(ours: pictures.Pixels, theirs: pictures.Pixels) -> dict[str, float | None]:
    """Of two pictures (H, W, 4) sRGB with straight alpha that show the same places."""
    a, b = ours[..., 3], theirs[..., 3]
    either = float(np.maximum(a, b).sum())
    both = (a > _SURE) & (b > _SURE)
    apart = np.linalg.norm(_lab(ours[both][:, :3]) - _lab(theirs[both][:, :3]), axis=1)
    return {
        "silhouette_iou": round(float(np.minimum(a, b).sum()) / either, 5) if either else None,
        "colour_error": round(float(apart.mean()), 3) if len(apart) else None,
    }


def _lab(srgb: meshes.Array) -> meshes.Array:
    """CIELAB under D65 of colours (N, 3) sRGB 0 to 1."""
    value = np.asarray(srgb, np.float64)
    xyz = formats.linear(value) @ np.array([[0.4124564, 0.2126729, 0.0193339], [0.3575761, 0.7151522, 0.1191920],
                             [0.1804375, 0.0721750, 0.9503041]])  # fmt: skip
    ratio = xyz / [0.95047, 1.0, 1.08883]
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[:, 0], f[:, 1], f[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _rendered(mesh: bpy.types.Mesh, frames: list[meshes.Array]) -> pictures.Pixels:
    """(rows * SIDE, columns * SIDE, 4)."""
    with _scene(mesh) as (scene, copies), tempfile.TemporaryDirectory() as folder:
        for copy, frame in zip(copies, frames, strict=True):
            copy.matrix_world = Matrix(frame.tolist())
        path = Path(folder) / "sides.png"
        sets.picture(scene, path)
        return pictures.read(path, 4)


@contextmanager
def _scene(mesh: bpy.types.Mesh) -> Iterator[tuple[bpy.types.Scene, list[bpy.types.Object]]]:
    """A scene of its own with eight copies of the mesh that show their colour without light, and a camera that looks
    down on them; gone afterwards."""
    lens, shown = bpy.data.cameras.new("Sides"), mesh.copy()
    camera = bpy.data.objects.new("Sides", lens)
    copies = [bpy.data.objects.new("Side", shown) for _ in range(VIEWS)]
    glowing = [_glow(material, mesh) for material in mesh.materials] or [_glow(None, mesh)]
    try:
        lens.type, lens.ortho_scale, lens.clip_start, lens.clip_end = "ORTHO", _COLUMNS, 0.1, 10.0
        if not len(shown.materials):
            shown.materials.append(None)
        for slot, material in enumerate(glowing):  # of the mesh, not of the objects: so Cycles keeps the mesh once
            shown.materials[slot] = material
        with sets.temporary(bpy.data.scenes.new("Sides")) as scene:
            for obj in (camera, *copies):
                scene.collection.objects.link(obj)
            scene.camera = camera
            _set(scene)
            yield scene, copies
    finally:
        bpy.data.batch_remove([*copies, camera, shown, lens, *glowing])


def _set(scene: bpy.types.Scene) -> None:
    """Cycles without light, noise and dither: what a pixel shows is the colour of the surface."""
    sets.paper(scene, _COLUMNS * SIDE, _ROWS * SIDE)
    cycles = scene.cycles
    scene.render.engine, scene.render.dither_intensity = "CYCLES", 0.0
    cycles.device, cycles.samples, cycles.seed = "CPU", SAMPLES, 0
    cycles.use_adaptive_sampling = cycles.use_denoising = cycles.use_auto_tile = False
    cycles.max_bounces, cycles.transparent_max_bounces = 0, 0
    cycles.pixel_filter_type = "BOX"


def _glow(material: bpy.types.Material | None, mesh: bpy.types.Mesh) -> bpy.types.Material:
    """The material's base colour as light of its own; where there is no material, the source's colour."""
    surface = _surface(material)
    if material is None or surface is None:
        made, tree = shading.new_material("galatea side")
        return _wired(made, shading.source_color(tree, mesh), _GREY)
    made = material.copy()
    surface = _surface(made)
    colour = next((surface.inputs[name] for name in ("Base Color", "Color") if name in surface.inputs), None)
    if colour is None:
        return _wired(made, None, _GREY)
    return _wired(made, colour.links[0].from_socket if colour.links else None, tuple(colour.default_value))


def _surface(material: bpy.types.Material | None) -> Any:
    """The node that the surface of a material comes from; None where there is none."""
    tree = material.node_tree if material else None
    outputs = [node for node in tree.nodes if node.type == "OUTPUT_MATERIAL"] if tree else []
    shown = next((node for node in outputs if node.is_active_output), None)
    links = shown.inputs["Surface"].links if shown else ()
    return links[0].from_node if links else None


def _wired(material: bpy.types.Material, colour: Any, plain: tuple[float, ...]) -> bpy.types.Material:
    """Glowing with the colour of a socket, or with a plain one."""
    tree = material.node_tree
    for old in [each for each in tree.nodes if each.type == "OUTPUT_MATERIAL"]:
        tree.nodes.remove(old)
    glow = node(tree, "Emission", Color=plain if colour is None else colour)
    node(tree, "OutputMaterial", Surface=glow.outputs["Emission"])
    return material
