# SPDX-License-Identifier: GPL-3.0-or-later
"""What soft bodies meet: solids on their ways, the floor, and each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import fluid
from .distance import Grid, Moving
from .enclosing import rigid
from .lattice import Lattice

Array = NDArray[Any]
_OUT = 0.5
"""Share of a depth that is undone in a step, by moving nodes: it gives no speed."""
_PRESSED = 0.05
"""Share of a depth by the step that rubs as if it were speed: what lies still is pressed down, too."""
_WEIGHT = 0.3
"""Shares of skin that a node must bear to be moved as far as that skin."""


@dataclass
class Touch:
    """`moving` solids and perhaps a floor; `frame` now, counted from 0, of `lasts` seconds. By body: `friction`, its
    `grids` at rest and the world matrices `places` they stood at. `points` of the skin are looked at."""

    moving: list[Moving]
    floor: bool
    lasts: float
    friction: Array
    grids: Sequence[Grid]
    places: Sequence[Array]
    points: Array
    frame: float = 0.0

    def __call__(self, lattice: Lattice, lasts: float) -> Array | None:
        skin, share = lattice.skin[:, self.points], lattice.share[:, self.points]
        owner = lattice.owner[self.points]
        places = (lattice.nodes[:, skin] * share).sum(axis=1).T
        far, way, speed = fluid.solids_at(self.moving, self.frame, self.lasts, floor=self.floor)(places)
        hits = Hits(lattice, lasts)
        k = np.flatnonzero(far < 0)
        rubs = self.friction[owner[k]]
        hits.add(skin[:, k], share[:, k], way[k].T, -far[k], speed[k].T, rubs)
        against = hits.against()
        if len(self.grids) > 1:
            self._others(lattice, hits, skin, share, owner, places)
        hits.apply()
        return against

    def _others(self, lattice: Lattice, hits: Hits, skin: Array, share: Array, owner: Array, places: Array) -> None:
        """Points of each body that are in another: half of what parts them is done to either."""
        boxes = [(part.min(axis=1), part.max(axis=1)) for number in range(len(self.grids))
                 for part in [lattice.nodes[:, lattice.whose == number]]]  # fmt: skip
        for number, (low, high) in enumerate(boxes):
            near = np.flatnonzero(((places > low) & (places < high)).all(axis=1) & (owner != number))
            if not len(near):
                continue
            cells, way, depth, speed = self._within(lattice, number, places[near])
            k = np.flatnonzero(depth > 0)
            if len(k):
                at = near[k]
                rubs = np.sqrt(self.friction[owner[at]] * self.friction[number])
                even = np.full((8, len(k)), 1 / 8)
                hits.add(skin[:, at], share[:, at], way[k].T, depth[k], speed[k].T, rubs, part=0.5,
                         back=(lattice.cells[:, cells[k]], even))  # fmt: skip

    def _within(self, lattice: Lattice, number: int, places: Array) -> tuple[Array, Array, Array, Array]:
        """Of points (P, 3): the nearest cell of a body, the way out (P, 3), the depth, and the body's speed there."""
        own = np.flatnonzero(lattice.home == number)
        corners = lattice.nodes[:, lattice.cells[:, own]]
        middles = corners.mean(axis=1).T
        nearest = ((middles**2).sum(axis=1) - 2 * places @ middles.T).argmin(axis=1)
        cells = own[nearest]
        bent = lattice.bent(lattice.nodes, cells).transpose(2, 0, 1)
        sound = np.abs(np.linalg.det(bent)) > 0.1
        bent = np.where(sound[:, None, None], bent, lattice.turns[:, :, cells].transpose(2, 0, 1))
        inverse = np.linalg.inv(bent)
        away = np.einsum("pij,pj->pi", inverse, places - middles[nearest])
        turn, shift = rigid(self.places[number])
        rest = lattice.rest[:, lattice.cells[:, cells]].mean(axis=1).T + away
        far, ways = self.grids[number].at((rest - shift) @ turn)
        out = np.einsum("pji,pj->pi", inverse, ways @ turn.T)
        long = np.linalg.norm(out, axis=1)
        speed = lattice.speeds[:, lattice.cells[:, cells]].mean(axis=1).T
        speed = speed + np.einsum("pij,pj->pi", lattice.bent(lattice.speeds, cells).transpose(2, 0, 1), away)
        return cells, out / np.maximum(long, 1e-9)[:, None], -far / np.maximum(long, 0.3), speed


class Hits:
    """Changes of nodes' speeds and places, each the mean of what the skin that they bear asks for."""

    def __init__(self, lattice: Lattice, lasts: float) -> None:
        count = len(lattice.masses)
        self.lattice, self.lasts = lattice, lasts
        self.speeds, self.shifts, self.ways = (np.zeros((3, count)) for _ in range(3))
        self.weight = np.zeros(count)

    def add(
        self, skin: Array, share: Array, way: Array, depth: Array, speed: Array, friction: Array, *, part: float = 1.0,
        back: tuple[Array, Array] | None = None,
    ) -> None:  # fmt: skip
        """Points borne by nodes `skin` (8, K) with `share`, which are `depth` (K,) metres in something that moves with
        `speed` (3, K) and has its way out along `way` (3, K). They get `part` of it, `back` as much the other way."""
        if not skin.shape[1]:
            return
        own = (self.lattice.speeds[:, skin] * share).sum(axis=1) - speed
        into = (own * way).sum(axis=0)
        out = np.maximum(-into, 0.0)
        slide = own - into * way
        fast = np.linalg.norm(slide, axis=0)
        rubbed = np.minimum(1.0, friction * (out + _PRESSED * depth / self.lasts) / np.maximum(fast, 1e-9)) * slide
        change, shift = out * way - rubbed, _OUT * depth * way
        for nodes, shares, sign in [(skin, share, part), *([(*back, -part)] if back else [])]:
            flat, count = nodes.reshape(-1), len(self.weight)
            self.weight += np.bincount(flat, shares.reshape(-1), count)
            for total, value in ((self.speeds, change), (self.shifts, shift), (self.ways, way)):
                for axis in range(3):
                    total[axis] += np.bincount(flat, (sign * shares * value[axis]).reshape(-1), count)

    def against(self) -> Array | None:
        """Directions (3, N) along which nodes are held."""
        if not self.weight.any():
            return None
        long = np.linalg.norm(self.ways, axis=0)
        return np.where((self.weight > _WEIGHT) & (long > 0.2), self.ways / np.maximum(long, 1e-9), 0.0)

    def apply(self) -> None:
        if not self.weight.any():
            return
        by = np.maximum(self.weight, _WEIGHT)
        self.lattice.speeds = self.lattice.speeds + np.where(self.lattice.free > 0, self.speeds / by, 0.0)
        self.lattice.nodes = self.lattice.nodes + np.where(self.lattice.free > 0, self.shifts / by, 0.0)


def probes(points: Array, triangles: Array, side: float) -> Array:
    """Points (P, 3) all over a surface, one in each cube of half a cell: vertices, and what lies between them."""
    far = 0.5 * side
    found = [points]
    corners = points[triangles]
    long = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    for parts in np.unique(np.minimum(np.ceil(long / far).astype(int), 40)):
        some = corners[np.minimum(np.ceil(long / far).astype(int), 40) == parts]
        share = np.array([(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]) / max(
            parts, 1
        )
        found.append(np.einsum("sk,tki->tsi", share, some).reshape(-1, 3))
    every = np.concatenate(found)
    _, first = np.unique(np.floor((every - points.min(axis=0)) / far), axis=0, return_index=True)
    out: Array = every[np.sort(first)]
    return out
