# SPDX-License-Identifier: GPL-3.0-or-later
"""A skeleton is fitted, a joint is moved by hand in edit mode, the skin is bound to it; undo takes the result away."""

import importlib

import bpy


def addon(name):
    return importlib.import_module(f"bl_ext.user_default.galatea.addon.{name}")


def unfold(panel):
    """Panels drawn anew, this one open: a click on its header would do the same."""
    ui = addon("ui")
    for cls in reversed(ui.CLASSES):
        bpy.utils.unregister_class(cls)
    for cls in ui.CLASSES:
        if issubclass(cls, bpy.types.Panel) and hasattr(cls, "bl_parent_id"):
            cls.bl_options = set() if cls.__name__ == panel else {"DEFAULT_CLOSED"}
            cls.bl_idname = f"{cls.__name__}_unfolded"
            if cls.bl_parent_id != "GALATEA_PT_main":
                cls.bl_parent_id += "_unfolded"
        bpy.utils.register_class(cls)


def mode(stage, name):
    with bpy.context.temp_override(window=stage.window, area=stage.area, region=stage.view):
        bpy.ops.object.mode_set(mode=name)
        bpy.ops.ed.undo_push(message=name)


def of(role):
    return [obj for obj in bpy.data.objects if obj.get("galatea_role") == role]


def step(stage, operator):
    """Click, and wait until the result is in the file."""
    bridge, before = addon("bridge").bridge, set(bpy.data.objects.keys())
    yield from stage.click(operator)
    run = yield from stage.until(lambda: bridge.current, 30, "a job")
    yield from stage.until(lambda: run.ended, 300, "its end")
    stage.note(**{operator.rpartition(".")[2]: [run.state, run.failure]})
    yield from stage.until(lambda: set(bpy.data.objects.keys()) - before, 30, "the result")
    yield from stage.frames(10)


def play(stage):
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    with bpy.context.temp_override(window=stage.window, area=stage.area, region=stage.view):
        bpy.ops.object.select_all(action="SELECT")
        bpy.ops.object.delete()
        bpy.ops.mesh.primitive_cylinder_add(vertices=24, radius=0.3, depth=2, location=(0, 0, 1))
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.subdivide(number_cuts=7)
        bpy.ops.object.mode_set(mode="OBJECT")
    settings = bpy.context.scene.galatea
    settings.steps.skeleton.kind, settings.steps.skeleton.bones = "soft", 2
    bpy.ops.ed.undo_push(message="As a user would have done")
    unfold("GALATEA_PT_rig")
    yield from stage.frames(5)
    yield from stage.open_sidebar()
    yield from stage.frames(10)
    yield from step(stage, "galatea.skeleton")
    stage.shot("skeleton")
    (rig,) = of("armature")
    name = rig.data.bones[1].name
    bpy.context.view_layer.objects.active = rig
    mode(stage, "EDIT")
    rig.data.edit_bones[name].tail.z += 0.4
    mode(stage, "OBJECT")
    stage.shot("refined")
    before = sorted(bpy.data.objects.keys())
    yield from step(stage, "galatea.bind")
    body = bpy.context.view_layer.objects.active
    bound = body.find_armature()
    stage.note(joint=bound.data.bones[name].tail_local.z, groups=len(body.vertex_groups), shown=bound.visible_get())
    stage.note(hidden=[obj.visible_get() for obj in (rig, *of("body")) if obj not in (body, bound)])
    stage.shot("bound")
    with bpy.context.temp_override(window=stage.window, area=stage.area):
        bpy.ops.ed.undo()
    yield from stage.frames(5)
    rig = bpy.data.objects[of("armature")[0].name]
    stage.note(undone=sorted(bpy.data.objects.keys()) == before, kept=rig.data.bones[name].tail_local.z)
