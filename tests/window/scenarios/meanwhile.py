# SPDX-License-Identifier: GPL-3.0-or-later
"""The user edits, undoes and opens another file while jobs run."""

import bpy


def play(stage):
    bridge = stage.bridge
    settings = bpy.context.scene.galatea
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    settings.image = bpy.data.images.load(stage.given["image"])
    settings.quality = "draft"
    bpy.ops.ed.undo_push(message="As a click would have done")
    stage.mode("EDIT")
    before = set(bpy.data.objects.keys())
    yield from stage.click("galatea.generate")
    first = yield from stage.until(lambda: bridge.current, 20, "a job")
    for _ in range(10):
        with stage.override():
            bpy.ops.mesh.subdivide()
            bpy.ops.ed.undo_push(message="Subdivide")
            bpy.ops.ed.undo()
        yield
    yield from stage.until(lambda: first.ended, 600, "the end of the first job")
    yield from stage.frames(20)
    stage.note(held=bridge.held(first) and set(bpy.data.objects.keys()) == before)
    stage.shot("held")
    stage.mode("OBJECT")
    yield from stage.until(lambda: set(bpy.data.objects.keys()) - before, 30, "the object")
    stage.note(came=sorted(o.name for o in bpy.data.objects if o.get("galatea_role") == "body"))
    bpy.context.scene.galatea.seed = 5
    bpy.context.scene.galatea.steps.clean.faces = 900
    yield from stage.click("galatea.generate")
    second = yield from stage.until(lambda: bridge.current, 20, "a second job")
    bpy.ops.wm.read_homefile(use_factory_startup=False)
    yield from stage.until(lambda: second.ended, 600, "the end of the second job")
    yield from stage.until(lambda: bridge.idle, 30, "rest")
    yield from stage.frames(10)
    stage.note(states=[first.state, second.state], list_after_load=len(bpy.context.window_manager.galatea.jobs))
    stage.note(other_file=sorted(o.name for o in bpy.data.objects if o.get("galatea_role")))
