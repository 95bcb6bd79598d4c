# SPDX-License-Identifier: GPL-3.0-or-later
"""The frustum of a camera: volumes along its rays, and points in space.

A volume is (D, H, W): depth away from the camera over [-DEEP, DEEP], rows v downwards, columns u to the right, both
over [-1, 1], values at the cells' centres. X = u (1 + d / f), Y = v (1 + d / f), Z = f + d, f in half image widths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DEEP = 1.4


def finer(planes: Floats, rows: int, columns: int) -> Floats:
    """Planes (C, H, W) at another resolution, linear in between."""
    return _along(_along(planes, 1, rows), 2, columns)


def _along(values: Floats, axis: int, count: int) -> Floats:
    size = values.shape[axis]
    if size == count:
        return values
    place = np.clip((np.arange(count) + 0.5) * size / count - 0.5, 0, size - 1)
    low = np.minimum(place.astype(np.intp), size - 2)
    part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    first = values.take(low, axis)
    second = values.take(low + 1, axis)
    second -= first
    second *= part
    first += second
    return np.asarray(first)


def to_space(points: Floats, shape: tuple[int, int, int], focal: float) -> Floats:
    """Nodes of the volume (N, 3) as (depth, row, column) -> camera frame x right, y down, z forward around 0."""
    unit = (points + 0.5) / np.array(shape, np.float32) * 2 - 1
    depth = unit[:, 0] * DEEP
    grow = 1 + depth / focal
    return np.asarray(np.stack([unit[:, 2] * grow, unit[:, 1] * grow, depth], axis=1), np.float32)


def from_space(points: Floats, focal: float) -> Floats:
    """Camera frame around 0 (N, 3) -> (u, v, d)."""
    grow = np.maximum(1 + points[:, 2] / focal, 1e-3)
    return np.asarray(np.stack([points[:, 0] / grow, points[:, 1] / grow, points[:, 2]], axis=1), np.float32)


def upright(points: Floats, elevation: float) -> Floats:
    """Camera frame -> Z up, facing -Y, for a camera in front that looks down by `elevation` radians."""
    cos, sin = float(np.cos(elevation)), float(np.sin(elevation))
    x, y, z = points.T
    return np.asarray(np.stack([x, cos * z - sin * y, -sin * z - cos * y], axis=1), np.float32)


def tilted(points: Floats, elevation: float) -> Floats:
    """The way back from `upright`."""
    cos, sin = float(np.cos(elevation)), float(np.sin(elevation))
    x, y, z = points.T
    return np.asarray(np.stack([x, -sin * y - cos * z, cos * y - sin * z], axis=1), np.float32)


def sample(volume: Floats, place: Floats) -> Floats:
    """Values (N, C) of a volume (C, D, H, W) at (u, v, d), linear in between, the border's beyond it."""
    depths, rows, columns = volume.shape[1:]
    spot = []
    for value, reach, count in zip(place.T[::-1], (DEEP, 1.0, 1.0), (depths, rows, columns), strict=True):
        at = np.clip((value / reach + 1) / 2 * count - 0.5, 0, count - 1)
        low = np.minimum(at.astype(np.intp), max(0, count - 2))
        spot.append((low, np.minimum(low + 1, count - 1), (at - low).astype(np.float32)))
    total = np.zeros((len(place), len(volume)), np.float32)
    for corner in range(8):
        index, weight = [], np.ones(len(place), np.float32)
        for axis, (low, high, part) in enumerate(spot):
            upper = corner >> axis & 1
            index.append(high if upper else low)
            weight = weight * (part if upper else 1 - part)
        total += weight[:, None] * volume[:, index[0], index[1], index[2]].T
    return total
