# SPDX-License-Identifier: GPL-3.0-or-later
"""On, under, above and over something: what carries it, or would."""

from __future__ import annotations

import math

import numpy as np

from . import hanging, standing, surface
from .arranging import Spots, arranged
from .common import Array, about_z, centre, reach, set_down
from .scene import Group, Scene, Stand
from .solid import Placed

_CELLS = 24
ENDS = {"seesaw": 0.84, "catapult": 0.78}
"""Things of which an end is meant, and where it is, as a share of half their length."""
_MOUTH = 0.3
"""Radius about a vessel's middle over which things fall into it, as a share of its width."""
_NUDGE, _INSIDE = 0.8, 0.12
"""m/s of what is to fall off; how far inside the edge its middle is, in its widths."""
_G = 9.81


def on(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator, *, lift: float = 0.0) -> list[Stand] | None:
    """Where its upper side is level and free; highest where it is not, as on stairs and ramps."""
    target = group.item.relation.target
    if target not in scene.groups:
        return None
    if scene.groups[target].soft:
        return afloat(scene, group, spots)
    if group.item.type == "cloth":
        upright = group.size[2] > 0.3 * group.size[0]
        return hanging.hanging(scene, group, spots, rng) if upright else over(scene, group, spots, rng)
    if group.item.type in ("fluid", "smoke"):
        return _source(scene, group)
    flies = thrown(scene, group, spots) if group.item.height is not None else None
    if flies is not None:
        return flies
    shared = _each(scene, group, lift)
    if shared is not None:
        return shared
    low, high = scene.box(target)
    spots = _fitted(scene, group, spots, rng, (high - low)[:2])
    heights, taken, cell = _upper(scene, target)
    way = (float(group.way[0]), float(group.way[1]))
    wide = reach(group, spots)
    found = surface.best(heights, cell, (float(wide[0]), float(wide[1])), taken=taken, along=way)
    if found is None:
        scene.infeasible.append(f"{group.item.id} finds no place on {target}, which is full: it is put on top")
        middle = centre(low, high)
    else:
        at = np.array([_at(low[k], cell[k], int(found[k])) for k in (0, 1)])
        middle = np.clip(at, low[:2] + np.minimum(wide, (high - low)[:2]) / 2,
                         high[:2] - np.minimum(wide, (high - low)[:2]) / 2)  # fmt: skip
        if not taken.any():
            middle = np.where(np.abs(middle - centre(low, high)) < cell, centre(low, high), middle)
    if group.item.height or lift:
        middle, spots = _edge(scene, group, spots, middle, rng)
        middle, spots = _opening(scene, group, spots, middle, rng)
    else:
        middle = _brink(group, middle, low, high)
    if lever := ENDS.get(scene.groups[target].name):  # what falls on one end lifts what lies on the other
        falls = scene.groups[target].name == "seesaw" and (group.item.height or lift)
        end = lever * (high[0] - low[0]) / 2 * (1.0 if falls else -1.0)
        middle = centre(low, high) + np.array([end, 0.0])
    stands = set_down(scene, group, spots, middle, scene.carriers(target), above=lift)
    if not scene.groups[target].hollow or not (group.item.height or lift) or group.item.type == "cloth":
        return stands
    rise = high[2] + (lift or group.item.height or 0.0) - min(stand.place[2] for stand in stands)
    return [Stand(each.place + np.array([0.0, 0.0, max(0.0, rise)]), each.turn) for each in stands]


def _brink(group: Group, middle: Array, low: Array, high: Array) -> Array:
    """What is nudged off something stands at its edge: from the middle friction would stop it."""
    item, way = group.item, np.array(group.item.initial_velocity[:2])
    speed = float(np.linalg.norm(way))
    if item.type != "rigid_body" or item.count > 1 or not 0 < speed <= _NUDGE or any(item.angular_velocity):
        return middle
    way = way / speed
    edge = np.where(way > 0, high[:2], low[:2])
    far = np.where(np.abs(way) > 1e-6, (edge - middle) / np.where(np.abs(way) > 1e-6, way, 1.0), np.inf).min()
    out: Array = middle + way * max(0.0, float(far) - _INSIDE * float(max(group.size[:2])))
    return out


def _edge(scene: Scene, group: Group, spots: Spots, middle: Array, rng: np.random.Generator) -> tuple[Array, Spots]:
    """What falls on stairs falls on the edge of the highest step, side by side, so that it goes on down."""
    lower = scene.of(group.item.relation.target)[0]
    way = standing.downhill(lower.solid)
    if not way.any() or group.item.type != "rigid_body":
        return middle, spots
    top = lower.solid.top(*(middle - lower.place[:2]))
    step = 0.02 * float(max(lower.solid.size[:2]))
    for k in range(100):
        here = lower.solid.top(*(middle + way * step * k - lower.place[:2]))
        if here is None:
            return middle, spots
        if top is not None and top - here > 0.04 * lower.solid.size[2]:
            middle = middle + way * (step * k + 0.1 * max(group.size[:2]))
            break
    if group.item.count == 1 or group.item.arrangement != "auto":
        return middle, spots
    row = arranged("row", group.item.count, group.size, "", rng, gap=0.3 * group.size[0])
    across = row.turned(math.atan2(way[1], way[0]) + math.pi / 2)
    return (middle, across) if reach(group, across).max() < max(lower.solid.size[:2]) else (middle, spots)


def _opening(scene: Scene, group: Group, spots: Spots, middle: Array, rng: np.random.Generator) -> tuple[Array, Spots]:
    """What falls into a vessel falls into its middle, many one after the other."""
    lower = scene.groups[group.item.relation.target]
    if not lower.hollow or group.item.type not in ("rigid_body", "soft_body"):
        return middle, spots
    low, high = scene.box(group.item.relation.target)
    free = max(0.0, _MOUTH * float((high - low)[:2].min()) - max(group.size[:2]) / 2)
    count = group.item.count
    turns, far = rng.uniform(-math.pi, math.pi, count), free * np.sqrt(rng.uniform(0, 1, count)) * (count > 1)
    places = np.stack([far * np.cos(turns), far * np.sin(turns), np.zeros(count)], axis=1)
    return centre(low, high), Spots(places, turns)


def _at(low: float, cell: float, number: int) -> float:
    return float(low + (number + 0.5) * cell)


def _upper(scene: Scene, target: str) -> tuple[Array, Array, tuple[float, float]]:
    """Heights of all of an item's upper side over its box, where other things stand on it, and a cell in metres."""
    low, high = scene.box(target)
    cell = (float(high[0] - low[0]) / _CELLS, float(high[1] - low[1]) / _CELLS)
    heights = _map(scene.of(target), low, cell)
    others = [each for each in scene.placed if each.of != target and not each.soft and each.high[2] > low[2]]
    others = [each for each in others if (each.low[:2] < high[:2]).all() and (each.high[:2] > low[:2]).all()]
    # what hangs high above is not in the way, what stands there is
    theirs = _map(others, low, cell)
    over = np.where(np.isnan(theirs), -np.inf, theirs) > np.where(np.isnan(heights), -np.inf, heights) + 1e-4
    near = over.copy()
    near[1:] |= over[:-1]
    near[:-1] |= over[1:]
    near[:, 1:] |= over[:, :-1]
    near[:, :-1] |= over[:, 1:]
    return heights, near, cell


def _map(placed: list[Placed], low: Array, cell: tuple[float, float]) -> Array:
    out = np.full((_CELLS, _CELLS), np.nan)
    for each in placed:
        first = np.floor((each.low[:2] - low[:2]) / cell - 0.5).astype(int)
        last = np.ceil((each.high[:2] - low[:2]) / cell + 0.5).astype(int)
        for i in range(max(0, first[0]), min(_CELLS, last[0] + 1)):
            for j in range(max(0, first[1]), min(_CELLS, last[1] + 1)):
                x, y = _at(low[0], cell[0], i) - each.place[0], _at(low[1], cell[1], j) - each.place[1]
                top = each.solid.top(x, y)
                if top is not None:
                    out[i, j] = np.nanmax([out[i, j], top + each.place[2]])
    return out


def _fitted(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator, room: Array) -> Spots:
    """The same spots, nearer together where they would hang over the edge; heaped where even that is too wide."""
    item = group.item
    wide = reach(group, spots)
    if item.count == 1 or (wide <= room).all():
        return spots
    free = item.arrangement in ("auto", "row", "grid", "scattered", "pile")
    kinds = ["row", "column", "grid", "pile"] if free else [item.arrangement, "pile"]
    for kind in kinds:
        tight = arranged(kind, item.count, group.size, group.name, rng, gap=0.05 * max(group.size[:2]))
        if (reach(group, tight) <= room).all() or kind == "pile":
            break
    if (reach(group, tight) > room * 1.05).any():
        target = item.relation.target
        scene.infeasible.append(f"{target} has no room for {item.count} × {item.name}: they are heaped on it")
    return tight


def _each(scene: Scene, group: Group, lift: float) -> list[Stand] | None:
    """On each of several targets as many, where that comes out even."""
    targets = scene.of(group.item.relation.target)
    count = group.item.count
    stacked = any(a is not b and a.beneath(b, -1e-3) for a in targets for b in targets)
    if len(targets) < 2 or count < len(targets) or count % len(targets) or stacked:
        return None
    stands: list[Stand] = []
    for number, solid in enumerate(group.solids):
        on = targets[number % len(targets)]
        middle = centre(on.low, on.high)
        one = Group(group.item, [solid], group.name, group.hollow, group.soft)
        carriers = [on, *(Placed(group.solids[0].turned(s.turn), s.place, group.item.id) for s in stands)]
        stands += set_down(scene, one, Spots(np.zeros((1, 3)), np.zeros(1)), middle, carriers, above=lift)
    return stands


def thrown(scene: Scene, group: Group, spots: Spots) -> list[Stand] | None:
    """Something that flies there starts where its way through the air ends on the target's middle."""
    item, speed = group.item, group.speed
    up = item.initial_velocity[2]
    if item.type not in ("rigid_body", "soft_body") or speed < 0.3 or (up <= 0 and item.height is None):
        return None
    low, high = scene.box(item.relation.target)
    start = float(high[2]) + (item.height if item.height is not None else 0.0)
    falls = start - float(high[2])
    seconds = (up + math.sqrt(max(0.0, up * up + 2 * _G * falls))) / _G
    if seconds < 0.05:
        return None
    middle = centre(low, high) - group.way * speed * seconds
    stands = [Stand(np.array([*(middle + place[:2]), start + place[2]]), about_z(float(turn)))
              for place, turn in zip(spots.places, spots.turns, strict=True)]  # fmt: skip
    return stands


def _source(scene: Scene, group: Group) -> list[Stand]:
    """What pours or smokes is no wider than what it comes from, unless its size was said."""
    low, high = scene.box(group.item.relation.target)
    share = min(1.0, 0.6 * float((high - low)[:2].min()) / max(group.size[:2]))
    scale = 1.0 if group.item.dimensions else share
    above = group.item.height if group.item.height is not None else 0.02 * float(max(high - low))
    place = np.array([*centre(low, high), float(high[2]) + above])
    return [Stand(place, scale * np.eye(3)) for _ in group.solids]


def afloat(scene: Scene, group: Group, spots: Spots) -> list[Stand]:
    """Half in a liquid; anything else that gives way is as good as air."""
    low, high = scene.box(group.item.relation.target)
    z = float(high[2]) - 0.4 * group.size[2] + (group.item.height or 0.0)
    middle = centre(low, high)
    return [Stand(np.array([*(middle + place[:2]), max(z, 0.0) + place[2]]), about_z(float(turn)))
            for place, turn in zip(spots.places, spots.turns, strict=True)]  # fmt: skip


def held_above(scene: Scene, spots: Spots, height: float) -> list[Stand]:
    """Over the middle of all, in the air."""
    low, high = scene.whole()
    return [Stand(np.array([*(centre(low, high) + place[:2]), high[2] + height]), about_z(float(turn)))
            for place, turn in zip(spots.places, spots.turns, strict=True)]  # fmt: skip


def above(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """As on it, and so high over that."""
    if group.item.type == "cloth":
        return over(scene, group, spots, rng)
    relation = group.item.relation
    if relation.target not in scene.groups:
        return None
    if scene.groups[relation.target].soft:
        return held_above(scene, spots, 0.5 * group.size[2])
    low, high = scene.box(relation.target)
    usual = max(0.6 * group.size[2], 0.4 * float(high[2] - low[2]), 0.1 * float(max((high - low)[:2])))
    return on(scene, group, spots, rng, lift=relation.distance if relation.distance is not None else min(usual, 3.0))


def over(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """A cloth hovers level above all of it, so that it drapes; anything else is above it."""
    relation = group.item.relation
    if group.item.type != "cloth":
        return above(scene, group, spots, rng)
    if relation.target not in scene.groups:
        return None
    low, high = scene.box(relation.target)
    gap = relation.distance if relation.distance is not None else max(0.01, 0.04 * max(group.size[:2]))
    if group.item.count > 1 and (reach(group, spots) > (high - low)[:2]).any():  # sheets on one another
        spots = Spots(np.zeros((group.item.count, 3)), spots.turns * 0.0)
    stands = set_down(scene, group, spots, centre(low, high), scene.carriers(relation.target), above=gap)
    rise = np.array([0.0, 0.0, 0.02 * max(group.size[:2])]) if not group.item.height else np.zeros(3)
    return [Stand(stand.place + rise * number, stand.turn) for number, stand in enumerate(stands)]


def under(scene: Scene, group: Group, spots: Spots, rng: np.random.Generator) -> list[Stand] | None:
    """On the floor below it, where there is room."""
    target = group.item.relation.target
    if target not in scene.groups:
        return None
    low, high = scene.box(target)
    if group.soft:
        return set_down(scene, group, spots, centre(low, high), [])
    standing = scene.below(target)
    stands = set_down(scene, group, spots, centre(low, high), [each for each in standing if each.of != target])
    if not scene.hits(group, stands):
        return stands
    need = group.size[2]
    scene.infeasible.append(f"{group.item.id} ({need:.2g} m high) does not fit under {target}: it stands beside")
    return None
