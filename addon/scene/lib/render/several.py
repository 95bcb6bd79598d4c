# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of many bodies, frame by frame, without those that fly far away: a picture of all would show specks."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np

from ..motion import animation
from . import framing

_WAYS = 24
"""Directions in which the outermost points of a body are looked for."""
_MANY = 400
_FEW = 5
_RARE = 4.0
"""Percent of all places of all bodies, at each end of an axis, that may be left out."""
_BEYOND = 0.75
"""How far beyond where all begins, in shares of its extent, what happens is followed."""
_ROAMS = 2.6
"""What goes over so many times the extent in which all begins is followed by the camera."""
_LARGE = 0.4
"""Of the largest, from which on a body is large."""
_MOST = 0.5
"""Share of many bodies, the nearest to their midst, that a camera which follows keeps in the frame."""


def watch(
    scene: bpy.types.Scene, objects: list[bpy.types.Object], frames: list[int], tell: Callable[[float], None]
) -> list[framing.Array]:
    """Points (P, 3) in metres for each of the frames; the scene's frame is put back."""
    before = scene.frame_current
    rigid = {obj.name: _outermost(obj) for obj in objects if not _bends(obj)}
    seen: list[list[framing.Array]] = []
    try:
        for number, frame in enumerate(frames):
            scene.frame_set(frame)
            graph = bpy.context.evaluated_depsgraph_get()
            shown = [obj for obj in objects if not obj.hide_render]
            seen.append([points for obj in shown if len(points := _points(obj, rigid.get(obj.name), graph))])
            tell(number / len(frames))
    finally:
        scene.frame_set(before)
    low, high = limits(seen)
    cast = float(np.ptp(np.concatenate(seen[0]), axis=0).max()) if seen and seen[0] else 0.0
    followed = [each if k == 0 else midst(each, cast) for k, each in enumerate(seen)]
    follows = not stands(seen) and roams([np.concatenate(every) for every in followed if every])
    shapes: list[framing.Array] = []
    for every, main in zip(seen, followed, strict=True):
        kept = main if follows else [each for each in every if _within(each, low, high)] or every
        shapes.append(np.concatenate(kept) if kept else shapes[-1] if shapes else np.zeros((1, 3)))
    return [framing.extreme(shape) if len(shape) > _MANY else shape for shape in shapes]


def limits(seen: list[list[framing.Array]]) -> tuple[framing.Array, framing.Array]:
    """The box of what is filmed: where all begins, and where most of it goes if that is not too far off."""
    first = np.concatenate(seen[0]) if seen and seen[0] else np.zeros((1, 3))
    low, high = first.min(axis=0), first.max(axis=0)
    middles = [(each.min(axis=0) + each.max(axis=0)) / 2 for points in seen for each in points]
    if not middles:
        return low, high
    usual = np.percentile(np.array(middles), [_RARE, 100 - _RARE], axis=0)
    far = _BEYOND * float((high - low).max())
    return np.minimum(low, np.maximum(usual[0], low - far)), np.maximum(high, np.minimum(usual[1], high + far))


def roams(shapes: list[framing.Array]) -> bool:
    """All begins in a small place and goes far: one picture of everything would show a speck."""
    if not shapes:
        return False
    every = np.concatenate([np.stack([shape.min(axis=0), shape.max(axis=0)]) for shape in shapes])
    return float(np.ptp(every, axis=0).max()) > _ROAMS * float(np.ptp(shapes[0], axis=0).max())


def stands(seen: list[list[framing.Array]]) -> bool:
    """One of the large ones is in the end where and as large as it was: what happens is seen from one place."""
    if not seen or not seen[0] or not seen[-1]:
        return True
    first, last = (
        [(float(np.ptp(each, axis=0).max()), each.mean(axis=0)) for each in every] for every in (seen[0], seen[-1])
    )
    large = [each for each in first if each[0] >= _LARGE * max(size for size, _ in first)]
    return any(
        abs(size - wide) < 0.2 * wide and float(np.linalg.norm(there - at)) < 0.5 * wide
        for wide, at in large
        for size, there in last
    )


def midst(every: list[framing.Array], near: float) -> list[framing.Array]:
    """Of many bodies most, without those that are the farthest from where most are and farther than `near` metres; of
    few all."""
    if len(every) <= _FEW:
        return every
    middles = np.array([(each.min(axis=0) + each.max(axis=0)) / 2 for each in every])
    away = np.linalg.norm(middles - np.median(middles, axis=0), axis=1)
    far = max(near, np.sort(away)[int(_MOST * (len(every) - 1))])
    return [each for each, d in zip(every, away, strict=True) if d <= far]


def _within(points: framing.Array, low: framing.Array, high: framing.Array) -> bool:
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    slack = 1e-6 + np.ptp(points, axis=0) / 2
    return bool((middle >= low - slack).all() and (middle <= high + slack).all())


def _bends(obj: bpy.types.Object) -> bool:
    return bool(obj.modifiers) or obj.data.shape_keys is not None or obj.data.animation_data is not None


def _outermost(obj: bpy.types.Object) -> framing.Array:
    """In its own frame."""
    points = np.empty(len(obj.data.vertices) * 3, np.float32)
    obj.data.vertices.foreach_get("co", points)
    return framing.extreme(points.reshape(-1, 3).astype(float), _WAYS)


def _points(obj: bpy.types.Object, rest: framing.Array | None, graph: bpy.types.Depsgraph) -> framing.Array:
    if rest is None:
        points = animation.points_at(obj, graph)
        points = points[np.isfinite(points).all(axis=1)]
        return framing.extreme(points, _WAYS) if len(points) else points
    matrix = np.array(obj.evaluated_get(graph).matrix_world)
    out: framing.Array = rest @ matrix[:3, :3].T + matrix[:3, 3]
    return out
