# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras that keep the body in the frame, whatever its size and wherever its motion takes it."""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.render import cameras, fitting, focusing, matched, studio, watching, wished
from .lib.render import shots as plans
from .lib.render.wished import AUTO
from .work import Work

MATCH = "match"
_ALIKE = 0.6
SPEC = BackendSpec(
    id="camera",
    label="Camera",
    task="scene-to-camera",
    help="Move a camera so that the body is in the frame over its whole motion.",
    runtime="blender",
    version=6,
    inputs=("scene",),
    optional=("image", "mask"),
    outputs=("scene",),
    params=(
        Param(
            "path",
            "choice",
            "auto",
            "Auto is what the words of a scene say, else swing. A body that a photo showed from another side is first "
            "seen from there. Swing goes to and fro before the front, orbit once around; turntable turns the body "
            "before a camera that stands; spiral comes down and nearer, dolly nearer, push from far off; truck goes "
            "past, crane up; follow goes along with a body that walks; handheld shakes a little; vertigo zooms out "
            "while it comes nearer; match is where the photo was taken",
            choices=(AUTO, *plans.PATHS, MATCH),
        ),
        Param(
            "shots",
            "str",
            "",
            "Several shots with cuts instead, such as: wide 2s; low orbit 3s; close left 1s. A shot is a path, a size "
            "(wide, full, close), a side (front, left, back, right) or height (low, high), and a time",
        ),
        Param(
            "seconds", "float", 3.0, "Length of the film; 0 is as long as the motion, of a scene in words until a "
            "second after all is at rest, where they do not say how long", low=0.0, high=600.0, unit="s",
        ),
        Param(
            "arc", "float", 0.0, "How far around it goes; 0 is the path's own: 80° of swing, 360° of orbit",
            low=0.0, high=3600.0, unit="°",
        ),
        Param("easing", "choice", "smooth", "Soft start and stop, or even speed", choices=("smooth", "linear")),
        Param("lens", "float", 60.0, "Focal length on a 36 mm sensor", low=12.0, high=300.0, unit="mm"),
        Param("elevation", "float", 12.0, "How high the camera stands", low=-5.0, high=80.0, unit="°"),
        Param("margin", "float", 0.09, "Share of the frame left free at each side", low=0.0, high=0.4),
        Param("width", "int", 480, "Width of the picture", low=16, high=8192, unit="px"),
        Param("height", "int", 360, "Height of the picture; the photo's shape where the path is match", low=16,
              high=8192, unit="px"),
        Param(
            "fstop", "float", 0.0, "Depth of field as of a body of 1 m: 1.4 is shallow, 8 is deep, 0 is all sharp",
            low=0.0, high=64.0,
        ),
        Param(
            "focus", "choice", "middle",
            "What is sharp with an fstop: the body's middle, its nearest point, or pulled from before it onto it",
            choices=("middle", "nearest", "pull"),
        ),
        Param(
            "shutter", "float", 0.0, "Motion blur: how long the shutter is open, as a share of a frame; 0.5 is film, 0 "
            "is off", low=0.0, high=2.0,
        ),
    ),
)  # fmt: skip


def run(
    work: Work, *, path: str, shots: str, seconds: float, arc: float, easing: str, lens: float, elevation: float,
    margin: float, width: int, height: int, fstop: float, focus: str, shutter: float,
) -> None:  # fmt: skip
    scene, bodies = bpy.context.scene, wished.bodies(work)
    studio.clear_camera(work)
    path, shots, arc, elevation = wished.camera(scene, path, shots, arc, elevation)
    rate = wished.rate(scene)
    ends = not seconds and wished.ends(scene)
    seconds = seconds or wished.end(scene) / rate
    side = wished.shown(scene, bodies)
    wish = plans.Wish(path, seconds, arc, easing == "smooth", lens, elevation, margin, shown=side)
    wishes = plans.parse(shots, wish) if shots.strip() else [wish]
    counts = [max(1, round(each.seconds * rate)) for each in wishes]
    length = sum(counts)
    watched = watching.watch(length, lambda done: work.progress("Watching the motion", 0.05 + 0.6 * done))
    if len(wishes) == 1:
        length = watched.length if ends else length
        counts = [length]
        side_on = None if side is not None or wish.path != "swing" else watched.side
        wishes = [dataclasses.replace(wishes[0], azimuth=side_on)] if side_on is not None else wishes
    _paper(scene, length, rate, width, height, shutter)
    told = wished.document(scene) is not None and path != "follow"
    grows = told and watched.follows
    seen = cameras.Seen(watched.shapes[:length], steady=told and not grows, grows=grows)
    size = max(float(np.ptp(wished.rest_points(bodies), axis=0).max()), 1e-9)
    places = cameras.target(work, seen)
    work.progress("Placing the camera", 0.7)
    sharp = focusing.Focus(fstop, focus, size)
    if wishes[0].path == MATCH:
        reach, best = _match(work, bodies[0], scene, width, seen, sharp), seen.at_rest(size)
    else:
        rigs = _shoot(work, scene, wishes, counts, seen, places, sharp)
        reach = max(rig.reach for rig in rigs)
        best = _best(rigs, seen.at_rest(size), side)
    work.progress("Fitting the set", 0.95)
    fitting.fit(work, seen, places, reach, size)
    scene[plans.STILL] = best
    scene.frame_set(1)
    for name, value in (("frames", length), ("distance_m", round(reach, 6)), ("size_m", round(size, 6))):
        work.report.metric(name, value)
    work.report.metric("still_frame", best)


def _paper(scene: bpy.types.Scene, length: int, rate: int, width: int, height: int, shutter: float) -> None:
    scene.frame_start, scene.frame_end = 1, length
    render = scene.render
    render.fps, render.fps_base = rate, 1.0
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    render.use_motion_blur = shutter > 0
    if shutter > 0:
        render.motion_blur_shutter = shutter


def _shoot(
    work: Work,
    scene: bpy.types.Scene,
    wishes: list[plans.Wish],
    counts: list[int],
    seen: cameras.Seen,
    places: cameras.Array,
    sharp: focusing.Focus,
) -> list[cameras.Rig]:
    """A camera for each shot; several are bound to markers, which an editor can move."""
    rigs, start = [], 1
    for number, (wish, count) in enumerate(zip(wishes, counts, strict=True)):
        part, place = seen.part(start, count), places[start - 1 : start - 1 + count]
        name = "Camera" if len(wishes) == 1 else f"Shot {number + 1} {wish.path}"
        rig = cameras.Rig(work, scene, plans.plan(wish), part, place, name)
        rig.shoot(work.seed + number)
        focusing.apply(rig, sharp)
        if rig.shot.lit:
            fitting.turn_light(work, rig, last=number + 1 == len(wishes))
        if len(wishes) > 1:
            scene.timeline_markers.new(name, frame=start).camera = rig.camera
        rigs.append(rig)
        start += count
        work.progress("Placing the camera", 0.7 + 0.25 * (number + 1) / len(wishes))
    scene.camera = rigs[0].camera
    return rigs


def _match(
    work: Work, body: bpy.types.Object, scene: bpy.types.Scene, width: int, seen: cameras.Seen, sharp: focusing.Focus
) -> float:
    """One camera where the photo was taken; returns how far that is."""
    if "mask" not in work.files:
        raise UserError("The path match wants a photo and its mask. Give --image and --mask, or choose another path.")
    scene.frame_set(1)
    told = work.beat("Looking for the photo's camera", 0.8)

    def tell(part: float) -> None:
        told()

    found = matched.find(body, work.files["mask"], tell)
    if "image" in work.files:
        matched.check(work.files["image"], found)
    camera = work.add("camera", bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera")))
    matched.place(camera, found)
    scene.camera = camera
    scene.render.resolution_x = max(2, width // 2 * 2)
    scene.render.resolution_y = max(2, round(width * found.size[1] / found.size[0] / 2) * 2)
    far = matched.distance(camera, seen.middles[0])
    camera.data.clip_start, camera.data.clip_end = max(0.02 * far, 1e-6), 1000 * far
    focusing.on_target(work, camera, sharp)
    work.report.metric("overlap", round(found.overlap, 4))
    work.report.metric("fov_degrees", round(matched.angle(found), 2))
    if found.overlap < _ALIKE:
        text = f"The body covers {found.overlap:.0%} of what the photo shows: the background may not fit it."
        work.report.warn(text)
    return far


def _best(rigs: list[cameras.Rig], earliest: int, shown: float | None) -> int:
    """The frame at rest that sees the body from nearest to where a photo showed it, or three quarters of the front."""

    def off(turn: float) -> float:
        return abs(abs(turn) - plans.THREE_QUARTER) if shown is None else abs((turn - shown + 180) % 360 - 180)

    found = [
        (off(turn), frame)
        for rig in rigs
        for frame, turn in zip(rig.seen.frames, rig.turns(), strict=True)
        if frame >= earliest
    ]
    return min(found)[1]
