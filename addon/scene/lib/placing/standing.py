# SPDX-License-Identifier: GPL-3.0-or-later
"""How a thing stands before it is placed, where its words say it: a hoop to be flown through, a barrel that rolls down,
a cloth that hangs; and which way something slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .common import Array, about_z
from .scene import Group, Scene
from .solid import Solid

_FLAT = 0.4
_ROUND = ("barrel", "cylinder", "can", "log", "wheel", "roller")
"""Things that roll about their own upright axis once they lie."""
_LIES = 1.5
"""What is so many times higher than wide lies in a liquid."""
_SLOPES, _EVEN = 0.12, 0.7
"""Rise by run of what slopes, and the share of its heights that one plane must tell."""
_CELLS = 24


def downhill(solid: Solid) -> Array:
    """(2,) the unit vector along which its upper side goes down, of stairs and ramps; zeros of anything else."""
    heights = solid.tops(_CELLS)
    seen = ~np.isnan(heights)
    if seen.sum() < 0.8 * heights.size or np.ptp(heights[seen]) < 1e-9:
        return np.zeros(2)
    xs, ys = (np.linspace(solid.low[k], solid.high[k], 2 * _CELLS + 1)[1::2] for k in (0, 1))
    x, y = np.meshgrid(xs, ys, indexing="ij")
    table = np.stack([x[seen], y[seen], np.ones(seen.sum())], axis=1)
    plane, *_ = np.linalg.lstsq(table, heights[seen], rcond=None)
    left = float(np.var(heights[seen] - table @ plane) / np.var(heights[seen]))
    steep = float(np.hypot(*plane[:2]))
    if steep < _SLOPES or 1 - left < _EVEN:
        return np.zeros(2)
    out: Array = -plane[:2] / steep
    return np.where(np.abs(out) < 1e-3, 0.0, out)


def stood(scene: Scene, group: Group, others: Sequence[Group]) -> Group:
    """The group as it stands for what its document says of it; as it is where that turns it itself."""
    item = group.item
    if any(item.rotation):
        return group
    w, d, h = group.size
    relation = item.relation
    movers = [each for each in others if each.item.relation.kind == "through" and each.item.relation.target == item.id]
    if movers and h < _FLAT * min(w, d):
        way = movers[0].way if movers[0].way.any() else np.array([0.0, 1.0])
        if item.type == "rigid_body":
            scene.held.add(item.id)
        return _turned(group, about_z(math.atan2(way[1], way[0]) - math.pi / 2) @ _TO_FRONT)
    if item.type == "cloth" and relation.kind == "hanging_from" and h < 0.05 * max(w, d):
        return _turned(group, _TO_FRONT)
    afloat = relation.target in scene.groups and scene.groups[relation.target].item.type == "fluid"
    if afloat and item.type == "rigid_body" and h > _LIES * max(w, d):
        return _turned(group, _ASIDE)
    if group.name in _ROUND and relation.kind in ("on", "above") and relation.target in scene.groups and h >= 0.5 * w:
        way = downhill(scene.of(relation.target)[0].solid)
        if way.any() and abs(w - d) < 0.1 * w:
            return _turned(group, about_z(math.atan2(way[1], way[0]) - math.pi / 2) @ _ASIDE)
    return group


_TO_FRONT = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""What was up faces the front."""
_ASIDE = np.array([[0, 0, 1.0], [0, 1, 0], [-1, 0, 0]])
"""What was up is to the right."""


def _turned(group: Group, turn: Array) -> Group:
    """All its solids turned, their base centres at the origin again."""
    solids, bases = [], []
    for solid in group.solids:
        made = solid.turned(turn)
        base = np.array([*(made.low[:2] + made.high[:2]) / 2, made.low[2]])
        solids.append(Solid(made.points - base, made.faces))
        bases.append(base)
    return replace(group, solids=solids, turn=turn, bases=bases, upright=group.solids)
