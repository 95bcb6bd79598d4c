# SPDX-License-Identifier: GPL-3.0-or-later
"""Balls that knock each other: momentum goes from one to the next, as in Newton's cradle.

Bullet solves all touches of a step at once and shares the momentum of a row of balls among them. Here each pair that
would meet within the step gets its impulse, one after the other, until none approaches: m v and, by restitution, energy
are kept exactly.
"""

from __future__ import annotations

import numpy as np

from ..bodies import Array, Body, State, World

MOST = 24
"""Balls; of more, pairs are left to Bullet."""
_SLOW, _ROUNDS = 3.0, 400
"""Steps of gravity: slower touches are rest; impulses in one step."""


class Knocks:
    """Pairs among the balls that move by themselves."""

    def __init__(self, bodies: list[Body], world: World) -> None:
        self.world = world
        balls = [k for k, body in enumerate(bodies) if body.kind == "active" and body.shape == "sphere"]
        self.balls = balls if 2 <= len(balls) <= MOST else []
        self.count = len(bodies)
        self.radius = np.array([float(bodies[k].size.max()) / 2 for k in self.balls])
        self.mass = np.array([bodies[k].mass for k in self.balls])
        self.give = np.array([bodies[k].restitution for k in self.balls])
        if self.balls:
            self.first, self.second = np.triu_indices(len(self.balls), 1)

    def force(self, state: State) -> Array | None:
        """Newtons (B, 3) for one step, or None where nobody meets."""
        if not self.balls:
            return None
        places, speeds = state.poses[self.balls, :3], state.motions[self.balls, :3].copy()
        step, a, b = self.world.step, self.first, self.second
        away = places[b] - places[a]
        far = np.linalg.norm(away, axis=1)
        gap = far - self.radius[a] - self.radius[b]
        near = gap < step * 2 * np.abs(speeds).max() + 1e-6
        if not near.any():
            return None
        a, b, gap, way = a[near], b[near], gap[near], away[near] / np.maximum(far[near], 1e-9)[:, None]
        least = _SLOW * step * float(np.linalg.norm(self.world.gravity)) + 1e-4
        total = np.zeros_like(speeds)
        for _ in range(_ROUNDS):
            closing = ((speeds[a] - speeds[b]) * way).sum(axis=1)
            closing[gap - closing * step > 0] = 0.0
            k = int(closing.argmax())
            if closing[k] < least:
                break
            i, j = a[k], b[k]
            both = self.mass[i] * self.mass[j] / (self.mass[i] + self.mass[j])
            impulse = (1 + self.give[i] * self.give[j]) * both * closing[k] * way[k]
            for one, sign in ((i, -1.0), (j, 1.0)):
                speeds[one] += sign * impulse / self.mass[one]
                total[one] += sign * impulse
        if not total.any():
            return None
        out = np.zeros((self.count, 3))
        out[self.balls] = total / step
        return out
