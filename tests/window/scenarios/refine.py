# SPDX-License-Identifier: GPL-3.0-or-later
"""A skeleton is fitted, a joint is moved by hand in edit mode, the skin is bound to it; undo takes the result away."""

import bpy


def of(role):
    return [obj for obj in bpy.data.objects if obj.get("galatea_role") == role]


def step(stage, operator):
    run = yield from stage.run(operator, 300)
    stage.note(**{operator.rpartition(".")[2]: [run.state, run.failure]})


def play(stage):
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    with stage.override():
        bpy.ops.object.select_all(action="SELECT")
        bpy.ops.object.delete()
        bpy.ops.mesh.primitive_cylinder_add(vertices=24, radius=0.3, depth=2, location=(0, 0, 1))
        bpy.ops.object.mode_set(mode="EDIT")
        bpy.ops.mesh.subdivide(number_cuts=7)
        bpy.ops.object.mode_set(mode="OBJECT")
    settings = bpy.context.scene.galatea
    settings.steps.skeleton.kind, settings.steps.skeleton.bones = "soft", 2
    bpy.ops.ed.undo_push(message="As a user would have done")
    yield from stage.unfold("GALATEA_PT_rig")
    yield from step(stage, "galatea.skeleton")
    stage.shot("skeleton")
    (rig,) = of("armature")
    name = rig.data.bones[1].name
    bpy.context.view_layer.objects.active = rig
    stage.mode("EDIT")
    rig.data.edit_bones[name].tail.z += 0.4
    stage.mode("OBJECT")
    stage.shot("refined")
    before = sorted(bpy.data.objects.keys())
    yield from step(stage, "galatea.bind")
    body = bpy.context.view_layer.objects.active
    bound = body.find_armature()
    stage.note(joint=bound.data.bones[name].tail_local.z, groups=len(body.vertex_groups), shown=bound.visible_get())
    stage.note(hidden=[obj.visible_get() for obj in (rig, *of("body")) if obj not in (body, bound)])
    stage.shot("bound")
    stage.undo()
    yield from stage.frames(5)
    rig = bpy.data.objects[of("armature")[0].name]
    stage.note(undone=sorted(bpy.data.objects.keys()) == before, kept=rig.data.bones[name].tail_local.z)
