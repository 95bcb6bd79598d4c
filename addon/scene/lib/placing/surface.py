# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on the upper side of something a footprint stands best. numpy only; heights (X, Y) of a grid, NaN is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_FLAT = 0.04
"""What differs less in height, as a share of the footprint's longer side, carries together."""


def best(
    heights: Array,
    cell: tuple[float, float],
    footprint: tuple[float, float],
    *,
    taken: Array | None = None,
    along: tuple[float, float] = (0.0, 0.0),
) -> tuple[int, int, float] | None:
    """The cell over which the middle of a footprint (metres) stands best, and the share of it that is carried.

    Level and whole ground first, then height, then the middle; `along` is the way that it will go, so that it starts
    at the other end. Cells that are `taken` are no ground. None where nothing carries it.
    """
    shape = heights.shape
    half = [int(min(max(0, round(f / c / 2 - 0.5)), n)) for f, c, n in zip(footprint, cell, shape, strict=True)]
    padded = np.pad(heights, [(half[0], half[0]), (half[1], half[1])], constant_values=np.nan)
    blocked = np.pad(taken if taken is not None else np.zeros(shape, bool), [(h, h) for h in half])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half[0] + 1, 2 * half[1] + 1))
    occupied = np.lib.stride_tricks.sliding_window_view(blocked, windows.shape[2:]).any(axis=(2, 3))
    filled = np.where(np.isnan(windows), -np.inf, windows)
    tops = filled.max(axis=(2, 3))
    tolerance = max(_FLAT * max(footprint), 1e-4)
    carried = filled >= (tops - tolerance)[..., None, None]
    share = carried.mean(axis=(2, 3)) * np.isfinite(tops)
    upright = _surrounded(carried) & np.isfinite(tops)
    if not np.isfinite(tops).any() or (occupied | ~np.isfinite(tops)).all():
        return None
    low, high = np.nanmin(heights), np.nanmax(heights)
    level = (np.where(np.isfinite(tops), tops, low) - low) / max(high - low, tolerance)
    xs, ys = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    score = share + 0.5 * upright + 0.5 * level - 0.2 * np.hypot(xs, ys) - 0.6 * (along[0] * xs + along[1] * ys)
    score[occupied | ~np.isfinite(tops)] = -np.inf
    at = np.unravel_index(int(np.argmax(np.round(score, 6))), shape)
    return int(at[0]), int(at[1]), float(share[at])


def _surrounded(carried: Array) -> Array:
    """The middle of each window is between cells that carry, both ways: it does not tip over."""
    x, y = carried.any(axis=3), carried.any(axis=2)
    out: Array = np.ones(carried.shape[:2], bool)
    for line in (x, y):
        middle = line.shape[2] // 2
        out &= line[:, :, : middle + 1].any(axis=2) & line[:, :, middle:].any(axis=2)
    return out


def hollow(heights: Array) -> tuple[slice, slice, Array] | None:
    """The opening of a vessel: the cells around it both ways, and which of all cells are in it; None where it has none.

    What is far below the rim and shut in by it all around.
    """
    padded = np.where(np.isnan(heights), -np.inf, heights)
    finite = heights[~np.isnan(heights)]
    if not finite.size or np.ptp(finite) < 1e-6:
        return None
    deep = padded < finite.min() + 0.7 * np.ptp(finite)
    edge = np.zeros_like(deep)
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = deep[0], deep[-1], deep[:, 0], deep[:, -1]
    inside = deep & ~_reached(edge, deep)
    if not inside.any():
        return None
    at = np.argwhere(inside)
    (x0, y0), (x1, y1) = at.min(axis=0), at.max(axis=0) + 1
    return slice(int(x0), int(x1)), slice(int(y0), int(y1)), inside


def _reached(start: Array, free: Array) -> Array:
    """Free cells that hang together with the start."""
    found = start & free
    while True:
        more = found.copy()
        more[1:] |= found[:-1]
        more[:-1] |= found[1:]
        more[:, 1:] |= found[:, :-1]
        more[:, :-1] |= found[:, 1:]
        more &= free
        if (more == found).all():
            return found
        found = more
