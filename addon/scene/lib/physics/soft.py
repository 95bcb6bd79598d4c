# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft bodies of a scene in words: jelly, cushions, mattresses, by an elastic lattice of ours, kept as shape keys.

Measured on a jelly of 0.2 m that falls half a metre: Blender's soft body ended in no number at all at three settings;
its cloth with pressure and inner springs kept 86 to 98 % of the volume at the impact, but came to rest crumpled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from ..mesh import meshes
from ..mesh.inside import Inside
from . import caches, clock, distance, draping, fluid, forces, lattice, recording, touching
from .draping import Cloth
from .enclosing import Solid
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_CELLS, _LONGEST, _SHORTEST, _TRIES = 7, 1 / 240, 1 / 1200, 3
"""Cells along the longest side; seconds of a step, at most and at least; runs, each with a third of it."""
_KEEP, _SANE = 0.95, 2.0
"""Share of its volume that what is nearly incompressible keeps, and how large a body may get."""
_SOFT = 3e4
"""Pa, Young's modulus of what is said to be soft and not of what: that of a ball to be squeezed by a hand."""
_GEL = 0.06
"""Share of critical damping of what is dense, at most: a jelly bounces little and rings long."""


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Solve all soft bodies together and leave shape keys; returns figures."""
    bodies = [draping.ready(each) for each in things if each.item.type == "soft_body" and each.main.type == "MESH"]
    if not bodies:
        return {}
    for body in bodies:
        caches.forget(body.obj)
    made, moving, grids = _made(spec, things, bodies, lambda: beat(0.0))
    best: tuple[float, list[Array], float] | None = None
    for run in range(_TRIES):
        told = lambda done, r=run: beat((r + 0.95 * done) / _TRIES)  # noqa: E731
        shapes, stiff = _solve(spec, things, bodies, lattice.joined(made), moving, grids, run, told)
        least = min(_kept(shape, body)[0] for shape, body in zip(shapes, bodies, strict=True))
        if best is None or least > best[0]:
            best = least, shapes, stiff
        if least >= _KEEP:
            break
    assert best
    least, shapes, stiff = best
    squash, ends = 0.0, []
    for shape, body in zip(shapes, bodies, strict=True):
        ends.append(_kept(shape, body)[1])
        tall = np.ptp(shape[:, :, 2], axis=1)
        squash = max(squash, 1 - float(tall.min() / max(tall[0], 1e-9)))
        place = np.linalg.inv(np.array(body.obj.matrix_world))
        caches.keep_shapes(body.obj, recording.in_world(shape, place).astype(np.float32))
    if least < _KEEP:
        work.report.warn(f"A soft body loses {1 - max(0.0, least):.0%} of its volume. Make its material stiffer.")
    beat(1.0)
    return {
        "soft_bodies": len(bodies), "soft_runs": run + 1, "soft_volume_least": round(least, 4),
        "soft_volume_end": round(min(ends), 4), "soft_squash": round(squash, 4), "soft_stiffness_kept": round(stiff, 3),
    }  # fmt: skip


def _made(
    spec: SceneSpec, things: Sequence[Thing], bodies: list[Cloth], beat: Callable[[], None]
) -> tuple[list[lattice.Lattice], list[distance.Moving], list[distance.Grid]]:
    """A lattice of each, what they may meet, and, of several, how far a point is from each at rest."""
    made = [_lattice(each) for each in bodies]
    finest = min(float(each.sides[0]) for each in made)
    moving = fluid.near(things, [each.thing for each in bodies], finest, clock.last_frame(spec), beat)
    several = [solid for each in bodies if len(bodies) > 1 and (solid := Solid.of(each.obj))]
    return made, moving, [distance.Grid.of(solid, 0.5 * finest, beat) for solid in several]


def _solve(
    spec: SceneSpec, things: Sequence[Thing], bodies: list[Cloth], made: lattice.Lattice, moving: list[distance.Moving],
    grids: list[distance.Grid], run: int, beat: Callable[[float], None],
) -> tuple[list[Array], float]:  # fmt: skip
    """World shapes (F, V, 3) of each body, and the least share of stiffness that was kept."""
    last, lasts = clock.last_frame(spec), clock.frame_time(spec)
    found, medium = forces.fields(things), forces.DENSITY[spec.environment.medium]
    count = max(1, int(np.ceil(lasts / np.clip(made.longest(), _SHORTEST, _LONGEST) - 1e-6))) * 3**run
    kept = made.soften(lasts / count)
    made.speeds = np.array([each.thing.item.initial_velocity for each in bodies], float)[made.whose].T
    weighs = np.array([1 - min(1.0, medium / max(each.row.density, 1.0)) for each in bodies])[made.whose]
    gravity = np.array(spec.environment.gravity)[:, None] * weighs
    friction = np.array([each.row.friction for each in bodies])
    count_of = [len(each.obj.data.vertices) for each in bodies]
    shown = np.concatenate([np.arange((made.owner == k).sum()) < n for k, n in enumerate(count_of)])
    touch = touching.Touch(moving, spec.environment.floor, lasts, friction, grids,
                           [np.array(each.obj.matrix_world) for each in bodies],
                           np.flatnonzero(~shown))  # fmt: skip
    drag, before, shapes = 0.002 * medium, 0.0, []
    for frame in range(last):
        shapes.append(_out(made.points[shown], moving, frame, lasts, spec.environment.floor))
        steps = max(count, 3**run * made.quick(lasts, gravity))
        made.speeds = made.speeds + 0.5 * (before - lasts / steps) * gravity  # speeds are those of half a step ago
        before = lasts / steps
        for number in range(steps):
            touch.frame = frame + number / steps
            push = gravity - drag * made.speeds
            if found:
                push = push + forces.pull(spec, found, touch.frame * lasts, made.nodes.T).T
            made.step(lasts / steps, push, touch)
            beat((frame + number / steps) / last)
        if not np.isfinite(made.nodes).all():
            shapes += [np.full_like(shapes[0], np.nan)] * (last - len(shapes))
            break
    taken = np.array(shapes)
    return [taken[:, made.owner[shown] == k] for k in range(len(bodies))], kept


def _damping(body: Cloth) -> float:
    """Share of critical damping, from the restitution of a swing: e = exp(-π ζ / √(1 - ζ²))."""
    log = np.log(np.clip(body.row.restitution, 0.05, 0.95))
    share = float(-log / np.hypot(np.pi, log))
    return min(share, _GEL) if body.row.density > 500 else share


def _out(points: Array, moving: list[distance.Moving], frame: int, lasts: float, floor: bool) -> Array:
    """What the eye would see inside of something is on its surface."""
    far, way, _ = fluid.solids_at(moving, frame, lasts, floor=floor)(points)
    out: Array = points + np.maximum(-far, 0.0)[:, None] * way
    return out


def _lattice(body: Cloth) -> lattice.Lattice:
    points = recording.in_world(meshes.vertices_of(body.obj.data).astype(float), body.obj.matrix_world)
    triangles, _ = meshes.drawn(body.obj.data)
    encloses = Inside(points, triangles)
    side = float(np.ptp(points, axis=0).max()) / _CELLS
    side = max(min(side, float(np.ptp(points, axis=0).min()) / 2), side / 3)

    def filled(middles: Array) -> Array:
        flags = np.zeros(len(middles), bool)
        columns: dict[tuple[float, float], list[int]] = {}
        for k, (x, y, _) in enumerate(middles):
            columns.setdefault((x, y), []).append(k)
        for (x, y), those in columns.items():
            heights = middles[those, 2]
            inside = encloses.column(x, y, heights)
            flags[those] = np.isin(heights, inside[:, 2])
        return flags

    row = body.row
    young = row.young_modulus or _SOFT
    if not body.thing.item.material.name and body.thing.item.material.young_modulus is None:
        young = min(young, _SOFT)
    elastic = (young, row.poisson_ratio if row.poisson_ratio is not None else 0.3, _damping(body))
    whole = abs(float(volume(points[None], triangles)[0]))
    skin = np.concatenate([points, touching.probes(points, triangles, side)])
    return lattice.build(skin, row.density, filled, whole, body.pins, side, elastic)


def _kept(shapes: Array, body: Cloth) -> tuple[float, float]:
    """Least volume and volume at the end, as shares of the first; the least of what may be pressed together is not
    looked at; (0, 0) where it exploded."""
    if not np.isfinite(shapes).all():
        return 0.0, 0.0
    triangles, _ = meshes.drawn(body.obj.data)
    shares = volume(shapes, triangles)
    shares = shares / shares[0]
    return (float(shares.min()), float(shares[-1])) if shares.max() < _SANE else (0.0, 0.0)


def volume(shapes: Array, triangles: Array) -> Array:
    """Of closed surfaces (F, V, 3): (F,)."""
    a, b, c = (shapes[:, triangles[:, k]].astype(float) for k in range(3))
    out: Array = np.einsum("fti,fti->f", a, np.cross(b, c)) / 6
    return out
