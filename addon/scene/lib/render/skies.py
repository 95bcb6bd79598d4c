# SPDX-License-Identifier: GPL-3.0-or-later
"""What is all around: even light, the sky at an hour, a panorama of the user's; and a photo behind it all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from .....backend.geometry import formats
from .....backend.protocol.errors import UserError
from ...work import ROLE
from ..material.nodes import node, parts, shaders
from . import pictures, tone
from .surfaces import Color

TURN = "Turn"
"""Name of the world's node that turns it about the vertical."""
_NOON = 55.0
"""Degrees: how high the sun is at noon, as in spring at the middle of Europe."""
_BRIGHT = 0.42
"""A panorama is made so bright on average, whatever its own unit."""
_MOON = 25.0
"""Degrees: how high the moon is, at all hours of the night."""


@dataclass(frozen=True)
class Hour:
    """Angles in radians, azimuth 0 the front. Colours are sRGB; `sky` and `lamp` are strengths."""

    elevation: float
    azimuth: float
    day: bool
    haze: Color
    zenith: Color
    light: Color
    lamp: float
    sky: float


_TIMES = (  # sun's height in degrees; air at the horizon, above, sunlight; lamp, sky
    (-8.0, (0.06, 0.08, 0.15), (0.015, 0.02, 0.06), (0.62, 0.74, 1.0), 1.7, 0.30),
    (-3.0, (0.50, 0.36, 0.38), (0.10, 0.13, 0.27), (0.85, 0.72, 0.78), 1.4, 0.80),
    (2.0, (0.95, 0.64, 0.42), (0.30, 0.38, 0.58), (1.0, 0.62, 0.34), 2.8, 0.50),
    (12.0, (0.93, 0.80, 0.66), (0.36, 0.52, 0.78), (1.0, 0.80, 0.60), 2.8, 0.17),
    (42.0, (0.80, 0.86, 0.92), (0.36, 0.58, 0.86), (1.0, 0.93, 0.83), 2.8, 0.115),
)


def at(hour: float) -> Hour:
    """The sky at an hour of the day, 0 to 24: the sun rises at 6 on the left, and goes down at 18 on the right."""
    high = _NOON * math.sin(math.pi * (hour - 6) / 12)
    heights = [time[0] for time in _TIMES]
    columns = [np.array([np.atleast_1d(time[i]) for time in _TIMES], float) for i in range(1, 6)]
    haze, zenith, light, lamp, sky = (
        tuple(float(np.interp(high, heights, column)) for column in table.T) for table in columns
    )
    day = high > -3.0
    azimuth = math.radians(20 * (hour - 12)) if day else math.radians(140)
    height = max(high, 3.0) if day else _MOON
    return Hour(math.radians(height), azimuth, day, haze, zenith, light, lamp[0], sky[0])  # type: ignore[arg-type]


def plain(color: Color, strength: float) -> bpy.types.World:
    """Even light from everywhere, what a white room gives."""
    world, shader, _ = _new()
    shader.inputs["Color"].default_value = (*tone.linear(color), 1)
    shader.inputs["Strength"].default_value = strength
    return world


def sky(hour: Hour) -> bpy.types.World:
    """A sky without its disc, which a lamp replaces: half a degree of sun is what makes fireflies.

    To the camera it is haze that turns blue; a physical horizon is far too bright beside a lit body.
    """
    world, shader, turn = _new()
    tree = world.node_tree
    # The map that Cycles makes of the sky by itself takes seconds; without a sun in it a coarse one does.
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", 256
    if hour.day:
        tree.links.new(_physical(tree, hour, turn).outputs["Color"], shader.inputs["Color"])
        shader.inputs["Strength"].default_value = hour.sky
    else:
        shader.inputs["Color"].default_value = (0.30, 0.40, 0.70, 1)
        shader.inputs["Strength"].default_value = hour.sky
    _, _, up = parts(tree, node(tree, "TexCoord").outputs["Generated"])
    ramp = node(tree, "ValToRGB", Fac=up)
    low, top = ramp.color_ramp.elements
    low.color, top.color, top.position = (*tone.linear(hour.haze), 1), (*tone.linear(hour.zenith), 1), 0.5
    _show(tree, shader, ramp.outputs["Color"])
    return world


def _physical(tree: bpy.types.NodeTree, hour: Hour, turn: Any) -> Any:
    """Blender 5.0 gave the physical sky other names."""
    made = tree.nodes.new("ShaderNodeTexSky")
    known = {item.identifier for item in made.bl_rna.properties["sky_type"].enum_items}
    made.sky_type = next(kind for kind in ("MULTIPLE_SCATTERING", "NISHITA", "HOSEK_WILKIE") if kind in known)
    tree.links.new(turn.outputs[0], made.inputs[0])
    toward = direction(0.76 * hour.elevation, hour.azimuth)
    if made.sky_type == "HOSEK_WILKIE":
        made.sun_direction = toward
    else:
        made.sun_disc = False
        made.sun_elevation = 0.76 * hour.elevation
        made.sun_rotation = math.atan2(toward.x, toward.y)
    return made


def panorama(path: Path) -> bpy.types.World:
    """A picture of all directions, as bright as all others on average; raises `UserError` on what is none."""
    image = _opened(path)
    world, shader, turn = _new()
    tree = world.node_tree
    light = float(_mean(image) @ [0.2126, 0.7152, 0.0722])
    made = tree.nodes.new("ShaderNodeTexEnvironment")
    made.image = image
    tree.links.new(turn.outputs[0], made.inputs["Vector"])
    tree.links.new(made.outputs["Color"], shader.inputs["Color"])
    shader.inputs["Strength"].default_value = min(max(_BRIGHT / max(light, 1e-6), 1e-3), 1e3)
    return world


def radiance(world: bpy.types.World) -> float:
    """How bright the world is on average; of a sky about what a panorama is made."""
    lit = next(each for each in world.node_tree.nodes if each.type == "BACKGROUND")
    if lit.inputs["Color"].is_linked:
        return _BRIGHT
    return float(lit.inputs["Strength"].default_value) * tone.luma(tuple(lit.inputs["Color"].default_value))


def photo(world: bpy.types.World, path: Path) -> bpy.types.Image:
    """Show a picture behind everything, filling the frame; what lights the scene stays. Returns the picture."""
    image = _opened(path)
    tree = world.node_tree
    made = tree.nodes.new("ShaderNodeTexImage")
    made.image, made.extension = image, "EXTEND"
    tree.links.new(node(tree, "TexCoord").outputs["Window"], made.inputs["Vector"])
    lit = next(each for each in tree.nodes if each.type == "BACKGROUND")
    _show(tree, lit, made.outputs["Color"])
    return image


def turned(world: bpy.types.World) -> Any:
    """The socket with the angles by which the world is turned; None where it looks the same from all sides."""
    found = world.node_tree.nodes.get(TURN) if world.node_tree else None
    return found.inputs["Rotation"] if found and found.outputs[0].links else None


def direction(elevation: float, azimuth: float) -> Vector:
    """Unit vector towards a light; azimuth 0 is the front, -Y, a quarter turn is +X."""
    flat = math.cos(elevation)
    return Vector((flat * math.sin(azimuth), -flat * math.cos(azimuth), math.sin(elevation)))


def _show(tree: bpy.types.NodeTree, lighting: Any, seen: bpy.types.NodeSocket) -> None:
    """To the camera the world has the colour `seen`."""
    shown = node(tree, "Background", Color=seen, Strength=1.0)
    seen_by = node(tree, "LightPath").outputs["Is Camera Ray"]
    mix = shaders(tree, lighting.outputs["Background"], shown.outputs["Background"], seen_by)
    output = next(each for each in tree.nodes if each.type == "OUTPUT_WORLD")
    tree.links.new(mix, output.inputs["Surface"])


def _new() -> tuple[bpy.types.World, Any, Any]:
    """The scene's new world, its background and the node that turns it."""
    world = bpy.data.worlds.new("World")
    if not world.node_tree:
        world.use_nodes = True
    world[ROLE] = "world"
    bpy.context.scene.world = world
    tree = world.node_tree
    tree.nodes.clear()
    shader, output = tree.nodes.new("ShaderNodeBackground"), tree.nodes.new("ShaderNodeOutputWorld")
    tree.links.new(shader.outputs["Background"], output.inputs["Surface"])
    turn = node(tree, "Mapping", Vector=node(tree, "TexCoord").outputs["Generated"])
    turn.name = TURN
    return world, shader, turn


def _opened(path: Path) -> bpy.types.Image:
    """A picture of the user's, packed: the scene must not depend on where it lies."""
    try:
        image = bpy.data.images.load(str(path))
        whole = min(image.size) > 0
    except RuntimeError:
        whole = False
    if not whole:
        raise UserError(f"Cannot read the picture {path.name}. Choose an HDR, EXR, PNG or JPEG.")
    image[ROLE] = "backdrop"
    image.pack()
    return image


def _mean(image: bpy.types.Image) -> Any:
    """(3,) of a small copy, linear; the poles of a panorama count for what they are."""
    rgb = pictures.thumbnail(image, 64, 32)[..., :3].astype(float)
    rgb = rgb if image.is_float else formats.linear(rgb)
    weight = np.sin(np.pi * (np.arange(32) + 0.5) / 32)
    return np.nan_to_num(np.average(rgb.mean(axis=1), axis=0, weights=weight), posinf=1e6)
