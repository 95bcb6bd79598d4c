# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh file in memory, of any format that servers answer with: GLB, glTF in one file, OBJ, PLY, STL.

As in `gltf`: the file may come from anywhere, and what is wrong with it is a ValueError in words that can be shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import gltf
from .buffers import MOST_VALUES, Floats, sound

ENDINGS = (".glb", ".gltf", ".obj", ".ply", ".stl")
WHITE = np.ones(4)
_LETTERS = {"i1": "char int8", "u1": "uchar uint8", "i2": "short int16", "u2": "ushort uint16"}
_LETTERS |= {"i4": "int int32", "u4": "uint uint32", "f4": "float float32", "f8": "double float64"}
PLY_KINDS = {name: kind for kind, names in _LETTERS.items() for name in names.split()}


def read(data: bytes, ending: str) -> gltf.Scene:
    """The scene in the axes of its file. `ending` is that of its name; what stands in it counts more."""
    head = data.lstrip()[:6].lower()
    if data[:4] == b"glTF" or head[:1] == b"{":
        return gltf.read(data)
    if head[:1] == b"<" or not data:
        raise ValueError("it is no mesh but a page of text" if data else "it is empty")
    readers = {".ply": _ply, ".stl": _stl, ".obj": _obj}
    kind = ".ply" if head[:3] == b"ply" else ending.lower()
    if kind not in readers or (kind == ".ply") != (head[:3] == b"ply"):
        raise ValueError(f"it is none of {', '.join(ENDINGS)}")
    try:
        vertices, faces, colors = readers[kind](data)
    except (IndexError, KeyError, OverflowError, TypeError) as error:
        raise ValueError(f"the {kind[1:]} is broken ({str(error)[:80]})") from error
    if not len(faces):
        raise ValueError("there is no face in it")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError("a face names a vertex that is not there")
    return gltf.Scene((gltf.Surface(sound(vertices), faces, None, colors, WHITE, None, False),))


def linear(srgb: Floats) -> Floats:
    """sRGB 0..1 to linear light 0..1."""
    value = np.clip(srgb, 0, 1)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb(light: Floats) -> Floats:
    """Linear light 0..1 to sRGB 0..1."""
    value = np.clip(light, 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)


Read = tuple[Floats, NDArray[np.int64], Floats | None]


def _stl(data: bytes) -> Read:
    """Triangles without any bond between them."""
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count:
        rows = np.frombuffer(data, [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")], count, 84)
        points = rows["corners"].reshape(-1, 3).astype(np.float64)
    elif data.lstrip()[:5].lower() == b"solid":
        words = [line.split()[1:4] for line in data.splitlines() if line.lstrip()[:6].lower() == b"vertex"]
        points = np.array(words, np.float64).reshape(-1, 3)
    else:
        raise ValueError("it is cut off, or no STL")
    return points, np.arange(len(points) // 3 * 3).reshape(-1, 3), None


def _obj(data: bytes) -> Read:
    """Positions, faces and the colours that some programs write behind each position; materials lie elsewhere."""
    rows: list[list[bytes]] = []
    faces: list[tuple[int, int, int]] = []
    for line in data.splitlines():
        word, _, rest = line.strip().partition(b" ")
        if word == b"v":
            rows.append(rest.split())
        elif word == b"f":
            ring = [int(token.split(b"/")[0]) for token in rest.split()]
            ring = [number - 1 if number > 0 else len(rows) + number for number in ring]
            faces += [(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)]
        if len(rows) + len(faces) > MOST_VALUES // 3:
            raise ValueError("it has too many vertices and faces")
    if not rows or not faces:
        raise ValueError("there is no face in it, or it is no OBJ")
    points = np.array([row[:3] for row in rows], np.float64)
    colors = None
    if all(len(row) == 6 for row in rows):
        colors = np.ones((len(rows), 4))
        colors[:, :3] = linear(np.array([row[3:] for row in rows], np.float64))
    return points, np.array(faces, np.int64), colors


def _ply(data: bytes) -> Read:
    """Vertices and triangles, binary little endian or text; vertex colours where there are some."""
    head, found, body = data.partition(b"end_header")
    body = body[body.find(b"\n") + 1 :]
    words = [line.split() for line in head.decode("ascii", "replace").splitlines()]
    form = next((line[1] for line in words if line[:1] == ["format"]), "")
    if not found or form not in ("binary_little_endian", "ascii"):
        raise ValueError("it is no PLY, or one of a kind that is not read (binary little endian and text are)")
    kinds, counts = _elements(words)
    lists = [key for key, _ in kinds["face"] if key.endswith(" count")]
    if lists not in (["vertex_indices count"], ["vertex_index count"]):
        raise ValueError("its faces are none that are read")
    name = lists[0].removesuffix(" count")
    shapes = [(key, kind, 3 if key == name else 1) for key, kind in kinds["face"]]
    if form == "ascii":
        vertex, body = _text(body, [(key, kind, 1) for key, kind in kinds["vertex"]], counts["vertex"])
        face, body = _text(body, shapes, counts["face"])
    else:
        points = np.frombuffer(body, np.dtype(kinds["vertex"]), counts["vertex"])
        block = np.frombuffer(
            body, np.dtype([(key, kind, (width,)) for key, kind, width in shapes]), counts["face"], points.nbytes
        )
        vertex, face = ({key: rows[key] for key in rows.dtype.names or ()} for rows in (points, block))
    if (face[f"{name} count"] != 3).any():
        raise ValueError("it is cut off, or its faces are no triangles")
    colors = None
    if "red" in vertex:
        colors = np.ones((counts["vertex"], 4))
        most = 255.0 if dict(kinds["vertex"])["red"][1] == "u" else 1.0
        for i, key in enumerate(("red", "green", "blue")):
            colors[:, i] = linear(vertex[key].reshape(-1) / most)
    place = np.stack([vertex[axis].reshape(-1).astype(np.float64) for axis in "xyz"], axis=1)
    return place, face[name].astype(np.int64), colors


def _elements(words: list[list[str]]) -> tuple[dict[str, list[tuple[str, str]]], dict[str, int]]:
    """Names and numpy kinds of the properties of each element, and how many there are."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    counts: dict[str, int] = {}
    element = ""
    for line in words:
        if line[:1] == ["element"]:
            element, counts[line[1]] = line[1], int(line[2])
            kinds[element] = []
        elif line[:2] == ["property", "list"]:
            kinds[element] += [(f"{line[4]} count", "<" + PLY_KINDS[line[2]]), (line[4], "<" + PLY_KINDS[line[3]])]
        elif line[:1] == ["property"]:
            kinds[element].append((line[2], "<" + PLY_KINDS[line[1]]))
    if list(kinds)[:2] != ["vertex", "face"] or min(counts.values()) < 0 or sum(counts.values()) > MOST_VALUES // 3:
        raise ValueError("it has no vertices and faces, or too many")
    return kinds, counts


def _text(body: bytes, shapes: list[tuple[str, str, int]], count: int) -> tuple[dict[str, NDArray[Any]], bytes]:
    """The columns of `count` lines, and what follows them."""
    lines = body.split(b"\n", count)
    rows = np.array([line.split() for line in lines[:count]], np.float64).reshape(count, -1)
    columns, at = {}, 0
    for key, _, width in shapes:
        columns[key] = rows[:, at : at + width]
        at += width
    return columns, b"".join(lines[count:])
