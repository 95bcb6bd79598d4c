# SPDX-License-Identifier: GPL-3.0-or-later
"""How far and where a camera must be to see something whole. numpy only; metres, radians, Z up, front is -Y.

The camera looks at a target from azimuth `a` (0 is the front, a quarter turn is the right, +X) and elevation `e`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SENSOR = 36.0
"""mm, the longer side: of every camera of ours."""


@dataclass(frozen=True)
class Lens:
    """Tangents of half the angle of view, across and up, and the share of the frame left free at each side."""

    across: float
    up: float
    margin: float


def lens_of(focal_mm: float, width: int, height: int, margin: float) -> Lens:
    half = SENSOR / 2 / focal_mm
    return Lens(half * min(1.0, width / height), half * min(1.0, height / width), margin)


def axes(azimuth: float, elevation: float) -> Array:
    """Rows: right, up, and towards the camera, as unit vectors of the world."""
    sa, ca, se, ce = math.sin(azimuth), math.cos(azimuth), math.sin(elevation), math.cos(elevation)
    return np.array([[ca, sa, 0.0], [-sa * se, ca * se, ce], [sa * ce, -ca * ce, se]])


def distance(points: Array, target: Array, azimuth: float, elevation: float, lens: Lens) -> float:
    """The least distance from the target at which all points (P, 3) are in the frame, margins kept."""
    right, up, near = _local(points, target, azimuth, elevation)
    free = 1.0 - 2.0 * lens.margin
    need = np.maximum(np.abs(right) / (lens.across * free), np.abs(up) / (lens.up * free))
    return float((need + near).max())


def _local(points: Array, target: Array, azimuth: float, elevation: float) -> Array:
    """(3, P): right, up, towards the camera, from the target."""
    out: Array = axes(azimuth, elevation) @ (points - target).T
    return out


def centred(points: list[Array], azimuths: Array, elevation: float, lens: Lens) -> Array:
    """A target (3,) for which the pictures of all frames together sit in the middle of the frame, up and down."""
    every = np.concatenate(points)
    target: Array = (every.min(axis=0) + every.max(axis=0)) / 2
    for _ in range(6):
        away = max(distance(p, target, a, elevation, lens) for p, a in zip(points, azimuths, strict=True))
        low, high = np.inf, -np.inf
        for p, a in zip(points, azimuths, strict=True):
            _, up, near = _local(p, target, a, elevation)
            seen = up / (away - near)
            low, high = min(low, seen.min()), max(high, seen.max())
        target[2] += (low + high) / 2 * away / math.cos(elevation)
    return target


def extreme(points: Array, ways: int = 120) -> Array:
    """The few points that are outermost in many directions: all that framing needs."""
    directions = np.random.default_rng(0).normal(size=(ways, 3)).astype(np.float32)
    out: Array = points[np.unique((points.astype(np.float32) @ directions.T).argmax(axis=0))]
    return out


def smooth_above(values: Array, reach: int) -> Array:
    """A smooth curve that is nowhere below the values: the largest nearby, then the mean nearby."""
    if reach < 1:
        return values
    padded = np.pad(values, reach, mode="edge")
    highest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1)
    return smooth(highest, reach)


def smooth(values: Array, reach: int) -> Array:
    """Means over windows of 2 reach + 1, along the first axis; the ends are held."""
    if reach < 1:
        return values
    flat = values.reshape(len(values), -1)
    padded = np.pad(flat, ((reach, reach), (0, 0)), mode="edge")
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel /= kernel.sum()
    out = np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)
    result: Array = out.reshape(values.shape)
    return result
