# SPDX-License-Identifier: GPL-3.0-or-later
"""A box with its name on it, in place of a thing that nobody can make."""

from __future__ import annotations

import bmesh
import bpy
from mathutils import Matrix

from .....backend.protocol.scene import Item
from ...props.prop import Material, Part, Prop
from . import plain

_WIDE, _HIGH = 0.8, 0.5
"""Shares of the front that the name takes at most."""


def prop(item: Item, size: tuple[float, float, float], material: Material) -> Prop:
    """Solid, of its substance; the name on its front and its back."""
    mesh = plain.box(item.name, size)
    mesh.materials.append(material(""))
    letters = _letters(item.name, size)
    if letters is not None:
        mesh.materials.append(_ink())
        work = bmesh.new()
        work.from_mesh(mesh)
        for turn in (Matrix(), Matrix.Rotation(3.141592653589793, 4, "Z")):
            before = len(work.faces)
            one = letters.copy()
            one.transform(turn)
            work.from_mesh(one)
            bpy.data.meshes.remove(one)
            work.faces.ensure_lookup_table()
            for face in work.faces[before:]:
                face.material_index = 1
        work.to_mesh(mesh)
        work.free()
        bpy.data.meshes.remove(letters)
    return Prop([Part(item.name, mesh, shape="box")])


def _letters(name: str, size: tuple[float, float, float]) -> bpy.types.Mesh | None:
    """The name as a flat mesh just before the front, fitted into it; None where Blender's font has none of it."""
    data = bpy.data.curves.new(name, "FONT")
    data.body, data.align_x, data.align_y, data.resolution_u = name[:24], "CENTER", "CENTER", 2
    obj = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(obj)
    try:
        bpy.context.view_layer.update()
        graph = bpy.context.evaluated_depsgraph_get()
        mesh = bpy.data.meshes.new_from_object(obj.evaluated_get(graph), depsgraph=graph)
        wide, high = obj.dimensions.x, obj.dimensions.y
    finally:
        bpy.data.objects.remove(obj)
        bpy.data.curves.remove(data)
    if not len(mesh.polygons) or min(wide, high) <= 0:
        bpy.data.meshes.remove(mesh)
        return None
    mesh.materials.clear()
    scale = min(_WIDE * size[0] / wide, _HIGH * size[2] / high)
    place = Matrix.Translation((0.0, -size[1] / 2 - 0.002 * max(size), size[2] / 2))
    mesh.transform(place @ Matrix.Rotation(1.5707963267948966, 4, "X") @ Matrix.Scale(scale, 4))
    return mesh


def _ink() -> bpy.types.Material:
    made = bpy.data.materials.get("Name") or bpy.data.materials.new("Name")
    if not made.node_tree:
        made.use_nodes = True
    made.diffuse_color = (0.02, 0.02, 0.02, 1.0)
    for node in made.node_tree.nodes:
        if node.type == "BSDF_PRINCIPLED":
            node.inputs["Base Color"].default_value = made.diffuse_color
    return made
