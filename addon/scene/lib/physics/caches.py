# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deformation is kept: inside the file, so that any Blender shows any frame of any copy of it, without a solver.

Same vertices at every frame: a shape key a frame, their values keyed. 1,600 vertices × 120 frames are 0.9 MB and 1 ms a
frame; exporters read them, which a Mesh Cache (PC2, MDD: cannot be packed) and Alembic (not in every Blender) are not.
Absolute keys measure the same, but glTF and FBX do not write them.
Other vertices at every frame: a mesh a frame in a collection out of sight, of which geometry nodes show the one of the
frame: 13 MB for 120 meshes of 6,000 vertices, 1 ms a frame; all in one mesh that is filtered: 19 MB, 6 ms.
Both replay the same on 4.2, 5.0 and 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..motion import animation

Array = NDArray[Any]
SEQUENCE = "galatea_sequence"
"""Custom property of the collection that holds the meshes of an object's frames: the object's name."""
_STILL = 1e-5
"""Of the size: a frame that moved no further from the last kept one needs no shape of its own."""


def keep_shapes(obj: bpy.types.Object, shapes: Array) -> int:
    """Replay `shapes` (F, V, 3), in the object's frame; returns how many are kept."""
    forget(obj)
    obj.shape_key_add(name="rest", from_mix=False)
    keys = obj.data.shape_keys
    keys.use_relative = True
    animation.new_action(keys, f"{obj.name} shapes")
    kept = _kept(shapes)
    for number, (index, until) in enumerate(kept):
        block = obj.shape_key_add(name=f"frame {1 + index}", from_mix=False)
        block.data.foreach_set("co", np.ascontiguousarray(shapes[index], np.float32).ravel())
        block.value = float(number == 0)
        frames, values = [1 + index, 1 + until], [1.0, 1.0]
        if until == index:
            del frames[1], values[1]
        if number:
            frames, values = [1 + kept[number - 1][1], *frames], [0.0, *values]
        if number + 1 < len(kept):
            frames, values = [*frames, 1 + kept[number + 1][0]], [*values, 0.0]
        path = f'key_blocks["{block.name}"].value'
        animation.fill(animation.curve(keys, path), frames, values, interpolation="LINEAR")
    return len(kept)


def _kept(shapes: Array) -> list[tuple[int, int]]:
    """The shapes that differ, each with the last frame until which it stays."""
    least = _STILL * max(1e-6, float(np.ptp(shapes[0], axis=0).max()))
    out: list[tuple[int, int]] = [(0, 0)]
    for index in range(1, len(shapes)):
        if np.abs(shapes[index] - shapes[out[-1][0]]).max() <= least:
            out[-1] = (out[-1][0], index)
        else:
            out.append((index, index))
    return out


def keep_meshes(obj: bpy.types.Object, frames: Sequence[tuple[Array, Array]]) -> None:
    """Replay meshes, each points (V, 3) in the object's frame and triangles (T, 3); an empty one shows nothing."""
    forget(obj)
    held = bpy.data.collections.new(f"{obj.name} frames")
    held[SEQUENCE] = obj.name
    for number, (points, faces) in enumerate(frames, 1):
        name = f"{obj.name} {number:06d}"
        held.objects.link(bpy.data.objects.new(name, _mesh(name, points, faces, obj.data)))
    shown = obj.modifiers.new("Frames", "NODES")
    shown.node_group = _nodes(held)


def forget(obj: bpy.types.Object) -> None:
    """Take an older replay away."""
    if obj.data.shape_keys:
        obj.shape_key_clear()
    for collection in [each for each in bpy.data.collections if each.get(SEQUENCE) == obj.name]:
        for each in list(collection.objects):
            bpy.data.meshes.remove(each.data)
        bpy.data.collections.remove(collection)
    for modifier in [each for each in obj.modifiers if each.type == "NODES" and each.name == "Frames"]:
        obj.modifiers.remove(modifier)


def _mesh(name: str, points: Array, faces: Array, like: bpy.types.Mesh) -> bpy.types.Mesh:
    mesh = fill(bpy.data.meshes.new(name), points, faces)
    for material in like.materials:
        mesh.materials.append(material)
    return mesh


def fill(mesh: bpy.types.Mesh, points: Array, faces: Array) -> bpy.types.Mesh:
    """Put points (V, 3) and triangles (T, 3) into an empty mesh, smooth."""
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", np.ascontiguousarray(points, np.float32).ravel())
    mesh.loops.add(3 * len(faces))
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(faces, np.int32).ravel())
    mesh.polygons.add(len(faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * len(faces), 3, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.update()
    return mesh


def _nodes(held: bpy.types.Collection) -> bpy.types.NodeTree:
    """Of the instances of a collection, the one whose number is the scene's frame; the ends stay."""
    tree = bpy.data.node_groups.new("Frames", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    new, link = tree.nodes.new, tree.links.new
    meshes, number, now = (
        new("GeometryNodeCollectionInfo"),
        new("GeometryNodeInputIndex"),
        new("GeometryNodeInputSceneTime"),
    )
    meshes.inputs["Collection"].default_value = held
    meshes.inputs["Separate Children"].default_value = True
    turn, ends = new("ShaderNodeMath"), new("ShaderNodeClamp")
    turn.operation, turn.inputs[1].default_value = "SUBTRACT", 1.0
    link(now.outputs["Frame"], turn.inputs[0])
    ends.inputs["Max"].default_value = float(len(held.objects) - 1)
    link(turn.outputs[0], ends.inputs["Value"])
    other = new("FunctionNodeCompare")
    other.data_type, other.operation = "FLOAT", "NOT_EQUAL"
    other.inputs["Epsilon"].default_value = 0.5
    link(number.outputs[0], other.inputs["A"])
    link(ends.outputs[0], other.inputs["B"])
    drop, real, out = new("GeometryNodeDeleteGeometry"), new("GeometryNodeRealizeInstances"), new("NodeGroupOutput")
    drop.domain = "INSTANCE"
    link(meshes.outputs[0], drop.inputs["Geometry"])
    link(other.outputs[0], drop.inputs["Selection"])
    link(drop.outputs[0], real.inputs[0])
    link(real.outputs[0], out.inputs[0])
    return tree
