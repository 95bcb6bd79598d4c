# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender of its own in which Mantaflow runs, for where that aborts it takes its process along.

`python backend hand addon.scene.lib.physics.tank ORDER`: an npz, see `mantaflow.Order`. Says each frame on stdout. The
particles of frame 7 are `points-0007.npy` (N, 3) in metres beside it.
The end of stdin means that whoever asked is gone: end at once.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .caches import fill

_COLD, _CORNERS, _SHELL = 1e-4, 8, 0.75
"""m²/s up to which viscosity is that of diffusion; particles of a cell; cells that walls are thicker, or they leak."""


def main(argv: list[str]) -> int:
    pipe = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # whatever Blender prints goes to the log
    threading.Thread(target=_listen, daemon=True).start()
    path = Path(argv[0])
    with np.load(path, allow_pickle=False) as file:
        order = {name: file[name] for name in file.files}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    tank = _Tank(order, path.parent)
    for frame in range(int(order["last"])):
        pipe.write(json.dumps({"frame": frame, "count": tank.go(frame)}) + "\n")
    os._exit(0)  # what is left in memory is nobody's; some builds abort when they free it


def _listen() -> None:
    for _ in sys.stdin:
        pass
    os._exit(3)


class _Tank:
    """The scene of an order: a domain, what flows in it, what it meets; `every` steps of its own a frame."""

    def __init__(self, order: dict[str, Any], folder: Path) -> None:
        self.order, self.folder, self.scene = order, folder, bpy.context.scene
        self.every, self.last = int(order["every"]), int(order["last"])
        self.scene.render.fps = round(self.every / float(order["lasts"]))
        self.scene.render.fps_base = self.scene.render.fps * float(order["lasts"]) / self.every
        self.scene.frame_start, self.scene.frame_end = 1, 1 + self.every * self.last
        self.scene.gravity, self.scene.use_gravity = order["gravity"], True
        self.cell = float(order["cell"])
        self.domain = self._domain()
        self.spouts: list[tuple[Any, float, float, float]] = []
        self.poured, self.before = 0.0, 0
        for k in range(int(order["flows"])):
            self._flow(k)
        for k in range(int(order["solids"])):
            self._solid(k)

    def _put(self, name: str, points: Any, faces: Any) -> bpy.types.Object:
        obj = bpy.data.objects.new(name, fill(bpy.data.meshes.new(name), points, faces))
        self.scene.collection.objects.link(obj)
        return obj

    def _domain(self) -> bpy.types.Object:
        low, high = self.order["low"], self.order["high"]
        corners = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (high - low) + low
        faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6),
                 (0, 6, 4), (1, 5, 7), (1, 7, 3)]  # fmt: skip
        obj = self._put("domain", corners, np.array(faces))
        modifier = obj.modifiers.new("fluid", "FLUID")
        modifier.fluid_type = "DOMAIN"
        told = modifier.domain_settings
        told.domain_type = "LIQUID"
        told.resolution_max = max(6, round(float((high - low).max()) / self.cell))
        told.cache_directory, told.cache_type = str(self.folder / "cache"), "REPLAY"
        told.cache_frame_start, told.cache_frame_end = 1, self.scene.frame_end
        for side in ("front", "back", "left", "right", "top"):
            setattr(told, f"use_collision_border_{side}", False)
        told.use_collision_border_bottom = bool(self.order["floor"])
        told.timesteps_min, told.timesteps_max = 1, 1
        # none is taken where many are, or deep below, and none is added where few are: that is what made it grow
        told.particle_min, told.particle_max, told.particle_band_width = 0, 1000, 1000.0
        told.use_mesh, told.use_fractions = False, False
        viscosity = float(self.order["viscosity"])
        if viscosity > _COLD and hasattr(told, "use_viscosity"):
            told.use_viscosity, told.viscosity_value = True, min(10.0, viscosity)
        else:
            exponent = int(np.clip(np.ceil(-np.log10(max(viscosity, 1e-10))), 0, 10))
            told.viscosity_base, told.viscosity_exponent = min(10.0, viscosity * 10.0**exponent), exponent
        return obj

    def _flow(self, k: int) -> None:
        """One that is there at the start, or a spout that is opened and shut so that its litres come out right."""
        order = self.order
        obj = self._put(f"flow {k}", order[f"flow_points_{k}"], order[f"flow_faces_{k}"])
        modifier = obj.modifiers.new("fluid", "FLUID")
        modifier.fluid_type = "FLOW"
        told = modifier.flow_settings
        litres, start, stop = (float(x) for x in order[f"flow_rate_{k}"])
        told.flow_type = "LIQUID"
        told.flow_behavior = "INFLOW" if litres > 0 else "GEOMETRY"
        speed = order[f"flow_speed_{k}"]
        if speed.any():
            told.use_initial_velocity, told.velocity_coord = True, speed
        if litres > 0:
            self.spouts.append((told, litres, start, stop))

    def _solid(self, k: int) -> None:
        order = self.order
        obj = self._put(f"solid {k}", order[f"solid_points_{k}"], order[f"solid_faces_{k}"])
        obj.rotation_mode = "QUATERNION"
        places = order[f"solid_places_{k}"]
        still = np.array_equal(places, np.broadcast_to(places[:1], places.shape))
        for frame, place in enumerate(places[:1] if still else places):
            turn = place.copy()
            turn[:3, :3] /= np.linalg.norm(turn[:3, :3], axis=0)  # its points have its scale
            obj.matrix_world = Matrix(turn)
            if not still:
                for path in ("location", "rotation_quaternion"):
                    obj.keyframe_insert(path, frame=1 + frame * self.every)
        modifier = obj.modifiers.new("fluid", "FLUID")
        modifier.fluid_type = "EFFECTOR"
        modifier.effector_settings.effector_type = "COLLISION"
        modifier.effector_settings.surface_distance = _SHELL

    def go(self, frame: int) -> int:
        """All steps to a frame; returns how many particles there are."""
        for step in range(1 if frame == 0 else self.every):
            at = 1 + (frame - 1) * self.every + step + 1 if frame else 1
            time = (at - 1) / self.every * float(self.order["lasts"])
            self._pour(time)
            self.scene.frame_set(at)
            if self.spouts or step == self.every - 1 or frame == 0:
                points = self._points()
                self.poured += max(0, len(points) - self.before)
                self.before = len(points)
        np.save(self.folder / f"points-{frame:04d}.npy", points.astype(np.float32))
        return len(points)

    def _pour(self, time: float) -> None:
        """Open what has not given as much as it should by now."""
        due = sum(litres * float(np.clip(time, start, stop) - start) for _, litres, start, stop in self.spouts)
        for told, _, start, stop in self.spouts:
            told.use_inflow = start <= time < stop and self.poured * self.cell**3 / _CORNERS < due

    def _points(self) -> Any:
        graph = bpy.context.evaluated_depsgraph_get()
        systems = self.domain.evaluated_get(graph).particle_systems
        if not len(systems):
            return np.zeros((0, 3), np.float32)
        found = np.empty(3 * len(systems[0].particles), np.float32)
        systems[0].particles.foreach_get("location", found)
        return found.reshape(-1, 3)
