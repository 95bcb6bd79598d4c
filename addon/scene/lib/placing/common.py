# SPDX-License-Identifier: GPL-3.0-or-later
"""What relations share: a group put down at a middle, and how far it reaches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arranging import Spots
from .scene import SLACK, Group, Scene, Stand
from .solid import Placed, overlap

Array = NDArray[Any]
_LIFT = 1e-4
"""Share of its size that a thing is put above what carries it."""
_RAISES = 30
_APART = 0.6
"""Share of its height that each of several that fall starts above the one before."""


def about_z(angle: float) -> Array:
    """A turn (3, 3) by radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def centre(low: Array, high: Array) -> Array:
    """(2,) of a box on the floor."""
    out: Array = (low[:2] + high[:2]) / 2
    return out


def reach(group: Group, spots: Spots) -> Array:
    """Width and depth (2,) that the whole group takes."""
    sizes = [
        np.ptp((solid.turned(about_z(angle))).points[:, :2], axis=0) / 2
        for solid, angle in zip(group.solids, spots.turns, strict=True)
    ]
    low = np.min(spots.places[:, :2] - sizes, axis=0)
    high = np.max(spots.places[:, :2] + sizes, axis=0)
    out: Array = high - low
    return out


def half_along(size: Array, way: Array) -> float:
    """Half of a box's extent along a direction."""
    return float(abs(way[0]) * size[0] + abs(way[1]) * size[1]) / 2


def set_down(
    scene: Scene, group: Group, spots: Spots, middle: Array, lowers: list[Placed], *, above: float = 0.0
) -> list[Stand]:
    """Each of the group on what is below it, one after the other; `above` metres over that, or as the item says."""
    return raised(group, laid(scene, group, spots, middle, lowers), above, heaped=spots.leans)


def raised(group: Group, stands: list[Stand], above: float = 0.0, *, heaped: bool = False) -> list[Stand]:
    """All of them by the height that the item starts above what is below, else by `above`. Several that fall do not
    fall at once, but for those of a heap, which fall together."""
    height = group.item.height if group.item.height is not None else above
    apart = 0.0 if heaped or not height else _APART * max(group.size[2], min(group.size[:2]))
    return [
        Stand(stand.place + np.array([0.0, 0.0, height + apart * number]), stand.turn)
        for number, stand in enumerate(stands)
    ]


def laid(
    scene: Scene, group: Group, spots: Spots, middle: Array, lowers: list[Placed], *, exact: bool = True
) -> list[Stand]:
    """Each of the group where it touches what is below; `exact` looks whether it is in that all the same, as thin bars
    are that lie between the lines that were looked along, and raises it."""
    own: list[Placed] = []
    stands = []
    for solid, place, angle in zip(group.solids, spots.places, spots.turns, strict=True):
        turn = about_z(float(angle))
        turned = solid.turned(turn)
        x, y = middle + place[:2]
        near = [*lowers, *(own if spots.leans else ())]
        z = scene.down(turned, x, y, near)
        lift = _LIFT * max(turned.size) if lowers or place[2] > 0 else 0.0
        own.append(Placed(turned, np.array([x, y, z + lift]), group.item.id))
        if exact:
            _raise(own[-1], near)
        stands.append(Stand(own[-1].place, turn))
    return stands


def _raise(placed: Placed, lowers: list[Placed]) -> None:
    """Up until it is in none of them."""
    step = 0.5 * SLACK * max(placed.solid.size)
    hard = [each for each in lowers if not each.soft and placed.beneath(each)]
    for _ in range(_RAISES):
        if not any(overlap(each, placed, SLACK * min(max(each.solid.size), max(placed.solid.size))) for each in hard):
            return
        placed.place = placed.place + np.array([0.0, 0.0, step])
