# SPDX-License-Identifier: GPL-3.0-or-later
"""How sure the model is of a place that the photo does not show: what its profiles say around it.

A profile is a probability at each depth; p (1 - p) along a ray is its doubt. Little doubt elsewhere on the ray, and
what doubt there is close by, speak for a surface here; so does what is called inside on either side of it, where it is
the photo's outline that ends the body. The formula and its numbers were fitted to how far surfaces of validation views
lie from the truth (`benchmarks/surface.py`, docs/model.md).
"""

from __future__ import annotations

import numpy as np

from . import frustum, rays
from .frustum import Floats

CLOSE = 0.03
"""A guess is the probability that the truth is not further away than this part of the object's longest side."""
WEIGHTS = (2.99, 1.01, -0.89, -1.67)
"""Of `evidence`, the last one a constant."""
BESIDE, AROUND = 0.1, 0.3
"""Units along the ray before and behind a place: where it is asked what is inside, and how far doubt is near."""


def guess(front: Floats, profile: Floats, uvd: Floats) -> Floats:
    """(V,) 0..1 for places (V, 3) in the frustum; `front` (H, W), `profile` (D, H, W) logits, not shifted."""
    score: Floats = evidence(front, profile, uvd) @ np.array(WEIGHTS[:3], np.float32) + np.float32(WEIGHTS[3])
    return np.asarray(1 / (1 + np.exp(-score)), np.float32)


def evidence(front: Floats, profile: Floats, uvd: Floats) -> Floats:
    """(V, 3): inside before and behind 0..2, logarithms of the doubt around the place and of that elsewhere."""
    inside = 1 / (1 + np.exp(-profile))
    ends = rays.REACH * (np.arange(len(profile) + 1, dtype=np.float32) / len(profile)) ** np.float32(1.5)
    doubt = np.cumsum(inside * (1 - inside) * np.diff(ends)[:, None, None], axis=0)
    known = np.stack([inside, doubt])
    past = uvd[:, 2] - frustum.sample(front[None, None], uvd)[:, 0]

    def at(depth: Floats) -> Floats:
        part = np.clip(depth / rays.REACH, 0, 1) ** np.float32(2 / 3)
        return frustum.sample(known, np.stack([uvd[:, 0], uvd[:, 1], (part * 2 - 1) * frustum.DEEP], axis=1))

    beside = at(past - BESIDE)[:, 0] + at(past + BESIDE)[:, 0]
    near = at(past + AROUND)[:, 1] - at(past - AROUND)[:, 1]
    rest = np.maximum(at(np.full_like(past, rays.REACH))[:, 1] - near, 0)
    return np.asarray(np.stack([beside, np.log(near + 0.01), np.log(rest + 0.02)], axis=1), np.float32)
