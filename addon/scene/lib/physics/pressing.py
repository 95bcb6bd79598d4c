# SPDX-License-Identifier: GPL-3.0-or-later
"""The grid's part of a liquid: pressure that lets nothing come together, viscosity, speeds just outside.

Speeds are three arrays, on the faces across X, Y and Z of cells (X, Y, Z).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_ROUNDS, _GOOD = 120, 1e-3
_FULL, _CROWDED = 1.4, 0.1
"""Particles by those of a full cell that are too many; share of what is too many that is undone in a step."""


def _sides(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Of faces: those before and those behind a cell."""
    first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
    second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
    return first, second


def press(faces: list[Array], solid: Array, own: Array, density: Array, cell: float, lasts: float) -> list[Array]:
    """Change the speeds so that no liquid cell gains or loses; returns which faces are known then.

    `solid` (X, Y, Z), the speed `own` (X, Y, Z, 3) of what is solid, `density` (X, Y, Z) of particles, 1 where full.
    """
    liquid = np.zeros_like(solid)
    liquid[1:-1, 1:-1, 1:-1] = ((density > 0) & ~solid)[1:-1, 1:-1, 1:-1]  # beyond the rim of the grid is air
    known = []
    for axis in range(3):
        inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        first, second = _sides(axis)
        wall = solid[first] | solid[second]
        speed = np.where(solid[first], own[first][..., axis], own[second][..., axis])
        faces[axis][inner] = np.where(wall, speed, faces[axis][inner])
        seen = np.zeros(faces[axis].shape, bool)
        seen[inner] = liquid[first] | liquid[second] | wall
        known.append(seen)
    cells = np.flatnonzero(liquid)
    if not len(cells):
        return known
    divergence = sum(faces[a][_sides(a)[1]] - faces[a][_sides(a)[0]] for a in range(3)) / cell
    crowd = np.clip(density - _FULL, 0.0, 1.0) * _CROWDED / lasts
    right = (crowd - divergence).reshape(-1)[cells]
    pressure = np.zeros(liquid.size)
    pressure[cells] = _solved(cells, liquid, solid, right * cell * cell)
    whole = pressure.reshape(liquid.shape)
    for axis in range(3):
        inner = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        first, second = _sides(axis)
        open_ = (liquid[first] | liquid[second]) & ~(solid[first] | solid[second])
        faces[axis][inner] -= np.where(open_, (whole[second] - whole[first]) / cell, 0.0)
    return known


def _solved(cells: Array, liquid: Array, solid: Array, right: Array) -> Array:
    """Pressure times step by density of the liquid cells: 0 in air, no slope at walls. Conjugate gradients (Jacobi)."""
    number = np.full(liquid.size, len(cells))
    number[cells] = np.arange(len(cells))
    strides = (liquid.shape[1] * liquid.shape[2], liquid.shape[2], 1)
    free = ~solid.reshape(-1)
    beside = [cells + sign * stride for stride in strides for sign in (-1, 1)]
    near = [number[each] for each in beside]
    middle = np.maximum(sum(free[each].astype(float) for each in beside), 1e-6)

    def times(x: Array) -> Array:
        wide = np.append(x, 0.0)
        out: Array = middle * x - sum(wide[each] for each in near)
        return out

    x = np.zeros(len(cells))
    rest = right.copy()
    eased = rest / middle
    way, old = eased.copy(), float(rest @ eased)
    enough = _GOOD**2 * max(float(right @ right), 1e-30)
    for _ in range(_ROUNDS):
        if float(rest @ rest) <= enough:
            break
        changed = times(way)
        step = old / max(float(way @ changed), 1e-30)
        x += step * way
        rest -= step * changed
        eased = rest / middle
        new = float(rest @ eased)
        way, old = eased + new / max(old, 1e-30) * way, new
    return x


def thicken(faces: list[Array], weights: list[Array], solid: Array, share: float) -> None:
    """Viscosity: each speed is drawn to those about it, and to none at walls; implicit, twenty rounds of Jacobi."""
    for axis in range(3):
        wall = np.pad(solid, [(0, int(a == axis)) for a in range(3)], mode="edge")
        there = (weights[axis] > 0) | wall
        faces[axis][wall] = 0.0
        first, free = faces[axis].copy(), there & ~wall
        below = 1 + share * _around(there.astype(np.int8))
        for _ in range(20):
            faces[axis] = np.where(free, (first + share * _around(np.where(there, faces[axis], 0.0))) / below, 0.0)


def _around(values: Array) -> Array:
    """Sum of the six neighbours of each."""
    total = np.zeros_like(values)
    for a in range(3):
        low, high = _sides(a)
        total[high] += values[low]
        total[low] += values[high]
    return total


def extend(faces: list[Array], known: list[Array], layers: int = 3) -> None:
    """Speeds just outside of what is known: the mean of their known neighbours, layer by layer."""
    for axis in range(3):
        seen = known[axis]
        whole = np.where(seen, faces[axis], 0.0)
        for _ in range(layers):
            count = _around(seen.view(np.int8))
            new = np.flatnonzero((count > 0) & ~seen)
            whole.reshape(-1)[new] = _around(whole).reshape(-1)[new] / count.reshape(-1)[new]
            seen = seen | (count > 0)
        faces[axis] = whole
