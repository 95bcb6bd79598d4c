# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth of a scene in words: Blender's solver, its result proved and kept as shape keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from ..mesh import meshes
from . import caches, clock, draping, forces, recording
from .draping import Cloth
from .enclosing import Solid, freed
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_TRIES, _STRETCH, _SANE = 3, 0.03, 1.5
"""Runs, each with twice the steps; change of area that is kept; change of it that is an explosion."""
_DEEP = 0.004
"""Metres in a solid beyond which a finer run is tried before vertices are pushed out."""


@dataclass(frozen=True)
class Proof:
    """`stretch`: the largest change of area, as a share; `caught`: vertices in solids, `deepest` of them in metres."""

    stretch: float
    caught: int
    deepest: float

    @property
    def fine(self) -> bool:
        return self.stretch <= _STRETCH and self.deepest <= _DEEP


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Solve all cloths of the scene together and leave shape keys; returns figures."""
    cloths = [draping.ready(each) for each in things if each.item.type == "cloth" and each.main.type == "MESH"]
    if not cloths:
        return {}
    best: tuple[Proof, dict[str, Array]] | None = None
    for finer in range(_TRIES):
        told = lambda done, n=finer: beat((n + 0.8 * done) / _TRIES)  # noqa: E731
        tape, solids = _run(spec, things, cloths, finer, told)
        proving = lambda n=finer: beat((n + 0.9) / _TRIES)  # noqa: E731
        shapes, proof = _proved(spec, tape, cloths, solids, proving)
        if best is None or (proof.stretch, proof.deepest) < (best[0].stretch, best[0].deepest):
            best = proof, shapes
        if proof.fine:
            break
    assert best
    proof, shapes = best
    for cloth in cloths:
        caches.keep_shapes(cloth.obj, shapes[cloth.obj.name])
    _tell(work, proof)
    beat(1.0)
    return {
        "cloths": len(cloths), "cloth_area_change": round(proof.stretch, 4), "cloth_runs": finer + 1,
        "cloth_pushed_out": proof.caught, "cloth_deepest_mm": round(1000 * proof.deepest, 2),
        "cloth_moved_m": round(max(float(np.ptp(each, axis=0).max()) for each in shapes.values()), 4),
    }  # fmt: skip


def _tell(work: Work, proof: Proof) -> None:
    if proof.stretch > _STRETCH:
        work.report.warn(f"The cloth stretches by {proof.stretch:.0%}. Make its material stiffer, or the wind weaker.")
    if proof.deepest > _DEEP:
        work.report.warn(f"The cloth was {100 * proof.deepest:.1f} cm deep in an object in places; it was pushed out.")


def _run(
    spec: SceneSpec, things: Sequence[Thing], cloths: list[Cloth], finer: int, beat: Callable[[float], None]
) -> tuple[recording.Tape, list[Solid]]:
    for cloth in cloths:
        caches.forget(cloth.obj)
        draping.solver(cloth, spec, finer)
    try:
        bpy.context.scene.frame_set(1)
        with forces.laid(spec, things), draping.colliders(spec, things, cloths) as others:
            rigid = [obj for obj in others if not any(m.type in ("CLOTH", "SOFT_BODY") for m in obj.modifiers)]
            solids = [solid for obj in rigid if not obj.data.shape_keys and (solid := Solid.of(obj))]
            watched = [bpy.data.objects[solid.name] for solid in solids]
            objects = [cloth.obj for cloth in cloths]
            return recording.record(objects, watched, clock.last_frame(spec), beat), solids
    finally:
        for cloth in cloths:
            cloth.obj.modifiers.remove(cloth.obj.modifiers[draping.MODIFIER])


def _proved(
    spec: SceneSpec, tape: recording.Tape, cloths: list[Cloth], solids: list[Solid], beat: Callable[[], None]
) -> tuple[dict[str, Array], Proof]:
    """The shapes with no vertex in a solid or below the floor, and how they were."""
    stretch, caught, deepest, out = 0.0, 0, 0.0, {}
    for cloth in cloths:
        shapes = tape.shapes[cloth.obj.name]
        triangles, _ = meshes.drawn(cloth.obj.data)
        stretch = max(stretch, _stretch(shapes, triangles))
        if stretch > _SANE or not np.isfinite(stretch):
            return {cloth.obj.name: tape.shapes[cloth.obj.name] for cloth in cloths}, Proof(stretch, 0, 1e9)
        to_world = np.array(cloth.obj.matrix_world)
        back = np.linalg.inv(to_world)
        freed_shapes = []
        free = np.setdiff1d(np.arange(shapes.shape[1]), cloth.pins)
        for frame, shape in enumerate(shapes):
            beat()
            points, count, depth = out_of_all(
                recording.in_world(shape, to_world), free, tape, solids, frame, draping.gap(cloth), spec
            )
            caught, deepest = caught + count, max(deepest, depth)
            freed_shapes.append(recording.in_world(points, back))
        out[cloth.obj.name] = np.array(freed_shapes, np.float32)
    return out, Proof(stretch, caught, deepest)


def _stretch(shapes: Array, triangles: Array) -> float:
    if not np.isfinite(shapes).all():
        return float("inf")
    areas = draping.area(shapes, triangles)
    return float(np.abs(areas / areas[0] - 1).max())


def out_of_all(
    points: Array, free: Array, tape: recording.Tape, solids: list[Solid], frame: int, gap: float, spec: SceneSpec
) -> tuple[Array, int, float]:
    """World points (V, 3) of a frame with those of `free` out of all solids; how many were in, how deep."""
    caught, deepest = 0, 0.0
    points = points.astype(float)
    for solid in solids:
        if solid.name == draping.FLOOR:
            continue
        points[free], count, depth = freed(points[free], solid, tape.places[solid.name][frame], 0.5 * gap)
        caught, deepest = caught + count, max(deepest, depth)
    if spec.environment.floor:
        below = free[points[free, 2] < 0]
        if len(below):
            caught, deepest = caught + len(below), max(deepest, float(-points[below, 2].min()))
            points[below, 2] = 0.5 * gap
    return points, caught, deepest
