# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of lights and looks, each field proved: whoever writes a new one is told what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from .....backend.protocol import recipe
from .....backend.protocol.errors import UserError

Kind = tuple[str, Callable[[Any], bool]]
Fields = Mapping[str, Kind]


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(v) in (int, float) and isfinite(v) for v in value)


def _one_of(*names: str) -> Kind:
    return f"one of {', '.join(names)}", lambda value: value in names


_TEXT: Kind = "a text", lambda value: isinstance(value, str)
_FLAG: Kind = "true or false", lambda value: isinstance(value, bool)
_NUMBER: Kind = "a number from 0 on", recipe.are_numbers
_SHARE: Kind = "a number from 0 to 1", lambda value: recipe.are_numbers(value, most=1)
_PLACE: Kind = "three numbers in []", _is_place
_COLOUR: Kind = "three numbers from 0 to 1 in []", lambda value: recipe.are_numbers(value, 3, 1)
_TONE: Kind = f'{_COLOUR[0]}, or "suits"', lambda value: value == "suits" or _COLOUR[1](value)
_STEPS: Kind = (
    "pairs of numbers from 0 to 1",
    lambda value: isinstance(value, list) and all(recipe.are_numbers(each, 2, 1) for each in value),
)
_TABLE: Kind = "a table such as [world]", lambda value: isinstance(value, dict)
_TABLES: Kind = (
    "tables such as [[lamp]]",
    lambda value: isinstance(value, list) and all(isinstance(v, dict) for v in value),
)

_PLAIN: Fields = {"color": _COLOUR, "strength": _NUMBER}
_LAMP: Fields = {"name": _TEXT, "place": _PLACE, "width": _NUMBER, "power": _NUMBER, "color": _COLOUR}
_LIGHT: Fields = {"help": _TEXT, "floor": _one_of("cove", "ground", "catcher", "none"), "tone": _TONE, "world": _TABLE}
_LIGHT_MAY: Fields = {"even": _FLAG, "glow": _NUMBER, "lamp": _TABLES}
_LOOKS: Mapping[str, Fields] = {
    "realistic": {},
    "clay": {"color": _COLOUR, "roughness": _SHARE},
    "toon": {"steps": _STEPS, "line": _COLOUR, "width": _NUMBER},
    "wireframe": {"color": _COLOUR, "roughness": _SHARE, "line": _COLOUR, "width": _NUMBER},
    "xray": {"color": _COLOUR, "line": _COLOUR, "width": _NUMBER},
}
_LOOK: Fields = {"help": _TEXT, "kind": _one_of(*_LOOKS)}
_LOOK_MAY: Fields = {"backdrop": _COLOUR}


def light(name: str) -> dict[str, Any]:
    """Of `presets/lights`; raises `UserError` with file and field."""
    path, data = _read("lights", name)
    _prove(path, data, _LIGHT, _LIGHT_MAY)
    world = data["world"]
    has_kind = "kind" in world
    _prove(path, world, {"kind": _one_of("sky", "hdri")} if has_kind else _PLAIN, {}, "world.")
    for number, lamp in enumerate(data.get("lamp", ()), 1):
        _prove(path, lamp, _LAMP, {}, f"lamp {number}: ")
    return data


def look(name: str) -> dict[str, Any]:
    """Of `presets/looks`, likewise."""
    path, data = _read("looks", name)
    _prove(path, {key: data[key] for key in _LOOK if key in data}, _LOOK, {})
    _prove(path, data, {**_LOOK, **_LOOKS[data["kind"]]}, _LOOK_MAY)
    return data


def _read(kind: str, name: str) -> tuple[Path, dict[str, Any]]:
    path = recipe.find(kind, name)
    return path, recipe.read_toml(path)


def _prove(path: Path, data: Mapping[str, Any], needs: Fields, may: Fields, where: str = "") -> None:
    fields = {**needs, **may}
    if lacks := [f"{where}{name}" for name in needs if name not in data]:
        raise UserError(f"{path} lacks {', '.join(lacks)}. Take another of that folder as a pattern.", kind="usage")
    recipe.known(path, data, fields, where)
    for name, value in data.items():
        kind, good = fields[name]
        if not good(value):
            raise UserError(f"{path}: {where}{name} is {kind}, not {str(value)[:60]!r}. Mend the file.", kind="usage")
