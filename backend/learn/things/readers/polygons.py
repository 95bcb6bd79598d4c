# SPDX-License-Identifier: GPL-3.0-or-later
"""Polygons to triangles: fans where convex, ears where not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EAR_WORK = 1_000_000
"""Squares of the corners of dented polygons; those beyond it get a fan, so that no file takes for ever."""

Ints = NDArray[np.int64]


def triangulate(corners: NDArray[np.float64], counts: Ints) -> tuple[Ints, Ints]:
    """Corners (C, 3), one polygon after the other, `counts` (P,) of them each.

    Returns triangles (T, 3) as indices into `corners` and the polygon (T,) of each, in the order of the polygons.
    """
    starts = np.cumsum(counts) - counts
    found: list[Ints] = []
    owner: list[Ints] = []
    three = np.flatnonzero(counts == 3)
    found.append(starts[three, None] + np.arange(3))
    owner.append(three)
    four = np.flatnonzero(counts == 4)
    quads = starts[four, None] + np.arange(4)
    a, b, c, d = (corners[quads[:, i]] for i in range(4))
    dent = (np.cross(b - a, c - a) * np.cross(c - a, d - a)).sum(1) < 0
    order = np.where(dent[:, None], [1, 2, 3, 1, 3, 0], [0, 1, 2, 0, 2, 3])
    found.append(np.take_along_axis(quads, order, axis=1).reshape(-1, 3))
    owner.append(np.repeat(four, 2))
    work = 0
    for polygon in np.flatnonzero(counts > 4):
        start, count = int(starts[polygon]), int(counts[polygon])
        work += count * count
        ears = _ears(corners[start : start + count]) if work < EAR_WORK else _fan(count)
        found.append(ears + start)
        owner.append(np.full(len(ears), polygon))
    owners = np.concatenate(owner)
    back = np.argsort(owners, kind="stable")
    return np.concatenate(found)[back], owners[back]


def _fan(n: int) -> Ints:
    """Triangles (n - 2, 3) around the first corner."""
    second = np.arange(1, n - 1, dtype=np.int64)
    return np.stack([np.zeros_like(second), second, second + 1], 1)


def _ears(points: NDArray[np.float64]) -> Ints:
    """Triangles (n - 2, 3) of one polygon (n, 3), by cutting ears in its mean plane."""
    n = len(points)
    fan = _fan(n)
    normal = np.cross(points - points[0], np.roll(points, -1, 0) - points[0]).sum(0)
    length = float(np.linalg.norm(normal))
    if not length > 0:
        return fan
    axis = int(np.abs(normal).argmax())
    flat = np.delete(points, axis, 1) * (1.0, 1.0 if (normal[axis] > 0) == (axis != 1) else -1.0)
    edge = np.roll(flat, -1, 0) - flat
    turn = edge[:, 0] * np.roll(edge, -1, 0)[:, 1] - edge[:, 1] * np.roll(edge, -1, 0)[:, 0]
    if (turn >= -1e-9 * np.abs(turn).max()).all():
        return fan
    left = list(range(n))
    result: list[tuple[int, int, int]] = []
    while len(left) > 3:
        for i in range(len(left)):
            trio = (left[i - 1], left[i], left[(i + 1) % len(left)])
            others = [j for j in left if j not in trio]
            if _is_ear(flat[list(trio)], flat[others]):
                break
        else:
            i = 0
            trio = (left[-1], left[0], left[1])
        result.append(trio)
        del left[i]
    result.append((left[0], left[1], left[2]))
    return np.array(result, np.int64)


def _is_ear(trio: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether the corner turns left and no other point lies in its triangle."""
    sides = np.roll(trio, -1, 0) - trio
    if not float(sides[0, 0] * sides[1, 1] - sides[0, 1] * sides[1, 0]) > 0:
        return False
    offset = others[:, None] - trio
    cross = sides[:, 0] * offset[..., 1] - sides[:, 1] * offset[..., 0]
    same = (np.abs(offset).max(2) < 1e-12).any(1)
    return not bool(((cross >= 0).all(1) & ~same).any())
