# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay one surface over another: every rotation is tried, then iterated closest points with scale.

The scores of a prediction must not depend on the frame or the size in which its model likes to answer, so neither is
believed. Both clouds start from their own centroid and their own root mean square radius, which turn and scale with
them (a bounding box would not). 624 rotations are tried: each of the 26 directions of a cube (6 faces, 8 corners,
12 edges) made upright, times 24 turns of 15 degrees about it; the 24 turns of a cube and the turntable steps are among
them, and no rotation at all is further than 29 degrees away. The best that differ are refined.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .shape import Floats

TURNS = 24
COARSE = (160, 600)
"""Points that are looked up and points among which they are looked up, for each of the 624 rotations."""
POINTS = 1000
STARTS, FINALS = 24, 6
"""Rotations refined briefly with few points, and those of them refined to the end."""
APART = 25.0
"""Degrees that two starts must differ by."""
TRIM = 0.9
"""Part of the nearest pairs that counts in a fit: what only one of the two has must not pull."""


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + shift."""

    scale: float
    rotation: Floats
    shift: Floats

    def __call__(self, points: Floats) -> Floats:
        return np.asarray(self.scale * points @ self.rotation.T + self.shift)

    def inverse(self) -> Similarity:
        turned = self.rotation.T
        return Similarity(1 / self.scale, turned, -(turned @ self.shift) / self.scale)


IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


@lru_cache
def rotations() -> Floats:
    """The 624 starts (N, 3, 3), those of the turntable first."""
    ups = [np.array(d, float) for d in product((0, 1, -1), repeat=3) if any(d)]
    ups.sort(key=lambda d: (tuple(d) != (0, 0, 1), np.abs(d).sum()))
    found = []
    for up in ups:
        z = up / np.linalg.norm(up)
        side = np.eye(3)[0] if abs(z[0]) < 0.9 else np.eye(3)[1]
        x = np.cross(np.cross(z, side), z)
        x /= np.linalg.norm(x)
        upright = np.stack([x, np.cross(z, x), z])
        for turn in np.arange(TURNS) * 2 * np.pi / TURNS:
            c, s = np.cos(turn), np.sin(turn)
            found.append(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ upright)
    return np.stack(found)


def fit(source: Floats, target: Floats) -> Similarity:
    """The similarity that brings `source` (N, 3) closest to `target` in squares (Umeyama 1991)."""
    a, b = source.mean(axis=0), target.mean(axis=0)
    left, right = source - a, target - b
    u, strengths, v = np.linalg.svd(right.T @ left / len(source))
    mirror = np.array([1, 1, np.sign(np.linalg.det(u) * np.linalg.det(v))])
    rotation = (u * mirror) @ v
    scale = float((strengths * mirror).sum() / max((left**2).sum() / len(source), 1e-300))
    return Similarity(scale, rotation, b - scale * rotation @ a)


@dataclass(frozen=True)
class _Pair:
    """Two clouds with their search trees, so that distances can be taken both ways under any similarity."""

    source: Floats
    target: Floats
    source_tree: cKDTree
    target_tree: cKDTree

    @classmethod
    def of(cls, source: Floats, target: Floats) -> _Pair:
        return cls(source, target, cKDTree(source), cKDTree(target))

    def nearest(self, move: Similarity) -> tuple[Floats, NDArray[np.int64], Floats, NDArray[np.int64]]:
        """Distances in the target's units and partners: of each source point, then of each target point."""
        there, forth = self.target_tree.query(move(self.source))
        back, home = self.source_tree.query(move.inverse()(self.target))
        return there, forth, back * move.scale, home

    def distance(self, move: Similarity) -> float:
        there, _, back, _ = self.nearest(move)
        return float(there.mean() + back.mean()) / 2

    def refine(self, move: Similarity, rounds: int, rest: float) -> Similarity:
        """Closest points both ways, the worst left out, and the best similarity for them; again until it rests.

        That is when the mean distance falls by less than `rest` of itself.
        """
        last = np.inf
        for _ in range(rounds):
            there, forth, back, home = self.nearest(move)
            keep, keep_back = _small(there), _small(back)
            now = float(there[keep].mean() + back[keep_back].mean())
            if last - now < rest * now:
                break
            last = now
            better = fit(
                np.concatenate([self.source[keep], self.source[home[keep_back]]]),
                np.concatenate([self.target[forth[keep]], self.target[keep_back]]),
            )
            if not 0.2 < better.scale / move.scale < 5:
                break
            move = better
        return move


def _small(distances: Floats) -> NDArray[np.bool_]:
    """Which are among the TRIM smallest."""
    last = int(TRIM * (len(distances) - 1))
    return np.asarray(distances <= np.partition(distances, last)[last])


def align(source: Floats, target: Floats) -> Similarity:
    """The similarity that lays the points `source` over `target`, both (N, 3) even samples in no order.

    About POINTS of them find it; all of them make it fine at the end.
    """
    all_points = _Pair.of(source, target)
    source, target = source[:POINTS], target[:POINTS]
    middle, goal = source.mean(axis=0), target.mean(axis=0)
    size = np.sqrt(((source - middle) ** 2).sum(axis=1).mean())
    scale = float(np.sqrt(((target - goal) ** 2).sum(axis=1).mean()) / max(size, 1e-300))
    starts = [Similarity(scale, turn, goal - scale * turn @ middle) for turn in rotations()]

    among = COARSE[1]
    order = np.argsort(_coarse((source - middle) / max(size, 1e-300), (target - goal) / max(scale * size, 1e-300)))
    small = _Pair.of(source[:among], target[:among])
    brief = [small.refine(starts[i], 8, 1e-3) for i in _different(order)]
    brief.sort(key=small.distance)
    full = _Pair.of(source, target)
    best = min((full.refine(move, 40, 1e-4) for move in brief[:FINALS]), key=full.distance)
    return all_points.refine(best, 10, 1e-4)


def _coarse(source: Floats, target: Floats) -> Floats:
    """Mean nearest distance, both ways, of centred clouds under each of the rotations."""
    few, among = COARSE
    turns = rotations()
    forth = cKDTree(target[:among]).query(np.einsum("rij,nj->rni", turns, source[:few]).reshape(-1, 3))[0]
    back = cKDTree(source[:among]).query(np.einsum("rji,nj->rni", turns, target[:few]).reshape(-1, 3))[0]
    return np.asarray((forth + back).reshape(len(turns), -1).mean(axis=1))


def _different(order: NDArray[np.int64]) -> list[int]:
    """The first of `order` that are APART from each other, STARTS of them."""
    turns, chosen = rotations(), list[int]()
    for index in order:
        cosines = (np.einsum("ij,kij->k", turns[index], turns[chosen]) - 1) / 2
        if not (cosines > np.cos(np.radians(APART))).any():
            chosen.append(int(index))
            if len(chosen) == STARTS:
                break
    return chosen
