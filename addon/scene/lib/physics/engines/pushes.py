# SPDX-License-Identifier: GPL-3.0-or-later
"""Forces on single bodies of Blender's solver, which knows fields only: each body carries one that reaches no other."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Vector

from ..bodies import Array

_REACH = 1e-3
"""Metres about a body's centre, in the solver's scale; no other centre is as near."""


class Pushes:
    """Winds of no extent, one for each body or handle that moves by itself, by its number."""

    def __init__(self, scene: bpy.types.Scene, active: list[int], scale: float, made: list[bpy.types.ID]) -> None:
        self.scale, self.factor = scale, scale * scene.render.fps
        """Fields are scaled by the length of a frame, whatever `fps_base` says: measured."""
        self.fields: dict[int, bpy.types.Object] = {}
        for number in active:
            self.fields[number] = self._field(scene)
            made.append(self.fields[number])

    def _field(self, scene: bpy.types.Scene) -> bpy.types.Object:
        empty = bpy.data.objects.new("galatea push", None)
        scene.collection.objects.link(empty)
        with bpy.context.temp_override(
            scene=scene, view_layer=scene.view_layers[0], active_object=empty, object=empty, selected_objects=[empty]
        ):
            bpy.ops.object.forcefield_toggle()
        field = empty.field
        field.type, field.shape, field.falloff_power, field.strength = "WIND", "POINT", 0.0, 0.0
        field.flow = field.noise = 0.0
        field.use_max_distance, field.distance_max = True, _REACH
        empty.rotation_mode = "QUATERNION"
        return empty

    def push(self, poses: Array, forces: Array) -> None:
        """For the next step; `forces` (B, 3) in newtons."""
        for number, empty in self.fields.items():
            size = float(np.linalg.norm(forces[number]))
            empty.field.strength = size * self.factor
            if size:
                empty.location = self.scale * poses[number, :3]
                empty.rotation_quaternion = Vector(forces[number]).to_track_quat("Z", "Y")
