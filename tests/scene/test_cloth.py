# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloth falls as things do, lies on what it meets, hangs where it is held, waves in the wind and keeps its area."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene import props
from galatea.addon.scene.lib.physics import cloth, draping
from galatea.addon.scene.lib.physics.enclosing import Solid

from . import moved

TABLE = {"name": "table", "type": "passive"}


def bake(make_work, spec):
    work, _ = make_work()
    return cloth.bake(work, spec, moved.things(), moved.nothing), work


@pytest.mark.parametrize("rate", [24, 28, 48, 60])
def test_a_falling_cloth_falls_by_half_g_t_squared(make_work, rate):
    spec = moved.document(
        [{"name": "cloth", "type": "cloth", "material": {"name": "canvas"}}],
        environment={"medium": "vacuum"}, simulation={"duration": 0.4, "frame_rate": rate},
    )  # fmt: skip
    obj = moved.put("cloth", moved.sheet(1, 1, 28, 28), (0, 0, 3))
    bake(make_work, spec)
    fallen = 3 - moved.seen(obj, 1 + rate // 4)[:, 2].mean()
    assert fallen == pytest.approx(0.5 * 9.81 * 0.25**2, rel=0.04)


def test_silk_drapes_over_a_table_with_nothing_of_it_inside(make_work, tmp_path):
    spec = moved.document([TABLE, {"name": "cloth", "type": "cloth", "material": {"name": "silk"}}], 1.0)
    table = moved.put("table", moved.box((0.4, 0.4, 0.5)))
    obj = moved.put("cloth", moved.sheet(0.9, 0.9, 28, 28), (0, 0, 0.56))
    figures, work = bake(make_work, spec)
    assert figures["cloth_area_change"] < 0.03 and not work.report.warnings
    end = moved.seen(obj, 25)
    on_top = np.abs(end[:, :2]).max(axis=1) < 0.18
    assert end[on_top, 2].min() > 0.5 and end[on_top, 2].max() < 0.53
    assert end[:, 2].min() < 0.42  # the rest hangs down
    bpy.context.scene.frame_set(1)
    solid = Solid.of(table)
    for frame in (8, 14, 25):
        assert not len(solid.inside(moved.seen(obj, frame)))
    assert not obj.modifiers and not table.modifiers  # no solver is left
    assert not [each for each in bpy.context.scene.objects if each.field and each.field.type != "NONE"]
    late, early = moved.replayed(obj, tmp_path / "c.blend", [25, 3])
    assert np.abs(late - end).max() < 1e-5 and early[:, 2].mean() > 0.5


def test_a_flag_waves_in_the_wind_by_its_seed_and_hangs_without(make_work):
    def corner(wind, seed, seconds):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        spec = moved.document([{"name": "flag", "type": "cloth"}], seconds, environment={"wind": wind}, seed=seed)
        obj = moved.put("flag", moved.sheet(1.0, 0.6, 30, 24, upright=True), (0, 0, 1))
        figures, _ = bake(make_work, spec)
        assert figures["cloth_area_change"] < 0.03
        last = 1 + round(24 * seconds)
        start, end = moved.seen(obj, 1), moved.seen(obj, last)
        pole = start[:, 0] < -0.499
        assert np.abs(end[pole] - start[pole]).max() < 0.01  # held on the left
        tip = np.argmax(start[:, 0] - start[:, 2])
        return np.array([moved.seen(obj, frame)[tip] for frame in range(1, last + 1)])

    windy, still = corner([8, 0, 0], 1, 1.25), corner([0, 0, 0], 1, 1.25)
    assert windy[12:, 0].mean() > 0.3 and np.ptp(windy[12:, 1]) > 0.1  # it flies out, and to and fro
    assert still[-6:, 0].mean() < 0.2  # it hangs
    assert np.array_equal(windy[:6], corner([8, 0, 0], 1, 0.2)[:6])
    assert not np.array_equal(windy[:6], corner([8, 0, 0], 2, 0.2)[:6])


def test_what_is_under_a_table_is_not_in_it():
    part = props.make("table", (1.4, 0.8, 0.74), bpy.data.materials.new).parts[0]
    obj = bpy.data.objects.new("table", part.mesh)
    bpy.context.scene.collection.objects.link(obj)
    solid = Solid.of(obj)
    low, high = solid.low, solid.high
    top = low[2] + 0.985 * (high[2] - low[2])
    x, y, z = (np.linspace(-0.3, 0.3, 13) * (high[0] - low[0]), np.linspace(-0.3, 0.3, 13) * (high[1] - low[1]),
               low[2] + np.array([0.2, 0.4, 0.632, 0.8]) * (high[2] - low[2]))  # fmt: skip
    under = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    slips = np.array([(0.1125, -0.33, -0.2), (0.1125, -0.32, -0.2)])  # rays from here slip through its edges
    assert not len(solid.inside(np.concatenate([under, slips])))
    within = np.stack(np.meshgrid(x + 0.011, y + 0.007, [top], indexing="ij"), axis=-1).reshape(-1, 3)
    assert len(solid.inside(within)) > 0.8 * len(within)


def test_pins_are_found_on_hanging_and_level_cloths():
    upright = np.array([(x, 0, z) for x in (-1, 0, 1) for z in (0, 1, 2)], float)
    assert list(draping.pinned(upright, "top")) == [2, 5, 8]
    assert list(draping.pinned(upright, "left")) == [0, 1, 2]
    assert list(draping.pinned(upright, "ends")) == [0, 1, 2, 6, 7, 8]
    assert list(draping.pinned(upright, "corners")) == [2, 8]
    assert list(draping.pinned(upright[:, [0, 2, 1]], "corners")) == [0, 2, 6, 8]
    assert not len(draping.pinned(upright, "none"))


def test_a_cloth_lies_on_a_body_that_moves(make_work):
    spec = moved.document([{"name": "box", "type": "rigid_body"}, {"name": "cloth", "type": "cloth"}], 1.0)
    lift = moved.put("box", moved.box((0.5, 0.5, 0.1)))
    lift.keyframe_insert("location", frame=1)
    lift.location.z = 0.4
    lift.keyframe_insert("location", frame=20)
    obj = moved.put("cloth", moved.sheet(0.4, 0.4, 27, 27), (0, 0, 0.12))
    bake(make_work, spec)
    assert moved.seen(obj, 25)[:, 2].min() > 0.49
