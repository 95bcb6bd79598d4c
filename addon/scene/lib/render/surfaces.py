# SPDX-License-Identifier: GPL-3.0-or-later
"""What a floor looks like: a cove with a backdrop's tone, ground under a sky, or nothing but the shadow on it.

A surface is a pair of shader sockets, for Cycles and for EEVEE, so that a look can be mixed with it (`looks.py`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import bpy

from ...work import ROLE
from . import tone

Color = tuple[float, float, float]
Sockets = tuple[bpy.types.NodeSocket, bpy.types.NodeSocket]
FLOOR = "galatea_floor"
"""Custom property of floors that shaders read: 1 where a look must leave the floor as it is."""
HORIZON = 300.0
_SHADOW = (0.2, 0.82)
"""Shares of the light that reach a floor in full shadow, and in none."""
_EDGE, _HAZE = 1.7, 14.0
"""Units from the axis to a cove's wall, and to where a ground is haze."""


def node(tree: bpy.types.NodeTree, kind: str, **inputs: Any) -> Any:
    """A new node with some of its inputs set by name: a value, or a socket to link."""
    made = tree.nodes.new(f"ShaderNode{kind}")
    feed(tree, ((made.inputs[name.replace("_", " ")], value) for name, value in inputs.items()))
    return made


def math_node(tree: bpy.types.NodeTree, operation: str, *values: Any) -> bpy.types.NodeSocket:
    made = tree.nodes.new("ShaderNodeMath")
    made.operation = operation
    feed(tree, zip(made.inputs, values, strict=False))
    return made.outputs[0]


def feed(tree: bpy.types.NodeTree, given: Iterable[tuple[bpy.types.NodeSocket, Any]]) -> None:
    """Each socket gets its value, or a link from it where that is a socket too."""
    for socket, value in given:
        if isinstance(value, bpy.types.NodeSocket):
            tree.links.new(value, socket)
        else:
            socket.default_value = value


def cove(tree: bpy.types.NodeTree, color: Color, glow: float, *, even: bool) -> Sockets:
    """Matte. Lamps do not reach the wall evenly; it glows a little instead, so that the backdrop has its tone.

    `even` is a wall as bright as the floor, of which no edge is seen.
    """
    if even:
        return _both(tree, (*tone.linear(color), 1), (*tone.linear(color), 1), glow)
    far = (0.86 * color[0], 0.86 * color[1], 0.86 * color[2])
    ramp = _radial(tree, _EDGE, (0.0, 0.0, 0.0), tone.linear(far), 0.12, 0.95)
    return _both(tree, (*tone.linear(color), 1), ramp, glow)


def ground(tree: bpy.types.NodeTree, color: Color, haze: Color) -> Sockets:
    """Plain ground that fades into the air's colour; both sRGB."""
    matte = _radial(tree, _HAZE, tone.linear(color), (0.0, 0.0, 0.0), 0.05, 0.9)
    return _both(tree, matte, _radial(tree, _HAZE, (0.0, 0.0, 0.0), tone.linear(haze), 0.05, 0.9), 1.0)


def catcher(tree: bpy.types.NodeTree, lamps: Iterable[bpy.types.Object], around: float) -> Sockets:
    """Nothing but shadow: Cycles is told by the object; EEVEE turns the light that is missing into black.

    `lamps` hang on one rig that turns about Z alone; `around` is the world's mean radiance.
    """
    plain = node(tree, "BsdfDiffuse", Color=(1, 1, 1, 1))
    seen = node(tree, "ShaderToRGB", Shader=plain.outputs[0])
    grey = node(tree, "RGBToBW", Color=seen.outputs["Color"])
    share = math_node(tree, "DIVIDE", grey.outputs[0], _unshadowed(tree, lamps, around))
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = _SHADOW
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (0.7, 0.7, 0.7, 1), (0, 0, 0, 1)
    tree.links.new(share, ramp.inputs["Fac"])
    dark = node(tree, "Emission", Color=(0, 0, 0, 1))
    near = _radial(tree, _EDGE, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.3, 0.7)  # farther off it is dark without a shadow
    mixed = node(tree, "MixShader", Fac=math_node(tree, "MULTIPLY", ramp.outputs["Color"], near))
    tree.links.new(node(tree, "BsdfTransparent").outputs[0], mixed.inputs[1])
    tree.links.new(dark.outputs[0], mixed.inputs[2])
    return plain.outputs[0], mixed.outputs[0]


def _unshadowed(tree: bpy.types.NodeTree, lamps: Iterable[bpy.types.Object], around: float) -> bpy.types.NodeSocket:
    """The radiance of a white floor on which no shadow falls: of discs that look at the rig's origin, and suns."""
    total: Any = max(around, 1e-4)
    for lamp in lamps:
        data, place = lamp.data, lamp.location
        power = data.energy * tone.luma(tuple(data.color))
        if data.type == "SUN":
            down = lamp.rotation_euler.to_matrix().col[2][2]
            total = math_node(tree, "ADD", total, power * max(down, 0.0) / math.pi)
            continue
        here = tree.nodes.new("ShaderNodeTexCoord")
        here.object = lamp.parent
        way = _vector(tree, "SUBTRACT", tuple(place), here.outputs["Object"])
        high = node(tree, "SeparateXYZ", Vector=way.outputs[0]).outputs["Z"]
        square = _vector(tree, "DOT_PRODUCT", way.outputs[0], way.outputs[0]).outputs["Value"]
        facing = _vector(tree, "DOT_PRODUCT", way.outputs[0], tuple(place.normalized())).outputs["Value"]
        # E = P cos cos / (pi r^2); with its radius a disc near by is no point
        wide = math_node(tree, "ADD", square, (data.size / 2) ** 2)
        both = math_node(
            tree, "MULTIPLY", math_node(tree, "MAXIMUM", high, 0.0), math_node(tree, "MAXIMUM", facing, 0.0)
        )
        lit = math_node(tree, "DIVIDE", both, math_node(tree, "MULTIPLY", square, wide))
        total = math_node(tree, "MULTIPLY_ADD", lit, power / math.pi**2, total)
    return math_node(tree, "ADD", total, 0.0)


def _vector(tree: bpy.types.NodeTree, operation: str, *values: Any) -> Any:
    made = tree.nodes.new("ShaderNodeVectorMath")
    made.operation = operation
    feed(tree, zip(made.inputs, values, strict=False))
    return made


def _both(tree: bpy.types.NodeTree, matte: Any, glow: Any, strength: float) -> Sockets:
    """Matte and glowing at once. Most pixels are floor: a Principled one costs more."""
    shader = node(tree, "BsdfDiffuse", Color=matte, Roughness=0.0)
    light = node(tree, "Emission", Color=glow, Strength=strength)
    both = tree.nodes.new("ShaderNodeAddShader")
    tree.links.new(shader.outputs[0], both.inputs[0])
    tree.links.new(light.outputs[0], both.inputs[1])
    return both.outputs[0], both.outputs[0]


def _radial(
    tree: bpy.types.NodeTree, radius: float, inside: Color, outside: Color, first: float, last: float
) -> bpy.types.NodeSocket:
    """Colours over the distance from the object's axis in units, from `first` to `last` of a radius; linear."""
    place = node(tree, "TexCoord")
    length = tree.nodes.new("ShaderNodeVectorMath")
    length.operation = "LENGTH"
    tree.links.new(place.outputs["Object"], length.inputs[0])
    ramp = node(tree, "ValToRGB", Fac=math_node(tree, "DIVIDE", length.outputs["Value"], radius))
    ramp.color_ramp.interpolation = "EASE"
    low, high = ramp.color_ramp.elements
    low.position, high.position = first, last
    low.color, high.color = (*inside, 1), (*outside, 1)
    return ramp.outputs["Color"]


def material(name: str, role: str) -> tuple[bpy.types.Material, bpy.types.NodeTree]:
    """With an empty tree."""
    made = bpy.data.materials.new(name)
    if not made.node_tree:
        made.use_nodes = True
    made[ROLE] = role
    made.cycles.emission_sampling = "NONE"  # far, dim and everywhere: chance finds it, and frames are faster
    made.node_tree.nodes.clear()
    return made, made.node_tree


def finish(tree: bpy.types.NodeTree, sockets: Sockets) -> None:
    """Wire both engines' surfaces to outputs; one for both where they are the same."""
    for target, socket in zip(("CYCLES", "EEVEE"), sockets, strict=True):
        output = tree.nodes.new("ShaderNodeOutputMaterial")
        output.target = "ALL" if sockets[0] == sockets[1] else target
        tree.links.new(socket, output.inputs["Surface"])
        if sockets[0] == sockets[1]:
            return
