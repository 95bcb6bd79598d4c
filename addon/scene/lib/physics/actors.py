# SPDX-License-Identifier: GPL-3.0-or-later
"""From objects to bodies and back: what each part of each thing is to an engine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from .....backend.protocol import materials, props
from .....backend.protocol.errors import UserError
from .....backend.protocol.scene import SceneSpec
from . import forces, solids
from .bodies import Array, Body
from .thing import SHAPE, STILL, SUBSTANCE, Thing

FLOOR, WALL = "floor", "wall"
ROLE = "galatea_role"
"""As `work.ROLE`, which may not be read from here."""
_PLAIN, _UNKNOWN = "concrete", "pine"
_WIDE, _DEEP = 200.0, 4.0
"""Metres of the floor, a block, so that nothing falls through it."""
_GOLDEN = math.radians(137.5)
_PRIMITIVES = ("box", "sphere", "cylinder", "capsule")


@dataclass
class Actor:
    """A body and the object that shows it; `offset` is the body's origin in the frame of the object, scale taken out.

    `held`: it does not fall before an event lets it go.
    """

    body: Body
    object: bpy.types.Object | None = None
    thing: Thing | None = None
    number: int = 0
    offset: Array = None  # type: ignore[assignment]
    substance: materials.Substance | None = None
    volume: float = 0.0
    held: bool = False
    whole: int | None = None
    """The actor that it is a piece of."""

    @property
    def id(self) -> str:
        return self.thing.item.id if self.thing else ""


def placed_matrix(place: Array, turn: Quaternion, scale: Vector) -> Matrix:
    return Matrix.LocRotScale(place, turn, scale)


def pose_of(place: Array, turn: Quaternion) -> Array:
    out: Array = np.array([*place, *turn.normalized()], float)
    return out


def gather(spec: SceneSpec, things: Sequence[Thing], beat: Callable[[], None] = lambda: None) -> list[Actor]:
    """All that engines of rigid bodies know of: parts of things that are rigid, passive or animated, and the floor."""
    found = []
    cache: dict[tuple[str, str], solids.Solid] = {}
    for thing in things:
        if thing.item.type not in ("rigid_body", "passive", "animated"):
            continue
        for number, obj in enumerate(thing.parts):
            beat()
            if obj.type == "MESH" and len(obj.data.polygons):
                found.append(actor(spec, thing, number, cache, beat))
    _weigh(found)
    if spec.environment.floor:
        found.append(_floor(spec))
    found += [_wall(spec, obj) for obj in bpy.context.scene.objects if obj.get(ROLE) == WALL]
    return _rubbed(found)


def actor(
    spec: SceneSpec,
    thing: Thing,
    number: int,
    cache: dict[tuple[str, str], solids.Solid],
    beat: Callable[[], None],
) -> Actor:
    """One part where its object stands now."""
    obj = thing.parts[number]
    place, turn, scale = obj.matrix_world.decompose()
    shape = thing.item.shape if thing.item.shape != "auto" else str(obj.get(SHAPE, "hull"))
    key = (obj.data.name, f"{shape} {tuple(round(x, 6) for x in scale)}")
    if key not in cache:
        points, faces = solids.triangles(obj.data)
        cache[key] = solids.solid(points * np.array(scale), faces, split=shape == "compound", beat=beat)
    solid = cache[key]
    kind = _kind(thing, obj)
    if kind == "active" and shape == "mesh":  # Bullet cannot let a mesh fall on a mesh
        shape = "hull"
    if shape in ("compound", "hull") and solid.round and len(solid.pieces) < 2:
        shape = "sphere"
    if shape == "compound" and len(solid.pieces) == 1:
        shape = "hull"
    low, high = solid.points.min(axis=0), solid.points.max(axis=0)
    offset = (low + high) / 2 if shape in _PRIMITIVES else solid.centre
    pose = pose_of(np.array(place) + np.array(turn.to_matrix()) @ offset, turn)
    substance = _substance(thing, obj)
    sheet = solid.area * substance.areal if substance.areal else 0.0
    mass = sheet or solid.volume * substance.density
    body = Body(
        f"{thing.item.id}.{thing.index}.{number}", kind, shape, solid.points - offset, solid.faces, pose,
        motion=_motion(thing, pose, spread=_about(spec, thing)) if kind == "active" else np.zeros(6),
        mass=max(mass, 1e-6),
        pieces=tuple(each - offset for each in solid.pieces) if shape == "compound" else (),
    )  # fmt: skip
    return Actor(body, obj, thing, number, offset, substance, mass / substance.density)


def _kind(thing: Thing, obj: bpy.types.Object) -> str:
    if thing.item.type == "passive" or obj.get(STILL):
        return "still"
    return "moved" if thing.item.type == "animated" else "active"


def _substance(thing: Thing, obj: bpy.types.Object) -> materials.Substance:
    own = str(obj.get(SUBSTANCE, ""))
    known = props.things().get(props.named().get(thing.item.name.lower().replace(" ", "_"), ""))
    usual = known.material if known else _UNKNOWN
    material = thing.item.material
    try:
        return materials.resolved(replace(material, name=""), own) if own else materials.resolved(material, usual)
    except UserError:
        return materials.substance(_UNKNOWN)


def _about(spec: SceneSpec, thing: Thing) -> bool:
    """Several of a kind between walls, or where nothing falls, that go to nothing: each has a way of its own."""
    free = spec.environment.walls or not any(spec.environment.gravity)
    return free and thing.item.count > 1 and thing.item.relation.kind == "none"


def _motion(thing: Thing, pose: Array, *, spread: bool) -> Array:
    """All parts of a thing move as one: its velocity is that of the main part, about which it spins."""
    spin = np.radians(np.array(thing.item.angular_velocity, float))
    speed = np.array(thing.item.initial_velocity, float)
    if spread:
        c, s = math.cos(_GOLDEN * thing.index), math.sin(_GOLDEN * thing.index)
        speed[:2] = c * speed[0] - s * speed[1], s * speed[0] + c * speed[1]
    away = (
        pose[:3] - np.array(thing.main.matrix_world.translation) if spin.any() and len(thing.parts) > 1 else np.zeros(3)
    )
    return np.concatenate([speed + np.cross(spin, away), spin])


def _weigh(found: list[Actor]) -> None:
    """What a thing shall weigh is shared by its parts that move; what is filled with gas weighs what it does."""
    for each in found:
        assert each.thing
        item = each.thing.item
        parts = [other for other in found if other.thing is each.thing and other.body.kind == "active"]
        if item.mass is not None and each in parts:
            share = each.volume / max(sum(other.volume for other in parts), 1e-12)
            each.body = replace(each.body, mass=max(item.mass * share, 1e-6))
        elif props.named().get(item.name) in forces.LIGHT and item.material.density is None:
            each.body = replace(each.body, mass=each.volume * forces.LIGHT[props.named()[item.name]])


def _floor(spec: SceneSpec) -> Actor:
    points, faces = block((_WIDE, _WIDE, _DEEP))
    substance = materials.substance(spec.environment.floor_material or _PLAIN)
    body = Body(FLOOR, "still", "box", points, faces, np.array([0, 0, -_DEEP / 2, 1, 0, 0, 0.0]))
    return Actor(body, offset=np.zeros(3), substance=substance)


def _wall(spec: SceneSpec, obj: bpy.types.Object) -> Actor:
    """One of those around the scene, which `build` makes."""
    place, turn, scale = obj.matrix_world.decompose()
    points, faces = solids.triangles(obj.data)
    points = points * np.array(scale)
    offset = (points.min(axis=0) + points.max(axis=0)) / 2
    pose = pose_of(np.array(place) + np.array(turn.to_matrix()) @ offset, turn)
    substance = materials.substance(spec.environment.floor_material or _PLAIN)
    return Actor(Body(obj.name, "still", "box", points - offset, faces, pose), offset=offset, substance=substance)


def block(size: Sequence[float]) -> tuple[Array, Array]:
    """Points (8, 3) and triangles (12, 3) of a box about the origin."""
    points = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.array(size) / 2
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6),
             (0, 6, 4), (1, 5, 7), (1, 7, 3)]  # fmt: skip
    return points, np.array(faces, np.int32)


def _rubbed(found: list[Actor]) -> list[Actor]:
    """Friction and restitution so that products are those of each pair, as near as can be."""
    moving: dict[str, materials.Substance] = {}
    still: dict[str, materials.Substance] = {}
    ids = []
    for each in found:
        assert each.substance
        name = f"{each.substance.name} {each.substance.friction} {each.substance.restitution}"
        side = moving if each.body.kind == "active" else still
        ids.append(("m " if side is moving else "s ") + name)
        side[ids[-1]] = each.substance
    bounce: Mapping[str, float] = materials.bullet_restitutions(moving, still) if moving else {}
    for each, id in zip(found, ids, strict=True):
        assert each.substance
        friction = materials.bullet_friction(each.substance)
        each.body = replace(each.body, friction=friction, restitution=float(bounce.get(id, 0.5)))
    return found


def shown(each: Actor, pose: Array) -> tuple[Array, Quaternion]:
    """Place (3,) and turn of the object whose body has this pose."""
    turn = Quaternion(pose[3:])
    return pose[:3] - np.array(turn.to_matrix()) @ each.offset, turn
