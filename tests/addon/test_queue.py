# SPDX-License-Identifier: GPL-3.0-or-later
"""The render queue: the open scene in a second Blender, order, pause, going on after a restart or a crash."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import plan, prefs, runs
from galatea.addon.ui import jobs
from galatea.backend.protocol.errors import UserError

from .conftest import tick_until
from .drawn import drawn


@pytest.fixture
def scene(addon: Any, tmp_path: Path) -> Any:
    """A saved file of the artist's: a cube with a picture that lies beside it, a camera, 12 frames of Cycles."""
    texture = bpy.data.images.new("wood", 8, 8)
    texture.filepath_raw, texture.file_format = str(tmp_path / "wood.png"), "PNG"
    texture.save()
    bpy.data.images.remove(texture)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "my scene.blend"))
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    material = bpy.data.materials.new("wood")
    material.use_nodes = True
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load("//wood.png")
    cube.data.materials.append(material)
    bpy.ops.object.light_add(type="SUN", rotation=(0.6, 0.3, 0))
    bpy.ops.object.camera_add(location=(0, -6, 0), rotation=(1.5708, 0, 0))
    scene.camera = bpy.context.object
    scene.frame_start, scene.frame_end, scene.render.fps = 11, 22, 25
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 3, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 160, 120, 50
    for frame, place in ((11, -1.0), (22, 1.0)):
        cube.location.x = place
        cube.keyframe_insert("location", frame=frame)
    return scene


def frame(bridge: Any) -> int:
    """The number of the frame that is being rendered, 0 where none is."""
    found = re.match(r"Rendering frame (\d+)/", bridge.live.phase)
    return int(found[1]) if found else 0


def frames(bridge: Any, run: Any) -> dict[str, int]:
    """Kept frames and when they were written."""
    found = [stage["job"] for stage in run.stages if stage["step"] == "film"] or [bridge.engine.job]
    folder = bridge.store.folder(found[0]) / "keep" / "frames"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("?????.png")}


def test_the_open_scene_is_rendered_as_it_is_and_stays_as_it_is(bridge: Any, scene: Any) -> None:
    path, dirty = bpy.data.filepath, bpy.data.is_dirty
    run = plan.render_scene(bpy.context)
    assert (bpy.data.filepath, bpy.data.is_dirty) == (path, dirty), "the artist's file is untouched"
    assert bpy.data.images["wood.png"].filepath == "//wood.png"
    with bpy.data.libraries.load(run.inputs["scene"], link=True) as (_, there):
        there.images = ["wood.png"]
    copied = next(image for image in bpy.data.images if image.library)
    found = bpy.path.abspath(copied.filepath, library=copied.library)
    assert Path(found).is_file(), "what lies beside the file is found from its copy"
    bridge.finish(run, bpy.context)
    assert run.state == "done", run.failure
    assert run.title == "my scene: Render"
    files = run.files(bridge.store)
    film = bpy.data.movieclips.load(str(files["film"]))
    assert (film.frame_duration, tuple(film.size), film.fps) == (12, (80, 60), 25)
    assert min(frames(bridge, run)) == "00011.png"
    assert "run " in run.command(Path("out")) and "film.engine=scene" in run.command(Path("out"))


def test_what_cannot_be_rendered_is_said(bridge: Any, scene: Any) -> None:
    image = bpy.data.images["wood.png"]
    image.pixels[0] = 0.9
    with pytest.raises(UserError, match=r"wood.png was painted and not saved"):
        plan.render_scene(bpy.context)
    image.pack()
    assert plan.render_scene(bpy.context)
    scene.camera = None
    assert not bpy.ops.galatea.render_scene.poll()


def test_a_pause_ends_after_the_frame_and_no_frame_is_rendered_again(bridge: Any, scene: Any) -> None:
    scene.cycles.samples, scene.cycles.use_adaptive_sampling = 128, False
    run = plan.render_scene(bpy.context)
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: frame(bridge) >= 4)
    pid = bridge.engine.runner._runners["blender"].pid
    job = bridge.engine.job
    bridge.pause(run)
    tick_until(bridge, lambda: bridge.idle)
    assert run.state == "paused" and not run.ended
    assert bridge.engine.runner._runners["blender"].pid == pid, "nobody was killed for it"
    kept = frames(bridge, run)
    assert 4 <= len(kept) < 12
    (read,) = runs.load(prefs.runs_folder())
    assert read.state == "paused"
    bridge.resume(run)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "done" and run.stages[-1]["job"] == job
    after = frames(bridge, run)
    assert len(after) == 12 and {name: after[name] for name in kept} == kept


def test_a_render_goes_on_after_either_side_died(bridge: Any, scene: Any) -> None:
    scene.cycles.samples, scene.cycles.use_adaptive_sampling = 128, False
    run, later = plan.render_scene(bpy.context), plan.render_scene(bpy.context)
    bridge.start(run, bpy.context)
    bridge.start(later, bpy.context)
    tick_until(bridge, lambda: frame(bridge) >= 3)
    kept = frames(bridge, run)
    os.kill(bridge.engine.runner._runners["blender"].pid, signal.SIGKILL)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "failed" and "exit code -9" in run.failure["message"]
    bridge.close()  # Blender is closed, too
    bridge.forget()
    bridge.history()
    assert {each.id: each.state for each in bridge.runs} == {run.id: "failed", later.id: "paused"}
    assert bpy.ops.galatea.resume.poll()
    (again,) = (each for each in bridge.runs if each.id == run.id)
    bridge.resume(again)
    assert bridge.waiting == 1 and not bridge.at_home(again)
    tick_until(bridge, lambda: again.ended)
    assert again.state == "done", again.failure
    after = frames(bridge, again)
    assert len(after) == 12 and {name: after[name] for name in kept} == kept


def test_what_goes_on_in_another_file_comes_into_that_and_replaces_nothing(
    bridge: Any, fake: Callable[..., Any]
) -> None:
    run = fake(replaces=["Cube"])
    bridge.start(run, bpy.context)
    bridge.pause(run)
    bridge.epoch += 1
    bridge.sync(select=run.id)
    assert not bridge.at_home(run) and bpy.ops.galatea.resume() == {"FINISHED"}
    assert bridge.at_home(run) and run.replaces == []
    tick_until(bridge, lambda: run.ended)
    assert run.state == "done", run.failure


def test_order_and_priority_say_who_is_next_and_outlive_a_restart(bridge: Any, fake: Callable[..., Any]) -> None:
    one, two, three, four = (fake({"text": str(n)}) for n in range(4))
    for run in (one, two, three, four):
        bridge.start(run, bpy.context)
    assert [bridge.place(run) for run in (one, two, three, four)] == [1, 2, 3, 4]
    bridge.move(three, -1)
    bridge.prefer(four, 1)
    bridge.prefer(one, -1)
    assert bridge.engine.waiting == [four, three, two, one]
    bridge.move(four, -1)
    bridge.move(one, 1)
    assert bridge.engine.waiting == [four, three, two, one], "nowhere to go"
    bridge.pause(two)
    assert two.state == "paused" and bridge.engine.waiting == [four, three, one]
    bridge.close()
    bridge.forget()
    bridge.history()
    assert {run.state for run in bridge.runs} == {"paused"}
    assert bpy.ops.galatea.resume(everything=True) == {"FINISHED"}
    ids = [run.id for run in bridge.engine.waiting]
    assert ids == [run.id for run in (four, three, two, one)]
    ended: list[str] = []
    tick_until(bridge, lambda: ended.extend(r.id for r in bridge.runs if r.ended and r.id not in ended) or bridge.idle)
    assert ended == ids and {run.state for run in bridge.runs} == {"done"}


def test_a_pause_can_become_a_cancel(bridge: Any, fake: Callable[..., Any]) -> None:
    run = fake({"trouble": "hang"})
    bridge.start(run, bpy.context)
    tick_until(bridge, lambda: bridge.live.phase == "Waiting")
    bridge.pause(run)
    for _ in range(5):
        bridge.tick()
    assert bridge.live.phase == "Pausing" and not run.ended
    bridge.cancel(run)
    tick_until(bridge, lambda: run.ended)
    assert run.state == "cancelled"
    told = drawn(jobs.GALATEA_PT_jobs).text
    assert "Cancelled. Asked today" in told and "Finished steps and frames are kept." in told


def test_time_left_counts_what_is_done_now_and_not_what_was_kept(bridge: Any, fake: Callable[..., Any]) -> None:
    from galatea.backend.protocol.event import Progress

    run = fake({"seconds": 60.0})
    bridge.start(run, bpy.context)
    bridge.tick()
    live = bridge.live
    bridge.engine._event("fake", Progress("x", "Opening the scene", 0.0))
    bridge.engine._event("fake", Progress("x", "Rendering frame 51/101", 0.5))
    assert live.counted[1] == 0.5
    live.since = time.monotonic() - 3.0
    assert not live.seconds(), "half was there: three seconds for it tell nothing of the other half"
    live.counted = (time.monotonic() - 10.0, 0.5)
    bridge.engine._event("fake", Progress("x", "Rendering frame 61/101", 0.6))
    assert bridge.seconds_left() == pytest.approx(40, rel=0.05)
    bridge.cancel(run)
    assert bridge.seconds_left() is None, "it is to end now"


def test_the_panel_has_what_fits_the_state(bridge: Any, fake: Callable[..., Any]) -> None:
    one, two = fake({"text": "1"}), fake({"text": "2"})
    bridge.start(one, bpy.context)
    bridge.start(two, bpy.context)

    def offered() -> list[str]:
        return [name.partition(".")[2] for name, _, _ in drawn(jobs.GALATEA_PT_jobs).operators]

    assert {"pause", "reorder", "prefer", "cancel"} <= set(offered()) and "resume" not in offered()
    bridge.pause(two)
    assert offered().count("resume") == 1 and not {"pause", "reorder"} & set(offered())
    bridge.pause(one)
    assert offered().count("resume") == 2, "this one, and all"
    bridge.resume(two)
    tick_until(bridge, lambda: bridge.idle)
    assert two.state == "done" and "resume" not in offered()
