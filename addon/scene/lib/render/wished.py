# SPDX-License-Identifier: GPL-3.0-or-later
"""What is filmed, and what the document of a scene in words wishes of light and camera; nothing where there is none."""

from __future__ import annotations

import json
import math
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol import scene as scenes
from ...work import Work
from ..motion import animation
from ..physics.thing import SPEC
from . import skies

AUTO = "auto"
_PATHS = {"still": "static", AUTO: "swing"}
_ARC = 24.0
"""Degrees of the swing before a scene in which things happen: enough to see depth."""
_ELEVATION = 17.0
_OUTDOORS = ("grass", "sand", "asphalt", "gravel", "soil", "mud", "snow", "ice")
"""Floors under the sky where nothing else is said of the light."""
_LOW, _DUSK = 20.0, 1.0
"""Degrees of the sun's height below which it is dusk or night, and the stops that eyes open by."""


def document(scene: bpy.types.Scene) -> scenes.SceneSpec | None:
    """The document that the scene was built from."""
    text = scene.get(SPEC)
    return scenes.validate(json.loads(text)) if text else None


def bodies(work: Work) -> list[bpy.types.Object]:
    """All that is meant to be looked at, one for a scene of one body; raises `UserError` where there is none."""
    found = [obj for obj in work.objects("body") if obj.type == "MESH" and obj.data.vertices and not obj.hide_render]
    return found or [work.object("body")]


def rest_points(objects: list[bpy.types.Object]) -> NDArray[Any]:
    """World positions (V, 3) in metres of their meshes before modifiers, where they stand now."""
    return np.concatenate([animation.rest_points(obj) for obj in objects])


def light(scene: bpy.types.Scene, light: str, hour: float) -> tuple[str, float]:
    """The light and the hour: as given, or what the document says, or a studio."""
    spec = document(scene)
    if light != AUTO:
        return light, hour
    if spec is None:
        return "studio", hour
    told = spec.environment
    outdoors = told.floor and told.floor_material in _OUTDOORS and not told.walls
    usual = "sky" if outdoors or told.time_of_day is not None else "studio"
    hour = hour if told.time_of_day is None else told.time_of_day
    return (usual if told.light == AUTO else told.light), hour


def stops(scene: bpy.types.Scene, light: str, hour: float) -> float:
    """How much brighter a picture is made where words say that the sun stands low."""
    told = document(scene)
    dim = told is not None and light == "sky" and skies.at(hour).elevation < math.radians(_LOW)
    return _DUSK if dim else 0.0


def camera(
    scene: bpy.types.Scene, path: str, shots: str, arc: float, elevation: float
) -> tuple[str, str, float, float]:
    """Path, shots, arc and elevation: as given, or what the document says, or a swing."""
    spec = document(scene)
    if path != AUTO or spec is None:
        return (path if path != AUTO else "swing"), shots, arc, elevation
    told = spec.camera
    chosen = _PATHS.get(told.path, told.path)
    arc = arc or (_ARC if told.path == AUTO else 0.0)
    return chosen, shots or told.shots, arc, told.elevation if told.elevation is not None else _ELEVATION


def end(scene: bpy.types.Scene) -> int:
    """The last frame: of the simulation, or of all that is keyed."""
    from . import watching

    return scene.frame_end if document(scene) else watching.motion_end()


def rate(scene: bpy.types.Scene) -> int:
    """Frames a second of the film."""
    spec = document(scene)
    return spec.simulation.frame_rate if spec else animation.FPS
