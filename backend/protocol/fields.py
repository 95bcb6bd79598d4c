# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of nested frozen dataclasses whose fields say what they take: read with proofs, told as JSON Schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

from .errors import UserError, nearest
from .spec import Param

_Group = TypeVar("_Group")


def _given(kind: str, default: Any, help: str, low: float | None = None, high: float | None = None, *,
           choices: tuple[str, ...] = (), unit: str = "", size: int = 0, open: bool = False) -> Any:  # fmt: skip
    """A field: `size` numbers make a vector; `open` allows null, which leaves the choice to the build."""
    param = Param("", kind, default, help, low, high, choices, unit)
    return field(default=default, metadata={"param": param, "size": size, "open": open})


def number(
    default: float | None, help: str, low: float | None = None, high: float | None = None, unit: str = ""
) -> Any:
    return _given("float", default, help, low, high, unit=unit, open=default is None)


def whole(default: int, help: str, low: int, high: int) -> Any:
    return _given("int", default, help, low, high)


def flag(default: bool, help: str) -> Any:
    return _given("bool", default, help)


def text(default: str, help: str) -> Any:
    return _given("str", default, help)


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    return _given("choice", default, help, choices=choices)


def vector(default: tuple[float, ...] | None, help: str, low: float, high: float, unit: str = "") -> Any:
    return _given("float", default, help, low, high, unit=unit, size=3, open=default is None)


def part(kind: type[Any], help: str) -> Any:
    return field(default_factory=kind, metadata={"group": kind, "help": help})


def listed(kind: type[Any], most: int, help: str) -> Any:
    return field(default=(), metadata={"items": kind, "most": most, "help": help})


def wrong(where: str, problem: str) -> UserError:
    return UserError(f"scene.json: {where} {problem}", kind="usage")


def group(kind: type[_Group], data: Any, where: str) -> _Group:
    if not isinstance(data, Mapping):
        raise wrong(where or "the document", f"is {type(data).__name__}, not a group of fields in {{}}.")
    fields = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    dot = f"{where}." if where else ""
    for name in data:
        if name not in fields:
            raise wrong(f"{dot}{str(name)[:60]}", f"is no field. {nearest(str(name), fields)}")
    return kind(**{name: _value(fields[name], data[name], dot + name) for name in data})


def _value(field: Any, value: Any, where: str) -> Any:
    meta = field.metadata
    if "group" in meta:
        return group(meta["group"], value, where)
    if "items" in meta or "texts" in meta:
        most = meta.get("most") or meta["texts"]
        if not isinstance(value, (list, tuple)) or len(value) > most:
            raise wrong(where, f"takes a list of at most {most}.")
        if "texts" in meta:
            return tuple(str(each)[:500] for each in value)
        return tuple(group(meta["items"], each, f"{where}[{number}]") for number, each in enumerate(value))
    if value is None and meta["open"]:
        return None
    owner, _, name = f"scene.json: {where}".rpartition(".")
    param = dataclasses.replace(meta["param"], name=name)
    if meta["size"]:
        if not isinstance(value, (list, tuple)) or len(value) != meta["size"]:
            raise wrong(where, f"takes {meta['size']} numbers in [], not {value!r}.")
        return tuple(param.check(each, owner) for each in value)
    if param.kind == "str" and isinstance(value, str) and len(value) > 10_000:
        raise wrong(where, "is longer than 10,000 characters. Make it shorter.")
    return param.check(value, owner)


def told(kind: type[Any]) -> dict[str, Any]:
    properties = {each.name: _told_field(each) for each in dataclasses.fields(kind)}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _told_field(field: Any) -> dict[str, Any]:
    meta = field.metadata
    if "group" in meta:
        return {"description": meta["help"], **told(meta["group"])}
    if "items" in meta:
        items = told(meta["items"])
        return {"description": meta["help"], "type": "array", "maxItems": meta["most"], "items": items}
    if "texts" in meta:
        return {"description": meta["help"], "type": "array", "maxItems": meta["texts"], "items": {"type": "string"}}
    param = meta["param"]
    kinds = {"float": "number", "int": "integer", "bool": "boolean"}
    found: dict[str, Any] = {"type": kinds.get(param.kind, "string")}
    for name, limit in (("minimum", param.low), ("maximum", param.high)):
        if limit is not None:
            found[name] = limit
    if param.choices:
        found["enum"] = list(param.choices)
    if meta["size"]:
        found = {"type": "array", "minItems": meta["size"], "maxItems": meta["size"], "items": found}
    if meta["open"]:
        found["type"] = [found["type"], "null"]
    unit = f" [{param.unit}]" if param.unit else ""
    return {"description": param.help + unit, "default": field.default, **found}
