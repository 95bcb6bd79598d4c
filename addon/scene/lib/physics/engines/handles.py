# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of bodies at which Blender's solver can be pulled: its fields push centres of mass alone.

Each is a small body without touch, fixed to the one that it is a handle of and made of some of its mass, so that a
force on it turns that body too.
"""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Quaternion, Vector

from ..bodies import Array, Body
from ..pulling import Pulls

_MASS, _SIZE = 0.005, 0.1
"""Of its body: less and Bullet's joints would not settle, more and the body would turn less easily."""
_POINTS, _FACES = [(-1, -1, -1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)], [(0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 2)]
_ALONE = 19
"""The layer of collisions that nothing else is on."""


class Handles:
    """`objects` of all handles; `bodies` they belong to, `local` places in those."""

    def __init__(self, bodies: list[Body], pulls: Pulls, scale: float) -> None:
        self.all, self.ends, self.scale = bodies, pulls.tied(), scale
        self.bodies: list[int] = []
        self.local: list[Array] = []
        self.objects: list[bpy.types.Object] = []
        self.of: list[int] = []
        """Of each end: its handle, -1 for its body's centre of mass, -2 for what does not move."""
        known: dict[tuple[int, bytes], int] = {}
        for number, local in self.ends:
            if number < 0 or bodies[number].kind != "active":
                self.of.append(-2)
            elif not local.any():
                self.of.append(-1)
            else:
                key = (number, np.round(local, 4).tobytes())
                if key not in known:
                    known[key] = len(self.bodies)
                    self.bodies.append(number)
                    self.local.append(local)
                self.of.append(known[key])

    def build(self, scene: bpy.types.Scene, objects: list[bpy.types.Object], made: list[bpy.types.ID]) -> None:
        """All bodies stand in their rest poses, of full mass."""
        for number, local in zip(self.bodies, self.local, strict=True):
            body, owner = self.all[number], objects[number]
            mesh = bpy.data.meshes.new("galatea handle")
            far = _SIZE * self.scale * float(np.linalg.norm(body.size))
            mesh.from_pydata((far / 2 * np.array(_POINTS)).tolist(), [], _FACES)
            obj = bpy.data.objects.new("galatea handle", mesh)
            made += [obj, mesh]
            obj.rotation_mode = "QUATERNION"
            obj.location = owner.location + owner.rotation_quaternion @ Vector(self.scale * local)
            scene.collection.objects.link(obj)
            scene.rigidbody_world.collection.objects.link(obj)
            rigid = obj.rigid_body
            rigid.type, rigid.collision_shape, rigid.use_deactivation = "ACTIVE", "SPHERE", False
            rigid.linear_damping, rigid.angular_damping = body.linear_damping, body.angular_damping
            rigid.collision_collections = [k == _ALONE for k in range(20)]
            rigid.mass, rigid.kinematic = _MASS * max(body.mass, 1e-3), True
            owner.rigid_body.mass -= rigid.mass
            made.append(self._fixed(scene, obj, owner))
            self.objects.append(obj)

    def _fixed(self, scene: bpy.types.Scene, obj: bpy.types.Object, owner: bpy.types.Object) -> bpy.types.Object:
        empty = bpy.data.objects.new("galatea tie", None)
        empty.location = obj.location
        scene.collection.objects.link(empty)
        scene.rigidbody_world.constraints.objects.link(empty)
        rule = empty.rigid_body_constraint
        rule.type, rule.object1, rule.object2, rule.disable_collisions = "FIXED", owner, obj, True
        return empty

    def follow(self, objects: list[bpy.types.Object]) -> None:
        """Stand where the bodies are shown."""
        for obj, number, local in zip(self.objects, self.bodies, self.local, strict=True):
            owner, body = objects[number], self.all[number]
            rest = Quaternion((body.pose if body.rest is None else body.rest)[3:])
            obj.location = owner.location + owner.rotation_quaternion @ Vector(self.scale * local)
            obj.rotation_quaternion = owner.rotation_quaternion @ rest.inverted()

    def share(self, forces: Array) -> tuple[Array, Array]:
        """Of newtons at all ends (E, 3): those at the bodies' centres (B, 3), and those at the handles (H, 3)."""
        centres, handles = np.zeros((len(self.all), 3)), np.zeros((len(self.objects), 3))
        for (number, _), of, force in zip(self.ends, self.of, forces, strict=True):
            if of >= 0:
                handles[of] += force
            elif of == -1:
                centres[number] += force
        return centres, handles
