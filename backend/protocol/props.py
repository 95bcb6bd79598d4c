# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the things that a scene can have before any of them is built: presets/props/things.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from .recipe import PRESETS, read_toml


@dataclass(frozen=True)
class Thing:
    """`words` are other names; `size` (3,) in metres; `hollow`: things go in it; `type` as in `protocol.scene`."""

    name: str
    words: tuple[str, ...]
    size: tuple[float, float, float]
    material: str
    type: str
    hollow: bool = False


@cache
def things() -> Mapping[str, Thing]:
    """By name."""
    table = read_toml(PRESETS / "props" / "things.toml")
    return {
        name: Thing(name, tuple(row["words"].split()), tuple(row["size"]), row["material"], row["type"],
                    bool(row.get("hollow", False)))
        for name, row in table.items()
    }  # fmt: skip


@cache
def named() -> Mapping[str, str]:
    """Every word for a thing, spaces as _, to the thing's name."""
    return {word: thing.name for thing in things().values() for word in (*thing.words, thing.name)}
