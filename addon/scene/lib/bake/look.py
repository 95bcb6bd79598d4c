# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source's own materials say of its colour, roughness and metal, whatever nodes they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np

from ..material import shading
from ..mesh.meshes import Floats
from .baking import Baker
from .reach import Surface, Texels

BASE, ALPHA, ROUGHNESS, METALLIC, NORMAL = "Base Color", "Alpha", "Roughness", "Metallic", "Normal"
_PLAIN: dict[str, Any] = {BASE: (0.6, 0.6, 0.6, 1.0), ALPHA: 1.0, ROUGHNESS: 0.6, METALLIC: 0.0}


def shader_of(tree: bpy.types.NodeTree | None) -> bpy.types.ShaderNode | None:
    """The Principled node that makes the surface; None where there is none."""
    output = tree.get_output_node("CYCLES") if tree else None
    links = output.inputs["Surface"].links if output else ()
    if links and links[0].from_node.type == "BSDF_PRINCIPLED":
        return links[0].from_node
    return next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None) if tree else None


def given(own: list[bpy.types.Material | None]) -> bool:
    """Whether any of the materials is one that this can read."""
    return any(material and shader_of(material.node_tree) for material in own)


def linked(own: list[bpy.types.Material | None], name: str) -> bool:
    shaders = [shader_of(material.node_tree) for material in own if material]
    return any(shader and shader.inputs[name].is_linked for shader in shaders)


def constants(own: list[bpy.types.Material | None], name: str) -> Floats:
    """The value (M, 1) or colour (M, 4) of the socket in each material, in linear light."""
    shaders = [shader_of(material.node_tree) if material else None for material in own]
    values = [shader.inputs[name].default_value if shader else _PLAIN[name] for shader in shaders]
    return np.array([np.atleast_1d(np.array(value, np.float32)) for value in values], np.float32)


def channel(baker: Baker, source: Surface, found: Texels, tile: int, name: str) -> Floats:
    """What the socket says at each texel, (N, 1) or (N, 4), in linear light: baked where nodes feed it."""
    if not linked(baker.own, name):
        slots = np.empty(len(source.mesh.polygons), np.int32)
        source.mesh.polygons.foreach_get("material_index", slots)
        values = constants(baker.own, name)
        out: Floats = values[slots[source.polygon[found.there_face]].clip(0, len(values) - 1)]
        return out
    glow = baker.passes("EMIT", tile, found.size, samples=4, dress=lambda own: _glow(own, name))
    pixels = picked(glow, found)
    return pixels if name == BASE else np.ascontiguousarray(pixels[:, :1])


def picked(passes: Iterator[tuple[tuple[int, int], Floats]], found: Texels) -> Floats:
    """The texels (N, 4) out of what was baked in parts."""
    out = np.zeros((len(found.at), 4), np.float32)
    y, x = np.divmod(found.at, found.size)
    for (row, column), pixels in passes:
        here = (y >= row) & (y < row + pixels.shape[0]) & (x >= column) & (x < column + pixels.shape[1])
        out[here] = pixels[y[here] - row, x[here] - column]
    return out


def _glow(own: bpy.types.Material | None, name: str) -> bpy.types.Material:
    """A copy of the material that shines in what feeds the socket, so that no lamp and no shadow is baked in."""
    if own and shader_of(own.node_tree):
        material = own.copy()
        tree = material.node_tree
        shader = shader_of(tree)
        socket = shader.inputs[name] if shader else None
        output = tree.get_output_node("CYCLES") or tree.nodes.new("ShaderNodeOutputMaterial")
    else:
        material, tree = shading.new_material("galatea bake source")
        socket, output = None, tree.nodes.new("ShaderNodeOutputMaterial")
    glow = tree.nodes.new("ShaderNodeEmission")
    if socket and socket.is_linked:
        tree.links.new(socket.links[0].from_socket, glow.inputs["Color"])
    else:
        value = np.atleast_1d(socket.default_value if socket else _PLAIN[name])
        glow.inputs["Color"].default_value = value if len(value) == 4 else (*np.repeat(value, 3), 1)
    tree.links.new(glow.outputs["Emission"], output.inputs["Surface"])
    return material
