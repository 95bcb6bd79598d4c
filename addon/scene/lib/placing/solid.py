# SPDX-License-Identifier: GPL-3.0-or-later
"""A thing as what can be run into: how far one comes down on another, and whether two are in each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

Array = NDArray[Any]
_POINTS, _LINES = 300, 12
"""Corners and lines a side that are looked along where one thing comes down on another."""
_DOWN, _UP = Vector((0, 0, -1)), Vector((0, 0, 1))


class Solid:
    """Points (V, 3) metres and faces, lists of their numbers, in the frame that is put somewhere."""

    def __init__(self, points: Array, faces: list[tuple[int, ...]]) -> None:
        self.points: Array = np.asarray(points, float)
        self.faces = faces
        self.low, self.high = self.points.min(axis=0), self.points.max(axis=0)
        self._tops: dict[int, Array] = {}

    @cached_property
    def tree(self) -> BVHTree:
        return BVHTree.FromPolygons([Vector(p) for p in self.points], self.faces)

    @cached_property
    def few(self) -> Array:
        """Corners (P, 3) that are enough to find a contact."""
        if len(self.points) <= _POINTS:
            return self.points
        some: Array = self.points[np.linspace(0, len(self.points) - 1, _POINTS).astype(int)]
        return some

    @property
    def size(self) -> tuple[float, float, float]:
        w, d, h = (self.high - self.low).tolist()
        return w, d, h

    def turned(self, rotation: Array) -> Solid:
        """By a matrix (3, 3) about its origin."""
        if np.allclose(rotation, np.eye(3)):
            return self
        return Solid(self.points @ rotation.T, self.faces)

    def top(self, x: float, y: float) -> float | None:
        """Height of its upper side, or None beside it."""
        hit = self.tree.ray_cast(Vector((x, y, self.high[2] + 1.0)), _DOWN)[0]
        return None if hit is None else float(hit[2])

    def bottom(self, x: float, y: float) -> float | None:
        hit = self.tree.ray_cast(Vector((x, y, self.low[2] - 1.0)), _UP)[0]
        return None if hit is None else float(hit[2])

    def tops(self, cells: int) -> Array:
        """Upper side (cells, cells) over its own box, x the first axis; NaN where nothing is."""
        if cells not in self._tops:
            self._tops[cells] = self._seen_from_above(cells)
        return self._tops[cells]

    def _seen_from_above(self, cells: int) -> Array:
        xs, ys = (np.linspace(self.low[k], self.high[k], 2 * cells + 1)[1::2] for k in (0, 1))
        found = [[self.top(x, y) for y in ys] for x in xs]
        return np.array([[np.nan if z is None else z for z in row] for row in found])


@dataclass
class Placed:
    """A solid with its base centre at `place` (3,). `of` is the id of its line of the cast.

    `soft`: others may be in it, for it gives way (water, wind, a cloth).
    """

    solid: Solid
    place: Array
    of: str
    soft: bool = False

    @property
    def low(self) -> Array:
        out: Array = self.solid.low + self.place
        return out

    @property
    def high(self) -> Array:
        out: Array = self.solid.high + self.place
        return out

    def beneath(self, other: Placed, gap: float = 0.0) -> bool:
        """Their shadows on the floor meet."""
        return bool((self.low[:2] < other.high[:2] + gap).all() and (other.low[:2] < self.high[:2] + gap).all())


def rest(upper: Solid, x: float, y: float, lower: Placed) -> float | None:
    """The height of the upper one's base at which it touches the lower one, coming from above; None beside it."""
    shift = np.array([x - lower.place[0], y - lower.place[1]])
    low = np.maximum(upper.low[:2] + shift, lower.solid.low[:2])
    high = np.minimum(upper.high[:2] + shift, lower.solid.high[:2])
    if (low >= high).any():
        return None
    need = [-np.inf]
    for point in upper.few[((upper.few[:, :2] + shift >= low) & (upper.few[:, :2] + shift <= high)).all(axis=1)]:
        below = lower.solid.top(point[0] + shift[0], point[1] + shift[1])
        if below is not None:
            need.append(below - point[2])
    theirs = lower.solid.few
    for point in theirs[((theirs[:, :2] >= low) & (theirs[:, :2] <= high)).all(axis=1)]:
        above = upper.bottom(point[0] - shift[0], point[1] - shift[1])
        if above is not None:
            need.append(point[2] - above)
    inner = np.linspace(0.02, 0.98, _LINES)
    for px in low[0] + (high[0] - low[0]) * inner:
        for py in low[1] + (high[1] - low[1]) * inner:
            above = upper.bottom(px - shift[0], py - shift[1])
            below = lower.solid.top(px, py) if above is not None else None
            if above is not None and below is not None:
                need.append(below - above)
    most = max(need)
    return float(most + lower.place[2]) if np.isfinite(most) else None


def settle_on(upper: Solid, x: float, y: float, lowers: list[Placed]) -> float:
    """The height of the base at which it rests on whatever of these is below it, else on the floor."""
    height = -float(upper.low[2])
    for each in sorted(lowers, key=lambda lower: -float(lower.high[2])):
        if float(each.high[2]) - float(upper.low[2]) > height:  # else it is too low to matter
            z = rest(upper, x, y, each)
            height = height if z is None else max(height, z)
    return height


def overlap(a: Placed, b: Placed, slack: float) -> bool:
    """They are in each other by more than `slack` metres: whichever is made smaller by that, they still are.

    Both are tried, since what is hollow comes nearer to what is in it when it is made smaller.
    """
    if (a.low + slack >= b.high).any() or (b.low + slack >= a.high).any():
        return False
    return _meet(a, b, slack) and _meet(b, a, slack)


def _meet(a: Placed, b: Placed, slack: float) -> bool:
    """Their surfaces cross, or one is inside the other, with b smaller by `slack` on each side."""
    middle, size = (b.solid.low + b.solid.high) / 2, np.maximum(b.solid.high - b.solid.low, 1e-9)
    scale = np.clip(1 - 2 * slack / size, 0.5, 1.0)
    points = (b.solid.points - middle) * scale + middle + b.place - a.place
    smaller = BVHTree.FromPolygons([Vector(p) for p in points], b.solid.faces)
    if a.solid.tree.overlap(smaller):
        return True
    return _inside(points[0], a.solid.tree) or _inside(a.solid.points[0], smaller)


def _inside(point: Array, tree: BVHTree) -> bool:
    """A line from the point meets the surface an odd number of times, along three ways."""
    ways = (Vector((0.31, 0.17, 0.93)), Vector((-0.83, 0.41, 0.37)), Vector((0.13, -0.9, -0.41)))
    return all(_crossings(tree, Vector(point), way.normalized()) % 2 for way in ways)


def _crossings(tree: BVHTree, start: Vector, way: Vector) -> int:
    count = 0
    while count < 64:
        hit = tree.ray_cast(start, way)[0]
        if hit is None:
            break
        count += 1
        start = hit + way * 1e-6
    return count
