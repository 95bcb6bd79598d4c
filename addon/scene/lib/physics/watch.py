# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a simulation still look like physics? Numbers that are none, speeds from nowhere, ways through what is solid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .actors import FLOOR, Actor
from .bodies import Array, State
from .engines.bounce import placed

if TYPE_CHECKING:
    from .course import Course

_FASTER, _MORE = 1.6, 3.0
"""Times, and m/s over, what gravity and all that was given can make of a speed: the solver has thrown it."""
_GROWTH, _SOME = 0.3, 0.02
"""Share of the energy that may be there to be lost, and J a kilogram, by which energy may seem to grow."""
_SLIVERS = 0.1
"""Share of the pieces of what broke that may slip through the floor: they are shown lying on it."""
_CONVEX = ("box", "sphere", "cylinder", "capsule", "cone", "hull")


class Wild(Exception):
    """A simulation that went wrong; `names` of bodies, `kind` explodes or tunnels."""

    def __init__(self, kind: str, names: Sequence[str]) -> None:
        super().__init__(f"{', '.join(names)} {kind}")
        self.kind, self.names = kind, list(names)


class Watch:
    """Looks at each frame. `drive`: speeds in m/s that events, wind and motions give; `closed`: nothing from outside
    gives energy."""

    def __init__(self, actors: Sequence[Actor], gravity: Array, *, drive: float, duration: float, closed: bool) -> None:
        active = [each for each in actors if each.body.kind == "active"]
        self.gravity, self.closed = gravity, closed
        self.lenient = self.blind = False
        self.seen: Wild | None = None
        self.seen_at = 0.0
        self.pull = float(np.linalg.norm(gravity))
        heights = [float(each.body.pose[2]) for each in active] or [0.0]
        floor = any(each.body.name == FLOOR for each in actors)
        fall = max(heights) - min([0.0, *heights]) if floor else 0.5 * self.pull * duration**2 + max(heights)
        given = max((float(np.linalg.norm(each.body.motion[:3])) for each in active), default=0.0)
        rim = max((float(np.linalg.norm(e.body.motion[3:]) * e.body.size.max() / 2) for e in active), default=0.0)
        self.fastest = _FASTER * (float(np.hypot(given + rim + drive, np.sqrt(2 * self.pull * fall)))) + _MORE
        self.energies: list[float] = []
        self.before: Array | None = None
        self.floor = floor
        self.tree = self._solid(actors)

    def _solid(self, actors: Sequence[Actor]) -> BVHTree | None:
        """The surfaces of what stands still."""
        points, faces = list[Array](), list[list[int]]()
        for each in actors:
            if each.body.kind == "still" and each.whole is None and each.thing and not each.thing.item.pieces:
                first = sum(len(other) for other in points)
                points.append(placed(each.body.points, each.body.pose))
                faces += (np.asarray(each.body.faces) + first).tolist()
        if not points:
            return None
        return BVHTree.FromPolygons(np.concatenate(points).tolist(), faces)

    def look(self, course: Course, present: Array, state: State) -> None:
        """Raises `Wild`; where it is `lenient` the first one is kept instead, and nothing more is looked at."""
        if self.seen is not None or self.blind:
            return
        try:
            self._look(course, present, state)
        except Wild as wild:
            if not self.lenient:
                raise
            self.seen, self.seen_at = wild, course.now

    def _look(self, course: Course, present: Array, state: State) -> None:
        active = np.array([k for k in range(len(present)) if course.kinds[present[k]] == "active"], int)
        names = [course.actors[k].body.name for k in present]
        finite = np.isfinite(state.poses).all(axis=1) & np.isfinite(state.motions).all(axis=1)
        if not finite.all():
            raise Wild("explodes", [names[k] for k in np.flatnonzero(~finite)])
        fast = [k for k in active if np.linalg.norm(state.motions[k, :3]) > self.fastest]
        if fast:
            raise Wild("explodes", [names[k] for k in fast])
        self._energy(course, present, state, active, names)
        self._ways(course, present, active, names)
        self.before = course.poses.copy()

    def _energy(self, course: Course, present: Array, state: State, active: Array, names: list[str]) -> None:
        bodies = [course.actors[present[k]].body for k in active]
        mass = np.array([body.mass for body in bodies])
        inner = np.array([0.1 * float(body.size @ body.size) / 1.5 for body in bodies])
        speed = state.motions[active]
        moving = 0.5 * (speed[:, :3] ** 2).sum(axis=1) + 0.5 * inner * (speed[:, 3:] ** 2).sum(axis=1)
        height = -(state.poses[active, :3] @ self.gravity)
        self.energies.append(float((mass * (moving + height)).sum()))
        least = (
            float((mass * (height - self.pull * np.maximum(state.poses[active, 2], 0))).sum()) if len(active) else 0.0
        )
        first = self.energies[0]
        free = self.closed and not course.broken and len(active)
        if free and self.energies[-1] - first > _GROWTH * max(first - least, 0.0) + _SOME * float(mass.sum()):
            worst = np.argsort(-moving)[:3]
            raise Wild("explodes", [names[active[k]] for k in worst])

    def _ways(self, course: Course, present: Array, active: Array, names: list[str]) -> None:
        """Has a convex body's centre gone through a surface that stands still?"""
        through, slipped = list[str](), list[str]()
        broken = sum(course.actors[int(present[k])].whole is not None for k in active)
        for k in active:
            number = int(present[k])
            body, place = course.actors[number].body, course.poses[number, :3]
            if self.floor and place[2] < -0.5 * float(body.size.max()):
                (through if course.actors[number].whole is None else slipped).append(names[k])
            elif (
                self.tree and self.before is not None and body.shape in _CONVEX and course.actors[number].whole is None
            ):
                start, way = Vector(self.before[number, :3]), Vector(place - self.before[number, :3])
                if way.length > 1e-6 and self.tree.ray_cast(start, way, way.length)[0] is not None:
                    through.append(names[k])
        through += slipped if len(slipped) > _SLIVERS * broken else []
        if through:
            raise Wild("tunnels", through)
