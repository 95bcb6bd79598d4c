# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints and events that are said in words, from the words to the keyframes."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from galatea.backend.parse import grammar
from galatea.benchmarks._physics_stand import Film


def told(words: str, seconds: float) -> Film:
    document = json.loads(grammar.parse(words).dumps())
    document["simulation"]["duration"] = seconds
    return Film(document)


def turned(way: np.ndarray) -> np.ndarray:
    """Degrees (F,) by which something has turned from its first matrix, of (F, 4, 4)."""
    both = np.einsum("ji,fjk->fik", way[0, :3, :3], way[:, :3, :3])
    size = np.linalg.det(way[0, :3, :3]) ** (2 / 3)
    cosine = (np.trace(both, axis1=1, axis2=2) / size - 1) / 2
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def test_after_two_seconds_the_door_opens() -> None:
    done = told("After 2 seconds the door opens.", 4.0)
    angle = turned(done.track([done.things("door")[0].parts[0]])[:, 0])
    assert angle[: 2 * 24].max() < 0.5 and angle[-1] > 60


def test_after_a_second_the_ball_drops() -> None:
    done = told("After 1 second a ball drops onto the floor", 1.4)
    z = done.track([done.things("ball")[0].main])[:, 0, 2, 3]
    assert np.ptp(z[:24]) < 1e-3
    assert z[0] - z[24 + 8] == pytest.approx(9.81 * (8 / 24) ** 2 / 2, rel=0.1)


def test_a_spring_keeps_two_balls_near_each_other() -> None:
    done = told("Two balls are connected by a spring and fall onto the floor.", 2.5)
    (rule,) = json.loads(bpy.context.scene["galatea_scene"])["constraints"]
    assert rule["kind"] == "spring"
    way = done.track([done.things(rule[end])[0].main for end in "ab"])[:, :, :3, 3]
    far = np.linalg.norm(way[:, 1] - way[:, 0], axis=1)
    assert way[-1, :, 2].max() < 0.3 < way[0, :, 2].max()  # both fell
    assert far.max() < 1.5 * far[0] and np.ptp(far) > 0.1  # it swings


def test_a_rope_is_no_longer_than_it_is() -> None:
    done = told("A ball is tied to a crate by a rope and falls off a table.", 3.0)
    ball, crate = done.things("ball")[0].main, done.things("crate")[0].main
    way = done.track([ball, crate])[:, :, :3, 3]
    reach = 1.0 + np.linalg.norm(ball.dimensions) / 2 + np.linalg.norm(crate.dimensions) / 2
    assert np.linalg.norm(way[:, 1] - way[:, 0], axis=1).max() < reach + 0.03
    assert way[-1, 0, 2] < 0.6 * way[0, 0, 2]
    assert len([obj for obj in bpy.data.objects if "galatea_rope" in obj]) == 12


def test_after_a_second_the_crate_explodes_and_no_splinter_makes_it_run_again() -> None:
    done = told("A wooden crate explodes after 1 second.", 2.5)
    pieces = [obj for obj in bpy.data.objects if "galatea_piece" in obj]
    way = done.track(pieces)
    there = np.linalg.det(way[:, :, :3, :3]) > 0.5
    assert not there[:24].any() and there[26:].all()
    assert np.median(np.linalg.norm(way[-1, :, :2, 3], axis=1)) > 1.0
    assert done.figures["reruns"] == 0 and not done.warnings
