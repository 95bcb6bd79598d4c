# SPDX-License-Identifier: GPL-3.0-or-later
"""From depths and profiles along the rays of a camera to a volume in its frustum, and to points in the world.

A volume is (D, H, W): depth away from the camera over [-DEEP, DEEP], rows v downwards, columns u to the right, both
over [-1, 1], values at the cells' centres. X = u (1 + d / f), Y = v (1 + d / f), Z = f + d, f in half image widths.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DEEP = 1.4
REACH = 2.4
"""How far behind the first hit a profile goes; its places lie at REACH ((i + 1/2) / D) ** 1.5."""
STEEP, SHEET = 100.0, 0.03
"""Logits a unit on either side of the first hit; how thick the thinnest part is made."""
STEEPEST = 0.15
"""Steps between rays beyond this are two surfaces, one behind the other, and no slope."""
CERTAIN = 12.0
"""Logit of what the mask knows: outside its outline there is nothing."""
_SLAB = 1 << 21
"""Cells worked on at a time."""


def finer(planes: Floats, rows: int, columns: int) -> Floats:
    """Planes (C, H, W) at another resolution, linear in between."""
    return _along(_along(planes, 1, rows), 2, columns)


def calm(profile: Floats) -> Floats:
    """The profile (D, H, W) with its neighbours along the ray mixed in: where it ends must not prefer a few places."""
    padded = np.pad(profile, ((2, 2), (0, 0), (0, 0)), mode="edge")
    count = len(profile)
    weights = (1, 4, 6, 4, 1)
    return np.asarray(sum(w * padded[i : i + count] for i, w in enumerate(weights)) / sum(weights), np.float32)


def volume(front: Floats, profile: Floats, mask: Floats, depths: int, beat: Callable[[], None]) -> Floats:
    """Logits (depths, H, W), positive inside the object.

    `front` (H, W) is the depth of each ray's first hit, `profile` (D, H, W) the logits behind it, `mask` (H, W) 0..1
    the photo's outline, which rules: nothing outside of it, something along every ray inside.
    """
    rows, columns = front.shape
    depth = ((np.arange(depths, dtype=np.float32) + 0.5) / depths * 2 - 1) * np.float32(DEEP)
    sheet = np.minimum(max(SHEET, 3 * DEEP / depths) + 1.5 * _slope(front, mask), STEEPEST)
    certain = (CERTAIN * (2 * mask - 1)).astype(np.float32)
    out = np.empty((depths, rows, columns), np.float32)
    step = max(1, _SLAB // (rows * columns))
    for start in range(0, depths, step):
        beat()
        behind = depth[start : start + step, None, None] - front
        place = np.clip((np.maximum(behind, 0) / REACH) ** np.float32(2 / 3) * len(profile) - 0.5, 0, len(profile) - 1)
        low = np.minimum(place.astype(np.intp), len(profile) - 2)
        inside = np.take_along_axis(profile, low, 0)
        inside += (np.take_along_axis(profile, low + 1, 0) - inside) * (place - low).astype(np.float32)
        np.maximum(inside, (sheet - behind) * STEEP, out=inside)
        np.minimum(inside, behind * STEEP, out=inside)
        np.minimum(inside, certain, out=out[start : start + step])
    return out


def _slope(front: Floats, mask: Floats) -> Floats:
    """The largest step (H, W) from a ray to one beside it that the mask has too: a thin slope must not fall apart."""
    known = np.pad(np.where(mask > 0.5, front, np.nan), 1, constant_values=np.nan)
    beside = [known[1:-1, :-2], known[1:-1, 2:], known[:-2, 1:-1], known[2:, 1:-1]]
    steps = [np.nan_to_num(np.abs(one - front)) for one in beside]
    return np.asarray(np.max(steps, axis=0), np.float32)


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
    grow = 1 + points[:, 2] / focal
    return np.asarray(np.stack([points[:, 0] / grow, points[:, 1] / grow, points[:, 2]], axis=1), np.float32)


def upright(points: Floats, elevation: float) -> Floats:
    """Camera frame -> Z up, facing -Y, for a camera in front that looks down by `elevation` radians."""
    cos, sin = float(np.cos(elevation)), float(np.sin(elevation))
    x, y, z = points.T
    return np.asarray(np.stack([x, cos * z - sin * y, -sin * z - cos * y], axis=1), np.float32)


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
