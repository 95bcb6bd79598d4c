# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames to an MP4 with Blender's own FFmpeg, through a sequencer in a scene of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy


def mp4(frames: list[Path], path: Path, width: int, height: int, fps: int, tick: Callable[[float], None]) -> None:
    """H.264, yuv420p, even sizes: what every player and browser takes. The frames lie in one folder, in order."""
    scene = bpy.data.scenes.new("galatea film")
    count = len(frames)

    def written(*_: object) -> None:
        tick((scene.frame_current or 0) / count)

    try:
        _settings(scene, width, height, fps, count)
        editor = scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # `strips` from 4.4 on
        strip = strips.new_image("film", str(frames[0]), channel=1, frame_start=1)
        for frame in frames[1:]:
            strip.elements.append(frame.name)
        strip.colorspace_settings.name = "sRGB"
        scene.render.filepath = str(path)
        bpy.app.handlers.render_write.append(written)
        bpy.ops.render.render(animation=True, scene=scene.name)
    finally:
        if written in bpy.app.handlers.render_write:
            bpy.app.handlers.render_write.remove(written)
        bpy.data.scenes.remove(scene)


def _settings(scene: bpy.types.Scene, width: int, height: int, fps: int, count: int) -> None:
    render = scene.render
    scene.frame_start, scene.frame_end = 1, count
    render.fps, render.fps_base = fps, 1.0
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.use_sequencer, render.use_compositing, render.use_file_extension = True, False, False
    scene.view_settings.view_transform = "Standard"  # the frames went through theirs already
    image = render.image_settings
    if hasattr(image, "media_type"):  # 5.0 and later
        image.media_type = "VIDEO"
    image.file_format = "FFMPEG"
    image.color_mode = "RGB"
    ffmpeg = render.ffmpeg
    ffmpeg.format, ffmpeg.codec, ffmpeg.audio_codec = "MPEG4", "H264", "NONE"
    ffmpeg.constant_rate_factor, ffmpeg.ffmpeg_preset, ffmpeg.gopsize = "HIGH", "GOOD", 12
