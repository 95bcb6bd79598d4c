# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the finished object from all around, on nothing, in even light: to look at it before it is taken."""

from __future__ import annotations

import math
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation
from .lib.render import engines, framing, pictures, skies, studio
from .work import Work

SPEC = BackendSpec(
    id="views",
    label="Views",
    task="scene-to-views",
    help="Pictures of the object from all around, beginning at the front, and one sheet of them all.",
    runtime="blender",
    inputs=("scene",),
    outputs=("views",),
    params=(
        Param("count", "int", 8, "Pictures around the object", low=1, high=16),
        Param("size", "int", 256, "Side of a picture", low=32, high=2048, unit="px"),
        Param("elevation", "float", 15.0, "How high the camera stands", low=-80.0, high=80.0, unit="°"),
        Param("samples", "int", 8, "Samples a pixel", low=1, high=1024),
    ),
)
LENS, MARGIN = 85.0, 0.05
"""mm on a 36 mm sensor, and the share of a picture left free at each side."""
_COLUMNS = 4
_KEY = (math.radians(-35), math.radians(30))
"""Where the lamp stands beside and above the camera: it goes around with it, so that all sides are lit alike."""


def run(work: Work, *, count: int, size: int, elevation: float, samples: int) -> None:
    scene, body = bpy.context.scene, work.object("body")
    work.progress("Setting the light", 0.02)
    studio.clear(work)
    for obj in scene.objects:
        obj.hide_render = obj != body
    engines.prepare(work.report, scene, "cycles", samples)
    scene.render.film_transparent = True
    scene.view_settings.view_transform = "Standard"
    _paper(scene, size)
    skies.plain((1.0, 1.0, 1.0), 0.55)
    camera, lamp = _camera(work, scene), _lamp(work)

    scene.frame_set(scene.frame_start)
    points = framing.extreme(next(iter(animation.sampled(scene, [body], [scene.frame_start]))))
    azimuths = np.arange(count) * 2 * math.pi / count
    tilt, lens = math.radians(elevation), framing.lens_of(LENS, 36.0, size, size, MARGIN)
    targets, needed = zip(*[_aimed(points, azimuth, tilt, lens) for azimuth in azimuths], strict=True)
    away = max(needed)  # the same for all: what is smaller from the side looks smaller
    camera.data.clip_start, camera.data.clip_end = 0.01 * away, 10 * away
    paths = []
    for number, (azimuth, target) in enumerate(zip(azimuths, targets, strict=True)):
        work.progress(f"Rendering view {number + 1}/{count}", 0.05 + 0.9 * number / count)
        axes = framing.axes(azimuth, tilt)
        camera.matrix_world = _placed(axes, target + away * axes[2])
        lamp.matrix_world = _placed(framing.axes(azimuth + _KEY[0], tilt + _KEY[1]), target)
        path = work.file(f"view_{number}", f"view_{number}.png", azimuth=round(math.degrees(azimuth), 3))
        _render(scene, path, size)
        paths.append(path)
    work.progress("Writing the sheet", 0.97)
    pictures.write(work.file("views", "views.png", count=count), _sheet([pictures.read(path, 4) for path in paths]))
    work.report.metric("views", count)
    work.report.metric("distance_m", round(away, 4))


def _aimed(points: framing.Array, azimuth: float, tilt: float, lens: framing.Lens) -> tuple[framing.Array, float]:
    """Where to look so that the points (P, 3) sit in the middle of the picture, and from how far."""
    axes, target = framing.axes(azimuth, tilt), (points.min(axis=0) + points.max(axis=0)) / 2
    for _ in range(6):
        away = framing.distance(points, target, azimuth, tilt, lens)
        right, up, near = axes @ (points - target).T
        seen = np.stack([right, up]) / (away - near)
        target = target + away * (seen.min(axis=1) + seen.max(axis=1)) / 2 @ axes[:2]
    return target, framing.distance(points, target, azimuth, tilt, lens)


def _paper(scene: bpy.types.Scene, size: int) -> None:
    render = scene.render
    render.resolution_x = render.resolution_y = size
    render.resolution_percentage, render.pixel_aspect_x, render.pixel_aspect_y = 100, 1.0, 1.0
    render.use_persistent_data = render.use_file_extension = True
    image = render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    image.file_format, image.color_mode, image.color_depth, image.compression = "PNG", "RGBA", "8", 15


def _camera(work: Work, scene: bpy.types.Scene) -> bpy.types.Object:
    data = bpy.data.cameras.new("Camera")
    data.lens, data.sensor_width = LENS, 36.0
    scene.camera = work.add("camera", bpy.data.objects.new("Camera", data))
    return scene.camera


def _lamp(work: Work) -> bpy.types.Object:
    data = bpy.data.lights.new("Key", "SUN")
    data.energy, data.angle = 1.6, math.radians(40)
    return work.add("light_key", bpy.data.objects.new("Key", data))


def _placed(axes: framing.Array, place: framing.Array) -> Matrix:
    """Rows of `axes` are right, up and backwards of what stands at `place`."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes.T, place
    return Matrix(matrix.tolist())


def _render(scene: bpy.types.Scene, path: Path, size: int) -> None:
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not pictures.png_is_whole(path, size, size):
        raise UserError("A picture was not written whole. Free some disk space and run again.", kind="output")


def _sheet(views: list[pictures.Pixels]) -> pictures.Pixels:
    """Pictures (S, S, 4) in rows, the bottom row of pixels first, the first picture at the top left."""
    side, columns = len(views[0]), min(_COLUMNS, len(views))
    rows = -(-len(views) // columns)
    out = np.zeros((rows * side, columns * side, 4), np.float32)
    for number, view in enumerate(views):
        row, column = rows - 1 - number // columns, number % columns
        out[row * side : (row + 1) * side, column * side : (column + 1) * side] = view
    return out
