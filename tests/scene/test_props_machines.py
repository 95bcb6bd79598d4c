# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines of the library do what such machines do, in the real steps: they are built from a document and simulated."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics.thing import ITEM, PART
from galatea.addon.scene.props import make
from galatea.backend.protocol.props import things

G = 9.81
JOINTED = [
    "pendulum", "cradle", "swing", "wrecking_crane", "seesaw", "catapult", "door", "bell", "windmill", "fan",
    "carousel", "car", "truck", "train", "cart", "plane", "robot",
]  # fmt: skip


def plain(name: str) -> bpy.types.Material:
    return bpy.data.materials.get(name or "own") or bpy.data.materials.new(name or "own")


@pytest.fixture
def film(run: Any, tmp_path: Path) -> Callable[..., None]:
    """Build and simulate a scene of these objects, all at places that are given."""

    def go(*objects: dict[str, Any], seconds: float, **more: Any) -> None:
        path = tmp_path / "scene.json"
        placed = [{"position": [0, 0, 0], **each} for each in objects]
        path.write_text(json.dumps({"objects": placed, "simulation": {"duration": seconds}, **more}))
        run("build", {"spec": path}, settle=False)
        run("simulate")

    return go


def way(item: str, part: str = "") -> np.ndarray:
    """The matrix of a part at each frame (F, 4, 4)."""
    objects = [each for each in bpy.context.scene.objects if each.get(ITEM) == item]
    obj = next(each for each in objects if not part or each.get(PART) == part)
    out = []
    for frame in range(1, bpy.context.scene.frame_end + 1):
        bpy.context.scene.frame_set(frame)
        out.append(np.array(obj.matrix_world))
    return np.array(out)


def times_of_rising(values: np.ndarray) -> np.ndarray:
    """Seconds at which a row of values, 24 a second, goes up through 0."""
    k = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    return (k - values[k] / (values[k + 1] - values[k])) / 24


@pytest.mark.parametrize("name", JOINTED)
def test_joints_lie_in_the_box_and_have_a_moving_part(name: str):
    size = np.array(things()[name].size)
    prop = make(name, tuple(size), plain)
    parts = {part.name: part for part in prop.parts}
    assert prop.joints and not prop.parts[0].still
    for joint in prop.joints:
        assert not parts[joint.a].still
        anchor = np.array(joint.anchor)
        assert (np.abs(anchor[:2]) <= size[:2] / 2).all() and 0 <= anchor[2] <= size[2]
        assert np.linalg.norm(joint.axis) == pytest.approx(1.0)
    held = {joint.a for joint in prop.joints} | {joint.b for joint in prop.joints}
    assert held == set(parts)


def test_every_other_size_and_seed_of_a_machine_keeps_its_joints_inside():
    for name in JOINTED:
        size = np.array(things()[name].size) * [0.37, 0.52, 0.44]
        for joint in make(name, tuple(size), plain, seed=5, words="blue").joints:
            anchor = np.array(joint.anchor)
            assert (np.abs(anchor[:2]) <= size[:2] / 2).all() and 0 <= anchor[2] <= size[2]


def test_a_pendulum_keeps_time(film):
    film({"name": "pendulum"}, seconds=6)
    joint = make("pendulum", things()["pendulum"].size, plain).joints[0]
    places = way("pendulum", "bob")[:, :3, 3]
    arm = places - np.array(joint.anchor)
    length, angle = np.linalg.norm(arm[0, [0, 2]]), abs(np.arctan2(arm[0, 0], -arm[0, 2]))
    rising = times_of_rising(places[:, 0])
    expected = 2 * np.pi * np.sqrt(length / G) * (1 + angle**2 / 16 + 11 * angle**4 / 3072)
    assert len(rising) >= 3
    assert np.diff(rising).mean() == pytest.approx(expected, rel=0.03)
    assert np.abs(np.linalg.norm(arm[:, [0, 2]], axis=1) - length).max() < 0.01 * length
    assert np.ptp(way("pendulum", "stand"), axis=0).max() < 1e-6


def test_a_cradle_passes_momentum_on_to_the_last_ball(film):
    film({"name": "cradle"}, seconds=1.2)
    rows = np.array([way("cradle", f"ball_{k}")[:, 0, 3] for k in range(1, 6)])
    lifted = rows[1, 0] - rows[0, 0] - (rows[2, 0] - rows[1, 0])
    out = rows - rows[:, :1]
    last = int(np.argmax(out[4]))
    assert out[4, last] > 0.75 * lifted
    assert np.abs(rows[0, last] - (rows[1, 0] - (rows[2, 0] - rows[1, 0]))) < 0.15 * lifted
    assert np.abs(out[1:4, last]).max() < 0.15 * lifted


def test_a_seesaw_throws_up_what_lies_on_its_other_end(film):
    crate = {"name": "crate", "position": [1.2, 0, 0.7], "dimensions": [0.2, 0.2, 0.2]}
    film(
        {"name": "seesaw"},
        {"name": "ball", "position": [-1.2, 0, 1.7], "material": {"name": "iron"}},
        crate,
        seconds=1.5,
    )
    heights = way("crate")[:, 2, 3]
    assert heights.max() > heights[0] + 0.3
    plank = way("seesaw", "plank")
    assert np.degrees(np.abs(np.arcsin(plank[:, 2, 0]))).max() > 8
    assert np.abs(plank[:, :3, 3] - plank[0, :3, 3]).max() < 0.03


def test_a_door_that_is_hit_turns_on_its_hinge(film):
    ball = {"name": "ball", "position": [0.25, -0.8, 1.0], "initial_velocity": [0, 6, 1]}
    film({"name": "door"}, ball, seconds=1.5)
    leaf = way("door", "leaf")
    turned = np.degrees(np.arctan2(leaf[:, 1, 0], leaf[:, 0, 0]))
    assert 15 < turned.max() < 115
    assert np.abs(leaf[:, 2, 3] - leaf[0, 2, 3]).max() < 0.02
    assert np.ptp(way("door", "frame"), axis=0).max() < 1e-6


def test_a_catapult_throws_what_is_in_its_bucket_to_the_right(film):
    wide, _, high = things()["catapult"].size
    ball = {"name": "ball", "dimensions": [0.14, 0.14, 0.14], "position": [-0.39 * wide, 0, 0.15 * high]}
    film({"name": "catapult"}, ball, seconds=1.5)
    flight = way("ball")[:, :3, 3]
    assert flight[:, 2].max() > 1.2 * high
    assert flight[-1, 0] > flight[0, 0] + 1.0
    assert np.abs(flight[:, 1]).max() < 0.3


def test_a_toy_car_rolls_down_a_ramp_on_its_wheels(film):
    slope = np.degrees(np.arctan2(0.5, 3.0))
    ramp = {"name": "ramp", "dimensions": [3.0, 1.0, 0.5]}
    down = np.array([np.cos(np.radians(slope)), 0, -np.sin(np.radians(slope))])
    start = np.array([-1.5, 0, 0.5]) + 0.35 * down + 0.006 * np.array([0, 0, 1])
    car = {"name": "car", "dimensions": [0.4, 0.17, 0.14], "position": list(start), "rotation": [0, slope, 0]}
    film(ramp, car, seconds=1.2)
    body, wheel = way("car", "car"), way("car", "wheel_1")
    run = float((body[-1, :3, 3] - body[0, :3, 3]) @ down)
    assert run > 0.5
    assert np.abs(body[:, 1, 3] - body[0, 1, 3]).max() < 0.1
    own = np.array([np.linalg.inv(b[:3, :3]) @ w[:3, :3] for b, w in zip(body, wheel, strict=True)])
    steps = [b @ a.T for a, b in itertools.pairwise(own)]
    angle = sum(np.arccos(np.clip((np.trace(each) - 1) / 2, -1, 1)) for each in steps)
    assert angle * 0.22 * 0.14 == pytest.approx(run, rel=0.12)


def test_a_fan_that_spins_turns_its_blades_and_not_its_stand(film):
    film({"name": "fan", "type": "animated", "motion": "spin", "speed": 0.5}, seconds=0.6)
    blades = way("fan", "blades")
    assert np.abs(blades[-1, :3, :3] - blades[0, :3, :3]).max() > 0.5
    assert np.abs(blades[:, :3, 3] - blades[0, :3, 3]).max() < 0.005
    assert np.ptp(way("fan", "stand"), axis=0).max() < 1e-6


def test_a_ball_goes_down_a_staircase_step_by_step(film):
    ball = {"name": "ball", "position": [0, 0.95, 1.52], "initial_velocity": [0, -1.2, 0]}
    film({"name": "staircase"}, ball, seconds=3)
    places = way("ball")[:, :3, 3]
    on = np.abs(places[:, 1]) < 1.2
    floor = 1.5 * np.ceil((places[on, 1] + 1.2) / 2.4 * 8) / 8
    assert (places[on, 2] > floor - 0.05).all()
    assert places[-1, 1] < -1.2 and places[-1, 2] < 0.6


def test_a_small_ball_falls_through_a_funnel_and_a_large_one_stays(film):
    lead = {"name": "ball", "material": {"name": "lead"}}
    small = {**lead, "id": "small", "dimensions": [0.04, 0.04, 0.04], "position": [0.06, 0, 0.7]}
    large = {**lead, "id": "large", "dimensions": [0.2, 0.2, 0.2], "position": [2.0, 0, 0.6]}
    film({"name": "funnel"}, {"name": "funnel", "position": [2, 0, 0]}, small, large, seconds=2)
    assert way("small")[:, 2, 3].min() < 0.1
    assert way("large")[:, 2, 3].min() > 0.25


@pytest.mark.parametrize("name", ["table", "chair", "bench", "pedestal", "stool"])
def test_things_stay_on_furniture(film, name: str):
    high = things()[name].size[2]
    seat = 0.5 * high if name == "chair" else high
    film(
        {"name": name},
        {"name": "crate", "dimensions": [0.15, 0.15, 0.15], "position": [0, -0.02, seat + 0.02]},
        seconds=1,
    )
    heights = way("crate")[:, 2, 3]
    assert abs(heights[-1] - 0.075 - seat) < 0.02
