# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of the body, frame by frame: its outermost points, for cameras to be framed by."""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
import numpy as np

from ...work import ROLE
from ..motion import animation
from . import framing, several, wished

_SAMPLES = 600
"""Frames that are looked at; of a longer film those between take the points of both neighbours."""
_HIDDEN = ("floor", "source", "wall", "weather")


def watch(length: int, tell: Callable[[float], None]) -> several.Watched:
    """Points (P, 3) in metres for each frame from 1 to `length`, and what of it is followed."""
    scene = bpy.context.scene
    told = wished.document(scene)
    many = told is not None
    seen = [
        obj
        for obj in scene.objects
        if obj.type == "MESH" and obj.get(ROLE) not in _HIDDEN and obj.data.vertices and (many or not obj.hide_render)
    ]
    step = max(1, math.ceil(length / _SAMPLES))
    frames = sorted({*range(1, length + 1, step), length})
    if not any(_moves(obj) for obj in seen):
        frames = [1]
    found, follows, until, side = [], False, length, None
    if told:
        looked = several.watch(seen, frames, wished.rate(scene) / step, told.environment.floor, tell)
        found, follows, side = looked.shapes, looked.follows, looked.side
        until = min(length, looked.length * step) if len(frames) > 1 else length
    for number, points in enumerate(animation.sampled(scene, seen, frames) if not many else ()):
        found.append(framing.extreme(points))
        tell(number / len(frames))
    before = np.searchsorted(frames, np.arange(1, length + 1), side="right") - 1
    shapes = []
    for frame, k in enumerate(before, 1):
        between = frame != frames[k] and k + 1 < len(frames)
        shapes.append(np.concatenate(found[k : k + 2]) if between else found[k])
    return several.Watched(shapes, follows, until, side)


def _moves(obj: bpy.types.Object | None) -> bool:
    """The object, a parent of it or its armature is animated, or something else may change its shape."""
    while obj:
        if obj.animation_data or obj.modifiers or (obj.data and getattr(obj.data, "shape_keys", None)):
            return True
        obj = obj.parent
    return False
