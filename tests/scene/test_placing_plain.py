# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, arrangements, order and the ground of a footprint: all that placing knows without Blender's rays."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from galatea.addon.scene.lib.placing import arranging, order, sizing, surface  # noqa: E402
from galatea.backend.protocol import scene as scenes  # noqa: E402


def items(*rows):
    return scenes.validate({"objects": list(rows)}).objects


@pytest.mark.parametrize(
    ("look", "said", "size"),
    [
        ("", None, (1.0, 2.0, 4.0)),
        ("huge red", None, (2.5, 5.0, 10.0)),
        ("tiny", None, (0.4, 0.8, 1.6)),
        ("tall", None, (1.0, 2.0, 6.4)),
        ("long thin", None, (0.6, 1.2, 6.4)),
        ("huge huge giant", None, (3.0, 6.0, 12.0)),
        ("huge", (0.1, 0.2, 0.3), (0.1, 0.2, 0.3)),
        ("hugely", None, (1.0, 2.0, 4.0)),
    ],
)
def test_sizes_listen_to_words_and_obey_metres(look, said, size):
    assert sizing.sized((1.0, 2.0, 4.0), look, said) == pytest.approx(size)


def test_what_carries_comes_first():
    cast = items(
        {"id": "apple", "name": "apple", "relation": {"kind": "in", "target": "bowl"}},
        {"id": "bowl", "name": "bowl", "relation": {"kind": "on", "target": "table"}},
        {"id": "table", "name": "table"},
    )
    found, circles = order.ordered(cast)
    assert [item.id for item in found] == ["table", "bowl", "apple"] and circles == []


def test_a_circle_is_found_and_names_its_members():
    cast = items(
        {"id": "a", "name": "cup", "relation": {"kind": "on", "target": "b"}},
        {"id": "b", "name": "cup", "relation": {"kind": "on", "target": "c"}},
        {"id": "c", "name": "cup", "relation": {"kind": "under", "target": "a"}},
        {"id": "d", "name": "cup", "relation": {"kind": "on", "target": "a"}},
    )
    found, circles = order.ordered(cast)
    assert circles == [("a", "b", "c")]
    assert sorted(item.id for item in found) == ["a", "b", "c", "d"]
    at = {item.id: k for k, item in enumerate(found)}
    assert at["a"] < at["d"] and at["c"] < at["b"] < at["a"], "all but the one that breaks the circle keep their order"


SIZE = (0.2, 0.1, 0.3)


@pytest.mark.parametrize("kind", sorted(set(scenes.ARRANGEMENTS) - {"auto", "pile", "stack", "pyramid", "wall"}))
@pytest.mark.parametrize("count", [2, 7, 40])
def test_those_on_the_floor_stand_apart(kind, count):
    spots = arranging.arranged(kind, count, SIZE, "box", np.random.default_rng(1), gap=None)
    assert len(spots.places) == len(spots.turns) == count and (spots.places[:, 2] == 0).all()
    for a, b in itertools.combinations(spots.places, 2):
        assert np.hypot(*(a - b)[:2]) > 0.1, "no side of the box is shorter"
    if kind in ("row", "grid", "scattered"):
        middle = (spots.places.min(axis=0) + spots.places.max(axis=0)) / 2
        assert np.abs(middle[:2]).max() < 0.75 * max(SIZE)


def test_a_row_of_dominoes_faces_along_itself_half_a_height_apart():
    size = (0.024, 0.0075, 0.048)
    spots = arranging.arranged("row", 10, size, "domino", np.random.default_rng(0), gap=None)
    apart = np.diff(spots.places[:, 0])
    assert apart == pytest.approx(size[1] + 0.5 * size[2])
    assert np.abs(np.sin(spots.turns)) == pytest.approx(1.0), "its thin side is along the row"


@pytest.mark.parametrize(("kind", "levels"), [("stack", 6), ("pyramid", 3), ("wall", 2)])
def test_what_is_built_up_has_courses(kind, levels):
    spots = arranging.arranged(kind, 6, SIZE, "brick", np.random.default_rng(0), gap=None)
    heights = sorted(set(np.round(spots.places[:, 2], 6)))
    assert heights == pytest.approx([k * SIZE[2] for k in range(levels)]) and spots.leans
    assert (np.diff(spots.places[:, 2]) >= 0).all(), "the lower ones are put down first"


def test_chance_is_the_seed_alone():
    def one(seed):
        return arranging.arranged("scattered", 9, SIZE, "rock", np.random.default_rng(seed), gap=None).places

    assert (one(3) == one(3)).all() and (one(3) != one(4)).any()


CELL = (0.1, 0.1)


def test_level_ground_wins_over_a_ridge():
    """A chair: a seat, and a thin back that is higher."""
    heights = np.full((10, 10), 0.45)
    heights[:, 9] = 0.9
    _, y, share = surface.best(heights, CELL, (0.5, 0.5))
    assert y + 2 < 9 and share == 1.0


def test_on_stairs_it_is_the_highest_step():
    heights = np.repeat(np.arange(5) * 0.2, 4)[None].repeat(12, axis=0)
    _, y, share = surface.best(heights, CELL, (0.3, 0.3))
    assert y >= 16 and share == 1.0


def test_what_will_go_to_the_right_starts_on_the_left():
    x, _, _ = surface.best(np.ones((20, 20)), CELL, (0.2, 0.2), along=(1.0, 0.0))
    assert x <= 1


def test_it_does_not_stand_where_something_else_does():
    taken = np.zeros((12, 12), bool)
    taken[4:8, 4:8] = True
    x, y, _ = surface.best(np.ones((12, 12)), CELL, (0.3, 0.3), taken=taken)
    assert not taken[max(0, x - 1) : x + 2, max(0, y - 1) : y + 2].any()
    assert surface.best(np.ones((12, 12)), CELL, (0.3, 0.3), taken=np.ones((12, 12), bool)) is None


def test_two_ends_carry_a_plank_and_one_end_does_not():
    heights = np.full((21, 5), np.nan)
    heights[:4] = heights[-4:] = 0.5
    x, _, _ = surface.best(heights, CELL, (1.9, 0.3))
    assert 8 <= x <= 12


def test_only_what_is_shut_in_all_around_is_an_opening():
    grid = np.hypot(*np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 24)))
    bowl = np.where(grid < 0.8, 0.1 + 0.2 * grid, 1.0)
    bowl[grid > 1.0] = np.nan
    xs, ys, inside = surface.hollow(bowl)
    assert inside[12, 12] and not inside[0, 0]
    assert (xs.stop - xs.start) / 24 == pytest.approx(0.8, abs=0.06) and xs == ys
    assert surface.hollow(np.where(np.isnan(bowl), np.nan, 1.0)) is None, "a flat top"
    stairs = np.repeat(np.arange(6) * 0.2, 4)[None].repeat(24, axis=0)
    assert surface.hollow(stairs) is None
    assert math.isfinite(float(np.nanmin(bowl)))
