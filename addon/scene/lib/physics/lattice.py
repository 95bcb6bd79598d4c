# SPDX-License-Identifier: GPL-3.0-or-later
"""Elastic bodies as lattices of cells about their meshes, all of a scene in one set of arrays.

Each cell has one mean deformation F (corotated linear elasticity, one point of integration, hourglass modes held by the
shear modulus). Its shape is pulled back by forces, stepped by symplectic Euler: the step follows the waves of shear,
which are slow. Its volume is kept by a pressure that is solved for all cells at once, implicitly (compliant constraint
after Macklin et al. 2016, by conjugate gradients), so that what cannot be pressed together costs no finer steps.
Components come first in all arrays, for numpy is quick along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Touch = Callable[["Lattice", float], "Array | None"]
"""Changes nodes and speeds of a lattice by what it meets in so many seconds; returns the directions (3, N), of length 1
or 0, along which nodes are held back."""
CORNERS = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
_UNIT = CORNERS - 0.5
_BENT = np.eye(8) - 1 / 8 - _UNIT @ _UNIT.T / 2
"""Of a cell's corners (8,): what is neither a shift nor a linear change."""
_HOURGLASS = 0.25
"""Of shear modulus times side: stiffness of the modes that one point of integration does not see."""
_FOLLOWS, _LAG = 0.4, 0.12
"""Of a cell's side: how far shear waves may go in a step; of the square of their time across it, by the step: the
longest lag of damping that it follows."""
_STRIDE, _MANY = 0.2, 200
"""Of a cell's side: how far anything may go in a step; steps of a frame beyond which it may go farther."""
_TIGHT = 1e4
"""m²/s²: what is nearly incompressible is given that bulk modulus by its density, sound at 100 m/s."""
_FLUID = 0.45
"""Poisson's ratio from which it is: tables say 0.49 of what has a bulk modulus of gigapascals."""
_ROUNDS, _GOOD = 60, 2e-4
"""Of conjugate gradients: at most, and the change of volume, as a share, that may be left (root of the mean square)."""
_LEAST = 0.15
"""Share of a cell that counts as filled at least."""


@dataclass
class Lattice:
    """`nodes` (3, N) and `speeds`; `cells` (8, C) of them; by cell `sides` in metres, filled `volumes`, `shear` modulus
    and Lamé's `lame` in Pa, `lag` in seconds of damping and `density`; `masses` (N,) in kg; `held` nodes.

    `skin` (8, V) nodes and `share` (8, V) put meshes' vertices between the nodes; `owner` (V,), `home` (C,) and `whose`
    (N,) say of which body.
    """

    nodes: Array
    cells: Array
    sides: Array
    volumes: Array
    shear: Array
    lame: Array
    lag: Array
    density: Array
    masses: Array
    held: Array
    skin: Array
    share: Array
    owner: Array
    home: Array
    whose: Array

    def __post_init__(self) -> None:
        self.speeds = np.zeros_like(self.nodes)
        self.turns = np.repeat(np.eye(3)[:, :, None], self.cells.shape[1], axis=2)
        self.rest = self.nodes.copy()
        self.pressure = np.zeros(self.cells.shape[1])
        self.flat = self.cells.reshape(-1)
        self.free = 1 / self.masses
        self.free[self.held] = 0.0

    @property
    def points(self) -> Array:
        """Of the meshes (V, 3)."""
        out: Array = (self.nodes[:, self.skin] * self.share).sum(axis=1).T
        return out

    def bent(self, values: Array, cells: Array) -> Array:
        """How values (3, N) of the nodes change by the metre at rest: (3, 3, C) of those cells."""
        out: Array = (_UNIT.T @ values[:, self.cells[:, cells]]) / (2 * self.sides[cells])
        return out

    def longest(self) -> float:
        """Seconds of a step that follows all cells at their own stiffness."""
        return float((_FOLLOWS * self.sides / np.sqrt(self.shear / self.density)).min())

    def quick(self, lasts: float, push: Array) -> int:
        """Steps in so many seconds for which nothing goes farther in one than `_STRIDE` of a cell."""
        speed = np.linalg.norm(self.speeds + lasts * push, axis=0)
        fast = float((speed[self.cells].max(axis=0) / self.sides).max(initial=0.0))
        return int(np.ceil(min(lasts * fast / _STRIDE, _MANY))) if np.isfinite(fast) else 1

    def soften(self, lasts: float) -> float:
        """Make what is too stiff for a step so soft that it follows; returns the least share of stiffness kept."""
        kept = np.minimum(1.0, (_FOLLOWS * self.sides / lasts) ** 2 * self.density / self.shear)
        self.shear = self.shear * kept
        return float(kept.min())

    def step(self, lasts: float, push: Array, touch: Touch) -> None:
        """Go on by so many seconds; `push` (3, N) or (3, 1) is what else accelerates it, m/s²."""
        corners, own = self.nodes[:, self.cells], self.speeds[:, self.cells]
        bent, rate = (_UNIT.T @ corners) / (2 * self.sides), (_UNIT.T @ own) / (2 * self.sides)
        self.turns = _turned(bent, self.turns)
        lag = np.minimum(self.lag, _LAG * self.sides**2 * self.density / (self.shear * lasts))
        spun = (self.turns[:, :, None] * rate[:, None]).sum(axis=0)  # seen from the cell's own frame
        spun = 0.5 * (spun + spun.transpose(1, 0, 2))
        pull = bent - self.turns + lag * (self.turns[:, :, None] * spun[None]).sum(axis=1)
        force = _UNIT @ (pull * (self.shear * self.volumes / self.sides))
        force += (_HOURGLASS * self.shear * self.volumes / self.sides**2) * (_BENT @ (corners + lag * own))
        total = self._sum(force)
        self.speeds = self.speeds + lasts * (push - total / self.masses)
        self.speeds[:, self.held] = 0.0
        against = touch(self, lasts)
        self._press(bent, lasts, against)
        self.nodes = self.nodes + lasts * self.speeds

    def _sum(self, values: Array) -> Array:
        """Of the corners' values (3, 8, C): (3, N)."""
        return np.stack([np.bincount(self.flat, each.reshape(-1), len(self.masses)) for each in values])

    def _press(self, bent: Array, lasts: float, against: Array | None) -> None:
        """Change the speeds so that the cells have their volumes after the step, as far as they resist."""
        around = _cross(bent[:, [1, 2, 0]], bent[:, [2, 0, 1]])
        size = (bent[:, 0] * around[:, 0]).sum(axis=0) - 1
        slope = around / (2 * self.sides)
        give = 1 / (self.lame * self.volumes * lasts)

        def spread(q: Array) -> Array:
            impulse = self._sum(_UNIT @ (slope * q))
            if against is not None:
                impulse -= against * (against * impulse).sum(axis=0)
            return np.asarray(impulse * self.free)

        def squeezed(speeds: Array) -> Array:
            return np.asarray((slope * (_UNIT.T @ speeds[:, self.cells])).sum(axis=(0, 1)))

        spring = 2 * (slope**2).sum(axis=(0, 1)) * self.free[self.cells].mean(axis=0)
        q = _solved(lambda x: lasts * squeezed(spread(x)) + give * x, size + lasts * squeezed(self.speeds),
                    lasts * spring + give, self.pressure)  # fmt: skip
        self.pressure = q
        self.speeds = self.speeds - spread(q)


def _solved(times: Callable[[Array], Array], right: Array, middle: Array, first: Array) -> Array:
    """Conjugate gradients (Jacobi) from a first guess."""
    x = first.copy()
    rest = right - times(x)
    eased = rest / middle
    way, old = eased, float(rest @ eased)
    for _ in range(_ROUNDS):
        if float(rest @ rest) <= _GOOD**2 * len(rest):
            break
        changed = times(way)
        far = old / max(float(way @ changed), 1e-300)
        x = x + far * way
        rest = rest - far * changed
        eased = rest / middle
        new = float(rest @ eased)
        way, old = eased + new / max(old, 1e-300) * way, new
    return x


def _cross(a: Array, b: Array) -> Array:
    """Along the first axis."""
    out: Array = a[[1, 2, 0]] * b[[2, 0, 1]] - a[[2, 0, 1]] * b[[1, 2, 0]]
    return out


def _turned(bent: Array, turns: Array) -> Array:
    """The rotations (3, 3, C) in deformations, from those of the step before: two rounds of Müller et al. 2016."""
    for _ in range(2):
        twist = _cross(turns, bent).sum(axis=1) / (np.abs((turns * bent).sum(axis=(0, 1))) + 1e-9)
        angle = np.linalg.norm(twist, axis=0)
        small = np.maximum(angle, 1e-9)
        once = _cross(twist[:, None], turns)
        twice = _cross(twist[:, None], once)
        turns = turns + np.sin(small) / small * once + (1 - np.cos(small)) / small**2 * twice
    return turns


def build(
    points: Array, density: float, filled: Callable[[Array], Array], volume: float, pins: Array, side: float,
    elastic: tuple[float, float, float],
) -> Lattice:  # fmt: skip
    """About points (V, 3) of a skin: the cells that hold some of them, or of which `filled` says that points (N, 3) are
    inside. `elastic`: Young's modulus, Poisson's ratio, and the share of critical damping of its slowest swing."""
    low = points.min(axis=0) - 1e-6 * side
    shape = np.maximum(np.ceil((points.max(axis=0) - low) / side - 1e-4).astype(int), 1)
    low = (points.min(axis=0) + points.max(axis=0) - shape * side) / 2
    at = np.clip(((points - low) / side).astype(int), 0, shape - 1)
    used = np.zeros(shape, bool)
    used[tuple(at.T)] = True
    share = _fill(shape, low, side, filled)
    chosen = np.argwhere(used | (share > 0.5))
    flat = np.ravel_multi_index(tuple((chosen[:, None] + CORNERS).reshape(-1, 3).T), tuple(shape + 1))
    names, numbers = np.unique(flat, return_inverse=True)
    cells = numbers.reshape(-1, 8).T
    nodes = low + side * np.stack(np.unravel_index(names, tuple(shape + 1)), axis=1)
    where = np.full(tuple(shape), -1)
    where[tuple(chosen.T)] = np.arange(len(chosen))
    part = (points - low) / side - at
    near = np.where(CORNERS[None] == 1, part[:, None], 1 - part[:, None]).prod(axis=2)
    volumes = np.maximum(share[tuple(chosen.T)], _LEAST)
    volumes *= volume / volumes.sum()
    masses = np.bincount(cells.reshape(-1), np.tile(volumes * density / 8, 8), len(nodes))
    skin = cells.T[where[tuple(at.T)]]
    held = np.unique(skin[pins][near[pins] > 0.02]) if len(pins) else np.zeros(0, int)
    young, poisson, damped = elastic
    shear = young / (2 * (1 + poisson))
    lame = young * poisson / ((1 + poisson) * (1 - 2 * min(poisson, 0.499)))
    lame = max(lame, density * _TIGHT) if poisson >= _FLUID else max(lame, 1e-3 * shear)
    slowest = np.pi * np.sqrt(shear / density) / float(np.ptp(points, axis=0).max())
    one, none = np.ones(len(volumes)), [np.zeros(len(each), int) for each in (points, volumes, nodes)]
    return Lattice(
        nodes.T.copy(), cells, side * one, volumes, shear * one, lame * one, 2 * damped / slowest * one, density * one,
        masses, held, skin.T, near.T, *none,
    )  # fmt: skip


def _fill(shape: Array, low: Array, side: float, filled: Callable[[Array], Array], fine: int = 3) -> Array:
    """Share of each cell that is inside (X, Y, Z), by `fine`³ points in it."""
    index = np.stack(np.meshgrid(*[np.arange(n * fine) for n in shape], indexing="ij"), axis=-1).reshape(-1, 3)
    inside = filled(low + side * (index + 0.5) / fine).reshape([each for n in shape for each in (n, fine)])
    out: Array = inside.mean(axis=(1, 3, 5))
    return out


def joined(parts: Sequence[Lattice]) -> Lattice:
    """Several bodies as one set of arrays, which do not hang together."""
    first = np.cumsum([0, *(len(each.masses) for each in parts)])
    flat = {name: np.concatenate([getattr(each, name) for each in parts], axis=-1)
            for name in ("nodes", "sides", "volumes", "shear", "lame", "lag", "density", "masses",
                         "share")}  # fmt: skip
    moved = {name: np.concatenate([getattr(each, name) + n for each, n in zip(parts, first, strict=False)], axis=-1)
             for name in ("cells", "held", "skin")}  # fmt: skip
    names = {name: np.concatenate([getattr(each, name) + n for n, each in enumerate(parts)])
             for name in ("owner", "home", "whose")}  # fmt: skip
    return Lattice(**flat, **moved, **names)
