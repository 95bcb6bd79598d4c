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

from .pictured import seen


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


def test_every_path_is_a_choice_with_words():
    param = next(param for param in SPEC.params if param.name == "path")
    assert set(param.choices) == {*shots.PATHS, "match", "auto"}
    assert all(word in param.help.lower() for word in param.choices if word != "static")
