# SPDX-License-Identifier: GPL-3.0-or-later
"""The physics against its formulas; `python -m benchmarks physics` has the whole table, docs/physics.md its figures."""

from __future__ import annotations

import pytest

from galatea.benchmarks import _physics_bodies as bodies
from galatea.benchmarks import _physics_scenes as scenes
from galatea.benchmarks import _physics_soft as soft
from galatea.benchmarks._physics_stand import Found


@pytest.fixture(params=["blender", "mujoco"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "mujoco":
        pytest.importorskip("mujoco")
    return str(request.param)


def _hold(*rows: Found) -> None:
    wrong = [row.line() for row in rows if not row.holds]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("gravity", [9.81, scenes.MOON])
def test_what_falls_freely_falls_as_galileo_says(engine: str, gravity: float) -> None:
    _hold(scenes.fall(engine, gravity))


def test_what_is_thrown_lands_where_it_should(engine: str) -> None:
    _hold(scenes.throw(engine))


@pytest.mark.parametrize(("substance", "name"), [("rubber", "ball"), ("glass", "ball"), ("oak", "crate")])
def test_what_bounces_rises_as_its_restitution_says(engine: str, substance: str, name: str) -> None:
    _hold(scenes.bounce(engine, substance, 0.7, name))


def test_what_slides_stops_where_friction_says(engine: str) -> None:
    _hold(scenes.slide(engine))


def test_a_stack_of_ten_stands(engine: str) -> None:
    _hold(scenes.stack(engine))


def test_dominoes_fall_in_turn(engine: str) -> None:
    _hold(scenes.dominoes(engine, 8))


def test_on_a_slope_friction_holds_up_to_its_angle(engine: str) -> None:
    _hold(bodies.holds(engine), bodies.slips(engine), bodies.glides(engine))


@pytest.mark.parametrize("shape", ["sphere", "cylinder"])
def test_what_rolls_is_slowed_by_its_inertia(engine: str, shape: str) -> None:
    _hold(bodies.rolls(engine, shape=shape))


def test_pendulums_and_springs_swing_in_their_time(engine: str) -> None:
    _hold(bodies.pendulum(engine), bodies.pendulum(engine, "ball", 0.8), bodies.rod(engine))
    _hold(*bodies.spring(engine))


def test_springs_and_ropes_pull_where_they_are_tied(engine: str) -> None:
    _hold(*bodies.tied(engine), bodies.hung(engine))


def test_the_cradle_hands_its_swing_on(engine: str) -> None:
    _hold(*bodies.cradle(engine))


@pytest.mark.parametrize("restitution", [1.0, 0.5, 0.0])
def test_balls_that_meet_keep_their_momentum(engine: str, restitution: float) -> None:
    _hold(*bodies.collide(engine, restitution))


def test_boxes_that_meet_keep_their_momentum_and_part_as_they_should(engine: str) -> None:
    _hold(*bodies.blocks(engine))


def test_a_cloth_falls() -> None:
    _hold(soft.cloth_falls())


def test_a_jelly_falls_and_keeps_its_volume_at_every_frame() -> None:
    _hold(*soft.jelly(1.2))


def test_water_falls_and_keeps_its_volume() -> None:
    _hold(*soft.block(0.8))
