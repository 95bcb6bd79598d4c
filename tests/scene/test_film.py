# SPDX-License-Identifier: GPL-3.0-or-later
"""The film: frames that survive, and files that play."""

from __future__ import annotations

import json
import shutil
import subprocess

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.render import engines, pictures
from galatea.backend.protocol.errors import JobCancelled, UserError

from .filmed import COUNT, again


def test_a_film_a_still_and_a_sheet(run, staged):
    done = run("film", samples=2)
    assert [asset.role for asset in done.assets] == ["contact", "film", "still"]
    assert pictures.png_is_whole(done.path("still"), 64, 48)
    pixels = pictures.read(done.path("still"))
    assert pixels.std() > 0.02, "the picture is empty"
    sheet = pictures.read(done.path("contact"))
    assert sheet.shape[0] > 48 and sheet.shape[1] > 3 * 64
    assert b"ftyp" in done.path("film").read_bytes()[:16]
    fractions = [event.fraction for event in done.events if hasattr(event, "fraction")]
    assert fractions == sorted(fractions)
    assert f"Rendering frame {COUNT}/{COUNT}" in [event.phase for event in done.events if hasattr(event, "phase")]


@pytest.mark.skipif(not shutil.which("ffprobe"), reason="no ffprobe")
def test_every_player_can_play_it(run, staged):
    path = run("film", samples=1, width=66, height=50).path("film")
    fields = "stream=codec_name,pix_fmt,nb_read_frames,width,height,r_frame_rate"
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", fields, "-of", "json", str(path)]
    (stream,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["streams"]
    assert stream["codec_name"] == "h264" and stream["pix_fmt"] == "yuv420p"
    assert (stream["width"], stream["height"]) == (66, 50)
    assert int(stream["nb_read_frames"]) == COUNT and stream["r_frame_rate"] == "24/1"


def test_only_frames_that_are_missing_or_cut_short_are_rendered_again(make_work, staged):
    work, _ = make_work(step="film")
    paths = again(work)
    assert [path.name for path in paths] == [f"{k:05d}.png" for k in range(1, COUNT + 1)]
    before = {path: path.stat().st_mtime_ns for path in paths}
    paths[1].unlink()
    paths[3].write_bytes(paths[3].read_bytes()[:-20])
    again(work)
    changed = [path for path in paths if before[path] != path.stat().st_mtime_ns]
    assert changed == [paths[1], paths[3]]
    assert work.report.metrics["frames_kept"] == COUNT - 2
    assert all(pictures.png_is_whole(path, 64, 48) for path in paths)


def test_a_cancel_keeps_the_frames_that_are_done(make_work, staged):
    work, events = make_work(step="film")
    store, job = work.report._store, work.report._job
    tell = work.report._emit

    def emit(event):
        tell(event)
        if "frame 3/" in getattr(event, "phase", ""):
            store.cancel(job)

    work.report._emit = emit
    with pytest.raises(JobCancelled):
        again(work)
    assert len([p for p in work.report.keep("frames").glob("*.png") if pictures.png_is_whole(p, 64, 48)]) == 3
    assert events


def test_frames_limits_the_film(run, staged):
    done = run("film", samples=1, frames=2)
    assert done.metrics["frames"] == 2


def test_a_watermark_is_in_a_corner_of_each_frame_and_only_where_it_is_wanted(run, staged):
    plain = pictures.read(run("film", samples=2, frames=2, width=240, height=180).path("still"))
    done = run("film", samples=2, frames=2, width=240, height=180, watermark="Made by a machine\n\x1b[2J")
    for path in sorted(done.report.keep("frames").glob("*.png")):
        marked = pictures.read(path)
        lit = (marked[..., :3].min(axis=2) > 0.85).astype(float) - (plain[..., :3].min(axis=2) > 0.85)
        assert lit[:30, :120].sum() + lit[-30:, :120].sum() > 40, "white letters"
    differs = np.abs(pictures.read(done.path("still")) - plain).max(axis=2) > 0.1
    assert differs[:, 200:].mean() < 0.05 and differs[60:120].mean() < 0.05, "the rest is as without"
    again = pictures.read(run("film", samples=2, frames=2, width=240, height=180).path("still"))
    assert (np.abs(again - plain).max(axis=2) > 0.1).mean() < 0.01, "the next film has none"


def test_another_shape_shows_more_and_cuts_nothing(run, staged):
    scene = bpy.context.scene
    before = scene.camera.data.angle_x, scene.camera.data.angle_y
    for width, height in ((96, 48), (48, 96)):
        scene.render.resolution_x, scene.render.resolution_y = 64, 48
        scene.camera.data = bpy.data.cameras.new("Camera")
        run("film", samples=1, frames=1, width=width, height=height)
        camera = scene.camera.data
        frame = camera.view_frame(scene=scene)
        across = max(c.x for c in frame) / -frame[0].z
        up = max(c.y for c in frame) / -frame[0].z
        assert across > 0.99 * np.tan(before[0] / 2) and up > 0.99 * 0.75 * np.tan(before[0] / 2)


def test_without_a_camera_the_user_is_told_what_to_do(run):
    with pytest.raises(UserError, match="camera"):
        run("film")


def test_workbench_and_eevee_render_too(run, staged):
    for engine in ("workbench", "eevee"):
        try:
            done = run("film", engine=engine, samples=1, frames=1)
        except RuntimeError as error:
            pytest.skip(f"{engine}: no OpenGL here: {error}")
        assert pictures.read(done.path("still")).std() > 0.02
    assert engines.eevee_id() == bpy.context.scene.render.engine


def test_a_damaged_png_is_not_whole(tmp_path, run, staged):
    path = run("film", samples=1, frames=1).path("still")
    data = path.read_bytes()
    bad = tmp_path / "bad.png"
    assert not pictures.png_is_whole(tmp_path / "none.png", 64, 48)
    assert not pictures.png_is_whole(path, 64, 50)
    for broken in (b"", data[:40], data[:-1], data[:200] + bytes([data[200] ^ 255]) + data[201:]):
        bad.write_bytes(broken)
        assert not pictures.png_is_whole(bad, 64, 48)
