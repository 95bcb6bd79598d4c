# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens when: events of a document as changes of a course."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from mathutils import Quaternion

from .....backend.protocol.scene import Event, SceneSpec
from . import moving
from .actors import Actor, shown
from .bodies import Array, Joint, Path
from .course import Change, Course

_UP, _SPREAD = 0.35, 0.25
"""Of an explosion: how much of it goes upwards, and how much chance there is in each piece's way."""
_REACH = 4.0
"""Sizes of what explodes within which others are thrown."""
SHATTER, CRACK = 24, 12
"""Pieces of what explodes or breaks and was not said to have any."""


def pieces(spec: SceneSpec, id: str) -> int:
    """How many an item may come to; 0 stays whole."""
    said = spec.item(id).pieces
    kinds = [event.kind for event in spec.events if event.target == id]
    return said or (SHATTER if "explode" in kinds else CRACK if "break" in kinds else 0)


def held(spec: SceneSpec, id: str) -> bool:
    """It waits for an event that lets it go."""
    return any(event.kind == "release" and event.target == id for event in spec.events)


def changes(spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint], step: float) -> dict[int, list[Change]]:
    """By step. Wind is a force and no change: see `forces.wind`."""
    found: dict[int, list[Change]] = {}
    for event in sorted(spec.events, key=lambda each: each.time):
        make = _KINDS.get(event.kind)
        if make:
            found.setdefault(round(event.time / step), []).append(make(event, spec, actors, joints))
    return found


def _of(course: Course, event: Event) -> list[int]:
    """Whom it befalls."""
    return [
        k
        for k, actor in enumerate(course.actors)
        if actor.id == event.target and course.here[k] and event.index in (-1, actor.thing.index if actor.thing else -1)
    ]


def _release(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
    def change(course: Course, at: int) -> None:
        for k in _of(course, event):
            if course.kinds[k] == "moved":
                now = at * course.step
                given = course.actors[k].body.motion
                course.motions[k] = given if course.actors[k].held else moving.motion_at(course.paths[k], now)
                course.kinds[k] = "active"
        course.cut |= {n for n, joint in enumerate(course.joints)
                       if joint.kind in ("fixed", "rope") and course.actors[joint.a].id == event.target
                       and (joint.b < 0 or course.actors[joint.b].id != event.target)}  # fmt: skip

    return change


def _push(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
    def change(course: Course, at: int) -> None:
        for k in _of(course, event):
            if course.kinds[k] == "active":
                course.motions[k, :3] += event.strength * _unit(event.direction)

    return change


def _stop(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
    def change(course: Course, at: int) -> None:
        for k in _of(course, event):
            course.motions[k] = 0.0
            course.paths[k] = moving.stopped(course.paths[k], at * course.step)

    return change


def _break(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
    def change(course: Course, at: int) -> None:
        for k in _of(course, event):
            course.broken[k] = at * course.step
            smash(course, k)

    return change


def _explode(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
    def change(course: Course, at: int) -> None:
        rng = np.random.default_rng(spec.seed)
        for k in _of(course, event):
            centre, size = course.poses[k, :3].copy(), float(np.linalg.norm(course.actors[k].body.size))
            course.broken[k] = at * course.step
            made = smash(course, k)
            for other in np.flatnonzero(course.here):
                if course.kinds[other] != "active":
                    continue
                away = course.poses[other, :3] - centre
                far = float(np.linalg.norm(away))
                own = other in made
                if not own and far > _REACH * size:
                    continue
                share = rng.uniform(0.7, 1.2) if own else min(1.0, (size / max(far, 1e-6)) ** 2) * 0.5
                way = away / max(far, 1e-6) + (_SPREAD * rng.normal(size=3) if own else 0.0) + [0, 0, _UP]
                course.motions[other, :3] += event.strength * share * way / np.linalg.norm(way)
                if own:
                    course.motions[other, 3:] += rng.normal(size=3) * min(event.strength / max(size, 0.05), 20.0)

    return change


def _turn(closing: bool) -> Callable[..., Change]:
    def make(event: Event, spec: SceneSpec, actors: Sequence[Actor], joints: Sequence[Joint]) -> Change:
        def change(course: Course, at: int) -> None:
            for k in _of(course, event):
                if course.kinds[k] == "still":
                    continue
                hinge = next((j for j in course.joints if j.kind == "hinge" and k in (j.a, j.b)), None)
                anchor, axis, angle = _edge(course.actors[k]) if hinge is None else (hinge.anchor, hinge.axis, None)
                if hinge is not None:
                    limits = [x for x in (hinge.low, hinge.high) if x is not None and abs(x) > 0.2]
                    angle = max(limits, key=abs) if limits else None
                course.kinds[k] = "moved"
                if closing:  # back to where it was at first
                    course.paths[k] = _between(course.poses[k].copy(), course.actors[k].body.pose, at * course.step)
                else:
                    course.paths[k] = moving.about(
                        course.poses[k].copy(), anchor, moving.opening(axis, angle, at * course.step)
                    )

        return change

    return make


def _between(a: Array, b: Array, start: float) -> Path:
    turns = Quaternion(a[3:]), Quaternion(b[3:])

    def at(time: float) -> Array:
        share = float(np.clip((time - start) / moving.TAKES, 0, 1))
        share = share * share * (3 - 2 * share)
        return np.concatenate([a[:3] + share * (b[:3] - a[:3]), turns[0].slerp(turns[1], share)])

    return at


def _edge(actor: Actor) -> tuple[Array, Array, None]:
    """What has no hinge turns about its left edge."""
    return actor.body.pose[:3] - [actor.body.size[0] / 2, 0, 0], np.array([0, 0, 1.0]), None


def _unit(way: Sequence[float]) -> Array:
    length = float(np.linalg.norm(way))
    return np.array(way, float) / length if length else np.array([1.0, 0, 0])


def smash(course: Course, number: int) -> list[int]:
    """Put the pieces of an actor in its place, moving as it did; returns their numbers."""
    made = [k for k, each in enumerate(course.actors) if each.whole == number]
    if not made:
        return []
    place, turn = shown(course.actors[number], course.poses[number])
    velocity, spin = course.motions[number, :3], course.motions[number, 3:]
    for k in made:
        piece = course.actors[k]
        at = place + np.array(turn.to_matrix()) @ piece.offset
        course.poses[k] = [*at, *turn]
        course.motions[k] = [*(velocity + np.cross(spin, at - course.poses[number, :3])), *spin]
        course.here[k], course.kinds[k] = True, "active"
        piece.body = dataclasses.replace(piece.body, pose=course.poses[k].copy())
    course.here[number] = False
    return made


_KINDS: dict[str, Callable[..., Change]] = {
    "release": _release, "push": _push, "stop": _stop, "break": _break, "explode": _explode,
    "open": _turn(False), "close": _turn(True),
}  # fmt: skip
