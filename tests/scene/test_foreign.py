# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons that others made: kept with their weights and motions, at the size and place that the mesh is put at."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np
import pytest
from mathutils import Matrix, Quaternion

from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.rig import foreign, skeleton, skin

JOINTS = {  # head, parent: of a figure 2 m tall that stands with its arms out
    "Hips": ((0, 0, 1.0), ""), "Spine": ((0, 0, 1.2), "Hips"), "Head": ((0, 0, 1.7), "Spine"),
    **{f"{side}{part}": ((sign * x, 0, z), f"{side}{up}" if up not in ("Hips", "Spine") else up)
       for side, sign in (("Left", 1), ("Right", -1))
       for part, x, z, up in (("Arm", 0.2, 1.5, "Spine"), ("ForeArm", 0.5, 1.5, "Arm"), ("Hand", 0.8, 1.5, "ForeArm"),
                              ("UpLeg", 0.12, 0.95, "Hips"), ("Leg", 0.12, 0.5, "UpLeg"), ("Foot", 0.12, 0.1, "Leg"))},
}  # fmt: skip


def tube(bm, a, b, radius=0.08):
    a, b = np.array(a, float), np.array(b, float)
    made = bmesh.ops.create_cube(bm, size=1)["verts"]
    length = float(np.linalg.norm(b - a))
    turn = (
        Quaternion((0, 0, 1), 0) if length == 0 else (Matrix.Identity(3).col[2].rotation_difference((b - a).tolist()))
    )
    bmesh.ops.transform(bm, verts=made, matrix=Matrix.Diagonal((2 * radius, 2 * radius, length, 1)))
    bmesh.ops.transform(bm, verts=made, matrix=Matrix.Translation((a + b) / 2) @ turn.to_matrix().to_4x4())
    return len(made)


@pytest.fixture
def person(tmp_path):
    """Files of a stick figure with the bones of Mixamo, each limb bound to its own, that waves."""
    data = bpy.data.armatures.new("Armature")
    rig = bpy.data.objects.new("Armature", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    tails = {parent: head for head, parent in reversed(list(JOINTS.values())) if parent}
    bm, owner = bmesh.new(), []
    for name, (head, parent) in JOINTS.items():
        bone = data.edit_bones.new(f"mixamorig:{name}")
        bone.head, bone.tail = head, tails.get(name, (head[0] * 1.1, -0.1, head[2] + 0.1 * (name == "Head") * 2))
        bone.parent = data.edit_bones.get(f"mixamorig:{parent}")
        owner += [bone.name] * tube(bm, bone.head, bone.tail)
    extra = data.edit_bones.new("mixamorig:Helper")
    extra.head, extra.tail = (0, 0, 0), (0, 0, 0.1)
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh = bpy.data.meshes.new("Skin")
    bm.to_mesh(mesh)
    bm.free()
    body = bpy.data.objects.new("Skin", mesh)
    bpy.context.scene.collection.objects.link(body)
    for number, name in enumerate(owner):
        (body.vertex_groups.get(name) or body.vertex_groups.new(name=name)).add([number], 1.0, "REPLACE")
    skin.attach(body, rig)
    arm = rig.pose.bones["mixamorig:LeftArm"]
    arm.rotation_mode = "QUATERNION"
    animation.new_action(rig, "wave")
    half = np.radians(40) * np.array([0, 1, 0])
    turns = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], axis=1)
    animation.set_keys(rig, f'pose.bones["{arm.name}"].rotation_quaternion', [1, 10, 20], turns)
    hips = np.array([[0, 0, 0], [0, 0.3, 0], [0, 0, 0]])
    animation.set_keys(rig, 'pose.bones["mixamorig:Hips"].location', [1, 10, 20], hips)

    def write(kind):
        path = tmp_path / f"person.{kind}"
        if kind == "fbx":
            bpy.ops.preferences.addon_enable(module="io_scene_fbx")
            bpy.ops.export_scene.fbx(filepath=str(path), add_leaf_bones=False)
        else:
            bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB", export_animations=True)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        return path

    return write


@pytest.mark.parametrize("kind", ["glb", "fbx"])
def test_skeleton_weights_and_motion_of_a_file_are_kept(run, person, kind):
    done = run("load", {"model": person(kind)}, size_m=1.0, turn=90.0)
    armature, body = done.work.object("armature"), done.work.object("body")
    assert [obj.type for obj in bpy.context.scene.objects].count("MESH") == 1, "no mesh stands for a bone"
    assert armature[skeleton.KIND] == "biped" and done.metrics["kind"] == "biped"
    assert body.parent == armature and body.find_armature() == armature
    deforming = skeleton.deforming(armature)
    assert "mixamorig:LeftArm" in deforming and "mixamorig:Helper" not in deforming
    table, most = skin.read(body, deforming)
    assert (most == 1).all() and np.allclose(table.sum(axis=1), 1)
    bones = skeleton.read(armature)
    rest = animation.rest_points(body)
    size = np.ptp(rest, axis=0)
    assert size.max() == pytest.approx(1.0, abs=1e-4) and size[1] > size[0], "turned by a quarter, arms along y"
    hand = rest[table[:, deforming.index("mixamorig:LeftForeArm")] > 0]
    middle = (bones["mixamorig:LeftForeArm"].head + bones["mixamorig:LeftHand"].head) / 2
    assert np.abs(hand.mean(axis=0) - middle).max() < 0.03, "the bone is in its part"
    assert bones.marks["head"] == ("mixamorig:Head",)


@pytest.mark.parametrize("kind", ["glb", "fbx"])
def test_its_motion_plays_on_the_joined_body(run, person, kind):
    done = run("load", {"model": person(kind)}, size_m=1.0)
    armature, body = done.work.object("armature"), done.work.object("body")
    assert len(bpy.data.actions) >= 1 and all(action.use_fake_user for action in bpy.data.actions)
    data = armature.animation_data
    tracks = [strip.action for track in data.nla_tracks for strip in track.strips]
    assert data.action or tracks
    rest, fps = animation.rest_points(body), bpy.context.scene.render.fps
    names = skeleton.deforming(armature)
    table, _ = skin.read(body, names)
    arm, foot = table[:, names.index("mixamorig:LeftForeArm")] > 0, table[:, names.index("mixamorig:LeftFoot")] > 0
    first = bpy.data.actions[0].frame_range[0]
    if data.action is None:
        pytest.fail("no motion is active")
    moved = next(animation.sampled(bpy.context.scene, [body], [round(first + 9 * fps / 24 * 24 / fps)]))
    assert np.linalg.norm(moved[arm] - rest[arm], axis=1).min() > 0.05
    lift = (moved[foot] - rest[foot])[:, 2]
    assert np.allclose(lift, lift[0], atol=1e-3) and lift[0] == pytest.approx(0.3 / 1.9, abs=0.03), "scaled as well"


def test_binding_keeps_what_came_and_the_chain_goes_on(run, person):
    run("load", {"model": person("glb")})
    done = run("bind")
    assert done.metrics["method"] == "kept" and done.metrics["unweighted"] == 0
    assert run("bind", keep=False, method="nearest").metrics["method"] == "nearest"


def test_a_recipe_that_makes_skeletons_keeps_theirs_unless_a_kind_is_asked_for(run, person):
    run("load", {"model": person("glb")})
    kept = run("skeleton")
    armature = kept.work.object("armature")
    assert "mixamorig:Hips" in armature.data.bones and kept.metrics["kind"] == "biped"
    assert run("bind").metrics["method"] == "kept"
    made = run("skeleton", kind="soft").work.object("armature")
    assert "mixamorig:Hips" not in made.data.bones
    assert run("bind").metrics["unweighted"] == 0


def test_a_part_that_hangs_on_a_bone_as_a_whole_gets_its_weight(run, tmp_path):
    data = bpy.data.armatures.new("A")
    rig = bpy.data.objects.new("A", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, x in (("left", 1.0), ("right", -1.0)):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = (x, 0, 0), (x, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    for name, x in (("left", 1.0), ("right", -1.0)):
        bpy.ops.mesh.primitive_cube_add(size=0.5, location=(x, 0, 0.5))
        cube = bpy.context.object
        world = cube.matrix_world.copy()
        cube.parent, cube.parent_type, cube.parent_bone = rig, "BONE", name
        cube.matrix_world = world
    parts = [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]
    assert foreign.of(parts) == rig
    for obj in parts:
        foreign.weighed(obj, rig)
    assert [obj.vertex_groups[0].name for obj in parts] == ["left", "right"]


def test_a_broken_skin_is_said_and_mended(run, person):
    path = person("glb")
    done = run("load", {"model": path})
    body = done.work.object("body")
    names = skeleton.deforming(done.work.object("armature"))
    table, _ = skin.read(body, names)
    table[:20] = 0
    table[20:30] = np.nan
    skin.write(body, names, table)
    mended = run("bind")
    assert mended.metrics["method"] == "kept" and mended.metrics["unweighted"] == 0
    assert mended.metrics["unweighted_before"] == pytest.approx(30 / len(table))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"thigh", "shin", "upper_arm", "forearm", "hips"}, "biped"),
        ({"thigh", "shin", "front_thigh", "front_shin"}, "quadruped"),
        ({"spine", "head"}, "prop"),
        (set(), "prop"),
    ],
)
def test_the_kind_is_told_by_the_parts(parts, expected):
    assert foreign.kind(parts) == expected
