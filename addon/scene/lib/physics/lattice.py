# SPDX-License-Identifier: GPL-3.0-or-later
"""An elastic body as a lattice of cells about its mesh; each cell pulls its corners to its own shape, turned as it is.

Corotated shape matching with forces (after Müller et al. 2005 and Rivers and James 2007), stepped by symplectic Euler.
A cell of side h pulls with k = E h / 2, for stretched by a share e it then stores ½ E e² h³, as a solid does; the part
of the deformation that changes no volume is pulled back less, the nearer Poisson's ratio is to a half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Solids = Callable[[Array], tuple[Array, Array, Array]]
"""Distance (N,), way out (N, 3) and velocity (N, 3) at points (N, 3)."""
_STIFF = 0.35
"""Of a corner's own frequency by the step: a stiffer body is made softer, down to what the step can follow."""
CORNERS = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])


@dataclass
class Lattice:
    """`nodes`, `speeds` (N, 3); `cells` (C, 8) of them; `rest` (8, 3) of any cell about its middle.

    `skin` (V, 8) nodes and `share` (V, 8) put the mesh's vertices between the nodes. `masses` (N,) in kg.
    """

    nodes: Array
    cells: Array
    rest: Array
    skin: Array
    share: Array
    masses: Array
    held: Array
    side: float
    young: float
    poisson: float
    friction: float

    def __post_init__(self) -> None:
        self.speeds = np.zeros_like(self.nodes)
        self.turns = np.tile(np.eye(3), (len(self.cells), 1, 1))

    @property
    def points(self) -> Array:
        """Of the mesh (V, 3)."""
        out: Array = (self.nodes[self.skin] * self.share[..., None]).sum(axis=1)
        return out

    def longest(self, step: float) -> float:
        """A step that follows it at its own stiffness, `step` seconds at least."""
        stiff, _ = self.stiffness(step)
        return float((_STIFF * np.median(self.masses) / (8 * stiff)) ** 0.5)

    def stiffness(self, step: float) -> tuple[float, float]:
        """Newtons by metre of a cell's corner, and the share of the pull that keeps volume alone."""
        even = min(0.85, max(0.0, 2 * self.poisson - 0.1))
        most = _STIFF * float(np.median(self.masses)) / step**2 / 8
        return min(0.5 * self.young * self.side / (1 - even), most), even

    def step(self, lasts: float, gravity: Array, pull: Array, solids: Solids, damping: float) -> None:
        """Go on by so many seconds; `pull` (3,) or (N, 3) is what else accelerates it, m/s²."""
        stiff, even = self.stiffness(lasts)
        corners = self.nodes[self.cells]
        middle = corners.mean(axis=1, keepdims=True)
        away = corners - middle
        bent = np.einsum("cki,kj->cij", away, self.rest) / (2 * self.side**2)
        self.turns = _turned(bent, self.turns)
        size = np.cbrt(np.clip(np.linalg.det(bent), 0.3, 3.0))
        kept = bent / size[:, None, None]
        wild = (np.linalg.norm(bent - self.turns, axis=(1, 2)) > 1.2)[:, None, None]
        goal = np.where(wild, self.turns, even * kept + (1 - even) * self.turns)
        force = stiff * (np.einsum("cij,kj->cki", goal, self.rest) - away)
        own = self.speeds[self.cells]
        force -= damping * stiff * (own - own.mean(axis=1, keepdims=True) - _spin(own, away))
        total = _sum(self.cells, force, len(self.nodes))
        self.speeds += lasts * (gravity + pull + total / self.masses[:, None])
        self._touch(lasts, solids)
        self.speeds[self.held] = 0.0
        self.nodes = self.nodes + lasts * self.speeds

    def _touch(self, lasts: float, solids: Solids) -> None:
        """Skin that is in something takes its nodes out with it, and rubs."""
        points = self.points
        far, way, speed = solids(points)
        hit = np.flatnonzero(far < 0)
        if not len(hit):
            return
        own = (self.speeds[self.skin[hit]] * self.share[hit][..., None]).sum(axis=1) - speed[hit]
        into = (own * way[hit]).sum(axis=1, keepdims=True)
        out = np.maximum(-into, 0.0) + np.minimum(0.15 * -far[hit, None] / lasts, 1.5)
        slide = own - into * way[hit]
        fast = np.linalg.norm(slide, axis=1, keepdims=True)
        rubbed = np.minimum(1.0, self.friction * out / np.maximum(fast, 1e-9)) * slide
        change = out * way[hit] - rubbed
        share = self.share[hit]
        weight = np.bincount(self.skin[hit].reshape(-1), share.reshape(-1), len(self.nodes))
        total = _sum(self.skin[hit], share[..., None] * change[:, None], len(self.nodes))
        self.speeds += total / np.maximum(weight, 0.3)[:, None]


def _sum(numbers: Array, values: Array, count: int) -> Array:
    """Rows (count, 3) of the `values` (A, B, 3) added up by `numbers` (A, B)."""
    flat = numbers.reshape(-1)
    return np.stack([np.bincount(flat, values[..., a].reshape(-1), count) for a in range(3)], axis=1)


def _spin(speeds: Array, away: Array) -> Array:
    """The part of corners' speeds (C, 8, 3) that only turns the cell."""
    momentum = np.cross(away, speeds).sum(axis=1)
    inertia = (away**2).sum(axis=(1, 2))[:, None] * (2 / 3)
    return np.cross((momentum / np.maximum(inertia, 1e-12))[:, None], away)


def _turned(bent: Array, turns: Array) -> Array:
    """The rotations (C, 3, 3) in deformations, from those of the step before: two rounds of Müller et al. 2016."""
    for _ in range(2):
        twist = np.cross(turns, bent, axis=1).sum(axis=2)
        scale = np.abs((turns * bent).sum(axis=(1, 2)))[:, None] + 1e-9
        turns = _exp(twist / scale) @ turns
    return turns


def _exp(twist: Array) -> Array:
    """Rotations (C, 3, 3) by vectors (C, 3)."""
    angle = np.linalg.norm(twist, axis=1)[:, None, None]
    x, y, z = (twist / np.maximum(angle[:, 0], 1e-12)).T
    zero = np.zeros_like(x)
    across = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    out: Array = np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * (across @ across)
    return out


def build(
    points: Array, volume: float, density: float, filled: Callable[[Array], Array], pins: Array, side: float,
    elastic: tuple[float, float, float],
) -> Lattice:  # fmt: skip
    """About mesh vertices (V, 3): the cells that hold some of them, or whose middle (N, 3) `filled` says is inside."""
    low = points.min(axis=0) - 1e-6 * side
    shape = np.maximum(np.ceil((points.max(axis=0) - low) / side + 1e-6).astype(int), 1)
    low = (points.min(axis=0) + points.max(axis=0) - shape * side) / 2
    at = np.clip(((points - low) / side).astype(int), 0, shape - 1)
    used = np.zeros(shape, bool)
    used[tuple(at.T)] = True
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1).reshape(-1, 3)
    inside = filled(low + side * (index + 0.5))
    used[tuple(index[inside].T)] = True
    chosen = np.argwhere(used)
    flat = np.ravel_multi_index(tuple((chosen[:, None] + CORNERS).reshape(-1, 3).T), tuple(shape + 1))
    names, numbers = np.unique(flat, return_inverse=True)
    cells = numbers.reshape(-1, 8)
    nodes = low + side * np.stack(np.unravel_index(names, tuple(shape + 1)), axis=1)
    where = np.full(tuple(shape), -1)
    where[tuple(chosen.T)] = np.arange(len(chosen))
    part = (points - low) / side - at
    near = np.where(CORNERS[None] == 1, part[:, None], 1 - part[:, None])
    masses = np.bincount(cells.reshape(-1), minlength=len(nodes)) * (volume * density / cells.size)
    skin = cells[where[tuple(at.T)]]
    held = np.unique(skin[pins]) if len(pins) else np.zeros(0, int)
    return Lattice(nodes, cells, (CORNERS - 0.5) * side, skin, near.prod(axis=2), masses, held, side, *elastic)
