# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's rigid bodies as an engine, against what physics says."""

from __future__ import annotations

import numpy as np
import pytest

from galatea.addon.scene.lib.physics.bodies import Joint

from .falls import ball, box, floor, solved

G = 9.81


def test_a_free_fall_with_a_velocity_and_a_spin_is_exact() -> None:
    given = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    poses, motions = solved([ball(0.1, (0, 0, 9), motion=given)], 1.0)
    wanted = np.array([0, 0, 9.0]) + given[:3] - [0, 0, G / 2]
    assert np.abs(poses[-1, 0, :3] - wanted).max() < 1e-4
    assert np.abs(motions[-1, 0, 3:] - given[3:]).max() < 1e-3
    halfway = np.array([0, 0, 9.0]) + given[:3] * 0.25 - [0, 0, G / 2 * 0.0625]
    assert np.abs(poses[60, 0, :3] - halfway).max() < 1e-4


@pytest.mark.parametrize("height", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("make", ["ball", "box"])
def test_a_bounce_is_as_high_as_restitution_says(height: float, make: str) -> None:
    half = 0.11
    body = ball(half, (0, 0, height + half), restitution=0.8) if make == "ball" else box(
        (0.22, 0.22, 0.22), (0, 0, height + half), restitution=0.8)  # fmt: skip
    poses, _ = solved([floor(restitution=0.8), body], 2.5 * np.sqrt(2 * height / G))
    z = poses[:, 1, 2] - half
    low = int(np.argmax(np.diff(z) > 0))
    assert z[low:].max() / height == pytest.approx(0.8**4, rel=0.02)


def test_a_box_slides_as_far_as_friction_lets_it() -> None:
    speed, friction = 3.0, 0.4
    own = {"friction": friction**0.5, "restitution": 0.0}
    body = box((0.3, 0.3, 0.1), (0, 0, 0.05), motion=np.array([speed, 0, 0, 0, 0, 0]), **own)
    poses, _ = solved([floor(**own), body], 1.5)
    assert poses[-1, 1, 0] == pytest.approx(speed**2 / (2 * friction * G), rel=0.02)


def test_a_stack_of_ten_stands_for_five_seconds() -> None:
    poses, _ = solved([floor(), *(box((0.5,) * 3, (0, 0, 0.25 + 0.5 * k)) for k in range(10))], 5.0)
    assert np.abs(poses[-1, 1:, :3] - poses[0, 1:, :3]).max() < 0.02


def test_dominoes_fall_one_after_the_other() -> None:
    row = [box((0.0075, 0.024, 0.048), (0.02 * k, 0, 0.024)) for k in range(12)]
    row[0] = box((0.0075, 0.024, 0.048), (0, 0, 0.024), motion=np.array([0.15, 0, 0, 0, 6.0, 0]))
    poses, _ = solved([floor(), *row], 1.2)
    upright = 1 - 2 * (poses[:, 1:, 4] ** 2 + poses[:, 1:, 5] ** 2)
    assert (upright[-1] < 0.8).all()
    fell = [int(np.argmax(upright[:, k] < 0.8)) for k in range(12)]
    assert fell == sorted(fell)


@pytest.mark.parametrize("kind", ["hinge", "ball"])
def test_a_pendulum_swings_in_its_time(kind: str) -> None:
    angle, radius = 0.1, 0.02
    joint = Joint(kind, 0, -1, np.array([0, 0, 5.0]), np.array([0, 1.0, 0]))
    poses, _ = solved([ball(radius, (np.sin(angle), 0, 5 - np.cos(angle)))], 5.0, [joint])
    x = poses[:, 0, 0]
    over = np.flatnonzero((x[:-1] > 0) & (x[1:] <= 0))
    times = (over + x[over] / (x[over] - x[over + 1])) / 240
    wanted = 2 * np.pi * np.sqrt((1 + 0.4 * radius**2) / G) * (1 + angle**2 / 16)
    assert np.diff(times).mean() == pytest.approx(wanted, rel=0.01)


def test_joints_keep_to_their_limits() -> None:
    door = box((1, 0.05, 2), (0.5, 0, 1.5), motion=np.array([0, 1.0, 0, 0, 0, 2.0]))
    hinge = Joint("hinge", 0, -1, np.array([0, 0, 1.5]), np.array([0, 0, 1.0]), low=0.0, high=np.pi / 2)
    poses, _ = solved([door], 2.0, [hinge])
    turned = 2 * np.arctan2(poses[:, 0, 6], poses[:, 0, 3])
    assert turned.max() == pytest.approx(np.pi / 2, abs=0.03) and turned.min() > -0.03
    slider = Joint("slider", 0, -1, np.array([0, 0, 3.0]), np.array([0, 0, 1.0]), low=-0.5, high=0.2)
    poses, _ = solved([box((0.2,) * 3, (0, 0, 3))], 1.5, [slider])
    assert poses[-1, 0, 2] == pytest.approx(2.5, abs=0.01)
    assert np.abs(poses[:, 0, :2]).max() < 0.01


def test_a_rope_holds_and_a_spring_swings_in_its_time() -> None:
    rope = Joint("rope", 0, -1, np.array([0, 0, 3.0]), np.array([0, 1.0, 0]), far=np.array([0, 0, 4.0]), length=1.5)
    body = ball(0.1, (0, 0, 3), mass=2.0)
    poses, _ = solved([body], 2.0, [rope])
    assert poses[-1, 0, 2] == pytest.approx(2.5, abs=0.02)
    assert poses[:, 0, 2].min() > 2.35
    spring = Joint("spring", 0, -1, np.array([0, 0, 3.0]), np.array([0, 1.0, 0]), far=np.array([0, 0, 4.0]),
                   length=1.0, stiffness=80.0, damping=0.0)  # fmt: skip
    poses, _ = solved([body], 4.0, [spring])
    z = poses[:, 0, 2] - (3 - 2 * G / 80)
    over = np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0))
    assert np.diff(over).mean() / 240 == pytest.approx(2 * np.pi * np.sqrt(2 / 80), rel=0.02)


def test_the_last_ball_of_a_cradle_takes_all_the_swing() -> None:
    radius, length, angle = 0.05, 0.5, 0.8
    balls, joints = [], []
    for k in range(5):
        x, turn = 2 * radius * (k - 2), angle if k == 0 else 0.0
        place = (x - length * np.sin(turn), 0, 1.5 - length * np.cos(turn))
        balls.append(ball(radius, place, restitution=1.0, friction=0.0))
        joints.append(Joint("hinge", k, -1, np.array([x, 0, 1.5]), np.array([0, 1.0, 0])))
    poses, _ = solved(balls, 1.3, joints)
    moved = np.abs(poses[:, :, 0] - [2 * radius * (k - 2) for k in range(5)]).max(axis=0)
    assert moved[4] == pytest.approx(length * np.sin(angle), rel=0.05)
    assert moved[2] < 0.1 * moved[4]


def test_momentum_is_kept_when_balls_of_different_weight_meet() -> None:
    masses = np.array([2.0, 1.0])
    one = ball(0.1, (0, 0, 5), mass=2.0, restitution=0.8**0.5, motion=np.array([3.0, 0, 0, 0, 0, 0]))
    _, motions = solved([one, ball(0.15, (1, 0, 5), mass=1.0, restitution=0.8**0.5)], 0.6)
    assert (motions[-1, :, 0] * masses).sum() == pytest.approx(6.0, rel=0.01)
    assert motions[-1, 1, 0] - motions[-1, 0, 0] == pytest.approx(0.8 * 3.0, rel=0.02)
