# SPDX-License-Identifier: GPL-3.0-or-later
"""Springs and ropes as forces on centres of mass, the same for every engine.

They hold a body where its anchor is and pull at its centre, so that they do not turn it. A rope is a spring that pulls
only when it is taut, as stiff as the step allows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mathutils import Quaternion

from .bodies import Array, Body, Joint, State

_STIFF, _DAMPED = 0.25, 0.35
"""Of a rope: of mass by step squared, and of mass by step. At 1 and 1 the solver would swing up."""
Ends = tuple[Array, Array, Array, Array]
"""Places and velocities of both ends, (3,) each."""


class Pulls:
    """Forces (B, 3) of all springs and ropes among bodies."""

    def __init__(self, bodies: Sequence[Body], joints: Sequence[Joint], step: float) -> None:
        self.bodies, self.step = bodies, step
        self.joints = [each for each in joints if each.kind in ("spring", "rope")]
        self.local = [self._local(each) for each in self.joints]

    def _local(self, joint: Joint) -> tuple[Array, Array]:
        """Both ends in the frames of their bodies, the second in the world's where it hangs from that."""
        far = joint.anchor if joint.far is None else joint.far
        return self._into(joint.a, joint.anchor), far if joint.b < 0 else self._into(joint.b, far)

    def _into(self, number: int, point: Array) -> Array:
        body = self.bodies[number]
        pose = body.pose if body.rest is None else body.rest
        out: Array = np.array(Quaternion(pose[3:]).to_matrix()).T @ (point - pose[:3])
        return out

    def ends(self, state: State) -> list[Ends]:
        """Of each joint."""
        out = []
        for joint, (near, far) in zip(self.joints, self.local, strict=True):
            a = self._at(joint.a, near, state)
            b = self._at(joint.b, far, state) if joint.b >= 0 else (far, np.zeros(3))
            out.append((a[0], a[1], b[0], b[1]))
        return out

    def _at(self, number: int, local: Array, state: State) -> tuple[Array, Array]:
        pose, motion = state.poses[number], state.motions[number]
        arm = np.array(Quaternion(pose[3:]).to_matrix()) @ local
        return pose[:3] + arm, motion[:3]

    def force(self, state: State) -> Array:
        out = np.zeros((len(self.bodies), 3))
        for joint, (a, speed_a, b, speed_b) in zip(self.joints, self.ends(state), strict=True):
            away = b - a
            far = float(np.linalg.norm(away))
            if far < 1e-9:
                continue
            way = away / far
            more, growing = far - (joint.length or 0.0), float((speed_b - speed_a) @ way)
            if joint.kind == "rope":
                if more <= 0:
                    continue
                mass = self._mass(joint)
                pull = max(0.0, _STIFF * mass / self.step**2 * more + _DAMPED * mass / self.step * growing)
            else:
                pull = joint.stiffness * more + joint.damping * growing
            out[joint.a] += pull * way
            if joint.b >= 0:
                out[joint.b] -= pull * way
        return out

    def _mass(self, joint: Joint) -> float:
        """What the rope has to stop: the two bodies' reduced mass."""
        bodies = [self.bodies[k] for k in (joint.a, joint.b) if k >= 0]
        inverse = sum(1 / each.mass for each in bodies if each.kind == "active")
        return 1 / inverse if inverse else 0.0


def summed(parts: Sequence[Callable[[float, State], Array]]) -> Callable[[float, State], Array] | None:
    """One force of several."""
    if not parts:
        return None
    return lambda time, state: np.sum([part(time, state) for part in parts], axis=0)
