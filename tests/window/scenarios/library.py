# SPDX-License-Identifier: GPL-3.0-or-later
"""An asset library chosen from the list of its field, kept by the undo of what came after."""

import bpy


def chosen():
    return bpy.context.scene.galatea.steps.asset.library


def play(stage):
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    yield from stage.unfold("GALATEA_PT_asset", first=True)
    x, y = yield from stage.find_field("steps.asset.library")
    yield from stage.press(x, y)
    yield from stage.frames(10)
    stage.shot("list")
    for kind in ("DOWN_ARROW", "RET"):
        for value in ("PRESS", "RELEASE"):
            stage.window.event_simulate(type=kind, value=value, x=x, y=y)
            yield from stage.frames(3)
    yield from stage.frames(10)
    stage.note(chosen=chosen())
    stage.shot("chosen")
    bpy.context.view_layer.objects.active.location.x += 1.0
    bpy.ops.ed.undo_push(message="Move")
    stage.undo()
    yield from stage.frames(10)
    stage.note(kept=chosen())
    stage.shot("kept")
