# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the stage frame by frame, each frame kept, and make a film, a still and a contact sheet of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bpy

from ...backend.protocol import parts
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.render import controls, encode, engines, pictures, rendering
from .lib.render.shots import STILL
from .work import Work

SPEC = BackendSpec(
    id="film",
    label="Film",
    task="scene-to-film",
    seeded="never",
    help="Render the film, a still and a contact sheet. An interrupted film goes on where it stopped.",
    runtime="blender",
    version=3,
    inputs=("scene",),
    outputs=("film", "still", "contact"),
    params=(
        Param(
            "engine",
            "choice",
            "cycles",
            "Cycles is the most beautiful, EEVEE wants a GPU, Workbench is a quick look, Scene renders the file as its "
            "own settings say",
            choices=("cycles", "eevee", "workbench", "scene"),
        ),
        Param(
            "device",
            "choice",
            "auto",
            "What Cycles computes on; auto takes the graphics card where there is one, the processor where it fails",
            choices=("auto", "cpu", "gpu"),
        ),
        Param("samples", "int", 8, "Samples a pixel", low=1, high=4096),
        Param("noise", "float", 0.02, "Noise at which Cycles spends no more samples; 0 spends all", low=0, high=1),
        Param("denoise", "bool", True, "Take the noise out of what Cycles rendered"),
        Param("width", "int", 0, "Width of the film; 0 is as staged", low=0, high=8192, unit="px"),
        Param("height", "int", 0, "Height of the film; 0 is as staged", low=0, high=8192, unit="px"),
        Param("first", "int", 0, "Begin at this frame; 0 is as staged", low=0, high=1000000),
        Param("last", "int", 0, "End with this frame; 0 is as staged", low=0, high=1000000),
        Param("step", "int", 0, "Render every so many frames; 0 is as staged. It plays as long", low=0, high=1000),
        Param("frames", "int", 0, "Render only so many frames; 0 is all", low=0, high=100000),
        Param(
            "format",
            "choice",
            "mp4",
            "MP4 is H.264. PNG and EXR are a file a frame, with an MP4 to look at; EXR has depth, normals, albedo, "
            "motion and cryptomattes",
            choices=tuple(encode.FORMATS),
        ),
        Param("transparent", "bool", False, "Nothing in place of the world's background, where the format can hold it"),
        Param(
            "passes",
            "bool",
            False,
            "Also depth, normals, mask and edges of each frame, as zips of PNG, for a model that restyles the film",
        ),
        Param("audio", "file", "", "Sound of the film: wav, mp3, ogg or flac; cut or repeated to its length"),
        Param("processes", "int", 0, "So many Blenders share the frames; 0 is what suits the machine", low=0, high=64),
        Param("watermark", "str", "", "Words to be seen in a corner of each frame; empty for none"),
        Param("part", "str", "", "Only this part of the frames, such as 2/8, when many machines share a film"),
    ),
)
_SHEET = 12
_COLUMNS, _CELL = 4, 240


def run(
    work: Work, *, engine: str, device: str, samples: int, noise: float, denoise: bool, width: int, height: int,
    first: int, last: int, step: int, frames: int, format: str, transparent: bool, passes: bool, audio: str,
    processes: int, watermark: str, part: str,
) -> None:  # fmt: skip
    scene = bpy.context.scene
    if not scene.camera:
        raise UserError("The scene has no camera. Run the step camera first, or give your own scene one.")
    size = _resolution(scene, width, height)
    engines.prepare(work.report, scene, engine, samples, noise=noise, denoise=denoise)
    scene.render.film_transparent = scene.render.film_transparent or transparent
    if watermark or engine != "scene":
        _watermark(scene.render, watermark, size[1])
    numbers, every = _numbers(scene, first, last, step, frames)
    numbers = parts.cut(numbers, part)
    rate = scene.render.fps, scene.render.fps_base * every
    film = encode.Film(format, size, rate, scene.render.film_transparent, audio)
    encode.check(film, work.report.keep("frames"))
    if engine == "scene" and device == "auto" and getattr(scene.cycles, "device", "") == "CPU":
        device = "cpu"  # as the file says
    order = rendering.Order(tuple(numbers), size, device, processes, layers=format == "exr", controls=passes)
    shown, plain = rendering.render(work, scene, order)
    _film(work, film, shown.paths(".png"))
    if format in encode.SEQUENCES:
        _sequence(work, shown.paths(f".{format}"), f".{format}")
    if plain:
        controls.write(work, plain.paths(), lambda done: work.progress("Writing the passes", 0.95 + 0.03 * done))
    _pictures(work, shown.paths(".png"), numbers, int(scene.get(STILL, numbers[0])), size)


def _numbers(scene: bpy.types.Scene, first: int, last: int, step: int, frames: int) -> tuple[list[int], int]:
    """The frames to render, and every how many of them that is."""
    every = step or scene.frame_step
    first, last = first or scene.frame_start, last or scene.frame_end
    found = list(range(first, last + 1, every))
    if not found:
        raise UserError(f"There is no frame from {first} to {last}. Change film.first or film.last.", kind="usage")
    return found[:frames] if frames else found, every


def _film(work: Work, film: encode.Film, paths: list[Path]) -> None:
    fps = round(film.rate[0] / film.rate[1], 4)
    told = {"frames": len(paths), "fps": fps, "width": film.size[0], "height": film.size[1], "format": film.format}
    path = work.file("film", f"film{film.packing.suffix}", **told)
    work.progress("Writing the film", 0.92)
    encode.write(film, paths, path, lambda done: work.progress("Writing the film", 0.92 + 0.03 * done))


def _sequence(work: Work, paths: list[Path], suffix: str) -> None:
    """Each frame as an asset of its own; the kept file under a second name, where the disk can do that."""
    for path in paths:
        target = work.file(f"frame_{path.stem}", f"film_{path.stem}{suffix}")
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)


def _pictures(work: Work, paths: list[Path], numbers: list[int], still: int, size: tuple[int, int]) -> None:
    work.progress("Writing the contact sheet", 0.99)
    best = paths[numbers.index(still)] if still in numbers else paths[len(paths) // 2]
    shutil.copyfile(best, work.file("still", "still.png", width=size[0], height=size[1]))
    count = min(_SHEET, len(paths))
    picked = [paths[round(k * (len(paths) - 1) / max(1, count - 1))] for k in range(count)]
    cells = [pictures.smaller(pictures.read(path), _CELL) for path in picked]
    sheet = pictures.sheet(cells, min(_COLUMNS, count), gap=6, ground=0.09)
    pictures.write(work.file("contact", "contact.png"), sheet)


def _resolution(scene: bpy.types.Scene, width: int, height: int) -> tuple[int, int]:
    """Set the size of the film, even as H.264 wants it; another shape than the staged one shows more, never less."""
    render = scene.render
    staged = render.resolution_x / render.resolution_y
    own = [round(side * render.resolution_percentage / 100) for side in (render.resolution_x, render.resolution_y)]
    x, y = width or own[0], height or own[1]
    if width and not height:
        y = round(width / staged)
    elif height and not width:
        x = round(height * staged)
    x, y = max(2, x // 2 * 2), max(2, y // 2 * 2)
    render.resolution_x, render.resolution_y, render.resolution_percentage = x, y, 100
    render.use_border = False
    cameras = [scene.camera, *(marker.camera for marker in scene.timeline_markers if marker.camera)]
    for camera in {camera.data for camera in cameras if camera.type == "CAMERA"}:
        _fit(camera, x / y, staged)
    return x, y


def _fit(camera: bpy.types.Camera, shape: float, staged: float) -> None:
    """For a picture of another shape, width by height, than it was set for."""
    if abs(shape / staged - 1) <= 0.02 or camera.sensor_fit != "AUTO":
        return
    # AUTO keeps the angle along the longer side. Keep the one of the side that would be cut instead.
    if shape > staged:
        camera.sensor_height = camera.sensor_width * min(1.0, 1 / staged)
        camera.sensor_fit = "VERTICAL"
    else:
        camera.sensor_width *= min(1.0, staged)
        camera.sensor_fit = "HORIZONTAL"


def _watermark(render: bpy.types.RenderSettings, words: str, height: int) -> None:
    """Blender's own stamp, with these words alone."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())[:200]
    for name in [name for name in dir(render) if name.startswith("use_stamp")]:
        setattr(render, name, False)
    if words:
        render.use_stamp = render.use_stamp_note = True
        render.stamp_note_text = words
        render.stamp_font_size = max(8, round(height / 24))
        render.stamp_foreground, render.stamp_background = (1, 1, 1, 0.9), (0, 0, 0, 0.35)
