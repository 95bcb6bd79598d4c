# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft bodies fall, squash, wobble and keep their volume."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import soft

from . import moved


def drop(make_work, seconds=1.2, **item):
    spec = moved.document(
        [{"name": "jelly", "type": "soft_body", **item}, {"name": "table", "type": "passive"}], seconds
    )
    obj = moved.put("jelly", moved.box((0.2, 0.2, 0.16), cuts=5), (0, 0, 0.5))
    moved.put("table", moved.box((0.6, 0.6, 0.2)))
    work, _ = make_work()
    return obj, soft.bake(work, spec, moved.things(), moved.nothing), work


def test_a_jelly_falls_squashes_and_stands_with_its_volume(make_work, tmp_path):
    obj, figures, work = drop(make_work)
    assert moved.seen(obj, 5)[:, 2].mean() == pytest.approx(0.58 - 0.5 * 9.81 * (4 / 24) ** 2, abs=0.004)
    tall = [np.ptp(moved.seen(obj, frame)[:, 2]) for frame in range(1, 30)]
    assert min(tall) < 0.13 and tall[-1] == pytest.approx(0.16, rel=0.08)
    assert min(moved.seen(obj, frame)[:, 2].min() for frame in range(1, 30)) > 0.2 - 0.002
    assert figures["soft_volume_least"] > 0.95 and figures["soft_runs"] == 1 and not work.report.warnings
    end = moved.seen(obj, 29)
    late, early = moved.replayed(obj, tmp_path / "s.blend", [29, 1])
    assert np.abs(late - end).max() < 1e-5 and early[:, 2].min() == pytest.approx(0.5, abs=1e-4)


def test_what_is_stiffer_squashes_less(make_work):
    soft_one = drop(make_work, 0.5, material={"young_modulus": 4e3})[1]["soft_squash"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    firm = drop(make_work, 0.5, material={"young_modulus": 1.6e4})[1]["soft_squash"]
    assert firm < 0.88 * soft_one


def test_soft_bodies_meet_and_hand_on_their_momentum(make_work):
    cube = {"name": "jelly", "type": "soft_body"}
    spec = moved.document([{"id": "one", "initial_velocity": [1.0, 0, 0], **cube}, {"id": "other", **cube}], 0.8,
                          environment={"gravity": [0, 0, 0], "medium": "vacuum", "floor": False})  # fmt: skip
    one = moved.put("one", moved.box((0.2, 0.2, 0.2), cuts=5), (0, 0, 1))
    other = moved.put("other", moved.box((0.2, 0.2, 0.2), cuts=5), (0.3, 0, 1))
    soft.bake(make_work()[0], spec, moved.things(), moved.nothing)
    ways = np.array([[moved.seen(obj, frame)[:, 0].mean() for obj in (one, other)] for frame in range(1, 20)])
    assert (ways[:, 1] - ways[:, 0]).min() > 0.12  # they do not go through each other
    speeds = np.diff(ways[-6:], axis=0).mean(axis=0) * 24
    assert speeds.sum() == pytest.approx(1.0, rel=0.1) and speeds[1] > 0.4


def test_what_is_pinned_hangs(make_work):
    obj, _, _ = drop(make_work, 0.6, pinned="top")
    assert moved.seen(obj, 15)[:, 2].max() == pytest.approx(0.66, abs=0.01)


def swing(make_work, way, long, seconds, **material):
    """Seconds of the slowest swing of a bar, 10 cm thick, that is held by its top and struck along `way`; no weight."""
    made = {"young_modulus": 2e4, "density": 200, "poisson_ratio": 0.1, "restitution": 0.95, **material}
    bar = {"name": "bar", "type": "soft_body", "material": made, "pinned": "top", "initial_velocity": way}
    spec = moved.document([bar], environment={"gravity": [0, 0, 0], "medium": "vacuum", "floor": False},
                          simulation={"duration": seconds, "slow_motion": 8.0 / seconds})  # fmt: skip
    obj = moved.put("bar", moved.box((0.1, 0.1, long), cuts=9), (0, 0, 1))
    work, _ = make_work()
    soft.bake(work, spec, moved.things(), moved.nothing)
    free = moved.seen(obj, 1)[:, 2] < 1.01
    axis = int(np.argmax(np.abs(way)))
    track = np.array([moved.seen(obj, frame)[free, axis].mean() for frame in range(1, 194)])
    track = track - track[0]
    over = np.flatnonzero((track[:-1] > 0) != (track[1:] > 0))
    crossed = over + track[over] / (track[over] - track[over + 1])
    return 2 * float(np.diff(crossed[1:]).mean()) / (24 * 8 / seconds)


@pytest.mark.parametrize("poisson", [0.1, 0.49])
def test_a_bar_swings_along_itself_as_sound_goes_in_it(make_work, poisson):
    wanted = 4 * 0.5 / np.sqrt(2e4 / 200)
    assert swing(make_work, [0, 0, -0.4], 0.5, 1.0, poisson_ratio=poisson) == pytest.approx(wanted, rel=0.05)


def test_a_bar_bends_as_a_beam_does(make_work):
    rate = 1.8751**2 * np.sqrt(2e4 * 0.1**2 / 12 / 200) / 0.5**2
    assert swing(make_work, [0.1, 0, 0], 0.5, 4.0) == pytest.approx(2 * np.pi / rate, rel=0.1)
