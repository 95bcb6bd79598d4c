# SPDX-License-Identifier: GPL-3.0-or-later
"""Standing liquids lift and brake rigid bodies, by their level, while bodies are solved; the liquid, which is solved
afterwards, gives way to the bodies as they were keyed.

A liquid stands that is in a vessel from the start. Its level follows from its volume and from what is under it:
a table of the vessel's volume by height, and so it rises as a body sinks. Forces act at centres of mass: what floats
is lifted by what it displaces, but not righted. What still pours lifts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mathutils import Quaternion, Vector
from mathutils.bvhtree import BVHTree

from .....backend.protocol.scene import SceneSpec
from ..mesh import meshes
from ..mesh.inside import Inside
from . import pouring
from .actors import Actor
from .bodies import Array, State
from .course import Force
from .recording import in_world
from .thing import Thing

_CELLS, _LEVELS, _SAMPLES = 48, 80, 10
"""Of a vessel's plan along each side; heights of its table; points along each side of a body."""
_DRAG, _WAVES, _SLOW = 0.5, 1.2, 0.15
"""Coefficient of drag of what is under; share of √(g/L) by which waves brake what breaks the surface, and all."""
_CARRIED = 0.5
"""Of what it displaces, that has to be moved along: a sphere's."""


@dataclass(frozen=True)
class Pool:
    """`volumes` (L,) in m³ of the vessel up to `levels` (L,) in metres; `inside` (X, Y) of its plan from `low` (2,) in
    `cells` (2,) of metres; `liquid` m³, of `density` kg/m³."""

    levels: Array
    volumes: Array
    inside: Array
    low: Array
    cells: Array
    liquid: float
    density: float

    def level(self, displaced: float) -> float:
        """Height of its surface, the rim at most."""
        return float(np.interp(self.liquid + displaced, self.volumes, self.levels))

    def holds(self, points: Array) -> Array:
        """Which points (..., 3) are above its plan."""
        index = np.floor((points[..., :2] - self.low) / self.cells).astype(int)
        there = ((index >= 0) & (index < self.inside.shape)).all(axis=-1)
        index = np.clip(index, 0, np.array(self.inside.shape) - 1)
        out: Array = there & self.inside[index[..., 0], index[..., 1]]
        return out


@dataclass(frozen=True)
class Floater:
    """`points` (P, 3) in the body's frame, each standing for `part` m³ and `wide` metres high."""

    points: Array
    part: float
    wide: float

    @classmethod
    def of(cls, actor: Actor) -> Floater | None:
        """None where its mesh encloses nothing."""
        points, faces = actor.body.points, actor.body.faces
        if not len(faces):
            return None
        low, high = points.min(axis=0), points.max(axis=0)
        wide = float((high - low).max()) / _SAMPLES
        xs, ys, zs = (np.arange(low[a] + wide / 2, high[a], wide) for a in range(3))
        encloses = Inside(points, faces)
        found = np.concatenate([encloses.column(x, y, zs) for x in xs for y in ys])
        return cls(found, actor.volume / len(found), wide) if len(found) else None

    def under(self, pose: Array, pool: Pool, level: float) -> float:
        """m³ of it that are in the liquid."""
        spots = self.points @ np.array(Quaternion(pose[3:]).to_matrix()).T + pose[:3]
        deep = np.clip((level - spots[:, 2]) / self.wide + 0.5, 0.0, 1.0)
        return float(self.part * (deep * pool.holds(spots)).sum())


def pools(things: Sequence[Thing]) -> list[Pool]:
    """All that stand at the start, each in the vessel that the document names."""
    found = []
    for each in things:
        item = each.item
        if item.type != "fluid" or item.flow > 0 or item.relation.kind != "in" or each.main.type != "MESH":
            continue
        vessel = [part for other in things if other.item.id == item.relation.target for part in other.parts
                  if part.type == "MESH" and len(part.data.polygons)]  # fmt: skip
        pool = _pool(each, [_placed(part) for part in vessel]) if vessel else None
        if pool:
            found.append(pool)
    return found


def _placed(part: object) -> tuple[Array, Array]:
    data = part.data
    points = in_world(meshes.vertices_of(data).astype(float), part.matrix_world)
    return points, meshes.drawn(data)[0]


def _pool(thing: Thing, vessel: list[tuple[Array, Array]]) -> Pool | None:
    """None where its vessel does not hold it."""
    spots = pouring.world(thing)
    block_low, block_high = spots.min(axis=0), spots.max(axis=0)
    every = np.concatenate([points for points, _ in vessel])
    low, high = every.min(axis=0), every.max(axis=0)
    cells = (high - low)[:2] / _CELLS
    trees = [BVHTree.FromPolygons(points.tolist(), faces.tolist()) for points, faces in vessel]
    floor = np.full((_CELLS, _CELLS), -np.inf)
    for i in range(_CELLS):
        for j in range(_CELLS):
            above = Vector((*(low[:2] + (np.array([i, j]) + 0.5) * cells), high[2] + 1.0))
            hits = [tree.ray_cast(above, Vector((0, 0, -1)))[0] for tree in trees]
            floor[i, j] = max((hit.z for hit in hits if hit is not None), default=-np.inf)
    middle = np.clip((((block_low + block_high) / 2)[:2] - low[:2]) / cells, 0, _CELLS - 1).astype(int)
    start = (int(middle[0]), int(middle[1]))
    levels, volumes, inside = [float(floor[start])], [0.0], np.zeros(floor.shape, bool)
    for level in np.linspace(floor[start], high[2], _LEVELS)[1:]:
        basin = _basin(floor < level, start)
        if basin[0].any() or basin[-1].any() or basin[:, 0].any() or basin[:, -1].any():
            break  # it runs over
        levels.append(float(level))
        volumes.append(float((level - floor[basin]).sum() * cells.prod()))
        inside = basin
    if len(levels) < 2:
        return None
    share = pouring.volume_of(spots, meshes.drawn(thing.main.data)[0]) / max(
        float((block_high - block_low).prod()), 1e-12
    )
    xs, ys = (low[a] + (np.arange(_CELLS) + 0.5) * cells[a] for a in (0, 1))
    over = ((xs > block_low[0]) & (xs < block_high[0]))[:, None] & ((ys > block_low[1]) & (ys < block_high[1]))[None]
    tall = np.clip(block_high[2] - np.maximum(floor, block_low[2]), 0.0, None)
    liquid = float((tall * (over & inside)).sum() * cells.prod()) * min(share, 1.0)
    if liquid <= 0:
        return None
    return Pool(np.array(levels), np.array(volumes), inside, low[:2], cells, liquid,
                pouring.substance(thing.item).density)  # fmt: skip


def _basin(lower: Array, start: tuple[int, int]) -> Array:
    """The cells that are connected to the start."""
    found = np.zeros(lower.shape, bool)
    found[start] = lower[start]
    while True:
        wider = found.copy()
        wider[1:] |= found[:-1]
        wider[:-1] |= found[1:]
        wider[:, 1:] |= found[:, :-1]
        wider[:, :-1] |= found[:, 1:]
        wider &= lower
        if np.array_equal(wider, found):
            return found
        found = wider


def lifted(
    force: Force | None, spec: SceneSpec, things: Sequence[Thing], cast: Sequence[Actor], step: float
) -> Force | None:
    """A force with what standing liquids do added; `step` in seconds keeps it stable."""
    found = pools(things) if spec.environment.medium != "water" else []
    vessels = {each.item.relation.target for each in things if each.item.type == "fluid"}
    floaters = {each.body.name: floater for each in cast if each.body.kind == "active" and each.id not in vessels
                and (floater := Floater.of(each))} if found else {}  # fmt: skip
    if not floaters:
        return force
    gravity = np.array(spec.environment.gravity, float)
    found = [_filled(pool, floaters, cast) for pool in found]
    displaced = [0.0] * len(found)

    def both(time: float, state: State, actors: Sequence[Actor]) -> Array:
        out = force(time, state, actors) if force else np.zeros((len(actors), 3))
        for number, pool in enumerate(found):
            level, whole = pool.level(displaced[number]), 0.0
            for k, actor in enumerate(actors):
                floater = floaters.get(actor.body.name)
                under = floater.under(state.poses[k], pool, level) if floater else 0.0
                if under > 0:
                    whole += under
                    out[k] += push(under, actor, state.motions[k, :3], pool.density, gravity, step)
            displaced[number] = whole
        return out

    return both


def _filled(pool: Pool, floaters: dict[str, Floater], cast: Sequence[Actor]) -> Pool:
    """Without what bodies displace of it at the start: there is no liquid there."""
    level = pool.level(0.0)
    under = sum(floaters[each.body.name].under(each.body.pose, pool, level) for each in cast
                if each.body.name in floaters)  # fmt: skip
    return Pool(
        pool.levels, pool.volumes, pool.inside, pool.low, pool.cells, max(pool.liquid - under, 0.0), pool.density
    )


def push(under: float, actor: Actor, speed: Array, density: float, gravity: Array, step: float) -> Array:
    """Newtons (3,) on a body of which `under` m³ are in a liquid: lift, drag, waves, and the liquid that goes along.

    Whatever is solved moves the body's own mass only, so that the force is what moves that as both would go.
    """
    mass, whole = actor.body.mass, max(actor.volume, 1e-12)
    share, carried = min(under / whole, 1.0), _CARRIED * density * under
    fast, side = float(np.linalg.norm(speed)), whole ** (1 / 3)
    brake = 0.5 * density * _DRAG * 1.21 * side**2 * share * fast
    waves = _SLOW + _WAVES * 4 * share * (1 - share)
    brake += waves * density * under * float(np.sqrt(np.linalg.norm(gravity) / side))
    rate = brake / (mass + carried)
    slowing = -(mass + carried) * speed * (1 - np.exp(-rate * step)) / step
    out: Array = (mass * (slowing - density * gravity * under) - carried * mass * gravity) / (mass + carried)
    return out
