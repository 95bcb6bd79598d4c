# SPDX-License-Identifier: GPL-3.0-or-later
"""All that has been placed so far, and the questions that a relation asks of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import Item
from .solid import Placed, Solid, overlap, settle_on

Array = NDArray[Any]
SLACK = 0.008
"""Metres for a thing of 1 m that may be in each other: round things touch where no corner of theirs is."""
_TRIES, _DEEP = 60, 0.5
"""Steps aside at most; metres to the front or back that are as bad as one to a side."""
ON = ("on", "in", "over", "above")


@dataclass
class Group:
    """The `count` things of an item. `solids`: of each, its base centre at the origin, as `item.rotation` turns it.

    `soft` ones let others be in them; `hollow` ones take things in.
    """

    item: Item
    solids: list[Solid]
    name: str
    hollow: bool = False
    soft: bool = False
    turn: Array | None = None
    bases: list[Array] = field(default_factory=list)
    upright: list[Solid] = field(default_factory=list)
    """Of what is turned before it is placed: how (3, 3), where base centres (3,) went, and the solids as they were."""

    @property
    def size(self) -> tuple[float, float, float]:
        """Of the largest (3,), width, depth and height."""
        w, d, h = np.max([solid.size for solid in self.solids], axis=0).tolist()
        return w, d, h

    @property
    def way(self) -> Array:
        """(2,) the unit vector in which it sets out along the floor, or zeros."""
        item = self.item
        moves = item.type == "animated" and item.motion in ("slide", "roll", "walk", "fly")
        going = np.array(item.direction if moves else item.initial_velocity, float)[:2]
        speed = float(np.hypot(*going))
        return going / speed if speed > 0.1 else np.zeros(2)

    @property
    def speed(self) -> float:
        """Along the floor, m/s."""
        if self.item.type == "animated":
            return float(self.item.speed)
        x, y, _ = self.item.initial_velocity
        return float(np.hypot(x, y))


@dataclass(frozen=True)
class Hung:
    """One of an item hangs from one of another, or of the world; `anchor` (3,) is where its rope is tied to that, and
    `length` metres is the rope, 0 where it hangs on it directly."""

    item: str
    index: int
    target: str
    other: int
    anchor: Array
    length: float


@dataclass
class Stand:
    """Where one of a group stands: base centre `place` (3,), turned by `turn` (3, 3) from how its solid is.

    What is stretched to fill a vessel has that in `turn` too.
    """

    place: Array
    turn: Array = field(default_factory=lambda: np.eye(3))


class Scene:
    """What is placed, by the id of its item, in the order in which it was placed."""

    def __init__(self, floor: bool = True) -> None:
        self.floor = floor
        self.placed: list[Placed] = []
        self.groups: dict[str, Group] = {}
        self.stands: dict[str, list[Stand]] = {}
        self.infeasible: list[str] = []
        self.notes: list[str] = []
        self.moved = 0.0
        self.hung: list[Hung] = []
        self.bridged: dict[str, tuple[str, float]] = {}
        """What stands so far, in metres, from another, since something shall be between the two."""
        self.margins: dict[str, float] = {}
        """Metres that an item keeps free around it for what comes by it: a cloth over it, chairs around it."""
        self.held: set[str] = set()
        """Ids of what stays in the air though nothing carries it."""

    def of(self, id: str) -> list[Placed]:
        return [each for each in self.placed if each.of == id]

    def box(self, id: str) -> tuple[Array, Array]:
        """Lowest and highest corner of all of an item."""
        mine = self.of(id)
        return np.min([p.low for p in mine], axis=0), np.max([p.high for p in mine], axis=0)

    def whole(self) -> tuple[Array, Array]:
        if not self.placed:
            return np.zeros(3), np.zeros(3)
        return np.min([p.low for p in self.placed], axis=0), np.max([p.high for p in self.placed], axis=0)

    def put(self, group: Group, stands: list[Stand]) -> None:
        """Take these as the places of the whole group."""
        if group.turn is not None:
            stands = [
                Stand(stand.place - stand.turn @ base, stand.turn @ group.turn)
                for stand, base in zip(stands, group.bases, strict=True)
            ]
            group = replace(group, solids=group.upright, turn=None, bases=[], upright=[])
        self.groups[group.item.id], self.stands[group.item.id] = group, stands
        for solid, stand in zip(group.solids, stands, strict=True):
            self.placed.append(Placed(solid.turned(stand.turn), stand.place, group.item.id, group.soft))

    def carriers(self, id: str) -> list[Placed]:
        """An item and all that was put on or in it: what another one comes down on there."""
        ids = {id}
        for other in self.groups.values():
            if other.item.relation.kind in ON and other.item.relation.target in ids and not other.soft:
                ids.add(other.item.id)
        return [each for each in self.placed if each.of in ids and not each.soft]

    def below(self, id: str) -> list[Placed]:
        """What an item stands on: nothing where that is the floor."""
        group = self.groups.get(id)
        if group is None or group.item.relation.kind not in ("on", "in") or group.item.position is not None:
            return []
        return self.carriers(group.item.relation.target) if group.item.relation.target in self.groups else []

    def down(self, solid: Solid, x: float, y: float, lowers: list[Placed]) -> float:
        """The height at which it rests there."""
        near = [each for each in lowers if not each.soft]
        return settle_on(solid, x, y, near)

    def shift(self, id: str, by: Array) -> None:
        """Move an item, and all that stands by it."""
        moved = {id}
        for other in self.groups.values():
            if other.item.relation.target in moved and other.item.relation.kind != "none":
                moved.add(other.item.id)
        for placed in self.placed:
            if placed.of in moved:
                placed.place = placed.place + by
        for each in moved & set(self.stands):
            self.stands[each] = [Stand(stand.place + by, stand.turn) for stand in self.stands[each]]
        self.hung = [replace(h, anchor=h.anchor + by) if h.item in moved else h for h in self.hung]
        self.moved += float(np.linalg.norm(by))

    def hits(self, group: Group, stands: list[Stand]) -> list[str]:
        """Ids of what the group would be in."""
        if group.soft:
            return []
        found = []
        for solid, stand in zip(group.solids, stands, strict=True):
            mine = Placed(solid.turned(stand.turn), stand.place, group.item.id)
            for other in self.placed:
                if other.soft or other.of in found or other.of == group.item.id:
                    continue
                slack = SLACK * max(min(max(mine.solid.size), max(other.solid.size)), 1e-3)
                if overlap(other, mine, slack):
                    found.append(other.of)
        return found

    def free(self, group: Group, stands: list[Stand], way: Array, *, step: float = 0.25) -> list[Stand] | None:
        """The stands moved along `way` (2,) until they are in nothing; None where that does not help."""
        size = max(group.size)
        for tries in range(_TRIES):
            shift = np.array([*(way * tries * step * size), 0.0])
            moved = [Stand(stand.place + shift, stand.turn) for stand in stands]
            if not self.hits(group, moved):
                self.moved += float(np.linalg.norm(shift))
                return moved
        return None

    def nearest_free(self, group: Group, stands: list[Stand], *, gap: float) -> list[Stand]:
        """The stands moved by the least along the floor so that boxes stay `gap` apart; left and right come first: what
        stands behind is hidden."""
        low = np.min([s.turned(t.turn).low + t.place for s, t in zip(group.solids, stands, strict=True)], axis=0)
        high = np.max([s.turned(t.turn).high + t.place for s, t in zip(group.solids, stands, strict=True)], axis=0)
        (low, high), mine = self._kept_free(group.item.id, low, high), self._ways()
        boxes = [self._kept_free(p.of, p.low, p.high) for p in self.placed if not p.soft] + mine
        step = 0.25 * max(float((high - low)[:2].max()), 0.02)
        for ring in range(200):
            for angle in _around(max(1, 6 * ring)):
                shift = np.array([math.cos(angle), _DEEP * math.sin(angle), 0.0]) * step * ring
                if not any(_meet(low + shift, high + shift, *box, gap) for box in boxes):
                    return [Stand(stand.place + shift, stand.turn) for stand in stands]
        return stands

    def _kept_free(self, id: str, low: Array, high: Array) -> tuple[Array, Array]:
        """A box with what is kept free around it, and to its right for what is between it and its fellow."""
        edge = self.margins.get(id, 0.0) * np.array([1.0, 1.0, 0.0])
        right = sum((need for target, need in self.bridged.values() if target == id), 0.0)
        return low - edge, high + edge + np.array([right, 0.0, 0.0])

    def _ways(self) -> list[tuple[Array, Array]]:
        """Boxes that what moves along the floor goes through in its first second."""
        found = []
        for id, group in self.groups.items():
            if group.way.any():
                low, high = self.box(id)
                go = np.array([*group.way, 0.0]) * min(group.speed, 3.0)
                found.append((np.minimum(low, low + go), np.maximum(high, high + go)))
        return found


def _around(count: int) -> list[float]:
    """Angles (count,), those to the right and the left first."""
    angles = [2 * math.pi * k / count for k in range(count)]
    return sorted(angles, key=lambda angle: round(abs(math.sin(angle)), 9))


def _meet(low: Array, high: Array, other_low: Array, other_high: Array, gap: float) -> bool:
    return bool((low[:2] < other_high[:2] + gap).all() and (other_low[:2] < high[:2] + gap).all())
