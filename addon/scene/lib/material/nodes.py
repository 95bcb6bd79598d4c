# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures of a shader as sockets of 0 to 1. Coordinates are sockets in metres, scales are cells a metre."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import bpy

Socket: TypeAlias = bpy.types.NodeSocket


def node(tree: bpy.types.NodeTree, kind: str, **inputs: Any) -> Any:
    """A new node with some of its inputs set by name: a value, or a socket to link."""
    made = tree.nodes.new(f"ShaderNode{kind}")
    _feed(tree, ((made.inputs[name.replace("_", " ")], value) for name, value in inputs.items()))
    return made


def maths(tree: bpy.types.NodeTree, operation: str, *values: Any) -> Socket:
    made = tree.nodes.new("ShaderNodeMath")
    made.operation = operation
    _feed(tree, zip(made.inputs, values, strict=False))
    return made.outputs[0]


def vector(tree: bpy.types.NodeTree, operation: str, *values: Any) -> Socket:
    """Of a vector with another, or with three numbers."""
    made = tree.nodes.new("ShaderNodeVectorMath")
    made.operation = operation
    _feed(tree, zip(made.inputs, values, strict=False))
    return made.outputs["Value" if operation in ("DOT_PRODUCT", "LENGTH") else "Vector"]


def shaders(tree: bpy.types.NodeTree, first: Socket, second: Socket, share: Any = None) -> Socket:
    """One and the other at once; with a share, less of the first the more there is of the second."""
    made = tree.nodes.new("ShaderNodeAddShader" if share is None else "ShaderNodeMixShader")
    _feed(tree, zip(made.inputs, (first, second) if share is None else (share, first, second), strict=True))
    return made.outputs[0]


def _feed(tree: bpy.types.NodeTree, given: Iterable[tuple[Socket, Any]]) -> None:
    """Each socket gets its value, or a link from it where that is a socket too."""
    for socket, value in given:
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, socket)
        else:
            socket.default_value = value


def noise(
    tree: bpy.types.NodeTree, at: Socket, scale: float, detail: float = 2.0, rough: float = 0.5, bent: float = 0.0
) -> Socket:
    """Clouds about 0.5."""
    return node(tree, "TexNoise", Vector=at, Scale=scale, Detail=detail, Roughness=rough, Distortion=bent).outputs[0]


def grain(tree: bpy.types.NodeTree, at: Socket, scales: tuple[float, float, float], detail: float = 2.0) -> Socket:
    """Clouds stretched along the axes."""
    return noise(tree, vector(tree, "MULTIPLY", at, scales), 1.0, detail)


def cells(tree: bpy.types.NodeTree, at: Socket, scale: float, feature: str = "F1") -> bpy.types.ShaderNode:
    """Voronoi cells: outputs Distance and, but for DISTANCE_TO_EDGE, Color, one a cell."""
    made = node(tree, "TexVoronoi", Vector=at, Scale=scale)
    made.feature = feature
    return made


def step(tree: bpy.types.NodeTree, value: Socket, low: float, high: float) -> Socket:
    """0 below `low`, 1 above `high`, smooth between; `low` above `high` turns it round."""
    made = node(tree, "MapRange", Value=value)
    made.interpolation_type = "SMOOTHSTEP"
    turned = low > high
    made.inputs["From Min"].default_value, made.inputs["From Max"].default_value = min(low, high), max(low, high)
    made.inputs["To Min"].default_value, made.inputs["To Max"].default_value = float(turned), float(not turned)
    return made.outputs[0]


def between(tree: bpy.types.NodeTree, value: Socket, low: float, high: float) -> Socket:
    """0 to 1 as `low` to `high`."""
    return maths(tree, "MULTIPLY_ADD", value, high - low, low)


def mixed(tree: bpy.types.NodeTree, share: Any, first: Any, second: Any, blend: str = "MIX") -> Socket:
    """Colours, sockets or four numbers, that may be brighter than 1."""
    made = tree.nodes.new("ShaderNodeMix")
    made.data_type, made.blend_type, made.clamp_factor = "RGBA", blend, False
    slots = [next(s for s in made.inputs if s.type == "VALUE"), *(s for s in made.inputs if s.type == "RGBA")]
    _feed(tree, zip(slots, (share, first, second), strict=True))
    return next(socket for socket in made.outputs if socket.type == "RGBA")


def parts(tree: bpy.types.NodeTree, at: Socket) -> tuple[Socket, Socket, Socket]:
    """X, Y and Z."""
    split = node(tree, "SeparateXYZ", Vector=at).outputs
    return split[0], split[1], split[2]


def joined(tree: bpy.types.NodeTree, x: Any, y: Any, z: Any = 0.0) -> Socket:
    return node(tree, "CombineXYZ", X=x, Y=y, Z=z).outputs[0]
