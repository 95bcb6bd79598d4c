# SPDX-License-Identifier: GPL-3.0-or-later
"""Triangles drawn on a square of pixels, all of them at once: what they cover, and which is in front.

Each is cut into the rows whose middles it crosses, each row into the pixels whose middles it covers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .mesh import Faces

Floats = NDArray[np.floating[Any]]


class Hits(NamedTuple):
    """`face` (side, side), -1 for none, and the weights `bary` (side, side, 3) of its corners, on the surface."""

    face: NDArray[np.int32]
    bary: NDArray[np.float32]


def outline(places: Floats, faces: Faces, side: int) -> NDArray[np.bool_]:
    """The pixels (side, side) whose middles the faces cover; `places` (V, 2) in px, to the right and down."""
    _, row, start, end = spans(places, faces, side)
    wide = side + 1
    steps = np.bincount(row * wide + start, minlength=side * wide) - np.bincount(
        row * wide + end, minlength=side * wide
    )
    return np.asarray(np.cumsum(steps.reshape(side, wide), axis=1)[:, :side] > 0)


def hits(places: Floats, depth: Floats, faces: Faces, side: int) -> Hits:
    """What is nearest in each pixel; `depth` (V,) is the distance along the view, more than 0."""
    owner, row, start, end = spans(places, faces, side)
    count = end - start
    face, y = np.repeat(owner, count), np.repeat(row, count)
    x = np.repeat(start, count) + each(count)
    corners, near = places[faces[face]].astype(np.float64), 1 / depth[faces[face]].astype(np.float64)
    middle = np.stack([x, y], axis=1) + 0.5
    a, b, c = (corners[:, i] - middle for i in range(3))
    shares = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=1)
    area = shares.sum(axis=1, keepdims=True)
    shares = np.clip(shares / np.where(area == 0, 1, area), 1e-6, 1)  # a sliver's are all but noise
    bary = shares * near  # what is even in the picture is not on a surface that leads away
    nearness = bary.sum(axis=1)
    bary /= nearness[:, None]
    last = np.argsort(nearness, kind="stable")  # of several assignments to one pixel the last one stays
    face_of, bary_of = np.full(side * side, -1, np.int32), np.zeros((side * side, 3), np.float32)
    pixel = (y * side + x)[last]
    face_of[pixel], bary_of[pixel] = face[last], bary[last]
    return Hits(face_of.reshape(side, side), bary_of.reshape(side, side, 3))


def spans(places: Floats, faces: Faces, side: int) -> tuple[NDArray[np.intp], ...]:
    """Face, row, first pixel and the one after the last, of all that is not empty; `places` in float32 is enough."""
    corners = [places[faces[:, i]] for i in range(3)]
    low, high = (pick(pick(corners[0][:, 1], corners[1][:, 1]), corners[2][:, 1]) for pick in (np.minimum, np.maximum))
    first = np.clip(np.ceil(low - 0.5), 0, side).astype(np.intp)
    count = np.clip(np.ceil(high - 0.5), 0, side).astype(np.intp) - first
    some = np.flatnonzero(count > 0)
    first, count = first[some], count[some]
    x, y = ([np.ascontiguousarray(corner[some, axis]) for corner in corners] for axis in (0, 1))
    owner = np.repeat(np.arange(len(some)), count)
    row = np.repeat(first, count) + each(count)
    middle = (row + 0.5).astype(places.dtype)
    left, right = np.full(len(row), np.inf, places.dtype), np.full(len(row), -np.inf, places.dtype)
    above = [corner[owner] <= middle for corner in y]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        at = np.flatnonzero(above[i] != above[j])
        face = owner[at]
        part = (middle[at] - y[i][face]) / (y[j][face] - y[i][face])
        meets = x[i][face] + part * (x[j][face] - x[i][face])
        left[at], right[at] = np.minimum(left[at], meets), np.maximum(right[at], meets)
    start, end = (np.clip(np.ceil(edge - 0.5), 0, side).astype(np.intp) for edge in (left, right))
    full = np.flatnonzero(end > start)
    return some[owner[full]], row[full], start[full], end[full]


def each(count: NDArray[np.intp]) -> NDArray[np.intp]:
    """0, 1 … count - 1 for each of the counts, one after the other."""
    return np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
