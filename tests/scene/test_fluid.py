# SPDX-License-Identifier: GPL-3.0-or-later
"""Liquids fall, fill vessels and keep their volume; thick ones spread slower."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import flip, fluid, pouring, skinning

from . import moved


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(pouring, "PARTICLES", 2500)


def surface(obj, frame):
    points = moved.seen(obj, frame)
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = obj.evaluated_get(graph).to_mesh()
    faces = np.array([tuple(each.vertices) for each in mesh.polygons])
    return points, skinning.enclosed(points, faces) if len(faces) else 0.0


def bake(make_work, spec):
    work, _ = make_work()
    return fluid.bake(work, spec, moved.things(), moved.nothing)


def test_a_block_falls_as_things_do_and_keeps_its_volume(make_work, tmp_path):
    spec = moved.document([{"name": "water", "type": "fluid"}], 1.2)
    obj = moved.put("water", moved.box((0.3, 0.3, 0.3)), (0, 0, 0.5))
    figures = bake(make_work, spec)
    assert moved.seen(obj, 6)[:, 2].mean() == pytest.approx(0.65 - 0.5 * 9.81 * (5 / 24) ** 2, abs=0.02)
    assert figures["fluid_volume_error"] < 0.05 and figures["fluid_lost"] == 0
    for frame in (1, 10, 29):
        assert surface(obj, frame)[1] == pytest.approx(0.027, rel=0.05)
    points, _ = surface(obj, 29)
    assert points[:, 2].max() < 0.15 and points[:, 2].min() > -0.02
    assert np.ptp(points[:, 0]) > 0.6  # it has run apart
    late, early = moved.replayed(obj, tmp_path / "f.blend", [29, 1])
    assert np.array_equal(late, points) and early[:, 2].min() > 0.45


def test_poured_water_stays_in_a_bowl(make_work):
    spec = moved.document(
        [{"name": "bowl", "type": "passive"}, {"name": "water", "type": "fluid", "flow": 1.5}], 1.6,
        events=[{"kind": "stop", "target": "water", "time": 1.0}],
    )  # fmt: skip
    moved.put("bowl", moved.bowl(0.16, 0.012))
    obj = moved.put("water", moved.box((0.05, 0.05, 0.05)), (0, 0, 0.25))
    bake(make_work, spec)
    points, volume = surface(obj, 39)
    assert volume == pytest.approx(1.5e-3, rel=0.06)
    assert np.linalg.norm(points[:, :2], axis=1).max() < 0.17 and points[:, 2].min() > 0.0
    assert points[:, 2].max() < 0.13
    assert surface(obj, 12)[1] == pytest.approx(1.5e-3 * 11 / 24, rel=0.1)


def test_honey_spreads_slower_than_water_and_a_seed_repeats(make_work):
    def wide(name, seed=0):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        spec = moved.document([{"name": name, "type": "fluid", "material": {"name": name}}], 0.8, seed=seed)
        obj = moved.put(name, moved.box((0.2, 0.2, 0.2)), (0, 0, 0.02))
        bake(make_work, spec)
        return moved.seen(obj, 20)

    water, honey = wide("water"), wide("honey")
    assert np.ptp(honey[:, 0]) < 0.92 * np.ptp(water[:, 0])
    assert np.array_equal(honey, wide("honey"))


def test_drops_that_have_flown_far_away_harm_nothing(monkeypatch):
    monkeypatch.setattr(flip, "_MOST", 2000)
    liquid = flip.Liquid(0.02, np.array([0.0, 0.0, -9.81]))
    liquid.add(np.random.default_rng(0).uniform(0.01, 0.11, (400, 3)), np.zeros(3))
    liquid.add(np.array([[9.0, 0, 5], [0, -9, 5], [0, 0, 9]]), np.array([1.0, 0, 0]))

    def nothing(points):
        return np.full(len(points), np.inf), np.zeros((len(points), 3)), np.zeros((len(points), 3))

    for _ in range(20):
        liquid.step(0.005, nothing)
    assert np.isfinite(liquid.points).all() and liquid.points[:400, 2].max() < 0.12
    assert liquid.points[400:, 2] == pytest.approx(np.array([5, 5, 9]) - 0.5 * 9.81 * 0.1**2, abs=0.1)
