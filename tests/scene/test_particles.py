# SPDX-License-Identifier: GPL-3.0-or-later
"""Weather falls over all of the scene, smoke rises and goes with the wind; both by their seed alone."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import actors, forces, particles, smoke
from galatea.backend.protocol import materials

from . import moved


def fall(make_work, kind, seed=0, wind=(0, 0, 0)):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    spec = moved.document([{"name": "crate"}], 0.5, environment={"weather": kind, "wind": list(wind)}, seed=seed)
    moved.put("crate", moved.box((0.5, 0.5, 0.5)))
    work, _ = make_work()
    particles.bake(work, spec, moved.things(), moved.nothing)
    return work.object("weather")


def middles(obj, frame):
    """Of each grain (N, 3), and which are seen."""
    kind = particles.KINDS[obj.name.lower()]
    points = moved.seen(obj, frame).reshape(-1, len(kind.grain.points), 3)
    return points.mean(axis=1), np.ptp(points, axis=1).max(axis=1) > 1e-6


@pytest.mark.parametrize(("kind", "speed"), [("rain", 7.0), ("snow", 0.9)])
def test_it_falls_at_its_speed_over_all_of_the_scene(make_work, kind, speed):
    obj = fall(make_work, kind)
    (before, here), (after, there) = middles(obj, 4), middles(obj, 5)
    both = here & there
    assert both.mean() > 0.7
    assert np.median(before[both, 2] - after[both, 2]) == pytest.approx(speed / 24, rel=0.15)
    assert np.ptp(before[both, 0]) > 1.0 and before[both, 2].min() > -0.05
    assert obj.data.materials[0]


def test_the_same_seed_is_the_same_weather(make_work, tmp_path):
    one, same, other = (moved.seen(fall(make_work, "snow", seed), 9) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.allclose(one, other)
    obj = fall(make_work, "snow", 1)
    late, early = moved.replayed(obj, tmp_path / "p.blend", [9, 2])
    assert np.allclose(late, one, atol=1e-6) and not np.allclose(early, one)


def test_wind_carries_snow_along(make_work):
    obj = fall(make_work, "snow", wind=(3, 0, 0))
    (before, here), (after, there) = middles(obj, 4), middles(obj, 5)
    assert np.median((after - before)[here & there, 0]) == pytest.approx(3 / 24, rel=0.2)


def test_smoke_rises_widens_and_goes_with_the_wind(make_work):
    spec = moved.document([{"name": "smoke", "type": "smoke"}], 2.0, environment={"wind": [1, 0, 0]})
    obj = moved.put("smoke", moved.box((0.2, 0.2, 0.1)))
    work, _ = make_work()
    figures = smoke.bake(work, spec, moved.things(), moved.nothing)
    early, late = moved.seen(obj, 8), moved.seen(obj, 49)
    assert figures["smoke_rise_m"] > 0.5
    assert late[:, 2].max() > early[:, 2].max() + 0.4 and np.ptp(late[:, 1]) > np.ptp(early[:, 1])
    assert late[:, 0].mean() > early[:, 0].mean() + 0.1


def test_forces_pull_push_lift_and_drag():
    spec = moved.document([{"name": "magnet", "type": "force_field", "field": "attract", "strength": 5}],
                          environment={"medium": "water"})  # fmt: skip
    moved.put("magnet", moved.box((0.1, 0.1, 0.1)))
    found = forces.fields(moved.things())
    pull = forces.pull(spec, found, 0.0, np.array([[1.0, 0, 0], [2.0, 0, 0]]))
    assert pull[0] == pytest.approx([-5, 0, 0]) and pull[1, 0] == pytest.approx(-1.25)
    still, size = np.zeros((1, 3)), np.full((1, 3), 0.1)
    far = np.array([[100.0, 0, 0]])
    lift = forces.push(spec, found, 0.0, far, still, np.ones(1), size)[0]
    assert lift[2] == pytest.approx(998 * 9.81 * 0.52e-3, rel=0.01)  # Archimedes
    fast = forces.push(spec, found, 0.0, far, np.array([[2.0, 0, 0]]), np.ones(1), size)[0]
    assert fast[0] < -5  # drag is against the motion


def test_a_whirlwind_turns_draws_in_below_lets_go_above_and_lifts_in_the_middle():
    spec = moved.document([{"name": "whirlwind", "type": "force_field", "field": "vortex", "strength": 8}])
    moved.put("whirlwind", moved.box((0.1, 0.1, 0.1)))
    found = forces.fields(moved.things())
    below, above, off, away = forces.whirl(found, np.array([[1, 0, 0.2], [1, 0, 2.4], [3, 0, 0.2], [40, 0, 0.2]]))
    assert below[1] > 2 and above[1] > 2 and below[0] < -2 and above[0] > 1, "+Y at +X is anticlockwise"
    middle = forces.whirl(found, np.array([[0.1, 0, 0.5]]))[0]
    assert middle[2] > 4 > 1 > off[2] and off[0] < -1, "what fell far off is drawn in again"
    assert np.linalg.norm(away) < 0.2 and spec.environment.medium == "air"


def test_a_leaf_weighs_what_so_much_leaf_weighs():
    spec = moved.document([{"name": "leaf", "type": "rigid_body"}, {"name": "crate", "type": "rigid_body"}])
    curled = moved.sheet(0.2, 0.1, 9, 9)
    for vertex in curled.vertices:
        vertex.co.z = 2.0 * vertex.co.x**2
    moved.put("leaf", curled)
    moved.put("crate", moved.box((0.1, 0.1, 0.1)), (1, 0, 0))
    bodies = {each.id: each.body for each in actors.gather(spec, moved.things())}
    table = materials.substances()
    assert bodies["leaf"].mass == pytest.approx(0.02 * table["leaf"].areal, rel=0.05), "it is no block of leaf"
    assert bodies["crate"].mass == pytest.approx(0.001 * table["pine"].density, rel=0.01)


def test_a_wind_of_an_event_comes_up_and_gusts_repeat():
    spec = moved.document(
        [{"name": "crate"}], events=[{"kind": "wind", "time": 1, "strength": 9, "direction": [0, 1, 0]}]
    )
    assert forces.wind(spec, [], 0.9) == pytest.approx([0, 0, 0])
    assert forces.wind(spec, [], 2.0) == pytest.approx([0, 9, 0])
    assert np.array_equal(forces.gust(3, 1.2), forces.gust(3, 1.2)) and np.abs(forces.gust(3, 1.2)).max() <= 1
