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
from ..material import shading
from ..material.nodes import maths, node, shaders, vector
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
    share = maths(tree, "DIVIDE", grey.outputs[0], _unshadowed(tree, lamps, around))
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position, ramp.color_ramp.elements[1].position = _SHADOW
    ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = (0.7, 0.7, 0.7, 1), (0, 0, 0, 1)
    tree.links.new(share, ramp.inputs["Fac"])
    dark = node(tree, "Emission", Color=(0, 0, 0, 1))
    near = _radial(tree, _EDGE, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.3, 0.7)  # farther off it is dark without a shadow
    share = maths(tree, "MULTIPLY", ramp.outputs["Color"], near)
    return plain.outputs[0], shaders(tree, node(tree, "BsdfTransparent").outputs[0], dark.outputs[0], share)


def _unshadowed(tree: bpy.types.NodeTree, lamps: Iterable[bpy.types.Object], around: float) -> bpy.types.NodeSocket:
    """The radiance of a white floor on which no shadow falls: of discs that look at the rig's origin, and suns."""
    total: Any = max(around, 1e-4)
    for lamp in lamps:
        data, place = lamp.data, lamp.location
        power = data.energy * tone.luma(tuple(data.color))
        if data.type == "SUN":
            down = lamp.rotation_euler.to_matrix().col[2][2]
            total = maths(tree, "ADD", total, power * max(down, 0.0) / math.pi)
            continue
        here = tree.nodes.new("ShaderNodeTexCoord")
        here.object = lamp.parent
        way = vector(tree, "SUBTRACT", tuple(place), here.outputs["Object"])
        high = node(tree, "SeparateXYZ", Vector=way).outputs["Z"]
        square = vector(tree, "DOT_PRODUCT", way, way)
        facing = vector(tree, "DOT_PRODUCT", way, tuple(place.normalized()))
        # E = P cos cos / (pi r^2); with its radius a disc near by is no point
        wide = maths(tree, "ADD", square, (data.size / 2) ** 2)
        both = maths(tree, "MULTIPLY", maths(tree, "MAXIMUM", high, 0.0), maths(tree, "MAXIMUM", facing, 0.0))
        lit = maths(tree, "DIVIDE", both, maths(tree, "MULTIPLY", square, wide))
        total = maths(tree, "MULTIPLY_ADD", lit, power / math.pi**2, total)
    return maths(tree, "ADD", total, 0.0)


def _both(tree: bpy.types.NodeTree, matte: Any, glow: Any, strength: float) -> Sockets:
    """Matte and glowing at once. Most pixels are floor: a Principled one costs more."""
    shader = node(tree, "BsdfDiffuse", Color=matte, Roughness=0.0)
    light = node(tree, "Emission", Color=glow, Strength=strength)
    both = shaders(tree, shader.outputs[0], light.outputs[0])
    return both, both


def _radial(
    tree: bpy.types.NodeTree, radius: float, inside: Color, outside: Color, first: float, last: float
) -> bpy.types.NodeSocket:
    """Colours over the distance from the object's axis in units, from `first` to `last` of a radius; linear."""
    length = vector(tree, "LENGTH", node(tree, "TexCoord").outputs["Object"])
    ramp = node(tree, "ValToRGB", Fac=maths(tree, "DIVIDE", length, radius))
    ramp.color_ramp.interpolation = "EASE"
    low, high = ramp.color_ramp.elements
    low.position, high.position = first, last
    low.color, high.color = (*inside, 1), (*outside, 1)
    return ramp.outputs["Color"]


def material(name: str, role: str) -> tuple[bpy.types.Material, bpy.types.NodeTree]:
    """With an empty tree."""
    made, tree = shading.new_material(name)
    made[ROLE] = role
    made.cycles.emission_sampling = "NONE"  # far, dim and everywhere: chance finds it, and frames are faster
    return made, tree


def finish(tree: bpy.types.NodeTree, sockets: Sockets) -> None:
    """Wire both engines' surfaces to outputs; one for both where they are the same."""
    for target, socket in zip(("CYCLES", "EEVEE"), sockets, strict=True):
        output = tree.nodes.new("ShaderNodeOutputMaterial")
        output.target = "ALL" if sockets[0] == sockets[1] else target
        tree.links.new(socket, output.inputs["Surface"])
        if sockets[0] == sockets[1]:
            return
