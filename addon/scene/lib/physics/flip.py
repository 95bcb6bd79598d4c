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
Spot = tuple[Array, Array]
"""The eight faces about each point, flat numbers (8, N), and their weights (8, N)."""
PER_CELL = 8
_FLIP, _REACH, _SHORT, _MOST = 0.93, 2.5, 0.7, 2_000_000
"""Share of a particle's own speed that it keeps in 1/240 s; cells that it may go in a step, at once; of a grid."""
_WALL, _GAP = 0.5, 0.3
"""Cells from a wall nearer than which a cell is solid, so that thin walls are whole, and particles are pushed away."""
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
        spots = grid.spots(self.points)
        faces, weights = grid.gathered(spots, self.speeds)
        before = [each.copy() for each in faces]
        solid, own = grid.solid(solids, self.floor)
        if self.viscosity > _THICK:
            pressing.thicken(faces, weights, solid, self.viscosity * lasts / self.cell**2)
        density = grid.density(self.points)
        known = pressing.press(faces, solid, own, density, self.cell, lasts)
        pressing.extend(faces, known)
        keep = _FLIP ** (lasts * 240) if self.viscosity <= _THICK else 0.0
        new = grid.read(faces, spots)
        self.speeds = new + keep * (self.speeds - grid.read(before, spots)) if keep else new
        self._move(lasts, grid, faces, solids)
        self.speeds += 0.5 * lasts * self.gravity

    def _move(self, lasts: float, grid: _Grid, faces: list[Array], solids: Solids) -> None:
        """Along the grid's speed (midpoint); what goes far in parts so short that no wall is jumped over."""
        way = grid.read(faces, grid.spots(self.points))
        far = np.linalg.norm(way, axis=1) * lasts > _SHORT * self.cell
        self._part(np.flatnonzero(~far), way[~far], lasts, grid, faces, solids)
        fast = np.flatnonzero(far)
        for number in range(3 if len(fast) else 0):
            start = way[fast] if number == 0 else grid.read(faces, grid.spots(self.points[fast]))
            self._part(fast, start, lasts / 3, grid, faces, solids)

    def _part(self, who: Array, way: Array, lasts: float, grid: _Grid, faces: list[Array], solids: Solids) -> None:
        """Of some particles, whose grid's speed is `way`; out of what is solid, and not on into it."""
        points = self.points[who]
        points = points + lasts * grid.read(faces, grid.spots(points + 0.5 * lasts * way))
        far, out, speed = solids(points)
        deep = _GAP * self.cell - far
        hit = np.flatnonzero(deep > 0)
        points[hit] += deep[hit, None] * out[hit]
        speeds = self.speeds[who]
        into = np.minimum(((speeds[hit] - speed[hit]) * out[hit]).sum(axis=1, keepdims=True), 0.0)
        speeds[hit] -= into * out[hit]
        if self.floor:
            low = 0.2 * self.cell
            below = points[:, 2] < low
            points[below, 2] = low
            speeds[below, 2] = np.maximum(speeds[below, 2], 0.0)
        self.points[who], self.speeds[who] = points, speeds


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
        solid = (far < _WALL * self.cell).reshape(self.shape)
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

    def spots(self, points: Array) -> list[Spot]:
        """Where points (N, 3) are among the faces across each axis."""
        place = (points - self.low).T / self.cell
        return [self._spot(place, axis) for axis in range(3)]

    def _spot(self, place: Array, axis: int) -> Spot:
        shape = self.faces(axis)
        near = []
        flat: Any = 0
        for a in range(3):
            x = np.minimum(np.maximum(place[a] - (0.0 if a == axis else 0.5), 0.0), shape[a] - 1.001)
            base = x.astype(np.intp)
            part = x - base
            flat = flat * shape[a] + base
            near.append(np.stack([1.0 - part, part]))
        steps = np.array([(a * shape[1] + b) * shape[2] + c for a in (0, 1) for b in (0, 1) for c in (0, 1)])
        across = (near[0][:, None] * near[1][None]).reshape(4, 1, -1)
        return steps[:, None] + flat[None], (across * near[2][None]).reshape(8, -1)

    def faces(self, axis: int) -> tuple[int, ...]:
        """So many are across an axis (3,)."""
        return tuple(n + (a == axis) for a, n in enumerate(self.shape))

    def gathered(self, spots: list[Spot], speeds: Array) -> tuple[list[Array], list[Array]]:
        """Speeds on faces and what weighs there."""
        faces, heavy = [], []
        for axis, (numbers, weights) in enumerate(spots):
            shape = self.faces(axis)
            size = int(np.prod(shape))
            mass = np.bincount(numbers.ravel(), weights.ravel(), size)
            total = np.bincount(numbers.ravel(), (weights * speeds[:, axis]).ravel(), size)
            mass[mass < 1e-6] = 0.0
            faces.append(np.divide(total, mass, out=np.zeros(size), where=mass > 0).reshape(shape))
            heavy.append(mass.reshape(shape))
        return faces, heavy

    def read(self, faces: list[Array], spots: list[Spot]) -> Array:
        """Speeds (N, 3) at points."""
        values = [np.einsum("kn,kn->n", faces[a].reshape(-1)[numbers], w) for a, (numbers, w) in enumerate(spots)]
        return np.stack(values, axis=1)
