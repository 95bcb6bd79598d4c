# SPDX-License-Identifier: GPL-3.0-or-later
"""A fall that obeys the floor."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.lib.motion import animation


def shapes(obj, frames):
    return np.array(list(animation.sampled(bpy.context.scene, [obj], frames)))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("upright", [0.0, 1.0])
@pytest.mark.parametrize("rigged", [False, True])
def test_a_body_falls_bounces_and_rests_on_the_floor(run, body, seed, upright, rigged):
    if rigged:
        run("skeleton", kind="soft")
        run("bind")
        run("move")
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
    assert root.animation_data.action.name == "drop" and len(bpy.data.actions) == 1
    assert np.abs(final - before).max() < 0.02, "it should stand where it stood"
