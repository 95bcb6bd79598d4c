# SPDX-License-Identifier: GPL-3.0-or-later
"""Ropes and springs of a document, made visible: links that follow their ends, a bow where there is slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ...props import shapes
from ..material import substance
from ..mesh import meshes
from . import caches, keys, pulling
from .bodies import Array, State
from .course import Course

if TYPE_CHECKING:
    from ...work import Work

ROPE = "galatea_rope"
"""Custom property of an object: a link of a rope or spring."""
_LINKS, _THICK, _SIDES = 12, 0.008, 10
"""Links, their radius in metres and corners around."""
_TURNS, _WIDE, _LEAD = 10, 0.09, 0.06
"""Of a spring: turns, radius by its length at rest, share of it at each end that is straight."""


def clear() -> None:
    for obj in [obj for obj in bpy.data.objects if ROPE in obj]:
        bpy.data.objects.remove(obj)


def draw(work: Work, course: Course) -> None:
    """Links for each joint that pulls, keyed over the frames that were computed."""
    bodies = [each.body for each in course.actors]
    pulls = pulling.Pulls(bodies, course.joints, course.step)
    if not pulls.joints:
        return
    none = np.zeros((len(bodies), 6))
    ends = [pulls.ends(State(np.nan_to_num(frame), none)) for frame in course.frames]
    for number, joint in enumerate(pulls.joints):
        near, far = (np.array([frame[number][k] for frame in ends]) for k in (0, 2))
        length = joint.length or float(np.linalg.norm(far[0] - near[0]))
        if joint.kind == "spring":
            _coil(work, near, far, length)
            continue
        _links(work, np.array([_line(a, b, length) for a, b in zip(near, far, strict=True)]))


def _line(a: Array, b: Array, length: float) -> Array:
    """Places (L + 1, 3) from end to end: a parabola as long as the rope where it is slack."""
    share = np.linspace(0, 1, _LINKS + 1)[:, None]
    straight: Array = a + share * (b - a)
    span = float(np.linalg.norm((b - a)[:2]))
    more = length - float(np.linalg.norm(b - a))
    if more <= 1e-4:
        return straight
    # of a parabola: length = span + 8 sag²/(3 span), upright ones fold
    sag = float(np.sqrt(3 / 8 * max(span, 0.25 * length) * more))
    return np.asarray(straight - 4 * sag * share * (1 - share) * [0, 0, 1.0])


def _coil(work: Work, near: Array, far: Array, length: float) -> None:
    """Turns of wire from end to end (F, 3), farther apart the more it is stretched."""
    wide, share = length * _WIDE, np.linspace(0, 1, 10 * _TURNS + 1)
    inside = np.clip(np.minimum(share, 1 - share) / _LEAD, 0.0, 1.0)
    angle = 2 * np.pi * _TURNS * share
    round_ = wide * inside[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    wires = []
    for a, b in zip(near, far, strict=True):
        turn = np.array(Vector(b - a).to_track_quat("Z", "Y").to_matrix())
        line = np.column_stack([round_, share * np.linalg.norm(b - a)])
        wires.append(shapes.tube(a + line @ turn.T, wide / 7, 6))
    mesh = bpy.data.meshes.new("Spring")
    mesh.from_pydata(wires[0].vertices.tolist(), [], wires[0].faces)
    mesh.shade_smooth()
    mesh.materials.append(substance.material("steel"))
    obj = work.add("body", bpy.data.objects.new("Spring", mesh))
    obj[ROPE] = True
    caches.keep_shapes(obj, np.array([wire.vertices for wire in wires], np.float32))


def _links(work: Work, points: Array) -> None:
    mesh = _link()
    mesh.materials.append(substance.material("hemp"))
    for k in range(_LINKS):
        way = points[:, k + 1] - points[:, k]
        long = np.linalg.norm(way, axis=1)
        turns = np.array([Vector(each).to_track_quat("Z", "Y") if size > 1e-9 else Quaternion()
                          for each, size in zip(way, long, strict=True)])  # fmt: skip
        obj = bpy.data.objects.new("Rope", mesh)
        work.add("body", obj)
        obj[ROPE] = True
        obj.scale = (1.0, 1.0, float(long.max()) * 1.02 + 1e-6)
        bpy.context.view_layer.update()
        keys.write(obj, (points[:, k] + points[:, k + 1]) / 2, turns)


def _link() -> bpy.types.Mesh:
    """A round bar of length 1 about the origin along Z."""
    turn = 2 * np.pi * np.arange(_SIDES) / _SIDES
    ring = np.stack([_THICK * np.cos(turn), _THICK * np.sin(turn)], axis=1)
    points = np.concatenate([np.column_stack([ring, np.full(_SIDES, z)]) for z in (-0.5, 0.5)])
    k = np.arange(_SIDES)
    n = (k + 1) % _SIDES
    sides = np.stack([k, n, n + _SIDES, k + _SIDES], axis=1)
    return meshes.new_mesh("Rope", points.astype(np.float32), sides.astype(np.int32))
