# SPDX-License-Identifier: GPL-3.0-or-later
"""MuJoCo as an engine: joints in reduced coordinates, contacts by convex optimisation, everything in double precision.

MuJoCo knows no restitution; its contacts are springs with a damper, and a damper of the right share gives back the
right share of the speed. Its steps are so much finer than ours that such a contact lasts many of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from ..bodies import Array, Body, Joint, State, World
from ..pulling import Pulls
from .blender import motions
from .knocks import Knocks
from .mujoco_model import Model, compiled
from .mujoco_shapes import matrix

_FEW, _FINEST, _COARSEST = 128, 64, 8
"""Steps of MuJoCo in one of ours: so many shared by the bodies that move, within these limits."""


def solve(bodies: list[Body], joints: list[Joint], world: World) -> Iterator[State]:
    """As `bodies.Solve` says."""
    active = sum(body.kind == "active" for body in bodies)
    count = int(np.clip(_FEW // max(active, 1), _COARSEST, _FINEST))
    mujoco.set_mju_user_warning(_unheard)
    run = _Run(bodies, joints, world, compiled(bodies, joints, world.gravity, world.step, count), count)
    return run.steps()


def _unheard(text: str) -> None:
    """Of numbers that are none `watch` tells."""


@dataclass
class _Run:
    bodies: list[Body]
    joints: list[Joint]
    world: World
    model: Model
    count: int

    def steps(self) -> Iterator[State]:
        model, data, step = self.model.model, mujoco.MjData(self.model.model), self.world.step
        self.model.place(data)
        state = State(np.array([body.pose for body in self.bodies], float).reshape(-1, 7),
                      np.array([body.motion for body in self.bodies], float).reshape(-1, 6))  # fmt: skip
        yield state
        knocks, fade = Knocks(self.bodies, self.world), self.model.fade(step)
        self.pulls = Pulls(self.bodies, self.joints, step)
        for number in itertools.count():
            now = self.world.start + number * step
            self._lead(data, now)
            held = self._held(now, state)
            knock = knocks.force(state)
            self._push(data, held if knock is None else held + self.count * np.pad(knock, ((0, 0), (0, 3))))
            mujoco.mj_step(model, data)
            self._push(data, held)
            mujoco.mj_step(model, data, self.count - 1)
            data.qvel[:] *= fade
            poses = self.model.poses(data)
            state = State(poses, motions(state.poses, poses, step))
            yield state

    def _held(self, now: float, state: State) -> Array:
        """Newtons and newton metres (B, 6) of a whole step: those of its middle, so that a spring gains nothing by
        them."""
        half = 0.5 * self.world.step
        poses = state.poses.copy()
        poses[:, :3] += half * state.motions[:, :3]
        middle = State(poses, state.motions)
        out = self.pulls.wrench(middle)
        if self.world.force:
            out[:, :3] += self.world.force(now + half, middle)
        return out

    def _push(self, data: mujoco.MjData, forces: Array) -> None:
        data.xfrc_applied[:] = 0.0
        data.xfrc_applied[self.model.ids] = forces
        data.xfrc_applied[0] = 0.0

    def _lead(self, data: mujoco.MjData, now: float) -> None:
        """Moved bodies stand where their path is, with its speed, whatever has pushed them meanwhile."""
        for k, address, first in self.model.led:
            path = self.bodies[k].path
            assert path
            here, after = np.array(path(now), float), np.array(path(now + self.world.step), float)
            speed = motions(here[None], after[None], self.world.step)[0]
            data.qpos[address : address + 7] = here
            data.qvel[first : first + 3] = speed[:3]
            data.qvel[first + 3 : first + 6] = matrix(here[3:]).T @ speed[3:]
