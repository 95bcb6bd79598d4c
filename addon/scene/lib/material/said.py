# SPDX-License-Identifier: GPL-3.0-or-later
"""What was said of a surface: shiny, rusty, striped, glowing. Words that are none of these change nothing here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .....backend.protocol.materials import Color, Surface

FINISHES: Mapping[str, Mapping[str, Any]] = {
    "glossy shiny polished sleek lacquered varnished glazed gleaming": {"roughness": 0.08, "coat": 0.6},
    "matt matte dull unpolished": {"roughness": 0.95, "coat": 0.0, "sheen": 0.0},
    "rough": {"roughness": 0.9, "coat": 0.0},
    "wet": {"roughness": 0.12, "coat": 0.9},
    "transparent clear see-through crystal": {
        "transmission": 1.0, "roughness": 0.02, "metallic": 0.0, "subsurface": 0.0, "pattern": "plain",
    },
    "translucent frosted": {"transmission": 0.8, "roughness": 0.35, "metallic": 0.0},
    "opaque": {"transmission": 0.0},
    "metallic": {"metallic": 1.0, "roughness": 0.3},
    "mirrored chrome reflective mirror": {"metallic": 1.0, "roughness": 0.03, "transmission": 0.0, "pattern": "plain"},
    "painted plain": {"pattern": "plain"},
    "glowing luminous luminescent neon shining lit fluorescent radiant": {"emission": 1.8},
    "pearly pearlescent iridescent": {"coat": 1.0, "sheen": 0.3, "roughness": 0.25},
}  # fmt: skip
"""What words do to the row's surface."""
MOTIFS = {"stripes": "striped stripy stripes banded", "dots": "spotted dotted polka dots speckled",
          "checks": "checkered chequered checked chessboard checkerboard plaid tartan"}  # fmt: skip
COVERS: Mapping[str, tuple[Color, float, bool, float]] = {
    "rusty rusted corroded rust": ((0.42, 0.20, 0.09), 0.95, False, 0.62),
    "dirty grimy muddy mouldy stained": ((0.20, 0.15, 0.10), 0.95, False, 0.42),
    "old ancient worn weathered antique faded": ((0.55, 0.52, 0.47), 0.95, False, 0.38),
    "tarnished": ((0.20, 0.30, 0.24), 0.8, False, 0.5),
    "dusty": ((0.62, 0.57, 0.49), 1.0, True, 0.45),
    "mossy overgrown": ((0.24, 0.34, 0.08), 1.0, True, 0.55),
    "snowy snow-covered frosty iced": ((0.94, 0.96, 0.99), 0.8, True, 0.75),
    "sandy": ((0.80, 0.68, 0.48), 1.0, True, 0.5),
}
"""What lies on it: its sRGB colour and roughness, whether it fell from above, and how much of the surface it has."""
COLORS: Mapping[str, Color] = {
    "red": (0.84, 0.16, 0.16), "orange": (0.95, 0.55, 0.16), "yellow": (0.96, 0.83, 0.18), "green": (0.18, 0.62, 0.31),
    "blue": (0.14, 0.34, 0.84), "purple": (0.48, 0.17, 0.75), "pink": (0.96, 0.56, 0.69), "brown": (0.48, 0.29, 0.14),
    "white": (0.96, 0.96, 0.96), "black": (0.06, 0.06, 0.06), "grey": (0.5, 0.5, 0.5), "gray": (0.5, 0.5, 0.5),
    "gold": (0.83, 0.69, 0.22), "silver": (0.75, 0.75, 0.75), "cream": (1.0, 0.95, 0.84), "navy": (0.08, 0.13, 0.24),
}  # fmt: skip
"""For the second colour of a motif; an object's own comes from the document."""


@dataclass(frozen=True)
class Said:
    """`second` is the colour of the motif, `cover` a value of COVERS."""

    surface: Surface
    motif: str = ""
    second: Color = (1.0, 1.0, 1.0)
    cover: tuple[Color, float, bool, float] | None = None


def heard(look: str, surface: Surface, color: Color | None) -> Said:
    """A substance's surface as the words have it."""
    words = re.findall(r"[a-z-]+", look.lower())
    named = [COLORS[word] for word in words if word in COLORS]
    motif = next((kind for kind, names in MOTIFS.items() if set(words) & set(names.split())), "")
    if color is None and motif and len(named) > 1:
        color, named = named[0], named[1:]
    changed: dict[str, Any] = {} if color is None else {"color": tuple(color)}
    for names, change in FINISHES.items():
        if set(words) & set(names.split()):
            changed |= change
    surface = dataclasses.replace(surface, **changed)
    cover = next((value for names, value in COVERS.items() if set(words) & set(names.split())), None)
    return Said(surface, motif, _second(named, surface.color), cover)


def _second(named: list[Color], first: Color) -> Color:
    """The first colour that is not the main one; else white on dark and blue on light."""
    other = (each for each in named if max(abs(a - b) for a, b in zip(each, first, strict=True)) > 0.15)
    light = 0.3 * first[0] + 0.59 * first[1] + 0.11 * first[2] > 0.6
    return next(other, COLORS["blue"] if light else COLORS["white"])
