# SPDX-License-Identifier: GPL-3.0-or-later
"""What bulges towards the camera as a round body of its outline would, people and animals mostly, is round behind too.

The round body is that of `relief`: the outline inflated. It speaks in logits, beside what the model says of each ray,
so where the model is sure it changes nothing. Numbers chosen on validation views (docs/model.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import poisson, rays
from .frustum import Floats
from .inflate import inflate

WEIGHT = 1.0
"""Logits, where the front is like that of the round body."""
UNLIKE, ALIKE = 0.4, 0.6
"""Correlation of both fronts: none of the weight up to the first, all of it from the second on."""
_EDGE, _THIN = 0.25, 0.05
"""From certain to not at the round body's back: this part of its depth there, and at least so many units."""
_FEWEST = 8
"""Rays, below which nothing is said of the shape."""


def behind(front: Floats, meets: NDArray[np.bool_], count: int) -> Floats:
    """What to add to the logits of profiles: (count, H, W), or (1, 1, 1) where nothing.

    `front` (H, W) is the depth of each ray's first hit, `meets` (H, W) which rays meet the object; H = W.
    """
    rise = _rise(meets)
    body = rise > 0
    if np.count_nonzero(body) < _FEWEST or not WEIGHT:
        return np.zeros((1, 1, 1), np.float32)
    seen, round_one = (plane[body] - plane[body].mean() for plane in (front.astype(np.float64), -rise))
    lengths = np.sqrt((seen**2).sum() * (round_one**2).sum())
    alike = (seen * round_one).sum() / max(float(lengths), 1e-12)
    weight = WEIGHT * min(max((float(alike) - UNLIKE) / (ALIKE - UNLIKE), 0.0), 1.0)
    through = 2 * rise
    says = np.clip((through - rays.places(count)[:, None, None]) / np.maximum(_EDGE * through, _THIN), -1, 1)
    return np.asarray(weight * np.where(body, says, 0), np.float32)


def _rise(meets: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far the round body stands out before, and behind, the middle (H, W), in units; 0 outside."""
    if not meets.any():
        return np.zeros(meets.shape)
    u = poisson.solve(np.pad(np.where(meets, 0.5, -0.5), 2, constant_values=-0.5))
    shape = {"thickness": 0.9, "deepest": 0.8, "fullness": 0.2, "cells": len(meets)}  # what relief makes
    made = inflate(u, np.zeros_like(u), back="symmetric", **shape)
    return np.asarray((made.front * made.rise())[2:-2, 2:-2] * 2 / len(meets))
