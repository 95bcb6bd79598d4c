# SPDX-License-Identifier: GPL-3.0-or-later
"""Standing liquids carry what is lighter, as deep as Archimedes says, and let sink what is heavier."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import floating, fluid, pouring, rigid, thing

from . import moved

RADIUS, WALL, BALL = 0.16, 0.012, 0.03


def ball(radius):
    work = bmesh.new()
    bmesh.ops.create_uvsphere(work, u_segments=24, v_segments=16, radius=radius)
    return moved._made(work)


def scene(substance, height, seconds=3.0):
    spec = moved.document(
        [{"name": "bowl", "type": "passive"},
         {"name": "water", "type": "fluid", "relation": {"kind": "in", "target": "bowl"}},
         {"name": "ball", "material": {"name": substance}}], seconds,
    )  # fmt: skip
    moved.put("bowl", moved.bowl(RADIUS, WALL))[thing.SHAPE] = "mesh"
    water = moved.put("water", moved.box((0.2, 0.2, 0.1)), (0, 0, WALL))
    obj = moved.put("ball", ball(BALL), (0.01, 0, height))
    obj[thing.SHAPE] = "sphere"
    return spec, obj, water


def draught(share):
    """How deep a ball is under that has this share of the liquid's density: the cap of that volume."""
    depths = np.linspace(0, 2 * BALL, 4001)
    return float(np.interp(share * 4 / 3 * BALL**3, depths**2 * (BALL - depths / 3), depths))


@pytest.mark.parametrize("substance", ["cork", "oak"])
def test_what_is_lighter_floats_as_deep_as_it_should(make_work, substance):
    spec, obj, _ = scene(substance, 0.3)
    work, _ = make_work()
    told = rigid.bake(work, spec, moved.things(), moved.nothing)["moved"]["ball.0.0"]
    share = told["mass_kg"] / (4 / 3 * np.pi * BALL**3) / 998
    (pool,) = floating.pools(moved.things())
    level = pool.level(share * 4 / 3 * np.pi * BALL**3)  # it has risen by what the ball displaces
    bottom = moved.seen(obj, 73)[:, 2].min()
    assert level - bottom == pytest.approx(draught(share), rel=0.06)
    assert abs(moved.seen(obj, 73)[:, 2].min() - moved.seen(obj, 60)[:, 2].min()) < 0.002  # at rest


def test_what_is_heavier_sinks_to_the_ground(make_work):
    spec, obj, _ = scene("steel", 0.15)
    work, _ = make_work()
    rigid.bake(work, spec, moved.things(), moved.nothing)
    assert moved.seen(obj, 73)[:, 2].min() < WALL + 0.006


def test_the_liquid_gives_way_to_what_was_dropped_into_it(make_work, monkeypatch):
    monkeypatch.setattr(pouring, "PARTICLES", 6000)
    spec, obj, water = scene("steel", 0.3, 0.8)
    work, _ = make_work()
    rigid.bake(work, spec, moved.things(), moved.nothing)
    figures = fluid.bake(work, spec, moved.things(), moved.nothing)
    assert figures["fluid_volume_error"] < 0.05 and figures["fluid_lost"] == 0
    middle = moved.seen(obj, 20).mean(axis=0)
    away = np.linalg.norm(moved.seen(water, 20) - middle, axis=1)
    assert away.min() > 0.55 * BALL  # the surface goes about it, within a third of a cell


def test_a_pool_holds_what_a_bowl_holds_and_a_board_holds_none():
    scene("oak", 0.3)
    (pool,) = floating.pools(moved.things())
    inner, deep = RADIUS - WALL, 0.05
    assert np.interp(WALL + deep, pool.levels, pool.volumes) == pytest.approx(
        np.pi * deep**2 * (inner - deep / 3), rel=0.05
    )
    bpy.ops.wm.read_factory_settings(use_empty=True)
    moved.document([{"name": "table", "type": "passive"},
                    {"name": "water", "type": "fluid", "relation": {"kind": "in", "target": "table"}}])  # fmt: skip
    moved.put("table", moved.box((1, 1, 0.1)))
    moved.put("water", moved.box((0.2, 0.2, 0.1)), (0, 0, 0.1))
    assert floating.pools(moved.things()) == []
