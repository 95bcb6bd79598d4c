# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the things that a scene can have before any of them is built: presets/props/things.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from .materials import substances
from .recipe import PRESETS, known, numbers, of_kind, of_row, read_toml
from .scene import TYPES

PATH = PRESETS / "props" / "things.toml"
_ROW = ("words", "size", "material", "type", "hollow", "called")
_OTHER = ("size", "material", "mass")


@dataclass(frozen=True)
class Thing:
    """`words` are other names; `size` (3,) in metres; `hollow`: things go in it; `type` as in `protocol.scene`.

    `called`: names that mean one of another size, material or mass (kg) than usual, a marble among balls.
    """

    name: str
    words: tuple[str, ...]
    size: tuple[float, float, float]
    material: str
    type: str
    hollow: bool = False
    called: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mass: float | None = None


@cache
def things() -> Mapping[str, Thing]:
    """By name."""
    return {name: _thing(name, row) for name, row in read_toml(PATH).items()}


def _thing(name: str, row: Mapping[str, Any]) -> Thing:
    with of_row(PATH, name):
        known(PATH, row, _ROW, f"[{name}] ")
        words, others = of_kind(str, "words", row["words"]).split(), of_kind(dict, "called", row.get("called", {}))
        size, hollow = numbers("size", row["size"], 3), of_kind(bool, "hollow", row.get("hollow", False))
        for word, other in others.items():
            known(PATH, of_kind(dict, word, other), _OTHER, f"[{name}.called] {word}: ")
            numbers("size", other.get("size", row["size"]), 3)
            numbers("mass", other.get("mass", 1), above=True)
        for each in (row, *others.values()):
            material = of_kind(str, "material", each.get("material", row["material"]))
            if material not in substances():
                raise TypeError(f"material is {material!r}, no row of materials/table.toml")
        if row["type"] not in TYPES:
            raise TypeError(f"type is {row['type']!r}, not one of {', '.join(TYPES)}")
        return Thing(name, tuple(words), size, row["material"], row["type"], hollow, others)


@cache
def called() -> Mapping[str, Thing]:
    """Every word for a thing, spaces as _, to the thing as it is when it is called so."""
    out: dict[str, Thing] = {}
    for thing in things().values():
        out |= dict.fromkeys((*thing.words, thing.name), thing)
        for word, row in thing.called.items():
            out[word] = replace(thing, size=tuple(row.get("size", thing.size)),
                                material=row.get("material", thing.material), mass=row.get("mass"))  # fmt: skip
    return out


@cache
def named() -> Mapping[str, str]:
    """Every word for a thing, spaces as _, to the thing's name."""
    return {word: thing.name for word, thing in called().items()}
