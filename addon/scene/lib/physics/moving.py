# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways of things that are animated: they go where they are told and push what they meet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mathutils import Quaternion, Vector

from .....backend.protocol.scene import Item
from .bodies import Array, Path

_SWING = np.radians(35.0)
_BOB = 0.12
"""Metres up and down."""
_STRIDE = 0.7
"""Metres of a walk from one bob to the next."""
_OPEN, TAKES = np.radians(100.0), 1.2
"""How far a door opens that has no limit, and how many seconds it takes."""
Shift = Callable[[float], tuple[Array, Quaternion]]
"""Way (3,) and turn about a pivot at a time."""


def still(pose: Array) -> Path:
    return lambda time: pose


def about(pose: Array, pivot: Array, shift: Shift) -> Path:
    """The path of a body that is carried along by a turn about a pivot and a way."""

    def at(time: float) -> Array:
        way, turn = shift(time)
        place = pivot + way + np.array(turn @ Vector(pose[:3] - pivot))
        return np.concatenate([place, turn @ Quaternion(pose[3:])])

    return at


def shift(item: Item, axis: Array, radius: float) -> Shift:
    """What a thing's motion does; `axis` of its turning, `radius` of its rolling in metres."""
    way = np.array(item.direction, float)
    way = way / np.linalg.norm(way) if way.any() else np.array([1.0, 0, 0])
    speed, none = item.speed, np.zeros(3)

    def at(time: float) -> tuple[Array, Quaternion]:
        cycle = 2 * np.pi * speed * time
        match item.motion:
            case "spin":
                return none, Quaternion(axis, cycle)
            case "swing":
                return none, Quaternion(axis, _SWING * np.sin(cycle))
            case "bob":
                return _BOB * np.sin(cycle) * np.array([0, 0, 1.0]), Quaternion()
            case "slide":
                return speed * time * way, Quaternion()
            case "roll":
                across = np.cross([0, 0, 1.0], way)
                across = across if across.any() else np.array([0, 1.0, 0])
                return speed * time * way, Quaternion(across, speed * time / max(radius, 1e-3))
            case "walk":
                step = np.pi * speed * time / _STRIDE
                rock = Quaternion(way, 0.06 * np.sin(step))
                return speed * time * way + [0, 0, 0.25 * _BOB * abs(np.sin(step))], rock
            case "fly":
                wave = 2 * np.pi * 0.5 * time
                return speed * time * way + [0, 0, _BOB * np.sin(wave)], Quaternion(way, 0.12 * np.sin(wave))
        return none, Quaternion()

    return at


def opening(axis: Array, angle: float | None, start: float) -> Shift:
    """A door's: it stands until `start`, then turns by `angle` radians, softly at both ends."""

    def at(time: float) -> tuple[Array, Quaternion]:
        share = float(np.clip((time - start) / TAKES, 0, 1))
        share = share * share * (3 - 2 * share)
        return np.zeros(3), Quaternion(axis, (_OPEN if angle is None else angle) * share)

    return at


def stopped(path: Path, time: float) -> Path:
    """The same until a time."""
    return lambda now: path(min(now, time))


def motion_at(path: Path, time: float, step: float = 1e-3) -> Array:
    """Velocity and spin (6,) along a path."""
    from .engines.blender import motions

    out: Array = motions(path(time - step)[None], path(time)[None], step)[0]
    return out
