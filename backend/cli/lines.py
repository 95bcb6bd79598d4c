# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a batch: each an order, or why it is none."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError
from ..protocol.order import FLAGS, MOST_BYTES, Order, load, parse
from ..protocol.recipe import parse_settings
from .flags import placed
from .outcome import JOB
from .table import folders

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MESHES = (".glb", ".gltf", ".fbx", ".obj", ".stl", ".ply", ".abc", ".usd", ".usda", ".usdc", ".usdz")
MOST = 100_000
SHOWN = 3
"""So many of the files that were left out are named."""
_FIELDS = ("recipe", "prompt", "backend", "quality", "gate", "until", "seed", "out")


@dataclass
class Line:
    """`name` is that of its folder."""

    number: int
    name: str = ""
    order: Order | None = None
    error: UserError | None = None


def read(options: argparse.Namespace, here: Path) -> list[Line]:
    """All lines, each with a folder's name of its own; raises `UserError` where there is nothing to read."""
    path = Path(options.jobs).expanduser()
    if options.jobs == "-":
        found, base = _jsonl(sys.stdin.buffer), here
    elif path.is_dir():
        found, base = _folder(path, options.out, quiet=options.quiet or options.log_level == "error"), here
    elif path.suffix.lower() in (".jsonl", ".ndjson", ".csv", ".json"):
        found, base = _file(path), Path(path.absolute().parent)
    else:
        text = f"{path} is no .jsonl or .csv file and no folder. Name one."
        raise UserError(text if path.exists() else f"There is no file or folder {path}. Choose another.", kind="usage")
    lines = [_line(number, data, options, base) for number, data in found]
    if not lines:
        text = f"There is nothing to do in {options.jobs}. Put photos, meshes or job files there."
        raise UserError(text, kind="usage")
    return _apart(lines, Path(options.out).expanduser())


def _file(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8-sig") as text:
                yield from _csv(text, path)
        elif path.suffix.lower() == ".json":
            yield 1, path.absolute()
        else:
            with path.open("rb") as data:
                yield from _jsonl(data)
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.", kind="usage") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"Cannot read {path}: {error}. Mend the file.", kind="usage") from None


def _jsonl(file: Any) -> Iterator[tuple[int, Any]]:
    for number in range(1, MOST + 2):
        text = file.readline(MOST_BYTES + 1)
        if not text:
            return
        if number > MOST:
            raise UserError(f"There are more than {MOST} lines. Split the file.", kind="usage")
        if len(text) > MOST_BYTES:
            yield number, UserError(f"line {number} is longer than {MOST_BYTES} bytes, so it is no order.")
            while text and not text.endswith(b"\n"):
                text = file.readline(MOST_BYTES)
        elif text.strip():
            yield number, text


def _csv(text: Any, path: Path) -> Iterator[tuple[int, Any]]:
    """Columns are fields, roles (or what they are called on the command line) and step.param.

    Between them stand commas, or what spreadsheets of other countries write: semicolons, or tabs.
    """
    head = text.readline()
    text.seek(0)
    comma = next((each for each in ";\t" if each in head and "," not in head), ",")
    table = csv.DictReader(text, strict=True, delimiter=comma)
    roles = {**{flag: role for role, flag in FLAGS.items()}, **{role: role for role in FLAGS}}
    for name in table.fieldnames or ():
        if name not in (*_FIELDS, *roles) and not re.fullmatch(r"\w+\.\w+", name or ""):
            known = ", ".join((*_FIELDS, *roles))
            raise UserError(f"{path}: {name!r} is no column. There are: {known}, and step.param.", kind="usage")
    for cells in table:
        if None in cells or None in cells.values():
            yield table.line_num, UserError(f"line {table.line_num} has not as many cells as columns.", kind="usage")
            continue
        data: dict[str, Any] = {"inputs": {}, "settings": {}}
        for name, value in cells.items():
            if not value.strip():
                continue
            if name in roles:
                data["inputs"][roles[name]] = value.strip()
            elif "." in name:
                data["settings"].setdefault(name.partition(".")[0], {})[name.partition(".")[2]] = value
            else:
                data[name] = int(value) if name == "seed" and re.fullmatch(r"\s*\d{1,12}\s*", value) else value.strip()
        yield table.line_num, data


def _folder(folder: Path, out: Path | None, *, quiet: bool) -> Iterator[tuple[int, Any]]:
    """A line for each photo, mesh or job file in it, and words on what else there is. Hidden files count for nothing,
    such as those that macOS puts beside, nor does what a batch made there itself."""
    number, files, inner = 0, list[str](), list[str]()
    for path in sorted(folder.iterdir()):
        kind = path.suffix.lower()
        role = "image" if kind in PICTURES else "model" if kind in MESHES else ""
        if path.name.startswith(".") or (out and os.path.realpath(path) == os.path.realpath(out.expanduser())):
            continue
        if path.is_dir():
            inner.append(path.name)
        elif (role or kind == ".json") and path.is_file():
            number += 1
            yield number, {"inputs": {role: str(path.absolute())}} if role else path.absolute()
        else:
            files.append(path.name)
    if not quiet:
        _left_out("No photo, mesh or job file, so left out", files)
        _left_out("Folders are not looked into, so left out", inner)


def _left_out(why: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - SHOWN} more" * (len(names) > SHOWN)
        sys.stderr.write(f"galatea: {why}: {', '.join(names[:SHOWN])}{more}.\n")


def _line(number: int, data: Any, options: argparse.Namespace, base: Path) -> Line:
    line, name = Line(number), f"line {number}"
    try:
        if isinstance(data, UserError):
            raise data
        if isinstance(data, Path):
            name, base, line.name = data.name, data.parent, _named({"out": data.stem})
            data = {**_group(load(data), name), "out": data.stem}
        document = _group(parse(data, name) if isinstance(data, bytes) else data, name)
        line.name = _named(document)
        line.order = _order(document, options, base, name)
    except UserError as error:
        line.error = error
    return line


def _group(data: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise UserError(f"{name} is {type(data).__name__}, not one order in {{}}.", kind="usage")
    return data


def _order(data: Mapping[str, Any], options: argparse.Namespace, base: Path, name: str) -> Order:
    """Flags count where the line says nothing."""
    inputs, settings = data.get("inputs", {}), data.get("settings", {})
    usual = "mesh_to_asset" if isinstance(inputs, Mapping) and "model" in inputs else "photo_to_mesh"
    told = {"recipe": options.recipe or usual}
    told |= {
        each: value for each in ("backend", "quality", "gate", "seed") if (value := vars(options)[each]) is not None
    }
    told = {each: os.path.abspath(value) if str(value).endswith(".toml") else value for each, value in told.items()}
    own = {each: value for each, value in data.items() if value != "" and each != "out"}
    if isinstance(settings, Mapping):
        flagged = parse_settings(options.settings)
        both = dict.fromkeys((*flagged, *settings))
        own["settings"] = {do: _over(flagged.get(do, {}), settings.get(do, {})) for do in both}
    return placed(Order.of({**told, **own}, base=base, name=name), options)


def _over(below: Mapping[str, Any], above: Any) -> Any:
    return {**below, **above} if isinstance(above, Mapping) else above


def _named(data: Mapping[str, Any]) -> str:
    """The folder's name that a line asks for: the last part of `out`, else its first file or words. No path comes
    through."""
    inputs = data.get("inputs")
    files = [Path(str(each)).stem for each in inputs.values()] if isinstance(inputs, Mapping) else []
    wanted = [
        str(data.get("out") or "").replace("\\", "/").rpartition("/")[2],
        *files[:1],
        str(data.get("prompt") or ""),
    ]
    plain = (re.sub(r"[^\w .+-]", "_", each)[:60].strip(". ").lstrip("-. ") for each in wanted)
    return next((each for each in plain if each), "")


def _apart(lines: list[Line], out: Path) -> list[Line]:
    """Each with a folder's name of its own: of the one that holds its order already, so that a line which came or went
    moves no other; else the next that is free."""
    wanted = [Path((line.name or f"line-{line.number}") + ".x") for line in lines]
    held, kept = _held(out), dict[int, str]()
    for place, line in enumerate(lines):
        there = held.get(_key(line.order.document()), []) if line.order else []
        own = re.compile(re.escape(wanted[place].stem) + r"(-\d+)?")
        if name := next(filter(own.fullmatch, there), ""):
            there.remove(name)
            kept[place] = name
    for line, name in zip(lines, folders(wanted, kept), strict=True):
        line.name = name
    return lines


def _held(out: Path) -> dict[str, list[str]]:
    """The folders by the order that each was made by."""
    found: dict[str, list[str]] = {}
    for path in sorted(out.glob(f"*/{JOB}")):
        with contextlib.suppress(UserError):
            data = load(path)
            found.setdefault(_key(data) if isinstance(data, Mapping) else "", []).append(path.parent.name)
    return found


def _key(document: Mapping[str, Any]) -> str:
    return json.dumps({**document, "out": ""}, sort_keys=True)
