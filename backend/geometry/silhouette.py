# SPDX-License-Identifier: GPL-3.0-or-later
"""From the alpha of a cut-out to a smooth outline on the node grid, with thin parts kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .filters import gaussian, grow, shrink
from .regions import drop_small

SPECK = 0.001  # a part smaller than this share of the whole is dirt of the cut-out
PINHOLE = 0.0005  # and so is a hole of less than this


def outline(alpha: NDArray[np.float32], fine: int, *, blur: float) -> NDArray[np.float64]:
    """Return a level (X, Y) on the node grid, positive inside; its zero line is the rim, smooth and between nodes.

    `alpha` (rows, columns), 0 to 1, has `fine` pixels to a node each way. X goes right and Y up in the picture.
    `blur` in nodes rounds off what is jagged. Parts too thin to survive that are widened until they do.
    """
    opaque = alpha > 0.5
    specks = opaque & ~drop_small(opaque, SPECK * opaque.sum(), diagonal=True)  # now: widened they would be large
    if specks.any():
        opaque &= ~specks
        alpha = np.where(grow(specks, 2) & ~opaque, np.float32(0), alpha)
    thin = _thin(opaque, (0.5 + 0.75 * blur) * fine)
    cover = np.maximum(alpha, thin.astype(np.float32))
    rows, columns = alpha.shape[0] // fine, alpha.shape[1] // fine
    nodes = cover.reshape(rows, fine, columns, fine).mean(axis=(1, 3), dtype=np.float64)
    level = gaussian(nodes, blur)[::-1].T - 0.5
    return _clean(level)


def _thin(opaque: NDArray[np.bool_], radius: float) -> NDArray[np.bool_]:
    """What to add so that no part is narrower than about 2 `radius` pixels.

    A part that an opening by k pixels removes is narrower than 2k; it is widened by the rest. The tips of corners go
    too, but lie close to what stays: they are told apart by that.
    """
    added = np.zeros_like(opaque)
    last = int(np.ceil(radius))
    before = 0
    for k in sorted({max(1, round(last * part / 5)) for part in range(1, 6)}):
        stays = grow(shrink(opaque, k), k + max(1, round(0.8 * k)))
        added |= grow(opaque & ~stays, last - before)
        before = k
    return added


def _clean(level: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop specks, fill pinholes, and make sure that the outermost nodes are outside."""
    inside = level > 0
    kept = drop_small(inside, SPECK * inside.sum())
    solid = ~drop_small(~kept, PINHOLE * inside.sum(), diagonal=True)
    level = np.where(solid & ~kept, np.maximum(level, 0.25), level)
    level = np.where(inside & ~kept, np.minimum(level, -0.25), level)
    level[[0, -1]] = -0.5
    level[:, [0, -1]] = -0.5
    return level
