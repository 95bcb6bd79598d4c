# SPDX-License-Identifier: GPL-3.0-or-later
"""Camera, light and floor: a set that fits the body, whatever its size and wherever its motion takes it."""

from __future__ import annotations

import math

import bpy
import numpy as np

from ...backend.protocol.spec import BackendSpec, Param
from .lib.motion import animation
from .lib.render import framing, studio, tone
from .work import Work

SPEC = BackendSpec(
    id="stage",
    label="Stage",
    task="scene-to-stage",
    help="Set camera, light and floor for the body, framed over its whole motion.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "look", "choice", "studio", "Soft boxes in a round cove, or the sun and the sky", choices=("studio", "sky")
        ),
        Param(
            "camera",
            "choice",
            "swing",
            "To and fro before the front, once around, closer and closer, or still",
            choices=("swing", "orbit", "dolly", "static"),
        ),
        Param("seconds", "float", 3.0, "Length of the film", low=0.25, high=120.0, unit="s"),
        Param("arc", "float", 80.0, "How far a swing or an orbit goes", low=0.0, high=720.0, unit="°"),
        Param("easing", "choice", "smooth", "Soft start and stop, or even speed", choices=("smooth", "linear")),
        Param("lens", "float", 60.0, "Focal length on a 36 mm sensor", low=12.0, high=300.0, unit="mm"),
        Param("elevation", "float", 12.0, "How high the camera stands", low=-5.0, high=80.0, unit="°"),
        Param("margin", "float", 0.09, "Share of the frame left free at each side", low=0.0, high=0.4),
        Param("width", "int", 480, "Width of the picture", low=16, high=8192, unit="px"),
        Param("height", "int", 360, "Height of the picture", low=16, high=8192, unit="px"),
    ),
)
STILL = "galatea_still"
"""Custom property of the scene: the frame that shows the body best."""
_SAMPLES = 120
_FOLLOW = 12
"""Frames over which a camera that follows a motion averages it."""
_THREE_QUARTER = math.radians(24)


def run(
    work: Work,
    *,
    look: str,
    camera: str,
    seconds: float,
    arc: float,
    easing: str,
    lens: float,
    elevation: float,
    margin: float,
    width: int,
    height: int,
) -> None:
    scene, body = bpy.context.scene, work.object("body")
    length = max(1, round(seconds * animation.FPS))
    studio.clear(work)
    _set_scene(scene, length, width, height)
    work.progress("Watching the motion", 0.1)
    frames, points = _watch(work, length)
    rest = points[-1]
    size = float(np.ptp(animation.rest_points(body), axis=0).max())
    centre = (rest.min(axis=0) + rest.max(axis=0)) / 2
    floor = min(0.0, float(min(p[:, 2].min() for p in points)))
    work.progress("Placing the camera", 0.6)
    view = framing.lens_of(lens, 36.0, width, height, margin)
    shot = Shot(camera, math.radians(arc), easing, math.radians(elevation), lens)
    away = shot.place(work, scene, frames, points, view, length)
    work.progress("Setting the light", 0.8)
    if look == "studio":
        color = tone.backdrop(body)
        studio.bowl(work, centre, floor, max(1.3 * away, 4.0 * size), color)
        studio.softboxes(work, centre, size)
        studio.plain_world((0.95, 0.97, 1.0), 0.27)
    else:
        studio.ground(work, centre, floor, away, (0.80, 0.755, 0.675))
        studio.sky_world(math.radians(32), math.radians(-52), 0.115)
        studio.sun(work, math.radians(42), math.radians(-52), 2.8)
    scene[STILL] = shot.best(scene, length, _at_rest(frames, points, size))
    scene.frame_set(1)
    work.report.metric("frames", length)
    work.report.metric("distance_m", round(away, 4))
    work.report.metric("size_m", round(size, 4))
    work.report.metric("still_frame", scene[STILL])


def _set_scene(scene: bpy.types.Scene, length: int, width: int, height: int) -> None:
    scene.frame_start, scene.frame_end = 1, length
    render = scene.render
    render.fps, render.fps_base = animation.FPS, 1.0
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    # The neutral transform was made for product pictures: a colour of the photo stays the colour of the photo, and only
    # highlights are rolled off. AgX greys them, Standard clips them.
    _choose(scene.view_settings, "view_transform", ("Khronos PBR Neutral", "Standard"))
    _choose(scene.view_settings, "look", ("None",))
    scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0


def _choose(owner: bpy.types.bpy_struct, name: str, values: tuple[str, ...]) -> None:
    """Set the first value that this Blender's colour configuration has."""
    for value in values:
        try:
            setattr(owner, name, value)
            return
        except TypeError:
            continue


def _watch(work: Work, length: int) -> tuple[list[int], list[framing.Array]]:
    """Some frames, the first and the last among them, and the outermost points of all that is seen in each."""
    hidden = ("floor", "source")
    seen = [
        obj
        for obj in bpy.context.scene.objects
        if obj.type == "MESH" and not obj.hide_render and obj.get("galatea_role") not in hidden and obj.data.vertices
    ]
    step = max(1, math.ceil(length / _SAMPLES))
    frames = sorted({*range(1, length + 1, step), length})
    moving = any(_moves(obj) for obj in seen)
    if not moving:
        frames = [1, length] if length > 1 else [1]
    points = [framing.extreme(p) for p in animation.sampled(bpy.context.scene, seen, frames)]
    return frames, points


def _moves(obj: bpy.types.Object | None) -> bool:
    """The object, a parent of it or its armature is animated, or something else may change its shape."""
    while obj:
        if obj.animation_data or obj.modifiers or (obj.data and getattr(obj.data, "shape_keys", None)):
            return True
        obj = obj.parent
    return False


def _at_rest(frames: list[int], points: list[framing.Array], size: float) -> int:
    """The first frame from which on the middle stays where it ends, so that a still is not taken in mid-air."""
    middles = np.array([(p.min(axis=0) + p.max(axis=0)) / 2 for p in points])
    away = np.linalg.norm(middles - middles[-1], axis=1) > 0.12 * size
    last = int(np.flatnonzero(away).max(initial=-1)) + 1
    return frames[min(last, len(frames) - 1)]


class Shot:
    """One movement of the camera: an empty at the target that turns, a camera on an arm of it."""

    def __init__(self, kind: str, arc: float, easing: str, elevation: float, lens: float) -> None:
        self.kind, self.arc, self.easing, self.elevation, self.lens = kind, arc, easing, elevation, lens
        self.rig: bpy.types.Object

    def place(
        self,
        work: Work,
        scene: bpy.types.Scene,
        frames: list[int],
        points: list[framing.Array],
        view: framing.Lens,
        length: int,
    ) -> float:
        """Make the camera; returns the largest distance from its target, in metres."""
        self.rig = work.add("camera_rig", bpy.data.objects.new("Camera rig", None))
        self.rig.rotation_euler = (-self.elevation, 0.0, 0.0)
        data = bpy.data.cameras.new("Camera")
        data.lens, data.sensor_fit, data.sensor_width = self.lens, "AUTO", 36.0
        camera = work.add("camera", bpy.data.objects.new("Camera", data))
        camera.parent, camera.rotation_euler = self.rig, (math.pi / 2, 0.0, 0.0)
        scene.camera = camera
        animation.new_action(self.rig, "camera")
        animation.new_action(camera, "camera arm")
        self._turn(length)
        every = list(range(1, length + 1))
        azimuths = np.array([self.azimuth(f) for f in every])
        # Every frame of the film is looked at, even where the motion was sampled more rarely or stands still.
        shapes = [points[int(np.abs(np.array(frames) - f).argmin())] for f in every]
        target, away = self._follow(shapes, azimuths, view)
        self._keys(camera, every, target, away)
        data.clip_start, data.clip_end = float(away.min()) * 0.02, float(away.max()) * 2000
        self.rig.empty_display_size = float(away.max()) * 0.1
        return float(away.max())

    def azimuth(self, frame: float) -> float:
        for fcurve in animation.curves(self.rig):
            if fcurve.data_path == "rotation_euler":
                return float(fcurve.evaluate(frame))
        return float(self.rig.rotation_euler[2])

    def best(self, scene: bpy.types.Scene, length: int, earliest: int) -> int:
        """The frame at rest that sees the body from nearest to three quarters of the front."""
        frames = range(min(earliest, length), length + 1)
        return min(frames, key=lambda f: abs(abs(_wrapped(self.azimuth(f))) - _THREE_QUARTER))

    def _turn(self, length: int) -> None:
        """Key the azimuth."""
        end = length + 1  # a swing and a full orbit close: the frame after the last equals the first
        if self.kind == "swing":
            frames, turns = [1.0, (1 + end) / 2, end], [-self.arc / 2, self.arc / 2, -self.arc / 2]
        elif self.kind == "orbit":
            frames, turns = [1.0, end], [-_THREE_QUARTER, -_THREE_QUARTER + self.arc]
        else:
            self.rig.rotation_euler[2] = -_THREE_QUARTER
            return
        ease = "BEZIER" if self.easing == "smooth" else "LINEAR"
        fcurve = animation.curve(self.rig, "rotation_euler", 2, "camera")
        animation.fill(fcurve, frames, turns, interpolation=ease, handles="AUTO_CLAMPED")

    def _follow(
        self, shapes: list[framing.Array], azimuths: framing.Array, view: framing.Lens
    ) -> tuple[framing.Array, framing.Array]:
        """Targets (F, 3) and distances (F,): the same for all frames, unless the motion would leave the body small."""
        middle = np.array([(s.min(axis=0) + s.max(axis=0)) / 2 for s in shapes])
        extent = max(float(np.ptp(s, axis=0).max()) for s in shapes)
        count = len(shapes)
        if np.ptp(middle, axis=0).max() < 0.25 * extent:
            target = np.tile(framing.centred(shapes, azimuths, self.elevation, view), (count, 1))
            reach = count
        else:
            target, reach = framing.smooth(middle, _FOLLOW), _FOLLOW
            target[:, 2] += framing.centred(shapes[-1:], azimuths[-1:], self.elevation, view)[2] - target[-1, 2]
        need = np.array(
            [framing.distance(s, t, a, self.elevation, view) for s, t, a in zip(shapes, target, azimuths, strict=True)]
        )
        away = np.full(count, need.max()) if reach == count else framing.smooth_above(need, reach)
        if self.kind == "dolly":
            t = np.linspace(0, 1, count)
            away = away * (1 + 0.45 * (1 - (t * t * (3 - 2 * t) if self.easing == "smooth" else t)))
        return target, away

    def _keys(self, camera: bpy.types.Object, frames: list[int], target: framing.Array, away: framing.Array) -> None:
        """Key target and distance where they change."""
        self.rig.location = target[0]
        camera.location = (0.0, -away[0], 0.0)
        if np.ptp(target, axis=0).max() > 1e-9:
            animation.set_keys(self.rig, "location", frames, target, interpolation="LINEAR", group="camera")
        if np.ptp(away) > 1e-9:
            arm = np.zeros((len(frames), 3))
            arm[:, 1] = -away
            animation.set_keys(camera, "location", frames, arm, interpolation="LINEAR", group="camera")


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
