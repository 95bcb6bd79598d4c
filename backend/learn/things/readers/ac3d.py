# SPDX-License-Identifier: GPL-3.0-or-later
"""AC3D: materials, then objects in objects, each with a place, a texture, vertices and polygons. Text, Y up, v up."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape, joined
from ..thing import Pixels
from .files import Files
from .mesh import GREY, MAX_CORNERS, part, picture, refused
from .polygons import triangulate

MAX_DEPTH = 32
Matrix = NDArray[np.float64]
Color = tuple[float, ...]


@refused()
def read(files: Files, name: str, skip: str = r"(?!)") -> Shape:
    """The model in the axes of its file, without objects whose name has `skip` in it; ValueError where it is none."""
    text = files.read(name).decode("latin-1")
    if not text.startswith("AC3D"):
        raise ValueError("this is no AC3D")
    return _File(files, posixpath.dirname(name), text.splitlines(), re.compile(skip, re.IGNORECASE)).shape()


@dataclass
class _Object:
    """What one OBJECT says before its children; `corners`: vertex, u, v; `counts` and `slots`: of each polygon."""

    name: str = ""
    texture: str = ""
    repeat: tuple[float, float] = (1.0, 1.0)
    turn: Matrix = field(default_factory=lambda: np.eye(3))
    move: Matrix = field(default_factory=lambda: np.zeros(3))
    vertices: Matrix = field(default_factory=lambda: np.zeros((0, 3)))
    corners: list[list[str]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)


class _File:
    def __init__(self, files: Files, folder: str, lines: list[str], skip: re.Pattern[str]) -> None:
        self._files, self._folder, self._lines, self._skip = files, folder, lines, skip
        self._at = 0
        self._colors: list[Color] = []
        self._pictures: dict[str, Pixels | None] = {}
        self._parts: list[Shape] = []
        self._corners = 0

    def shape(self) -> Shape:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith("MATERIAL"):
                self._colors.append(_color(line))
            if line.startswith("OBJECT"):
                self._object(np.eye(3), np.zeros(3), 0)
            else:
                self._at += 1
        return joined(self._parts)

    def _take(self, count: int) -> list[str]:
        """The next lines."""
        if not 0 <= count <= len(self._lines) - self._at:
            raise ValueError("the file is cut off")
        self._at += count
        return self._lines[self._at - count : self._at]

    def _object(self, turn: Matrix, move: Matrix, depth: int) -> None:
        """One object and its children; `turn` and `move` are those of its parent: rows of vertices @ turn + move."""
        if depth > MAX_DEPTH:
            raise ValueError("objects are too deep in one another")
        self._at += 1
        one = _Object()
        while self._at < len(self._lines):
            word, _, rest = self._take(1)[0].strip().partition(" ")
            if word == "kids":
                break
            self._line(one, word, rest)
        else:
            raise ValueError("the file is cut off")
        turn, move = one.turn @ turn, one.move @ turn + move
        self._add(one, turn, move)
        for _ in range(int(rest)):
            while self._at < len(self._lines) and not self._lines[self._at].startswith("OBJECT"):
                self._at += 1
            if self._at == len(self._lines):
                raise ValueError("the file is cut off")
            self._object(turn, move, depth + 1)

    def _line(self, one: _Object, word: str, rest: str) -> None:
        if word == "name":
            one.name = rest.strip('" ')
        elif word == "data":
            self._take(1)
        elif word == "texture":
            one.texture = rest.strip().partition('" ')[0].strip('"')
        elif word == "texrep":
            one.repeat = (float(rest.split()[0]), float(rest.split()[-1]))
        elif word == "rot":
            one.turn = _floats(rest.split(), 9).reshape(3, 3)
        elif word == "loc":
            one.move = _floats(rest.split(), 3)
        elif word == "numvert":
            rows = [line.split()[:3] for line in self._take(int(rest))]
            one.vertices = _floats([value for row in rows for value in row], 3 * len(rows)).reshape(-1, 3)
        elif word == "SURF":
            self._surface(one, int(rest, 16) & 15)

    def _surface(self, one: _Object, kind: int) -> None:
        """A polygon, where `kind` is 0; else lines, which have no surface."""
        slot = 0
        while True:
            word, _, rest = self._take(1)[0].strip().partition(" ")
            if word == "mat":
                slot = int(rest)
            elif word == "refs":
                rows = [[*line.split(), "0", "0"][:3] for line in self._take(int(rest))]
                if kind == 0 and len(rows) > 2:
                    one.corners += rows
                    one.counts.append(len(rows))
                    one.slots.append(slot)
                return

    def _add(self, one: _Object, turn: Matrix, move: Matrix) -> None:
        if not one.counts or self._skip.search(one.name):
            return
        self._corners += len(one.corners)
        if self._corners > MAX_CORNERS:
            raise ValueError("there are too many faces")
        values = _floats([value for row in one.corners for value in row], 3 * len(one.corners)).reshape(-1, 3)
        index = values[:, 0].astype(np.int64)
        if index.min() < 0 or index.max() >= len(one.vertices):
            raise ValueError("a face names a vertex that is not there")
        corners = (one.vertices @ turn + move)[index]
        triangles, polygon = triangulate(corners, np.array(one.counts, np.int64))
        uv = (values[:, 1:] * one.repeat)[triangles]
        slots = np.array(one.slots)[polygon]
        skin = self._picture(one.texture) if one.texture else None
        for slot in np.unique(slots):
            color = self._colors[slot] if 0 <= slot < len(self._colors) else GREY
            mine = slots == slot
            self._parts.append(part(corners, triangles[mine], uv[mine], color, skin))

    def _picture(self, name: str) -> Pixels | None:
        if name not in self._pictures:
            self._pictures[name] = picture(self._files, self._folder, name)
        return self._pictures[name]


def _floats(words: list[str], count: int) -> Matrix:
    values = np.array(words, np.float64)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise ValueError("numbers are missing")
    return values


def _color(line: str) -> Color:
    """sRGB and alpha of a MATERIAL."""
    rgb = re.search(r"\brgb\s+(\S+)\s+(\S+)\s+(\S+)", line)
    trans = re.search(r"\btrans\s+(\S+)", line)
    values = [float(word) for word in rgb.groups()] if rgb else list(GREY)
    return (*(min(max(value, 0.0), 1.0) for value in values), 1 - float(trans[1]) if trans else 1.0)
