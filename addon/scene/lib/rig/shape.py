# SPDX-License-Identifier: GPL-3.0-or-later
"""A body as the finders of skeletons see it: cells that face -Y with their mirror plane at x = 0, and its limbs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs, proxy
from .limbs import Limb
from .proxy import Proxy
from .skeleton import Bone

Array = NDArray[Any]
_LEAST = 0.06
"""Of the body's longest side: what sticks out less is no limb."""
_HOME = 0.02
"""How much better a turned plane of symmetry must be than the body's own."""


@dataclass(frozen=True)
class Frame:
    """Where the body's own axes are: turned by `angle` radians about Z, its plane through `origin` (2,) metres."""

    angle: float
    origin: Array

    @property
    def turn(self) -> Array:
        """(3, 3) from the body's axes to the world's."""
        c, s = np.cos(self.angle), np.sin(self.angle)
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])

    def to_world(self, points: Array) -> Array:
        out: Array = np.asarray(points) @ self.turn.T + np.array([*self.origin, 0.0])
        return out

    def to_body(self, points: Array) -> Array:
        out: Array = (np.asarray(points) - np.array([*self.origin, 0.0])) @ self.turn
        return out

    def placed(self, bone: Bone) -> Bone:
        """The same bone in the world."""
        z = None if bone.z is None else self.turn @ bone.z
        return replace(bone, head=self.to_world(bone.head), tail=self.to_world(bone.tail), z=z)


@dataclass(frozen=True)
class Shape:
    """`cells` and `surface` (V, 3) with `triangles` (F, 3) in the body's own axes; `symmetry` 0 to 1."""

    cells: Proxy
    surface: Array
    triangles: Array
    frame: Frame
    symmetry: float

    @classmethod
    def of(cls, vertices: Array, triangles: Array) -> Shape:
        cells = proxy.make(vertices, triangles)
        frame, symmetry = plane(cells)
        return cls(cells, vertices, triangles, Frame(0.0, np.zeros(2)), symmetry).within(frame)

    def within(self, frame: Frame) -> Shape:
        """The same body in another frame, which is given in the world."""
        world = self.frame.to_world(self.cells.points)
        turn = self.frame.turn.T @ frame.turn
        cells = replace(self.cells, points=frame.to_body(world), normals=self.cells.normals @ turn)
        surface = frame.to_body(self.frame.to_world(self.surface))
        return Shape(cells, surface, self.triangles, frame, self.symmetry)

    def turned(self, angle: float) -> Shape:
        """Seen as facing another way: by `angle` radians about Z."""
        return self.within(Frame(self.frame.angle + angle, self.frame.origin))

    @property
    def points(self) -> Array:
        return self.cells.points

    @property
    def low(self) -> Array:
        out: Array = self.points.min(axis=0) - 0.5 * self.cells.cell
        return out

    @property
    def size(self) -> Array:
        out: Array = np.ptp(self.points, axis=0) + self.cells.cell
        return out

    @property
    def height(self) -> float:
        return float(self.size[2])

    @cached_property
    def far(self) -> Array:
        """(N,) metres through the body from its middle; not through feet that touch each other."""
        touch = (np.abs(self.points[:, 0]) < 1.01 * self.cells.cell) & (
            self.points[:, 2] < self.low[2] + max(0.05 * self.height, 1.5 * self.cells.cell)
        )
        out = self.cells.distances(np.array([limbs.middle(self.cells)]), ~touch)
        out[~np.isfinite(out)] = 0.0
        return out

    @cached_property
    def limbs(self) -> list[Limb]:
        return limbs.find(self.cells, self.far, _LEAST * float(self.size.max()))

    def cut(self, limb: Limb, level: float) -> Limb:
        """The limb from another distance of the body's middle on."""
        tip = self.cells.nearest(limb.tip)
        cells = limbs.above(self.cells, self.far, tip, level)
        curve, radii = limbs.slices(self.cells, self.far, cells, level)
        return Limb(limb.tip, float(self.far[tip] - level), level, cells, curve, radii)

    def pair(self, some: list[Limb], apart: float) -> tuple[Limb, Limb, float] | None:
        """The two limbs that mirror each other best, left first, cut at one level; and how well, 0 to 1.

        Their tips are at least `apart` metres from each other. Legs may stride, so that depth counts little.
        """
        best: tuple[float, Limb, Limb] | None = None
        for a, b in itertools.combinations(some, 2):
            left, right = (a, b) if a.tip[0] > b.tip[0] else (b, a)
            if left.tip[0] - right.tip[0] < apart or left.tip[0] < 0.1 * apart or right.tip[0] > -0.1 * apart:
                continue
            off = np.abs(left.tip * [-1, 1, 1] - right.tip) @ [1.0, 0.15, 0.6]
            apart_by = float(left.tip[0] - right.tip[0])
            cost = off / self.height + 0.2 * (1 - apart_by / float(self.size[0]))
            if best is None or cost < best[0]:
                best = cost, left, right
        if best is None:
            return None
        cost, left, right = best
        cost -= 0.2 * (1 - float(left.tip[0] - right.tip[0]) / float(self.size[0]))  # it only chooses
        level, rest = (
            max(left.level, right.level),
            [limb for limb in self.limbs if limb is not left and limb is not right],
        )
        one, two = self.cut(left, level), self.cut(right, level)
        for limb in sorted(rest, key=lambda limb: limb.level):  # neither holds another limb
            if limb.level > level and limb.length > 0.1 * self.height:
                tip = self.cells.nearest(limb.tip)
                if tip in one.cells or tip in two.cells:
                    level = limb.level
                    one, two = self.cut(left, level), self.cut(right, level)
        return one, two, float(np.exp(-2.5 * cost))


def plane(cells: Proxy) -> tuple[Frame, float]:
    """The upright plane that mirrors the body best, and the share of its surface that has a counterpart."""
    rim = cells.points[cells.depth < 0.9 * cells.cell]
    some = rim[:: max(1, len(rim) // 1500)]
    low, cell = cells.points.min(axis=0), 1.5 * cells.cell
    shape = np.ceil((np.ptp(cells.points, axis=0)) / cell).astype(int) + 3
    grid = np.zeros(shape, bool)
    grid[tuple((np.rint((rim - low) / cell).astype(int) + 1).T)] = True

    def score(angle: float, at: float) -> float:
        normal = np.array([np.cos(angle), np.sin(angle), 0.0])
        mirrored = some - 2 * np.outer(some @ normal - at, normal)
        index = np.rint((mirrored - low) / cell).astype(int) + 1
        inside = ((index >= 0) & (index < shape)).all(axis=1)
        return float(grid[tuple(index[inside].T)].sum() / len(some))

    mean, step = (rim.min(axis=0) + rim.max(axis=0)) / 2, float(np.ptp(rim, axis=0).max()) / 60
    heavy = cells.points.mean(axis=0)

    def best(angles: Array, middles: list[Array], reach: int) -> tuple[float, float, float]:
        found = []
        for angle in angles:
            normal = np.array([np.cos(angle), np.sin(angle), 0.0])
            for centre in middles:
                for k in range(-reach, reach + 1):
                    at = float(normal @ centre + k * step * 0.5)
                    home = _HOME if abs(angle) < 1e-6 else 0.0
                    found.append((score(float(angle), at) + home, float(angle), at))
        return max(found)

    _, angle, at = best(np.radians(np.arange(0, 180, 7.5)), [mean, heavy], 2)
    normal = np.array([np.cos(angle), np.sin(angle), 0.0])
    fine = np.radians([0.0]) if abs(angle) < 1e-6 else angle + np.radians([-5, -2.5, 0, 2.5, 5])
    total, angle, at = best(fine, [at * normal], 3)
    if angle > np.pi / 2:  # of the two ways to look, that nearer to -Y
        angle -= np.pi
        at = -at
    value = total - (_HOME if abs(angle) < 1e-6 else 0.0)
    own = score(0.0, 0.0)
    if own >= value - _HOME:  # the world's own plane, exactly
        return Frame(0.0, np.array([0.0, mean[1]])), own
    normal = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-normal[1], normal[0]])
    return Frame(angle, at * normal + (mean[:2] @ along) * along), value
