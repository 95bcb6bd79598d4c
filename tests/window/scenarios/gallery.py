# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to pictures by clicks, one of them to an object; then two models compared and one result kept, and undone."""

import bpy


def bodies():
    return sorted(obj.name for obj in bpy.data.objects if obj.get("galatea_role") == "body")


def words(stage, bridge, settings):
    settings.recipe, settings.prompt, settings.backend = "words_to_mesh", "a red armchair", "lift"
    settings.quality = "draft"
    group = settings.steps.imagine
    group.weights, group.device, group.steps, group.candidates = stage.given["weights"], "cpu", 1, 4
    bpy.ops.ed.undo_push(message="As a click would have done")
    yield from stage.frames(10)
    stage.shot("words")
    run = yield from stage.run("galatea.imagine")
    stage.shot("gallery")
    stage.note(painted=run.state, failure=run.failure, pictures=len(bridge.shown.get(run.id, ())), before=bodies())
    stage.note(icons=len({stage.addon("previews").icon(item.key) for item in bridge.shown.get(run.id, ())} - {0}))
    made = yield from stage.run("galatea.use")
    stage.shot("used")
    stage.note(used=made.state, use_failure=made.failure, after=bodies(), again=made.stages[0]["cached"])


def play(stage):
    bridge = stage.bridge
    bpy.context.preferences.view.show_tooltips = False
    bpy.context.preferences.addons["bl_ext.user_default.galatea"].preferences.worker_python = stage.given["python"]
    settings = bpy.context.scene.galatea
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    yield from words(stage, bridge, settings)
    settings = bpy.context.scene.galatea
    settings.recipe = "photo_to_mesh"
    settings.quality = "draft"
    settings.image = bpy.data.images.load(stage.given["image"])
    settings.compare.lift = settings.compare.relief = True
    bpy.ops.ed.undo_push(message="As a click would have done")
    there = bodies()
    bpy.ops.galatea.compare("INVOKE_DEFAULT")
    yield from stage.frames(30)
    stage.shot("comparing")
    yield from stage.until(lambda: bridge.idle, 900, "the comparison")
    yield from stage.frames(40)
    stage.shot("compared")
    members = bridge.on_show(bpy.context)
    stage.note(compared=[run.state for run in members], compare_failures=[run.failure for run in members])
    stage.note(untouched=bodies() == there)
    yield from stage.scroll(12)
    stage.shot("scores")
    yield from stage.click("galatea.use")
    yield from stage.until(lambda: bodies() != there, 60, "the object that was kept")
    yield from stage.frames(20)
    stage.shot("kept")
    stage.note(kept=bodies())
    stage.undo()
    yield from stage.frames(10)
    stage.note(undone=bodies() == there)
