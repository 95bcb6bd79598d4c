# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints found in bodies, against true ones and against what kind of body it is."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
from scipy.spatial import cKDTree

from galatea.addon.scene import skeleton as step
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.rig import finding, proxy, sight, skeleton
from galatea.backend import posing
from galatea.backend.geometry.marching import isosurface
from galatea.backend.protocol.errors import UserError

from . import bodies

PEOPLE = sorted((Path(__file__).parent / "fixtures").glob("anny_*.npz"))
LIMITS = {"hip": 5.5, "knee": 4.0, "ankle": 5.0, "shoulder": 6.0, "elbow": 6.0, "wrist": 4.0, "neck": 4.0, "head": 4.0}
"""Per cent of the body's height that a joint may be off."""
FOUND = {
    "hip": ("thigh", "head"), "knee": ("shin", "head"), "ankle": ("foot", "head"),
    "shoulder": ("upper_arm", "head"), "elbow": ("forearm", "head"), "wrist": ("hand", "head"),
    "neck": ("spine.003", "tail"), "head": ("spine.006", "head"),
}  # fmt: skip


def find(mesh, kind="auto", bones=5, axis="auto", **options):
    return finding.find(mesh[0].astype(float), mesh[1], kind, bones, axis, lambda: None, **options)


def test_a_kind_that_is_not_sure_enough_is_not_taken():
    with np.load(PEOPLE[0]) as data:
        mesh = data["vertices"], data["faces"].astype(np.int32)
    score = find(mesh).scores["biped"]
    assert score > 0.5
    assert find(mesh, sure=score).skeleton.kind == "biped"
    assert find(mesh, sure=score + 0.001).skeleton.kind == "soft"


def place(found, joint):
    name, _, side = joint.partition(".")
    bone, end = FOUND[name]
    return getattr(found.skeleton[f"{bone}.{side}" if side else bone], end)


@pytest.mark.parametrize("path", PEOPLE, ids=lambda path: path.stem)
def test_the_joints_of_people_are_where_they_truly_are(path):
    with np.load(path) as data:
        mesh, true = (
            (data["vertices"], data["faces"].astype(np.int32)),
            dict(zip(data["names"].tolist(), data["joints"].astype(float), strict=True)),
        )
    found = find(mesh)
    assert found.skeleton.kind == "biped" and not found.notes
    high = float(np.ptp(mesh[0][:, 2]))
    off = {name: 100 * float(np.linalg.norm(place(found, name) - at)) / high for name, at in true.items()}
    assert {name: round(value, 1) for name, value in off.items() if value > LIMITS[name.partition(".")[0]]} == {}
    assert np.mean(list(off.values())) < 2.5


def test_a_turned_person_has_the_same_joints_turned():
    with np.load(PEOPLE[0]) as data:
        points, faces = data["vertices"].astype(float), data["faces"].astype(np.int32)
    straight = find((points, faces)).skeleton
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])
    turned = find((points @ turn.T, faces)).skeleton
    high = float(np.ptp(points[:, 2]))
    sides = [b.name for b in straight.bones if b.name in ("thigh.L", "shin.R", "upper_arm.L", "forearm.R", "spine")]
    for name in sides:
        mirror = {"L": "R", "R": "L"}
        other = f"{name[:-1]}{mirror[name[-1]]}" if name[-2] == "." else name
        off = [np.linalg.norm(turned[n].head - straight[name].head @ turn.T) for n in (name, other)]
        assert min(off) < 0.04 * high


@pytest.mark.parametrize("name", sorted(bodies.KINDS))
def test_each_kind_is_told_from_the_others(name):
    mesh, kind = bodies.KINDS[name]()
    found = find(mesh)
    assert found.skeleton.kind == kind, dict(found.scores)
    low, high = mesh[0].min(axis=0), mesh[0].max(axis=0)
    slack = 0.06 * float((high - low).max())
    for bone in found.skeleton.bones[1:]:
        for end in (bone.head, bone.tail):
            assert (end > low - slack).all() and (end < high + slack).all(), bone.name
    names = {bone.name for bone in found.skeleton.bones}
    assert all(set(marked) <= names for marked in found.skeleton.marks.values())


def test_a_symmetrical_body_has_exactly_mirrored_bones():
    found = find(bodies.horse()[0]).skeleton
    for bone in found.bones:
        if bone.name.endswith(".L"):
            other = found[bone.name[:-1] + "R"]
            assert np.allclose(bone.head * [-1, 1, 1], other.head, atol=1e-6), bone.name


def test_the_legs_of_a_horse_end_on_the_floor_below_the_hips():
    found = find(bodies.horse()[0]).skeleton
    for side in "LR":
        for prefix in ("", "front_"):
            thigh, toe = found[f"{prefix}thigh.{side}"], found[f"{prefix}toe.{side}"]
            assert toe.tail[2] < 0.05 and thigh.head[2] > 0.45
            assert abs(toe.head[1] - thigh.head[1]) < 0.15
    assert found["spine.011"].tail[1] < found["spine.008"].tail[1] < found["spine.004"].head[1]
    assert "spine" in {bone.name for bone in found.bones}, "the tail"


def test_wheels_have_bones_along_their_axles_as_long_as_their_radius():
    for joined in (False, True):
        found = find(bodies.car(joined_wheels=joined)[0]).skeleton
        wheels = [found[name] for name in found.marks["wheels"]]
        assert len(wheels) == 4
        for wheel in wheels:
            assert wheel.length == pytest.approx(0.3, rel=0.12) and wheel.head[2] == pytest.approx(0.3, rel=0.15)
            assert (wheel.tail - wheel.head)[0] == pytest.approx(wheel.length, abs=1e-9)
        assert sorted(round(abs(wheel.head[1]), 1) for wheel in wheels) == [1.1, 1.1, 1.1, 1.1]


def test_furniture_has_a_bone_up_each_leg_and_a_block_has_none():
    (points, faces), _ = bodies.chair()
    found = find((points, faces)).skeleton
    legs = [bone for bone in found.bones if bone.parent == "body"]
    assert sorted(leg.name for leg in legs) == ["leg.001.L", "leg.001.R", "leg.002.L", "leg.002.R"]
    for leg in legs:
        other = found[f"{leg.name[:-1]}{'R' if leg.name[-1] == 'L' else 'L'}"]
        assert np.allclose(leg.head * [-1, 1, 1], other.head, atol=0.03) and leg.tail[2] == pytest.approx(0, abs=0.02)
        assert np.linalg.norm((leg.head - leg.tail)[:2]) < 0.1 and 0.25 < leg.length < 0.5
    cube = np.array([[x, y, z] for x in (-0.4, 0.4) for y in (-0.3, 0.3) for z in (0.0, 0.9)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    block = find((cube, np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))], np.int32)), "furniture")
    assert [bone.name for bone in block.skeleton.bones] == ["root", "body"]


def test_the_chain_of_a_coiled_snake_follows_it():
    mesh, line = bodies.snake()[0], bodies.snake_line()
    found = find(mesh).skeleton
    ends = np.array([bone.tail for bone in found.bones if bone.deform])
    away = np.linalg.norm(ends[:, None] - line[None], axis=2).min(axis=1)
    assert len(ends) >= 8 and away.max() < 0.06
    assert sum(bone.length for bone in found.bones[1:]) > 0.85 * np.linalg.norm(np.diff(line, axis=0), axis=1).sum()


@pytest.mark.parametrize("kind", [kind for kind in skeleton.KINDS if kind != "soft"])
def test_a_wish_that_the_body_does_not_fulfil_still_gives_a_skeleton_and_says_so(kind):
    from ..golden import zoo

    found = find(zoo.blob(), kind)
    assert len(found.skeleton.bones) > 1
    assert found.skeleton.kind in (kind, "soft")
    if found.skeleton.kind != kind:
        assert "by hand" in found.notes[0] and found.skeleton.confidence < 0.45


@pytest.mark.parametrize("name", ["soup", "holes", "islands", "flipped", "tiny", "huge", "bowl", "crowd"])
def test_broken_bodies_have_skeletons_too(name):
    from ..golden import zoo

    mesh = getattr(zoo, name)()
    found = find(mesh)
    ends = np.array([[bone.head, bone.tail] for bone in found.skeleton.bones])
    assert np.isfinite(ends).all() and found.skeleton.kind not in ("biped", "quadruped")


def test_the_step_builds_an_armature_that_reads_back(run):
    points, faces = bodies.horse()[0]
    body = bpy.data.objects.new("Body", meshes.new_mesh("Body", points.astype(np.float32), faces.astype(np.int32)))
    bpy.context.scene.collection.objects.link(body)
    body["galatea_role"] = "body"
    for _ in range(2):  # a second run replaces the first
        done = run("skeleton")
    armature = done.work.object("armature")
    assert len(list(done.work.objects("armature"))) == 1
    assert done.metrics["kind"] == "quadruped" and done.metrics["confidence"] > 0.6
    assert done.metrics["bones"] == len(armature.data.bones)
    again = skeleton.read(armature)
    assert again.kind == "quadruped" and again.marks["head"] == ("spine.011",)
    run("skeleton", kind="soft", bones=3)
    assert len(next(done.work.objects("armature")).data.bones) == 4


def test_a_body_that_faces_another_way_is_turned_to_the_front(run):
    points, faces = bodies.horse()[0]
    turned = points @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]).T
    body = bpy.data.objects.new("Body", meshes.new_mesh("Body", turned.astype(np.float32), faces.astype(np.int32)))
    bpy.context.scene.collection.objects.link(body)
    body["galatea_role"] = "body"
    done = run("skeleton")
    found = skeleton.read(done.work.object("armature"))
    ahead = found["spine.011"].tail - found["spine.004"].head
    assert ahead[1] < -0.8 * np.linalg.norm(ahead)
    assert abs(done.metrics["turned_degrees"]) == pytest.approx(90, abs=6)
    assert run("skeleton", face_front=False).metrics["turned_degrees"] == 0


@pytest.mark.parametrize(("degrees", "path"), [(90, "auto"), (-130, "auto"), (90, "orbit")])
def test_a_film_begins_where_the_photo_of_a_turned_body_was_taken(run, make_work, degrees, path):
    points, faces = bodies.horse()[0]
    around = np.radians(degrees)
    turn = np.array([[np.cos(around), np.sin(around), 0], [-np.sin(around), np.cos(around), 0], [0, 0, 1]])
    work, _ = make_work()
    mesh = meshes.new_mesh("Body", (points @ turn).astype(np.float32), faces.astype(np.int32))
    body = work.add("body", bpy.data.objects.new("Body", mesh))
    before = np.array(mesh.vertices[0].co)
    work.steps = [{"step": "bring"}, {"step": "skeleton"}]
    step.run(work, **step.SPEC.fill({"kind": "quadruped"}))
    bpy.context.view_layer.update()
    after = np.array(body.matrix_world @ mesh.vertices[0].co)
    turned = np.arctan2(after[1], after[0]) - np.arctan2(before[1], before[0])
    photo = np.array([np.sin(turned), -np.cos(turned)])  # where -Y, from where it was taken, has gone
    run("camera", path=path, seconds=2.0)
    places = []
    for frame in range(1, 49):
        bpy.context.scene.frame_set(frame)
        place = np.array(bpy.context.scene.camera.matrix_world.translation)[:2]
        places.append(place / np.linalg.norm(place))
    assert places[0] @ photo > 0.99 and abs(turned) > 0.7
    if path == "auto":
        assert min(place @ photo for place in places) == pytest.approx(np.cos(np.radians(80)), abs=0.05)
        assert max(-place[1] for place in places) > -places[0][1] + 0.5, "it goes over to the front"
    bpy.context.scene.frame_set(bpy.context.scene["galatea_still"])
    assert np.array(bpy.context.scene.camera.matrix_world.translation)[:2] @ photo > 0


def test_a_body_that_was_loaded_is_filmed_from_the_front(run, make_work):
    points, faces = bodies.horse()[0]
    work, _ = make_work()
    turned = points @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]]).T
    mesh = meshes.new_mesh("Body", turned.astype(np.float32), faces.astype(np.int32))
    work.add("body", bpy.data.objects.new("Body", mesh))
    work.steps = [{"step": "load"}, {"step": "skeleton"}]
    step.run(work, **step.SPEC.fill({}))
    run("camera", seconds=1.0)
    bpy.context.scene.frame_set(1)
    place = bpy.context.scene.camera.matrix_world.translation
    assert np.degrees(np.arctan2(place.x, -place.y)) == pytest.approx(-40, abs=8)


def test_a_body_without_a_surface_is_refused(run):
    body = bpy.data.objects.new("Body", bpy.data.meshes.new("Body"))
    bpy.context.scene.collection.objects.link(body)
    body["galatea_role"] = "body"
    with pytest.raises(UserError, match="clean"):
        run("skeleton")


def test_of_a_body_that_a_model_made_auto_must_be_surer(run, make_work, monkeypatch):
    with np.load(PEOPLE[0]) as data:
        vertices, faces = data["vertices"].astype(float), data["faces"].astype(np.int32)
    score = find((vertices, faces)).scores["biped"]
    monkeypatch.setattr(step, "_GUESSED", score + 0.001)
    found = []
    for maker in ("load", "bring"):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        work, _ = make_work()
        mesh = bpy.data.meshes.new("Person")
        mesh.from_pydata(vertices.tolist(), [], faces.tolist())
        work.add("body", bpy.data.objects.new("Person", mesh))
        work.steps = [{"step": maker}, {"step": "skeleton"}]
        step.run(work, **step.SPEC.fill({}))
        found.append(work.report.metrics["kind"])
    assert found == ["biped", "soft"]


def coated(mesh):
    """The person in a wide coat down to the knees, with sleeves that touch it: one closed surface."""
    vertices, faces = mesh
    high = float(np.ptp(vertices[:, 2]))
    shape = proxy.make(vertices, faces)
    cell = 0.012 * high
    low = vertices.min(axis=0) - 0.08 * high
    size = np.ceil((np.ptp(vertices, axis=0) + 0.16 * high) / cell).astype(int)
    centres = low + cell * np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
    away = cKDTree(shape.points).query(centres.reshape(-1, 3))[0].reshape(size)
    height = (centres[..., 2] - vertices[:, 2].min()) / high
    wide = np.where((height > 0.27) & (height < 0.8), 0.05, 0.012) * high
    surface, triangles = isosurface((wide - away).astype(np.float32))
    return low + cell * surface.astype(float), triangles


def test_a_person_in_a_coat_is_seen_where_the_shape_alone_tells_nothing(monkeypatch):
    with np.load(next(path for path in PEOPLE if "down" in path.stem)) as data:
        mesh, true = (
            coated((data["vertices"].astype(float), data["faces"].astype(np.int32))),
            dict(zip(data["names"].tolist(), data["joints"].astype(float), strict=True)),
        )
    found = find(mesh)
    high = float(np.ptp(mesh[0][:, 2]))
    assert found.skeleton.kind == "biped" and not found.notes
    off = {name: 100 * float(np.linalg.norm(place(found, name) - at)) / high for name, at in true.items()}
    assert np.mean(list(off.values())) < 5.0 and max(off.values()) < 10.0, off
    monkeypatch.setattr(posing, "_made", [None])  # a Python without onnxruntime
    assert find(mesh).skeleton.kind != "biped"


def test_the_networks_file_is_proved(tmp_path, monkeypatch):
    monkeypatch.setattr(posing, "WEIGHTS", tmp_path / "rtmpose_s.onnx")
    with pytest.raises(UserError, match="are missing"):
        posing.weights()
    posing.WEIGHTS.write_bytes(b"something else")
    with pytest.raises(UserError, match="are damaged"):
        posing.weights()


@pytest.mark.parametrize("name", ["horse", "bird", "chair", "car"])
def test_what_is_no_person_is_seen_as_none(name):
    (vertices, faces), _ = getattr(bodies, name)()
    assert sight.look(vertices.astype(float), faces, lambda: None).score == 0
