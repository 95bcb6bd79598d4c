# SPDX-License-Identifier: GPL-3.0-or-later
"""Heights over a silhouette: closed bodies from them, and what normals know of them.

Arrays are (X, Y) on the node grid, X right and Y up in the picture; heights are in cells, towards the viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .mesh import Faces, Vertices

Array = NDArray[np.float64]

THIN = 0.05
"""Cells: the least distance of both sides."""
STEEPEST = 6.0
"""Slopes beyond this are taken for this: a normal that looks sideways says no more."""

_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))
"""Of a cell, counter-clockwise seen by the viewer; side k runs from corner k to the next."""


def _polygon(case: int) -> list[int]:
    """What of a cell is inside: corners as 0 to 3, the crossing of side k as 4 + k, counter-clockwise."""
    found = []
    for k in range(4):
        here, there = case >> k & 1, case >> (k + 1) % 4 & 1
        if here:
            found.append(k)
        if here != there:
            found.append(4 + k)
    return found


def solid(level: Array, front: Array, back: Array) -> tuple[Vertices, Faces]:
    """The closed body where `level` > 0, from z = -back to z = front; vertices (V, 3) in cells, the front ones first.

    The outline is the zero line of `level`, linear between nodes; the outermost nodes must be outside. Both heights
    must go on a node beyond the outline. Each node inside gives a vertex at exactly its heights.
    """
    columns = level.shape[1]
    count = level.size
    inside = level > 0
    case = np.zeros((level.shape[0] - 1, columns - 1), np.uint8)
    for k, (right, up) in enumerate(_CORNERS):
        case |= inside[right : right + case.shape[0], up : up + case.shape[1]].astype(np.uint8) << np.uint8(k)
    # The name of a vertex: its node, or one or two counts more for the crossing right of it or above it.
    step = (0, columns, columns + 1, 1, count, 2 * count + columns, count + 1, 2 * count)
    triangles = []
    for number in range(1, 16):
        i, j = np.nonzero(case == number)
        polygon = _polygon(number)
        for b, c in pairwise(polygon[1:]):
            first = i * columns + j
            triangles.append(np.stack([first + step[k] for k in (polygon[0], b, c)], axis=1))
    names, flat = np.unique(np.concatenate(triangles), return_inverse=True)
    top = flat.reshape(-1, 3)

    node, kind = names % count, names // count
    other = node + np.array([0, columns, 1])[kind]
    a, b = level.reshape(-1)[node], level.reshape(-1)[other]
    part = np.where(kind > 0, np.clip(a / np.where(kind > 0, a - b, 1), 0.05, 0.95), 0.0)
    x, y = (node // columns + part * (kind == 1), node % columns + part * (kind == 2))
    heights = [v.reshape(-1)[node] * (1 - part) + v.reshape(-1)[other] * part for v in (front, back)]
    behind = -heights[1]
    before = np.maximum(heights[0], behind + THIN)
    vertices = np.concatenate([np.stack([x, y, z], axis=1) for z in (before, behind)]).astype(np.float32)
    return vertices, _closed(top, len(names))


def _closed(top: NDArray[np.intp], count: int) -> Faces:
    """The front's triangles, the same turned round for the back (`count` further on), and the wall between them."""
    edges = np.concatenate([top[:, [0, 1]], top[:, [1, 2]], top[:, [2, 0]]])
    forth, away = edges[:, 0] * count + edges[:, 1], edges[:, 1] * count + edges[:, 0]
    rim = edges[~np.isin(forth, away)]
    a, b = rim[:, 0], rim[:, 1]
    low, high = a + count, b + count
    wall = np.concatenate([np.stack([low, high, b], axis=1), np.stack([low, b, a], axis=1)])
    return np.asarray(np.concatenate([top, top[:, ::-1] + count, wall]), np.int32)


def normals(heights: Array) -> NDArray[np.float32]:
    """(X, Y, 3), of length 1: x right, y up, z to the viewer."""
    x, y = np.gradient(heights)
    normal = np.stack([-x, -y, np.ones_like(x)], axis=2)
    return np.asarray(normal / np.linalg.norm(normal, axis=2, keepdims=True), np.float32)


def slopes(normal: NDArray[np.float32]) -> Array:
    """(2, X, Y): how much the height grows a cell to the right and a cell up, from normals (X, Y, 3)."""
    length = np.maximum(np.linalg.norm(normal, axis=2), 1e-6)
    facing = np.maximum(normal[..., 2] / length, 1 / np.hypot(1, STEEPEST))
    both = np.stack([-normal[..., 0], -normal[..., 1]]) / length / facing
    return np.asarray(np.clip(both, -STEEPEST, STEEPEST), np.float64)


def scale(heights: Array, slope: Array, weight: Array) -> float:
    """By how much heights of unknown scale are to be multiplied so that they rise as the slopes do; at least 0.

    By the smooth places: a step in the heights is no slope, and each counts the less the steeper it is.
    """
    mine = np.stack(np.gradient(heights))
    calm = weight / (1 + (mine**2).sum(axis=0) / max(float(np.median((mine**2).sum(axis=0)[weight > 0.5])), 1e-12))
    return max(0.0, float((calm * mine * slope).sum() / max(float((calm * mine * mine).sum()), 1e-12)))


def joined(heights: Array, slope: Array, weight: Array, reach: float, beat: Callable[[], None] = lambda: None) -> Array:
    """The heights in what is coarser than `reach` cells, the slopes (2, X, Y) in what is finer.

    The z with the least sum of weight |grad z - slope|^2 + (z - heights)^2 / reach^2 (a screened Poisson equation),
    by conjugate gradients.
    """
    stay = 1 / (reach * reach)
    wx, wy = np.minimum(weight[1:], weight[:-1]), np.minimum(weight[:, 1:], weight[:, :-1])
    gx, gy = (slope[0, 1:] + slope[0, :-1]) / 2, (slope[1, :, 1:] + slope[1, :, :-1]) / 2

    def spread(x: Array, y: Array) -> Array:
        """The transpose of taking differences."""
        out = np.zeros_like(heights)
        out[1:] += x
        out[:-1] -= x
        out[:, 1:] += y
        out[:, :-1] -= y
        return out

    def apply(z: Array) -> Array:
        return spread(wx * np.diff(z, axis=0), wy * np.diff(z, axis=1)) + stay * z

    diagonal = np.full_like(heights, stay)
    for axis, w in enumerate((wx, wy)):
        high, low = (np.swapaxes(diagonal, 0, axis)[part] for part in (slice(1, None), slice(None, -1)))
        high += np.swapaxes(w, 0, axis)
        low += np.swapaxes(w, 0, axis)
    z = heights.copy()
    residual = spread(wx * gx, wy * gy) + stay * heights - apply(z)
    ahead = residual / diagonal
    direction, product = ahead.copy(), float((residual * ahead).sum())
    target = 1e-3 * np.sqrt(max(product, 1e-30))
    for step in range(round(8 * reach) + 50):
        if step % 20 == 0:
            beat()
        if np.sqrt(max(product, 0.0)) <= target:
            break
        along = apply(direction)
        length = product / float((direction * along).sum())
        z += length * direction
        residual -= length * along
        ahead = residual / diagonal
        product, before = float((residual * ahead).sum()), product
        direction = ahead + (product / before) * direction
    return z
