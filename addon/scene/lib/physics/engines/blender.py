# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's rigid bodies (Bullet) as an engine: a scene of its own, one frame of it for each step of the solver.

So places are known after each step, and since Bullet moves a body by its new velocity times the step, velocities too.
Bullet is tuned for things of a metre: lengths are multiplied so that the smallest body that moves is about that large.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Quaternion

from ..bodies import Array, Body, Joint, State, World
from ..pulling import Pulls
from . import bullet_joints
from .bounce import Bounces
from .handles import Handles
from .knocks import Knocks
from .pushes import Pushes

_REST, _LAST = 2, 4
"""Frames before the first step: joints are made in the rest poses of frames 1 and 2; on frames 3 and 4 each body is
moved as it was moving, which is how Bullet learns of velocities; on the next it is let go."""
_SHAPES = {"box": "BOX", "sphere": "SPHERE", "cylinder": "CYLINDER", "capsule": "CAPSULE", "cone": "CONVEX_HULL",
           "hull": "CONVEX_HULL", "mesh": "MESH", "compound": "COMPOUND"}  # fmt: skip
_LONGEST = 1_000_000
"""Frames that a point cache takes."""
_ACROSS, _LARGEST = 0.3, 10.0
"""Metres across that the smallest moving body is given, and how much larger all may get: with more, a hull of a
centimetre sinks into a floor of some hundred metres, for Bullet counts in single precision."""


def solve(bodies: list[Body], joints: list[Joint], world: World) -> Iterator[State]:
    """As `bodies.Solve` says."""
    scene = bpy.data.scenes.new("galatea physics")
    stage = _Stage(scene, bodies, world)
    try:
        stage.build(joints)
        yield from stage.steps()
    finally:
        stage.discard()


class _Stage:
    def __init__(self, scene: bpy.types.Scene, bodies: list[Body], world: World) -> None:
        self.scene, self.bodies, self.world = scene, bodies, world
        sizes = [float(np.linalg.norm(b.size)) for b in bodies if b.kind == "active"]
        self.scale = float(np.clip(_ACROSS / max(min(sizes, default=1.0), 1e-4), 0.05, _LARGEST))
        self.objects: list[bpy.types.Object] = []
        self.made: list[bpy.types.ID] = []
        self.pushes: Pushes | None = None

    def build(self, joints: list[Joint]) -> None:
        scene = self.scene
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            bpy.ops.rigidbody.world_add()
        world = scene.rigidbody_world
        world.collection = bpy.data.collections.new("galatea bodies")
        world.constraints = bpy.data.collections.new("galatea joints")
        self.made += [world.collection, world.constraints]
        rate = 1.0 / self.world.step
        scene.render.fps, scene.render.fps_base = 1000, 1000 / rate
        world.substeps_per_frame, world.solver_iterations = 1, self.world.iterations
        scene.frame_start, scene.frame_end = 1, _LONGEST
        world.point_cache.frame_start, world.point_cache.frame_end = 1, _LONGEST
        scene.gravity = self.scale * self.world.gravity
        scene.frame_set(1)
        for body in self.bodies:
            self._add(body)
        self.knocks = Knocks(self.bodies, self.world)
        self.pulls = Pulls(self.bodies, joints, self.world.step)
        self.handles = Handles(self.bodies, self.pulls, self.scale)
        self.handles.build(scene, self.objects, self.made)
        active = [k for k, body in enumerate(self.bodies) if body.kind == "active"]
        if self.world.force or self.knocks.balls or self.pulls.joints:
            active += [len(self.bodies) + k for k in range(len(self.handles.objects))]
            self.pushes = Pushes(self.scene, active, self.scale, self.made)
        bullet_joints.add(scene, self.bodies, self.objects, joints, self.scale, self.made)

    def _add(self, body: Body) -> None:
        mesh = bpy.data.meshes.new(body.name)
        mesh.from_pydata((self.scale * body.points).tolist(), [], body.faces.tolist())
        obj = bpy.data.objects.new(body.name, mesh)
        self.made += [obj, mesh]
        obj.rotation_mode = "QUATERNION"
        self._show(obj, body.pose if body.rest is None else body.rest)
        self.scene.collection.objects.link(obj)
        self.scene.rigidbody_world.collection.objects.link(obj)
        self.objects.append(obj)
        rigid = obj.rigid_body
        rigid.type = "ACTIVE" if body.kind == "active" else "PASSIVE"
        rigid.collision_shape = _SHAPES[body.shape]
        if body.shape == "compound":
            self._pieces(obj, body)
        rigid.mesh_source = "BASE"
        rigid.use_margin, rigid.collision_margin = True, 0.0 if body.shape != "mesh" else 0.004
        rigid.friction, rigid.restitution = body.friction, body.restitution
        rigid.linear_damping, rigid.angular_damping = body.linear_damping, body.angular_damping
        rigid.use_deactivation = False
        if body.kind == "active":
            rigid.mass = max(body.mass, 1e-3)
        rigid.kinematic = body.kind != "still"

    def _pieces(self, obj: bpy.types.Object, body: Body) -> None:
        for points in body.pieces:
            mesh = bpy.data.meshes.new(obj.name)
            mesh.from_pydata((self.scale * points).tolist(), [], [])
            piece = bpy.data.objects.new(obj.name, mesh)
            self.made += [piece, mesh]
            piece.parent = obj
            self.scene.collection.objects.link(piece)
            self.scene.rigidbody_world.collection.objects.link(piece)
            rigid = piece.rigid_body
            rigid.collision_shape, rigid.use_margin, rigid.collision_margin = "CONVEX_HULL", True, 0.0
            rigid.mesh_source = "BASE"  # the evaluated mesh may be made at the same time by another thread

    def _show(self, obj: bpy.types.Object, pose: Array) -> None:
        obj.location, obj.rotation_quaternion = self.scale * pose[:3], pose[3:]

    def steps(self) -> Iterator[State]:
        self._lead_in()
        poses = np.array([body.pose for body in self.bodies], float).reshape(-1, 7)
        state = State(poses, np.array([body.motion for body in self.bodies], float).reshape(-1, 6))
        yield state
        bounces, led, speeds = Bounces(self.bodies, self.world), dict[int, Array](), dict[int, Array]()
        moved = [k for k, body in enumerate(self.bodies) if body.kind == "moved"]
        for number in itertools.count(1):
            now = self.world.start + number * self.world.step
            for k in moved:
                path = self.bodies[k].path
                assert path
                self._show(self.objects[k], path(now))
            for k, ways in led.items():
                self._show(self.objects[k], ways[0])
            if self.pushes:
                self.pushes.push(self._places(), self._force(now - self.world.step, state))
            self.scene.frame_set(_LAST + number)
            poses = self._poses()
            before, state = state, State(poses, motions(state.poses, poses, self.world.step))
            for k, ways in led.items():  # on the first of the two steps it was also put where it belongs
                state.motions[k] = speeds[k] if len(ways) > 1 else state.motions[k]
            led = {k: ways[1:] for k, ways in led.items()}
            for k in [k for k, ways in led.items() if not len(ways)]:
                self.objects[k].rigid_body.kinematic = False
                del led[k]
            for k, ways in bounces.after(before, state).items():
                if k not in led:
                    self.objects[k].rigid_body.kinematic = True
                    led[k] = ways
                    speeds[k] = motions(ways[:1], ways[1:], self.world.step)[0]
            yield state

    def _force(self, time: float, state: State) -> Array:
        """Newtons (B + H, 3) on all bodies and handles for the step after a time."""
        force, handles = self.handles.share(self.pulls.forces(state))
        if self.world.force:
            force = force + self.world.force(time, state)
        knock = self.knocks.force(state)
        return np.concatenate([force if knock is None else force + knock, handles])

    def _lead_in(self) -> None:
        """Frames 1 and 2 in the rest poses, then one step before the start, the start itself, and all is let go."""
        for frame in range(1, _LAST + 1):
            for obj, body in zip(self.objects, self.bodies, strict=True):
                if frame > _REST:
                    self._show(obj, _earlier(body, self.world) if frame < _LAST else body.pose)
            self.handles.follow(self.objects)
            self.scene.frame_set(frame)
        for obj, body in zip(self.objects, self.bodies, strict=True):
            if body.kind == "active":
                obj.rigid_body.kinematic = False
        for obj in self.handles.objects:
            obj.rigid_body.kinematic = False

    def _places(self) -> Array:
        """Of bodies and handles, now (B + H, 7)."""
        return np.concatenate([self._poses(), self._poses(self.handles.objects)])

    def _poses(self, objects: list[bpy.types.Object] | None = None) -> Array:
        depsgraph = self.scene.view_layers[0].depsgraph
        assert depsgraph
        objects = self.objects if objects is None else objects
        found = np.empty((len(objects), 7))
        for k, obj in enumerate(objects):
            matrix = obj.evaluated_get(depsgraph).matrix_world
            found[k, :3], found[k, 3:] = matrix.translation, matrix.to_quaternion()
        found[:, :3] /= self.scale
        return found

    def discard(self) -> None:
        bpy.data.scenes.remove(self.scene)
        bpy.data.batch_remove(self.made)


def _earlier(body: Body, world: World) -> Array:
    """The pose of one step before, from which it moves as it shall; that of the start where it does not fall.

    Half a step of gravity is taken from the velocity, for Bullet adds a whole one before it moves a body: so places in
    free fall are those of s = vt + gt²/2.
    """
    if body.kind != "active":
        return body.pose
    velocity = body.motion[:3] - 0.5 * world.step * world.gravity
    angle = float(np.linalg.norm(body.motion[3:])) * world.step
    turn = Quaternion(body.motion[3:] if angle else (0, 0, 1), -angle) @ Quaternion(body.pose[3:])
    return np.concatenate([body.pose[:3] - world.step * velocity, turn])


def motions(before: Array, after: Array, step: float) -> Array:
    """Velocities and spins (B, 6) that lead from poses to poses (B, 7) in one step."""
    a, b = before[:, 3:], after[:, 3:]
    w = (a * b).sum(axis=1)
    flip = np.where(w < 0, -1.0, 1.0)
    # b · conj(a)
    vector = a[:, :1] * b[:, 1:] - b[:, :1] * a[:, 1:] - np.cross(b[:, 1:], a[:, 1:])
    vector = vector * flip[:, None]
    sine = np.linalg.norm(vector, axis=1)
    angle = 2 * np.arctan2(sine, np.abs(w))
    axis = vector / np.maximum(sine, 1e-12)[:, None]
    return np.concatenate([(after[:, :3] - before[:, :3]) / step, axis * (angle / step)[:, None]], axis=1)
