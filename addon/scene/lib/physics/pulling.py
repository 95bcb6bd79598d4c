# SPDX-License-Identifier: GPL-3.0-or-later
"""Springs and ropes as forces on the points where they are tied, the same for every engine.

A rope is a spring that pulls only when it is taut, as stiff as the step allows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mathutils import Quaternion

from .bodies import Array, Body, Joint, State

_STIFF, _DAMPED = 0.25, 0.35
"""Of a rope: of mass by step squared, and of mass by step. At 1 and 1 the solver would swing up."""
_CENTRE = 0.02
"""Of a body's size: what is tied as near to its centre of mass is tied to that."""
Ends = tuple[Array, Array, Array, Array]
"""Places and velocities of both ends, (3,) each."""


class Pulls:
    """Forces of all springs and ropes among bodies."""

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
        out: Array = _matrix(pose).T @ (point - pose[:3])
        return np.zeros(3) if np.linalg.norm(out) < _CENTRE * np.linalg.norm(body.size) else out

    def tied(self) -> list[tuple[int, Array]]:
        """Of each joint's ends, one after the other: the body, -1 for the world, and where in its frame (3,)."""
        both = zip(self.joints, self.local, strict=True)
        return [end for joint, (near, far) in both for end in ((joint.a, near), (joint.b, far))]

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
        arm = _matrix(pose) @ local
        return pose[:3] + arm, motion[:3] + np.cross(motion[3:], arm)

    def forces(self, state: State) -> Array:
        """Newtons (2 J, 3) at the ends, in the order of `tied`."""
        out = np.zeros((2 * len(self.joints), 3))
        for number, (a, speed_a, b, speed_b) in enumerate(self.ends(state)):
            joint, away = self.joints[number], b - a
            far = float(np.linalg.norm(away))
            if far < 1e-9:
                continue
            way = away / far
            more, growing = far - (joint.length or 0.0), float((speed_b - speed_a) @ way)
            if joint.kind == "rope":
                if more <= 0:
                    continue
                mass = self._mass(number, way, state)
                pull = max(0.0, _STIFF * mass / self.step**2 * more + _DAMPED * mass / self.step * growing)
            else:
                pull = joint.stiffness * more + joint.damping * growing
            out[2 * number], out[2 * number + 1] = pull * way, -pull * way
        return out

    def wrench(self, state: State) -> Array:
        """Newtons at the centres of mass and newton metres about them (B, 6)."""
        out = np.zeros((len(self.bodies), 6))
        for (number, local), force in zip(self.tied(), self.forces(state), strict=True):
            if number >= 0:
                out[number, :3] += force
                out[number, 3:] += np.cross(_matrix(state.poses[number]) @ local, force)
        return out

    def _mass(self, number: int, way: Array, state: State) -> float:
        """What the rope has to stop: the bodies' reduced mass at its ends, which turn more easily than they go."""
        inverse = 0.0
        for k, local in self.tied()[2 * number : 2 * number + 2]:
            if k >= 0 and self.bodies[k].kind == "active":
                turn: Array = np.cross(local, _matrix(state.poses[k]).T @ way)
                inverse += 1 / self.bodies[k].mass + float(turn**2 @ (1 / inertia(self.bodies[k])))
        return 1 / inverse if inverse else 0.0


def inertia(body: Body) -> Array:
    """(3,) in kg m² about its own axes, of the box about it, or of a ball."""
    if body.shape == "sphere":
        return np.full(3, 0.1 * body.mass * max(float(body.size.max()), 1e-6) ** 2)
    square = np.maximum(body.size, 1e-6) ** 2
    out: Array = body.mass * (square.sum() - square) / 12
    return out


def _matrix(pose: Array) -> Array:
    return np.array(Quaternion(pose[3:]).to_matrix())
