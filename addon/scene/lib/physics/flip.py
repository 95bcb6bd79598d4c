# SPDX-License-Identifier: GPL-3.0-or-later
"""A liquid as particles that carry its speed and a grid that keeps it incompressible: FLIP (Zhu and Bridson 2005).

The grid lies about the particles at each step, so that there are no walls. Eight
particles fill a cell, none is ever lost. Solids are told by distance (`distance.Moving`), the floor is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import pressing

Array = NDArray[Any]
Solids = Callable[[Array], tuple[Array, Array, Array]]
"""Distance (N,), way out (N, 3) and velocity (N, 3) at points (N, 3)."""
PER_CELL = 8
_FLIP, _REACH, _MOST = 0.93, 2.5, 2_000_000
"""Share of a particle's own speed that is kept; cells that it may go in a step; cells of a grid."""
_THICK = 2e-5
"""m²/s beyond which viscosity is seen: that of oil is."""


@dataclass
class Liquid:
    """`points`, `speeds` (N, 3) in m and m/s; `cell` in metres; `viscosity` in m²/s; the floor is at height 0."""

    cell: float
    gravity: Array
    viscosity: float = 1e-6
    floor: bool = True
    points: Array = field(default_factory=lambda: np.zeros((0, 3)))
    speeds: Array = field(default_factory=lambda: np.zeros((0, 3)))

    @property
    def volume(self) -> float:
        """Of all particles, m³."""
        return len(self.points) * self.cell**3 / PER_CELL

    def add(self, points: Array, speed: Array) -> None:
        self.points = np.concatenate([self.points, points])
        self.speeds = np.concatenate([self.speeds, np.broadcast_to(speed, points.shape)])

    def steps(self, lasts: float) -> int:
        """So many steps that nothing goes too far in one."""
        fast = float(np.linalg.norm(self.speeds, axis=1).max(initial=0.0)) + float(np.linalg.norm(self.gravity)) * lasts
        return int(np.clip(np.ceil(fast * lasts / (_REACH * self.cell)), 1, 24))

    def step(self, lasts: float, solids: Solids) -> None:
        """Go on by so many seconds."""
        if not len(self.points):
            return
        self.speeds = self.speeds + 0.5 * lasts * self.gravity  # half before, half after: it falls by ½gt² exactly
        grid = _Grid.about(self.points, self.cell)
        faces, weights = grid.gathered(self.points, self.speeds)
        before = [each.copy() for each in faces]
        solid, own = grid.solid(solids, self.floor)
        if self.viscosity > _THICK:
            pressing.thicken(faces, weights, solid, self.viscosity * lasts / self.cell**2)
        density = grid.density(self.points)
        known = pressing.press(faces, solid, own, density, self.cell, lasts)
        pressing.extend(faces, known)
        keep = _FLIP if self.viscosity <= _THICK else 0.0
        new = grid.read(faces, self.points)
        old = grid.read(before, self.points)
        self.speeds = new + keep * (self.speeds - old)
        self._move(lasts, grid, faces, solids)
        self.speeds += 0.5 * lasts * self.gravity

    def _move(self, lasts: float, grid: _Grid, faces: list[Array], solids: Solids) -> None:
        """Along the grid's speed (midpoint), in parts so short that no wall is jumped over."""
        for _ in range(3):
            middle = self.points + 0.5 * lasts / 3 * grid.read(faces, self.points)
            self.points = self.points + lasts / 3 * grid.read(faces, middle)
            far, way, speed = solids(self.points)
            deep = 0.3 * self.cell - far
            hit = np.flatnonzero(deep > 0)
            self.points[hit] += deep[hit, None] * way[hit]
            into = np.minimum(((self.speeds[hit] - speed[hit]) * way[hit]).sum(axis=1, keepdims=True), 0.0)
            self.speeds[hit] -= into * way[hit]
            if self.floor:
                low = 0.2 * self.cell
                below = self.points[:, 2] < low
                self.points[below, 2] = low
                self.speeds[below, 2] = np.maximum(self.speeds[below, 2], 0.0)


@dataclass(frozen=True)
class _Grid:
    """Cells of side `cell` from `low` (3,), a multiple of it; `shape` (3,). Speeds sit on faces, one more each way."""

    low: Array
    shape: tuple[int, int, int]
    cell: float

    @classmethod
    def about(cls, points: Array, cell: float) -> _Grid:
        """With three cells to spare; about most of the points where some have gone too far."""
        low, high = points.min(axis=0), points.max(axis=0)
        if np.prod((high - low) / cell + 7) > _MOST:
            low, high = np.quantile(points, 0.02, axis=0), np.quantile(points, 0.98, axis=0)
        low = np.floor(low / cell) * cell - 3 * cell
        nx, ny, nz = (int(n) for n in np.ceil((high - low) / cell).astype(int) + 4)
        return cls(low, (nx, ny, nz), cell)

    def centres(self) -> Array:
        """(X, Y, Z, 3) in metres."""
        axes = [self.low[a] + self.cell * (np.arange(self.shape[a]) + 0.5) for a in range(3)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)

    def solid(self, solids: Solids, floor: bool) -> tuple[Array, Array]:
        """Which cells are solid (X, Y, Z), walls at least a cell thick, and how these move (X, Y, Z, 3)."""
        centres = self.centres()
        far, _, speed = solids(centres.reshape(-1, 3))
        solid = (far < 0.5 * self.cell).reshape(self.shape)
        if floor:
            solid |= centres[..., 2] < 0
        return solid, speed.reshape(*self.shape, 3)

    def density(self, points: Array) -> Array:
        """Particles by `PER_CELL` of each cell (X, Y, Z)."""
        index = self._inside(np.floor((points - self.low) / self.cell).astype(int), self.shape)
        count = np.bincount(np.ravel_multi_index(tuple(index.T), self.shape), minlength=int(np.prod(self.shape)))
        return count.reshape(self.shape) / PER_CELL

    def _inside(self, index: Array, shape: Any) -> Array:
        return np.clip(index, 0, np.array(shape) - 1)

    def _corners(self, points: Array, axis: int) -> tuple[list[Array], list[Array], tuple[int, ...]]:
        """The eight faces about each point, flat numbers, and their weights."""
        shape = tuple(n + (a == axis) for a, n in enumerate(self.shape))
        shift = np.full(3, 0.5)
        shift[axis] = 0.0
        place = np.clip((points - self.low) / self.cell - shift, 0, np.array(shape) - 1.001)
        base = place.astype(int)
        part = place - base
        flat = (base[:, 0] * shape[1] + base[:, 1]) * shape[2] + base[:, 2]
        numbers, weights = [], []
        for a in (0, 1):
            for b in (0, 1):
                for c in (0, 1):
                    numbers.append(flat + (a * shape[1] + b) * shape[2] + c)
                    near = [part[:, k] if one else 1 - part[:, k] for k, one in enumerate((a, b, c))]
                    weights.append(near[0] * near[1] * near[2])
        return numbers, weights, shape

    def gathered(self, points: Array, speeds: Array) -> tuple[list[Array], list[Array]]:
        """Speeds on faces and what weighs there."""
        faces, heavy = [], []
        for axis in range(3):
            numbers, weights, shape = self._corners(points, axis)
            number, weight = np.concatenate(numbers), np.concatenate(weights)
            size = int(np.prod(shape))
            mass = np.bincount(number, weight, size)
            total = np.bincount(number, weight * np.tile(speeds[:, axis], 8), size)
            mass[mass < 1e-6] = 0.0
            faces.append(np.divide(total, mass, out=np.zeros(size), where=mass > 0).reshape(shape))
            heavy.append(mass.reshape(shape))
        return faces, heavy

    def read(self, faces: list[Array], points: Array) -> Array:
        """Speeds (N, 3) at points."""
        out = np.empty_like(points)
        for axis in range(3):
            numbers, weights, _ = self._corners(points, axis)
            flat = faces[axis].reshape(-1)
            out[:, axis] = sum(flat[number] * weight for number, weight in zip(numbers, weights, strict=True))
        return out
