# SPDX-License-Identifier: GPL-3.0-or-later
"""Mantaflow in a Blender of its own: used where it runs, never where it does not; tools/app_tests.sh has it run."""

from __future__ import annotations

import numpy as np
import pytest

from galatea.addon.scene.lib.physics import fluid, mantaflow, pouring
from galatea.backend.protocol.errors import JobCancelled

from . import moved
from .test_fluid import surface


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(pouring, "PARTICLES", 1200)


@pytest.fixture
def tank():
    why = mantaflow.missing()
    if why:
        pytest.skip(f"Mantaflow does not run here: {why}")


def pour():
    spec = moved.document([{"name": "bowl", "type": "passive"}, {"name": "water", "type": "fluid", "flow": 1.5}], 0.8,
                          events=[{"kind": "stop", "target": "water", "time": 0.5}])  # fmt: skip
    moved.put("bowl", moved.bowl(0.16, 0.012))
    return spec, moved.put("water", moved.box((0.05, 0.05, 0.05)), (0, 0, 0.2))


def test_where_it_does_not_run_the_job_goes_on_with_ours_and_says_so(make_work, monkeypatch):
    if not mantaflow.missing():
        monkeypatch.setattr(mantaflow, "missing", lambda: "it ended after 0 of 2 frames, exit code -6")
    spec = moved.document([{"name": "water", "type": "fluid"}], 0.2)
    obj = moved.put("water", moved.box((0.3, 0.3, 0.3)), (0, 0, 0.5))
    work, _ = make_work()
    figures = fluid.bake(work, spec, moved.things(), moved.nothing, "mantaflow")
    assert figures["fluid_solver"] == "own" and surface(obj, 3)[1] == pytest.approx(0.027, rel=0.05)
    assert "Mantaflow does not run" in work.report.warnings[0] and "application" in work.report.warnings[0]


def test_a_program_that_aborts_is_no_end_of_ours(monkeypatch):
    monkeypatch.setattr(mantaflow.hands, "command", lambda *order: ["/bin/sh", "-c", "kill -ABRT $$"])
    assert "exit code -6" in mantaflow._tried.__wrapped__("sh", 0, "")


def test_a_block_falls_and_keeps_its_volume(tank, make_work, tmp_path):
    spec = moved.document([{"name": "water", "type": "fluid"}], 0.4)
    obj = moved.put("water", moved.box((0.3, 0.3, 0.3)), (0, 0, 0.5))
    work, _ = make_work()
    figures = fluid.bake(work, spec, moved.things(), moved.nothing, "mantaflow")
    assert figures["fluid_solver"] == "mantaflow" and figures["fluid_volume_error"] < 0.05
    assert not figures["fluid_lost"] and not work.report.warnings
    for frame in (1, 5, 10):
        assert surface(obj, frame)[1] == pytest.approx(0.027, rel=0.05)
    assert moved.seen(obj, 6)[:, 2].mean() == pytest.approx(0.65 - 0.5 * 9.81 * (5 / 24) ** 2, abs=0.05)
    there = moved.seen(obj, 9)
    assert np.array_equal(moved.replayed(obj, tmp_path / "f.blend", [9])[0], there)
    assert not any((work.report.keep("mantaflow")).iterdir())  # the film needs none of it


def test_what_is_poured_is_as_much_as_was_said_and_stays_in_the_bowl(tank, make_work):
    spec, obj = pour()
    work, _ = make_work()
    figures = fluid.bake(work, spec, moved.things(), moved.nothing, "mantaflow")
    points, volume = surface(obj, 19)
    assert volume == pytest.approx(0.75e-3, rel=0.08) and not figures["fluid_lost"]
    assert np.linalg.norm(points[:, :2], axis=1).max() < 0.17 and points[:, 2].min() > 0.0


def test_a_cancel_ends_the_tank(tank, make_work):
    spec, _ = pour()
    work, _ = make_work()

    def beat(done):
        if done > 0.1:
            raise JobCancelled("job")

    with pytest.raises(JobCancelled):
        fluid.bake(work, spec, moved.things(), beat, "mantaflow")
    assert not any((work.report.keep("mantaflow")).iterdir())
