# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mesh file says of itself, before Blender's importers believe it: some end the process over a wrong number.

What is wrong is a ValueError in words that can be shown, as in `formats`.
"""

from __future__ import annotations

import re
from pathlib import Path

from .buffers import MOST_VALUES, broken, opened
from .formats import PLY_KINDS

_MOST_HEADER = 1 << 20
_ELEMENT = re.compile(rb"element[ \t]+[!-~]+[ \t]+(\d{1,9})")
_PROPERTY = re.compile(rb"property[ \t]+(?:list[ \t]+(\w+)[ \t]+)?(\w+)[ \t]+\S+")


def look(path: Path) -> None:
    """ValueError where the file is empty, is not what its name says, or promises more than it holds."""
    kind, size = path.suffix.lower(), path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as file:
        head = file.read(_MOST_HEADER)
    if kind == ".ply":
        _ply(head, size)
    elif kind == ".stl" and size != 84 + 50 * int.from_bytes(head[80:84], "little") and b"facet" not in head.lower():
        raise ValueError("it is cut off, or no STL")
    elif kind == ".abc" and head[:5] == b"Ogawa":  # what it holds is found from its end
        if len(head) < 16 or head[5] != 0xFF or int.from_bytes(head[8:16], "little") > size - 16:
            raise ValueError("it is cut off")
    elif kind in (".glb", ".gltf"):
        _gltf(path.read_bytes())


def _ply(head: bytes, size: int) -> None:
    """As Blender reads it: by lines that begin with a word, until one begins with `end_header`."""
    lines, at, text = head.split(b"\n"), 0, False
    rows: list[list[int]] = []
    if lines[0].strip() != b"ply":
        raise ValueError("it is no PLY")
    for line in lines:
        at += len(line) + 1
        text |= line.split()[:2] == [b"format", b"ascii"]
        element, listed = _ELEMENT.fullmatch(line.rstrip()), _PROPERTY.fullmatch(line.rstrip())
        kind = PLY_KINDS.get((listed[1] or listed[2]).decode()) if listed else None  # a list may be empty
        if element:
            rows.append([int(element[1]), 0])
        elif kind and rows:
            rows[-1][1] += 2 if text else int(kind[1])
        elif line.startswith((b"element", b"property")):
            raise ValueError(f"a line of its header is none: {line[:60].decode('latin-1')!a}")
        elif line.startswith(b"end_header"):
            break
    else:
        raise ValueError("its header is cut off")
    if sum(count * max(width, 1) for count, width in rows) > size - at + 1:
        raise ValueError("its header promises more than the file holds")


def _gltf(data: bytes) -> None:
    """Of numbers without bytes of their own Blender makes as many zeros as it is told to."""
    with broken():
        counts = [each["count"] for each in opened(data)[0].get("accessors", []) if "bufferView" not in each]
    if not all(type(count) is int and 0 <= count <= MOST_VALUES for count in counts):
        raise ValueError("it counts values that it does not hold")
