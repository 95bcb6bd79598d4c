# SPDX-License-Identifier: GPL-3.0-or-later
"""A pattern of presets/materials/table.toml: what it is given and gives back. They are in `carved` and `woven`.

What never bends is seen in the object's own space, so that it is carved out of one block; what hangs, folds or has a
grain along it (cloth, boards) by its UV map in metres, u along the grain, so that it does not swim as the thing bends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy

from .nodes import Socket


@dataclass
class Place:
    """Where a texel is: `block` in the object's space, `sheet` on its UV map, both metres moved by the seed."""

    tree: bpy.types.NodeTree
    block: Socket
    sheet: Socket


@dataclass
class Pattern:
    """`mix` goes from the colour (0) to the accent (1); `height` (0 to 1) is `depth` metres high; `shade` and `rough`
    are factors on colour and roughness; `glow` is where it shines."""

    mix: Socket | float = 0.0
    height: Socket | None = None
    depth: float = 0.001
    shade: Socket | None = None
    rough: Socket | None = None
    glow: Socket | None = None


Draw = Callable[[Place], Pattern]
PATTERNS: dict[str, Draw] = {}


def draws(draw: Draw) -> Draw:
    """Decorator: the function's name, without its last _, is the pattern's."""
    PATTERNS[draw.__name__.rstrip("_")] = draw
    return draw


@draws
def plain(at: Place) -> Pattern:
    return Pattern()


@draws
def gas(at: Place) -> Pattern:
    return Pattern()
