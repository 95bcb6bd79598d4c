# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of many bodies, frame by frame, without those that leave: a picture of all would show specks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..mesh import meshes
from ..motion import animation
from ..physics.breaking import PIECE
from ..physics.thing import ITEM
from . import directing, framing

_WAYS = 24
"""Directions in which the outermost points of a body are looked for."""
_MANY = 400
_GONE = 1e-18
"""Of its volume: what is so small waits to break off, or is broken."""
_RARE = 4.0
"""Percent of all places of all bodies, at each end of an axis, that may be left out."""
_BEYOND = 0.75
"""How far beyond where all begins, in shares of its extent, what happens is followed."""


@dataclass(frozen=True)
class Watched:
    """`shapes`: points (P, 3) in metres for each frame, cut to what is to be in the picture. `follows`: the camera goes
    after what acts, for from one place it would be too small. `length`: frames until the film may end. `side`: degrees
    from the front from which it is seen best, where that matters."""

    shapes: list[framing.Array]
    follows: bool
    length: int
    side: float | None = None


def watch(
    objects: list[bpy.types.Object], frames: list[int], rate: float, ground: bool, tell: Callable[[float], None]
) -> Watched:
    """Look at objects of a scene in words; the scene's frame is put back. `ground`: it has a floor at height 0."""
    seen, moved = _look(objects, frames, tell)
    boxes = np.array([[_box(points) for points in every] for every in seen])
    kinds = [kind(obj) for obj in objects]
    cast = directing.Cast(boxes, moved, kinds, kept(boxes, kinds, ground), rate)
    windows = directing.windows(cast) if len(frames) > 1 else None
    until = directing.length(directing.rest(cast), len(frames), rate, directing.leaves(cast))
    shapes: list[framing.Array] = []
    for frame, every in enumerate(seen):
        here = [points for n, points in enumerate(every) if cast.kept[frame, n] and len(points)]
        shape = np.concatenate(here) if here else shapes[-1] if shapes else np.zeros((1, 3))
        shape = framing.extreme(shape) if len(shape) > _MANY else shape
        if windows is not None and np.isfinite(windows[frame]).all():
            shape = np.clip(shape, *windows[frame])
        shapes.append(shape)
    whole = np.concatenate(shapes)
    return Watched(shapes, windows is not None, until, directing.side(whole.min(axis=0), whole.max(axis=0)))


def kind(obj: bpy.types.Object) -> str:
    """The same for all of an item, for its pieces, and for the parts of one thing that are alike."""
    if PIECE in obj:
        return f"{obj[PIECE]} pieces"
    return f"{obj.get(ITEM, obj.name)}"


def kept(boxes: framing.Array, kinds: Sequence[str], ground: bool) -> framing.Array:
    """(F, N) whether a body has not left. Of many of a kind those nearest to their midst stay; where there is but one
    thing nothing leaves."""
    shown = np.isfinite(boxes[:, :, 0, 0])
    things = {name.removesuffix(" pieces") for name in kinds}
    low, high = limits(boxes, ground)
    middles = boxes.mean(axis=2)
    slack = 1e-6 + (boxes[:, :, 1] - boxes[:, :, 0]) / 2
    inside: framing.Array = ((middles >= low - slack) & (middles <= high + slack)).all(axis=2)
    for name in set(kinds):
        mine = np.flatnonzero([each == name for each in kinds])
        tight = () if name in things else (directing.SHARDS,)
        for frame in range(len(boxes)):
            here = mine[shown[frame, mine]]
            if len(here) <= directing.FEW:
                inside[frame, here] |= len(things) == 1
                continue
            inside[frame, here] &= len(things) > 1 or name in things
            inside[frame, directing.midst(here, boxes[frame], *tight)] = True
    none = ~(inside & shown).any(axis=1)
    inside[none] = True
    out: framing.Array = inside & shown
    return out


def limits(boxes: framing.Array, ground: bool = False) -> tuple[framing.Array, framing.Array]:
    """The box of what is filmed: where all begins, and where most of it goes if that is not too far off."""
    low, high = np.nanmin(boxes[0, :, 0], axis=0), np.nanmax(boxes[0, :, 1], axis=0)
    floor = np.where([False, False, ground], np.minimum(low, 0.0), low)
    middles = boxes.mean(axis=2).reshape(-1, 3)
    usual = np.percentile(middles[np.isfinite(middles[:, 0])], [_RARE, 100 - _RARE], axis=0)
    far = _BEYOND * float((high - floor).max())
    return np.minimum(low, np.maximum(usual[0], floor - far)), np.maximum(high, np.minimum(usual[1], high + far))


def _look(
    objects: list[bpy.types.Object], frames: list[int], tell: Callable[[float], None]
) -> tuple[list[list[framing.Array]], framing.Array]:
    """Outermost points of each object at each frame, none where it is hidden, and how far the fastest of all points of
    each went since the frame before."""
    scene = bpy.context.scene
    before = scene.frame_current
    rigid = {obj.name: _outermost(obj) for obj in objects if not _bends(obj)}
    seen: list[list[framing.Array]] = []
    moved = np.zeros((len(frames), len(objects)))
    last: list[framing.Array] = [np.zeros((0, 3))] * len(objects)
    try:
        for number, frame in enumerate(frames):
            scene.frame_set(frame)
            graph = bpy.context.evaluated_depsgraph_get()
            points = [
                np.zeros((0, 3)) if obj.hide_render else _points(obj, rigid.get(obj.name), graph) for obj in objects
            ]
            if number:
                moved[number] = [_far(a, b) for a, b in zip(last, points, strict=True)]
            last = points
            seen.append([framing.extreme(each, _WAYS) if len(each) > 2 * _WAYS else each for each in points])
            tell(number / len(frames))
    finally:
        scene.frame_set(before)
    return seen, moved


def _far(before: framing.Array, now: framing.Array) -> float:
    """Metres; of a surface whose points are others at each frame, what its box moved by."""
    if not len(before) or not len(now):
        return 0.0
    if len(before) == len(now):
        return float(np.linalg.norm(now - before, axis=1).max())
    return float(np.abs(_box(now) - _box(before)).max())


def _box(points: framing.Array) -> framing.Array:
    return np.stack([points.min(axis=0), points.max(axis=0)]) if len(points) else np.full((2, 3), np.nan)


def _bends(obj: bpy.types.Object) -> bool:
    return bool(obj.modifiers) or obj.data.shape_keys is not None or obj.data.animation_data is not None


def _outermost(obj: bpy.types.Object) -> framing.Array:
    """In its own frame."""
    return framing.extreme(meshes.vertices_of(obj.data).astype(float), _WAYS)


def _points(obj: bpy.types.Object, rest: framing.Array | None, graph: bpy.types.Depsgraph) -> framing.Array:
    if rest is None:
        points: framing.Array = animation.points_at(obj, graph)
        shown: framing.Array = points[np.isfinite(points).all(axis=1)]
        return shown
    matrix = np.array(obj.evaluated_get(graph).matrix_world)
    if abs(np.linalg.det(matrix[:3, :3])) < _GONE:
        return np.zeros((0, 3))
    out: framing.Array = rest @ matrix[:3, :3].T + matrix[:3, 3]
    return out
