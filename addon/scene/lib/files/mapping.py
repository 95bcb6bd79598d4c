# SPDX-License-Identifier: GPL-3.0-or-later
"""How pictures lie on a mesh, put into its UV map: for formats that know one map and nothing between it and a picture.

A picture can lie on another map than the one that is shown, and be moved, turned and scaled there, as glTF's
KHR_texture_transform tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np
from mathutils import Matrix

from ..mesh import meshes
from ..mesh.meshes import Floats, Ints
from . import targets

FORMATS = ("obj", "fbx", "ply")
"""Formats whose pictures, or their colours, lie on the one map as it is."""

Way = tuple[str, tuple[float, ...]]
"""Name of the map, empty for the one that is shown, and the six numbers by which a place there becomes one of the
picture."""
_STILL: Way = ("", (1.0, 0.0, 0.0, 0.0, 1.0, 0.0))


@contextmanager
def laid(objects: list[bpy.types.Object], format: str) -> Iterator[list[str]]:
    """The objects, whose materials are copies, have maps on which their pictures lie as this format tells it.

    Yields the inputs whose pictures lie otherwise than the base colour's, where the format cannot say that.
    """
    shared = list(dict.fromkeys(obj.data for obj in objects))
    trees = {m: m.node_tree for mesh in shared for m in mesh.materials if m and m.node_tree}
    if format in targets.USD:
        for mesh in shared:
            _called(mesh)
    if format not in FORMATS:
        yield []
        return
    found = {material: _chosen(tree) for material, tree in trees.items()}
    before: list[tuple[bpy.types.Mesh, list[Floats], int, int]] = []
    try:
        for mesh in shared:
            ways = [found[m][0] if m in found else _STILL for m in mesh.materials]
            if mesh.uv_layers:
                before.append(_put(mesh, ways or [_STILL]))
        for tree in trees.values():
            for node in [node for node in tree.nodes if node.type == "TEX_IMAGE"]:
                for link in list(node.inputs["Vector"].links):
                    tree.links.remove(link)
        yield list(dict.fromkeys(name for _, names in found.values() for name in names))
    finally:
        for mesh, uvs, active, shown in before:
            for layer, uv in zip(mesh.uv_layers, uvs, strict=True):
                layer.data.foreach_set("uv", uv.ravel())
            mesh.uv_layers[active].active, mesh.uv_layers[shown].active_render = True, True


def _chosen(tree: bpy.types.NodeTree) -> tuple[Way, list[str]]:
    """How the base colour lies, or what comes first where no picture is behind that; the inputs that lie otherwise."""
    nodes = [node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"]
    inputs = {s.name: _ways(s) for node in nodes for s in node.inputs if s.is_linked}
    first = [*inputs.get("Base Color", ()), *(way for ways in inputs.values() for way in ways)]
    chosen = next((way for way in first if way), _STILL)
    return chosen, [name for name, ways in inputs.items() if any(way != chosen for way in ways)]


def _ways(socket: bpy.types.NodeSocket) -> list[Way | None]:
    """Of each picture behind an input, each once."""
    found: dict[Way | None, None] = {}
    for link in socket.links:
        node = link.from_node
        if node.type == "TEX_IMAGE":
            found[_way(node)] = None
        else:
            found.update(dict.fromkeys(way for each in node.inputs for way in _ways(each)))
    return list(found)


def _way(picture: bpy.types.ShaderNode) -> Way | None:
    """None where it lies on no map, or is moved by more than numbers."""
    change, socket = Matrix(), picture.inputs["Vector"]
    name = "" if picture.projection == "FLAT" else None
    while name is not None and socket.is_linked:
        source = socket.links[0].from_socket
        node = source.node
        if node.type == "UVMAP":
            name = node.uv_map
            break
        if node.type == "TEX_COORD" and source.name == "UV":
            break
        if node.type not in ("MAPPING", "REROUTE") or not node.inputs[0].is_linked:
            return None
        if node.type == "MAPPING":
            step = _step(node)
            if step is None:
                return None
            change @= step
        socket = node.inputs[0]
    rows = [round(float(change[row][column]), 6) for row in (0, 1) for column in (0, 1, 3)]
    return None if name is None else (name, tuple(rows))


def _step(node: bpy.types.ShaderNode) -> Matrix | None:
    inputs = {socket.name: socket for socket in node.inputs}
    place, turn, size = (inputs.get(name) for name in ("Location", "Rotation", "Scale"))
    if not turn or not size or node.vector_type == "NORMAL":
        return None
    if any(socket.is_linked for socket in (turn, size, *([place] if place else []))):
        return None
    change = turn.default_value.to_matrix().to_4x4() @ Matrix.Diagonal((*size.default_value, 1))
    if place and node.vector_type != "VECTOR":
        change = Matrix.Translation(place.default_value) @ change
    if node.vector_type != "TEXTURE":
        return change
    return change.inverted() if change.determinant() else None


def _put(mesh: bpy.types.Mesh, ways: list[Way]) -> tuple[bpy.types.Mesh, list[Floats], int, int]:
    """The first map, which readers take, becomes that of the pictures, and the one that they lay on what the first was.
    `ways` are those of the materials. Returns what undoes it."""
    layers = mesh.uv_layers
    shown = next((index for index, layer in enumerate(layers) if layer.active_render), 0)
    before = mesh, [meshes.uv_of(mesh, layer.name) for layer in layers], layers.active_index, shown
    maps = [uv.copy() for uv in before[1]]
    slots = _slots(mesh)
    for slot, (name, numbers) in enumerate(ways):
        here, change = slots == slot, np.array(numbers).reshape(2, 3)
        its = layers.find(name) if name in layers else shown
        maps[its][here] = before[1][0][here]
        maps[0][here] = before[1][its][here] @ change[:, :2].T + change[:, 2]
    for layer, uv in zip(layers, maps, strict=True):
        layer.data.foreach_set("uv", np.ascontiguousarray(uv, np.float32).ravel())
    layers[0].active = layers[0].active_render = True
    return before


def _slots(mesh: bpy.types.Mesh) -> Ints:
    """The material's place of each corner's face, within those that the mesh has."""
    slots, totals = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    mesh.polygons.foreach_get("loop_total", totals)
    return np.repeat(slots.clip(0, max(len(mesh.materials) - 1, 0)), totals)


def _called(mesh: bpy.types.Mesh) -> None:
    """In USD the map that is shown is called st; Blender's exporter forgets that where a picture is moved on it."""
    shown = next((layer.name for layer in mesh.uv_layers if layer.active_render), None)
    for material in mesh.materials:
        for node in material.node_tree.nodes if material and material.node_tree else ():
            if node.type == "UVMAP" and node.uv_map in (shown, ""):
                node.uv_map = "st"
