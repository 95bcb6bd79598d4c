# SPDX-License-Identifier: GPL-3.0-or-later
"""Ropes and springs of a document, made visible: links that follow their ends, a bow where there is slack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from .....backend.protocol.scene import SceneSpec
from ..material import substance
from ..mesh import meshes
from . import keys, pulling
from .bodies import Array, State
from .course import Course

if TYPE_CHECKING:
    from ...work import Work

ROPE = "galatea_rope"
"""Custom property of an object: a link of a rope or spring."""
_LINKS, _THICK, _SIDES = 12, 0.008, 10
"""Links, their radius in metres and corners around."""


def clear() -> None:
    for obj in [obj for obj in bpy.data.objects if ROPE in obj]:
        bpy.data.objects.remove(obj)


def draw(work: Work, spec: SceneSpec, course: Course) -> None:
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
        rope = joint.kind == "rope"
        points = np.array([_line(a, b, length if rope else 0.0) for a, b in zip(near, far, strict=True)])
        _links(work, points, "hemp" if rope else "steel")


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


def _links(work: Work, points: Array, of: str) -> None:
    mesh = _link()
    mesh.materials.append(substance.material(of))
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
