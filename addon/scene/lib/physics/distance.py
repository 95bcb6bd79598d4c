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
        place = (points - self.low) / self.cell
        near = np.flatnonzero(((place >= 0) & (place < np.array(self.values.shape) - 1.001)).all(axis=1))
        if not len(near):
            return found, ways
        base = place[near].astype(int)
        part = place[near] - base
        corner = np.empty((2, 2, 2, len(near)))
        for a in (0, 1):
            for b in (0, 1):
                for c in (0, 1):
                    corner[a, b, c] = self.values[base[:, 0] + a, base[:, 1] + b, base[:, 2] + c]
        x, y, z = part.T
        flat = corner[0] * (1 - x) + corner[1] * x
        line = flat[0] * (1 - y) + flat[1] * y
        found[near] = line[0] * (1 - z) + line[1] * z
        slope = corner[1] - corner[0]
        dx = (slope[0] * (1 - y) + slope[1] * y)[0] * (1 - z) + (slope[0] * (1 - y) + slope[1] * y)[1] * z
        dy = (flat[1] - flat[0])[0] * (1 - z) + (flat[1] - flat[0])[1] * z
        way = np.stack([dx, dy, line[1] - line[0]], axis=1)
        ways[near] = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
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
        found, ways = self.grid.at((points - shift) @ turn)
        speed: Array = np.zeros_like(points)
        if after != first and not np.array_equal(self.places[after], self.places[first]):
            own = (points - shift) @ turn
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
