# SPDX-License-Identifier: GPL-3.0-or-later
"""One cloth made ready for Blender's solver: what it weighs, how stiff it is, what holds it and what it can touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bmesh
import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from .....backend.protocol import materials
from .....backend.protocol import props as known
from .....backend.protocol.materials import Substance
from .....backend.protocol.scene import Item, SceneSpec
from ..mesh import meshes
from . import clock, forces
from .recording import TIME, in_world
from .thing import Thing

Array = NDArray[Any]
MODIFIER, PINS, FLOOR = "Galatea cloth", "pinned", "Galatea floor"
_FEWEST = 700
"""Vertices: a coarser cloth is cut finer, for it could not fold."""
_LEAST = 0.15
"""kg/m² below which Blender's solver drags (measured: 0.01 falls at half of g): lighter cloth is computed heavier, and
all that pulls at it as much stronger."""
_FLUTTER = 0.12
"""Of its weight, the wind's pressure on a cloth that lies; gusts press up to three times as much."""
_USUAL = {"flag": "left", "banner": "left", "curtain": "top", "drape": "top"}


@dataclass(frozen=True)
class Cloth:
    """`area` in m², `edge` the mean length of its edges in metres."""

    thing: Thing
    obj: bpy.types.Object
    row: Substance
    area: float
    edge: float
    pins: Array


def substance(item: Item) -> Substance:
    """What it is made of, with what the document says of it."""
    name = known.named().get("_".join(item.name.lower().split()))
    return materials.resolved(item.material, known.things()[name].material if name else "cotton")


def ready(thing: Thing) -> Cloth:
    """Its mesh fine enough to fold, its pins found."""
    obj = thing.main
    _refine(obj.data)
    points = in_world(meshes.vertices_of(obj.data), obj.matrix_world)
    pins = pinned(points, held(thing.item))
    group = obj.vertex_groups.get(PINS) or obj.vertex_groups.new(name=PINS)
    group.add([int(k) for k in pins], 1.0, "REPLACE")
    triangles, _ = meshes.drawn(obj.data)
    edges = np.empty(2 * len(obj.data.edges), np.int32)
    obj.data.edges.foreach_get("vertices", edges)
    ends = points[edges.reshape(-1, 2)]
    edge = float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).mean())
    row = materials.as_sheet(substance(thing.item))
    return Cloth(thing, obj, row, float(area(points[None], triangles)[0]), edge, pins)


def held(item: Item) -> str:
    """What holds it; flags and curtains are held where flags and curtains are, if nothing is said."""
    lies = item.relation.kind in ("on", "over", "above", "in")
    if item.pinned != "none" or lies:
        return item.pinned
    return "top" if item.relation.kind == "hanging_from" else _USUAL.get(item.name.lower(), "none")


def pinned(points: Array, where: str) -> Array:
    """Numbers of the vertices that are held, of world points (V, 3)."""
    low, high = points.min(axis=0), points.max(axis=0)
    near = 0.004 * float((high - low).max()) + 1e-6
    if where in ("left", "right", "ends"):
        left, right = points[:, 0] < low[0] + near, points[:, 0] > high[0] - near
        return np.flatnonzero({"left": left, "right": right, "ends": left | right}[where])
    upright = high[2] - low[2] > 0.2 * float((high - low).max())
    axis = 2 if upright else 1
    if where == "top":
        return np.flatnonzero(points[:, axis] > high[axis] - near)
    if where == "corners":
        wide = 0 if high[0] - low[0] > 1e-3 * (high - low).max() else 1
        a, b = points[:, wide], points[:, axis if axis != wide else 2]
        found = {int(np.argmax(x * a + y * b)) for x in (-1, 1) for y in ((1,) if upright else (-1, 1))}
        return np.array(sorted(found), int)
    return np.zeros(0, int)


def area(shapes: Array, triangles: Array) -> Array:
    """Of each of the shapes (F, V, 3), (F,) in the square of their unit."""
    a, b, c = (shapes[:, triangles[:, k]].astype(float) for k in range(3))
    out: Array = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum(axis=1)
    return out


def _refine(mesh: bpy.types.Mesh) -> None:
    if len(mesh.vertices) >= _FEWEST:
        return
    work = bmesh.new()
    work.from_mesh(mesh)
    while len(work.verts) < _FEWEST and len(work.faces):
        bmesh.ops.subdivide_edges(work, edges=work.edges[:], cuts=1, use_grid_fill=True)
    work.to_mesh(mesh)
    work.free()


def solver(cloth: Cloth, spec: SceneSpec, finer: int) -> None:
    """Give it Blender's cloth modifier; each `finer` doubles steps and stretch stiffness."""
    modifier = cloth.obj.modifiers.get(MODIFIER) or cloth.obj.modifiers.new(MODIFIER, "CLOTH")
    asked, hits, row = modifier.settings, modifier.collision_settings, cloth.row
    count, areal = len(cloth.obj.data.vertices), max(row.areal or 0.2, 1e-3)
    scale = max(1.0, _LEAST / areal)
    lasts = clock.frame_time(spec)
    modifier.point_cache.frame_start, modifier.point_cache.frame_end = 1, clock.last_frame(spec)
    asked.quality, asked.time_scale = steps(lasts, finer)
    asked.mass = areal * scale
    stretch = max(_taut(spec), (row.stretch_stiffness or 15) * scale) * 2**finer
    asked.tension_stiffness = asked.compression_stiffness = stretch
    asked.shear_stiffness = 0.4 * stretch
    asked.bending_model, asked.bending_stiffness = "ANGULAR", (row.bending_stiffness or 0.5) * scale
    asked.tension_damping = asked.compression_damping = min(25.0, stretch * 0.3)
    asked.shear_damping, asked.bending_damping = min(25.0, stretch * 0.1), 0.5
    asked.air_damping = min(10.0, _drag(spec, areal, _lee(cloth, spec, areal)) * areal * scale)
    asked.effector_weights.gravity = _lift(spec, row)
    for kind in ("wind", "turbulence", "force", "vortex"):
        part = _lee(cloth, spec, areal) if kind in ("wind", "turbulence") else 1.0
        setattr(asked.effector_weights, kind, part * forces.weight(count, cloth.area, scale))
    asked.vertex_group_mass, asked.pin_stiffness = PINS, 50.0
    hits.collision_quality = min(12, 4 + 2 * finer)
    hits.distance_min = gap(cloth)
    hits.use_self_collision, hits.self_distance_min = True, max(0.001, min(0.012, 0.35 * _finest(cloth)))
    hits.friction = hits.self_friction = 40.0 * row.friction
    hits.impulse_clamp = hits.self_impulse_clamp = 0.0


def _lee(cloth: Cloth, spec: SceneSpec, areal: float) -> float:
    """Share of the wind that a cloth feels. What lies on something lies in its lee: no more than a part of its weight,
    so that it flutters and stays; Blender's wind knows no lee and would take silk away at 1 m/s."""
    lies = cloth.thing.item.relation.kind in ("on", "over", "above", "in")
    if len(cloth.pins) or not lies:
        return 1.0
    lasts = clock.frame_time(spec) * clock.last_frame(spec)
    fast = max(float(np.linalg.norm(forces.wind(spec, [], lasts * k / 20))) for k in range(21))
    weighs = areal * float(np.linalg.norm(spec.environment.gravity))
    return min(1.0, _FLUTTER * weighs / max(0.5 * forces.DENSITY["air"] * fast**2, 1e-9))


def steps(lasts: float, finer: int) -> tuple[int, float]:
    """Steps in a frame of `lasts` seconds and Blender's time scale for it.

    Blender adds up time_scale / steps in 32 bits until it is there, and rounding may cost it a step more: measured, a
    cloth then falls up to 27 % too fast. A power of two of steps and a scale of ten bits add up exactly.
    """
    return min(64, (8 if lasts <= 1 / 20 else 16) * 2**finer), round(TIME * lasts * 1024) / 1024


def _taut(spec: SceneSpec) -> float:
    """The stretch stiffness that keeps a flag's area in such a wind (measured: 10 in still air, 20 at 8 m/s)."""
    return 10.0 * (1.0 + float(np.linalg.norm(spec.environment.wind)) / 8.0)


def _finest(cloth: Cloth) -> float:
    """Metres of its short edges: folds that it is made with lie as near as that, and would be driven apart."""
    points = in_world(meshes.vertices_of(cloth.obj.data), cloth.obj.matrix_world)
    ends = points[np.array([edge.vertices[:] for edge in cloth.obj.data.edges])]
    return float(np.percentile(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1), 2))


def gap(cloth: Cloth) -> float:
    """How far it stays from what it lies on, in metres."""
    return max(0.001, min(0.008, 0.25 * cloth.edge))


def _drag(spec: SceneSpec, areal: float, lee: float) -> float:
    """Blender's air damping by kg/m²: the part of ½ρv² that is linear about the speed of the stream, 1 m/s at least,
    over the units of Blender's cloth (a frame of 1/31.6 s, 0.01 N s/m)."""
    speed = max(1.0, lee * float(np.linalg.norm(spec.environment.wind)))
    return 100 * 0.5 * forces.DENSITY[spec.environment.medium] * speed / (TIME * areal)


def _lift(spec: SceneSpec, row: Substance) -> float:
    """Share of its weight that it has in the medium: the density of a fabric's fibre is about 1300 kg/m³."""
    return max(0.0, 1.0 - forces.DENSITY[spec.environment.medium] / max(1300.0, row.density))


@contextmanager
def colliders(spec: SceneSpec, things: Sequence[Thing], cloths: Sequence[Cloth]) -> Iterator[list[bpy.types.Object]]:
    """All that the cloths can touch takes part in collisions, as long as it lasts; a floor that is thick too."""
    others = [
        part for each in things if each.item.type in ("rigid_body", "passive", "animated", "soft_body")
        for part in each.parts if part.type == "MESH" and part.data.polygons
    ]  # fmt: skip
    floor = _floor() if spec.environment.floor else None
    thick = min([0.01, *(0.2 * each.edge for each in cloths)])
    sets = []
    for obj in others + ([floor] if floor else []):
        if not any(each.type == "COLLISION" for each in obj.modifiers):
            obj.modifiers.new("Galatea collision", "COLLISION")
        obj.collision.thickness_outer, obj.collision.thickness_inner = max(0.001, thick), 0.05
        obj.collision.cloth_friction, obj.collision.damping = 25.0, 0.6
        obj.collision.use_culling = obj == floor
    try:
        for cloth in cloths:
            sets.append(_touched(cloth, others, floor))
        yield others
    finally:
        for each in sets:
            bpy.data.collections.remove(each)
        for obj in others:
            for modifier in [m for m in obj.modifiers if m.name.startswith("Galatea collision")]:
                obj.modifiers.remove(modifier)
        if floor:
            bpy.data.meshes.remove(floor.data)


def _floor() -> bpy.types.Object:
    """A wide box whose top is height 0; faces small enough that nothing slips between two."""
    mesh = bpy.data.meshes.new(FLOOR)
    work = bmesh.new()
    bmesh.ops.create_grid(work, x_segments=8, y_segments=8, size=20.0)
    work.to_mesh(mesh)
    work.free()
    obj = bpy.data.objects.new(FLOOR, mesh)
    obj.hide_render = True
    bpy.context.scene.collection.objects.link(obj)
    return obj


def _touched(cloth: Cloth, others: list[bpy.types.Object], floor: bpy.types.Object | None) -> bpy.types.Collection:
    """Everything but what its pins are fixed to, which it could only tremble in."""
    points = in_world(meshes.vertices_of(cloth.obj.data), cloth.obj.matrix_world)[cloth.pins]
    held_by = bpy.data.collections.new("Galatea touched")
    for obj in [*others, *([floor] if floor else [])]:
        if not (len(points) and _near(obj, points, 0.03)):
            held_by.objects.link(obj)
    modifier = cloth.obj.modifiers.get(MODIFIER)
    if modifier:
        modifier.collision_settings.collection = held_by
    return held_by


def _near(obj: bpy.types.Object, points: Array, far: float) -> bool:
    triangles, _ = meshes.drawn(obj.data)
    own = in_world(meshes.vertices_of(obj.data), obj.matrix_world)
    tree = BVHTree.FromPolygons(own.tolist(), triangles.tolist())
    return any(tree.find_nearest(Vector(point), far)[0] is not None for point in points)
