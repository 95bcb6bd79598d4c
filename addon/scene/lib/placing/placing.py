# SPDX-License-Identifier: GPL-3.0-or-later
"""From the cast to where each of it stands: in the order of what depends on what, each by its relation.

What cannot be met is said with names, and the thing stands beside instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .....backend.protocol.scene import Item, SceneSpec
from . import arranging, order, relating, standing
from .common import about_z
from .scene import Group, Scene, Stand

_TEETH = 0.055
"""Of its width that a gear is in its fellow: a tooth less some play."""
_ASIDE = ("around", "beside", "near", "left_of", "right_of")


def place(spec: SceneSpec, groups: Sequence[Group], beat: Callable[[float], None] = lambda done: None) -> Scene:
    """A scene in which all groups stand; deterministic by the document's seed."""
    scene = Scene(spec.environment.floor)
    rows = {group.item.id: group for group in groups}
    items, circles = order.ordered([group.item for group in groups])
    for circle in circles:
        scene.infeasible.append(f"{' and '.join(circle)} stand by each other in a circle: {circle[0]} stands by itself")
    alone = {circle[0] for circle in circles}
    leaned = order.leaned_on(items)
    scene.margins = _margins(groups)
    for group in groups:
        relation = group.item.relation
        if relation.kind == "between" and relation.other in rows and relation.target in rows:
            need = group.size[0] * 1.2 if relation.distance is None else group.size[0] + 2 * relation.distance
            scene.bridged[relation.other] = (relation.target, need + rows[relation.other].size[0])
    items.sort(key=lambda item: _rank(item, leaned))
    items, _ = order.ordered(items)
    for number, item in enumerate(items):
        beat(number / len(items))
        group = rows[item.id]
        rng = np.random.default_rng([spec.seed, item.seed, *item.id.encode()])
        before = len(scene.placed)
        group = standing.stood(scene, group, groups)
        stands = _stands(scene, group, rng, alone=item.id in alone)
        scene.put(group, stands)
        _check(scene, group, before)
    return scene


def _rank(item: Item, leaned: set[str]) -> int:
    """Of those that depend on nothing: what has a position first, then what others lean on, then what stands, then what
    moves."""
    if item.position is not None:
        return 0
    if item.id in leaned:
        return 1
    return 3 if any(item.initial_velocity[:2]) else 2


def _margins(groups: Sequence[Group]) -> dict[str, float]:
    """What each item keeps free around it for those that are placed by it."""
    sizes = {group.item.id: group.size for group in groups}
    out: dict[str, float] = {}
    for group in groups:
        item = group.item
        target, wide = item.relation.target, max(group.size[:2])
        aside = item.position is not None or item.relation.kind == "between" or item.type == "force_field"
        if target not in sizes or aside:
            continue
        own = max(sizes[target][:2])
        need = 1.3 * wide if item.relation.kind in _ASIDE else max(0.0, wide - own) / 2
        out[target] = max(out.get(target, 0.0), min(need, 3.0 * own))
    return out


def _stands(scene: Scene, group: Group, rng: np.random.Generator, *, alone: bool) -> list[Stand]:
    item = group.item
    spots = spread(group, rng)
    if item.position is not None:
        return [Stand(np.array(item.position) + spot, about_z(angle))
                for spot, angle in zip(spots.places, spots.turns, strict=True)]  # fmt: skip
    kind = (
        "none"
        if alone or (item.relation.target == "world" and item.relation.kind != "hanging_from")
        else (item.relation.kind)
    )
    if item.relation.target == "floor":
        kind = "none"
    if kind != "none" and item.relation.target not in (*scene.groups, "wall", "world"):
        kind = "none"
    found: list[Stand] | None = relating.RELATED[kind](scene, group, spots, rng)
    return relating.alone(scene, group, spots, rng) if found is None else found


def spread(group: Group, rng: np.random.Generator) -> arranging.Spots:
    """How the group stands together."""
    item = group.item
    falls = item.height is not None or item.relation.kind in ("above", "over")
    inside = item.relation.kind == "in"
    kind = item.arrangement
    if kind == "auto":
        kind = arranging.usual(group.name, item.count, falls=falls, hollow=inside, kind=item.type)
        if item.relation.kind == "around" and item.count > 1:
            kind = "circle"
    if group.name == "pin" and kind == "pyramid":
        return arranging.triangle(item.count, group.size, None)
    gap = item.relation.distance if item.relation.kind == "none" else None
    if group.name == "gear" and item.motion == "spin" and gap is None:  # they mesh
        gap = -_TEETH * group.size[0]
    return arranging.arranged(kind, item.count, group.size, group.name, rng, gap=gap)


def _check(scene: Scene, group: Group, before: int) -> None:
    """Say what is in each other all the same."""
    every = scene.placed
    scene.placed = every[:before]
    hit = scene.hits(scene.groups[group.item.id], scene.stands[group.item.id])
    scene.placed = every
    for id in hit:
        scene.infeasible.append(f"{group.item.id} and {id} are in each other")
