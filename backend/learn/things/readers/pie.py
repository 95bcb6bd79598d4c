# SPDX-License-Identifier: GPL-3.0-or-later
"""PIE versions 2 to 4, the models of Warzone 2100: text, levels of points and polygons that are drawn together.

A polygon is flags in hexadecimal, its number of corners, their points, four numbers where the flags have 0x4000, and
two of the texture for each corner: pixels of a page of 256 in version 2, else shares of it; v down. Y up, left-handed.
"""

from __future__ import annotations

import functools
import posixpath

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape, joined
from ..thing import Pixels
from .files import Files
from .mesh import MAX_CORNERS, part, picture, refused
from .polygons import triangulate

ANIMATED = 0x4000
LISTS = ("POINTS", "POLYGONS", "NORMALS", "CONNECTORS", "SHADOWPOINTS", "SHADOWPOLYGONS", "ANIMOBJECT")
"""Words that a number of lines follows."""


@refused()
def read(files: Files, name: str, pages: str) -> Shape:
    """All levels, with textures of the folder `pages`; ValueError where it is none."""
    lines = files.read(name).decode("latin-1").splitlines()
    head = lines[0].split() if lines else []
    if head[:1] != ["PIE"] or head[1:] not in (["2"], ["3"], ["4"]):
        raise ValueError("this is no PIE of version 2 to 4")
    scale = 1 / 256 if head[1] == "2" else 1.0
    skins = functools.cache(functools.partial(picture, files, pages))
    skin: Pixels | None = None
    points: NDArray[np.float64] = np.zeros((0, 3))
    parts = []
    at = 1
    while at < len(lines):
        words = lines[at].split()
        at += 1
        if len(words) > 2 and words[0] == "TEXTURE":
            skin = skins(posixpath.basename(words[2]))
        if not words or words[0] not in LISTS or len(words) < 2:
            continue
        count = int(words[1])
        if not 0 <= count <= len(lines) - at:
            raise ValueError("the file is cut off")
        rows = lines[at : at + count]
        at += count
        if words[0] == "POINTS":
            points = np.array([row.split()[:3] for row in rows], np.float64).reshape(-1, 3)
        elif words[0] == "POLYGONS":
            parts.append(_polygons(rows, points, scale, skin))
    return joined(parts)


def _polygons(rows: list[str], points: NDArray[np.float64], scale: float, skin: Pixels | None) -> Shape:
    index: list[int] = []
    counts: list[int] = []
    maps: list[float] = []
    for row in rows:
        words = row.split()
        corners = int(words[1]) if len(words) > 1 else 0
        start = 2 + corners + (4 if words and int(words[0], 16) & ANIMATED else 0)
        uv = [float(word) for word in words[start : start + 2 * corners]]
        if corners < 3 or len(uv) != 2 * corners:
            raise ValueError("a polygon lacks corners")
        index += [int(word) for word in words[2 : 2 + corners]]
        counts.append(corners)
        maps += uv
        if len(index) > MAX_CORNERS:
            raise ValueError("there are too many faces")
    places = np.array(index, np.int64)
    if len(places) and (places.min() < 0 or places.max() >= len(points)):
        raise ValueError("a face names a vertex that is not there")
    triangles, _ = triangulate(points[places], np.array(counts, np.int64))
    uvs = np.array(maps).reshape(-1, 2) * scale
    uvs[:, 1] = 1 - uvs[:, 1]
    return part(points, places[triangles], uvs[triangles], picture=skin)
