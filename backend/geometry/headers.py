# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh file says of itself, before Blender's importers believe it: some end the process over a wrong number, and
some take a position that is none for the origin.

What is wrong is a ValueError in words that can be shown, as in `formats`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from .buffers import MOST_VALUES, NO_PLACES, broken, opened, sound
from .formats import PLY_KINDS

_MOST_HEADER = 1 << 20
_ELEMENT = re.compile(rb"element[ \t]+([!-~]+)[ \t]+(\d{1,9})")
_PROPERTY = re.compile(rb"property[ \t]+(?:list[ \t]+(\w+)[ \t]+)?(\w+)[ \t]+(\S+)")
_NONE, _FAR = (b"nan", b"inf", b"#ind"), rb"e\+?0*(?:1[6-9]|[2-9]\d|[1-9]\d\d)"
"""In a word that is no number, and in one that no mesh reaches; in small letters."""
_ODD = rb"(?:%b|%b)" % (b"|".join(_NONE), _FAR)
_ODD_LINE = {
    kind: re.compile(rb"^[ \t]*%b(?:[ \t]+\S+){0,2}[ \t]+\S*%b" % (word, _ODD), re.MULTILINE)
    for kind, word in ((".obj", b"v"), (".stl", b"vertex"))
}
_CORNERS = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])


@dataclass
class _Element:
    """Of a PLY: `least` bytes are one of it, `kinds` the names and numpy kinds of its properties; one of several
    numbers is `listed`."""

    name: bytes
    count: int
    least: int = 0
    listed: bool = False
    kinds: list[tuple[bytes, str]] = field(default_factory=list)


def look(path: Path) -> None:
    """ValueError where the file is empty, is not what its name says, promises more than it holds, or has positions that
    are no numbers."""
    kind, size = path.suffix.lower(), path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as file:
        head = file.read(_MOST_HEADER)
    if kind == ".ply":
        _ply(path, head, size)
    elif kind == ".stl" and size == 84 + 50 * (count := int.from_bytes(head[80:84], "little")):
        _rows(path, _CORNERS, 84, count, ["corners"])
    elif kind == ".stl" and b"facet" not in head.lower():
        raise ValueError("it is cut off, or no STL")
    elif kind in _ODD_LINE and _ODD_LINE[kind].search(_odd(path)):
        raise ValueError(NO_PLACES)
    elif kind == ".abc" and head[:5] == b"Ogawa":  # what it holds is found from its end
        if len(head) < 16 or head[5] != 0xFF or int.from_bytes(head[8:16], "little") > size - 16:
            raise ValueError("it is cut off")
    elif kind in (".glb", ".gltf"):
        _gltf(path.read_bytes())


def _rows(path: Path, kind: np.dtype[np.void], at: int, count: int, names: Sequence[str]) -> None:
    """ValueError where these fields of so many rows are no positions."""
    if count:
        rows = np.memmap(path, kind, "r", at, (count,))
        for name in names:
            sound(rows[name])


def _odd(path: Path, at: int = 0) -> bytes:
    """The text from there on in small letters; empty where no word of it is odd, which is soon found."""
    text = path.read_bytes()[at:].lower()
    return text if any(each in text for each in _NONE) or re.search(_FAR, text) else b""


def _ply(path: Path, head: bytes, size: int) -> None:
    """As Blender reads it: by lines that begin with a word, until one begins with `end_header`."""
    lines, at, form = head.split(b"\n"), 0, b""
    rows: list[_Element] = []
    if lines[0].strip() != b"ply":
        raise ValueError("it is no PLY")
    for line in lines:
        at += len(line) + 1
        form = line.split()[1] if line.split()[:1] == [b"format"] and len(line.split()) > 1 else form
        element, listed = _ELEMENT.fullmatch(line.rstrip()), _PROPERTY.fullmatch(line.rstrip())
        kind = PLY_KINDS.get((listed[1] or listed[2]).decode()) if listed else None  # a list may be empty
        if element:
            rows.append(_Element(element[1], int(element[2])))
        elif listed and kind and rows:
            rows[-1].least += 2 if form == b"ascii" else int(kind[1])
            rows[-1].listed |= bool(listed[1])
            rows[-1].kinds.append((listed[3], kind))
        elif line.startswith((b"element", b"property")):
            raise ValueError(f"a line of its header is none: {line[:60].decode('latin-1')!a}")
        elif line.startswith(b"end_header"):
            break
    else:
        raise ValueError("its header is cut off")
    if sum(row.count * max(row.least, 1) for row in rows) > size - at + 1:
        raise ValueError("its header promises more than the file holds")
    _sound_ply(path, rows, at, form)


def _sound_ply(path: Path, rows: Sequence[_Element], at: int, form: bytes) -> None:
    """What stands behind lists of any length is left to Blender."""
    names = [row.name for row in rows]
    number = names.index(b"vertex") if b"vertex" in names else len(rows)
    ahead, [vertex, *_] = rows[:number], [*rows[number:], _Element(b"", 0)]
    columns = [index for index, (name, _) in enumerate(vertex.kinds) if name in (b"x", b"y", b"z")]
    if not vertex.count or not columns or vertex.listed:
        return
    if form == b"ascii":
        start = sum(row.count for row in ahead)
        lines = islice(io.BytesIO(_odd(path, at)), start, start + vertex.count)
        odd = (line.split() for line in lines if re.search(_ODD, line))
        if any(re.search(_ODD, b" ".join(words[index : index + 1])) for words in odd for index in columns):
            raise ValueError(NO_PLACES)
    elif not any(row.listed for row in ahead):
        order = ">" if form == b"binary_big_endian" else "<"
        kind = np.dtype([(str(index), order + kind) for index, (_, kind) in enumerate(vertex.kinds)])
        start = at + sum(row.count * row.least for row in ahead)
        if start + kind.itemsize * vertex.count <= path.stat().st_size:
            _rows(path, kind, start, vertex.count, [str(index) for index in columns])


def _gltf(data: bytes) -> None:
    """Of numbers without bytes of their own Blender makes as many zeros as it is told to."""
    with broken():
        counts = [each["count"] for each in opened(data)[0].get("accessors", []) if "bufferView" not in each]
    if not all(type(count) is int and 0 <= count <= MOST_VALUES for count in counts):
        raise ValueError("it counts values that it does not hold")
