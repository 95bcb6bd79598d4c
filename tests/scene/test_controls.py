# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigify's controls: the skin follows an FK control as it followed the bone, a foot its IK control; motions go over."""

from __future__ import annotations

from dataclasses import replace

import addon_utils
import bpy
import numpy as np
import pytest
from mathutils import Vector

from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.rig import controls, skeleton
from galatea.addon.scene.lib.rig.skeleton import Bone, Skeleton
from galatea.backend.protocol.errors import UserError

from .people import beast, figure_of, person

pytestmark = pytest.mark.skipif(
    not any(module.__name__ == "rigify" for module in addon_utils.modules()), reason="this Blender has no Rigify"
)


@pytest.fixture(params=["biped", "quadruped"])
def bound(request, run, make_work):
    """A body of tubes around the bones of a figure, bound to it."""
    bones = person() if request.param == "biped" else beast()
    work, _ = make_work()
    body = figure_of(work, bones)
    skeleton.build(work, bones)
    run("bind", method="nearest")
    return body


def rig():
    return next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "armature")


def posed(obj):
    bpy.context.view_layer.update()
    return animation.points_at(obj, bpy.context.evaluated_depsgraph_get())


TURN = (np.cos(0.3), np.sin(0.3) * 0.8, 0.0, np.sin(0.3) * 0.6)


def test_a_control_moves_the_skin_as_the_bone_did(run, bound):
    rest = posed(bound)
    names = [bone.name for bone in rig().data.bones if bone.use_deform]
    tried = [name for name in names if not name.endswith(".R") and name not in ("spine.002", "spine.006")]
    expected = {}
    for name in tried:
        bone = rig().pose.bones[name]
        bone.rotation_quaternion = TURN
        expected[name] = posed(bound)
        bone.rotation_quaternion = (1, 0, 0, 0)
    done = run("controls", limbs="fk")
    assert len([obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE"]) == 1
    assert done.metrics["deforming"] == len(names) and done.metrics["limbs"] == "fk"
    assert np.abs(posed(bound) - rest).max() < 1e-4, "controls at rest change nothing"
    assert bound.parent == rig() and not [c for c in bpy.data.collections if c.name.startswith("WGTS")]
    for name in tried:
        bone = rig().pose.bones[controls.control_of(rig(), name)]
        bone.rotation_mode, bone.rotation_quaternion = "QUATERNION", TURN
        assert np.abs(posed(bound) - expected[name]).max() < 2e-3, name
        bone.rotation_quaternion = (1, 0, 0, 0)


def test_an_ik_control_moves_the_foot_and_bends_the_knee(run, bound):
    run("controls", limbs="ik")
    rest = posed(bound)
    end = "foot.L" if rig()[skeleton.KIND] == "biped" else "toe.L"  # a paw stands on its toes
    before = {name: rig().pose.bones[f"DEF-{name}"].head.copy() for name in (end, "shin.L", "thigh.L")}
    foot, step = rig().pose.bones["foot_ik.L"], Vector((0, -0.1, 0.15))
    foot.location = foot.bone.matrix_local.to_3x3().inverted() @ step
    moved = posed(bound) - rest
    after = {name: rig().pose.bones[f"DEF-{name}"].head - place for name, place in before.items()}
    assert (after[end] - step).length < 0.02
    assert after["shin.L"].length > 0.03, "the knee bends"
    assert after["thigh.L"].length < 0.01, "the hip stays"
    skin_of = np.linalg.norm(rest - np.array(before[end]), axis=1) < 0.06
    assert moved[skin_of].mean(axis=0) == pytest.approx(step, abs=0.05)
    assert np.abs(moved[rest[:, 0] < -0.05]).max() < 1e-4, "the other side stays"


def test_motions_go_over(run, bound):
    armature = rig()
    animation.new_action(armature, "step")
    turns = np.array([(1, 0, 0, 0), TURN, (1, 0, 0, 0)])
    for name in ("thigh.L", "shin.L", "spine.005"):
        animation.set_keys(armature, f'pose.bones["{name}"].rotation_quaternion', [1, 9, 17], turns)
    lift = np.array([[0, 0, 0], [0.1, 0.2, 0.3], [0, 0, 0]])
    animation.set_keys(armature, 'pose.bones["root"].location', [1, 9, 17], lift)
    before = list(animation.sampled(bpy.context.scene, [bound], [1, 5, 9]))
    done = run("controls")
    assert done.metrics["motions"] == 1 and done.metrics["limbs"] == "fk"
    after = list(animation.sampled(bpy.context.scene, [bound], [1, 5, 9]))
    assert np.abs(before[2] - before[0]).max() > 0.2
    assert np.abs(np.array(after) - np.array(before)).max() < 2e-3


def test_the_skeleton_below_is_read_as_before_and_can_be_bound_again(run, bound):
    before = skeleton.read(rig())
    before = replace(before, bones=tuple(bone for bone in before.bones if "heel" not in bone.name))
    run("controls")
    after = skeleton.read(rig())
    assert [b.name for b in after.bones] == [b.name for b in before.bones]
    assert [b.parent for b in after.bones] == [b.parent for b in before.bones]
    assert after.kind == before.kind and after.marks == before.marks
    for a, b in zip(after.bones, before.bones, strict=True):
        assert np.abs(a.head - b.head).max() < 1e-4 and np.abs(a.tail - b.tail).max() < 1e-4, a.name
        assert a.deform == b.deform, a.name
    done = run("bind", method="nearest")
    assert done.metrics["unweighted"] == 0 and done.metrics["bones"] == sum(b.deform for b in before.bones)
    again = run("controls", limbs="ik")
    assert again.metrics["limbs"] == "ik", "a second time only the switch is set"


def test_what_cannot_have_controls_is_said(run, make_work, figure, monkeypatch):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    work, _ = make_work()
    one = Bone("spine", "root", np.zeros(3), np.array([0, 0, 1.0]))
    skeleton.build(work, Skeleton("soft", (skeleton.root(np.zeros(3), 0.1), one)))
    with pytest.raises(UserError, match="these bones are of the kind soft"):
        run("controls")
    rig()[skeleton.KIND] = "biped"
    with pytest.raises(UserError, match=r"has no thigh\.L"):
        run("controls")
    monkeypatch.setattr(addon_utils, "enable", lambda *args, **named: None)
    with pytest.raises(UserError, match="has no Rigify"):
        controls.enabled()


def test_a_motion_of_the_plain_skeleton_plays_on_the_controls(run, bound):
    """The same words, with and without controls: the skin is at the same places."""
    run("move")
    before = list(animation.sampled(bpy.context.scene, [bound], [1, 7, 13]))
    run("controls")
    run("move")
    after = list(animation.sampled(bpy.context.scene, [bound], [1, 7, 13]))
    assert np.abs(before[1] - before[0]).max() > 0.001
    assert np.abs(np.array(after) - np.array(before)).max() < 3e-3
