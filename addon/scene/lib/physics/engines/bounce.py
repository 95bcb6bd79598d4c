# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounces off what stands still, made exact.

Bullet brakes a body that is about to touch in the next step and adds speed to one that it finds inside of another,
each by a share that depends on where within a step they met: the same ball bounces between a tenth and one and a half
times as high as it should. So where a step has given a body a central blow, the velocity along it is set to what
restitution says, and the place to what that velocity has led to since the true moment of touch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from mathutils import Quaternion, Vector
from mathutils.bvhtree import BVHTree

from ..bodies import Array, Body, State, World

_LEAST = 12.0
"""Steps of gravity: slower hits are rest and rolling, which Bullet does well."""
_CENTRAL = 0.15
"""Share of the blow's speed that may go to the body's rim as spin; more is a blow to its side."""
_ALONG = 0.7
"""Share of a blow that is along the normal of what is hit: of others it comes from something else."""
_NEAR = 0.02
"""Of a body's size: corners that are lowest together."""


class Bounces:
    """Knows the world's still bodies as one surface; looks at one body and one step at a time."""

    def __init__(self, bodies: list[Body], world: World) -> None:
        self.bodies, self.world = bodies, world
        self.mobile = np.array([body.kind != "still" for body in bodies], bool)
        self.radius = np.array([np.linalg.norm(body.points, axis=1).max() if body.shape != "sphere"
                                else float(body.size.max()) / 2 for body in bodies])  # fmt: skip
        points, faces = list[Array](), list[list[int]]()
        self.owner: list[int] = []
        for number, body in enumerate(bodies):
            if body.kind != "still" or not len(body.faces):
                continue
            first = sum(len(each) for each in points)
            points.append(placed(body.points, body.pose))
            faces += (np.asarray(body.faces) + first).tolist()
            self.owner += [number] * len(body.faces)
        self.tree = BVHTree.FromPolygons(np.concatenate(points).tolist(), faces) if points else None

    def after(self, before: State, now: State) -> dict[int, Array]:
        """Poses (2, 7) of the next two steps, which these bodies are led through before they are free again."""
        if self.tree is None:
            return {}
        pull = self.world.step * self.world.gravity
        blow = now.motions[:, :3] - before.motions[:, :3] - pull
        speed = np.linalg.norm(blow, axis=1)
        struck = np.flatnonzero(speed > _LEAST * max(float(np.linalg.norm(pull)), 1e-4))
        found = {}
        for k in struck:
            body = self.bodies[k]
            if body.kind == "active" and body.restitution > 0 and self._alone(int(k), before, float(speed[k])):
                better = self._bounced(int(k), before, now, blow[k] / speed[k], float(speed[k]))
                if better is not None:
                    found[int(k)] = better
        return found

    def _alone(self, k: int, state: State, speed: float) -> bool:
        """Nothing else that moves is so near that it would be run over."""
        away = np.linalg.norm(state.poses[:, :3] - state.poses[k, :3], axis=1) - self.radius - self.radius[k]
        away[k] = np.inf
        return bool((away[self.mobile] > 4 * speed * self.world.step).all())

    def _bounced(self, k: int, before: State, now: State, normal: Array, speed: float) -> Array | None:
        body, step, blow = self.bodies[k], self.world.step, speed * normal
        radius = float(body.size.max()) / 2
        turned = now.motions[k, 3:] - before.motions[k, 3:]
        if body.shape != "sphere" and np.linalg.norm(turned) * radius > _CENTRAL * speed:
            return None
        hit = self._nearest(body, before.poses[k], normal, radius, speed * step)
        if hit is None:
            return None
        gap, normal, other = hit
        pull, start = self.world.gravity, before.motions[k, :3] + 0.5 * step * self.world.gravity
        inward = -float((start + step * pull) @ normal)
        if inward <= 0:
            return None
        touch = gap / inward
        if abs(touch) > 2.5 * step or blow @ normal < _ALONG * speed:
            return None
        inward = -float((start + touch * pull) @ normal)
        outward = float(body.restitution * self.bodies[other].restitution) * inward
        along: Array = now.motions[k, :3] - (now.motions[k, :3] @ normal) * normal
        spin = now.motions[k, 3:]
        angle = float(np.linalg.norm(spin))

        def flown(time: float) -> Array:
            """The pose at a time after the step that ended `now`."""
            free = time + step - touch
            rise = outward * free + 0.5 * free**2 * float(pull @ normal) - gap
            level = (now.poses[k, :3] - before.poses[k, :3]) + time * along
            level += 0.5 * time**2 * pull
            level -= (level @ normal) * normal
            turn = Quaternion(spin if angle else (0, 0, 1), angle * time) @ Quaternion(now.poses[k, 3:])
            return np.concatenate([before.poses[k, :3] + level + rise * normal, turn])

        first, second = flown(step), flown(2 * step)
        return np.array([first, second])

    def _nearest(self, body: Body, pose: Array, normal: Array, radius: float, reach: float) -> Any:
        """Free way along the normal to the surface that is hit, its normal, and the number of its body."""
        assert self.tree
        if body.shape == "sphere":
            place, _, face, away = self.tree.find_nearest(Vector(pose[:3]), 2 * radius + reach)
            if face is None or away < 1e-9:
                return None
            return away - radius, (pose[:3] - np.array(place)) / away, self.owner[face]
        points = placed(body.points, pose)
        heights = points @ normal
        low = points[heights < heights.min() + _NEAR * 2 * radius][:32]
        best = None
        for point in low:
            start = Vector(point + 2 * reach * normal)
            _, _, face, away = self.tree.ray_cast(start, Vector(-normal), 6 * reach + 0.1 * radius)
            if face is not None and (best is None or away - 2 * reach < best[0]):
                best = (away - 2 * reach, normal, self.owner[face])
        return best


def placed(points: Array, pose: Array) -> Array:
    """Points (P, 3) of a body's frame in the world."""
    out: Array = points @ np.array(Quaternion(pose[3:]).to_matrix()).T + pose[:3]
    return out
