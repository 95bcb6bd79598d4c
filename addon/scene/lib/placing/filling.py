# SPDX-License-Identifier: GPL-3.0-or-later
"""In a vessel: one thing upon the other through its opening, or a liquid that fills it."""

from __future__ import annotations

import math

import numpy as np

from . import resting, surface
from .arranging import Spots
from .common import Array, laid, raised
from .scene import Group, Scene, Stand
from .solid import Placed

_CELLS = 24
_CHANCES = 5
"""Places that are tried for each of many in a vessel; the lowest is taken."""
_FULL = 0.7
"""Share of a vessel's depth that a liquid in it fills."""


def inside(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """Down into its opening, one upon the other; a liquid fills it."""
    item, target = group.item, group.item.relation.target
    if target not in scene.groups:
        return None
    if scene.groups[target].soft:
        return resting.afloat(scene, group, spots)
    if scene.groups[target].name in resting.ENDS:
        return resting.on(scene, group, spots, rng)
    flies = resting.thrown(scene, group, spots)
    if flies is not None:
        return flies
    stands: list[Stand] = []
    for number in range(item.count):
        stand = _into(scene, group, number, stands, rng)
        if stand is None:
            return None
        stands.append(stand)
    return stands if item.type in ("fluid", "smoke") else raised(group, stands, heaped=True)


def _into(scene: Scene, group: Group, number: int, before: list[Stand], rng: np.random.Generator) -> Stand | None:
    """One of a group in one of the vessels, on those that are in it; None, and said, where it cannot be."""
    item, target, solid = group.item, group.item.relation.target, group.solids[number]
    vessels = scene.of(target)
    vessel = vessels[number % len(vessels)]
    heights = vessel.solid.tops(_CELLS)
    found = surface.hollow(heights)
    if found is None:
        scene.infeasible.append(f"{target} is not hollow, so that {item.id} cannot be in it: it is beside")
        return None
    opening = _Opening(vessel, heights, found)
    if item.type in ("fluid", "smoke"):
        return opening.filled(group, item.flow > 0)
    free = opening.wide / 2 - np.array(solid.size[:2]) / 2
    if (free < -0.02 * max(solid.size[:2])).any():
        text = f"{item.id} ({max(solid.size[:2]):.2g} m wide) does not fit in {target} ({min(opening.wide):.2g} m)"
        scene.infeasible.append(f"{text}: it is beside")
        return None
    lowers = [vessel, *scene.carriers(target)]
    lowers += [Placed(group.solids[k].turned(s.turn), s.place, item.id) for k, s in enumerate(before)]
    one = Group(item, [solid], group.name, group.hollow, group.soft)
    found_at = []
    for _ in range(1 if number < len(vessels) else _CHANCES):
        turn, far = rng.uniform(-math.pi, math.pi), math.sqrt(rng.uniform(0, 1)) if number >= len(vessels) else 0.0
        middle = opening.middle + free.clip(0.0) * far * np.array([math.cos(turn), math.sin(turn)])
        found_at += laid(scene, one, Spots(np.zeros((1, 3)), np.zeros(1)), middle, lowers, exact=False)
    best = min(found_at, key=lambda stand: float(stand.place[2]))
    return laid(scene, one, Spots(np.zeros((1, 3)), np.zeros(1)), best.place[:2], lowers)[0]


class _Opening:
    """Of a vessel, in the world: `middle` (2,), `wide` (2,) both ways."""

    def __init__(self, vessel: Placed, heights: Array, found: tuple[slice, slice, Array]) -> None:
        self.vessel, self.heights, self.found = vessel, heights, found
        cell = (vessel.high - vessel.low)[:2] / _CELLS
        first = np.array([found[0].start, found[1].start])
        last = np.array([found[0].stop, found[1].stop])
        self.middle = vessel.low[:2] + (first + last) / 2 * cell
        self.wide = (last - first) * cell

    def filled(self, group: Group, pours: bool) -> Stand:
        """A block that fills it, or its own size above it where it pours in."""
        rim = float(self.vessel.high[2])
        if pours:
            size = np.array(group.size) * min(1.0, 0.5 * float(min(self.wide)) / max(group.size[:2]))
            return Stand(np.array([*self.middle, rim + 0.6 * float(size[2])]), np.diag(size / group.size))
        part = self.heights[self.found[0], self.found[1]]
        whole = bool(self.found[2][self.found[0], self.found[1]].all())
        share = 0.94 if whole else 0.66
        n, m = (max(1, round(k * (1 - share) / 2)) for k in part.shape)
        core = part[n:-n, m:-m] if part.shape[0] > 2 * n and part.shape[1] > 2 * m else part
        bottom = float(np.nanmax(core)) + float(self.vessel.place[2])
        size = np.array([*(self.wide * share), max(_FULL * (rim - bottom), 0.05 * (rim - self.vessel.low[2]))])
        return Stand(np.array([*self.middle, bottom + 0.01 * size[2]]), np.diag(size / np.maximum(group.size, 1e-6)))
