# SPDX-License-Identifier: GPL-3.0-or-later
"""A little set to film, and films taken apart again."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene import film
from galatea.addon.scene.lib.render import pictures

COUNT = 6


@pytest.fixture
def staged(run, make_figure):
    """A body that turns before a camera, a sun, a floor."""
    small = make_figure(12, 16)
    stage(run("bring", {"mesh": small.mesh, "albedo": small.albedo}).work.object("body"))


def stage(body, count=COUNT, size=(64, 48)):
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.render.fps = 1, count, 24
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = *size, 100
    scene.view_settings.view_transform = "Standard"
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler = (0.0, -3.0, 0.5), (np.pi / 2, 0, 0)
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.rotation_euler = (0.8, 0.3, 0)
    bpy.ops.mesh.primitive_plane_add(size=2.4)
    for obj in (camera, sun):
        scene.collection.objects.link(obj)
    scene.camera = camera
    for frame, turn in ((1, 0.0), (count, 3.0)):
        body.rotation_euler[2] = turn
        body.keyframe_insert("rotation_euler", frame=frame)


def again(work, **params):
    """The step once more in the folder of this job; the frames that it kept."""
    film.run(work, **film.SPEC.fill({"engine": "cycles", "samples": 2, **params}))
    return sorted(work.report.keep("frames").glob("*.png"))


def decoded(path, folder, channels=3):
    """Every frame (H, W, channels) of a film file, as Blender's own decoder sees it, and its rate."""
    clip = bpy.data.movieclips.load(str(path))
    count, size, fps = clip.frame_duration, tuple(clip.size), clip.fps
    scene = bpy.data.scenes.new("decoded")
    try:
        render, image = scene.render, scene.render.image_settings
        scene.frame_start, scene.frame_end = 1, count
        render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
        render.use_sequencer, render.filepath = True, f"{folder}/decoded-"
        scene.view_settings.view_transform = "Standard"
        editor = scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        strip = strips.new_movie("film", str(path), channel=1, frame_start=1)
        strip.blend_type = "REPLACE"
        if hasattr(image, "media_type"):
            image.media_type = "IMAGE"
        image.file_format, image.color_mode = "PNG", "RGBA"
        bpy.ops.render.render(animation=True, scene=scene.name)
        return [pictures.read(folder / f"decoded-{n:04d}.png", channels) for n in range(1, count + 1)], fps
    finally:
        bpy.data.movieclips.remove(clip)
        bpy.data.scenes.remove(scene)
