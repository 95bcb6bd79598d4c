# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a group stands by a relation: beside, around, between, near, against; what carries it is in `resting`.

Each takes the scene, the group, its spots and chance, and gives where each of the group stands, or None where the
relation cannot be met, which it has said then.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import filling, hanging, resting, standing
from .arranging import Spots, ring
from .common import Array, about_z, centre, half_along, reach, set_down
from .scene import Group, Scene, Stand

_SIDES = {
    "left_of": (-1.0, 0.0), "right_of": (1.0, 0.0), "in_front_of": (0.0, -1.0), "behind": (0.0, 1.0),
}  # fmt: skip
_LEAN = math.radians(18)
_LONG = 2.2
"""A thing so many times longer than wide leans; others touch."""
_RUN = 0.4
"""Seconds that what goes towards something goes before it is there."""


def alone(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand]:
    """On the floor, as near to the others as is free; what goes along the floor starts so that it goes through them."""
    if group.item.id in scene.bridged and scene.bridged[group.item.id][0] in scene.groups:
        return _bridged(scene, group, spots)
    others = [id for id, other in scene.groups.items() if not other.soft and not other.way.any()]
    if group.way.any() and others:
        low, high = (np.array(side) for side in zip(*(scene.box(id) for id in others), strict=True))
        return _approach(scene, group, spots, low.min(axis=0), high.max(axis=0))
    if group.item.type in ("fluid", "smoke") and others and not group.item.height:
        return resting.held_above(scene, spots, 0.5 * group.size[2])
    low, high = scene.whole()
    stands = set_down(scene, group, spots, (low[:2] + high[:2]) / 2, [])
    if group.soft and group.item.type == "force_field":
        return stands
    return scene.nearest_free(group, stands, gap=_gap(group, (high - low).max() if scene.placed else 0.0))


def _bridged(scene: Scene, group: Group, spots: Spots) -> list[Stand]:
    """On the right of its fellow, so far that what is between the two fits."""
    target, need = scene.bridged[group.item.id]
    low, high = scene.box(target)
    side = np.array([1.0, 0.0])
    away = half_along(high - low, side) + need - half_along(reach(group, spots), side)
    return set_down(scene, group, spots, centre(low, high) + side * away, [])


def _gap(group: Group, other: float) -> float:
    """Free space beside something of this size, in metres."""
    own = max(group.size[:2])
    return float(min(max(0.25 * min(own, other or own), 0.1 * own), 0.6))


def _approach(scene: Scene, group: Group, spots: Spots, low: Array, high: Array) -> list[Stand]:
    """So that its way leads into the middle of that box, from a run before it."""
    own, target = max(group.size[:2]), float((high - low)[:2].max())
    said = group.item.relation.distance
    run = said if said is not None else min(max(_RUN * group.speed, own), max(4 * own, 1.2 * target))
    away = half_along(high - low, group.way) + half_along(reach(group, spots), group.way) + run
    middle = (low[:2] + high[:2]) / 2 - group.way * away
    stands = set_down(scene, group, spots, middle, scene.below(group.item.relation.target))
    return scene.free(group, stands, -group.way) or stands


def _beside(way: tuple[float, float]) -> Any:
    def go(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
        if group.item.relation.target not in scene.groups:
            return alone(scene, group, spots, rng)
        low, high = scene.box(group.item.relation.target)
        side = _front(scene, group.item.relation.target, np.array(way))
        spots = _facing(group, spots, side, across=bool((side != way).any()))
        if float(group.way @ side) < -0.5:
            return _approach(scene, group, spots, low, high)
        said = group.item.relation.distance
        gap = said if said is not None else _gap(group, float((high - low)[:2].max()))
        away = half_along(high - low, side) + half_along(reach(group, spots), side) + gap
        stands = set_down(scene, group, spots, (low[:2] + high[:2]) / 2 + side * away,
                          scene.below(group.item.relation.target))  # fmt: skip
        return scene.free(group, stands, side) or stands

    return go


def _front(scene: Scene, target: str, side: Array) -> Array:
    """The front of what slopes is where it comes down; of anything else it is the front."""
    down = standing.downhill(scene.of(target)[0].solid) if side[1] else np.zeros(2)
    return -np.sign(side[1]) * down if down.any() else side


def _facing(group: Group, spots: Spots, side: Array, *, across: bool) -> Spots:
    """Tiles in a row and pins in a triangle turned to what they stand beside; others where they are to be `across`."""
    angle = math.atan2(side[1], side[0])
    if any(group.item.rotation):
        return spots
    if group.name in ("domino", "pin") and group.item.count > 1:
        return spots.turned(angle if group.name == "domino" else angle - math.pi / 2)
    return spots.turned(angle + math.pi / 2) if across else spots


def beside(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """On the right, else on the left, where that is free."""
    target = group.item.relation.target
    if target not in scene.groups:
        return alone(scene, group, spots, rng)
    low, high = scene.box(target)
    if group.way.any():
        return _approach(scene, group, spots, low, high)
    before = scene.moved
    found = []
    for side in ("right_of", "left_of"):
        scene.moved = before
        stands = _beside(_SIDES[side])(scene, group, spots, rng)
        found.append((scene.moved, stands))
    scene.moved, stands = min(found, key=lambda each: each[0])
    return stands


def near(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    target = group.item.relation.target
    if target not in scene.groups:
        return alone(scene, group, spots, rng)
    low, high = scene.box(target)
    if group.way.any():
        return _approach(scene, group, spots, low, high)
    said = group.item.relation.distance
    gap = said if said is not None else _gap(group, float((high - low)[:2].max()))
    stands = set_down(scene, group, spots, centre(low, high), scene.below(target))
    return scene.nearest_free(group, stands, gap=gap)


def around(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """Facing it, at an even distance from its box; as wide a ring as they need where they are many."""
    target = group.item.relation.target
    if target not in scene.groups:
        return alone(scene, group, spots, rng)
    low, high = scene.box(target)
    if scene.groups[target].item.type == "force_field" and group.item.arrangement == "scattered":
        return set_down(scene, group, spots, centre(low, high), scene.below(target))
    w, d, _ = group.size
    said = group.item.relation.distance
    gap = said if said is not None else 0.15 * max(w, d)
    size = high - low
    least = float(min(size[:2])) / 2 + gap
    count = group.item.count
    circle = ring(count, w * 1.1, least, d)
    if float(size[2]) > 0.9 * group.size[2] and count > 1:  # the front of what is high is left open
        circle = circle.turned(math.pi / count)
    stretch = np.ones(2) if abs(size[0] - size[1]) < 0.2 * max(size[:2]) else size[:2] / min(size[:2])
    places = []
    for place, angle in zip(circle.places, circle.turns, strict=True):
        way = np.array([math.sin(angle), -math.cos(angle)])
        edge = min(size[k] / 2 / abs(way[k]) for k in (0, 1) if abs(way[k]) > 1e-6)
        far = max(float(np.hypot(*(place[:2] * stretch))) if count > 8 else 0.0, edge + gap + d / 2)
        places.append([*(way * far), 0.0])
    turns = np.zeros(count) if any(group.item.rotation) else circle.turns + math.pi
    stands = set_down(scene, group, Spots(np.array(places), turns), centre(low, high), scene.below(target))
    out = []
    for number, (stand, angle) in enumerate(zip(stands, circle.turns, strict=True)):
        one = Group(group.item, [group.solids[number]], group.name, group.hollow, group.soft)
        way = np.array([math.sin(angle), -math.cos(angle)])
        out += scene.free(one, [stand], way, step=0.1) or [stand]
    return out


def between(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """In the middle of the gap; the second one moves away where that is too narrow and nothing holds it."""
    relation = group.item.relation
    if relation.target not in scene.groups or relation.other not in scene.groups:
        return near(scene, group, spots, rng)
    (low, high), (low2, high2) = scene.box(relation.target), scene.box(relation.other)
    way = centre(low2, high2) - centre(low, high)
    way = (
        np.array([math.copysign(1.0, way[0]), 0.0])
        if abs(way[0]) >= abs(way[1])
        else (np.array([0.0, math.copysign(1.0, way[1])]))
    )
    halves = half_along(high - low, way) + half_along(high2 - low2, way)
    free = float((centre(low2, high2) - centre(low, high)) @ way) - halves
    own = 2 * half_along(reach(group, spots), way)
    need = own + 2 * (relation.distance if relation.distance is not None else 0.1 * own)
    other = scene.groups[relation.other].item
    if free < need:
        if other.position is not None or other.relation.kind != "none":
            names = f"{group.item.id} ({own:.2g} m) does not fit between {relation.target} and {relation.other}"
            scene.infeasible.append(f"{names} ({max(free, 0):.2g} m)")
            return None
        scene.shift(relation.other, np.array([*way, 0.0]) * (need - free))
        low2, high2 = scene.box(relation.other)
        free = need
    middle = centre(low, high) + way * (half_along(high - low, way) + free / 2)
    return set_down(scene, group, spots, middle, scene.below(relation.target))


def against(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """Long things lean at its front, others touch it there; what goes along the floor starts before it."""
    target = group.item.relation.target
    if target not in scene.groups or group.way.any():
        return near(scene, group, spots, rng)
    low, high = scene.box(target)
    count = group.item.count
    pitch = 1.25 * sorted(group.size)[1]
    stands = []
    for number, solid in enumerate(group.solids):
        x = float(centre(low, high)[0]) + (number - (count - 1) / 2) * pitch
        size = np.array(solid.size)
        upright = _upright(size)
        turn = about_z(0.0)
        if upright is not None:
            turn = np.array([[1, 0, 0], [0, math.cos(_LEAN), math.sin(_LEAN)], [0, -math.sin(_LEAN), math.cos(_LEAN)]])
            turn = turn @ upright
        points = solid.turned(turn).points
        base = np.array([0.0, 0.0, -points[:, 2].min()])
        back = points[points[:, 2] + base[2] <= float(high[2]), 1].max()
        stands.append(Stand(np.array([x, float(low[1]) - back - 0.001, 0.0]) + base, turn))
    return scene.free(group, stands, np.array([0.0, -1.0]), step=0.01)


def _upright(size: Array) -> Array | None:
    """A turn (3, 3) that puts the longest side up and the shortest to the back; None for what is no long thing."""
    order = np.argsort(size, kind="stable")
    if size[order[2]] < _LONG * size[order[1]] and size[order[2]] < 6 * size[order[0]]:
        return None
    turn = np.zeros((3, 3))
    turn[0, order[1]], turn[1, order[0]], turn[2, order[2]] = 1.0, 1.0, 1.0
    if np.linalg.det(turn) < 0:
        turn[0] *= -1
    return turn


RELATED: dict[str, Any] = {
    "none": alone, "on": resting.on, "in": filling.inside, "under": resting.under, "above": resting.above,
    "over": resting.over, **{kind: _beside(way) for kind, way in _SIDES.items()}, "beside": beside, "near": near,
    "around": around, "between": between, "against": against, "hanging_from": hanging.hanging,
    "through": hanging.through,
}  # fmt: skip
