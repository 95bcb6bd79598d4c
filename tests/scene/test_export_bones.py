# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones under other programs' names: in the file only, the scene is as it was; controls become a plain skeleton."""

from __future__ import annotations

import addon_utils
import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.files import bones as bones_of
from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.rig import foreign, skeleton
from galatea.backend.protocol import gltf
from galatea.backend.protocol.errors import UserError

from .people import beast, figure_of, person

EXPECTED = {
    "mixamo": {"mixamorig:Hips", "mixamorig:Spine2", "mixamorig:LeftForeArm", "mixamorig:RightToeBase"},
    "unity": {"Hips", "UpperChest", "LeftLowerArm", "RightToes"},
    "unreal": {"root", "pelvis", "spine_03", "lowerarm_l", "ball_r"},
    "vrm": {"hips", "upperChest", "leftLowerArm", "rightToes"},
}


@pytest.fixture
def walker(run, make_work):
    """A bound person whose arm rises and who goes a step."""
    work, _ = make_work()
    body = figure_of(work, person())
    armature = skeleton.build(work, person())
    run("bind", method="nearest")
    animation.new_action(armature, "wave")
    half = np.radians(35) * np.array([0, 1, 0])
    turns = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], axis=1)
    animation.set_keys(armature, 'pose.bones["upper_arm.L"].rotation_quaternion', [1, 6, 11], turns)
    animation.set_keys(
        armature, 'pose.bones["root"].location', [1, 6, 11], np.array([[0, 0, 0], [0.2, 0.1, 0.4], [0, 0, 0]])
    )
    return body


def state():
    rig = next(obj for obj in bpy.data.objects if obj.get("galatea_role") == "armature")
    body = next(obj for obj in bpy.data.objects if obj.get("galatea_role") == "body")
    return (
        [(bone.name, bone.use_deform) for bone in rig.data.bones],
        sorted(group.name for group in body.vertex_groups),
        sorted(curve.data_path for action in bpy.data.actions for curve in animation.every_curve(action)),
        sorted(obj.name for obj in bpy.data.objects),
        [modifier.object.name for modifier in body.modifiers],
        body.parent.name,
        len(bpy.data.actions),
    )


def heights(body, frames):
    return [points[:, 2].max() - 0 for points in animation.sampled(bpy.context.scene, [body], frames)]


def shape_at(body, frame):
    points = next(animation.sampled(bpy.context.scene, [body], [frame]))
    return np.stack([points.min(axis=0), points.max(axis=0)])


@pytest.mark.parametrize("convention", list(EXPECTED))
def test_a_program_finds_its_names_and_the_scene_is_as_before(run, walker, tmp_path, convention):
    before, wanted = state(), {frame: shape_at(walker, frame) for frame in (1, 6)}
    path = run("export", bones=convention).path("model")
    assert state() == before
    document = gltf.read(path)
    told = {node.get("name", "") for node in document["nodes"]}
    assert EXPECTED[convention] <= told
    assert not any("heel" in name or name == "spine.001" for name in told), "only what moves skin"
    assert ("VRMC_vrm" in document.get("extensionsUsed", ())) == (convention == "vrm")
    if convention == "vrm":
        human = document["extensions"]["VRMC_vrm"]["humanoid"]["humanBones"]
        assert {document["nodes"][each["node"]]["name"] for each in human.values()} == set(human) and len(human) >= 19
    bpy.ops.wm.read_factory_settings(use_empty=True)
    done = run("load", {"model": path})
    assert done.metrics["kind"] == "biped" and done.metrics["unweighted"] == 0
    fps = bpy.context.scene.render.fps
    base = wanted[1][0] * [0, 0, 1] + wanted[1].mean(axis=0) * [1, 1, 0]
    first = round(bpy.data.actions[0].frame_range[0])
    for frame, expected in wanted.items():
        found = shape_at(done.work.object("body"), first + round((frame - 1) * fps / 24))
        assert np.abs(found - (expected - base)).max() < 0.03, frame


def test_only_bipeds_and_only_bodies_with_a_skeleton_have_such_names(run, make_work):
    work, _ = make_work()
    figure_of(work, beast())
    with pytest.raises(UserError, match="no skeleton"):
        run("export", bones="unity")
    skeleton.build(work, beast())
    run("bind", method="nearest")
    with pytest.raises(UserError, match="this is a quadruped"):
        run("export", bones="unity")
    assert run("export").path("model").stat().st_size > 1000


@pytest.mark.skipif(
    not any(module.__name__ == "rigify" for module in addon_utils.modules()), reason="this Blender has no Rigify"
)
def test_controls_become_a_plain_skeleton_that_moves_as_they_do(run, walker):
    run("controls")
    before, wanted = state(), {frame: shape_at(walker, frame) for frame in (1, 6)}
    assert np.abs(wanted[6] - wanted[1]).max() > 0.1
    path = run("export").path("model")
    assert state() == before
    told = {node.get("name", "") for node in gltf.read(path)["nodes"]}
    assert {"upper_arm.L", "spine.006"} <= told and not any(name.startswith(("DEF-", "MCH-", "ORG-")) for name in told)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    done = run("load", {"model": path})
    fps = bpy.context.scene.render.fps
    base = wanted[1][0] * [0, 0, 1] + wanted[1].mean(axis=0) * [1, 1, 0]
    first = round(bpy.data.actions[0].frame_range[0])
    for frame, expected in wanted.items():
        found = shape_at(done.work.object("body"), first + round((frame - 1) * fps / 24))
        assert np.abs(found - (expected - base)).max() < 0.03, frame


def test_names_of_a_foreign_skeleton_are_translated():
    made = [bones_of.name_of(name, "mixamo") for name in ("spine", "hand.R", "f_index.02.L", "thumb.01.L", "tail")]
    assert made == [
        "mixamorig:Hips",
        "mixamorig:RightHand",
        "mixamorig:LeftHandIndex2",
        "mixamorig:LeftHandThumb1",
        "tail",
    ]
    assert bones_of.name_of("f_pinky.03.R", "vrm") == "rightLittleDistal"
    assert bones_of.name_of("f_ring.01.L", "unreal") == "ring_01_l"
    data = bpy.data.armatures.new("A")
    rig = bpy.data.objects.new("A", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in [*made[:4], "mixamorig:Spine", "mixamorig:Spine1", "mixamorig:LeftArm", "mixamorig:LeftForeArm"]:
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = (0, 0, 0), (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    found = bones_of.plain_names(rig)
    assert found["mixamorig:Spine1"] == "spine.002" and found["mixamorig:LeftForeArm"] == "forearm.L"
    assert found["mixamorig:LeftHandIndex2"].startswith("f_index.")
    assert foreign.kind({"upper_arm", "forearm", "thigh", "shin", "hips"}) == "biped"
