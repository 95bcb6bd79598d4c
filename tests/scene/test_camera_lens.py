# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera is: its focus, its shutter, and the one that the photo was taken with."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.motion import animation
from galatea.backend.protocol.errors import UserError

from .pictured import projected, seen


def test_focus_is_on_the_body_and_scales_with_it(run, body):
    run("camera", path="dolly", fstop=2.0, focus="nearest", seconds=1.0)
    scene, dof = bpy.context.scene, bpy.context.scene.camera.data.dof
    size = float(np.ptp(animation.rest_points(body()), axis=0).max())
    assert dof.use_dof and dof.aperture_fstop == pytest.approx(2.0 / size, rel=1e-3)
    for frame in (1, 24):
        nearest = seen(body(), [frame])[..., 2].min()
        assert dof.focus_distance == pytest.approx(nearest, rel=0.05)
    run("camera", path="static", fstop=2.0, focus="pull", seconds=1.0)
    dof = bpy.context.scene.camera.data.dof
    scene.frame_set(1)
    before = dof.focus_distance
    scene.frame_set(24)
    assert before < 0.7 * dof.focus_distance
    run("camera", fstop=2.0)
    assert bpy.context.scene.camera.data.dof.focus_object == bpy.context.scene.camera.parent
    run("camera")
    assert not bpy.context.scene.camera.data.dof.use_dof


def test_the_shutter_blurs_motion_or_does_not(run, body):
    run("camera", shutter=0.5)
    assert bpy.context.scene.render.use_motion_blur and bpy.context.scene.render.motion_blur_shutter == 0.5
    run("camera")
    assert not bpy.context.scene.render.use_motion_blur


def test_what_moves_is_blurred_in_the_render(run, body, tmp_path):
    run("stage", floor="none", background="transparent")
    scene, found = bpy.context.scene, []
    for shutter in (0.0, 1.0):
        run("camera", path="turntable", seconds=0.25, width=48, height=36, shutter=shutter)
        scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 16, "CPU"
        scene.render.image_settings.color_mode, scene.render.filepath = "RGBA", str(tmp_path / f"{shutter}.png")
        scene.frame_set(3)
        bpy.ops.render.render(write_still=True)
        alpha = np.array(bpy.data.images.load(scene.render.filepath).pixels[:])[3::4]
        found.append(int(((alpha > 0.1) & (alpha < 0.9)).sum()))
    assert found[1] > 1.3 * found[0]


def test_the_photo_s_camera_is_found(run, body, tmp_path):
    from PIL import Image

    scene = bpy.context.scene
    run("camera", path="static", lens=50.0, elevation=20.0, width=320, height=240)
    camera = scene.camera
    bpy.context.view_layer.update()
    kept = np.array(camera.matrix_world)
    camera.data.shift_x = 0.06  # off the middle, as photos are
    scene.render.engine, scene.cycles.samples, scene.render.film_transparent = "CYCLES", 1, True
    scene.render.image_settings.color_mode, scene.render.filepath = "RGBA", str(tmp_path / "seen.png")
    bpy.ops.render.render(write_still=True)
    alpha = Image.open(tmp_path / "seen.png").getchannel("A")
    alpha.save(tmp_path / "mask.png")
    Image.new("RGB", alpha.size).save(tmp_path / "photo.png")
    files = {"image": tmp_path / "photo.png", "mask": tmp_path / "mask.png"}
    done = run("camera", files, path="match", width=480)
    assert done.metrics["overlap"] > 0.9
    assert (scene.render.resolution_x, scene.render.resolution_y) == (480, 360)
    shown = np.array(alpha) > 127
    places = projected(animation.points_at(body(), bpy.context.evaluated_depsgraph_get()))
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    wanted = np.array([columns[0] / 320, 1 - rows[-1] / 240, columns[-1] / 320, 1 - rows[0] / 240])
    found = np.r_[places[:, :2].min(axis=0), places[:, :2].max(axis=0)]
    assert np.abs(found - wanted).max() < 0.03
    toward = np.array(scene.camera.matrix_world)[:3, 2] @ kept[:3, 2]
    assert toward > np.cos(np.radians(15))


def test_a_mask_that_is_none_or_of_another_shape_is_refused(run, body, tmp_path):
    from PIL import Image, ImageDraw

    mask = Image.new("L", (80, 60))
    ImageDraw.Draw(mask).rectangle((20, 10, 50, 55), fill=255)
    mask.save(tmp_path / "mask.png")
    Image.new("RGB", (60, 80)).save(tmp_path / "photo.png")
    Image.new("L", (80, 60)).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_bytes(b"no picture")
    for image, name, says in (("photo", "mask", "upright"), ("photo", "black", "nothing"), ("photo", "text", "Cannot")):
        with pytest.raises(UserError, match=says):
            files = {"image": tmp_path / f"{image}.png", "mask": tmp_path / f"{name}.png"}
            run("camera", files, path="match")


def test_match_without_a_photo_says_what_to_do(run, body):
    with pytest.raises(UserError, match="mask"):
        run("camera", path="match")
