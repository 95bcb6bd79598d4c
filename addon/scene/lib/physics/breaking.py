# SPDX-License-Identifier: GPL-3.0-or-later
"""What may break: its pieces, made before and out of sight until a blow is hard enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy
import numpy as np

from .....backend.protocol.scene import SceneSpec
from . import events, fracture, solids
from .actors import Actor
from .bodies import Array, Body, State
from .course import Course
from .engines.bounce import placed

if TYPE_CHECKING:
    from ...work import Work

PIECE = "galatea_piece"
"""Custom property of an object: the id of the item that it is a piece of."""
_HARD = 2.0
"""Joules that it takes to break a brittle thing of one kilogram. It is the energy of fresh surfaces, which grow as the
mass to the power of 2/3: a vase of 1 kg breaks where it stops from 2 m/s, a pane of 25 kg where 0.4 kg hit it at 10."""
_TOUGH = 2.25
"""Of what is not brittle so many times as much."""
_ALONG = 0.5
"""Cosine: how nearly a blow must point away from what it was dealt by."""
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
    """Which actors the step between two states has hit too hard: by the energy of what they lost themselves, or of what
    bounced off them."""
    breakable = [
        k for k, each in enumerate(course.actors)
        if each.whole is None and each.thing and each.thing.item.pieces and course.here[k]
    ]  # fmt: skip
    if not breakable:
        return []
    present = np.flatnonzero(course.here)
    blow = now.motions[:, :3] - before.motions[:, :3] - course.step * course.gravity
    active = np.array([course.kinds[k] == "active" for k in present])
    mass = np.array([course.actors[k].body.mass for k in present])
    energy = np.where(active, 0.5 * mass * (blow**2).sum(axis=1), 0.0)
    found = []
    for n, k in enumerate(present):
        if k in breakable:
            hard = _hard(course.actors[k])
            others = np.flatnonzero(energy > hard)
            if energy[n] > hard or any(_dealt(course, int(k), before, int(m), blow[m]) for m in others if m != n):
                found.append(int(k))
    return found


def _hard(actor: Actor) -> float:
    """Joules that break it."""
    tough = 1.0 if actor.substance and actor.substance.breaks else _TOUGH
    return tough * _HARD * float(actor.body.mass ** (2 / 3))


def _dealt(course: Course, by: int, before: State, n: int, blow: Array) -> bool:
    """Does a blow to the body `n` of the states come from an actor: does it touch its box, and is it driven off it?"""
    present = np.flatnonzero(course.here)
    body, pose = course.actors[by].body, course.poses[by]
    reach = float(np.linalg.norm(course.actors[int(present[n])].body.size)) / 2
    points = placed(body.points, pose)
    place = before.poses[n, :3]
    away = place - np.clip(place, points.min(axis=0), points.max(axis=0))
    far = float(np.linalg.norm(away))
    return far < reach and (far < 1e-6 or float(blow @ away) > _ALONG * far * float(np.linalg.norm(blow)))
