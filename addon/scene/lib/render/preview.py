# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of the body alone, on nothing, from three quarters of the front. The open scene stays as it is."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np

from ...work import Work
from ..files import placing
from ..motion import animation
from . import engines, framing, pictures, sets

_LENS, _MARGIN = 85.0, 0.06
_AZIMUTH, _ELEVATION = math.radians(28), math.radians(16)


def render(work: Work, body: bpy.types.Object, path: Path, *, size: int, samples: int) -> None:
    graph = bpy.context.evaluated_depsgraph_get()
    points = framing.extreme(animation.points_at(body, graph))
    lens = framing.lens_of(_LENS, size, size, _MARGIN)
    target = framing.centred([points], np.array([_AZIMUTH]), _ELEVATION, lens)
    away = framing.distance(points, target, _AZIMUTH, _ELEVATION, lens)
    hidden, body.hide_render = body.hide_render, False
    try:
        with sets.lit(placing.carriers(body)) as (scene, camera, lamp):
            scene.frame_current = bpy.context.scene.frame_current
            engines.prepare(work.report, scene, "cycles", samples)
            sets.paper(scene, size, size)
            camera.data.lens, camera.data.sensor_width = _LENS, framing.SENSOR
            sets.look(camera, lamp, target, (_AZIMUTH, _ELEVATION), away)
            sets.picture(scene, path)
    finally:
        body.hide_render = hidden


def attach(thing: bpy.types.ID, path: Path) -> None:
    """Make a picture file what the Asset Browser shows of this."""
    pixels = pictures.read(path, 4)
    shown = thing.preview_ensure()
    shown.image_size = pixels.shape[1], pixels.shape[0]
    shown.image_pixels_float.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
