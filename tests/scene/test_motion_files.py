# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files: a walk of ours comes back from each kind of file, and bad files say what is wrong with them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.motion import names, parts, play, retargeting, sources
from galatea.addon.scene.lib.motion.take import Take, after, inverse, turned
from galatea.addon.scene.lib.rig import skeleton
from galatea.backend.protocol.errors import UserError

from . import walker


def read(path: Path, clip: str = "") -> tuple[Take, list[str]]:
    said: list[str] = []
    return sources.read(path, clip, warn=said.append, tick=lambda done: None), said


def apart(found: Take, meant: Take) -> float:
    """The largest distance of equally named joints at equal frames, in metres."""
    heads, _ = found.joints()
    wanted, _ = meant.joints()
    shared = [name for name in meant.names if name in found.names]
    assert len(shared) > 15 and len(found) == len(meant)
    a, b = [found.names.index(n) for n in shared], [meant.names.index(n) for n in shared]
    return float(np.abs(heads[:, a] - wanted[:, b]).max())


@pytest.mark.parametrize("order", ["zxy", "xyz", "yzx", "zyx", "xzy", "yxz"])
def test_bvh_of_every_order_of_angles(tmp_path, order):
    meant = walker.walk(seconds=1)
    found, said = read(walker.write_bvh(meant, tmp_path / "walk.bvh", order=order, position_first=order != "xyz"))
    assert apart(found, meant) < 1e-4 and not said
    assert found.fps == pytest.approx(30, rel=1e-5)


@pytest.mark.parametrize("unit", [1.0, 100.0, 1000.0])
def test_bvh_in_metres_centimetres_and_millimetres(tmp_path, unit):
    meant = walker.walk(seconds=0.5)
    found, _ = read(walker.write_bvh(meant, tmp_path / "walk.bvh", unit=unit))
    assert apart(found, meant) < 1e-3


def test_bvh_that_was_cut_off_gives_what_is_whole_and_says_so(tmp_path):
    path = walker.write_bvh(walker.walk(seconds=1), tmp_path / "walk.bvh")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-11]) + "\n" + lines[-11][:40])
    found, said = read(path)
    assert len(found) == 20 and "cut off" in said[0]


def _spoilt(text: str) -> dict[str, str]:
    head, table = text.split("MOTION")
    rows = table.split("\n")
    return {
        "nan": f"{head}MOTION" + "\n".join([*rows[:4], "nan " + rows[4].split(" ", 1)[1], *rows[5:]]),
        "words": f"{head}MOTION" + "\n".join([*rows[:4], "walk " + rows[4].split(" ", 1)[1], *rows[5:]]),
        "huge": f"{head}MOTION" + "\n".join([*rows[:4], "1e300 " + rows[4].split(" ", 1)[1], *rows[5:]]),
        "many": text.replace("Frames: 16", "Frames: 999999999"),
        "none": text.replace("Frames: 16", "Frames: 0"),
        "channel": text.replace("Zrotation", "Wrotation", 1),
        "twice": text.replace("Zrotation", "Xrotation", 1),
        "count": text.replace("CHANNELS 3", "CHANNELS 99", 1),
        "tree": text[: len(head) // 2] + "MOTION" + table,
        "brace": text.replace("}", "", 1),
        "offset": text.replace("OFFSET", "OFFSET inf", 1),
        "no motion": head,
        "deep": "HIERARCHY " + "".join(f"JOINT a{n} {{ OFFSET 0 1 0 " for n in range(3000)) + "MOTION\nFrames: 1",
        "picture": "\x89PNG\r\n\x1a\n" + "\x00" * 400,
    }


@pytest.mark.parametrize("what", sorted(_spoilt("a Frames: 16 MOTION\n\n\n\n1 2\n")))
def test_a_bad_bvh_is_refused_with_what_to_do(tmp_path, what):
    path = walker.write_bvh(walker.walk(seconds=0.5), tmp_path / "walk.bvh")
    path.write_bytes(_spoilt(path.read_text())[what].encode("latin-1", "replace"))
    with pytest.raises(UserError, match=r"walk\.bvh .*(Export it again|Choose another|Cut it)"):
        read(path)


def test_a_frame_time_that_cannot_be_is_replaced_and_said(tmp_path):
    path = walker.write_bvh(walker.walk(seconds=0.5), tmp_path / "walk.bvh")
    path.write_text(path.read_text().replace("Frame Time: 0.03333333", "Frame Time: 0.0"))
    found, said = read(path)
    assert found.fps == 30 and "seconds a frame" in said[0]


def amass(take: Take, path: Path, joints: int, *, upright: bool, **more: object) -> Path:
    """A walk as poses: the model's axes are Y up and +Z in front; AMASS stands them up, other sources do not."""
    table = sources.poses._skeleton(joints)
    order = list(table[0])
    body = parts.find(take.names, take.parents, take.heads, take.tails)
    model = parts.find(*table)
    stand = np.array([np.sqrt(0.5), np.sqrt(0.5), 0, 0])
    turns = np.tile([1.0, 0, 0, 0], (len(take), len(order), 1))
    for joint, name in enumerate(order):
        part = next((key for key, chain in model.parts.items() if joint in chain), name)
        own = body.parts.get(part)
        above = int(table[1][joint])
        turns[:, joint] = take.turns[:, own[0]] if own else turns[:, above] if above >= 0 else turns[:, joint]
    world = stand if upright else np.array([1.0, 0, 0, 0])
    seen = after(after(world, after(inverse(stand), after(turns, stand))), inverse(np.array([1.0, 0, 0, 0])))
    vectors = np.empty((len(take), len(order), 3))
    for joint in range(len(order)):
        above = int(table[1][joint])
        local = seen[:, joint] if above < 0 else after(inverse(seen[:, above]), seen[:, joint])
        local = np.where(local[:, :1] < 0, -local, local)
        angle = 2 * np.arctan2(np.linalg.norm(local[:, 1:], axis=1), local[:, 0])
        length = np.maximum(np.linalg.norm(local[:, 1:], axis=1), 1e-12)
        vectors[:, joint] = local[:, 1:] / length[:, None] * angle[:, None]
    places = take.places if upright else turned(np.broadcast_to(inverse(stand), (len(take), 4)), take.places)
    rate = {"mocap_framerate": np.array(take.fps)}
    np.savez(path, **{"poses": vectors.reshape(len(take), -1), "trans": places, "betas": np.ones(16), **rate, **more})
    return path


@pytest.mark.parametrize(("joints", "upright"), [(24, True), (52, True), (55, False)])
def test_poses_in_the_layout_of_amass_stand_up_and_point_where_the_walk_does(tmp_path, joints, upright):
    meant = walker.walk(seconds=1)
    found, said = read(amass(meant, tmp_path / "walk.npz", joints, upright=upright))
    assert not said and found.fps == 30 and len(found.names) == joints
    a, b = (parts.find(t.names, t.parents, t.heads, t.tails) for t in (found, meant))
    for part in ("thigh.L", "shin.R", "upper_arm.L", "hips"):
        first, second = (t.turns[:, x.parts[part][0]] for t, x in ((found, a), (meant, b)))
        assert np.abs(np.abs(np.sum(first * second, axis=1)) - 1).max() < 1e-6, part
    assert np.allclose(np.diff(found.places, axis=0), np.diff(meant.places, axis=0), atol=1e-6)
    assert found.heads[:, 2].argmax() == found.names.index("head") or joints > 24


@pytest.mark.parametrize(
    "arrays",
    [
        {"poses": np.zeros((4, 71)), "trans": np.zeros((4, 3))},
        {"poses": np.zeros((4, 72)), "trans": np.zeros((5, 3))},
        {"poses": np.full((4, 72), np.nan), "trans": np.zeros((4, 3))},
        {"poses": np.array([{"a": 1}], dtype=object), "trans": np.zeros((1, 3))},
        {"trans": np.zeros((1, 3))},
        {"poses": np.zeros((0, 72)), "trans": np.zeros((0, 3))},
        {"poses": np.array([["walk"] * 72])},
    ],
)
def test_bad_poses_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(UserError, match=r"bad\.npz holds no poses"):
        read(tmp_path / "bad.npz")


def test_an_archive_that_swells_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(sources.poses, "_LARGEST", 1 << 20)
    packed = io.BytesIO()
    np.save(packed, np.zeros((4000, 72)))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("poses.npy", packed.getvalue())
    with pytest.raises(UserError, match="unpacks to more"):
        read(tmp_path / "bomb.npz")


@pytest.mark.parametrize("name", ["a.bvh", "a.fbx", "a.glb", "a.npz"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 100, b"Kaydara FBX Binary  \x00\x1a\x00" + b"\xff" * 64, b"glTF" * 30]
)
def test_what_is_no_motion_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name[0]}\.\w+ "):
        read(tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"film")
    with pytest.raises(UserError, match="no motion file"):
        read(tmp_path / "a.mp4")


@pytest.fixture
def moving(make_work):
    """A rig of Mixamo's names with two clips, and what they are."""
    work, _ = make_work()
    meant = {"walk": walker.walk(fps=24, seconds=1), "march": walker.walk(fps=24, seconds=0.5, speed=0.6)}
    take = meant["walk"]
    rows = zip(take.names, take.parents, take.heads, take.tails, strict=True)
    bones = [skeleton.Bone(n, take.names[p] if p >= 0 else "", h, t, np.array([0, -1.0, 0])) for n, p, h, t in rows]
    armature = skeleton.build(work, skeleton.Skeleton("biped", tuple(bones)), "Armature")
    for name, each in meant.items():
        play.play(work, armature, each, name=name, strip=True)
    bpy.context.scene.frame_end = 25
    bpy.context.scene.render.fps = 24
    return armature, meant


@pytest.mark.parametrize("kind", ["glb", "fbx"])
def test_clips_of_fbx_and_gltf_come_back_and_the_scene_stays_as_it_was(tmp_path, moving, kind):
    armature, meant = moving
    path = tmp_path / f"two.{kind}"
    if kind == "glb":
        bpy.ops.export_scene.gltf(
            filepath=str(path), export_animation_mode="NLA_TRACKS", export_optimize_animation_size=False
        )
    else:
        bpy.ops.export_scene.fbx(filepath=str(path), bake_anim_simplify_factor=0, add_leaf_bones=False)
    bpy.context.scene.frame_set(7)
    before = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "actions", "armatures", "meshes")}
    for clip in ("walk", "march"):
        found, _ = read(path, clip)
        wanted = meant[clip]
        assert abs(len(found) - len(wanted)) <= 1
        count = min(len(found), len(wanted))
        cut = [retargeting.editing.cut(t, 0, count) for t in (found, wanted)]
        assert apart(*cut) < 2e-3, clip
    assert before == {kind: len(getattr(bpy.data, kind)) for kind in before}
    assert bpy.context.scene.frame_current == 7 and bpy.context.scene.render.fps == 24
    assert armature.name in bpy.context.scene.objects
    with pytest.raises(UserError, match=r"It has: .*walk"):
        read(path, "swim")


def test_a_file_without_motion_says_so(tmp_path, moving):
    armature, _ = moving
    play.clear(armature)
    bpy.ops.export_scene.gltf(filepath=str(tmp_path / "still.glb"))
    with pytest.raises(UserError, match="does not move"):
        read(tmp_path / "still.glb")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("mixamorig:LeftUpLeg", "thigh.L"), ("mixamorig9:RightForeArm", "forearm.R"), ("calf_l", "shin.L"),
        ("calf_twist_01_l", ""), ("ik_foot_r", ""), ("J_Bip_R_LowerLeg", "shin.R"), ("Bip01 L UpperArm", "upper_arm.L"),
        ("Bip001 R Finger0", "thumb.R"), ("ValveBiped.Bip01_L_Calf", "shin.L"), ("LeftLittleDistal", "f_pinky.L"),
        ("upperleg02.R", "thigh.R"), ("finger1-2.L", "thumb.L"), ("toe1-1.L", "toe.L"), ("DEF-thigh.L.001", "thigh.L"),
        ("f_index.01.L", "f_index.L"), ("front_shin.R", "front_shin.R"), ("L_Hip", "thigh.L"), ("Hip", "hips"),
        ("mixamorig:HeadTop_End", ""), ("LHipJoint", ""), ("palm.01.L", ""), ("tail", ""),
    ],
)  # fmt: skip
def test_names_of_other_programs_are_understood(name, part):
    found = names.meaning(name)
    assert ".".join(found).strip(".") == part


@pytest.mark.parametrize("naming", sorted(walker.NAMES))
def test_bodies_of_every_naming_have_all_their_parts(naming):
    body = parts.find(*walker.skeleton(walker.Shape(naming=naming)))
    assert len(body.parts["spine"]) == 2 and len(body.parts["neck"]) == 1 and len(body.parts["head"]) == 1
    for side in "LR":
        for part in names.LIMBS:
            assert len(body.parts[f"{part}.{side}"]) == 1, part
    assert body.leg() == pytest.approx(0.84, rel=0.02) and body.left()[0] == pytest.approx(1)
