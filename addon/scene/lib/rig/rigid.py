# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that do not bend: each separate part of a body follows one bone wholly. numpy only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import parts
from .skeleton import Skeleton
from .weights import distances

Array = NDArray[Any]
KINDS = ("vehicle", "furniture")
"""Kinds of bodies that do not bend. A prop of ours has one bone; one of several is somebody's skeleton of any kind."""
WHEELS = "wheels"
_ROUND = 1.25
"""A part of a wheel reaches no farther from the hub than so many times its radius."""


def bound(points: Array, faces: Array, names: list[str], bones: Skeleton) -> tuple[Array, int]:
    """(V, B) of ones and zeros, and how many parts there are.

    A part that lies within a wheel is of the wheel; any other follows the bone that is the nearest to most of it. Its
    first bone takes what lies about equally near to several, so that a whole is moved by what carries it.
    """
    heads, tails = (np.array([getattr(bones[name], end) for name in names]) for end in ("head", "tail"))
    label = parts.label(faces.astype(np.int32), len(points))
    part = np.unique(label, return_inverse=True)[1].reshape(-1)
    wheels = [b for b, name in enumerate(names) if name in bones.marks.get(WHEELS, ())]
    others = [b for b in range(len(names)) if b not in wheels] or list(range(len(names)))
    away = distances(points, heads[others], tails[others])
    count = np.bincount(part)[:, None]
    mean = np.stack([np.bincount(part, away[:, k]) for k in range(len(others))], axis=1) / count
    slack = 0.02 * float(np.linalg.norm(np.ptp(points, axis=0)))
    chosen = np.array(others)[(mean <= mean.min(axis=1, keepdims=True) + slack).argmax(axis=1)]
    floor = float(points[:, 2].min())
    for b in wheels:
        chosen[_within(points, part, heads[b], floor)] = b
    table = np.zeros((len(points), len(names)))
    table[np.arange(len(points)), chosen[part]] = 1.0
    return table, len(chosen)


def _within(points: Array, part: Array, hub: Array, floor: float) -> Array:
    """(P,) parts all of which is within the wheel at this hub, which stands on the floor."""
    radius = max(float(hub[2]) - floor, 1e-9)
    far = np.zeros(part.max() + 1)
    np.maximum.at(far, part, np.linalg.norm(points - hub, axis=1))
    return np.asarray(far <= _ROUND * radius)
