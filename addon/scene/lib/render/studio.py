# SPDX-License-Identifier: GPL-3.0-or-later
"""Floor, lamps, and the end of an older set. `size` is the body's largest extent in metres; all is made for it.

Floor and lamps are made for a body at the origin and then put where it is: the lamps hang on an empty, `light_rig`, and
the floor is one unit wide, so that the camera can widen and shift both later (`fit`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ...work import ROLE, Work
from . import surfaces

WIDE = "galatea_wide"
"""Custom property of the floor: how many times the camera's distance from the body it is wide."""
METRES = "galatea_metres"
"""Custom property of a floor whose surface is measured in metres: how wide its mesh is now. It is never scaled."""
_INLAY = 0.8
"""Radius of the floor of a substance, in units of a cove's flat part."""
_SET = ("floor", "camera", "camera_rig", "camera_target")
_COVE, _GROUND = 1.3, 1.0
_NEAREST = 4.0
"""A cove is at least so many times the body's size wide."""


def clear(work: Work) -> None:
    """Take an older set away."""
    clear_camera(work)
    scene = bpy.context.scene
    scene.render.use_freestyle = scene.render.film_transparent = False
    _drop(obj for obj in scene.objects if _role(obj) == "floor" or _role(obj).startswith("light_"))
    for layer in scene.view_layers:
        if layer.material_override and layer.material_override.get(ROLE) == "look":
            layer.material_override = None
    for kind in (bpy.data.materials, bpy.data.worlds):
        for item in [item for item in kind if item.get(ROLE) in ("floor", "look", "world")]:
            if item.users == 0 or item == scene.world:
                kind.remove(item)
    for image in [image for image in bpy.data.images if image.get(ROLE) == "backdrop" and not image.users]:
        bpy.data.images.remove(image)


def clear_camera(work: Work) -> None:
    """Take older cameras, what they hang on and their cuts away; the lamps stand still again."""
    scene = bpy.context.scene
    for marker in [marker for marker in scene.timeline_markers if marker.camera and _role(marker.camera) == "camera"]:
        scene.timeline_markers.remove(marker)
    _drop(obj for obj in scene.objects if _role(obj) in _SET[1:])
    for rig in work.objects("light_rig"):
        rig.constraints.clear()
        rig.animation_data_clear()
    if scene.world and scene.world.node_tree and scene.world.get(ROLE) == "world":
        scene.world.node_tree.animation_data_clear()


def _role(obj: bpy.types.Object) -> str:
    return str(obj.get(ROLE, ""))


def _drop(objects: Iterable[bpy.types.Object]) -> None:
    for obj in list(objects):
        data = obj.data
        movers = [owner.animation_data for owner in (obj, data) if owner and owner.animation_data]
        actions = {mover.action for mover in movers if mover.action}
        bpy.data.objects.remove(obj)
        if data and data.users == 0:
            bpy.data.batch_remove([data])
        for action in actions:
            if action.users == 0:
                bpy.data.actions.remove(action)


def cove(work: Work) -> bpy.types.Object:
    """A round floor that curves up into a wall all around, so that a camera inside sees no edge anywhere.

    One unit is the radius of what lies flat.
    """
    bend, high = 0.7, 1.2
    profile = [(0.0, 0.0), (0.35, 0.0), (1.0, 0.0)]
    profile += [(1 + bend * math.sin(a), bend * (1 - math.cos(a))) for a in np.linspace(0, math.pi / 2, 13)[1:]]
    profile.append((1 + bend, bend + high))
    return _revolved(work, profile, _COVE)


def ground(work: Work) -> bpy.types.Object:
    """A wide disc of plain ground; beyond some units it fades into haze, as a plain does."""
    return _revolved(work, [(r * surfaces.HORIZON, 0.0) for r in (0.0, 0.02, 0.1, 0.3, 1.0)], _GROUND)


def inlay(work: Work) -> bpy.types.Object:
    """A round plate of a substance on the floor of a cove, a little above it."""
    obj = _revolved(work, [(0.0, 0.0006), *((r * _INLAY, 0.0006) for r in (0.3, 0.99)), (_INLAY, 0.0)], _COVE)
    obj[METRES] = 1.0
    return obj


def _revolved(work: Work, profile: list[tuple[float, float]], wide: float) -> bpy.types.Object:
    """A surface of revolution from (radius, height) pairs, the first on the axis."""
    around = 64
    vertices: list[tuple[float, float, float]] = [(0.0, 0.0, profile[0][1])]
    for radius, height in profile[1:]:
        for k in range(around):
            a = 2 * math.pi * k / around
            vertices.append((radius * math.cos(a), radius * math.sin(a), height))
    faces: list[tuple[int, ...]] = [(0, 1 + k, 1 + (k + 1) % around) for k in range(around)]
    for ring in range(len(profile) - 2):
        a, b = 1 + ring * around, 1 + (ring + 1) * around
        faces += [(a + k, b + k, b + (k + 1) % around, a + (k + 1) % around) for k in range(around)]
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata(vertices, [], faces)
    mesh.shade_smooth()
    obj = work.add("floor", bpy.data.objects.new("Floor", mesh))
    obj[WIDE], obj[surfaces.FLOOR] = wide, 1.0
    return obj


def lamps(work: Work, lamps: Iterable[Mapping[str, Any]], size: float) -> None:
    """Discs of light around the body, all of them looking at its middle."""
    # Power goes with the square of the distance, so that the light on the body is the same at every size.
    for lamp in lamps:
        data = bpy.data.lights.new(f"Light {lamp['name']}".title(), "AREA")
        data.shape, data.size = "DISK", lamp["width"] * size
        data.energy, data.color = lamp["power"] * size * size, lamp["color"]
        where = Vector(lamp["place"]) * size
        hang(work, f"light_{lamp['name']}", data, -where).location = where


def hang(work: Work, role: str, data: bpy.types.Light, along: Vector) -> bpy.types.Object:
    """A lamp on the rig that shines this way."""
    obj = work.add(role, bpy.data.objects.new(data.name, data))
    obj.parent = rig(work)
    obj.rotation_euler = along.to_track_quat("-Z", "Y").to_euler()
    return obj


def rig(work: Work) -> bpy.types.Object:
    """The empty that all lamps hang on."""
    if not work.has("light_rig"):
        work.add("light_rig", bpy.data.objects.new("Light rig", None))
    return work.object("light_rig")


def fit(work: Work, centre: NDArray[Any], low: float, away: float, size: float) -> None:
    """Put floor and lamps where the body is: `centre` (3,) of it, `low` the height of the floor, and so wide that a
    camera `away` metres from the centre stands inside."""
    for floor in work.objects("floor"):
        wide = float(floor.get(WIDE, 1.0)) * away
        wide = max(wide, _NEAREST * size) if floor[WIDE] == _COVE else wide
        floor.location = (centre[0], centre[1], low)
        if METRES in floor:
            floor.data.transform(Matrix.Scale(wide / floor[METRES], 4))
            floor[METRES] = wide
        else:
            floor.scale = (wide, wide, wide)
    for lights in work.objects("light_rig"):
        lights.location = centre
        lights.empty_display_size = 0.3 * size
