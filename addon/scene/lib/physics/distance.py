# SPDX-License-Identifier: GPL-3.0-or-later
"""How far points are from solids, for solvers of ours: a solid is looked at once, on a grid that goes along with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ..mesh.inside import Inside
from .enclosing import Solid, rigid

Array = NDArray[Any]
_BAND = 3.0
"""Cells from the surface within which the distance is exact; beyond it is that much."""
_MOST = 44
"""Cells along the longest side."""


@dataclass(frozen=True)
class Grid:
    """`values` (X, Y, Z): metres from the surface, less than 0 inside, at `low` + `cell` times the index."""

    name: str
    values: Array
    low: Array
    cell: float

    @classmethod
    def of(cls, solid: Solid, finest: float, beat: Callable[[], None]) -> Grid:
        """Of a solid, in its frame; cells of `finest` metres or as coarse as `_MOST` asks."""
        cell = max(finest, float((solid.high - solid.low).max()) / _MOST)
        low = solid.low - (_BAND + 1) * cell
        count = np.ceil((solid.high - solid.low) / cell + 2 * (_BAND + 1)).astype(int) + 1
        values = np.full(count, _BAND * cell)
        encloses = Inside(solid.points.astype(float), solid.faces)
        heights = low[2] + cell * np.arange(count[2])
        for i in range(count[0]):
            beat()
            for j in range(count[1]):
                x, y = low[0] + i * cell, low[1] + j * cell
                for k in range(count[2]):
                    hit = solid.tree.find_nearest(Vector((x, y, heights[k])), _BAND * cell)
                    if hit[0] is not None:
                        values[i, j, k] = hit[3]
                for z in encloses.column(x, y, heights)[:, 2]:
                    k = round((z - low[2]) / cell)
                    values[i, j, k] *= -1
        return cls(solid.name, values, low, cell)

    def at(self, points: Array) -> tuple[Array, Array]:
        """Distance (N,) and the way out (N, 3) of points (N, 3) in its frame."""
        found = np.full(len(points), _BAND * self.cell)
        ways = np.zeros((len(points), 3))
        place = (points - self.low).T / self.cell
        x, y, z = self.values.shape
        inside = (place >= 0).all(axis=0) & (place[0] < x - 1.001) & (place[1] < y - 1.001) & (place[2] < z - 1.001)
        near = np.flatnonzero(inside)
        if not len(near):
            return found, ways
        place = place[:, near]
        base = place.astype(np.intp)
        u, v, w = place - base
        flat, whole = (base[0] * y + base[1]) * z + base[2], self.values.reshape(-1)
        corner = whole[np.array([(a * y + b) * z + c for a in (0, 1) for b in (0, 1) for c in (0, 1)])[:, None] + flat]
        square = corner[:4] + u * (corner[4:] - corner[:4])
        line = square[:2] + v * (square[2:] - square[:2])
        found[near] = line[0] + w * (line[1] - line[0])
        close = np.flatnonzero(found[near] < 0.99 * _BAND * self.cell)
        corner, square, v, w = corner[:, close], square[:, close], v[close], w[close]
        slope = corner[4:] - corner[:4]
        slope = slope[:2] + v * (slope[2:] - slope[:2])
        dy, rise = square[2:] - square[:2], line[:, close]
        way = np.stack([slope[0] + w * (slope[1] - slope[0]), dy[0] + w * (dy[1] - dy[0]), rise[1] - rise[0]], axis=1)
        ways[near[close]] = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        return found, ways


@dataclass(frozen=True)
class Moving:
    """A solid and where it goes: world matrices `places` (F, 4, 4) at the frames, the first being frame 1."""

    grid: Grid
    places: Array

    def at(self, points: Array, frame: float, lasts: float) -> tuple[Array, Array, Array]:
        """Distance (N,), way out (N, 3) and the solid's own velocity there (N, 3) in m/s, at `frame` counted from 0.

        `lasts` is the time of a frame in seconds.
        """
        first = int(np.clip(frame, 0, len(self.places) - 1))
        after = min(first + 1, len(self.places) - 1)
        share = min(max(frame - first, 0.0), 1.0)
        turn, shift = rigid((1 - share) * self.places[first] + share * self.places[after])
        own = (points - shift) @ turn
        found, ways = self.grid.at(own)
        speed: Array = np.zeros_like(points)
        if after != first and not np.array_equal(self.places[after], self.places[first]):
            (a, at_a), (b, at_b) = rigid(self.places[first]), rigid(self.places[after])
            speed = np.asarray(((own @ b.T + at_b) - (own @ a.T + at_a)) / lasts)
        return found, ways @ turn.T, speed


def grids(
    objects: list[bpy.types.Object], places: dict[str, Array], finest: float, beat: Callable[[], None]
) -> list[Moving]:
    """Of all objects with faces, as modifiers leave them at the scene's frame."""
    out = []
    for obj in objects:
        solid = Solid.of(obj)
        if solid:
            out.append(Moving(Grid.of(solid, finest, beat), places[obj.name]))
    return out
