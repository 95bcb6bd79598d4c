# SPDX-License-Identifier: GPL-3.0-or-later
"""Cycles' bake from the source to the body, on the CPU, with every setting put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np

from . import meshes, shading
from .selection import alone

_SAMPLES = 2000
"""Points that the gap is measured at; the answer of `closest_point_on_mesh` takes some microseconds each."""


def measured_gap(source: bpy.types.Object, body: bpy.types.Object) -> float:
    """How far the two surfaces are apart, in metres: the largest distance but for the worst half percent.

    Parts that one of them lacks (floaters, closed holes) must not make the cage so wide that it cuts limbs.
    """
    with alone(body, source):
        return max(_distance(body, source), _distance(source, body))


def _distance(here: bpy.types.Object, there: bpy.types.Object) -> float:
    points, faces = meshes.vertices_of(here.data), meshes.triangles_of(here.data)
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
def _materials(obj: bpy.types.Object, material: bpy.types.Material) -> Iterator[None]:
    """The mesh has this one material for a while."""
    old = list(obj.data.materials)
    slots = np.empty(len(obj.data.polygons), np.int32)
    obj.data.polygons.foreach_get("material_index", slots)
    obj.data.materials.clear()
    obj.data.materials.append(material)
    try:
        yield
    finally:
        obj.data.materials.clear()
        for one in old:
            obj.data.materials.append(one)
        obj.data.polygons.foreach_set("material_index", slots)
        bpy.data.materials.remove(material)


def _glow(source: bpy.types.Object) -> bpy.types.Material:
    """The source's colour as light of its own, so that no lamp and no shadow is baked in."""
    material, tree = shading.new_material("galatea bake source")
    glow, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shading.source_color(tree, source.data), glow.inputs["Color"])
    tree.links.new(glow.outputs["Emission"], output.inputs["Surface"])
    return material


class Baker:
    """Bakes maps from `source` to `body`; `gap` in metres is how far the surfaces are apart."""

    def __init__(self, source: bpy.types.Object, body: bpy.types.Object, *, gap: float) -> None:
        self.source, self.body = source, body
        # Never none: rays that start on the surface itself find it or not by rounding.
        self.extrusion = max(1.5 * gap, 5e-4 * meshes.diagonal(meshes.vertices_of(body.data)))

    def __call__(self, kind: str, image: bpy.types.Image, *, samples: int) -> None:
        """Bake `kind` (EMIT, NORMAL, AO) into the image. Texels that no ray reached keep their alpha of 0."""
        scene = bpy.context.scene
        target, tree = shading.new_material("galatea bake target")
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = image
        tree.nodes.active = node
        with (
            _settings(scene.render, engine="CYCLES"),
            _settings(
                scene.cycles, device="CPU", samples=samples, use_denoising=False, use_adaptive_sampling=False, seed=0
            ),
            _materials(self.source, _glow(self.source)),
            _materials(self.body, target),
            alone(self.body, self.source),
            bpy.context.temp_override(
                active_object=self.body,
                object=self.body,
                selected_objects=[self.source, self.body],
                selected_editable_objects=[self.source, self.body],
            ),
        ):
            bpy.ops.object.bake(
                type=kind,
                target="IMAGE_TEXTURES",
                uv_layer=shading.BODY_UV,
                use_selected_to_active=True,
                use_cage=True,  # without a cage object: one that is shaded smooth, so that faces do not part at edges
                cage_extrusion=self.extrusion,
                max_ray_distance=4 * self.extrusion,
                normal_space="TANGENT",
                use_clear=False,
                margin=0,
            )
