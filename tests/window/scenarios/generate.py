# SPDX-License-Identifier: GPL-3.0-or-later
"""A photo becomes an object by clicks alone; a second run is cancelled; undo takes the object away again."""

import importlib
import sys
import time

import bpy


def addon(name):
    return importlib.import_module(f"bl_ext.user_default.galatea.addon.{name}")


def play(stage):
    bridge = addon("bridge").bridge
    settings = bpy.context.scene.galatea
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    yield from stage.find("galatea.choose_image")
    settings.image = bpy.data.images.load(stage.given["image"])
    settings.quality = "draft"
    bpy.ops.ed.undo_push(message="As a click would have done")
    before = set(bpy.data.objects.keys())
    yield from stage.frames(10)
    yield from stage.click("galatea.generate")
    run = yield from stage.until(lambda: bridge.current, 20, "a job")
    stage.mark("started")
    stage.note(click=stage.noted["marks"][0][0])
    yield from stage.find("galatea.cancel")
    seen = set()

    def ended():
        seen.add((bridge.live.step, bridge.live.phase, round(bridge.live.fraction, 2)))
        return run.ended

    yield from stage.until(lambda: ended() or len(run.stages) == 2, 300, "the second step")
    stage.shot("progress")
    yield from stage.until(ended, 500, "the end of the job")
    stage.note(
        state=run.state, failure=run.failure, seen=sorted(map(list, seen)), steps=[s["step"] for s in run.stages]
    )
    stage.mark("ended")
    if run.state != "done":
        stage.shot("failed")
        return
    yield from stage.until(lambda: set(bpy.data.objects.keys()) - before, 20, "the object")
    stage.mark("object there")
    yield from stage.frames(20)
    obj = bpy.context.view_layer.objects.active
    stage.note(active=obj.name, selected=obj.select_get(), collections=[c.name for c in obj.users_collection])
    stage.note(faces=len(obj.data.polygons), materials=len(obj.data.materials), scenes=len(bpy.data.scenes))
    stage.shot("done")
    stage.mark("undo")
    with bpy.context.temp_override(window=stage.window, area=stage.area):
        bpy.ops.ed.undo()
    yield from stage.frames(5)
    stage.note(after_undo=sorted(set(bpy.data.objects.keys()) - before))
    stage.mark("show")
    yield from stage.click("galatea.show")
    yield from stage.until(lambda: set(bpy.data.objects.keys()) - before, 20, "the object again")
    yield from stage.frames(20)
    stage.shot("shown")
    stage.mark("cancel")
    yield from cancelled(stage, bridge)
    stage.note(timers=bpy.app.timers.is_registered(addon("timer")._pump), heavy="torch" in sys.modules)


def cancelled(stage, bridge):
    """In the middle of a step, with a new seed so that nothing is there already."""
    settings = bpy.context.scene.galatea
    settings.seed = 12345
    settings.quality = "high"
    yield from stage.click("galatea.generate")
    run = yield from stage.until(lambda: bridge.current, 20, "a second job")
    yield from stage.until(lambda: bridge.live.fraction > 0 or run.stages, 100, "progress")
    x, y = yield from stage.find("galatea.cancel")
    begun = time.monotonic()
    yield from stage.press(x, y)
    yield from stage.until(lambda: run.ended, 30, "the cancelling")
    stage.note(cancel_seconds=time.monotonic() - begun, cancel_state=run.state)
    yield from stage.until(lambda: bridge.idle, 30, "rest")
    yield from stage.frames(5)
    stage.shot("cancelled")
