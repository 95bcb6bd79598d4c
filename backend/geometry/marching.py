# SPDX-License-Identifier: GPL-3.0-or-later
"""Marching cubes (Lorensen and Cline 1987) whose table is made by a program, so that every mesh is closed and manifold.

On a face with two inside corners at opposite ends, the inside corners are always cut off one by one. Both cells that
share the face follow the same rule, so their segments meet; and no diagonal inside a cell ever lies in a face, so no
edge can be used more than twice. Hence each edge has two faces and each vertex one fan, whatever the field.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

CORNERS = tuple((i & 1, i >> 1 & 1, i >> 2 & 1) for i in range(8))
"""Corner i of a cell sits at these steps along X, Y, Z."""

EDGES = tuple((a, a | 1 << axis) for axis in range(3) for a in range(8) if not a >> axis & 1)
"""The 12 edges as pairs of corners, four along each axis."""

_SLAB = 1 << 22  # cells looked at in one go: bounds the memory that a large field needs on top of itself

Loop = tuple[int, ...]
Triangle = tuple[int, int, int]


def _face_corners() -> list[Loop]:
    """The six faces as corners, counter-clockwise seen from outside the cell."""
    faces: list[Loop] = []
    for axis in range(3):
        a, b = 1 << (axis + 1) % 3, 1 << (axis + 2) % 3
        low = (0, a, a | b, b)
        faces.append(low[::-1])
        faces.append(tuple(corner | 1 << axis for corner in low))
    return faces


def _segments(case: int) -> dict[int, int]:
    """Where the surface crosses the faces of a cell: edge to next edge, with the inside on the right as seen outside.

    Walking around a face counter-clockwise, each run of inside corners is cut off from where it ends to where it
    begins: that is the rule for ambiguous faces too.
    """
    number = {frozenset(edge): i for i, edge in enumerate(EDGES)}
    follows: dict[int, int] = {}
    for face in _face_corners():
        inside = [bool(case >> corner & 1) for corner in face]
        enters = [i for i in range(4) if not inside[i] and inside[(i + 1) % 4]]
        for start in enters:
            end = (start + 1) % 4
            while inside[(end + 1) % 4]:
                end = (end + 1) % 4
            first = number[frozenset((face[start], face[(start + 1) % 4]))]
            last = number[frozenset((face[end], face[(end + 1) % 4]))]
            follows[first] = last
    return follows


def _loops(case: int) -> list[Loop]:
    """The segments chained into closed loops of edges."""
    follows = _segments(case)
    loops = []
    while follows:
        start, edge = follows.popitem()
        loop = [start]
        while edge != start:
            loop.append(edge)
            edge = follows.pop(edge)
        loops.append(tuple(loop))
    return loops


def _share_face(a: int, b: int) -> bool:
    corners = EDGES[a] + EDGES[b]
    return any(len({corner >> axis & 1 for corner in corners}) == 1 for axis in range(3))


def _triangulate(loop: Loop) -> list[Triangle] | None:
    """Cut a loop into triangles without a diagonal that lies in a face of the cell; None if there is no such cut."""
    if len(loop) < 3:
        return []
    first, last = loop[0], loop[-1]
    for i in range(1, len(loop) - 1):
        sides = [(0, i), (i, len(loop) - 1)]
        if any(b - a > 1 and _share_face(loop[a], loop[b]) for a, b in sides):
            continue
        left, right = _triangulate(loop[: i + 1]), _triangulate(loop[i:])
        if left is not None and right is not None:
            return [(first, loop[i], last), *left, *right]
    return None


@lru_cache(maxsize=1)
def table() -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return (counts (256,), triangles (256, most, 3)) with the edges that each triangle joins, -1 where unused."""
    cases: list[list[Triangle]] = []
    for case in range(256):
        triangles: list[Triangle] = []
        for loop in _loops(case):
            cut = _triangulate(loop)
            if cut is None:  # cannot happen: the tests walk all 256 cases
                raise AssertionError(f"case {case}: the loop {loop} has no cut")
            triangles += cut
        cases.append(triangles)
    most = max(map(len, cases))
    edges = np.full((256, most, 3), -1, np.int8)
    for case, triangles in enumerate(cases):
        if triangles:
            edges[case, : len(triangles)] = triangles
    return np.array([len(t) for t in cases], np.int8), edges


def isosurface(
    field: NDArray[Any], level: float = 0.0, *, beat: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the closed surface around everything where `field` > `level`.

    `field` is (X, Y, Z). The vertices (V, 3) are in grid units, so that the value field[i, j, k] sits at (i, j, k);
    the faces (F, 3) are counter-clockwise seen from outside. What lies beyond the array counts as outside, so a
    surface that reaches the border is closed there. Both arrays are empty when nothing is inside. `beat` is called now
    and then, so that the caller can stop by raising. Needs about a third more memory than the field itself.
    """
    if field.ndim != 3:
        raise ValueError(f"a field has three axes, not {field.ndim}")
    inside = np.asarray(field > level)
    if not inside.any():
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    shift = 0
    if any(side.any() for axis in range(3) for side in (inside.take(0, axis), inside.take(-1, axis))):
        below = level - max(float(np.nanmax(field)) - level, 1e-6)
        field = np.pad(field, 1, constant_values=below)
        inside = np.pad(inside, 1)
        shift = 1
    vertices, keys, starts = _vertices(field, inside, level, beat)
    faces = _faces(inside, keys, starts, beat)
    return vertices - np.float32(shift), faces


def _vertices(
    field: NDArray[Any], inside: NDArray[np.bool_], level: float, beat: Callable[[], None]
) -> tuple[NDArray[np.float32], list[NDArray[np.int64]], list[int]]:
    """One vertex on every grid edge that the surface crosses; the keys are the flat index of the edge's lower node."""
    flat = np.ascontiguousarray(field).reshape(-1)
    strides = (inside.shape[1] * inside.shape[2], inside.shape[2], 1)
    points, keys, starts, count = [], [], [], 0
    for axis in range(3):
        beat()
        crossing = np.zeros(inside.shape, bool)
        lower = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        np.not_equal(inside[lower], inside[upper], out=crossing[lower])
        key = np.flatnonzero(crossing)
        a, b = flat[key].astype(np.float64), flat[key + strides[axis]].astype(np.float64)
        # Never quite on a node: vertices that meet would make triangles without area.
        step = np.clip((level - a) / (b - a), 0.01, 0.99)
        point = np.stack(np.unravel_index(key, inside.shape), axis=1).astype(np.float64)
        point[:, axis] += step
        points.append(point.astype(np.float32))
        keys.append(key)
        starts.append(count)
        count += len(key)
    return np.concatenate(points), keys, starts


def _active(inside: NDArray[np.bool_], beat: Callable[[], None]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """The cells that the surface passes through: flat index of their first node, and their case."""
    bits = inside.view(np.uint8)
    plane = inside.shape[1] * inside.shape[2]
    slab = max(1, _SLAB // plane)
    firsts, cases = [], []
    for low, high in pairwise([*range(0, inside.shape[0] - 1, slab), inside.shape[0] - 1]):
        beat()
        size = (high - low, inside.shape[1] - 1, inside.shape[2] - 1)
        case = np.zeros(size, np.uint8)
        for number, (x, y, z) in enumerate(CORNERS):
            case |= bits[low + x : high + x, y : y + size[1], z : z + size[2]] << np.uint8(number)
        found = np.flatnonzero((case != 0) & (case != 255))
        i, j, k = np.unravel_index(found, size)
        firsts.append((i + low) * plane + j * inside.shape[2] + k)
        cases.append(case.reshape(-1)[found])
    return np.concatenate(firsts), np.concatenate(cases)


def _faces(
    inside: NDArray[np.bool_], keys: list[NDArray[np.int64]], starts: list[int], beat: Callable[[], None]
) -> NDArray[np.int32]:
    counts, edges = table()
    strides = np.array((inside.shape[1] * inside.shape[2], inside.shape[2], 1))
    step = np.array([int(np.dot(CORNERS[a], strides)) for a, _ in EDGES])
    first, case = _active(inside, beat)
    corners = []
    for row in range(edges.shape[1]):  # the first triangle of all cells, then the second, ...
        beat()
        has = np.flatnonzero(counts[case] > row)
        edge = edges[case[has], row].astype(np.intp)
        node = first[has, None] + step[edge]
        corner = np.empty(edge.shape, np.int32)
        for axis in range(3):
            along = edge // 4 == axis
            corner[along] = np.searchsorted(keys[axis], node[along]) + starts[axis]
        corners.append(corner)
    return np.concatenate(corners)
