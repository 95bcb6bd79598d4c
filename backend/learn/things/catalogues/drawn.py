# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of our own: drawn by their number, so that each build of the data has the same ones. CC0.

That shapes made by a program teach what carries over to real ones: LRM-Zero (Xie et al. 2024, arXiv 2406.09371) and
MegaSynth (Jiang et al. 2024, arXiv 2412.14166).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..drawn import animals, food, furniture, lamps, machines, vessels
from ..shape import Shape
from .entry import Entry, Keys

Draw = Callable[[np.random.Generator], Shape]
FAMILIES: dict[str, tuple[int, tuple[Draw, ...]]] = {
    "animals": (480, animals.FAMILY),
    "vessels": (200, vessels.FAMILY),
    "lamps": (160, lamps.FAMILY),
    "furniture": (320, furniture.FAMILY),
    "machines": (160, machines.FAMILY),
    "food": (40, food.FAMILY),
}
"""How many of each, and what they are in turn."""


def entries(source: str, root: Path) -> Iterator[Entry]:
    """For `Source`."""
    keys = Keys(source)
    for family, (count, draws) in FAMILIES.items():
        for number in range(count):
            read = functools.partial(_read, family, number)
            name = f"{family}-{draws[number % len(draws)].__name__}-{number:03d}"
            yield Entry(keys.key(name), name, family, "CC0-1.0", "Galatea", False, read)


def _read(family: str, number: int) -> Shape:
    draws = FAMILIES[family][1]
    seed = [sum(family.encode()), number]
    return draws[number % len(draws)](np.random.default_rng(seed))
