# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of a simulation: an engine is run from one event to the next, with those bodies that are there by then."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import moving
from .actors import Actor
from .bodies import Array, Body, Joint, Path, Solve, State, World
from .watch import Watch

Change = Callable[["Course", int], None]
"""What an event does to a course, at a step."""
Force = Callable[[float, State, Sequence[Actor]], Array]
"""Newtons (B, 3) on actors that are there."""


@dataclass
class Course:
    """All that changes. `poses` (A, 7), `motions` (A, 6) and `here` (A,) of all actors; `kinds` as in `Body`.

    `frames` are the poses (A, 7) of each frame, not a number where an actor is not there.
    """

    actors: list[Actor]
    joints: list[Joint]
    gravity: Array
    step: float
    every: int
    solve: Solve
    changes: dict[int, list[Change]]
    force: Force | None
    watch: Watch
    breaks: Callable[[Course, State, State], list[int]]
    """Which actors a step has broken."""

    def __post_init__(self) -> None:
        self.poses = np.array([each.body.pose for each in self.actors], float).reshape(-1, 7)
        self.motions = np.array([each.body.motion for each in self.actors], float).reshape(-1, 6)
        self.here = np.array([each.whole is None for each in self.actors], bool)
        self.kinds = ["moved" if each.held else each.body.kind for each in self.actors]
        self.paths: list[Path] = [
            moving.still(each.body.pose) if each.held or each.body.path is None else each.body.path
            for each in self.actors
        ]
        self.frames: list[Array] = []
        self.speeds: list[Array] = []
        self.fastest = np.zeros(len(self.actors))
        self.now = 0.0
        self.broken: dict[int, float] = {}
        self.cut: set[int] = set()

    def run(
        self, last: int, beat: Callable[[float], None], smash: Callable[[Course, int], object] | None = None
    ) -> None:
        """To a step, from the first; raises `watch.Wild` where it went wrong."""
        at = 0
        self._record()
        while at < last:
            for change in self.changes.pop(at, []):
                change(self, at)
            at, struck = self._segment(at, last, beat)
            for number in struck:
                self.broken[number] = at * self.step
                if smash:
                    smash(self, number)

    def _segment(self, at: int, last: int, beat: Callable[[float], None]) -> tuple[int, list[int]]:
        """Until the next change, the end or a break; returns the step, and what broke."""
        present = np.flatnonzero(self.here)
        bodies = [self._body(int(k)) for k in present]
        joints = self._joints(present)
        force = self._force([self.actors[k] for k in present])
        world = World(self.gravity, self.step, start=at * self.step, force=force)
        until = min([last, *(step for step in self.changes if step > at)])
        states = self.solve(bodies, joints, world)
        try:
            before = next(states)
            for now, state in zip(itertools.count(at + 1), states, strict=False):
                beat(now / last)
                struck = self.breaks(self, before, state) if now - at > 1 else []
                if struck:
                    self._take(present, before, now - 1)
                    return now - 1, struck
                self._take(present, state, now)
                if now % self.every == 0:
                    self._record()
                    self.watch.look(self, present, state)
                if now == until:
                    self._coast(present, before, state)
                    return until, []
                before = state
        finally:
            states.close()
        raise RuntimeError("the engine ended by itself")

    def _body(self, k: int) -> Body:
        actor = self.actors[k]
        return replace(actor.body, kind=self.kinds[k], pose=self.poses[k], motion=self.motions[k],
                       rest=actor.body.pose, path=self.paths[k])  # fmt: skip

    def _joints(self, present: Array) -> list[Joint]:
        where = {int(k): number for number, k in enumerate(present)} | {-1: -1}
        return [
            replace(joint, a=where[joint.a], b=where[joint.b])
            for number, joint in enumerate(self.joints)
            if joint.a in where and joint.b in where and number not in self.cut
        ]

    def _force(self, actors: list[Actor]) -> Callable[[float, State], Array] | None:
        outer = self.force
        return (lambda time, state: outer(time, state, actors)) if outer else None

    def _take(self, present: Array, state: State, step: int) -> None:
        self.poses[present], self.motions[present] = state.poses, state.motions
        self.now = step * self.step
        self.fastest[present] = np.maximum(self.fastest[present], np.linalg.norm(state.motions[:, :3], axis=1))

    def _coast(self, present: Array, before: State, state: State) -> None:
        """An engine's velocity is that of the middle of a step; what flies freely is half a step on."""
        pull = self.step * self.gravity
        free = np.linalg.norm(state.motions[:, :3] - before.motions[:, :3] - pull, axis=1) < 0.05 * np.linalg.norm(pull)
        self.motions[present[free], :3] += 0.5 * pull

    def _record(self) -> None:
        self.frames.append(np.where(self.here[:, None], self.poses, np.nan))
        self.speeds.append(np.where(self.here, np.linalg.norm(self.motions[:, :3], axis=1), 0.0))
