# SPDX-License-Identifier: GPL-3.0-or-later
"""What the films of the golden prompts taught: words that once made a wrong film."""

from __future__ import annotations

import math

from galatea.backend.parse.grammar import parse


def test_a_wind_in_which_something_stands_is_a_breeze() -> None:
    assert parse("A silk cloth drapes over a chair in the wind.").environment.wind[0] == 3.0
    assert parse("A silk cloth drapes over a chair in a strong wind.").environment.wind[0] > 4.0


def test_different_metals_are_one_cube_each_and_they_meet() -> None:
    spec = parse("Zero gravity: eight cubes of different metals drift about and collide")
    assert len({each.material.name for each in spec.objects}) == 8
    assert {each.name for each in spec.objects} == {"crate"}
    for each in spec.objects:
        assert each.position is not None
        goes = sum(a * b for a, b in zip(each.position[:2], each.initial_velocity[:2], strict=True))
        assert goes < -0.9 * math.hypot(*each.position[:2]) * math.hypot(*each.initial_velocity[:2])


def test_different_colours_are_shared_out() -> None:
    spec = parse("Ten balls of various colours fall onto a table")
    balls = [each for each in spec.objects if each.name == "ball"]
    assert sum(each.count for each in balls) == 10
    assert len({each.material.color for each in balls}) == len(balls) == 8


def test_what_lies_on_a_seesaw_is_flung_by_the_seesaw() -> None:
    spec = parse("A stone falls on one end of a seesaw and flings an apple into the air.")
    apple = next(each for each in spec.objects if each.name == "apple")
    assert apple.initial_velocity == (0.0, 0.0, 0.0)
    assert apple.relation.target == "seesaw"


def test_what_is_small_falls_a_little_way() -> None:
    coin = next(each for each in parse("Coins fall into a bucket").objects if each.name == "coin")
    assert coin.height is not None and coin.height < 0.6
    said = next(each for each in parse("Coins fall into a bucket from 2 m up").objects if each.name == "coin")
    assert said.height == 2.0


def test_a_jelly_cube_is_as_it_is_eaten() -> None:
    cube = next(each for each in parse("A jelly cube drops onto a plate").objects if each.material.name == "jelly")
    assert cube.dimensions is not None and max(cube.dimensions) <= 0.12


def test_a_glass_is_not_flooded_and_is_called_so() -> None:
    spec = parse("water pours into a glass")
    water, cup = (next(each for each in spec.objects if each.type == kind) for kind in ("fluid", "rigid_body"))
    assert 0 < water.flow < 0.2
    assert "glass" in cup.look


def test_a_storm_of_leaves_is_of_stiff_leaves() -> None:
    assert parse("Sixty leaves are caught in a whirlwind").objects[0].type == "rigid_body"
    assert parse("A leaf falls").objects[0].type == "cloth"
