# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the finished object from all around, on nothing, in even light: to look at it before it is taken."""

from __future__ import annotations

import math

import bpy
import numpy as np

from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation
from .lib.render import engines, framing, pictures, sets, skies, studio
from .work import Work

SPEC = BackendSpec(
    id="views",
    label="Views",
    task="scene-to-views",
    seeded="never",
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


def run(work: Work, *, count: int, size: int, elevation: float, samples: int) -> None:
    scene, body = bpy.context.scene, work.object("body")
    work.progress("Setting the light", 0.02)
    studio.clear(work)
    for obj in scene.objects:
        obj.hide_render = obj != body
    engines.prepare(work.report, scene, "cycles", samples)
    sets.paper(scene, size, size)
    skies.plain((1.0, 1.0, 1.0), sets.EVEN)
    camera, lamp = _camera(work, scene), _lamp(work)

    scene.frame_set(scene.frame_start)
    points = framing.extreme(next(iter(animation.sampled(scene, [body], [scene.frame_start]))))
    azimuths = np.arange(count) * 2 * math.pi / count
    tilt, lens = math.radians(elevation), framing.lens_of(LENS, size, size, MARGIN)
    targets, needed = zip(*[_aimed(points, azimuth, tilt, lens) for azimuth in azimuths], strict=True)
    away = max(needed)  # the same for all: what is smaller from the side looks smaller
    paths = []
    for number, (azimuth, target) in enumerate(zip(azimuths, targets, strict=True)):
        work.progress(f"Rendering view {number + 1}/{count}", 0.05 + 0.9 * number / count)
        sets.look(camera, lamp, target, (azimuth, tilt), away)
        path = work.file(f"view_{number}", f"view_{number}.png", azimuth=round(math.degrees(azimuth), 3))
        sets.picture(scene, path)
        paths.append(path)
    work.progress("Writing the sheet", 0.97)
    sheet = pictures.sheet([pictures.read(path, 4) for path in paths], min(_COLUMNS, count))
    pictures.write(work.file("views", "views.png", count=count), sheet)
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


def _camera(work: Work, scene: bpy.types.Scene) -> bpy.types.Object:
    data = bpy.data.cameras.new("Camera")
    data.lens, data.sensor_width = LENS, framing.SENSOR
    scene.camera = work.add("camera", bpy.data.objects.new("Camera", data))
    return scene.camera


def _lamp(work: Work) -> bpy.types.Object:
    return work.add("light_key", bpy.data.objects.new("Key", sets.lamp("Key")))
