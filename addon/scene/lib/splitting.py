# SPDX-License-Identifier: GPL-3.0-or-later
"""A body as a few convex parts: the part whose hull holds the most empty space is cut in two, again and again.

The cut is the plane after which both hulls together are smallest, of eleven across each of its axes and the world's;
where several are as good, the one after which both are shortest: no single cut makes the hulls of a ring smaller.
The idea of greedy cuts by hull volume is that of V-HACD and CoACD; both search longer and further ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .hulls import Array, Hull, hull

GRID = 32
"""Columns of a body's longest side in which its inside is counted."""
_PLANES = 11
_SHORT = 0.05
"""What it counts that the halves are short, beside the share of the hull that a cut saves."""
_SPACING = 1 / 48
"""Of the diagonal: points that are nearer are one where a cut is looked for, and no edge is longer than twice this."""


@dataclass
class Part:
    """Triangles (T, 3, 3) of the surface and points (N, 3) of the inside on one side of all cuts."""

    triangles: Array
    inside: Array
    cell: float
    """Volume that a point of the inside stands for."""
    hull: Hull | None = field(init=False)

    def __post_init__(self) -> None:
        self.hull = hull(self.points)

    @property
    def points(self) -> Array:
        return np.concatenate([np.unique(self.triangles.reshape(-1, 3), axis=0), self.inside])

    @property
    def empty(self) -> float:
        """Volume of the hull that is not the body's."""
        return max(0.0, self.hull.volume - self.cell * len(self.inside)) if self.hull else 0.0


def split(
    points: Array, faces: Array, *, most: int, slack: float, progress: Callable[[float], None] = lambda done: None
) -> list[Part]:
    """At most so many parts, or as many as leave no hull with more empty space than `slack` of the body's own hull."""
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    inside, cell = interior(points, faces)
    parts = [Part(refined(points[faces].astype(float), 2 * _SPACING * size), inside, cell)]
    allowed = slack * (parts[0].hull.volume if parts[0].hull else 0.0)
    final: list[Part] = []
    while parts and len(parts) + len(final) < most:
        parts.sort(key=lambda part: part.empty)
        if parts[-1].empty <= allowed:
            break
        worst = parts.pop()
        done = (len(parts) + len(final)) / most
        halves = _cut(worst, _SPACING * size, partial(progress, done))
        if halves is None:
            final.append(worst)
        else:
            parts += halves
    return final + parts


def _cut(part: Part, spacing: float, beat: Callable[[], None]) -> list[Part] | None:
    """The two parts of the best cut, or None where nothing can be cut."""
    points = _spaced(part.points, spacing)
    best = None
    for way in _ways(points):
        beat()
        for score, plane in _sweep(points, way, spacing):
            if best is None or score < best[0]:
                best = score, way, plane
    if best is None:
        return None
    _, way, plane = best
    right = part.inside @ way > plane
    halves = [
        Part(clipped(part.triangles, way, plane), part.inside[~right], part.cell),
        Part(clipped(part.triangles, -way, -plane), part.inside[right], part.cell),
    ]
    return halves if all(len(half.triangles) for half in halves) else None


def _ways(points: Array) -> list[Array]:
    """Unit vectors: the world's axes, and those of the part that are not nearly one of them."""
    own = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))[1].T
    return [*np.eye(3), *(way for way in own if np.abs(way).max() < 0.97)]


def _sweep(points: Array, way: Array, spacing: float) -> Iterator[tuple[float, float]]:
    """Planes across a direction, each with a score: the less, the better.

    What is near a plane counts as its section and belongs to both sides, or the gap between points looks like a gain.
    """
    height = points @ way
    edges = np.linspace(height.min(), height.max(), _PLANES + 2)
    slab = np.digitize(height, edges[1:-1])
    slabs = [points[slab == k] for k in range(_PLANES + 1)]
    sections = []
    for plane in edges[1:-1]:
        near = np.abs(height - plane) < 1.5 * spacing
        sections.append(points[near] - (height[near] - plane)[:, None] * way)
    low = _grown(slabs[:-1], sections)
    high = _grown(slabs[:0:-1], sections[::-1])[::-1]
    length = float(np.linalg.norm(np.ptp(points, axis=0)))
    for (v, a), (w, b), plane in zip(low, high, edges[1:-1], strict=True):
        yield v + w + _SHORT * (v + w) * max(a, b) / length, float(plane)


def _grown(slabs: list[Array], sections: list[Array]) -> list[tuple[float, float]]:
    """Of the first slab, the first two, and so on, each closed by its section: volume of the hull, diagonal of the box.

    The corners of the hull so far and the next slab have the hull of all so far.
    """
    out, corners = [], np.zeros((0, 3))
    for slab, section in zip(slabs, sections, strict=True):
        corners = np.concatenate([corners, slab])
        found = hull(corners)
        corners = found.points if found else corners
        closed = hull(np.concatenate([corners, section]))
        length = float(np.linalg.norm(np.ptp(corners, axis=0))) if len(corners) else 0.0
        out.append((closed.volume if closed else 0.0, length))
    return out


def clipped(triangles: Array, way: Array, plane: float) -> Array:
    """What of triangles (T, 3, 3) has x · way <= plane, as triangles; a whole one keeps its corners' order."""
    height = triangles @ way - plane
    below = height <= 0
    count = below.sum(axis=1)
    out = [triangles[count == 3]]
    for lonely, keep in ((1, True), (2, False)):
        mine = count == lonely
        # the corner that is alone on its side comes first
        first = (below[mine] == keep).argmax(axis=1)
        order = (first[:, None] + np.arange(3)) % 3
        p = np.take_along_axis(triangles[mine], order[..., None], axis=1)
        h = np.take_along_axis(height[mine], order, axis=1)
        a, b, c = p[:, 0], p[:, 1], p[:, 2]
        ab = a + (b - a) * (h[:, 0] / (h[:, 0] - h[:, 1]))[:, None]
        ac = a + (c - a) * (h[:, 0] / (h[:, 0] - h[:, 2]))[:, None]
        pieces = [(a, ab, ac)] if keep else [(ab, b, c), (ab, c, ac)]
        out += [np.stack(piece, axis=1) for piece in pieces]
    return np.concatenate(out)


def refined(triangles: Array, longest: float) -> Array:
    """Triangles (T, 3, 3) quartered until no edge is longer."""
    done = []
    for _ in range(12):
        edges = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
        done.append(triangles[edges <= longest])
        a, b, c = (triangles[edges > longest][:, k] for k in range(3))
        if not len(a):
            break
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        pieces = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
        triangles = np.concatenate([np.stack(piece, axis=1) for piece in pieces])
    else:
        done.append(triangles)
    return np.concatenate(done)


def _spaced(points: Array, spacing: float) -> Array:
    """One point of each cell of a grid."""
    _, first = np.unique(np.floor(points / spacing).astype(np.int64), axis=0, return_index=True)
    return points[first]


def interior(points: Array, faces: Array) -> tuple[Array, float]:
    """Points (N, 3) inside of the surface on a grid, and the volume that each stands for."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    step = float((high - low).max()) / GRID
    axes = [np.arange(a + 0.4987 * step, b, step) for a, b in zip(low, high, strict=True)]
    within = Inside(points, faces)
    found = [within.column(x, y, axes[2]) for x in axes[0] for y in axes[1]]
    inside = np.concatenate(found) if found else np.zeros((0, 3))
    return inside, step**3


class Inside:
    """Which points a surface encloses: where more of it was entered than left, coming from below.

    An open surface encloses what is between two sheets that face away from each other.
    """

    def __init__(self, points: Array, faces: Array) -> None:
        self.tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
        self.low, self.high = points.min(axis=0), points.max(axis=0)
        self.step = 1e-6 * float((self.high - self.low).max())

    def column(self, x: float, y: float, heights: Array) -> Array:
        """Those of the points (x, y, heights) that are inside, (N, 3)."""
        depth, at = 0, float(self.low[2]) - 1.0 * float(self.high[2] - self.low[2]) - self.step
        spans, entered = [], 0.0
        while True:
            place, normal, _, _ = self.tree.ray_cast(Vector((x, y, at)), Vector((0, 0, 1)))
            if place is None:
                break
            before, depth = depth, depth + (1 if normal.z < 0 else -1)
            if before <= 0 < depth:
                entered = place.z
            elif depth <= 0 < before:
                spans.append((entered, place.z))
            at = place.z + self.step
        inside = [z for low, high in spans for z in heights[(heights > low) & (heights < high)]]
        return np.array([(x, y, z) for z in inside]).reshape(-1, 3)
