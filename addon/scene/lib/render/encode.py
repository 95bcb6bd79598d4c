# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames to a film with Blender's own FFmpeg, through a sequencer in a scene of its own; a GIF with Pillow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .....backend.protocol.errors import UserError
from . import pictures, sets

Tick = Callable[[float], None]


@dataclass(frozen=True)
class Format:
    """How a film is packed. `alpha` says that it can hold transparency; no `codec` is not FFmpeg's business."""

    suffix: str
    container: str = ""
    codec: str = ""
    audio: str = ""
    alpha: bool = False


FORMATS = {
    "mp4": Format(".mp4", "MPEG4", "H264", "AAC"),
    "h265": Format(".mp4", "MPEG4", "H265", "AAC"),
    "av1": Format(".mp4", "MPEG4", "AV1", "AAC"),
    "webm": Format(".webm", "WEBM", "WEBM", "OPUS", alpha=True),
    "prores": Format(".mov", "QUICKTIME", "PRORES", "PCM", alpha=True),
    "gif": Format(".gif", alpha=True),
    "png": Format(".mp4", "MPEG4", "H264", "AAC", alpha=True),
    "exr": Format(".mp4", "MPEG4", "H264", "AAC", alpha=True),
}
"""A sequence has an MP4 beside it to look at, which shows what is transparent on black."""
SEQUENCES = ("png", "exr")


@dataclass(frozen=True)
class Film:
    """What is made of the frames: `rate` is frames a second as (whole, divided by)."""

    format: str
    size: tuple[int, int]
    rate: tuple[int, float]
    transparent: bool = False
    audio: str = ""

    @property
    def packing(self) -> Format:
        return FORMATS[self.format]


def check(film: Film, folder: Path) -> None:
    """Raise `UserError` for what cannot be made, before anything is rendered for it: two frames are tried."""
    if film.transparent and not film.packing.alpha:
        able = ", ".join(name for name, packing in FORMATS.items() if packing.alpha)
        raise UserError(f"{film.format} holds no transparency. Set film.format to one of {able}.", kind="usage")
    if film.audio and not film.packing.audio:
        raise UserError(f"{film.format} holds no sound. Set film.format to another, or give no film.audio.")
    if film.format == "gif":
        _pillow()
        return
    frames = [folder / f"try-{number}.png" for number in range(2)]
    for frame in frames:
        pictures.write(frame, np.zeros((film.size[1], film.size[0], 3), np.float32))
    trial = folder / f"try{film.packing.suffix}"
    try:
        write(film, frames, trial, lambda done: None)
    finally:
        for path in (*frames, trial):
            path.unlink(missing_ok=True)


def write(film: Film, frames: list[Path], path: Path, tick: Tick) -> None:
    """The film of these frames, which lie in one folder in their order; `tick` hears the share that is done."""
    if film.format == "gif":
        _gif(film, frames, path, tick)
        return
    with _scene(film, len(frames)) as scene:

        def written(*_: object) -> None:
            tick((scene.frame_current or 0) / len(frames))

        strip = _strips(scene).new_image("film", str(frames[0]), channel=1, frame_start=1)
        for frame in frames[1:]:
            strip.elements.append(frame.name)
        strip.colorspace_settings.name = "sRGB"
        strip.blend_type = "REPLACE"
        if film.audio:
            _sound(scene, film.audio, len(frames))
        scene.render.filepath = str(path)
        bpy.app.handlers.render_write.append(written)
        try:
            bpy.ops.render.render(animation=True, scene=scene.name)
        except RuntimeError as error:
            raise _cannot(film, error) from None
        finally:
            bpy.app.handlers.render_write.remove(written)
    if not path.is_file() or not path.stat().st_size:
        raise _cannot(film, None)


def _cannot(film: Film, error: Exception | None) -> UserError:
    words = str(error).strip().splitlines() if error else []
    if any("No space left" in line for line in words):
        return UserError("The film could not be written. Free some disk space and run again.", kind="output")
    width, height = film.size
    message = f"This Blender's FFmpeg cannot write {film.format} of {width} by {height}. Set film.format to mp4"
    return UserError(f"{message} or change the size.", hint=words[-1] if words else "", kind="environment")


def _strips(scene: bpy.types.Scene) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # `strips` from 4.4 on


@contextmanager
def _scene(film: Film, count: int) -> Iterator[bpy.types.Scene]:
    """A scene with an empty sequencer that writes the film; gone afterwards."""
    with sets.temporary(bpy.data.scenes.new("galatea film")) as scene:
        render = scene.render
        scene.frame_start, scene.frame_end = 1, count
        render.fps, render.fps_base = film.rate
        render.resolution_x, render.resolution_y, render.resolution_percentage = *film.size, 100
        render.use_sequencer, render.use_compositing, render.use_file_extension = True, False, False
        view = scene.view_settings
        view.view_transform, view.look = "Standard", "None"  # the frames went through theirs already
        view.exposure, view.gamma = 0.0, 1.0
        scene.sequence_editor_create()
        _settings(render, film)
        yield scene


def _settings(render: bpy.types.RenderSettings, film: Film) -> None:
    image, ffmpeg, packing = render.image_settings, render.ffmpeg, film.packing
    if hasattr(image, "media_type"):  # 5.0 and later
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    ffmpeg.format = packing.container
    try:
        ffmpeg.codec = packing.codec
    except TypeError:
        able = ", ".join(name for name, each in FORMATS.items() if not each.codec or _known(ffmpeg, each.codec))
        message = f"This Blender cannot write {film.format}. Set film.format to one of {able}."
        raise UserError(message, kind="environment") from None
    ffmpeg.audio_codec = packing.audio if film.audio else "NONE"
    ffmpeg.audio_bitrate, ffmpeg.audio_mixrate, ffmpeg.audio_channels = 192, 48000, "STEREO"
    ffmpeg.constant_rate_factor, ffmpeg.ffmpeg_preset, ffmpeg.gopsize = "HIGH", "GOOD", 12
    moving = film.transparent and film.format not in SEQUENCES
    if packing.codec == "PRORES":
        ffmpeg.ffmpeg_prores_profile = "4444" if moving else "422_HQ"
    image.color_mode = "RGBA" if moving else "RGB"


def _known(ffmpeg: Any, codec: str) -> bool:
    return codec in ffmpeg.bl_rna.properties["codec"].enum_items


def _sound(scene: bpy.types.Scene, path: str, count: int) -> None:
    """The sound from the first frame to the last: cut where it is longer, again from its beginning where shorter."""
    strips, start, channel = _strips(scene), 1, 2
    while start <= count:
        try:
            strip = strips.new_sound("sound", path, channel=channel, frame_start=start)
        except RuntimeError:
            strip = None
        length = int(strip.frame_final_duration) if strip else 0
        if strip is None or length < 1 or strip.sound.samplerate == 0:
            message = f"{Path(path).name} is no sound that Blender reads. Choose a wav, mp3, ogg or flac file."
            raise UserError(message, kind="input")
        start, channel = start + length, 5 - channel


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        message = "A GIF needs Pillow, which this Blender has not. Set film.format to mp4 or webm."
        raise UserError(message, kind="environment") from None
    return Image


def _gif(film: Film, frames: list[Path], path: Path, tick: Tick) -> None:
    """Plays for ever. One palette for all frames, lest still places flicker; a GIF counts hundredths of a second."""
    image = _pillow()
    every = film.rate[1] / film.rate[0]
    ends = [round(100 * every * number) for number in range(len(frames) + 1)]
    lasts = [10 * max(b - a, 2) for a, b in pairwise(ends)]
    palette = None if film.transparent else _palette(image, frames)

    def packed() -> Iterator[Any]:
        for done, frame in enumerate(frames):
            tick(done / len(frames))
            with image.open(frame) as picture:
                picture.load()
                yield picture.convert("RGBA") if palette is None else picture.convert("RGB").quantize(palette=palette)

    first, *_ = [next(each := packed())]
    first.save(
        path, "GIF", save_all=True, append_images=each, duration=lasts, loop=0, disposal=2 if film.transparent else 1
    )


def _palette(image: Any, frames: list[Path]) -> Any:
    """256 colours that suit pictures from the whole film."""
    count = min(len(frames), 12)
    picked = [frames[round(k * (len(frames) - 1) / max(1, count - 1))] for k in range(count)]
    small = []
    for frame in picked:
        with image.open(frame) as picture:
            small.append(picture.convert("RGB"))
            small[-1].thumbnail((320, 320))
    width, height = small[0].size
    pasted = image.new("RGB", (width, height * count))
    for row, each in enumerate(small):
        pasted.paste(each, (0, row * height))
    return pasted.quantize(256)
