# SPDX-License-Identifier: GPL-3.0-or-later
"""The step `move` on real armatures and skins: what is on the floor stays there, what loops closes."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.motion import animation, play
from galatea.addon.scene.lib.rig import skeleton as rigs

from .people import beast, figure_of, person


@pytest.fixture
def rigged(run, make_work):
    """A factory: a figure of tubes around a skeleton, bound to it."""

    def go(skeleton):
        work, _ = make_work()
        figure = figure_of(work, skeleton)
        rigs.build(work, skeleton)
        run("bind", method="nearest")
        return figure

    return go


def shapes(obj, frames):
    return np.array(list(animation.sampled(bpy.context.scene, [obj], frames)))


@pytest.mark.parametrize("axis", ["upright", "lying"])
def test_a_soft_body_sways_in_a_loop_and_stands_on_the_floor(run, body, axis):
    run("skeleton", kind="soft", axis=axis)
    run("bind")
    done = run("move", seconds=2.0)
    length = done.metrics["frames"]
    assert length == 48 and done.metrics["loop"] and done.metrics["clips"] == ["idle"]
    points = shapes(body(), range(1, 2 * length + 2))
    assert np.abs(points[0] - points[length]).max() < 1e-4, "the loop does not close"
    assert np.abs(points[7] - points[length + 7]).max() < 1e-4, "it does not repeat"
    speed = np.abs(np.diff(points, axis=0)).max(axis=(1, 2))
    around = speed[[length - 2, length - 1, length, length + 1]]
    assert around.max() < 2.5 * np.median(speed) + 1e-3, "it jerks where it closes"
    assert np.ptp(points, axis=0).max() > 0.03, "it hardly moves"
    low = points[:, :, 2].min(axis=1)
    assert np.abs(low).max() < 0.004, "it leaves the floor, or sinks into it"
    shares = [event.fraction for event in done.events if hasattr(event, "fraction")]
    assert len(shares) > 5 and shares == sorted(shares), "progress went back"


def test_strength_zero_is_still_and_two_moves_more(run, body):
    run("skeleton", kind="soft")
    run("bind")
    far = {}
    for strength in (0.0, 1.0, 2.0):
        run("move", seconds=1.0, strength=strength)
        far[strength] = np.ptp(shapes(body(), range(1, 25)), axis=0).max()
    assert far[0.0] < 1e-5 < far[1.0] < far[2.0]
    assert len([action for action in bpy.data.actions if action.name.startswith("move")]) == 1


def test_the_seed_changes_where_the_sway_begins(run, body):
    run("skeleton", kind="soft")
    run("bind")
    first = []
    for seed in (0, 5, 5):
        run("move", seed=seed)
        first.append(shapes(body(), [1])[0])
    assert np.abs(first[0] - first[1]).max() > 1e-3
    assert np.array_equal(first[1], first[2])


def test_a_person_walks_waves_and_jumps_on_the_floor(run, rigged):
    figure = rigged(person())
    done = run("move", motion="walks to the left, then waves and jumps")
    frames = done.metrics["frames"]
    assert done.metrics["clips"] == ["walk", "idle", "wave", "jump", "idle"]
    assert done.metrics["slide_mm"] < 1.0 and done.metrics["travel_m"] > 2.0
    assert bpy.context.scene.frame_start == 1 and bpy.context.scene.frame_end == frames
    points = shapes(figure, range(1, frames + 1))
    rest = animation.rest_points(figure)[:, 2].min()
    low = points[:, :, 2].min(axis=1)
    assert low.min() > rest - 0.003, "a foot sinks into the floor"
    assert low.max() > 0.15, "it does not jump"
    assert low[:96].max() < rest + 0.06, "it floats while it walks"
    assert points[-1, :, 0].mean() > 2.0
    assert np.abs(np.diff(points, axis=0)).max() < 0.3, "something flies away"


def test_a_beast_trots_and_its_planted_feet_stay(run, rigged):
    rigged(beast())
    done = run("move", motion="trots 3 m")
    armature = done.work.object("armature")
    where = []
    for frame in range(1, done.metrics["frames"] + 1):
        bpy.context.scene.frame_set(frame)
        shown = armature.evaluated_get(bpy.context.evaluated_depsgraph_get())
        where.append([shown.matrix_world @ shown.pose.bones[f].tail for f in ("foot.L", "front_foot.R")])
    where = np.array(where)
    for foot in range(2):
        low = where[:, foot, 2] < where[0, foot, 2] + 1e-4
        step = np.linalg.norm(np.diff(where[:, foot], axis=0), axis=1)
        planted = low[1:] & low[:-1]
        assert planted.sum() > 20 and np.median(step[planted]) < 1e-4
    assert where[-1, 0, 1] < where[0, 0, 1] - 2.9


def test_in_place_a_walk_is_a_loop_that_game_engines_can_carry(run, rigged):
    figure = rigged(person())
    done = run("move", motion="walk", in_place=True, seconds=2.0)
    assert done.metrics["loop"] and done.metrics["travel_m"] == 0
    length = done.metrics["frames"]
    points = shapes(figure, [1, 5, 1 + length, 5 + length])
    assert np.abs(points[:2] - points[2:]).max() < 1e-4
    root = done.work.object("armature").pose.bones["root"]
    assert root.location.length < 1e-5
    assert done.work.object("armature").animation_data.action.use_cyclic


def test_the_root_carries_the_way(run, rigged):
    rigged(person())
    done = run("move", motion="walks 3 m")
    bpy.context.scene.frame_set(done.metrics["frames"])
    armature = done.work.object("armature")
    root = armature.matrix_world @ armature.pose.bones["root"].head
    assert root.y == pytest.approx(-3.0, abs=0.02) and abs(root.z) < 1e-4


def test_strips_show_the_same_as_one_action(run, rigged):
    figure = rigged(person())
    text = "walks 2 m then jumps"
    frames = range(1, run("move", motion=text).metrics["frames"] + 1, 3)
    plain = shapes(figure, frames)
    done = run("move", motion=text, strips=True)
    data = done.work.object("armature").animation_data
    assert data.action is None and [track.name for track in data.nla_tracks] == ["walk", "jump", "idle"]
    assert np.abs(shapes(figure, frames) - plain).max() < 0.002
    run("move", motion=text)
    assert not data.nla_tracks and len(bpy.data.actions) == 1, "what was there before is taken away"


def test_what_is_not_known_is_warned_of(run, rigged):
    rigged(person())
    done = run("move", motion="moonwalks", seconds=1.0)
    assert any("moonwalks" in str(event) and "walk was taken" in str(event) for event in done.events)


def test_a_fallen_body_can_move_and_a_moved_one_fall(run, body):
    run("skeleton", kind="soft")
    run("bind")
    run("drop")
    done = run("move")
    assert done.metrics["largest_lift_m"] < 0.2
    play.clear(done.work.object("armature"))
    run("move")
    run("drop")
