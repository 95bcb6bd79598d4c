# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture that is none: the panel says so, with the next move. Then edit mode while a result arrives."""

import importlib

import bpy


def addon(name):
    return importlib.import_module(f"bl_ext.user_default.galatea.addon.{name}")


def play(stage):
    bridge = addon("bridge").bridge
    settings = bpy.context.scene.galatea
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    settings.image = bpy.data.images.load(stage.given["broken"])
    yield from stage.frames(10)
    yield from stage.click("galatea.generate")
    run = yield from stage.until(lambda: bridge.runs and bridge.runs[0], 20, "a job")
    yield from stage.until(lambda: run.ended, 120, "its end")
    yield from stage.until(lambda: bridge.idle, 20, "rest")
    yield from stage.frames(15)
    stage.shot("bad-image")
    stage.note(state=run.state, message=run.failure.get("message", ""))
    # the job's file is gone before the start: told at once
    settings.image = bpy.data.images.load(stage.given["image"])
    settings.image.filepath = "/nowhere/at/all.png"
    yield from stage.frames(10)
    yield from stage.click("galatea.generate")
    yield from stage.until(lambda: bridge.notice, 20, "the notice")
    yield from stage.frames(15)
    stage.shot("gone-image")
    stage.note(notice=bridge.notice.message)
    stage.note(timer=bpy.app.timers.is_registered(addon("timer")._pump))
