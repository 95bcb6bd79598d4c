# SPDX-License-Identifier: GPL-3.0-or-later
"""What may break: its pieces, made before and out of sight until a blow is hard enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .....backend.protocol.scene import SceneSpec
from . import events, fracture, solids
from .actors import Actor
from .bodies import Array, Body, State
from .course import Course

if TYPE_CHECKING:
    from ...work import Work

PIECE = "galatea_piece"
"""Custom property of an object: the id of the item that it is a piece of."""
_HARD = 2.0
"""m/s that a blow must change a brittle thing's speed by; of others `_TOUGH` times as much."""
_TOUGH = 1.5
_HEAVY = 0.02
"""Of the mass of what stands still: so much must what hits it have."""
_SHRUNK = 0.985
"""Of a piece's size is its body, so that pieces do not push each other apart."""


def clear() -> None:
    """Take away pieces of a simulation before."""
    for obj in [obj for obj in bpy.data.objects if PIECE in obj]:
        mesh = obj.data
        bpy.data.objects.remove(obj)
        if not mesh.users:
            bpy.data.meshes.remove(mesh)


def pieces(work: Work, spec: SceneSpec, actors: list[Actor], beat: Callable[[], None]) -> list[Actor]:
    """Actors of all pieces that may come, after those that are there."""
    made: list[Actor] = []
    for number, actor in enumerate(actors):
        count = events.pieces(spec, actor.id) if actor.thing else 0
        if not count or (actor.body.kind == "moved" and not actor.held):
            continue
        assert actor.object and actor.thing
        meshes = fracture.cells(actor.object.data, count, spec.seed + actor.thing.item.seed + number, beat)
        scale = np.array(actor.object.matrix_world.to_scale())
        for k, mesh in enumerate(meshes):
            obj = bpy.data.objects.new(mesh.name, mesh)
            work.add("body", obj)
            obj[PIECE] = actor.id
            obj.matrix_world = actor.object.matrix_world
            made.append(_piece(actor, number, k, obj, scale))
    return made


def _piece(actor: Actor, number: int, k: int, obj: bpy.types.Object, scale: Array) -> Actor:
    points, faces = solids.triangles(obj.data)
    solid = solids.solid(points * scale, faces, split=False)
    assert actor.substance
    body = Body(
        f"{actor.body.name} piece {k + 1}", "active", "hull", _SHRUNK * solids.fewer(solid.points - solid.centre),
        np.zeros((0, 3), np.int32), actor.body.pose, mass=max(solid.volume * actor.substance.density, 1e-6),
        friction=actor.body.friction, restitution=actor.body.restitution * 0.5,
    )  # fmt: skip
    return replace(actor, body=body, object=obj, offset=solid.centre, volume=solid.volume, held=False, whole=number)


def broken(course: Course, before: State, now: State) -> list[int]:
    """Which actors the step between two states has hit too hard. What stands still is hit by what bounces off it."""
    breakable = [
        k for k, each in enumerate(course.actors) if each.whole is None and each.thing and each.thing.item.pieces
    ]
    breakable = [k for k in breakable if course.here[k]]
    if not breakable:
        return []
    present = np.flatnonzero(course.here)
    where = {int(k): n for n, k in enumerate(present)}
    blow = np.linalg.norm(now.motions[:, :3] - before.motions[:, :3] - course.step * course.gravity, axis=1)
    found = []
    for k in breakable:
        if k not in where:
            continue
        actor = course.actors[k]
        hard = _HARD if actor.substance and actor.substance.breaks else _TOUGH * _HARD
        if course.kinds[k] == "active":
            if blow[where[k]] > hard:
                found.append(k)
        elif any(_near(course, k, int(present[n]), before, n) for n in _hitters(course, present, blow, hard, actor)):
            found.append(k)
    return found


def _hitters(course: Course, present: Array, blow: Array, hard: float, actor: Actor) -> Sequence[int]:
    return [
        n for n, k in enumerate(present)
        if course.kinds[k] == "active" and blow[n] > hard and course.actors[k].body.mass > _HEAVY * actor.body.mass
    ]  # fmt: skip


def _near(course: Course, still: int, other: int, before: State, n: int) -> bool:
    """Does a body touch the box of what stands still?"""
    body, pose = course.actors[still].body, course.poses[still]
    reach = float(np.linalg.norm(course.actors[other].body.size)) / 2
    from .engines.bounce import placed

    points = placed(body.points, pose)
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    return bool(((before.poses[n, :3] > low) & (before.poses[n, :3] < high)).all())
