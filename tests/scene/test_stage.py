# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage: whatever is on it is in the picture, large, from the first frame to the last."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector

from galatea.addon.scene.lib.motion import animation


@pytest.fixture
def body(run, make_figure):
    small = make_figure(24, 32)
    run("bring", {"mesh": small.mesh, "albedo": small.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")


def seen(obj, frames):
    """(F, V, 3) places in the picture, 0 to 1 across and up, and metres from the camera."""
    scene, out = bpy.context.scene, []
    for frame in frames:
        points = next(animation.sampled(scene, [obj], [frame]))[::3]
        scene.frame_set(frame)
        out.append([world_to_camera_view(scene, scene.camera, Vector(p)) for p in points])
    return np.array(out)


@pytest.mark.parametrize("camera", ["swing", "orbit", "dolly", "static"])
@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_the_body_is_inside_and_large(run, body, camera, scale):
    body().data.transform(Matrix.Scale(scale, 4))
    run("stage", camera=camera, seconds=2.0, arc=360.0 if camera == "orbit" else 80.0)
    places = seen(body(), range(1, 49, 5))
    assert places[..., :2].min() > 0.04 and places[..., :2].max() < 0.96
    assert places[..., 2].min() > bpy.context.scene.camera.data.clip_start
    extent = np.ptp(places[..., :2], axis=1).max(axis=1)
    assert extent.max() > 0.6
    assert extent.min() > 0.4
    assert bpy.context.scene.frame_end == 48 and bpy.context.scene.render.fps == 24


@pytest.mark.parametrize("size", [(640, 360), (480, 480), (360, 640)])
@pytest.mark.parametrize("upright", [0.0, 1.0])
def test_a_falling_body_is_framed_in_every_frame(run, body, size, upright):
    run("rig")
    run("idle")
    run("drop", upright=upright, seed=3)
    run("stage", width=size[0], height=size[1])
    places = seen(body(), range(1, 97, 3))
    assert places[..., :2].min() > 0.03 and places[..., :2].max() < 0.97
    assert np.ptp(places[-1, :, :2], axis=0).max() > 0.4, "it is small when it rests"


def test_the_swing_closes_and_is_smooth(run, body):
    run("stage", seconds=3.0)
    scene, places = bpy.context.scene, []
    for frame in range(1, 75):
        scene.frame_set(frame)
        places.append(scene.camera.matrix_world.translation.copy())
    places = np.array(places)
    assert np.linalg.norm(places[72] - places[0]) < 1e-4
    speed = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert speed[0] < 0.3 * speed.max(), "it starts with a jerk"
    assert np.abs(np.diff(speed)).max() < 0.2 * speed.max()
    assert places[:, 1].max() < 0, "it must stay before the front"


def test_an_orbit_goes_all_around(run, body):
    run("stage", camera="orbit", arc=360.0)
    angles = []
    for frame in range(1, 98, 4):
        bpy.context.scene.frame_set(frame)
        place = bpy.context.scene.camera.matrix_world.translation
        angles.append(np.arctan2(place.y, place.x))
    assert np.ptp(np.unwrap(angles)) == pytest.approx(2 * np.pi, abs=0.05)


@pytest.mark.parametrize("look", ["studio", "sky"])
def test_a_set_has_floor_camera_and_light_and_is_made_once(run, body, look):
    run("stage", look=look)
    count = len(bpy.data.objects), len(bpy.data.materials), len(bpy.data.worlds)
    done = run("stage", look=look)
    assert (len(bpy.data.objects), len(bpy.data.materials), len(bpy.data.worlds)) == count
    roles = [obj.get("galatea_role") for obj in bpy.context.scene.objects]
    assert roles.count("floor") == roles.count("camera") == 1
    assert sum(role.startswith("light_") for role in roles if role) >= 1
    assert bpy.context.scene.world and bpy.context.scene.camera == done.work.object("camera")


def test_the_camera_is_inside_the_cove_and_the_body_on_the_floor(run, body):
    done = run("stage", camera="dolly")
    floor = done.work.object("floor")
    points = animation.rest_points(floor)
    for frame in (1, 96):
        bpy.context.scene.frame_set(frame)
        place = np.array(bpy.context.scene.camera.matrix_world.translation)
        wall = np.linalg.norm(points[:, :2], axis=1).max()
        assert np.linalg.norm(place[:2]) < wall
        assert place[2] > points[:, 2].min()
    assert points[:, 2].min() == pytest.approx(0.0, abs=1e-4)


def test_the_still_is_taken_from_the_front_and_at_rest(run, body):
    run("drop")
    run("stage")
    scene = bpy.context.scene
    scene.frame_set(scene["galatea_still"])
    place = scene.camera.matrix_world.translation
    assert place.y < 0 and abs(place.x) < abs(place.y)
    points = next(animation.sampled(scene, [body()], [scene["galatea_still"]]))
    assert points[:, 2].min() < 0.05
