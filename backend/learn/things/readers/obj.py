# SPDX-License-Identifier: GPL-3.0-or-later
"""Wavefront OBJ with MTL: polygons, materials, the base colour and its picture."""

from __future__ import annotations

import posixpath

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape, texture
from ..thing import Pixels
from .files import Files
from .polygons import triangulate

GREY = (0.8, 0.8, 0.8, 1.0)
"""Where a file names no colour."""
MAX_CORNERS = 3_000_000

Material = tuple[tuple[float, float, float, float], Pixels | None]


def read(files: Files, name: str) -> Shape:
    """The model in the axes of its file; ValueError where it is none. A picture that is missing leaves its colour."""
    text = files.read(name).decode("utf-8", "replace")
    folder = posixpath.dirname(name)
    points: list[str] = []
    maps: list[str] = []
    corners: list[tuple[int, int]] = []
    counts: list[int] = []
    owner: list[int] = []
    libraries: list[str] = []
    slots: dict[str, int] = {}
    slot = slots.setdefault("", 0)
    for line in text.replace("\\\n", " ").replace("\\\r\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "v":
            points.append(rest)
        elif word == "vt":
            maps.append(rest)
        elif word == "f":
            ring = [_corner(token, len(points), len(maps)) for token in rest.split()]
            if len(ring) > 2:
                corners += ring
                counts.append(len(ring))
                owner.append(slot)
                if len(corners) > MAX_CORNERS:
                    raise ValueError("there are too many faces")
        elif word == "usemtl":
            slot = slots.setdefault(rest.strip(), len(slots))
        elif word == "mtllib":
            libraries.append(rest)
    if not counts:
        raise ValueError("there is no face")
    vertices = _numbers(points, 3)
    uvs = np.concatenate([_numbers(maps, 2), np.zeros((1, 2))])
    index = np.array(corners, np.int64)
    if index[:, 0].min() < 0 or index[:, 0].max() >= len(vertices):
        raise ValueError("a face names a vertex that is not there")
    index[(index[:, 1] < 0) | (index[:, 1] >= len(maps)), 1] = len(maps)
    triangles, polygon = triangulate(vertices[index[:, 0]], np.array(counts, np.int64))
    found = _materials(files, folder, libraries)
    chosen = [found.get(key) or found.get(key.lower()) or (GREY, None) for key in slots]
    return Shape(
        vertices,
        index[triangles, 0].astype(np.int32),
        uvs[index[triangles, 1]].astype(np.float32),
        np.array(owner, np.int16)[polygon],
        np.array([color for color, _ in chosen], np.float32),
        tuple(picture for _, picture in chosen),
    )


def _corner(token: str, vertices: int, maps: int) -> tuple[int, int]:
    """(vertex, texture coordinate or -1) counted from 0; negative numbers in the file count from the end."""
    parts = token.split("/")
    vertex = int(parts[0])
    uv = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    return vertex - 1 if vertex > 0 else vertices + vertex, uv - 1 if uv > 0 else maps + uv if uv else -1


def _numbers(lines: list[str], width: int) -> NDArray[np.float64]:
    rows = [(line.split() + ["0"] * width)[:width] for line in lines]
    return np.array(rows, np.float64).reshape(-1, width)


def _materials(files: Files, folder: str, libraries: list[str]) -> dict[str, Material]:
    """Name to colour and picture; where a picture is there, it is the colour, as other programs read it too."""
    found: dict[str, Material] = {}
    for library in libraries:
        whole = files.find(folder, library)
        for path in [whole] if whole else [files.find(folder, word) for word in library.split()]:
            if path:
                found.update(_library(files, path))
    return {**{key.lower(): value for key, value in found.items()}, **found}


def _library(files: Files, path: str) -> dict[str, Material]:
    found: dict[str, Material] = {}
    folder = posixpath.dirname(path)
    name, color, alpha, picture = "", GREY[:3], 1.0, None
    pictures: dict[str, Pixels | None] = {}
    for line in [*files.read(path).decode("utf-8", "replace").splitlines(), "newmtl"]:
        word, _, rest = line.strip().replace("\t", " ").partition(" ")
        word = word.lower()
        try:
            if word == "newmtl":
                if name:
                    red, green, blue = (1.0, 1.0, 1.0) if picture is not None else color
                    found[name] = (red, green, blue, alpha), picture
                name, color, alpha, picture = rest.strip(), GREY[:3], 1.0, None
            elif word == "kd":
                red, green, blue = (min(max(float(value), 0.0), 1.0) for value in rest.split()[:3])
                color = (red, green, blue)
            elif word == "d":
                alpha = min(max(float(rest.split()[-1]), 0.0), 1.0)
            elif word == "map_kd":
                reference = files.find(folder, rest) or files.find(folder, rest.split()[-1])
                if reference:
                    if reference not in pictures:
                        pictures[reference] = texture(files.read(reference))
                    picture = pictures[reference]
        except (ValueError, IndexError):
            continue
    return found
