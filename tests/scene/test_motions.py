# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips as numbers: feet that stand, steps that alternate, loops that close."""

from __future__ import annotations

import itertools
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from galatea.addon.scene.lib.motion import anatomy, library, limbs, planning, timeline, words
from galatea.addon.scene.lib.motion.take import after, turned
from galatea.addon.scene.lib.rig import skeleton as rigs
from galatea.backend.protocol.errors import UserError

from .people import beast, person
from .performed import BODIES, EVERY, Z, block, ends, lying, made, wagon


def test_every_kind_has_clips_and_its_usual_one_is_among_them():
    for kind in rigs.KINDS:
        assert library.usual(kind) in library.clips(kind)
    assert {"walk", "run", "idle", "jump", "wave", "nod", "look around", "dance"} <= set(library.clips("biped"))
    assert {"walk", "trot", "gallop", "idle"} <= set(library.clips("quadruped"))
    for clip in library.everything():
        for kind in clip.kinds:
            assert kind in rigs.KINDS
            assert words.understand(clip.words[0], kind).parts[0].motion in library.clips(kind)


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=[f"{k}-{n}" for k, n in EVERY])
def test_every_clip_is_smooth_bounded_and_keeps_its_feet(kind, name):
    skeleton = BODIES[kind]()
    body = anatomy.body(skeleton)
    for spot in (False, True):
        one = timeline.make(body, [words.Part(name, spot=spot)], planning.Wish(seconds=2.5))
        tails = one.take.joints()[1]
        assert np.isfinite(tails).all() and np.isfinite(one.take.turns).all()
        away = np.abs(tails - one.root[0][:, None]).max()
        assert away < 2.5 * body.size, "it explodes"
        dots = np.abs(np.sum(one.take.turns[1:] * one.take.turns[:-1], axis=-1)).clip(0, 1)
        joints = np.degrees(2 * np.arccos(dots)).max(axis=0)
        rolling = kind == "vehicle" or name == "roll"
        assert rolling or joints.max() < 62, f"{one.take.names[joints.argmax()]} jumps by {joints.max():.0f}°"
        speed = np.linalg.norm(np.diff(tails, axis=0), axis=-1).max()
        assert speed < 0.45 * body.size, "something flies away"
        assert one.slide < 1e-3, "a standing foot slides"
        if body.walks:
            low = min(min(ends(one.take, leg.foot or leg.lower)[:, 2].min() for leg in body.legs.values()), 1.0)
            rest = min(leg.ball[2] for leg in body.legs.values())
            assert low > rest - 0.012 * body.size, "a foot sinks into the floor"
        if one.loop:
            assert np.abs(np.diff(tails, axis=0)).max() * 1.6 + 1e-4 > np.abs(tails[0] - tails[-1]).max()


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=[f"{k}-{n}" for k, n in EVERY])
def test_loops_come_round_to_their_first_frame(kind, name):
    body = anatomy.body(BODIES[kind]())
    one = timeline.make(body, [words.Part(name, spot=True)], planning.Wish(seconds=2.5))
    if not one.loop:
        assert library.clips(kind)[name].maker.over or library.clips(kind)[name].maker.lasts
        return
    again = timeline._loop(body, one.items[0], planning.Wish(seconds=2.5))
    longer = replace(one.items[0], start=0.0, end=2.5)
    pad = timeline._PAD
    try:
        timeline._PAD = pad + len(one.take)  # one whole loop later it must be the same again
        later = timeline._loop(body, longer, planning.Wish(seconds=2.5))
    finally:
        timeline._PAD = pad
    assert np.abs(again.take.joints()[1] - later.take.joints()[1]).max() < 2e-3 * body.size


@pytest.mark.parametrize("name", ["walk", "run", "sneak", "march", "jog"])
def test_a_biped_steps_left_and_right_in_turn_with_arms_against_legs(name):
    one = made(person(), f"{name} 5 m")
    left, right = one.take.contacts["foot.L"], one.take.contacts["foot.R"]
    lands = sorted([(f, "L") for f in np.flatnonzero(np.diff(left.astype(int)) > 0)]
                   + [(f, "R") for f in np.flatnonzero(np.diff(right.astype(int)) > 0)])  # fmt: skip
    order = [side for _, side in lands]
    assert len(order) >= 4 and all(a != b for a, b in itertools.pairwise(order)), order
    middle = slice(len(one.take) // 4, len(one.take) // 2)
    foot = (ends(one.take, "foot.L") - ends(one.take, "foot.R"))[middle, 1]
    hand = (ends(one.take, "hand.L") - ends(one.take, "hand.R"))[middle, 1]
    assert np.corrcoef(foot, hand)[0, 1] < -0.7, "arms do not swing against the legs"
    both = (~left & ~right)[middle]
    assert both.any() == (name in ("run", "jog")), "a run flies, a walk does not"


def test_the_height_of_the_hips_and_the_speed_are_those_of_a_walk():
    body = anatomy.body(person())
    one = made(person(), "walks 6 m")
    hips = one.take.places[:, 2]
    middle = slice(24, len(one.take) - 48)
    assert 0.01 * body.leg < np.ptp(hips[middle]) < 0.12 * body.leg
    assert hips.min() > 0.85 * body.leg
    steady = np.linalg.norm(np.diff(one.root[0][middle], axis=0), axis=1) * 24
    assert steady == pytest.approx(planning.speed(body, library.clips("biped")["walk"], 1.0), rel=0.05)
    assert one.travel == pytest.approx(6.0, abs=0.02)


@pytest.mark.parametrize(("text", "pace"), [("walks slowly", 0.65), ("walks fast", 1.5), ("walks", 1.0)])
def test_adverbs_change_the_speed(text, pace):
    one = made(person(), f"{text} 5 m")
    usual = planning.speed(anatomy.body(person()), library.clips("biped")["walk"], 1.0)
    step = np.linalg.norm(np.diff(one.root[0], axis=0), axis=1) * 24
    assert np.median(step[20:-50]) == pytest.approx(pace * usual, rel=0.05)


@pytest.mark.parametrize("up", [False, True])
def test_arms_that_were_modelled_level_or_up_hang_in_a_walk(up):
    bones = []
    for bone in person().bones:
        head, tail = bone.head.copy(), bone.tail.copy()
        for point in (head, tail):
            if bone.name.split(".")[0] in ("upper_arm", "forearm", "hand"):
                out = np.linalg.norm(point - [np.sign(bone.head[0]) * 0.18, 0.01, 1.47])
                point[:] = np.array([np.sign(bone.head[0]) * 0.18, 0.01, 1.47]) + out * (
                    np.array([0.3 * np.sign(bone.head[0]), 0, 0.95]) if up else np.array([np.sign(bone.head[0]), 0, 0])
                )
        bones.append(replace(bone, head=head, tail=tail))
    one = made(rigs.Skeleton("biped", tuple(bones)), "walk 4 m")
    heads, tails = one.take.joints()
    for side in "LR":
        shoulder = heads[:, one.take.names.index(f"upper_arm.{side}"), 2]
        assert (tails[:, one.take.names.index(f"upper_arm.{side}"), 2] < shoulder - 0.15).all()


def test_the_four_beats_of_a_walk_and_the_two_of_a_trot():
    for name, together in (("walk", False), ("trot", True)):
        one = made(beast(), f"{name} 6 m")
        down = {foot: one.take.contacts[foot][30:-50] for foot in one.take.contacts}
        same = np.mean(down["foot.L"] == down["front_foot.R"])
        assert (same > 0.9) == together
        if name == "walk":
            assert min(sum(on[f] for on in down.values()) for f in range(len(down["foot.L"]))) >= 2


def test_a_jump_leaves_the_floor_by_gravity():
    one = made(person(), "jump")
    z = ends(one.take, "foot.L")[:, 2] - person()["foot.L"].tail[2]
    air = np.flatnonzero(z > 0.02)
    assert z.max() > 0.2 and np.ptp(air) == len(air) - 1 > 4
    hips = one.take.places[air[2] : air[-2], 2]
    fall = np.diff(hips, 2) * 24**2
    assert -14 < np.median(fall) < -6, "it hangs, or falls like a stone"


def test_wheels_turn_by_the_way_over_their_radius():
    one = made(wagon(), "drives 3 m")
    joint = one.take.names.index("wheel.L.002")
    rim = turned(one.take.turns[:, joint], Z)
    angle = np.unwrap(np.arctan2(-rim[:, 1], rim[:, 2]))
    assert angle[-1] - angle[0] == pytest.approx(3.0 / 0.1, rel=0.02)


def test_rigid_things_do_not_bend():
    for kind in ("prop", "furniture"):
        for name in library.clips(kind):
            one = timeline.make(anatomy.body(block(kind)), [words.Part(name)], planning.Wish())
            assert one.take.stretch is None or np.abs(one.take.stretch - 1).max() < 1e-6


def test_a_snake_goes_along_its_own_track_and_a_fish_swings_its_tail_most():
    one = made(lying("fish"), "swims on the spot")
    tails = one.take.joints()[1]
    swing = np.ptp(tails[:, :, 0], axis=0)
    names = list(one.take.names)
    assert swing[names.index("spine.008")] > 1.5 * swing[names.index("spine.003")] > 0


def test_ways_left_right_back_and_round():
    def end(text):
        one = made(person(), text)
        facing = turned(one.root[1][-1], np.array([0, -1.0, 0]))
        return one.root[0][-1], facing, one

    place, facing, _ = end("walks 3 m to the left")
    assert place[0] > 2.0 and facing[0] > 0.99
    place, facing, _ = end("walks 3 m to the right")
    assert place[0] < -2.0 and facing[0] < -0.99
    place, facing, _ = end("walks backwards 2 m")
    assert place[1] == pytest.approx(2.0, abs=0.02) and facing[1] < -0.99
    place, facing, one = end("turns around and runs 3 m")
    assert place[1] == pytest.approx(3.0, abs=0.05) and facing[1] > 0.99
    place, facing, one = end("walks in a circle")
    assert np.linalg.norm(place) < 0.1 and np.ptp(one.root[0][:, 1]) > 1.0
    assert facing[1] < -0.99


def test_gaits_follow_each_other_without_a_stop_and_the_feet_stay_planted():
    for skeleton, text in ((person(), "walks 3 m then runs 5 m"), (beast(), "walks 2 m then trots 4 m")):
        one = made(skeleton, text)
        step = np.linalg.norm(np.diff(one.root[0], axis=0), axis=1)
        middle = step[16 : len(step) - 44]
        assert middle.min() > 0.6 * np.median(step[16:40]), "it stops between the gaits"
        assert one.slide < 1e-3


def test_a_bad_file_is_refused_in_words(tmp_path):
    good = (library.recipe.PRESETS / "motions" / "walk.toml").read_text()
    assert tomllib.loads(good)["generator"] == "stride"
    for before, now, says in (
        ('stride"', 'nothing"', r"no generator 'nothing'\. There are: stride"),
        ('kinds = ["biped"]', 'kinds = ["bipede"]', r"no kind 'bipede'\. Did you mean 'biped'\?"),
        ("default = 0.62", "default = 9", "is 9, not from"),
        ('name = "walk"', "", r"is no motion: it lacks name\. See"),
        ("seconds = 4.0", "seconds = 0", "seconds from 0.1 to 600"),
        ("seconds = 4.0", 'seconds = "two"', "is no motion: seconds is 'two', not a number from 0 on"),
        ("seconds = 4.0", "seconds = true", "is no motion: seconds is True, not a number from 0 on"),
        ('kinds = ["biped"]', 'kinds = "biped"', r"is no motion: 'biped' is no list such as \['biped'\]"),
        ("default = 0.62", "default = true", r"is a table of the numbers default, low, high, not {'default': True"),
        ("default = 0.62", 'default = "slow"', r"is a table of the numbers default, low, high, not {'default': 'slow'"),
        ("seconds", "hand = 'L'\nseconds", "hand is no field. There are: version, name, generator, kinds"),
        ("[params]", "[params]\nhigh = 3", "high is a table of the numbers default, low, high, not 3"),
    ):
        path = tmp_path / "bad.toml"
        path.write_text(good.replace(before, now, 1))
        with pytest.raises(UserError, match=rf"bad\.toml.*{says}"):
            library.read(path)


def test_a_motion_of_ones_own_has_the_numbers_of_its_generator(tmp_path):
    good, path = (library.recipe.PRESETS / "motions" / "wobble.toml").read_text(), tmp_path / "own.toml"
    for before, now, says in (
        ("rate = ", "rat = ", r"own\.toml: \[params\] lacks rate\. The generator wobble takes angle, rate\."),
        ("[params]", "[params]\nhigh = { default = 1, low = 0, high = 2 }", "has no use for high"),
        ("[params]", "[other]", "other is no field"),
        (good[good.index("[params]") :], "", "lacks angle, rate"),
    ):
        path.write_text(good.replace(before, now, 1))
        with pytest.raises(UserError, match=says):
            library.own(path)
    with pytest.raises(UserError, match=r"^walk\.BVH is a recorded motion\. Press Motion from a File"):
        library.own(tmp_path / "walk.BVH")
    for each in (library.recipe.PRESETS / "motions").glob("*.toml"):
        assert library.own(each) == library.read(each)


def test_two_bones_reach_and_turns_are_turns():
    rng = np.random.default_rng(0)
    goal, pole = rng.normal(size=(50, 3)) * 0.5, np.tile([0.1, -1.0, 0.2], (50, 1))
    middle, end = limbs.reach(np.zeros((50, 3)), goal, (0.5, 0.4), pole)
    assert np.allclose(np.linalg.norm(middle, axis=1), 0.5, atol=1e-3)
    assert np.allclose(np.linalg.norm(end - middle, axis=1), 0.4, atol=1e-3)
    vectors = rng.normal(size=(50, 3))
    quaternions = limbs.rotation(vectors)
    matrix = np.stack([turned(quaternions, axis) for axis in np.eye(3)], axis=-1)
    assert np.allclose(np.abs(np.sum(limbs.of_matrix(matrix) * quaternions, axis=1)), 1, atol=1e-9)
    assert np.allclose(after(quaternions, limbs.rotation(-vectors)), [1, 0, 0, 0], atol=1e-9)
