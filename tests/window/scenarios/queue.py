# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's own scene is rendered in a second Blender, paused and gone on with, while the cube is moved about."""

import bpy


def frames(bridge, run):
    jobs = [stage["job"] for stage in run.stages] or [bridge.engine.job]
    folder = bridge.store.folder(jobs[0]) / "keep" / "frames"
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("?????.png")}


def play(stage):
    bridge, previews = stage.bridge, stage.addon("previews")
    yield from stage.frames(10)
    scene, cube = bpy.context.scene, bpy.data.objects["Cube"]
    scene.render.engine, scene.cycles.samples, scene.cycles.use_adaptive_sampling = "CYCLES", 40, False
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 320, 180, 100
    scene.frame_end = 30
    for frame, turn in ((1, 0.0), (30, 3.0)):
        cube.rotation_euler[2] = turn
        cube.keyframe_insert("rotation_euler", frame=frame)
    yield from stage.open_sidebar()
    with stage.override():
        bpy.ops.galatea.render_scene("INVOKE_DEFAULT")
        bpy.ops.galatea.render_scene("INVOKE_DEFAULT")
    run = yield from stage.until(lambda: bridge.current, 20, "a job")
    cube.location.z = 3.0  # of the file that is rendered nothing changes
    ready = lambda: bridge.live.phase.startswith("Rendering frame 4/") and previews.icon(run.id)  # noqa: E731
    yield from stage.until(ready, 240, "the fourth frame")
    bpy.context.window_manager.galatea.active = bridge.runs.index(run)
    yield from stage.frames(20)
    stage.shot("rendering")
    yield from stage.click("galatea.pause")
    yield from stage.until(lambda: run.state == "paused", 60, "the pause")
    (other,) = (each for each in bridge.runs if each is not run)
    bridge.pause(other)
    yield from stage.until(lambda: bridge.idle, 120, "rest")
    kept = frames(bridge, run)
    stage.note(paused=len(kept), states=[run.state, other.state])
    yield from stage.frames(20)
    stage.shot("paused")
    yield from stage.click("galatea.resume")
    yield from stage.until(lambda: run.ended, 240, "the end")
    after = frames(bridge, run)
    stage.note(state=run.state, failure=run.failure, frames=len(after), again=[n for n in kept if after[n] != kept[n]])
    stage.note(watched=bool(previews.icon(run.id)), waiting=other.state)
    yield from stage.frames(20)
    stage.shot("rendered")
