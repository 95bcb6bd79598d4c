# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies for tests of physics: as engines take them, and as things of a built scene."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import bmesh
import bpy
import numpy as np

from galatea.addon.scene.lib.physics import thing as marks
from galatea.addon.scene.lib.physics.actors import block
from galatea.addon.scene.lib.physics.bodies import Array, Body, Joint, World
from galatea.addon.scene.lib.physics.engines import engine
from galatea.addon.scene.work import Work
from galatea.backend.protocol import scene as scenes

EARTH = np.array([0.0, 0.0, -9.81])


def box(size: Sequence[float], place: Sequence[float], kind: str = "active", **more: Any) -> Body:
    points, faces = block(size)
    return Body("box", kind, "box", points, faces, np.array([*place, 1, 0, 0, 0], float), **more)


def ball(radius: float, place: Sequence[float], **more: Any) -> Body:
    points, faces = block((2 * radius,) * 3)
    return Body("ball", "active", "sphere", points, faces, np.array([*place, 1, 0, 0, 0], float), **more)


def floor(**more: Any) -> Body:
    return box((60, 60, 4), (0, 0, -2), "still", **more)


def solved(
    bodies: Sequence[Body], seconds: float, joints: Sequence[Joint] = (), step: float = 1 / 240, **world: Any
) -> tuple[Array, Array]:
    """Poses (S, B, 7) and motions (S, B, 6) after each step, by Blender's engine."""
    states = engine("blender")(list(bodies), list(joints), World(EARTH, step, **world))
    found = list(itertools.islice(states, round(seconds / step) + 1))
    states.close()
    return np.array([s.poses for s in found]), np.array([s.motions for s in found])


def mesh(kind: str, size: Sequence[float]) -> bpy.types.Mesh:
    """A box, ball or cylinder about the origin."""
    made = bmesh.new()
    if kind == "ball":
        bmesh.ops.create_uvsphere(made, u_segments=24, v_segments=12, radius=0.5)
    elif kind == "cylinder":
        bmesh.ops.create_cone(made, cap_ends=True, segments=24, radius1=0.5, radius2=0.5, depth=1)
    else:
        bmesh.ops.create_cube(made, size=1)
    bmesh.ops.scale(made, vec=tuple(size), verts=made.verts)
    out = bpy.data.meshes.new(kind)
    made.to_mesh(out)
    made.free()
    return out


def document(**data: Any) -> scenes.SceneSpec:
    """Of the open file."""
    spec = scenes.validate(data)
    bpy.context.scene[marks.SPEC] = spec.dumps()
    return spec


def put(
    work: Work, item: str, kind: str, size: Sequence[float], place: Sequence[float], *, index: int = 0, part: int = 0,
    shape: str = "", still: bool = False,
) -> bpy.types.Object:  # fmt: skip
    """One part of a thing, its middle at a place."""
    obj = bpy.data.objects.new(f"{item} {index} {part}", mesh(kind, size))
    work.add("body", obj)
    obj[marks.ITEM], obj[marks.INDEX], obj[marks.NUMBER], obj[marks.PART] = item, index, part, str(part)
    obj[marks.SHAPE] = shape or {"ball": "sphere"}.get(kind, kind)
    if still:
        obj[marks.STILL] = True
    obj.location = place
    bpy.context.view_layer.update()
    return obj


def track(obj: bpy.types.Object) -> Array:
    """World places (F, 3) over the scene's frames."""
    scene = bpy.context.scene
    out = []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        out.append(tuple(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation))
    return np.array(out)
