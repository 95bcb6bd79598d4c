# SPDX-License-Identifier: GPL-3.0-or-later
"""The motions: an idle that loops, a fall that obeys the floor."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.lib.motion import animation


@pytest.fixture
def body(run, make_figure):
    small = make_figure(24, 32)
    run("bring", {"mesh": small.mesh, "albedo": small.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")


def shapes(obj, frames):
    return np.array(list(animation.sampled(bpy.context.scene, [obj], frames)))


@pytest.mark.parametrize("axis", ["upright", "lying"])
def test_idle_loops_moves_and_stands_on_the_floor(run, body, axis):
    run("rig", axis=axis)
    done = run("idle", seconds=2.0)
    length = done.metrics["frames"]
    assert length == 48
    points = shapes(body(), range(1, 2 * length + 2))
    assert np.abs(points[0] - points[length]).max() < 1e-4, "the loop does not close"
    assert np.abs(points[7] - points[length + 7]).max() < 1e-4, "it does not repeat"
    speed = np.abs(np.diff(points, axis=0)).max(axis=(1, 2))
    around = speed[[length - 2, length - 1, length, length + 1]]
    assert around.max() < 2.5 * np.median(speed) + 1e-3, "it jerks where it closes"
    assert np.ptp(points, axis=0).max() > 0.03, "it hardly moves"
    low = points[:, :, 2].min(axis=1)
    assert np.abs(low).max() < 0.004, "it leaves the floor, or sinks into it"


def test_idle_of_strength_zero_is_still_and_of_two_moves_more(run, body):
    run("rig")
    far = {}
    for strength in (0.0, 1.0, 2.0):
        run("idle", seconds=1.0, strength=strength)
        far[strength] = np.ptp(shapes(body(), range(1, 25)), axis=0).max()
    assert far[0.0] < 1e-5 < far[1.0] < far[2.0]
    assert len([action for action in bpy.data.actions if action.name.startswith("idle")]) == 1


def test_the_seed_changes_where_the_idle_begins(run, body):
    run("rig")
    first = []
    for seed in (0, 5, 5):
        run("idle", seed=seed)
        first.append(shapes(body(), [1])[0])
    assert np.abs(first[0] - first[1]).max() > 1e-3
    assert np.array_equal(first[1], first[2])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("upright", [0.0, 1.0])
@pytest.mark.parametrize("rigged", [False, True])
def test_a_body_falls_bounces_and_rests_on_the_floor(run, body, seed, upright, rigged):
    if rigged:
        run("rig")
        run("idle")
    done = run("drop", seed=seed, upright=upright)
    rest = done.metrics["rest_frame"]
    points = shapes(body(), range(1, rest + 30))
    heights = points[:, :, 2].min(axis=1)
    size = np.ptp(points[0], axis=0).max()
    assert heights[0] > 0.6 * size
    assert heights.min() > -0.01 * size, "it sinks into the floor"
    assert heights[rest:].max() < 0.012 * size, "it hangs in the air"
    if not rigged:
        assert np.abs(points[rest:] - points[-1]).max() < 1e-4, "it does not come to rest"
    down = int(np.argmax(heights < 0.2 * size))
    assert down > 3, "it does not fall, it jumps"
    middles = points.mean(axis=1)[:, 2]
    fall = np.diff(middles[:down])
    assert (np.diff(fall) < 1e-3).all(), "gravity does not pull evenly"
    if upright:
        assert done.metrics["final_lean_deg"] < 1.0
    assert not bpy.context.scene.rigidbody_world
    assert len(bpy.data.scenes) == 1 and not [o for o in bpy.data.objects if o.rigid_body]


def test_it_bounces_and_more_bounce_goes_higher(run, body):
    high = {}
    for bounce in (0.1, 0.8):
        done = run("drop", bounce=bounce, tilt=0.0, spin=0.0)
        heights = shapes(body(), range(1, 80))[:, :, 2].min(axis=1)
        touch = int(np.argmax(heights < 0.25))
        dip = touch + int(np.argmax(np.diff(heights[touch:]) >= 0))
        high[bounce] = heights[dip:].max()
        if bounce > 0.5:
            assert done.metrics["bounces"] >= 1
    assert high[0.8] > 0.2 > high[0.1]


def test_a_great_height_does_not_pierce_the_floor(run, body):
    run("drop", height=10.0, bounce=0.0, tilt=60.0)
    heights = shapes(body(), range(1, 140))[:, :, 2].min(axis=1)
    assert heights[0] > 5.0 and heights.min() > -1e-3 and heights[-1] < 0.02


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_the_fall_fits_any_size(run, body, scale):
    body().data.transform(Matrix.Scale(scale, 4))
    run("drop", upright=1.0)
    heights = shapes(body(), range(1, 120))[:, :, 2].min(axis=1) / scale
    assert heights[0] > 0.6 and heights.min() > -1e-3 and abs(heights[-1]) < 1e-3


def test_a_second_fall_starts_where_the_first_did(run, body):
    before = animation.rest_points(body())
    first = run("drop").metrics
    assert run("drop").metrics == first
    assert len(list(run("drop").work.objects("root"))) == 1
    root = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "root")
    final = shapes(body(), [first["rest_frame"] + 5])[0]
    assert root.animation_data.action.name.startswith("drop")
    assert np.abs(final - before).max() < 0.02, "it should stand where it stood"
