# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender material of a substance: a Principled shader whose pattern is computed, in metres, from no picture.

What it is tinted with is the last multiplication before the shader, so that exporters, which know no patterns, write
its colour; roughness and metal likewise.
"""

from __future__ import annotations

import json
import random

import bpy

from .....backend.protocol import materials
from .....backend.protocol.errors import UserError, nearest
from .....backend.protocol.materials import Color, Surface
from ..render.tone import linear
from . import carved, shading, woven
from .nodes import Socket, maths, mixed, node, noise, parts, shaders, step, vector
from .patterns import PATTERNS, Pattern, Place
from .said import Said, heard

KEY = "galatea_substance"
"""Custom property of a material: what it was asked for as, so that the next who asks shares it."""
_DARKEST = 0.004
"""Of a colour in light, so that what is black can have a pattern that is not."""
_MODULES = (carved, woven)
"""They fill PATTERNS."""


def material(
    name: str, *, color: Color | None = None, look: str = "", seed: int = 0, size: float = 1.0
) -> bpy.types.Material:
    """Of a substance of the table by any of its words; raises `UserError` for others.

    `color` is sRGB, `look` the words that were said of it; stripes, dots and checks fit an object whose longest side is
    `size` metres. Asked twice it is the same one.
    """
    row = materials.substance(name)
    said = heard(look, row.surface, color)
    size = float(f"{size:.2g}") if said.motif else 1.0
    key = json.dumps(
        [row.name, color and [round(c, 4) for c in color], " ".join(sorted(look.lower().split())), seed, size]
    )
    found = next((each for each in bpy.data.materials if each.get(KEY) == key), None)
    if found:
        return found
    made, tree = shading.new_material(row.name)
    made[KEY] = key
    (_gas if said.surface.pattern == "gas" else _solid)(tree, said, seed, size)
    _drawn_simply(made, said.surface)
    return made


def _drawn_simply(made: bpy.types.Material, surface: Surface) -> None:
    """For Workbench and the viewport, and what EEVEE must know."""
    clear = max(surface.transmission, 0.75 if surface.pattern == "gas" else 0.0)
    glow = surface.accent if surface.pattern == "lava" and surface.accent else surface.color
    made.diffuse_color = (*linear(glow), 1.0 - 0.65 * clear)
    made.roughness, made.metallic = surface.roughness, surface.metallic
    if clear:
        for name, value in (("surface_render_method", "BLENDED" if surface.pattern == "gas" else "DITHERED"),
                            ("use_raytrace_refraction", surface.transmission > 0)):  # fmt: skip
            if hasattr(made, name):
                setattr(made, name, value)


def _place(tree: bpy.types.NodeTree, seed: int) -> Place:
    chance = random.Random(seed)
    moved = tuple(chance.uniform(-50.0, 50.0) if seed else 0.0 for _ in range(3))
    seen = node(tree, "TexCoord").outputs
    block, sheet = (vector(tree, "ADD", seen[kind], moved) for kind in ("Object", "UV"))
    return Place(tree, block, sheet)


def _solid(tree: bpy.types.NodeTree, said: Said, seed: int, size: float) -> None:
    surface, shader = said.surface, shading.principled(tree)
    if surface.pattern not in PATTERNS:
        there = nearest(surface.pattern, PATTERNS)
        raise UserError(f"{materials.PATH}: there is no pattern {surface.pattern!r}. {there}", kind="usage")
    at = _place(tree, seed)
    seen = PATTERNS[surface.pattern](at)
    _set(shader, surface)
    tint = _tint(tree, surface, seen)
    tint = _motif(tree, at, said, size, tint) if said.motif else tint
    rough: Socket | None = seen.rough
    if said.cover:
        tint, rough = _covered(tree, at, said, tint, rough, shader)
    own = (*linear(surface.color), 1.0)
    if tint is not None:
        tree.links.new(mixed(tree, 1.0, own, tint, "MULTIPLY"), shader.inputs["Base Color"])
    if rough is not None:
        tree.links.new(maths(tree, "MULTIPLY", surface.roughness, rough), shader.inputs["Roughness"])
    if seen.height is not None:
        bump = node(tree, "Bump", Height=seen.height, Distance=seen.depth, Strength=1.0)
        tree.links.new(bump.outputs[0], shader.inputs["Normal"])
    if seen.glow is not None:
        tree.links.new(maths(tree, "MULTIPLY", seen.glow, surface.emission), shader.inputs["Emission Strength"])
    if surface.pattern == "ice" and surface.transmission:
        clear = maths(tree, "SUBTRACT", surface.transmission, maths(tree, "MULTIPLY", seen.mix, 0.6))
        tree.links.new(clear, shader.inputs["Transmission Weight"])
    if surface.transmission > 0.3:
        _lets_light_through(tree, shader, own, surface.transmission)
        _seen_through(tree, shader, own, surface)


def _set(shader: bpy.types.ShaderNode, surface: Surface) -> None:
    color = (*linear(surface.color), 1.0)
    glow = (*linear(surface.accent), 1.0) if surface.pattern == "lava" and surface.accent else color
    flame = surface.pattern == "gas" and surface.emission > 0  # what lamps lay onto it would make it pale
    for name, value in {
        "Base Color": (0.0, 0.0, 0.0, 1.0) if flame else color,
        "Roughness": surface.roughness,
        "Metallic": surface.metallic,
        "IOR": surface.ior,
        "Transmission Weight": surface.transmission,
        "Sheen Weight": surface.sheen,
        "Sheen Roughness": 0.4,
        "Sheen Tint": (*(0.15 + 0.85 * c for c in linear(surface.color)), 1.0),
        "Coat Weight": surface.coat,
        "Coat Roughness": 0.05,
        "Subsurface Weight": surface.subsurface,
        "Subsurface Radius": (1.0, 0.6, 0.4),
        "Subsurface Scale": 0.008,
        "Emission Color": glow,
        "Emission Strength": surface.emission,
    }.items():
        shader.inputs[name].default_value = value


def _ratio(color: Color, base: Color) -> tuple[float, float, float, float]:
    """What `base` has to be multiplied with to be `color`, both sRGB."""
    red, green, blue = (a / max(b, _DARKEST) for a, b in zip(linear(color), linear(base), strict=True))
    return red, green, blue, 1.0


def _tint(tree: bpy.types.NodeTree, surface: Surface, seen: Pattern) -> Socket | None:
    """The pattern as a factor on the colour. Dyed, its second colour stays as much darker or paler as it was."""
    tint: Socket | None = None
    if surface.accent and seen.glow is None and isinstance(seen.mix, bpy.types.NodeSocket):
        tint = mixed(tree, seen.mix, (1.0, 1.0, 1.0, 1.0), _ratio(surface.accent, surface.color))
        tint = vector(tree, "MAXIMUM", tint, (0.02, 0.02, 0.02))
    if seen.shade is not None:
        tint = mixed(tree, 1.0, tint if tint is not None else (1.0, 1.0, 1.0, 1.0), seen.shade, "MULTIPLY")
    return tint


def _motif(tree: bpy.types.NodeTree, at: Place, said: Said, size: float, tint: Socket | None) -> Socket:
    """Stripes along the height, or along the cloth; dots and checks by the UV map."""
    u, v, _ = parts(tree, node(tree, "TexCoord").outputs["UV"])
    period = 0.19635 * size  # an eighth of the way round a ball
    if said.motif == "stripes":
        cloth = said.surface.pattern in ("weave", "satin", "twill", "fleece", "leather")
        height = parts(tree, node(tree, "TexCoord").outputs["Generated"])[2]
        along = maths(tree, "DIVIDE", v, period) if cloth else maths(tree, "MULTIPLY", height, 3.5)
        mask = maths(tree, "GREATER_THAN", maths(tree, "FLOORED_MODULO", along, 1.0), 0.5)
    else:
        a, b = (maths(tree, "DIVIDE", way, period) for way in (u, v))
        if said.motif == "dots":
            x, y = (maths(tree, "SUBTRACT", maths(tree, "FLOORED_MODULO", way, 1.0), 0.5) for way in (a, b))
            away = maths(tree, "SQRT", maths(tree, "MULTIPLY_ADD", x, x, maths(tree, "MULTIPLY", y, y)))
            mask = step(tree, away, 0.29, 0.27)
        else:
            count = maths(tree, "ADD", maths(tree, "FLOOR", a), maths(tree, "FLOOR", b))
            mask = maths(tree, "FLOORED_MODULO", count, 2.0)
    under = tint if tint is not None else (1.0, 1.0, 1.0, 1.0)
    return mixed(tree, mask, under, _ratio(said.second, said.surface.color))


def _covered(
    tree: bpy.types.NodeTree,
    at: Place,
    said: Said,
    tint: Socket | None,
    rough: Socket | None,
    shader: bpy.types.ShaderNode,
) -> tuple[Socket, Socket]:
    """Rust, dirt, moss, snow over it: tint and roughness, and no metal there."""
    assert said.cover is not None
    color, dull, fallen, share = said.cover
    surface = said.surface
    fine = maths(tree, "MULTIPLY_ADD", noise(tree, at.block, 45.0, 4.0), 0.5, -0.25)
    cloud = maths(tree, "ADD", noise(tree, at.block, 4.0, 5.0, 0.6), fine)
    if fallen:
        up = parts(tree, node(tree, "TexCoord").outputs["Normal"])[2]
        cloud = maths(tree, "MULTIPLY_ADD", up, 0.5, maths(tree, "MULTIPLY", cloud, 0.6))
    mask = step(tree, cloud, 0.72 - 0.45 * share, 0.88 - 0.45 * share)
    spots = maths(tree, "MULTIPLY_ADD", noise(tree, at.block, 120.0, 3.0), 0.9, 0.55)
    own = mixed(tree, 1.0, _ratio(color, surface.color), spots, "MULTIPLY")
    tint = mixed(tree, mask, tint if tint is not None else (1.0, 1.0, 1.0, 1.0), own)
    plain = rough if rough is not None else 1.0
    more = dull / max(surface.roughness, 0.02)
    rough = maths(tree, "MULTIPLY_ADD", mask, maths(tree, "SUBTRACT", more, plain), plain)
    bare = maths(tree, "SUBTRACT", 1.0, mask)
    for name, value in (("Metallic", surface.metallic), ("Coat Weight", surface.coat),
                        ("Transmission Weight", surface.transmission)):  # fmt: skip
        if value:
            tree.links.new(maths(tree, "MULTIPLY", value, bare), shader.inputs[name])
    return tint, rough


def _lets_light_through(
    tree: bpy.types.NodeTree, shader: bpy.types.ShaderNode, color: tuple[float, ...], clear: float
) -> None:
    """Coloured light instead of caustics, which cost thousands of samples: what is clear throws a faint shadow."""
    output = next(each for each in tree.nodes if each.type == "OUTPUT_MATERIAL")
    through = node(tree, "BsdfTransparent", Color=(*(0.15 + 0.8 * c for c in color[:3]), 1.0))
    share = maths(tree, "MULTIPLY", node(tree, "LightPath").outputs["Is Shadow Ray"], 0.9 * clear)
    tree.links.new(shaders(tree, shader.outputs[0], through.outputs[0], share), output.inputs["Surface"])


def _seen_through(
    tree: bpy.types.NodeTree, shader: bpy.types.ShaderNode, color: tuple[float, ...], surface: Surface
) -> None:
    """For EEVEE, which refracts one layer only, so that water in a glass would not be seen: clear, and it mirrors where
    it is looked along."""
    through = node(tree, "BsdfTransparent", Color=(*(0.3 + 0.7 * c for c in color[:3]), 1.0))
    mirror = node(tree, "BsdfGlossy", Roughness=max(surface.roughness, 0.03))
    rim = node(tree, "Fresnel", IOR=surface.ior)
    clear = shaders(tree, shader.outputs[0], through.outputs[0], surface.transmission)
    whole = shaders(tree, clear, mirror.outputs[0], rim.outputs[0])
    node(tree, "OutputMaterial", Surface=whole).target = "EEVEE"


def _gas(tree: bpy.types.NodeTree, said: Said, seed: int, size: float) -> None:
    """For puffs, balls that stand for a cloud: thick in the middle, nothing at the rim. A solver's grid has its own."""
    surface, shader = said.surface, shading.principled(tree)
    _set(shader, surface)
    at = _place(tree, seed)
    facing = node(tree, "LayerWeight", Blend=0.5).outputs["Facing"]
    thick = maths(tree, "POWER", maths(tree, "SUBTRACT", 1.0, facing), 2.0)
    cloud = step(tree, noise(tree, at.block, 6.0, 4.0, 0.6), 0.3, 0.7)
    tree.links.new(maths(tree, "MULTIPLY", thick, cloud), shader.inputs["Alpha"])
    shader.inputs["Specular IOR Level"].default_value = 0.0
