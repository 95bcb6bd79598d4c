# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of the body alone, on nothing, from three quarters of the front. The open scene stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ...work import Work
from ..files import placing
from ..motion import animation
from . import engines, framing, pictures

_LENS, _MARGIN = 85.0, 0.06
_AZIMUTH, _ELEVATION = math.radians(28), math.radians(16)
_KEY = (math.radians(-35), math.radians(30))
"""Where the lamp stands beside and above the camera."""


def render(work: Work, body: bpy.types.Object, path: Path, *, size: int, samples: int) -> None:
    graph = bpy.context.evaluated_depsgraph_get()
    points = framing.extreme(animation.points_at(body, graph))
    lens = framing.lens_of(_LENS, 36.0, size, size, _MARGIN)
    target = framing.centred([points], np.array([_AZIMUTH]), _ELEVATION, lens)
    away = framing.distance(points, target, _AZIMUTH, _ELEVATION, lens)
    with _set(body) as (scene, camera, lamp):
        engines.prepare(work.report, scene, "cycles", samples)
        _paper(scene, path, size)
        camera.data.clip_start, camera.data.clip_end = 0.01 * away, 10 * away
        axes = framing.axes(_AZIMUTH, _ELEVATION)
        camera.matrix_world = _placed(axes, target + away * axes[2])
        lamp.matrix_world = _placed(framing.axes(_AZIMUTH + _KEY[0], _ELEVATION + _KEY[1]), target)
        bpy.ops.render.render(write_still=True, scene=scene.name)
    pictures.prove(path, size, size)


@contextmanager
def _set(body: bpy.types.Object) -> Iterator[tuple[bpy.types.Scene, bpy.types.Object, bpy.types.Object]]:
    """A scene of its own with the body and what it hangs on, a camera, a lamp and even light; gone afterwards."""
    lens, sun = bpy.data.cameras.new("Preview"), bpy.data.lights.new("Preview", "SUN")
    lens.lens, lens.sensor_width = _LENS, 36.0
    sun.energy, sun.angle = 1.6, math.radians(40)
    camera, lamp = bpy.data.objects.new("Preview", lens), bpy.data.objects.new("Preview", sun)
    world, scene = bpy.data.worlds.new("Preview"), bpy.data.scenes.new("Preview")
    hidden = body.hide_render
    try:
        if not world.node_tree:
            world.use_nodes = True
        sky = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
        sky.inputs["Color"].default_value, sky.inputs["Strength"].default_value = (1, 1, 1, 1), 0.55
        scene.world, scene.camera = world, camera
        for obj in (*placing.carriers(body), camera, lamp):
            scene.collection.objects.link(obj)
        scene.frame_current = bpy.context.scene.frame_current
        body.hide_render = False
        yield scene, camera, lamp
    finally:
        body.hide_render = hidden
        bpy.data.batch_remove([scene, camera, lamp, lens, sun, world])


def _paper(scene: bpy.types.Scene, path: Path, size: int) -> None:
    render, image = scene.render, scene.render.image_settings
    render.film_transparent = True
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage, render.use_file_extension, render.filepath = 100, True, str(path)
    scene.view_settings.view_transform = "Standard"
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    image.file_format, image.color_mode, image.color_depth = "PNG", "RGBA", "8"


def _placed(axes: framing.Array, place: framing.Array) -> Matrix:
    """Rows of `axes` are right, up and backwards of what stands at `place`."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T, place
    return Matrix(matrix.tolist())


def attach(thing: bpy.types.ID, path: Path) -> None:
    """Make a picture file what the Asset Browser shows of this."""
    pixels = pictures.read(path, 4)
    shown = thing.preview_ensure()
    shown.image_size = pixels.shape[1], pixels.shape[0]
    shown.image_pixels_float.foreach_set(np.ascontiguousarray(pixels, np.float32).ravel())
