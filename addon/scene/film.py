# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the stage frame by frame, each frame kept, and make a film, a still and a contact sheet of them."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import bpy

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.render import encode, engines, pictures
from .stage import STILL
from .work import Work

SPEC = BackendSpec(
    id="film",
    label="Film",
    task="scene-to-film",
    help="Render the film, a still and a contact sheet. An interrupted film goes on where it stopped.",
    runtime="blender",
    inputs=("scene",),
    outputs=("film", "still", "contact"),
    params=(
        Param(
            "engine",
            "choice",
            "cycles",
            "Cycles is the most beautiful, EEVEE wants a GPU, Workbench is a quick look",
            choices=("cycles", "eevee", "workbench"),
        ),
        Param("samples", "int", 8, "Samples a pixel", low=1, high=4096),
        Param("width", "int", 0, "Width of the film; 0 is as staged", low=0, high=8192, unit="px"),
        Param("height", "int", 0, "Height of the film; 0 is as staged", low=0, high=8192, unit="px"),
        Param("frames", "int", 0, "Render only so many frames; 0 is all", low=0, high=100000),
        Param("watermark", "str", "", "Words to be seen in a corner of each frame; empty for none"),
    ),
)
_SHEET = 12
_COLUMNS = 4


def run(work: Work, *, engine: str, samples: int, width: int, height: int, frames: int, watermark: str) -> None:
    scene = bpy.context.scene
    if not scene.camera:
        raise UserError("The scene has no camera. Run the step stage first.")
    size = _resolution(scene, width, height)
    engines.prepare(work.report, scene, engine, samples)
    _watermark(scene.render, watermark, size[1])
    last = scene.frame_end if not frames else min(scene.frame_end, scene.frame_start + frames - 1)
    numbers = list(range(scene.frame_start, last + 1))
    folder = work.report.keep("frames")
    paths = [folder / f"{number:05d}.png" for number in numbers]
    _render(work, scene, numbers, paths, size)
    work.progress("Writing the film", 0.93)
    film = work.file("film", "film.mp4", frames=len(paths), fps=scene.render.fps, width=size[0], height=size[1])
    part = film.with_name("film.part.mp4")
    encode.mp4(paths, part, *size, scene.render.fps, lambda done: work.progress("Writing the film", 0.93 + 0.04 * done))
    os.replace(part, film)
    work.progress("Writing the contact sheet", 0.98)
    still = int(scene.get(STILL, numbers[0]))
    best = paths[numbers.index(still)] if still in numbers else paths[len(paths) // 2]
    shutil.copyfile(best, work.file("still", "still.png", width=size[0], height=size[1]))
    count = min(_SHEET, len(paths))
    picked = [paths[round(k * (len(paths) - 1) / max(1, count - 1))] for k in range(count)]
    sheet = pictures.sheet(picked, min(_COLUMNS, count))
    pictures.write(work.file("contact", "contact.png"), sheet)


def _resolution(scene: bpy.types.Scene, width: int, height: int) -> tuple[int, int]:
    """Set the size of the film, even as H.264 wants it; another shape than the staged one shows more, never less."""
    render = scene.render
    staged = render.resolution_x / render.resolution_y
    x, y = width or render.resolution_x, height or render.resolution_y
    if width and not height:
        y = round(width / staged)
    elif height and not width:
        x = round(height * staged)
    x, y = max(2, x // 2 * 2), max(2, y // 2 * 2)
    render.resolution_x, render.resolution_y, render.resolution_percentage = x, y, 100
    camera = scene.camera.data
    if abs(x / y / staged - 1) > 0.02 and camera.sensor_fit == "AUTO":
        # AUTO keeps the angle along the longer side. Keep the one of the side that would be cut instead.
        if x / y > staged:
            camera.sensor_height = camera.sensor_width * min(1.0, 1 / staged)
            camera.sensor_fit = "VERTICAL"
        else:
            camera.sensor_width *= min(1.0, staged)
            camera.sensor_fit = "HORIZONTAL"
    return x, y


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


def _render(work: Work, scene: bpy.types.Scene, numbers: list[int], paths: list[Path], size: tuple[int, int]) -> None:
    """Render what is not there whole; each frame appears under its name whole or not at all."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "IMAGE"
    image.file_format, image.color_mode, image.color_depth, image.compression = "PNG", "RGB", "8", 15
    scene.render.use_file_extension = True
    scene.render.use_persistent_data = True
    todo = [(n, p) for n, p in zip(numbers, paths, strict=True) if not pictures.png_is_whole(p, *size)]
    kept, clock = len(numbers) - len(todo), time.monotonic()
    if kept:
        work.report.log(f"{kept} of {len(numbers)} frames are there already.")
    for done, (number, path) in enumerate(todo):
        work.progress(f"Rendering frame {kept + done + 1}/{len(numbers)}", 0.92 * (kept + done) / len(numbers))
        part = path.with_name(f"{path.stem}.part.png")
        scene.frame_set(number)
        scene.render.filepath = str(part)
        bpy.ops.render.render(write_still=True, scene=scene.name)
        if not pictures.png_is_whole(part, *size):
            raise UserError("A frame was not written whole. Free some disk space and run again.", kind="output")
        os.replace(part, path)
    work.report.metric("frames", len(numbers))
    work.report.metric("frames_kept", kept)
    if todo:
        work.report.metric("seconds_per_frame", round((time.monotonic() - clock) / len(todo), 3))
