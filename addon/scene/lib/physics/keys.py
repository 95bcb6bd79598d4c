# SPDX-License-Identifier: GPL-3.0-or-later
"""Poses as plain keyframes: few where nothing moves, none for what never does."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ..motion import animation
from .bodies import Array

_NEAR = 2e-5
"""Metres, or parts of a quaternion: a key whose neighbours say the same is left out."""


def write(obj: bpy.types.Object, places: Array, turns: Array, first: int = 1) -> int:
    """Key places (F, 3) and turns (F, 4) of the world from a frame on; returns how many keys that took.

    Rows that are not finite are those of an object that is not there yet or no longer: it has no size then.
    """
    here = np.isfinite(places).all(axis=1)
    places, turns = _filled(places, here), _filled(turns, here)
    for k in range(1, len(turns)):
        if turns[k] @ turns[k - 1] < 0:
            turns[k] *= -1
    scale = obj.matrix_world.to_scale()
    obj.animation_data_clear()
    if obj.parent:
        above = obj.parent.matrix_world.copy()
        obj.parent = None
        obj.matrix_world = above @ obj.matrix_basis
    obj.rotation_mode = "QUATERNION"
    obj.matrix_world = Matrix.LocRotScale(places[0], Quaternion(turns[0]), scale)
    frames = np.arange(first, first + len(places))
    if here.all() and np.ptp(places, axis=0).max() < _NEAR and np.ptp(turns, axis=0).max() < _NEAR:
        return 0
    action = animation.new_action(obj, "simulate")
    count = 0
    for path, values in (("location", places), ("rotation_quaternion", turns)):
        kept = thinned(values)
        animation.set_keys(obj, path, frames[kept], values[kept], interpolation="LINEAR", group="simulate")
        count += int(kept.sum())
    if not here.all():
        sizes = np.where(here[:, None], np.array(scale), 0.0)
        kept = np.concatenate([[True], here[1:] != here[:-1]])
        animation.set_keys(obj, "scale", frames[kept], sizes[kept], interpolation="CONSTANT", group="simulate")
        count += int(kept.sum())
    animation.set_range(action, int(frames[0]), int(frames[-1]), cyclic=False)
    return count


def _filled(values: Array, here: Array) -> Array:
    """Rows that are missing are those of the nearest frame that has them."""
    known = np.flatnonzero(here)
    nearest = known[np.abs(np.arange(len(values))[:, None] - known[None]).argmin(axis=1)]
    out: Array = values[nearest].copy()
    return out


def thinned(values: Array) -> Array:
    """Which rows (F,) are kept: not those within a run in which nothing moves."""
    moving = np.abs(values[2:] - values[:-2]).max(axis=1, initial=0.0)
    kept = np.ones(len(values), bool)
    kept[1:-1] = moving > _NEAR / 10
    return kept
