# SPDX-License-Identifier: GPL-3.0-or-later
"""Held by something that is not below: hanging from it, on the way through it."""

from __future__ import annotations

import numpy as np

from .arranging import Spots
from .common import Array, about_z, centre, half_along, reach, set_down
from .scene import Group, Hung, Scene, Stand
from .solid import Placed

_FREE = 0.25
"""Metres below what hangs, where nothing says how high it hangs, for a thing of 1 m."""
_LINES = ("rope", "chain")


def hanging(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """Below its underside, on a rope where it is no rope or cloth itself; beside its top where it stands on the floor.

    Something that lies on the floor is lifted and held there.
    """
    item, target = group.item, group.item.relation.target
    line = group.name in _LINES or item.type == "cloth"
    rope = item.relation.distance if item.relation.distance is not None else 0.0 if line else 0.5 * max(group.size)
    if target not in scene.groups:
        return _from_above(scene, group, spots, rope)
    if scene.groups[target].name in _LINES and item.relation.distance is None:
        rope = 0.0
    need = group.size[2] + rope + _FREE * max(group.size)
    at = _underside(scene, target, need)
    if at is None and _lies(scene, target):
        low, _ = scene.box(target)
        scene.shift(target, np.array([0.0, 0.0, need - float(low[2])]))
        scene.held.add(target)
        at = _underside(scene, target, need - 1e-6)
    if at is None:
        return _beside(scene, group, spots, rope)
    stands = []
    for number, (place, angle) in enumerate(zip(_along(scene, target, group), spots.turns, strict=True)):
        z = _bottom(scene.of(target), at[:2] + place)
        anchor = np.array([*(at[:2] + place), z if z is not None else at[2]])
        stands.append(Stand(anchor - np.array([0.0, 0.0, rope + group.solids[number].size[2]]), about_z(float(angle))))
        if item.type != "cloth":
            scene.hung.append(Hung(item.id, number, target, 0, anchor, rope))
    return stands


def _along(scene: Scene, target: str, group: Group) -> Array:
    """(N, 2) of several that hang side by side, along its longer side."""
    low, high = scene.box(target)
    size = (high - low)[:2]
    axis = int(np.argmax(size))
    count = group.item.count
    pitch = min(1.3 * max(group.size[:2]), 0.9 * float(size[axis]) / max(1, count - 1))
    pitch = max(pitch, 1.02 * group.size[axis])
    out = np.zeros((count, 2))
    out[:, axis] = (np.arange(count) - (count - 1) / 2) * pitch
    return out


def _bottom(placed: list[Placed], at: Array) -> float | None:
    found = [each.solid.bottom(*(at - each.place[:2])) for each in placed]
    heights = [z + each.place[2] for z, each in zip(found, placed, strict=True) if z is not None]
    return min(heights) if heights else None


def _underside(scene: Scene, target: str, need: float) -> Array | None:
    """The point (3,) of an underside nearest to its middle with so much free height below it."""
    low, high = scene.box(target)
    placed = scene.of(target)
    middle = centre(low, high)
    best = None
    for x in np.linspace(low[0], high[0], 23)[1:-1]:
        for y in np.linspace(low[1], high[1], 23)[1:-1]:
            z = _bottom(placed, np.array([x, y]))
            if z is not None and z >= need:
                far = float(np.hypot(*(np.array([x, y]) - middle)))
                if best is None or far < best[0] - 1e-9:
                    best = (far, np.array([x, y, z]))
    return None if best is None else best[1]


def _lies(scene: Scene, target: str) -> bool:
    """Nothing says where it is, and it is flatter than long or a rope: it can be held in the air."""
    group = scene.groups[target]
    free = group.item.position is None and group.item.relation.kind == "none"
    w, d, h = group.size
    return free and (h < max(w, d) or group.name in _LINES)


def _from_above(scene: Scene, group: Group, spots: Spots, rope: float) -> list[Stand]:
    """From the world: a ceiling that nobody sees."""
    low, high = scene.whole()
    stands = set_down(scene, group, spots, centre(low, high), [])
    stands = scene.nearest_free(group, stands, gap=0.2 * max(group.size)) if scene.placed else stands
    up = max(_FREE * max(group.size), 0.5 * group.size[2])
    out = []
    for number, stand in enumerate(stands):
        place = np.array([*stand.place[:2], max(float(stand.place[2]), up)])
        out.append(Stand(place, stand.turn))
        if group.item.type != "cloth":
            top = np.array([*place[:2], place[2] + group.solids[number].size[2] + rope])
            scene.hung.append(Hung(group.item.id, number, "world", 0, top, rope))
    return out


def _beside(scene: Scene, group: Group, spots: Spots, rope: float) -> list[Stand] | None:
    """Beside the top of something that stands: a flag at its pole, a lamp at a wall."""
    item, target = group.item, group.item.relation.target
    low, high = scene.box(target)
    w, d, h = group.size
    if float(high[2]) < 0.6 * h:
        scene.infeasible.append(f"{item.id} ({h:.2g} m) cannot hang from {target} ({high[2]:.2g} m): it is too low")
        return None
    wide = float(high[0] - low[0]) > 2 * w
    way = np.array([0.0, -1.0]) if wide else np.array([1.0, 0.0])
    away = half_along(high - low, way) + half_along(np.array([w, d]), way) + (0.002 if item.type == "cloth" else 0.02)
    middle = centre(low, high) + way * away
    stands = []
    for number, place in enumerate(_along(scene, target, group) * (1.0 if wide else 0.0)):
        top = float(high[2]) - 0.02 * h
        stands.append(Stand(np.array([*(middle + place), max(top - h - rope, 0.0)]), np.eye(3)))
        if item.type != "cloth":
            scene.hung.append(Hung(item.id, number, target, 0, np.array([*(middle + place), top]), rope))
    return stands


def through(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """Before its opening where it moves, so that its way leads through the middle; in the opening where it does not."""
    target = group.item.relation.target
    if target not in scene.groups:
        return None
    low, high = scene.box(target)
    w, d, h = group.size
    size = high - low
    way = group.way if group.way.any() else np.zeros(2)
    run = min(max(0.4 * group.speed, 1.5 * max(w, d)), 3.0) if way.any() else 0.0
    middle = centre(low, high) - way * (half_along(size, way) + half_along(reach(group, spots), way) + run)
    opening = _bottom_of_hole(scene, target)
    z = opening - h / 2 if opening is not None else float(low[2] + high[2]) / 2 - h / 2
    z = float(np.clip(z, 0.0, None)) if group.item.height is None else group.item.height
    free = min(float(max(size[:2])), float(size[2]))
    if max(h, min(w, d)) > free:
        scene.infeasible.append(f"{group.item.id} ({max(h, w):.2g} m) does not fit through {target} ({free:.2g} m)")
    return [Stand(np.array([*(middle + place[:2]), z + place[2]]), about_z(float(turn)))
            for place, turn in zip(spots.places, spots.turns, strict=True)]  # fmt: skip


def _bottom_of_hole(scene: Scene, target: str) -> float | None:
    """The middle height of what is free on the vertical line through its middle, or None."""
    low, high = scene.box(target)
    each = scene.of(target)[0]
    x, y = centre(low, high) - each.place[:2]
    top, bottom = each.solid.top(x, y), each.solid.bottom(x, y)
    if top is None or bottom is None:
        return None
    if bottom + each.place[2] > 0.3 * float(high[2] - low[2]) + float(low[2]):
        return float(bottom + each.place[2]) / 2  # an arch: from the floor to its underside
    return float(low[2] + high[2]) / 2  # a ring
