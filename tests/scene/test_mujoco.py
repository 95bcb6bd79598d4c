# SPDX-License-Identifier: GPL-3.0-or-later
"""MuJoCo as an engine: joints with limits, loops, bodies on paths, hollow shapes, events; refused where it is not."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import engines
from galatea.addon.scene.lib.physics.bodies import Body, Joint
from galatea.backend.protocol.errors import UserError

from .falls import ball, box, document, floor, put, track

mujoco = pytest.importorskip("mujoco")

from galatea.addon.scene.lib.physics.engines import mujoco_model, mujoco_shapes  # noqa: E402
from galatea.benchmarks._physics_stand import solved  # noqa: E402

UP, SIDE = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])


def test_without_the_library_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mujoco", None)
    monkeypatch.delitem(sys.modules, f"{engines.__name__}.mujoco", raising=False)
    with pytest.raises(UserError, match=r"simulation\.engine to blender"):
        engines.engine("mujoco")


def test_hinges_and_sliders_keep_to_their_limits_whichever_body_comes_first() -> None:
    door = box((1, 0.05, 2), (0.5, 0, 1.5), motion=np.array([0, 1.0, 0, 0, 0, 2.0]), restitution=0.0)
    post = box((0.1, 0.1, 2), (0, 0, 1.5), "still")
    for joint, sign in ((Joint("hinge", 0, 1, np.array([0, 0, 1.5]), UP, low=0.0, high=1.2), 1),
                        (Joint("hinge", 1, 0, np.array([0, 0, 1.5]), UP, low=-1.2, high=0.0), 1)):  # fmt: skip
        poses, _ = solved("mujoco", [door, post], 1.5, [joint])
        turned = 2 * np.arctan2(poses[:, 0, 6], poses[:, 0, 3]) * sign
        assert turned.max() == pytest.approx(1.2, abs=0.03) and turned.min() > -0.03
    slider = Joint("slider", 0, -1, np.array([0, 0, 3.0]), UP, low=-0.5, high=0.2)
    poses, _ = solved("mujoco", [box((0.2,) * 3, (0, 0, 3))], 1.5, [slider])
    assert poses[-1, 0, 2] == pytest.approx(2.5, abs=0.01)


def test_a_run_goes_on_from_any_pose_of_its_joints() -> None:
    """Events start the engine anew in the middle of a swing, of two bodies that hang from each other."""
    joints = [Joint("hinge", 0, -1, np.array([0, 0, 3.0]), SIDE), Joint("ball", 1, 0, np.array([0.5, 0, 3.0]), SIDE)]
    rods = [box((0.5, 0.05, 0.05), (0.25, 0, 3)), box((0.5, 0.05, 0.05), (0.75, 0, 3))]
    whole, speeds = solved("mujoco", rods, 1.0, joints)
    moving = 0.5 * (speeds[120] + speeds[121])
    halfway = [
        dataclasses.replace(rod, rest=rod.pose, pose=whole[120, k], motion=moving[k]) for k, rod in enumerate(rods)
    ]
    again, _ = solved("mujoco", halfway, 0.5, joints)
    assert np.abs(again[0] - whole[120]).max() < 1e-9
    assert np.abs(again[-1, :, :3] - whole[-1, :, :3]).max() < 0.02


def test_a_loop_of_four_bars_stays_closed() -> None:
    places = [(0, 0, 1.5), (0.5, 0, 2), (1, 0, 1.5)]
    bars = [box((0.04, 0.04, 1), places[0]), box((1, 0.04, 0.04), places[1]), box((0.04, 0.04, 1), places[2])]
    bars[0] = box((0.04, 0.04, 1), places[0], motion=np.array([0.5, 0, 0, 0, 1.0, 0]))
    corners = [((0, 0, 1), 0, -1), ((0, 0, 2), 1, 0), ((1, 0, 2), 1, 2), ((1, 0, 1), 2, -1)]
    joints = [Joint("hinge", a, b, np.array(corner, float), SIDE) for corner, a, b in corners]
    poses, _ = solved("mujoco", bars, 1.0, joints)
    ends = [poses[:, k, :3] + 0.5 * np.array([mujoco_shapes.matrix(q)[:, 2] for q in poses[:, k, 3:]]) for k in (0, 2)]
    assert np.abs(np.linalg.norm(ends[1] - ends[0], axis=1) - 1).max() < 5e-3
    assert np.ptp(poses[:, 1, 0]) > 0.2


def test_what_goes_its_way_pushes_and_is_not_pushed() -> None:
    def path(time: float) -> np.ndarray:
        return np.array([1.0 * time, 0, 0.2, 1, 0, 0, 0])

    ram = box((0.4, 0.4, 0.4), (0, 0, 0.2), "moved", path=path, restitution=0.0)
    crate = box((0.3,) * 3, (0.6, 0, 0.15), mass=500.0, restitution=0.0)
    poses, motions = solved("mujoco", [floor(restitution=0.0), ram, crate], 2.0)
    assert poses[-1, 1, 0] == pytest.approx(2.0, abs=0.01)
    assert poses[-1, 2, 0] == pytest.approx(2.35, abs=0.02) and motions[-1, 2, 0] == pytest.approx(1.0, abs=0.02)


def test_a_hollow_shape_holds_what_falls_into_it() -> None:
    walls = [(0.5, 0, 0.2, 0.05, 1, 0.4), (-0.5, 0, 0.2, 0.05, 1, 0.4), (0, 0.5, 0.2, 1, 0.05, 0.4),
             (0, -0.5, 0.2, 1, 0.05, 0.4), (0, 0, 0, 1, 1, 0.05)]  # fmt: skip
    pieces = tuple(box(w[3:], (0, 0, 0)).points + w[:3] for w in walls)
    tray = Body("tray", "active", "compound", np.concatenate(pieces), np.zeros((0, 3), int),
                np.array([0, 0, 0.03, 1, 0, 0, 0]), mass=5.0, pieces=pieces)  # fmt: skip
    thrown = ball(0.1, (0, 0, 0.5), motion=np.array([1.5, 0.5, 0, 0, 0, 0]))
    poses, _ = solved("mujoco", [floor(), tray, thrown], 2.0)
    assert np.abs((poses[-1, 2] - poses[-1, 1])[:2]).max() < 0.4 and 0.05 < poses[-1, 2, 2] < 0.2


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_contacts_give_back_the_share_of_speed_that_was_asked_for(share: float) -> None:
    damped = mujoco_model.damping(share)
    x, v, h = -1e-3, -1.0, 1e-3  # the spring, solved in small steps
    while -x - 2 * damped * v > 0:
        v += h * (-x - 2 * damped * v)
        x += h * v
    assert v == pytest.approx(share, abs=0.03)


def test_a_scene_with_an_event_runs_on_it(run: Any, make_work: Any) -> None:
    document(objects=[{"id": "ball", "name": "ball"}], simulation={"duration": 1.0, "engine": "mujoco"},
             events=[{"kind": "release", "target": "ball", "time": 0.5}])  # fmt: skip
    obj = put(make_work()[0], "ball", "ball", (0.2,) * 3, (0, 0, 3))
    done = run("simulate")
    z = track(obj)[:, 2]
    assert z[12] == pytest.approx(3) and z[-1] == pytest.approx(3 - 9.81 / 8, abs=5e-3)
    assert json.loads(done.path("physics").read_text())["engine"] == "mujoco"
    assert len(bpy.data.scenes) == 1
