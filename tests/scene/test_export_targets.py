# SPDX-License-Identifier: GPL-3.0-or-later
"""Real size, origin, axes and unit: each as asked, nothing mirrored, with a rig and in motion too."""

from __future__ import annotations

import itertools

import bpy
import numpy as np
import pytest
import trimesh

from galatea.addon.scene.lib.files import targets
from galatea.addon.scene.lib.motion import animation
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.props import called
from galatea.backend.protocol.recipe import PRESETS, read_toml

from . import ell

AXIS = {name + axis: sign * np.eye(3)["XYZ".index(axis)] for name, sign in (("", 1), ("-", -1)) for axis in "XYZ"}


@pytest.fixture
def thing(run):
    ell.make()
    return run("material").work.object("body")


def axes(up: str, front: str) -> np.ndarray:
    """The rotation that takes Blender's up to `up` and its front, -Y, to `front`."""
    z, y = AXIS[up], -AXIS[front]
    return np.stack([np.cross(y, z), y, z], axis=1)


def read(path) -> ell.Seen:
    mesh = trimesh.load(path, process=False, force="mesh")
    points = np.asarray(mesh.vertices)
    return ell.Seen(points, points[np.asarray(mesh.faces)].mean(axis=1))


@pytest.mark.parametrize(
    ("target", "format", "up", "front", "unit"),
    [
        ("none", "glb", "Y", "Z", 1), ("none", "obj", "Y", "Z", 1), ("none", "stl", "Z", "-Y", 1),
        ("unity", "glb", "Y", "Z", 1), ("unity", "obj", "Y", "Z", 1), ("unity", "ply", "Y", "Z", 1),
        ("godot", "glb", "Y", "Z", 1), ("godot", "stl", "Y", "Z", 1),
        ("unreal", "glb", "Y", "X", 1), ("unreal", "obj", "Z", "X", 0.01), ("unreal", "stl", "Z", "X", 0.01),
        ("blender", "glb", "Y", "Z", 1), ("blender", "obj", "Y", "Z", 1), ("blender", "ply", "Z", "-Y", 1),
    ],
)  # fmt: skip
def test_each_target_gets_its_axes_and_its_unit(run, thing, target, format, up, front, unit):
    done = run("export", format=format, target=target)
    read(done.path("model")).same(ell.moved(ell.standing(ell.truth()), axes(up, front) / unit))
    (asset,) = [asset for asset in done.assets if asset.role == "model"]
    assert (asset.meta["up"], asset.meta["front"], asset.meta["unit_m"]) == (up, front, unit)
    assert done.metrics["size_m"] == pytest.approx([1.2, 0.7, 1.0] if front not in ("X", "-X") else [0.7, 1.2, 1.0])


@pytest.mark.parametrize(("up", "front"), [pair for pair in itertools.product("YZ", AXIS) if pair[0] not in pair[1]])
def test_any_axes_can_be_asked_for(run, thing, up, front):
    path = run("export", format="obj", up=up, forward=front).path("model")
    read(path).same(ell.moved(ell.standing(ell.truth()), axes(up, front)))


def test_axes_that_cannot_be_are_refused_with_what_to_do(run, thing):
    with pytest.raises(UserError, match="always has Y up") as caught:
        run("export", format="glb", up="Z")
    assert caught.value.kind == "usage" and "auto" in str(caught.value)
    with pytest.raises(UserError, match="forward cannot be -Y where Y is up"):
        run("export", format="obj", up="Y", forward="-Y")
    assert targets.frame("obj", "none", up="Z") == targets.Frame("Z", "-Y"), "the front follows where it must"


def test_an_fbx_for_unreal_counts_in_centimetres_and_no_node_is_scaled(run, thing):
    path = run("export", format="fbx", target="unreal", size=2.4).path("model")
    data = path.read_bytes()
    at = data.index(b"S\0\0\0\0D", data.index(b"UnitScaleFactor")) + 6
    assert np.frombuffer(data[at : at + 8], "<f8")[0] == pytest.approx(1.0), "one unit is a centimetre"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(path))
    (obj,) = bpy.context.scene.objects
    want = ell.moved(ell.standing(ell.truth()), 2 * axes("Z", "X"))
    ell.of_blender(obj).same(want)
    raw = np.array([vertex.co for vertex in obj.data.vertices])
    assert np.ptp(raw, axis=0).max() * max(obj.matrix_world.to_scale()) == pytest.approx(2.4, rel=1e-4)


@pytest.mark.parametrize(
    ("options", "longest"),
    [({"size": 3.0}, 3.0), ({"size": 0.5, "measure": "height"}, 0.6), ({}, 1.2)],
)
def test_the_real_size(run, thing, options, longest):
    seen = read(run("export", format="glb", **options).path("model"))
    assert np.ptp(seen.points, axis=0).max() == pytest.approx(longest, rel=1e-5)
    seen.same(ell.moved(ell.standing(ell.truth()), axes("Y", "Z") * longest / 1.2))


def test_the_origin(run, thing):
    truth = ell.truth()
    low, high = truth.points.min(axis=0), truth.points.max(axis=0)
    boxes = [(np.array(a), np.array(b)) for a, b in ell.BOXES]
    volume = np.array([np.prod(b - a) for a, b in boxes])
    mass = sum(v * (a + b) / 2 for v, (a, b) in zip(volume, boxes, strict=True)) / volume.sum() + ell.PLACE
    wanted = {
        "base": [*(low + high)[:2] / 2, low[2]],
        "centre": (low + high) / 2,
        "mass": mass,
        "keep": [0, 0, 0],
    }
    for pivot, origin in wanted.items():
        seen = read(run("export", format="stl", pivot=pivot).path("model"))
        seen.same(ell.moved(truth, np.eye(3), -np.array(origin)))


def test_the_mass_of_an_open_surface_is_that_of_its_skin(run):
    body = ell.make()
    with_holes = [face.index for face in body.data.polygons if face.index % 3 == 0]
    import bmesh

    mesh = bmesh.new()
    mesh.from_mesh(body.data)
    mesh.faces.ensure_lookup_table()
    bmesh.ops.delete(mesh, geom=[mesh.faces[i] for i in with_holes], context="FACES")
    mesh.to_mesh(body.data)
    mesh.free()
    seen = read(run("export", format="stl", pivot="mass").path("model"))
    assert (seen.points.min(axis=0) < 0).all() and (seen.points.max(axis=0) > 0).all(), "inside of its box"


def test_what_the_artist_did_to_the_object_counts(run, thing):
    """Turned, scaled, hung on something, with a modifier, in a scene that counts in centimetres."""
    parent = bpy.data.objects.new("Hook", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.location, parent.scale = (5, 6, 7), (2, 2, 2)
    thing.parent = parent
    thing.rotation_euler = (0, 0, np.pi / 2)
    thing.scale = (50, 50, 50)
    mirror = thing.modifiers.new("Array", "ARRAY")
    mirror.count, mirror.relative_offset_displace = 1, (0, 0, 2)
    bpy.context.scene.unit_settings.scale_length = 0.01
    seen = read(run("export", format="stl").path("model"))
    seen.same(ell.moved(ell.standing(ell.truth()), axes("Z", "X")))


@pytest.mark.parametrize(
    ("like", "longest"),
    [
        ("a red wooden chair", 0.9 * 1.2),
        ("Horses", 1.7 * 1.2),
        ("car", 4.2),
        ("washing machine", 0.85 * 1.2),
        ("bowling ball", 0.217),
        ("rocket", 50.0 * 1.2),
    ],
)
def test_what_it_is_says_how_large_it_is(run, thing, like, longest):
    seen = read(run("export", format="stl", like=like).path("model"))
    assert np.ptp(seen.points, axis=0).max() == pytest.approx(longest, rel=1e-4)


def test_a_size_stands_in_one_place_unless_a_scene_has_it_otherwise():
    for measure, table in read_toml(PRESETS / "sizes" / "things.toml").items():
        for word, metres in table.items():
            if word in called():
                built = called()[word].size[2] if measure == "height" else max(called()[word].size)
                assert not 1 / 1.5 <= metres / built <= 1.5, f"{word}: presets/props/things.toml says it"


def test_a_size_is_stronger_than_what_it_is(run, thing):
    seen = read(run("export", format="stl", like="car", size=3.0).path("model"))
    assert np.ptp(seen.points, axis=0).max() == pytest.approx(3.0, rel=1e-4)


def test_what_nobody_knows_the_size_of_is_said(run, thing):
    with pytest.raises(UserError, match=r"export\.size.*chair"):
        run("export", format="stl", like="a chaire")


@pytest.fixture
def moving(run, thing):
    run("skeleton", kind="soft", bones=3)
    run("bind")
    run("move", seconds=0.5, strength=3.0)
    return run


def poses(frames: list[int]) -> np.ndarray:
    body = next(obj for obj in bpy.context.scene.objects if obj.type == "MESH")
    return np.stack(list(animation.sampled(bpy.context.scene, [body], frames)))


@pytest.mark.parametrize("format", ["glb", "fbx", "usdc", "abc"])
def test_a_motion_is_scaled_and_turned_as_a_whole(moving, format):
    if not {"usd": bpy.app.build_options.usd, "abc": bpy.app.build_options.alembic}.get(format[:3], True):
        pytest.skip(f"this Blender was built without {format}")
    frames = [1, 4, 7, 10]
    before = poses(frames)
    rest = ell.truth().points
    base = np.array([*(rest.min(axis=0) + rest.max(axis=0))[:2] / 2, rest[:, 2].min()])
    assert np.ptp(before, axis=0).max() > 0.02, "it moves"
    path = moving("export", format=format, target="unreal", size=2.4).path("model")
    assert np.allclose(poses(frames), before, atol=1e-7), "the scene moves as it did"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = animation.FPS
    if format == "glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    elif format == "fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    elif format == "usdc":
        bpy.ops.wm.usd_import(filepath=str(path))
    else:
        bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False)
    shown = poses(frames)
    turn = axes("Z", "X")  # seen in Blender's axes again, whatever the file's are
    want = 2 * (before - base) @ turn.T / (0.01 if format == "abc" else 1)
    for got, wanted in zip(shown, want, strict=True):
        size = np.ptp(wanted, axis=0).max()
        assert np.allclose(got.min(axis=0), wanted.min(axis=0), atol=5e-3 * size)
        assert np.allclose(got.max(axis=0), wanted.max(axis=0), atol=5e-3 * size)


def test_a_fall_goes_along(run, thing):
    run("drop")
    frames = [1, 8, 16]
    before = poses(frames)
    path = run("export", format="abc", pivot="keep", size=2.4).path("model")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = animation.FPS
    bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False)
    after = poses(frames)
    assert np.ptp(before[:, :, 2].mean(axis=1)) > 0.1
    assert np.allclose(after.min(axis=1), 2 * before.min(axis=1), atol=2e-2)
