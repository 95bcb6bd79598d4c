# SPDX-License-Identifier: GPL-3.0-or-later
"""Liquids of a scene in words: poured, spilled, filling vessels; a surface of the right volume for each frame.

By a solver of ours (`flip`), or where it is asked for and runs by Mantaflow (`mantaflow`): docs/physics.md compares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from . import caches, clock, distance, mantaflow, pouring, recording, skinning
from .enclosing import Solid
from .flip import PER_CELL, Liquid, Solids
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_DROPS = 300
"""Particles below which a volume is not measured: drops finer than the surface's grid."""
_NEAR = 1.5
"""Metres about a liquid within which solids are looked at, and thrice its size."""


def bake(
    work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None], engine: str = "auto"
) -> dict[str, Any]:
    """Solve each liquid of the cast by itself; returns figures."""
    items = list(dict.fromkeys(each.item.id for each in things if each.item.type == "fluid"))
    if not items:
        return {}
    engine = mantaflow.chosen(work, engine, "liquids by our own solver")
    figures: dict[str, Any] = {"fluids": len(items), "fluid_solver": engine}
    off, lost, count = 0.0, 0, 0
    for number, id in enumerate(items):
        own = [each for each in things if each.item.id == id and each.main.type == "MESH"]
        part = lambda done, n=number: beat((n + done) / len(items))  # noqa: E731
        frames, wrong, gone, most = (_tanked if engine == "mantaflow" else _solve)(work, spec, things, own, part)
        off, lost, count = max(off, wrong), lost + gone, count + most
        place = np.linalg.inv(np.array(own[0].main.matrix_world))
        caches.keep_meshes(own[0].main, [(recording.in_world(points, place), faces) for points, faces in frames])
        for each in own[1:]:  # all of them flow together
            each.main.hide_render = each.main.hide_viewport = True
    if lost:
        work.report.warn(f"{lost / max(count, 1):.0%} of the liquid fell out of the scene.")
    beat(1.0)
    return figures | {"fluid_particles": count, "fluid_volume_error": round(off, 4), "fluid_lost": lost}


Solved = tuple[list[tuple[Array, Array]], float, int, int]
"""The surface at each frame in the world; how far its volume was off, particles lost, particles in all."""


def _solve(
    work: Work, spec: SceneSpec, things: Sequence[Thing], own: Sequence[Thing], beat: Callable[[float], None]
) -> Solved:
    """By our own solver."""
    last, lasts, side = clock.last_frame(spec), clock.frame_time(spec), pouring.cell(own, spec)
    row = pouring.substance(own[0].item)
    moving = near(things, own, side, last, lambda: beat(0.0))
    rng = np.random.default_rng(spec.seed + own[0].item.seed + 1)
    gravity = np.array(spec.environment.gravity, float)
    liquid = Liquid(side, gravity, row.viscosity if row.viscosity is not None else 1e-6, spec.environment.floor)
    start = solids_at(moving, 0.0, lasts)
    for each in own:
        if each.item.flow <= 0:
            liquid.add(pouring.block(each, side, start, rng), np.array(each.item.initial_velocity, float))
    spouts = [pouring.Spout.of(each, spec) for each in own if each.item.flow > 0]
    frames, off, lost, most = [], 0.0, 0, len(liquid.points)
    for frame in range(last):
        surface, wrong = _skin(liquid.points, side, liquid.volume, spec, solids_at(moving, frame, lasts, floor=True))
        frames.append(surface)
        off = max(off, wrong)
        steps = max(liquid.steps(lasts), 3 if spouts else 1)
        for step in range(steps):
            for spout in spouts:
                spout.pour(liquid, (frame + step / steps) * lasts, lasts / steps)
            most = max(most, len(liquid.points) + lost)
            liquid.step(lasts / steps, solids_at(moving, frame + step / steps, lasts))
            beat((frame + step / steps) / last)
        lost += _drop(liquid)
    return frames, off, lost, most


def _tanked(
    work: Work, spec: SceneSpec, things: Sequence[Thing], own: Sequence[Thing], beat: Callable[[float], None]
) -> Solved:
    """By Mantaflow; its particles are worth what the liquid has at the start, or what a cell of theirs holds."""
    last, lasts, side = clock.last_frame(spec), clock.frame_time(spec), pouring.cell(own, spec)
    objects, places = _around(things, own, last, lambda: beat(0.0))
    moving = distance.grids(objects, places, 0.6 * side, lambda: beat(0.0))
    solids = [(found, places[each.name]) for each in objects if (found := Solid.of(each))]
    start, rng = solids_at(moving, 0.0, lasts), np.random.default_rng(spec.seed)
    blocks = [pouring.block(each, side, start, rng) for each in own if each.item.flow <= 0]
    clouds, cell = mantaflow.particles(work, spec, own, solids, side, lambda done: beat(0.8 * done))
    held = worth = cell**3 / PER_CELL
    if blocks and len(clouds[0]):
        held = sum(len(each) for each in blocks) * side**3 / PER_CELL / len(clouds[0])
        worth = held if len(blocks) == len(own) else worth
    frames, off, most = [], 0.0, 0
    for frame, points in enumerate(clouds):
        most = max(most, len(points))
        surface, wrong = _skin(points, cell, worth * len(points), spec, solids_at(moving, frame, lasts, floor=True))
        frames.append(surface)
        off = max(off, wrong)
        beat(0.8 + 0.2 * frame / last)
    return frames, off, most - len(clouds[-1]), most


def _skin(
    points: Array, side: float, volume: float, spec: SceneSpec, walls: Solids
) -> tuple[tuple[Array, Array], float]:
    """The surface, and by what share its volume is off."""
    surface = skinning.skin(points, side, volume, floor=spec.environment.floor, walls=walls)
    return surface, abs(skinning.enclosed(*surface) / volume - 1) if len(points) > _DROPS else 0.0


def solids_at(moving: list[distance.Moving], frame: float, lasts: float, *, floor: bool = False) -> Solids:
    """All solids as one, at a frame counted from 0, the floor too where it is asked for."""

    def solids(points: Array) -> tuple[Array, Array, Array]:
        if not floor and len(moving) == 1:
            return moving[0].at(points, frame, lasts)
        far, way, speed = np.full(len(points), 1e3), np.zeros(points.shape), np.zeros(points.shape)
        if floor:
            far, way[:, 2] = points[:, 2].astype(float), 1.0
        for each in moving:
            own_far, own_way, own_speed = each.at(points, frame, lasts)
            near = own_far < far
            far[near], way[near], speed[near] = own_far[near], own_way[near], own_speed[near]
        return far, way, speed

    return solids


def near(
    things: Sequence[Thing], own: Sequence[Thing], side: float, last: int, beat: Callable[[], None]
) -> list[distance.Moving]:
    """What the liquid may meet."""
    objects, places = _around(things, own, last, beat)
    return distance.grids(objects, places, 0.6 * side, beat)


def _around(
    things: Sequence[Thing], own: Sequence[Thing], last: int, beat: Callable[[], None]
) -> tuple[list[bpy.types.Object], dict[str, Array]]:
    """All bodies near it, and all that move; world matrices (F, 4, 4) of each by name."""
    spots = np.concatenate([pouring.world(each) for each in own])
    mine = {part.name for each in own for part in each.parts}
    low, high = spots.min(axis=0), spots.max(axis=0)
    room = _NEAR + 3 * float((high - low).max())
    objects = []
    for each in things:
        for part in each.parts:
            if each.item.type not in ("rigid_body", "passive", "animated") or part.type != "MESH" or part.name in mine:
                continue
            box = recording.in_world(np.array(part.bound_box), part.matrix_world)
            beside = (box.max(axis=0)[:2] > low[:2] - room).all() and (box.min(axis=0)[:2] < high[:2] + room).all()
            if beside and len(part.data.polygons):
                objects.append(part)
    places = recording.record([], objects, last, lambda done: beat()).places
    bpy.context.scene.frame_set(1)
    return objects, places


def _drop(liquid: Liquid) -> int:
    """Forget what has fallen far below or flown far away; how many these are."""
    keep = (np.abs(liquid.points) < 200).all(axis=1) & np.isfinite(liquid.points).all(axis=1)
    keep &= liquid.points[:, 2] > (-1.0 if liquid.floor else -20.0)
    gone = int((~keep).sum())
    if gone:
        liquid.points, liquid.speeds = liquid.points[keep], liquid.speeds[keep]
    return gone
