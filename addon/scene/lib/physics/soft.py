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
from . import caches, clock, distance, draping, fluid, forces, lattice, recording
from .draping import Cloth
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_CELLS, _STEP, _TRIES = 7, 1 / 1200, 2
"""Cells along the longest side; seconds of a step, 2.5 times as long where it is soft; runs, each with half of it."""
_KEEP = 0.95
"""Share of its volume that a body has at the end."""


def setup(work: Work, spec: SceneSpec, things: Sequence[Thing]) -> None:
    """Nothing is left in the file for soft bodies: they are read from their objects when they are solved."""


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Solve each soft body and leave shape keys; returns figures."""
    bodies = [draping.ready(each) for each in things if each.item.type == "soft_body" and each.main.type == "MESH"]
    if not bodies:
        return {}
    least, end, squash, runs = 1.0, 1.0, 0.0, 1
    for number, body in enumerate(bodies):
        caches.forget(body.obj)
        for run in range(_TRIES):
            told = lambda done, n=number, r=run: beat((n + (r + done) / _TRIES) / len(bodies))  # noqa: E731
            shapes = _solve(spec, things, body, _STEP / 2**run, told)
            kept = _kept(shapes, body)
            runs = max(runs, run + 1)
            if kept[1] >= _KEEP:
                break
        least, end = min(least, kept[0]), min(end, kept[1])
        tall = np.ptp(shapes[:, :, 2], axis=1)
        squash = max(squash, 1 - float(tall.min() / max(tall[0], 1e-9)))
        place = np.linalg.inv(np.array(body.obj.matrix_world))
        caches.keep_shapes(body.obj, recording.in_world(shapes, place).astype(np.float32))
    if end < _KEEP:
        work.report.warn(f"A soft body ends with {max(0.0, end):.0%} of its volume. Make its material stiffer.")
    beat(1.0)
    return {
        "soft_bodies": len(bodies), "soft_runs": runs, "soft_volume_least": round(least, 4),
        "soft_volume_end": round(end, 4), "soft_squash": round(squash, 4),
    }  # fmt: skip


def _solve(spec: SceneSpec, things: Sequence[Thing], body: Cloth, step: float, beat: Callable[[float], None]) -> Array:
    """World shapes (F, V, 3)."""
    last, lasts = clock.last_frame(spec), clock.frame_time(spec)
    found, medium = forces.fields(things), forces.DENSITY[spec.environment.medium]
    made = _lattice(body)
    made.speeds += np.array(body.thing.item.initial_velocity, float)
    moving = fluid.near(things, [body.thing], made.side, last, lambda: beat(0.0))
    gravity = np.array(spec.environment.gravity) * (1 - min(1.0, medium / max(body.row.density, 1.0)))
    count = max(1, int(np.ceil(lasts / min(made.longest(step), 2.5 * step))))
    drag = 0.02 + 0.002 * medium
    shapes = []
    for frame in range(last):
        shapes.append(_out(made.points, moving, frame, lasts, spec.environment.floor))
        for number in range(count):
            solids = fluid.solids_at(moving, frame + number / count, lasts, floor=spec.environment.floor)
            pull = forces.pull(spec, found, frame * lasts, made.nodes) - drag * made.speeds
            made.step(lasts / count, gravity, pull, solids, _damping(body))
        beat(frame / last)
    return np.array(shapes)


def _damping(body: Cloth) -> float:
    """Seconds of a cell's stiffness that go into its damping: foam swallows what jelly gives back."""
    return 0.0015 if body.row.restitution < 0.3 and body.row.density > 500 else 0.004


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
    elastic = (row.young_modulus or 2e4, row.poisson_ratio if row.poisson_ratio is not None else 0.3, row.friction)
    whole = abs(float(volume(points[None], triangles)[0]))
    return lattice.build(points, whole, row.density, filled, body.pins, side, elastic)


def _kept(shapes: Array, body: Cloth) -> tuple[float, float]:
    """Least volume and volume at the end, as shares of the first; (0, 0) where it exploded."""
    if not np.isfinite(shapes).all():
        return 0.0, 0.0
    triangles, _ = meshes.drawn(body.obj.data)
    volumes = volume(shapes, triangles)
    shares = volumes / volumes[0]
    return (float(shares.min()), float(shares[-1])) if shares.max() < 1.5 else (0.0, 0.0)


def volume(shapes: Array, triangles: Array) -> Array:
    """Of closed surfaces (F, V, 3): (F,)."""
    a, b, c = (shapes[:, triangles[:, k]].astype(float) for k in range(3))
    out: Array = np.einsum("fti,fti->f", a, np.cross(b, c)) / 6
    return out
