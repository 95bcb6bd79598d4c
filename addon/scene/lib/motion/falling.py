# SPDX-License-Identifier: GPL-3.0-or-later
"""A fall onto a floor, computed by Blender's rigid bodies in a scene of its own and handed back as matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector
from numpy.typing import NDArray

from . import animation

Array = NDArray[Any]
_LEAD = 8
"""Frames before the fall. The body stands upright in the first six, and what the spring finds there, whenever it looks
first, is what it remembers as its rest; the body is then moved to where the fall begins, and let go with the speed of
the last two."""
_STEPS = 96
"""Steps of the solver a second. With more, Bullet brakes a body before it touches, and nothing ever bounces."""
_TRIES = 6
"""Starts that are tried, each a little lower."""
_MARGIN = 0.04
"""Metres that Bullet keeps between things; below this, bounces get lost. The floor lies lower by as much."""


@dataclass(frozen=True)
class Fall:
    """How it starts: `height` of the base over the floor in metres, `turn` XYZ in radians, `spin` XYZ in radians a
    second. `bounce` 0 to 1. `upright` is how strongly a spring rights the body, 0 to 1."""

    height: float
    turn: tuple[float, float, float]
    spin: tuple[float, float, float]
    bounce: float
    upright: float


def best(points: Array, fall: Fall, frames: int, tick: Callable[[float], None]) -> list[Matrix]:
    """As `simulate`, of several heights that differ by a hair the one that bounces most nearly as asked.

    Bullet loses more or less of a bounce by where within a step the body touches; the height decides where.
    """
    wanted = fall.bounce**2 * fall.height
    tries: list[tuple[float, list[Matrix]]] = []
    for number in range(_TRIES):
        start = replace(fall, height=fall.height * (1 - 0.006 * number))
        poses = simulate(points, start, frames, lambda done, n=number: tick((n + done) / _TRIES))  # type: ignore[misc]
        tries.append((abs(_rebound(np.array([pose.translation.z for pose in poses])) - wanted), poses))
    return min(tries, key=lambda item: item[0])[1]


def _rebound(z: Array) -> float:
    """How far the centre rises after its first dip, in metres."""
    turning = np.flatnonzero(np.diff(z) > 0)
    if not len(turning):
        return 0.0
    dip = turning[0]
    falls = np.flatnonzero(np.diff(z[dip:]) < 0)
    return float(z[dip : dip + falls[0] + 1].max() - z[dip]) if len(falls) else float(z[dip:].max() - z[dip])


def simulate(points: Array, fall: Fall, frames: int, tick: Callable[[float], None]) -> list[Matrix]:
    """World matrices of the body's centre, frame by frame, floor at z = 0.

    `points` (V, 3) are the body's, its centre the origin. Blender's solver is tuned for things of a metre, so that
    the fall happens at that size whatever the real one is; the caller scales the matrices' places back.
    """
    scene = bpy.data.scenes.new("galatea fall")
    made: list[bpy.types.ID] = []
    try:
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.rigidbody.world_add()
        world = scene.rigidbody_world
        world.collection = bpy.data.collections.new("galatea fall")
        world.constraints = bpy.data.collections.new("galatea springs")
        made += [world.collection, world.constraints]
        world.substeps_per_frame, world.solver_iterations = _STEPS // animation.FPS, 20
        last = frames + _LEAD
        scene.frame_start, scene.frame_end = 1, last
        world.point_cache.frame_start, world.point_cache.frame_end = 1, last
        scene.render.fps, scene.gravity = animation.FPS, (0, 0, -9.81)
        body = _body(scene, points, fall, made)
        floor = _floor(scene, made)
        if fall.upright > 0:
            _spring(scene, floor, body, fall.upright, made)
        out = []
        for frame in range(1, last + 1):
            scene.frame_set(frame)
            if frame <= _LEAD:
                continue
            depsgraph = scene.view_layers[0].depsgraph
            shape = body.evaluated_get(depsgraph) if depsgraph else body
            out.append(shape.matrix_world.copy())
            tick(frame / last)
        return out
    finally:
        _discard(scene, made)


def _body(scene: bpy.types.Scene, points: Array, fall: Fall, made: list[bpy.types.ID]) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("galatea hull")
    mesh.from_pydata(_hull(points), [], [])
    obj = bpy.data.objects.new("galatea hull", mesh)
    made += [obj, mesh]
    turn = Euler(fall.turn).to_matrix()
    low = min((turn @ Vector(p)).z for p in points[_extreme(points)])
    _lead_in(obj, fall, (0.0, 0.0, fall.height - low))
    _enter(scene, obj, scene.rigidbody_world.collection)
    rigid = obj.rigid_body
    rigid.type, rigid.collision_shape, rigid.mass = "ACTIVE", "CONVEX_HULL", 1.0
    rigid.use_margin, rigid.collision_margin = True, _MARGIN
    rigid.restitution, rigid.friction = fall.bounce, 0.6
    rigid.linear_damping, rigid.angular_damping = 0.03, 0.4
    for frame, held in ((1, True), (_LEAD, True), (_LEAD + 1, False)):
        rigid.kinematic = held
        rigid.keyframe_insert("kinematic", frame=frame)
    return obj


def _enter(scene: bpy.types.Scene, obj: bpy.types.Object, physics: bpy.types.Collection) -> None:
    """Into the scene, and only then into the physics: it reads where things are when it takes them in."""
    scene.collection.objects.link(obj)
    scene.frame_set(1)
    physics.objects.link(obj)


def _lead_in(obj: bpy.types.Object, fall: Fall, place: tuple[float, float, float]) -> None:
    """Key the frames before the fall: upright, then turned so that the spin carries it to `fall.turn`."""
    animation.new_action(obj, "galatea fall")
    frames = range(1, _LEAD + 1)
    step = np.array(fall.spin) / animation.FPS
    turns = np.array([np.array(fall.turn) + step * (f - _LEAD) if f > _LEAD - 2 else np.zeros(3) for f in frames])
    animation.set_keys(obj, "rotation_euler", list(frames), turns, interpolation="LINEAR")
    animation.set_keys(obj, "location", list(frames), np.tile(place, (_LEAD, 1)), interpolation="LINEAR")


def _floor(scene: bpy.types.Scene, made: list[bpy.types.ID]) -> bpy.types.Object:
    """A block, not a sheet: nothing falls through four metres of it in one step."""
    mesh = bpy.data.meshes.new("galatea ground")
    corners = [(x, y, z) for x in (-50, 50) for y in (-50, 50) for z in (-2, 2)]
    mesh.from_pydata(corners, [], [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    obj = bpy.data.objects.new("galatea ground", mesh)
    made += [obj, mesh]
    obj.location.z = -2 - _MARGIN
    _enter(scene, obj, scene.rigidbody_world.collection)
    rigid = obj.rigid_body
    rigid.type, rigid.collision_shape = "PASSIVE", "BOX"
    rigid.use_margin, rigid.collision_margin = True, 0.0
    rigid.restitution, rigid.friction = 1.0, 0.6
    return obj


def _spring(
    scene: bpy.types.Scene,
    floor: bpy.types.Object,
    body: bpy.types.Object,
    strength: float,
    made: list[bpy.types.ID],
) -> None:
    """Rights the body as the weight in a roly-poly toy does, and turns its face to the front again."""
    joint = bpy.data.objects.new("galatea spring", None)
    made.append(joint)
    joint.location = (0.0, 0.0, 1.0)
    _enter(scene, joint, scene.rigidbody_world.constraints)
    rule = joint.rigid_body_constraint
    rule.type, rule.object1, rule.object2 = "GENERIC_SPRING", floor, body
    rule.disable_collisions = False
    for axis in "xyz":
        setattr(rule, f"use_limit_lin_{axis}", False)
        setattr(rule, f"use_limit_ang_{axis}", False)
    for axis, stiff in (("x", 14.0), ("y", 14.0), ("z", 4.0)):
        setattr(rule, f"use_spring_ang_{axis}", True)
        setattr(rule, f"spring_stiffness_ang_{axis}", stiff * strength)
        setattr(rule, f"spring_damping_ang_{axis}", 0.35)


def _extreme(points: Array) -> NDArray[Any]:
    """Indices of the points that are outermost in many directions."""
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(2000, 3))
    out: NDArray[Any] = np.unique((points @ ways.T).argmax(axis=0))
    return out


def _hull(points: Array) -> list[tuple[float, float, float]]:
    return [tuple(p) for p in points[_extreme(points)]]


def _discard(scene: bpy.types.Scene, made: list[bpy.types.ID]) -> None:
    actions = [obj.animation_data.action for obj in made if isinstance(obj, bpy.types.Object) and obj.animation_data]
    bpy.data.scenes.remove(scene)
    bpy.data.batch_remove(made + actions)
