# SPDX-License-Identifier: GPL-3.0-or-later
"""From the first hit of each ray, and what is known of what lies behind it, to a volume in the frustum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import frustum
from .frustum import DEEP

Floats = NDArray[np.float32]
Behind = Callable[[Floats, Floats], Floats]
"""From depths (K, 1, 1) and how far they lie behind the first hits (K, H, W) to logits (K, H, W), positive inside."""

REACH = 2.4
"""How far behind the first hit a profile goes."""
STEEP, SHEET = 100.0, 0.03
"""Logits a unit on either side of the first hit; how thick the thinnest part is made."""
STEEPEST = 0.15
"""Steps between rays beyond this are two surfaces, one behind the other, and no slope."""
CERTAIN = 12.0
"""Logit of what the mask knows: outside its outline there is nothing."""
_SLAB = 1 << 21
"""Cells worked on at a time."""


def volume(front: Floats, mask: Floats, depths: int, behind: Behind, beat: Callable[[], None]) -> Floats:
    """Logits (depths, H, W), positive inside the object.

    `front` (H, W) is the depth of each ray's first hit, `mask` (H, W) 0..1 the photo's outline, which rules: nothing
    outside of it, something along every ray inside.
    """
    rows, columns = front.shape
    depth = ((np.arange(depths, dtype=np.float32) + 0.5) / depths * 2 - 1) * np.float32(DEEP)
    sheet = np.minimum(max(SHEET, 3 * DEEP / depths) + 1.5 * _slope(front, mask), STEEPEST)
    certain = (CERTAIN * (2 * mask - 1)).astype(np.float32)
    out = np.empty((depths, rows, columns), np.float32)
    step = max(1, _SLAB // (rows * columns))
    for start in range(0, depths, step):
        beat()
        slab = depth[start : start + step, None, None]
        past = slab - front
        inside = behind(slab, past)
        np.maximum(inside, (sheet - past) * STEEP, out=inside)
        np.minimum(inside, past * STEEP, out=inside)
        np.minimum(inside, certain, out=out[start : start + step])
    return out


def places(count: int) -> Floats:
    """How far behind the first hit the places of a profile lie: (count,)."""
    return np.asarray(REACH * ((np.arange(count) + 0.5) / count) ** 1.5, np.float32)


def predicted(profile: Floats) -> Behind:
    """What lies behind by the profile (D, H, W) of each ray."""
    count = len(profile)

    def logits(depth: Floats, past: Floats) -> Floats:
        place = np.clip((np.maximum(past, 0) / REACH) ** np.float32(2 / 3) * count - 0.5, 0, count - 1)
        low = np.minimum(place.astype(np.intp), count - 2)
        inside = np.take_along_axis(profile, low, 0)
        inside += (np.take_along_axis(profile, low + 1, 0) - inside) * (place - low).astype(np.float32)
        return inside

    return logits


def shifted(behind: Behind, by: Floats) -> Behind:
    """The same with logits added: `by` (D, H, W) over all depths, linear in between."""
    count = len(by)

    def logits(depth: Floats, past: Floats) -> Floats:
        place = np.clip((depth[:, 0, 0] / DEEP + 1) / 2 * count - 0.5, 0, count - 1)
        low = np.minimum(place.astype(np.intp), count - 2)
        part = (place - low).astype(np.float32)[:, None, None]
        inside = behind(depth, past)
        inside += by[low] * (1 - part)
        inside += by[low + 1] * part
        return inside

    return logits


def calm(profile: Floats) -> Floats:
    """The profile (D, H, W) with its neighbours along the ray mixed in: where it ends must not prefer a few places."""
    padded = np.pad(profile, ((2, 2), (0, 0), (0, 0)), mode="edge")
    count = len(profile)
    weights = (1, 4, 6, 4, 1)
    return np.asarray(sum(w * padded[i : i + count] for i, w in enumerate(weights)) / sum(weights), np.float32)


def _slope(front: Floats, mask: Floats) -> Floats:
    """The largest step (H, W) from a ray to one beside it that the mask has too: a thin slope must not fall apart."""
    known = np.pad(np.where(mask > 0.5, front, np.nan), 1, constant_values=np.nan)
    beside = [known[1:-1, :-2], known[1:-1, 2:], known[:-2, 1:-1], known[2:, 1:-1]]
    steps = [np.nan_to_num(np.abs(one - front)) for one in beside]
    return np.asarray(np.max(steps, axis=0), np.float32)


def spots(front: Floats, focal: float) -> Floats:
    """Where the rays (H, W) meet the object: (H, W, 3) in the camera frame around 0."""
    rows, columns = front.shape
    v, u = ((np.arange(count, dtype=np.float32) + 0.5) / count * 2 - 1 for count in (rows, columns))
    grow = 1 + front / np.float32(focal)
    return np.asarray(np.stack([u * grow, v[:, None] * grow, front], axis=2), np.float32)


def flat(front: Floats, mask: Floats, focal: float) -> Behind:
    """Closed by the plane that fits best what the photo shows, moved behind nearly all of it."""
    shown = spots(front, focal)[mask > 0.5].astype(np.float64)
    ones = np.ones((len(shown), 1))
    slope = np.linalg.lstsq(np.concatenate([shown[:, :2], ones], axis=1), shown[:, 2], rcond=None)[0][:2]
    slope *= min(1.0, 1 / max(float(np.linalg.norm(slope)), 1e-9))
    at = float(np.percentile(shown[:, 2] - shown[:, :2] @ slope, 98)) + SHEET
    rows, columns = front.shape
    v, u = ((np.arange(count) + 0.5) / count * 2 - 1 for count in (rows, columns))
    tilt = slope[0] * u + slope[1] * v[:, None]  # z = slope . (x, y) + at with x = u (1 + z / f)
    back = ((tilt + at) / np.maximum(1 - tilt / focal, 0.2)).astype(np.float32)
    return lambda depth, past: (back - depth) * np.float32(STEEP)


def mirrored(front: Floats, mask: Floats, focal: float, elevation: float, middle: float) -> Behind:
    """The visible front once more, mirrored through the upright plane that faces the camera at the depth `middle`.

    What that would put below the lowest place that the photo shows is left out: the object stands there.
    """
    rows, columns = front.shape
    v, u = ((np.arange(count, dtype=np.float32) + 0.5) / count * 2 - 1 for count in (rows, columns))
    known = np.stack([front, mask])[:, None]
    shown = frustum.upright(spots(front, focal)[mask > 0.5], elevation)
    floor = np.float32(np.percentile(shown[:, 2], 1))

    def logits(depth: Floats, past: Floats) -> Floats:
        out = np.full(past.shape, -CERTAIN, np.float32)
        deep, row, column = np.nonzero((past > 0) & (mask > 0))
        at = depth[deep, 0, 0]
        grow = 1 + at / np.float32(focal)
        space = frustum.upright(np.stack([u[column] * grow, v[row] * grow, at], axis=1), elevation)
        space[:, 1] = 2 * middle - space[:, 1]
        place = frustum.from_space(frustum.tilted(space, elevation), focal)
        first, within = frustum.sample(known, place).T
        value = np.minimum((place[:, 2] - first) * STEEP, CERTAIN * (2 * within - 1))
        out[deep, row, column] = np.minimum(value, (space[:, 2] - floor) * STEEP)
        return out

    return logits
