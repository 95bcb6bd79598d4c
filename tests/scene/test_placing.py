# SPDX-License-Identifier: GPL-3.0-or-later
"""Relations of simple solids: each holds as its word says, nothing is in anything else, what cannot be is said."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from galatea.addon.scene.lib.placing import placing, solid  # noqa: E402
from galatea.addon.scene.lib.placing.scene import SLACK, Group  # noqa: E402
from galatea.addon.scene.lib.placing.solid import Placed, Solid  # noqa: E402
from galatea.backend.protocol import scene as scenes  # noqa: E402

FACES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]


def box(w, d, h, low=(0.0, 0.0, 0.0)):
    corners = itertools.product((-w / 2, w / 2), (-d / 2, d / 2), (0.0, h))
    return np.array(list(corners)) + low, FACES


def joined(*parts):
    points, faces, count = [], [], 0
    for some, theirs in parts:
        points.append(some)
        faces += [tuple(v + count for v in face) for face in theirs]
        count += len(some)
    return Solid(np.concatenate(points), faces)


def ball(radius):
    rows = np.linspace(0.02, np.pi - 0.02, 13)
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = [(np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), -np.cos(p)) for p in rows for a in around]
    faces = [(24 * r + a, 24 * r + (a + 1) % 24, 24 * r + 24 + (a + 1) % 24, 24 * r + 24 + a)
             for r in range(12) for a in range(24)]  # fmt: skip
    faces += [tuple(range(23, -1, -1)), tuple(range(288, 312))]
    points = np.array(points) * radius
    points[:, 2] -= points[:, 2].min()
    return Solid(points, faces)


SHAPES = {
    "box": lambda: joined(box(0.4, 0.4, 0.4)),
    "slab": lambda: joined(box(2.0, 1.0, 0.1)),
    "table": lambda: joined(box(1.4, 0.8, 0.05, (0, 0, 0.7)), *(
        box(0.06, 0.06, 0.7, (x, y, 0)) for x in (-0.6, 0.6) for y in (-0.3, 0.3))),
    "tray": lambda: joined(box(0.8, 0.8, 0.05), *(box(0.05, 0.8, 0.3, (x, 0, 0)) for x in (-0.4, 0.4)), *(
        box(0.8, 0.05, 0.3, (0, y, 0)) for y in (-0.4, 0.4))),
    "ball": lambda: ball(0.1),
    "tower": lambda: joined(box(0.6, 0.6, 3.0)),
    "stick": lambda: joined(box(0.1, 1.2, 0.05)),
    "sheet": lambda: Solid(np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], float), [(0, 1, 2, 3)]),
    "stairs": lambda: joined(*(box(1.2, 0.4, 0.2 * (4 - k), (0, 0.8 - 0.4 * k, 0)) for k in range(4))),
    "wedge": lambda: Solid(np.array([(-1, y, z) for y in (-0.5, 0.5) for z in (0.0, 0.8)] + [
        (1, -0.5, 0), (1, 0.5, 0)], float), [(0, 1, 3, 2), (0, 4, 1), (2, 3, 5), (0, 2, 5, 4), (1, 4, 5, 3)]),
    "gear": lambda: joined(box(0.3, 0.06, 0.3)),
    "gate": lambda: joined(box(0.1, 0.1, 1.5, (-0.6, 0, 0)), box(0.1, 0.1, 1.5, (0.6, 0, 0)),
                           box(1.3, 0.1, 0.1, (0, 0, 1.5))),
}  # fmt: skip


def placed(*rows, seed=0):
    """The scene of these rows, each named by a shape."""
    spec = scenes.validate({"objects": list(rows), "seed": seed})
    groups = []
    for item in spec.objects:
        soft = item.type in ("cloth", "fluid", "smoke", "force_field")
        one = SHAPES[item.name]()
        groups.append(Group(item, [one] * item.count, item.name, item.name == "tray", soft))
    return placing.place(spec, groups)


def apart(scene):
    """No two solids are in each other."""
    hard = [each for each in scene.placed if not each.soft]
    for a, b in itertools.combinations(hard, 2):
        assert not solid.overlap(a, b, SLACK * min(max(a.solid.size), max(b.solid.size))), f"{a.of} is in {b.of}"


def row(id, name, kind="none", target="", **more):
    relation = {"kind": kind, "target": target, **{k: more.pop(k) for k in ("other", "distance") if k in more}}
    return {"id": id, "name": name, "relation": relation, **more}


def test_a_ball_comes_down_onto_what_is_below_it():
    lower = Placed(SHAPES["box"](), np.array([1.0, 2.0, 0.0]), "box")
    assert solid.rest(ball(0.1), 1.0, 2.0, lower) == pytest.approx(0.4, abs=1e-3)
    assert solid.rest(ball(0.1), 2.0, 2.0, lower) is None
    tray = Placed(SHAPES["tray"](), np.zeros(3), "tray")
    assert solid.rest(ball(0.1), 0.0, 0.0, tray) == pytest.approx(0.05, abs=1e-3)


def test_overlap_is_told_from_touching():
    a = Placed(SHAPES["box"](), np.zeros(3), "a")
    for shift, inside in ((0.4, False), (0.39, True), (0.3995, False), (0.0, True)):
        assert solid.overlap(a, Placed(SHAPES["box"](), np.array([shift, 0, 0]), "b"), 0.002) is inside
    assert solid.overlap(a, Placed(ball(0.1), np.array([0, 0, 0.1]), "b"), 0.002), "wholly inside"


@pytest.mark.parametrize(
    ("kind", "axis", "sign"), [("left_of", 0, -1), ("right_of", 0, 1), ("in_front_of", 1, -1), ("behind", 1, 1)]
)
def test_sides_are_as_the_camera_sees_them(kind, axis, sign):
    scene = placed(row("t", "table"), row("b", "box", kind, "t"))
    (low, high), (mine, yours) = scene.box("t"), scene.box("b")
    assert mine[axis] > high[axis] if sign > 0 else yours[axis] < low[axis]
    assert yours[2] == pytest.approx(0.4) and not scene.infeasible
    apart(scene)


def test_on_in_and_under():
    scene = placed(
        row("t", "table"), row("tray", "tray", "on", "t"), row("balls", "ball", "in", "tray", count=5),
        row("b", "box", "under", "t"),
    )  # fmt: skip
    assert scene.infeasible == []
    assert scene.box("tray")[0][2] == pytest.approx(0.75, abs=2e-3)
    low, high = scene.box("balls")
    rim_low, rim_high = scene.box("tray")
    assert (low[:2] > rim_low[:2]).all() and (high[:2] < rim_high[:2]).all() and low[2] > rim_low[2] + 0.04
    assert scene.box("b")[1][2] < 0.7
    apart(scene)


def test_what_is_nudged_off_something_stands_at_its_edge():
    scene = placed(row("t", "table"), row("b", "box", "on", "t", initial_velocity=[0.0, -0.8, 0.0]))
    (low, _), (edge, _) = scene.box("b"), scene.box("t")
    middle = low[1] + 0.2
    assert edge[1] < middle < edge[1] + 0.1, "it would slide a few centimetres only"
    fast = placed(row("t", "table"), row("b", "box", "on", "t", initial_velocity=[0.0, -3.0, 0.0]))
    assert fast.box("b")[0][1] > edge[1] + 0.3, "what is thrown starts farther in"


def test_what_does_not_fit_is_said_with_names_and_stands_beside():
    scene = placed(row("t", "table"), row("high", "tower", "under", "t"), row("b", "ball"),
                   row("deep", "box", "in", "b"), row("tray", "tray"), row("wide", "slab", "in", "tray"))  # fmt: skip
    text = " ".join(scene.infeasible)
    assert "high (3 m high) does not fit under t" in text and "b is not hollow" in text
    assert "wide" in text and "does not fit in tray" in text
    full = placed(row("t", "table"), row("many", "slab", "on", "t", count=9))
    assert full.infeasible == ["t has no room for 9 × slab: they are heaped on it"]
    apart(scene)


def test_things_on_one_table_keep_apart():
    scene = placed(row("t", "table"), *(row(f"b{k}", "ball", "on", "t") for k in range(4)))
    assert scene.infeasible == []
    assert all(scene.box(f"b{k}")[0][2] == pytest.approx(0.75, abs=2e-3) for k in range(4))
    apart(scene)


def test_as_many_on_each_as_there_are():
    scene = placed(row("t", "table", count=3), row("b", "ball", "on", "t", count=3))
    for on, ball_ in zip(scene.of("t"), scene.of("b"), strict=True):
        assert ball_.place[:2] == pytest.approx(on.place[:2]) and ball_.place[2] == pytest.approx(0.75, abs=2e-3)


def test_a_stack_touches_and_a_fall_begins_above():
    scene = placed(row("s", "box", count=4, arrangement="stack"), row("f", "ball", "on", "s", height=0.5))
    heights = sorted(each.place[2] for each in scene.of("s"))
    assert heights == pytest.approx([0.0, 0.4, 0.8, 1.2], abs=2e-3)
    assert scene.box("f")[0][2] == pytest.approx(1.6 + 0.5, abs=5e-3)
    apart(scene)


def test_several_that_fall_keep_apart_and_do_not_fall_at_once():
    scene = placed(row("t", "slab"), row("f", "ball", "on", "t", height=0.5, count=5))
    heights = sorted(each.place[2] for each in scene.of("f"))
    assert heights[0] >= 0.6 - 1e-3 and np.diff(heights).min() > 0.05
    apart(scene)


def test_around_they_face_it_at_its_edge():
    scene = placed(row("t", "table"), row("b", "box", "around", "t", count=4))
    low, high = scene.box("t")
    for each in scene.of("b"):
        middle = each.place[:2]
        free = np.maximum(np.abs(middle) - (high - low)[:2] / 2, 0).max()
        assert 0.2 < free < 0.5
    apart(scene)


def test_between_two_there_is_room_and_one_that_is_nailed_down_is_said():
    scene = placed(row("a", "tower"), row("c", "tower"), row("b", "slab", "between", "a", other="c"))
    assert scene.box("a")[1][0] <= scene.box("b")[0][0] and scene.box("b")[1][0] <= scene.box("c")[0][0]
    assert scene.infeasible == []
    apart(scene)
    nailed = placed(row("a", "tower"), row("c", "tower", position=[1.0, 0, 0]),
                    row("b", "slab", "between", "a", other="c"))  # fmt: skip
    assert "b (2 m) does not fit between a and c" in nailed.infeasible[0]


@pytest.mark.parametrize("velocity", [(2.0, 0, 0), (0, -3.0, 0), (-1.0, 1.0, 0)])
@pytest.mark.parametrize("kind", ["none", "near"])
def test_what_rolls_starts_apart_and_its_way_leads_to_its_target(velocity, kind):
    scene = placed(row("t", "box", count=5), row("b", "ball", kind, "t" if kind != "none" else "",
                                                 initial_velocity=velocity))  # fmt: skip
    way = np.array(velocity[:2]) / np.hypot(*velocity[:2])
    low, high = scene.box("t")
    to = (low + high)[:2] / 2 - scene.of("b")[0].place[:2]
    assert to @ way > 0.5 and abs(to[0] * way[1] - to[1] * way[0]) < 0.05
    apart(scene)


def test_left_of_and_away_stays_left():
    scene = placed(row("t", "box"), row("b", "ball", "left_of", "t", initial_velocity=(-2.0, 0, 0)))
    assert -0.5 < scene.box("b")[1][0] - scene.box("t")[0][0] < 0


def test_a_throw_is_aimed():
    scene = placed(row("t", "tray"), row("b", "ball", "in", "t", initial_velocity=(2.0, 0, 3.0), height=0.2))
    start = scene.of("b")[0].place
    rim = scene.box("t")[1][2]
    times = np.linspace(0, 2, 2001)
    height = start[2] + 3.0 * times - 4.905 * times**2
    lands = times[np.flatnonzero(height > rim)[-1]]
    assert start[0] + 2.0 * lands == pytest.approx(0.0, abs=0.02)


def test_a_cloth_hovers_above_all_of_it():
    scene = placed(row("t", "table"), row("c", "sheet", "over", "t", type="cloth"))
    place = scene.of("c")[0].place
    assert 0.75 < place[2] < 1.0 and place[:2] == pytest.approx(scene.of("t")[0].place[:2])


def test_hanging_is_held_below_the_underside():
    scene = placed(row("g", "gate"), row("b", "ball", "hanging_from", "g"))
    (hung,) = scene.hung
    top = scene.box("b")[1][2]
    assert hung.anchor[2] == pytest.approx(1.5) and hung.anchor[2] - top == pytest.approx(hung.length, abs=1e-6)
    assert hung.target == "g" and hung.length > 0
    apart(scene)


def test_what_lies_is_lifted_so_that_something_can_hang_from_it():
    scene = placed(row("s", "slab"), row("b", "ball", "hanging_from", "s", distance=0.5))
    assert scene.held == {"s"} and scene.box("s")[0][2] > 0.6 and scene.box("b")[0][2] > 0
    apart(scene)


def test_a_stick_leans_against_a_tower():
    scene = placed(row("t", "tower"), row("s", "stick", "against", "t"))
    (low, high), front = scene.box("s"), scene.box("t")[0][1]
    assert high[2] - low[2] > 1.1 and high[1] == pytest.approx(front, abs=5e-3) and low[2] == pytest.approx(0, abs=1e-6)
    apart(scene)


def test_what_falls_on_stairs_falls_on_an_edge_side_by_side():
    scene = placed(row("s", "stairs"), row("b", "ball", "on", "s", height=0.5, count=3))
    places = np.array([each.place for each in scene.of("b")])
    off = places[:, 1] - 0.6  # where the highest step ends
    assert np.ptp(places[:, 1]) < 1e-6 and np.diff(np.sort(places[:, 0])).min() > 0.2
    assert (off < 0).all() and (off > -0.1).all(), "their middles are before the edge"


def test_in_front_of_what_slopes_is_where_it_comes_down():
    scene = placed(row("w", "wedge"), row("b", "box", "in_front_of", "w"), row("c", "box", "behind", "w"))
    assert scene.box("b")[0][0] > scene.box("w")[1][0] and scene.box("c")[1][0] < scene.box("w")[0][0]
    apart(scene)


def test_a_hoop_that_is_flown_through_stands_across_the_way():
    scene = placed(row("h", "slab"), row("b", "ball", "through", "h", initial_velocity=(3.0, 0, 0)))
    low, high = scene.box("h")
    assert high[2] - low[2] > 0.9 and high[0] - low[0] < 0.2 and low[2] == pytest.approx(0, abs=1e-6)
    assert scene.held == {"h"} and scene.box("b")[1][0] < low[0]


def test_a_flat_cloth_hangs_upright():
    scene = placed(row("g", "gate"), row("c", "sheet", "hanging_from", "g", type="cloth"))
    low, high = scene.box("c")
    assert high[2] - low[2] == pytest.approx(2.0) and high[1] - low[1] < 1e-6


def test_a_liquid_fills_its_vessel():
    scene = placed(row("t", "tray"), {**row("w", "box", "in", "t"), "type": "fluid"})
    (low, high), (rim_low, rim_high) = scene.box("w"), scene.box("t")
    assert (low > rim_low).all() and (high[:2] < rim_high[:2]).all() and 0.15 < high[2] < rim_high[2]
    assert high[0] - low[0] > 0.6


def test_what_is_long_lies_in_a_liquid():
    scene = placed(row("w", "slab", type="fluid"), row("s", "tower", "on", "w"))
    low, high = scene.box("s")
    assert high[0] - low[0] > 3 * (high[2] - low[2])


def test_few_do_not_hide_each_other_and_gears_that_turn_mesh():
    for seed in range(3):
        firs = placed(row("b", "box", type="passive", count=3), seed=seed).placed
        assert all(abs(a.place[0] - b.place[0]) >= 0.27 for a, b in itertools.combinations(firs, 2))
    gears = placed(row("g", "gear", count=2, type="animated", motion="spin", direction=[0, 1, 0])).placed
    assert gears[1].place[0] - gears[0].place[0] == pytest.approx(0.3 * 0.945)


def test_a_circle_is_said_and_all_are_placed():
    scene = placed(row("a", "box", "on", "b"), row("b", "box", "on", "a"))
    assert len(scene.placed) == 2 and "a and b" in scene.infeasible[0]


def test_the_same_document_gives_the_same_scene():
    rows = (row("t", "slab"), row("b", "ball", count=12, arrangement="scattered"),
            row("p", "ball", "on", "t", count=6, arrangement="pile"))  # fmt: skip
    one, same, other = placed(*rows), placed(*rows), placed(*rows, seed=5)
    assert all((a.place == b.place).all() for a, b in zip(one.placed, same.placed, strict=True))
    assert any((a.place != b.place).any() for a, b in zip(one.placed, other.placed, strict=True))
    apart(one)


@pytest.mark.parametrize("seed", range(4))
def test_a_crowd_keeps_apart(seed):
    rng = np.random.default_rng(seed)
    names = ["box", "table", "tray", "ball", "tower", "gate", "slab"]
    kinds = ["none", "none", "left_of", "behind", "beside", "near", "in_front_of", "right_of"]
    rows = []
    for k in range(14):
        kind = str(rng.choice(kinds)) if k else "none"
        target = f"i{rng.integers(k)}" if k else ""
        rows.append(row(f"i{k}", str(rng.choice(names)), kind, target if kind != "none" else ""))
    scene = placed(*rows, seed=seed)
    assert scene.infeasible == []
    apart(scene)
    low, high = scene.whole()
    assert (high - low)[:2].max() < 25, "compact"
