# SPDX-License-Identifier: GPL-3.0-or-later
"""What is filmed, and what the document of a scene in words wishes of light and camera; nothing where there is none."""

from __future__ import annotations

import json
import math
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol import props
from .....backend.protocol import scene as scenes
from ...work import Work
from ..motion import animation
from ..physics import clock
from ..physics.thing import SPEC
from . import shots, skies

AUTO = "auto"
_PATHS = {"still": "static", AUTO: "swing"}
_ARC = 24.0
"""Degrees of the swing before a scene in which things happen: enough to see depth."""
_ELEVATION = 17.0
_INTO = 52.0
"""Degrees where something lies or falls in a thing that cannot be seen through."""
_INWARD = ("in", "above", "over")
_CLEAR = ("glass", "crystal", "transparent", "clear")
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
    high = told.elevation if told.elevation is not None else _INTO if _hides(spec) else _ELEVATION
    return chosen, shots or told.shots, arc, high


def _hides(spec: scenes.SceneSpec) -> bool:
    """Whether something happens inside a thing whose walls are before it."""
    rows = {item.id: item for item in spec.objects}
    hollow = {name for name, each in props.called().items() if each.hollow}
    into = [rows[each.relation.target] for each in spec.objects
            if each.relation.target in rows and each.relation.kind in _INWARD]  # fmt: skip
    return any(
        each.name in hollow
        and not set(_CLEAR) & set(f"{each.name} {each.look} {each.material.name} {each.material.look}".lower().split())
        for each in into
    )


def shown(scene: bpy.types.Scene, bodies: list[bpy.types.Object]) -> float | None:
    """The side of the body, degrees of azimuth, that the photo it was made of showed, where that is not the front."""
    side = None if document(scene) else bodies[0].get(shots.PHOTO)
    return None if side is None else float(side)


def end(scene: bpy.types.Scene) -> int:
    """The last frame: of the simulation, or of all that is keyed."""
    spec = document(scene)
    return clock.last_frame(spec) if spec else animation.motion_end()


def ends(scene: bpy.types.Scene) -> bool:
    """Whether the film is over when all is at rest, since nobody said how long it lasts."""
    spec = document(scene)
    return spec is not None and spec.simulation.ends_at_rest


def rate(scene: bpy.types.Scene) -> int:
    """Frames a second of the film."""
    spec = document(scene)
    return spec.simulation.frame_rate if spec else animation.FPS
