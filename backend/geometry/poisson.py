# SPDX-License-Identifier: GPL-3.0-or-later
"""The Poisson equation in a silhouette whose rim runs between the grid nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .filters import doubled

Array = NDArray[np.float64]
TOLERANCE = 1e-4
"""Of the residual, as a part of the source."""
_NEAREST = 0.05  # a rim closer to a node than this part of a cell counts as this far: keeps the system well conditioned


def _rim(level: Array) -> tuple[Array, Array]:
    """Distance from each inside node to the rim towards +X and +Y in cells, nan where the neighbour is inside too.

    For a pair whose inside node is the upper one, the distance is negative.
    """
    found = []
    for axis in (0, 1):
        a, b = _lower(level, axis), _upper(level, axis)
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where((a > 0) != (b > 0), a / (a - b), np.nan)
        found.append(np.where(a > 0, np.maximum(part, _NEAREST), -np.maximum(1 - part, _NEAREST)))
    return found[0], found[1]


def _lower(array: Array, axis: int) -> Array:
    return array[:-1] if axis == 0 else array[:, :-1]


def _upper(array: Array, axis: int) -> Array:
    return array[1:] if axis == 0 else array[:, 1:]


def solve(level: Array, source: float = 4.0, *, beat: Callable[[], None] | None = None) -> Array:
    """Return u (X, Y) with laplace(u) = -source where `level` > 0, u = 0 on the rim, in squared cells.

    The rim is the zero line of `level`, linear between nodes: second order accurate (Gibou et al. 2002). One node
    beyond the rim, u goes on linearly and is negative; farther out it is the most negative of these. The outermost
    nodes must be outside. Solved by conjugate gradients, each grid starting from the solution on the next coarser
    one. `beat` is called now and then, so that the caller can stop by raising.
    """
    if max(level[0].max(), level[-1].max(), level[:, 0].max(), level[:, -1].max()) > 0:
        raise ValueError("the silhouette touches the border; pad it first")
    return _extend(_nested(level, source, beat or (lambda: None)), level)


def _nested(level: Array, source: float, beat: Callable[[], None]) -> Array:
    guess = np.zeros_like(level)
    if min(level.shape) >= 48:
        rows, columns = level.shape[0] // 2 * 2, level.shape[1] // 2 * 2
        blocks = level[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
        coarse = np.pad(blocks, 1, constant_values=-1.0)  # also restores the border that halving may have eaten
        known = 4.0 * _nested(coarse, source, beat)  # a coarse cell is two fine ones wide
        guess = doubled(known)[2 : 2 + level.shape[0], 2 : 2 + level.shape[1]]
    return _conjugate(level, np.where(level > 0, guess, 0.0), source, beat)


def _conjugate(level: Array, u: Array, source: float, beat: Callable[[], None]) -> Array:
    """Conjugate gradients with the diagonal as preconditioner; sums, not BLAS, so that each run gives the same bits."""
    inside = level > 0
    weight = inside.astype(np.float64)
    diagonal = np.zeros_like(level)
    for axis, rim in enumerate(_rim(level)):
        one = np.where(np.isnan(rim), 1.0, 0.0)
        _lower(diagonal, axis)[...] += np.where(rim > 0, 1 / np.abs(rim), one)
        _upper(diagonal, axis)[...] += np.where(rim < 0, 1 / np.abs(rim), one)
    diagonal = np.where(inside, diagonal, 1.0)

    def apply(x: Array) -> Array:
        y = diagonal * x
        y[1:] -= x[:-1]
        y[:-1] -= x[1:]
        y[:, 1:] -= x[:, :-1]
        y[:, :-1] -= x[:, 1:]
        y *= weight
        return y

    residual = weight * source - apply(u)
    target = TOLERANCE * source * np.sqrt(weight.sum())
    z = residual / diagonal
    direction = z.copy()
    rz = float((residual * z).sum())
    for step in range(4 * sum(level.shape)):
        if step % 25 == 0:
            beat()
            if np.sqrt((residual * residual).sum()) <= target:
                break
        if not rz:
            break  # solved exactly, as lone nodes are in one step
        along = apply(direction)
        length = rz / float((direction * along).sum())
        u += length * direction
        residual -= length * along
        z = residual / diagonal
        rz, before = float((residual * z).sum()), rz
        direction = z + (rz / before) * direction
    return u


def _extend(u: Array, level: Array) -> Array:
    """Carry u linearly across the rim, so that its zero line runs where the rim does."""
    total, count = np.zeros_like(u), np.zeros_like(u)
    for axis, rim in enumerate(_rim(level)):
        far = np.abs(rim)
        a, b = _lower(u, axis), _upper(u, axis)
        up, down = rim > 0, rim < 0
        _upper(total, axis)[...] += np.where(up, -a * (1 - far) / far, 0.0)
        _upper(count, axis)[...] += up
        _lower(total, axis)[...] += np.where(down, -b * (1 - far) / far, 0.0)
        _lower(count, axis)[...] += down
    beyond = np.where(count > 0, total / np.maximum(count, 1), 0.0)
    low = min(float(beyond.min()), -1e-3)
    beyond = np.where(count > 0, np.minimum(beyond, -1e-6), low)
    return np.where(level > 0, np.maximum(u, 1e-6), beyond)
