# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid bodies of a scene in words: what falls, what is hit, and the keyframes that are left of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np

from .....backend.protocol import props
from .....backend.protocol.scene import SceneSpec
from . import actors as acting
from . import breaking, clock, events, figures, floating, forces, joints, keys, moving, ropes
from .actors import Actor
from .bodies import Array, Body, Joint, State
from .course import Course, Force
from .engines import engine
from .engines.bounce import placed
from .thing import Thing, document
from .thing import things as all_things
from .watch import Watch, Wild

if TYPE_CHECKING:
    from ...work import Work

_SLOWEST, _QUICKEST, _MANY = 240.0, 960.0, 100
"""Steps a second: at least, at most, and bodies with which it is half of that at most."""
_THIN = 0.75
"""Of the thinnest body: no body shall go farther in one step."""
_FINER = (1, 4, 16)
"""How many times finer a simulation that went wrong is run again."""
_LIGHT = 150.0
"""kg/m³: what is denser does not feel still air."""
_LEVER = 7.0
"""How much faster than its speed says what is animated may hit: turns a second of an arm of a metre."""
_AIR = 0.03
"""Share of its spin that a body loses in a second."""


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Solve all and leave keyframes; returns figures. What goes wrong is run again with finer steps, and told."""
    breaking.clear()
    ropes.clear()
    bpy.context.view_layer.update()
    cast = acting.gather(spec, things, lambda: beat(0.0))
    if not any(each.body.kind in ("active", "moved") for each in cast):
        return {}
    linked = joints.gather(bpy.context.scene, cast)
    cast = [_held(spec, each, cast, linked) for each in cast]
    cast += breaking.pieces(work, spec, cast, lambda: beat(0.0))
    course, troubles = _solved(work, spec, cast, linked, beat)
    _keep(course)
    ropes.draw(work, course)
    return figures.of(course, spec, troubles)


def _solved(
    work: Work, spec: SceneSpec, cast: list[Actor], linked: list[Joint], beat: Callable[[float], None]
) -> tuple[Course, list[str]]:
    """The course, and what went wrong before it was run with finer steps; of the finest run that is kept as it is."""
    troubles: list[str] = []
    reached = 0.0
    for finer in _FINER:
        course = _course(spec, cast, linked, finer)
        course.watch.lenient = finer == _FINER[-1]
        try:
            course.run(course.every * (clock.last_frame(spec) - 1), _onward(beat, reached), events.smash)
            wild, now = course.watch.seen, course.watch.seen_at
        except Wild as error:
            wild, now = error, course.now
            reached += (1 - reached) * now / spec.simulation.duration
        if wild is None:
            return course, troubles
        names = ", ".join(dict.fromkeys(wild.names[:4]))
        troubles.append(f"{names} {wild.kind} at {now:.2f} s with steps of {course.step * 1000:.3g} ms")
    work.report.warn(
        f"Physics went wrong even with finer steps: {troubles[-1]}. Move these apart, or make them slower or thicker."
    )
    return course, troubles


def _onward(beat: Callable[[float], None], reached: float) -> Callable[[float], None]:
    """Progress of a run again: it goes on from where the one before ended."""
    return lambda done: beat(reached + (1 - reached) * done)


def settle(things: Sequence[Thing], seconds: float = 0.5) -> float:
    """Let things come to rest where they stand, heavily damped and free of speed; returns how far the farthest moved,
    in metres. Objects are left where they came to rest."""
    spec = document(bpy.context.scene)
    calm = replace(spec, events=(), simulation=replace(spec.simulation, duration=max(seconds, 0.1), slow_motion=1.0))
    bpy.context.view_layer.update()
    cast = acting.gather(calm, things)
    linked = joints.gather(bpy.context.scene, cast)
    for each in cast:
        if each.body.kind != "still":
            quiet = replace(each.body, kind="active" if each.body.kind == "active" else "still", motion=np.zeros(6),
                            linear_damping=0.9, angular_damping=0.9, restitution=0.0)  # fmt: skip
            each.body = quiet
    if not any(each.body.kind == "active" for each in cast):
        return 0.0
    course = _course(calm, cast, linked, 1)
    course.watch.blind = True
    course.run(course.every * (clock.last_frame(calm) - 1), lambda done: None)
    moved = 0.0
    for k, each in enumerate(cast):
        if each.object and each.body.kind == "active":
            place, turn = acting.shown(each, course.poses[k])
            moved = max(moved, float(np.linalg.norm(course.poses[k, :3] - each.body.pose[:3])))
            each.object.matrix_world = acting.placed_matrix(place, turn, each.object.matrix_world.to_scale())
    bpy.context.view_layer.update()
    return moved


def _held(spec: SceneSpec, actor: Actor, cast: Sequence[Actor], linked: Sequence[Joint]) -> Actor:
    """With what its item says of its motion: waiting, pinned, animated."""
    if not actor.thing:
        return actor
    item, body = actor.thing.item, actor.body
    if body.kind == "moved":
        number = cast.index(actor)
        joint = next((each for each in linked if each.kind == "hinge" and number in (each.a, each.b)), None)
        main = next(each for each in cast if each.thing is actor.thing)
        axis = joint.axis if joint else np.array(item.direction, float)
        pivot = joint.anchor if joint else main.body.pose[:3]
        if item.motion == "swing" and not joint:  # from its top, across the way that it goes
            across = np.cross([0, 0, 1.0], axis)
            axis = across if across.any() else np.array([0, 1.0, 0])
            pivot = pivot + np.array([0, 0, main.body.size[2] / 2])
        radius = float(main.body.size[2]) / 2
        if item.motion == "spin" and actor.thing.index % 2 and props.named().get(item.name) == "gear":
            axis = -axis  # gears turn against each other
        body = replace(body, path=moving.about(body.pose, pivot, moving.shift(item, axis, radius)))
    elif body.kind == "active" and item.pinned != "none" and len(actor.thing.parts) > 1 and _pinned(item.pinned, actor):
        body = replace(body, kind="still", motion=np.zeros(6))
    if body.kind == "active":
        body = replace(body, angular_damping=0.0 if spec.environment.medium == "vacuum" else _AIR)
    return replace(actor, body=body, held=body.kind == "active" and events.held(spec, item.id))


def _pinned(how: str, actor: Actor) -> bool:
    """Is this part of a chain or rope one of those that are held?"""
    assert actor.thing
    places = np.array([part.matrix_world.translation for part in actor.thing.parts])
    axis, own = {"left": 0, "right": 0}.get(how, 2), places[actor.number]
    if how in ("ends", "corners"):
        return actor.number in (0, len(places) - 1)
    edge = places[:, axis].min() if how == "left" else places[:, axis].max()
    if np.ptp(places[:, axis]) < 1e-3:  # it lies level: its first part
        return actor.number == 0
    return bool(abs(own[axis] - edge) < 1e-6 + 1e-3 * np.ptp(places[:, axis]))


def _course(spec: SceneSpec, cast: list[Actor], linked: list[Joint], finer: int) -> Course:
    gravity = np.array(spec.environment.gravity, float)
    step, every = _steps(spec, cast, finer)
    drive = sum(event.strength for event in spec.events if event.kind in ("push", "explode", "wind"))
    drive += float(np.linalg.norm(spec.environment.wind))
    drive += max((each.speed * _LEVER for each in spec.objects if each.motion != "none"), default=0.0)
    found = list(all_things(bpy.context.scene))
    force = floating.lifted(_force(spec, cast, found), spec, found, cast, step)
    fields = any(each.field != "none" for each in spec.objects)
    sprung = any(joint.kind == "spring" for joint in linked)
    closed = not (force or sprung or spec.events or any(each.body.kind == "moved" for each in cast))
    duration = spec.simulation.duration
    strongest = max((each.strength for each in spec.objects if each.field != "none"), default=0.0)
    watch = Watch(cast, gravity, drive=drive + (strongest * duration + 20 if fields or sprung else 0.0),
                  duration=duration, closed=closed)  # fmt: skip
    fresh = [replace(each) for each in cast]
    return Course(fresh, linked, gravity, step, every, engine(spec.simulation.engine),
                  events.changes(spec, fresh, linked, step), force, watch, breaking.broken)  # fmt: skip


def _steps(spec: SceneSpec, cast: Sequence[Actor], finer: int) -> tuple[float, int]:
    """Seconds of a step, and steps a frame: fine enough for the thinnest body at the greatest speed of the scene."""
    frame = clock.frame_time(spec)
    active = [each.body for each in cast if each.body.kind == "active" and each.whole is None]
    rate = 1 / spec.simulation.timestep if spec.simulation.timestep else _SLOWEST
    if active and not spec.simulation.timestep:
        given = max(float(np.linalg.norm(body.motion[:3])) for body in active)
        height = max(float(body.pose[2]) for body in active)
        speed = np.hypot(given, np.sqrt(2 * np.linalg.norm(spec.environment.gravity) * max(height, 0.0)))
        thin = max(min(float(body.size.min()) for body in active), 1e-4)
        rate = float(np.clip(speed / (_THIN * thin), rate, _QUICKEST if len(active) < _MANY else _QUICKEST / 2))
    every = max(1, round(frame * rate)) * finer
    return frame / every, every


def _force(spec: SceneSpec, cast: Sequence[Actor], found: Sequence[Thing]) -> Force | None:
    """Of medium, wind and fields, where anything feels them."""
    blows = any(spec.environment.wind) or any(event.kind == "wind" for event in spec.events)
    light = any(e.body.kind == "active" and e.body.mass < _LIGHT * max(e.volume, 1e-9) for e in cast)
    fields = forces.fields(found)
    if spec.environment.medium == "vacuum" and not fields:
        return None
    if not (fields or blows or light or spec.environment.medium == "water"):
        return None

    def force(time: float, state: State, actors: Sequence[Actor]) -> Array:
        mass = np.array([each.body.mass for each in actors])
        sizes = np.array([each.body.size for each in actors])
        speeds = state.motions[:, :3]
        out = forces.push(spec, fields, time, state.poses[:, :3], speeds, mass, sizes)
        most = 100.0 * mass[:, None]  # what is very light would swing up
        size = np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
        return np.asarray(out * np.minimum(1.0, most / size))

    return force


def _keep(course: Course) -> None:
    """Keyframes of all that moved; what was caught in the step in which it struck the floor is put on it."""
    poses = np.array(course.frames)
    floor = any(each.body.name == acting.FLOOR for each in course.actors)
    for k, actor in enumerate(course.actors):
        if actor.object is None or (actor.body.kind == "still" and actor.whole is None and k not in course.broken):
            continue
        here = np.isfinite(poses[:, k, 0])
        if not here.any():
            continue
        places, turns = np.full((len(poses), 3), np.nan), np.full((len(poses), 4), np.nan)
        for f in np.flatnonzero(here):
            places[f], turns[f] = acting.shown(actor, poses[f, k])
            if floor:
                places[f, 2] -= min(0.0, _lowest(actor.body, poses[f, k]))
        keys.write(actor.object, places, turns)


def _lowest(body: Body, pose: Array) -> float:
    """Height of its lowest point, or something above 0 where it cannot touch the floor."""
    if pose[2] > np.linalg.norm(body.size):
        return 1.0
    if body.shape == "sphere":
        return float(pose[2] - body.size.max() / 2)
    return float(placed(body.points, pose)[:, 2].min())
