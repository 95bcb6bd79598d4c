# SPDX-License-Identifier: GPL-3.0-or-later
"""Refine, then bind: the joints as the user left them, in edit mode too, are what the skin is bound to."""

from __future__ import annotations

from typing import Any

import pytest

bpy = pytest.importorskip("bpy")


def pillar() -> Any:
    """A mesh 2 m tall that is not ours."""
    bpy.ops.mesh.primitive_cylinder_add(vertices=24, radius=0.2, depth=2, location=(3, 0, 1))
    obj = bpy.context.object
    obj.name = "Pillar"
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.mesh.subdivide(number_cuts=7)
    bpy.ops.object.mode_set(mode="OBJECT")
    return obj


def armature() -> Any:
    data = bpy.data.armatures.new("Mine")
    rig = bpy.data.objects.new("Mine", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.ops.object.select_all(action="DESELECT")
    rig.select_set(True)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    low, high = data.edit_bones.new("low"), data.edit_bones.new("high")
    low.head, low.tail, high.tail = (3, 0, 0), (3, 0, 1), (3, 0, 2)
    high.head, high.parent, high.use_connect = low.tail, low, True
    return rig


def weight(body: Any, group: str, z: float) -> float:
    """The mean at this height."""
    index = body.vertex_groups[group].index
    near = [v for v in body.data.vertices if abs((body.matrix_world @ v.co).z - z) < 0.13]
    assert near
    return sum(each.weight for v in near for each in v.groups if each.group == index) / len(near)


def bodies() -> list[Any]:
    return [obj for obj in bpy.data.objects if obj.get("galatea_role") == "body"]


def test_binding_wants_a_skeleton(addon: Any) -> None:
    pillar()
    assert bpy.ops.galatea.skeleton.poll() and not bpy.ops.galatea.bind.poll() and not bpy.ops.galatea.controls.poll()


def test_joints_that_were_moved_in_edit_mode_are_bound_to_where_they_are(addon: Any) -> None:
    mesh = pillar()
    rig = armature()
    mesh.select_set(True)
    rig.data.edit_bones["low"].tail.z = 1.5  # the user is still in edit mode
    assert bpy.ops.galatea.bind.poll()
    assert bpy.ops.galatea.bind() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    from galatea.addon.bridge import bridge

    bridge.tick()
    (body,) = bodies()
    moved = body.find_armature()
    assert moved and moved is not rig and moved.get("galatea_role") == "armature"
    assert moved.data.bones["low"].tail_local.z == pytest.approx(1.5, abs=1e-4)
    assert weight(body, "low", 1.25) > 0.6 and weight(body, "high", 1.75) > 0.6
    assert body.matrix_world.translation.x == pytest.approx(mesh.matrix_world.translation.x, abs=1e-4)
    assert not mesh.visible_get() and not rig.visible_get(), "what it replaces is out of sight"
    assert rig.name in bpy.data.objects and not mesh.modifiers, "and as it was"


def test_skeleton_then_bind_then_again(addon: Any) -> None:
    pillar()
    addon.steps.skeleton.kind, addon.steps.skeleton.bones = "soft", 2
    assert bpy.ops.galatea.skeleton() == {"FINISHED"}
    (body,) = bodies()
    rig = next(obj for obj in bpy.data.objects if obj.get("galatea_role") == "armature")
    assert not body.find_armature() and bpy.context.view_layer.objects.active == body
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    joint = rig.data.edit_bones[1].tail.copy()
    rig.data.edit_bones[1].tail.z = joint.z + 0.3
    bpy.ops.object.mode_set(mode="OBJECT")
    assert bpy.ops.galatea.bind() == {"FINISHED"}
    body = next(obj for obj in bodies() if obj.visible_get())
    bound = body.find_armature()
    assert bound and bound.data.bones[1].tail_local.z == pytest.approx(joint.z + 0.3, abs=1e-3)
    middle = weight(body, bound.data.bones[1].name, joint.z + 0.15)
    bpy.context.view_layer.objects.active = bound
    bpy.ops.object.mode_set(mode="EDIT")
    bound.data.edit_bones[1].tail.z = joint.z - 0.3
    assert bpy.ops.galatea.bind() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    from galatea.addon.bridge import bridge

    bridge.tick()
    body = next(obj for obj in bodies() if obj.visible_get())
    again = weight(body, body.find_armature().data.bones[1].name, joint.z + 0.15)
    assert middle > 0.6 > again, "our own weights are made anew for the joints of now"
