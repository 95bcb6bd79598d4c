# SPDX-License-Identifier: GPL-3.0-or-later
"""Closed solids as (vertices (V, 3), faces (F, 3)), Z up, counter-clockwise from outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....geometry import marching

Points = NDArray[np.float64]
Solid = tuple[Points, NDArray[np.int64]]
Capsule = tuple[ArrayLike, ArrayLike, float, float]
"""Two ends and the radius at each."""
Way = Points | Sequence[ArrayLike]
"""Points (N, 3) one after another."""


def vec(x: float, y: float, z: float) -> Points:
    """A point, or a way to one."""
    return np.array([x, y, z], float)


def around(radius: float, degrees: float, height: float) -> Points:
    """A point on a circle about Z."""
    return vec(radius * np.cos(np.radians(degrees)), radius * np.sin(np.radians(degrees)), height)


def box(size: ArrayLike, middle: ArrayLike = (0, 0, 0), *, foot: bool = False) -> Solid:
    """`middle`: its own, or with `foot` that of its lower side."""
    half = np.asarray(size, float) / 2
    corners = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], float) * half
    quads = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (1, 3, 7, 5), (3, 2, 6, 7), (2, 0, 4, 6))
    faces = [(q[0], q[i], q[i + 1]) for q in quads for i in (1, 2)]
    return corners + np.asarray(middle, float) + vec(0, 0, half[2] * foot), np.array(faces)


def pillow(size: ArrayLike, middle: ArrayLike = (0, 0, 0), soft: float = 0.4, segments: int = 24) -> Solid:
    """A superquadric (Barr 1981) in a box of `size`: `soft` 1 is an ellipsoid, 0.1 nearly a box."""
    v = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    u = np.linspace(-np.pi, np.pi, segments, endpoint=False)

    def bent(values: Points) -> Points:
        return np.asarray(np.sign(values) * np.abs(values) ** soft)

    x, y = bent(np.cos(u)), bent(np.sin(u))
    rings = [np.stack([bent(np.cos(a)) * x, bent(np.cos(a)) * y, 0 * u + bent(np.sin(a))], axis=1) for a in v[1:-1]]
    points, faces = _rings(rings, vec(0, 0, -1), vec(0, 0, 1))
    return points * np.asarray(size, float) / 2 + np.asarray(middle, float), faces


def drum(radius: float, low: float, high: float, segments: int = 32) -> Solid:
    """A cylinder about Z."""
    return turned([(0, low), (radius, low), (radius, high), (0, high)], segments)


def turned(profile: ArrayLike, segments: int = 32) -> Solid:
    """A profile (N, 2) of radius and height, from axis to axis, turned about Z: up where it is outside."""
    line = np.asarray(profile, float)
    u = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    rings = [np.stack([r * np.cos(u), r * np.sin(u), 0 * u + z], axis=1) for r, z in line[1:-1]]
    return _rings(rings, vec(0, 0, line[0, 1]), vec(0, 0, line[-1, 1]))


def tube(path: Way, radii: ArrayLike, segments: int = 12) -> Solid:
    """A round bar along a path (N, 3), of one radius or N of them."""
    line = np.asarray(path, float)
    thick = np.broadcast_to(np.asarray(radii, float), len(line))
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along[0], np.eye(3)[np.abs(along[0]).argmin()])
    u = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    rings = []
    for point, ahead, radius in zip(line, along, thick, strict=True):
        side = side - ahead * (side @ ahead)
        side /= np.linalg.norm(side)
        up = np.cross(ahead, side)
        rings.append(point + radius * (np.cos(u)[:, None] * side + np.sin(u)[:, None] * up))
    return _rings(rings, line[0], line[-1])


def curve(points: Way, count: int = 12) -> Points:
    """(count, 3) along a Catmull-Rom spline through points (N, 3)."""
    p = np.asarray(points, float)
    p = np.concatenate([[2 * p[0] - p[1]], p, [2 * p[-1] - p[-2]]])
    at = np.linspace(0, len(p) - 3 - 1e-9, count)
    i, t = at.astype(int), (at % 1)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return np.asarray(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))


def slab(outline: ArrayLike, depth: float) -> Solid:
    """An outline (N, 2), seen whole from its middle and counter-clockwise, as thick as `depth` upwards from 0."""
    flat = np.asarray(outline, float)
    rings = [np.c_[flat, np.full(len(flat), z)] for z in (0.0, depth)]
    x, y = flat.mean(axis=0)
    return _rings(rings, vec(x, y, 0), vec(x, y, depth))


def blob(capsules: Sequence[Capsule], soft: float, cells: int = 72) -> Solid:
    """Capsules melted into one skin: distances under a smooth minimum (Quilez), cut out by marching cubes."""
    ends = np.array([[a, b] for a, b, _, _ in capsules], float)
    radii = np.array([[r, s] for _, _, r, s in capsules], float)
    low = (ends - radii[..., None]).min(axis=(0, 1)) - 2 * soft
    high = (ends + radii[..., None]).max(axis=(0, 1)) + 2 * soft
    step = (high - low).max() / cells
    shape = np.ceil((high - low) / step).astype(int) + 1
    grid = low + step * np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    total = np.zeros(tuple(shape))
    for (a, b), (r, s) in zip(ends, radii, strict=True):
        along = b - a
        share = np.clip((grid - a) @ along / max(float(along @ along), 1e-12), 0, 1)
        distance = np.linalg.norm(grid - a - share[..., None] * along, axis=-1) - (r + share * (s - r))
        total += np.exp(-np.clip(distance / soft, -60, 60))
    field = np.log(np.maximum(total, 1e-26)) * soft
    points, faces = marching.isosurface(field.astype(np.float32), 0.0)
    return np.asarray(points, float) * step + low, np.asarray(faces, np.int64)


def placed(solid: Solid, to: ArrayLike = (0, 0, 0), *, x: float = 0, y: float = 0, z: float = 0) -> Solid:
    """Turned about X, then Y, then Z by degrees, then moved."""
    points, faces = solid
    for axis, degrees in ((0, x), (1, y), (2, z)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        matrix = np.eye(3)
        matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
        points = points @ matrix.T
    return points + np.asarray(to, float), faces


def _rings(rings: Sequence[Points], first: Points, last: Points) -> Solid:
    """A closed skin from one point over rings, each counter-clockwise seen from the last point, to the other."""
    n, count = len(rings[0]), len(rings)
    i = np.arange(n)
    j = (i + 1) % n
    faces = [np.stack([np.full(n, count * n), j, i], axis=1)]
    for ring in range(count - 1):
        a, b = ring * n, (ring + 1) * n
        faces += [np.stack([a + i, a + j, b + j], axis=1), np.stack([a + i, b + j, b + i], axis=1)]
    top = (count - 1) * n
    faces.append(np.stack([np.full(n, count * n + 1), top + i, top + j], axis=1))
    return np.concatenate([*rings, first[None], last[None]]), np.concatenate(faces)
