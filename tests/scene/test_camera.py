# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras: whatever the body does and however the camera moves, all of the body is in every frame, and large."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.camera import SPEC
from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.render import shots
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def body(run, make_figure):
    small = make_figure(24, 32)
    run("bring", {"mesh": small.mesh, "albedo": small.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")


def _projected(points: np.ndarray) -> np.ndarray:
    """(P, 3): places in the picture of the scene's camera now, 0 to 1 across and up, and depth in metres.

    Reckoned from Blender's own projection matrix, not from our framing.
    """
    scene, graph = bpy.context.scene, bpy.context.evaluated_depsgraph_get()
    camera, render = scene.camera.evaluated_get(graph), scene.render
    matrix = camera.calc_matrix_camera(graph, x=render.resolution_x, y=render.resolution_y)
    world = np.array(camera.matrix_world.inverted())
    local = np.c_[points, np.ones(len(points))] @ world.T
    clip = local @ np.array(matrix).T
    return np.c_[clip[:, :2] / clip[:, 3:] / 2 + 0.5, -local[:, 2]]


def seen(obj, frames):
    """A (P, 3) for each frame: all vertices as the scene's camera shows them."""
    scene, out = bpy.context.scene, []
    for frame in frames:
        scene.frame_set(frame)
        out.append(_projected(animation.points_at(obj, bpy.context.evaluated_depsgraph_get())))
    return np.array(out)


def whole(places: np.ndarray) -> bool:
    return bool(places[..., :2].min() > 0.0 and places[..., :2].max() < 1.0)


def walk(obj, frames: int, far: float, jump: float = 0.0) -> None:
    """Along -Y by `far` metres, turning a little, with jumps of a height."""
    numbers = np.arange(1, frames + 1)
    t = (numbers - 1) / (frames - 1)
    place = np.stack([0.2 * far * np.sin(3 * t), -far * t, jump * np.abs(np.sin(9 * t))], axis=1)
    animation.new_action(obj, "walk")
    animation.set_keys(obj, "location", numbers, place, interpolation="LINEAR")
    turn = np.zeros((frames, 3))
    turn[:, 2] = 0.6 * np.sin(3 * t)
    animation.set_keys(obj, "rotation_euler", numbers, turn, interpolation="LINEAR")


PATHS = sorted(shots.PATHS)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scale", [0.001, 1.0, 100.0])
def test_the_body_is_inside_and_large(run, body, path, scale):
    body().data.transform(Matrix.Scale(scale, 4))
    run("stage")
    run("camera", path=path, seconds=1.0)
    places = seen(body(), range(1, 25))
    assert whole(places)
    camera = bpy.context.scene.camera.data
    assert places[..., 2].min() > camera.clip_start
    assert places[..., 2].max() < camera.clip_end < 1e6 * places[..., 2].max()
    extent = np.ptp(places[..., :2], axis=1).max(axis=1)
    assert extent.max() > (0.4 if path == "truck" else 0.6)
    assert bpy.context.scene.frame_end == 24 and bpy.context.scene.render.fps == 24


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_dust_grain_and_a_country_are_framed_and_not_clipped(run, body, scale):
    body().data.transform(Matrix.Scale(scale, 4))
    run("stage")
    run("camera", path="orbit", seconds=0.5)
    places, camera = seen(body(), range(1, 13)), bpy.context.scene.camera.data
    assert whole(places)
    assert camera.clip_start < places[..., 2].min() and places[..., 2].max() < camera.clip_end


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("far", "jump"), [(5.0, 0.0), (0.5, 1.5)])
def test_a_body_that_walks_or_jumps_stays_in_the_frame(run, body, path, far, jump):
    walk(body(), 72, far, jump)
    run("stage")
    run("camera", path=path, width=320, height=180)
    places = seen(body(), range(1, 73))
    assert whole(places)
    extent = np.ptp(places[..., :2], axis=1).max(axis=1)
    assert extent[-1] > 0.2, "it is small when the film ends"
    steps = np.linalg.norm(np.diff(places[..., :2].mean(axis=1), axis=0), axis=1)
    assert steps.max() < 0.12, "the picture jumps"


def test_a_thing_of_three_bodies_and_a_spike_that_points_at_the_camera(run, body):
    mesh = body().data
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    points = flat.reshape(-1, 3)
    points[0] = (0.0, -12.0, 0.5)
    mesh.vertices.foreach_set("co", points.ravel())
    run("camera", path="orbit", seconds=1.0, elevation=0.0)
    places = seen(body(), range(1, 25))
    assert places[..., 2].min() > bpy.context.scene.camera.data.clip_start
    assert whole(places)


@pytest.mark.parametrize("path", ["swing", "orbit", "spiral", "dolly", "truck", "crane", "push", "vertigo", "handheld"])
def test_a_path_has_few_bezier_keys_to_edit(run, body, path):
    run("camera", path=path)
    scene = bpy.context.scene
    owners = [scene.camera, scene.camera.parent, scene.camera.data, scene.camera.parent.parent]
    curves = [curve for owner in owners for curve in animation.curves(owner)]
    assert curves and all(len(curve.keyframe_points) <= 3 for curve in curves)
    assert {key.interpolation for curve in curves for key in curve.keyframe_points} == {"BEZIER"}
    assert scene.camera.parent.parent["galatea_role"] == "camera_target"


def test_moving_the_target_moves_the_camera(run, body):
    done = run("camera", path="orbit")
    before = bpy.context.scene.camera.matrix_world.translation.copy()
    done.work.object("camera_target").location.x += 1.0
    bpy.context.view_layer.update()
    assert bpy.context.scene.camera.matrix_world.translation.x == pytest.approx(before.x + 1.0, abs=1e-4)


def test_the_swing_closes_and_is_smooth(run, body):
    run("camera", seconds=3.0)
    places = _cameras(range(1, 75))
    assert np.linalg.norm(places[72] - places[0]) < 1e-4
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert speed[0] < 0.3 * speed.max(), "it starts with a jerk"
    assert np.abs(np.diff(speed)).max() < 0.2 * speed.max()
    assert places[:, 1].max() < 0, "it must stay before the front"


def _cameras(frames) -> np.ndarray:
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        out.append(np.array(bpy.context.scene.camera.matrix_world.translation))
    return np.array(out)


def _heights(places: np.ndarray) -> np.ndarray:
    """(F,) sizes of the body in the picture."""
    return np.ptp(places[..., 1], axis=1)


def test_each_path_does_what_its_name_says(run, body):
    def shot(path, **params):
        run("camera", path=path, seconds=1.0, **params)
        return _cameras(range(1, 26))

    for path in ("orbit", "turntable", "spiral"):
        place = shot(path)
        angles = np.unwrap(np.arctan2(place[:, 1], place[:, 0]))
        assert np.ptp(angles) == pytest.approx(2 * np.pi, abs=0.1)
    assert np.ptp(shot("spiral")[:, 2]) > 0.5
    for path, nearer in (("dolly", 1.2), ("push", 1.8)):
        far = np.linalg.norm(shot(path) - [0, 0, 0.5], axis=1)
        assert far[0] > nearer * far[-1] and np.all(np.diff(far) < 1e-3)
    truck = np.diff(shot("truck"), axis=0)[4:18]
    unit = truck / np.linalg.norm(truck, axis=1, keepdims=True)
    assert np.abs(unit - unit[0]).max() < 1e-3 and abs(unit[0, 2]) < 1e-3, "a straight line past the body"
    crane = shot("crane")
    assert crane[-1, 2] > crane[0, 2] + 1.0
    assert np.ptp(shot("static"), axis=0).max() == 0.0
    assert np.ptp(shot("orbit", arc=90.0)[:, 0]) < 4.5


def test_vertigo_keeps_the_size_and_changes_the_lens(run, body):
    run("camera", path="vertigo", seconds=2.0)
    camera, lenses = bpy.context.scene.camera.data, []
    for frame in range(1, 49):
        bpy.context.scene.frame_set(frame)
        lenses.append(camera.lens)
    assert lenses[-1] > 5 * lenses[0]
    extent = np.ptp(seen(body(), range(1, 49))[..., :2], axis=1).max(axis=1)
    assert np.ptp(extent) < 0.08 * extent.mean()


def test_a_turntable_takes_the_light_along_and_an_orbit_does_not(run, body):
    def around(path):
        done = run("camera", path=path, seconds=1.0)
        lamp, out = done.work.object("light_key"), []
        for frame in range(1, 25):
            bpy.context.scene.frame_set(frame)
            world = bpy.context.scene.camera.matrix_world.inverted() @ lamp.matrix_world
            out.append(np.array(world.translation))
        return np.array(out)

    run("stage")
    assert np.ptp(around("turntable"), axis=0).max() < 1e-3
    assert np.ptp(around("orbit"), axis=0).max() > 1.0
    rig = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "light_rig")
    assert not animation.curves(rig), "the light still turns"


def test_a_hand_shakes_slowly_and_by_the_seed(run, body):
    def angles(seed):
        run("camera", path="handheld", seconds=8.0, seed=seed)
        camera, out = bpy.context.scene.camera, []
        for frame in range(1, 193):
            bpy.context.scene.frame_set(frame)
            out.append(list(camera.rotation_euler))
        return np.array(out)

    first, again, other = angles(1), angles(1), angles(2)
    assert np.array_equal(first, again) and not np.allclose(first, other)
    moved = first[:, 0] - first[:, 0].mean()
    power = np.abs(np.fft.rfft(moved * np.hanning(len(moved)))) ** 2
    hertz = np.fft.rfftfreq(len(moved), 1 / 24)
    assert power[hertz > 6].sum() < 0.02 * power.sum(), "it trembles"
    assert 0.02 < np.degrees(np.ptp(moved)) < 1.5


def test_follow_turns_with_the_way_of_the_body(run, body):
    far, frames = 6.0, 72
    numbers = np.arange(1, frames + 1)
    turn = np.linspace(0, np.pi / 2, frames)
    place = np.stack([far * (1 - np.cos(turn)), -far * np.sin(turn), 0 * turn], axis=1)
    animation.new_action(body(), "walk")
    animation.set_keys(body(), "location", numbers, place, interpolation="LINEAR")
    run("camera", path="follow")
    scene, sides = bpy.context.scene, []
    for frame in (6, 66):
        scene.frame_set(frame)
        from_body = np.array(scene.camera.matrix_world.translation) - np.array(body().matrix_world.translation)
        sides.append(np.arctan2(from_body[1], from_body[0]))
    turned = np.degrees((sides[1] - sides[0] + np.pi) % (2 * np.pi) - np.pi)
    assert 45 < turned < 100


def test_cuts_are_cameras_bound_to_markers(run, body):
    run("stage")
    run("camera", shots="wide 0.5s; low orbit 1s; close left 0.5s")
    scene = bpy.context.scene
    markers = sorted(scene.timeline_markers, key=lambda marker: marker.frame)
    assert [marker.frame for marker in markers] == [1, 13, 37] and scene.frame_end == 48
    assert len({marker.camera for marker in markers}) == 3
    names = []
    for frame in (1, 12, 13, 36, 37, 48):
        scene.frame_set(frame)
        names.append(scene.camera.name)
    assert names[0] == names[1] != names[2] == names[3] != names[4] == names[5]
    places = seen(body(), range(1, 49))
    assert whole(places)
    sizes = np.ptp(places[..., :2], axis=1).max(axis=1)
    assert sizes[:12].max() < 0.62 and sizes[36:].min() > 0.85
    scene.frame_set(40)
    assert scene.camera.matrix_world.translation.x > 1.0, "left of the body is +X"
    run("camera")
    assert not scene.timeline_markers and sum(obj.type == "CAMERA" for obj in scene.objects) == 1


@pytest.mark.parametrize("size", [(320, 80), (80, 320)])
def test_a_film_of_another_shape_shows_all_in_every_shot(run, body, size):
    from galatea.addon.scene.film import _resolution

    run("camera", shots="wide 0.2s; orbit 0.4s; close 0.2s")
    assert _resolution(bpy.context.scene, *size) == size
    assert whole(seen(body(), range(1, 20)))


def test_a_cut_is_in_the_render(run, body, tmp_path):
    run("stage")
    run("camera", shots="front static 0.1s; back static 0.1s", width=32, height=24)
    scene, pictures = bpy.context.scene, []
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 1, "CPU"
    for frame in (2, 3):
        scene.frame_set(frame)
        scene.render.filepath = str(tmp_path / f"{frame}.png")
        bpy.ops.render.render(write_still=True)
        image = bpy.data.images.load(scene.render.filepath)
        pictures.append(np.array(image.pixels[:]).reshape(-1, 4)[:, :3])
    assert np.abs(pictures[0] - pictures[1]).max() > 0.1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fly 2s", "fly"),
        ("wide", "time"),
        ("wide 0s", "time"),
        (";;", "1 to"),
        ("orbit 9999s", "time"),
        ("aa", "known"),
    ],
)
def test_words_that_mean_nothing_are_refused(run, body, text, says):
    with pytest.raises(UserError, match=says):
        run("camera", shots=text)


def test_focus_is_on_the_body_and_scales_with_it(run, body):
    run("camera", path="dolly", fstop=2.0, focus="nearest", seconds=1.0)
    scene, dof = bpy.context.scene, bpy.context.scene.camera.data.dof
    size = float(np.ptp(animation.rest_points(body()), axis=0).max())
    assert dof.use_dof and dof.aperture_fstop == pytest.approx(2.0 / size, rel=1e-3)
    for frame in (1, 24):
        nearest = seen(body(), [frame])[..., 2].min()
        assert dof.focus_distance == pytest.approx(nearest, rel=0.05)
    run("camera", path="static", fstop=2.0, focus="pull", seconds=1.0)
    dof = bpy.context.scene.camera.data.dof
    scene.frame_set(1)
    before = dof.focus_distance
    scene.frame_set(24)
    assert before < 0.7 * dof.focus_distance
    run("camera", fstop=2.0)
    assert bpy.context.scene.camera.data.dof.focus_object == bpy.context.scene.camera.parent
    run("camera")
    assert not bpy.context.scene.camera.data.dof.use_dof


def test_the_shutter_blurs_motion_or_does_not(run, body):
    run("camera", shutter=0.5)
    assert bpy.context.scene.render.use_motion_blur and bpy.context.scene.render.motion_blur_shutter == 0.5
    run("camera")
    assert not bpy.context.scene.render.use_motion_blur


def test_what_moves_is_blurred_in_the_render(run, body, tmp_path):
    run("stage", floor="none", background="transparent")
    scene, found = bpy.context.scene, []
    for shutter in (0.0, 1.0):
        run("camera", path="turntable", seconds=0.25, width=48, height=36, shutter=shutter)
        scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 16, "CPU"
        scene.render.image_settings.color_mode, scene.render.filepath = "RGBA", str(tmp_path / f"{shutter}.png")
        scene.frame_set(3)
        bpy.ops.render.render(write_still=True)
        alpha = np.array(bpy.data.images.load(scene.render.filepath).pixels[:])[3::4]
        found.append(int(((alpha > 0.1) & (alpha < 0.9)).sum()))
    assert found[1] > 1.3 * found[0]


def test_a_film_may_be_as_long_as_the_motion(run, body):
    walk(body(), 50, 1.0)
    run("camera", seconds=0.0)
    assert bpy.context.scene.frame_end == 50


def test_the_camera_is_inside_the_cove_and_the_body_on_the_floor(run, body):
    run("stage")
    for path, far in (("dolly", 0.0), ("push", 0.0), ("static", 5.0)):
        if far:
            walk(body(), 72, far)
        done = run("camera", path=path)
        floor = done.work.object("floor")
        points = animation.rest_points(floor)
        wall = np.linalg.norm(points[:, :2] - np.array(floor.location)[:2], axis=1).max()
        for place in _cameras((1, 36, 72)):
            assert np.linalg.norm(place[:2] - np.array(floor.location)[:2]) < wall / 1.3
            assert place[2] > points[:, 2].min()
        assert points[:, 2].min() == pytest.approx(0.0, abs=1e-4)


def test_lamps_go_along_with_a_body_that_leaves(run, body):
    walk(body(), 72, 6.0)
    run("stage")
    done = run("camera")
    lamp, apart = done.work.object("light_key"), []
    for frame in (1, 36, 72):
        bpy.context.scene.frame_set(frame)
        apart.append(np.array(lamp.matrix_world.translation - body().matrix_world.translation))
    assert np.ptp(np.array(apart), axis=0).max() < 1.5


def test_the_still_is_taken_from_the_front_and_at_rest(run, body):
    run("drop")
    run("camera", seconds=4.0)
    scene = bpy.context.scene
    scene.frame_set(scene["galatea_still"])
    place = scene.camera.matrix_world.translation
    assert place.y < 0 and abs(place.x) < abs(place.y)
    points = next(animation.sampled(scene, [body()], [scene["galatea_still"]]))
    assert points[:, 2].min() < 0.05


def test_the_photo_s_camera_is_found(run, body, tmp_path):
    from PIL import Image

    scene = bpy.context.scene
    run("camera", path="static", lens=50.0, elevation=20.0, width=320, height=240)
    camera = scene.camera
    bpy.context.view_layer.update()
    kept = np.array(camera.matrix_world)
    camera.data.shift_x = 0.06  # off the middle, as photos are
    scene.render.engine, scene.cycles.samples, scene.render.film_transparent = "CYCLES", 1, True
    scene.render.image_settings.color_mode, scene.render.filepath = "RGBA", str(tmp_path / "seen.png")
    bpy.ops.render.render(write_still=True)
    alpha = Image.open(tmp_path / "seen.png").getchannel("A")
    alpha.save(tmp_path / "mask.png")
    Image.new("RGB", alpha.size).save(tmp_path / "photo.png")
    files = {"image": tmp_path / "photo.png", "mask": tmp_path / "mask.png"}
    done = run("camera", files, path="match", width=480)
    assert done.metrics["overlap"] > 0.9
    assert (scene.render.resolution_x, scene.render.resolution_y) == (480, 360)
    shown = np.array(alpha) > 127
    places = _projected(animation.points_at(body(), bpy.context.evaluated_depsgraph_get()))
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    wanted = np.array([columns[0] / 320, 1 - rows[-1] / 240, columns[-1] / 320, 1 - rows[0] / 240])
    found = np.r_[places[:, :2].min(axis=0), places[:, :2].max(axis=0)]
    assert np.abs(found - wanted).max() < 0.03
    toward = np.array(scene.camera.matrix_world)[:3, 2] @ kept[:3, 2]
    assert toward > np.cos(np.radians(15))


def test_a_mask_that_is_none_or_of_another_shape_is_refused(run, body, tmp_path):
    from PIL import Image, ImageDraw

    mask = Image.new("L", (80, 60))
    ImageDraw.Draw(mask).rectangle((20, 10, 50, 55), fill=255)
    mask.save(tmp_path / "mask.png")
    Image.new("RGB", (60, 80)).save(tmp_path / "photo.png")
    Image.new("L", (80, 60)).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_bytes(b"no picture")
    for image, name, says in (("photo", "mask", "upright"), ("photo", "black", "nothing"), ("photo", "text", "Cannot")):
        with pytest.raises(UserError, match=says):
            files = {"image": tmp_path / f"{image}.png", "mask": tmp_path / f"{name}.png"}
            run("camera", files, path="match")


def test_match_without_a_photo_says_what_to_do(run, body):
    with pytest.raises(UserError, match="mask"):
        run("camera", path="match")


def test_every_path_is_a_choice_with_words():
    param = next(param for param in SPEC.params if param.name == "path")
    assert set(param.choices) == {*shots.PATHS, "match", "auto"}
    assert all(word in param.help.lower() for word in param.choices if word != "static")
