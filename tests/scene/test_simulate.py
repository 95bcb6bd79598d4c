# SPDX-License-Identifier: GPL-3.0-or-later
"""The step: a built scene becomes keyframes, with what its document says of events, joints and breaking."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from galatea.addon.scene.lib.motion import animation
from galatea.addon.scene.lib.physics import joints, rigid
from galatea.addon.scene.lib.physics.thing import things
from galatea.addon.scene.props.prop import Joint
from galatea.addon.scene.work import Work
from galatea.backend.protocol.errors import JobCancelled, UserError

from .falls import document, put, track

Make = Callable[..., tuple[Work, list[Any]]]


def _lasts(seconds: float, **more: Any) -> dict[str, Any]:
    return {"duration": seconds, **more}


def test_a_ball_falls_bounces_and_leaves_keyframes_and_no_physics(run: Any, make_work: Make) -> None:
    document(objects=[{"id": "ball", "name": "ball"}], simulation=_lasts(1.5), environment={"floor_material": "steel"})
    obj = put(make_work()[0], "ball", "ball", (0.2,) * 3, (0, 0, 1.1))
    done = run("simulate")
    z = track(obj)[:, 2]
    frame = 8
    assert z[frame] == pytest.approx(1.1 - 9.81 / 2 * (frame / 24) ** 2, abs=1e-3)
    assert z.min() > 0.1 - 1e-3
    bounce = z[14:].max() - 0.1
    assert 0.4 < bounce < 0.75  # rubber on steel gives back 0.75 to 0.8 of its speed
    assert bpy.context.scene.rigidbody_world is None and len(bpy.data.scenes) == 1
    assert {key.interpolation for curve in animation.curves(obj) for key in curve.keyframe_points} == {"LINEAR"}
    told = json.loads(done.path("physics").read_text())
    assert told["moved"]["ball.0.0"]["max_speed"] == pytest.approx(4.43, abs=0.15)
    assert told["reruns"] == 0 and not done.report.warnings


def test_slow_motion_and_frame_rate_stretch_time(run: Any, make_work: Make) -> None:
    document(objects=[{"id": "ball", "name": "ball"}], simulation=_lasts(0.5, frame_rate=30, slow_motion=4.0))
    obj = put(make_work()[0], "ball", "ball", (0.2,) * 3, (0, 0, 5))
    run("simulate")
    scene = bpy.context.scene
    assert scene.frame_end == 61 and scene.render.fps == 30
    assert track(obj)[-1, 2] == pytest.approx(5 - 9.81 / 2 * 0.25, abs=2e-3)


def test_what_stands_still_and_what_has_come_to_rest_gets_no_needless_keys(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "table", "name": "table", "type": "passive"}, {"id": "crate", "name": "crate"}],
             simulation=_lasts(3))  # fmt: skip
    table, crate = (
        put(work, "table", "box", (1, 1, 0.5), (0, 0, 0.25)),
        put(work, "crate", "box", (0.3,) * 3, (0, 0, 0.85)),
    )
    run("simulate")
    assert not animation.curves(table)
    assert track(crate)[-1, 2] == pytest.approx(0.65, abs=2e-3)
    assert all(len(curve.keyframe_points) < 40 for curve in animation.curves(crate))


def test_events_happen_at_their_time(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(
        objects=[{"id": "held", "name": "ball"}, {"id": "pushed", "name": "crate"}],
        events=[{"time": 0.5, "kind": "release", "target": "held"},
                {"time": 0.25, "kind": "push", "target": "pushed", "strength": 4, "direction": [1, 0, 0]}],
        environment={"gravity": [0, 0, -9.81]},
        simulation=_lasts(1.0),
    )  # fmt: skip
    held, pushed = (
        put(work, "held", "ball", (0.2,) * 3, (0, 0, 3)),
        put(work, "pushed", "box", (0.3,) * 3, (2, 0, 0.15)),
    )
    run("simulate")
    z, x = track(held)[:, 2], track(pushed)[:, 0]
    assert np.abs(z[:13] - 3).max() < 1e-4
    assert z[18] == pytest.approx(3 - 9.81 / 2 * (6 / 24) ** 2, abs=5e-3)
    assert np.abs(x[:7] - 2).max() < 1e-3 and x[9] - x[6] > 0.3


def test_an_event_may_mean_one_of_several(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(
        objects=[{"id": "crate", "name": "crate", "count": 3}],
        events=[{"kind": "push", "target": "crate", "index": 1, "strength": 3, "direction": [0, 1, 0]}],
        simulation=_lasts(0.5),
    )
    crates = [put(work, "crate", "box", (0.3,) * 3, (k, 0, 0.15), index=k) for k in range(3)]
    run("simulate")
    assert [track(crate)[-1, 1] > 0.2 for crate in crates] == [False, True, False]


def test_what_breaks_is_whole_until_it_is_hit_and_in_pieces_after(run: Any, make_work: Make) -> None:
    document(objects=[{"id": "vase", "name": "vase", "pieces": 12}], simulation=_lasts(1.2))
    whole = put(make_work()[0], "vase", "cylinder", (0.2, 0.2, 0.35), (0, 0, 1.4), shape="hull")
    done = run("simulate")
    told = json.loads(done.path("physics").read_text())
    fall = np.sqrt(2 * (1.4 - 0.175) / 9.81)
    assert told["broken"]["vase.0.0"] == pytest.approx(fall, abs=0.05)
    pieces = [obj for obj in bpy.data.objects if "galatea_piece" in obj]
    assert len(pieces) >= 12
    scene = bpy.context.scene
    for frame, there in ((1, True), (int(fall * 24), True), (int(fall * 24) + 4, False)):
        scene.frame_set(frame)
        assert (whole.scale.x > 0.5) is there
        assert all((piece.scale.x > 0.5) is not there for piece in pieces)
    scene.frame_set(scene.frame_end)
    ends = [np.array([piece.matrix_world @ vert.co for vert in piece.data.vertices]) for piece in pieces]
    assert all(-0.005 < end[:, 2].min() < 0.35 for end in ends)
    assert np.ptp([end[:, 0].mean() for end in ends]) > 0.2
    volume = sum(_volume(piece.data) for piece in pieces)
    assert volume == pytest.approx(_volume(whole.data), rel=0.01)
    assert all(len(piece.data.materials) >= 2 for piece in pieces)


@pytest.mark.parametrize(("weight", "breaks"), [(0.5, True), (0.003, False)])
def test_a_pane_breaks_by_the_energy_of_what_hits_it(run: Any, make_work: Make, weight: float, breaks: bool) -> None:
    work = make_work()[0]
    document(objects=[{"id": "ball", "name": "ball", "mass": weight, "initial_velocity": [10, 0, 1]},
                      {"id": "pane", "name": "wall", "type": "passive", "pieces": 10, "material": {"name": "glass"}}],
             simulation=_lasts(0.5))  # fmt: skip
    put(work, "ball", "ball", (0.1,) * 3, (-1, 0, 0.5))
    put(work, "pane", "box", (0.02, 1, 1), (0, 0, 0.5))
    told = json.loads(run("simulate").path("physics").read_text())
    assert ("pane.0.0" in told.get("broken", {})) is breaks


def test_what_falls_beside_a_pane_leaves_it_whole(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "ball", "name": "ball", "mass": 20},
                      {"id": "pane", "name": "wall", "type": "passive", "pieces": 10, "material": {"name": "glass"}}],
             simulation=_lasts(0.8))  # fmt: skip
    put(work, "ball", "ball", (0.3,) * 3, (-0.2, 0, 2.0))
    put(work, "pane", "box", (0.02, 1, 1), (0, 0, 0.5))
    assert not json.loads(run("simulate").path("physics").read_text()).get("broken")


def _volume(mesh: bpy.types.Mesh) -> float:
    import bmesh

    made = bmesh.new()
    made.from_mesh(mesh)
    volume = float(made.calc_volume())
    made.free()
    return volume


def test_an_explosion_throws_pieces_outwards_at_its_time(run: Any, make_work: Make) -> None:
    document(objects=[{"id": "box", "name": "crate"}], simulation=_lasts(1.0),
             events=[{"time": 0.5, "kind": "explode", "target": "box", "strength": 5}])  # fmt: skip
    put(make_work()[0], "box", "box", (0.5,) * 3, (0, 0, 0.25))
    run("simulate")
    tracks = np.array([track(obj) for obj in bpy.data.objects if "galatea_piece" in obj])
    assert len(tracks) >= 20
    far = np.linalg.norm(tracks[:, :, :2], axis=2)
    assert far[:, 12].max() < 0.4 and far[:, 18].max() > 0.8


def test_a_hinge_of_a_prop_swings_and_a_door_opens_when_told(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "door", "name": "door"}], simulation=_lasts(2.5),
             events=[{"time": 0.5, "kind": "open", "target": "door"}])  # fmt: skip
    leaf = put(work, "door", "box", (0.9, 0.05, 2.0), (0, 0, 1.0))
    frame = put(work, "door", "box", (0.1, 0.15, 2.1), (-0.52, 0, 1.05), part=1, still=True)
    hinge = Joint("hinge", "leaf", "frame", (-0.45, 0, 1.0), (0, 0, 1.0), 0.0, 90.0)
    joints.place(work, hinge, {"leaf": leaf, "frame": frame}, Matrix())
    run("simulate")
    way = track(leaf)
    assert np.abs(way[:13] - way[0]).max() < 1e-4
    assert way[-1] == pytest.approx([-0.45, 0.45, 1.0], abs=0.01)


def test_a_ball_hangs_on_a_rope_that_can_be_seen(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    spec = document(objects=[{"id": "ball", "name": "ball"}], simulation=_lasts(1.5),
                    constraints=[{"kind": "rope", "a": "ball", "length": 1.0}])  # fmt: skip
    obj = put(work, "ball", "ball", (0.2,) * 3, (0, 0, 2))
    joints.setup(work, spec, list(things(bpy.context.scene)))
    run("simulate")
    assert track(obj)[-1] == pytest.approx([0, 0, 2], abs=0.02)
    links = [each for each in bpy.data.objects if "galatea_rope" in each]
    assert len(links) == 12 and all(2.0 < link.location.z < 3.2 for link in links)


def test_what_is_animated_goes_its_way_and_pushes(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "car", "name": "car", "type": "animated", "motion": "slide", "speed": 1.0},
                      {"id": "crate", "name": "crate"}], simulation=_lasts(2.0))  # fmt: skip
    car, crate = (
        put(work, "car", "box", (0.6, 0.4, 0.4), (0, 0, 0.2)),
        put(work, "crate", "box", (0.3,) * 3, (1, 0, 0.15)),
    )
    run("simulate")
    assert track(car)[-1, 0] == pytest.approx(2.0, abs=1e-3)
    assert track(crate)[-1, 0] > 2.4


def test_going_through_a_thin_wall_is_seen_run_again_and_mended(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "ball", "name": "ball", "initial_velocity": [20, 0, 0]},
                      {"id": "pane", "name": "wall", "type": "passive"}],
             environment={"gravity": [0, 0, 0]}, simulation=_lasts(0.5, timestep=0.02))  # fmt: skip
    obj = put(work, "ball", "ball", (0.1,) * 3, (0, 0, 1))
    put(work, "pane", "box", (0.02, 2, 2), (2.03, 0, 1), shape="mesh")
    done = run("simulate")
    told = json.loads(done.path("physics").read_text())
    assert told["reruns"] >= 1 and "ball.0.0 tunnels" in told["troubles"][0]
    assert track(obj)[:, 0].max() < 2.05 and not done.report.warnings


def test_what_starts_inside_of_another_explodes_and_is_told(run: Any, make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "crate", "name": "crate", "count": 6}], simulation=_lasts(1.0))
    for k in range(6):
        put(work, "crate", "box", (0.5,) * 3, (0.004 * k, 0, 0.26 + 0.01 * k), index=k)
    done = run("simulate")
    assert done.metrics["reruns"] >= 1
    assert "crate" in done.report.warnings[0] and "apart" in done.report.warnings[0]


def test_settling_moves_what_hovers_down_and_through_nothing(make_work: Make) -> None:
    work = make_work()[0]
    document(objects=[{"id": "table", "name": "table", "type": "passive"}, {"id": "cup", "name": "cup"}])
    put(work, "table", "box", (1, 1, 0.5), (0, 0, 0.25))
    cup = put(work, "cup", "cylinder", (0.1, 0.1, 0.1), (0, 0, 0.56))
    moved = rigid.settle(list(things(bpy.context.scene)), 0.6)
    assert moved == pytest.approx(0.01, abs=0.004)
    assert cup.matrix_world.translation.z == pytest.approx(0.55, abs=2e-3)
    assert not animation.curves(cup)


def test_a_cancel_takes_effect_within_the_solve(run: Any, make_work: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    document(objects=[{"id": "ball", "name": "ball"}], simulation=_lasts(60))
    put(make_work()[0], "ball", "ball", (0.2,) * 3, (0, 0, 5))
    said: list[float] = []

    def progress(self: Work, phase: str, fraction: float) -> None:
        said.append(fraction)
        if len(said) > 6:
            raise JobCancelled("job")

    monkeypatch.setattr(Work, "progress", progress)
    with pytest.raises(JobCancelled):
        run("simulate")
    assert len(said) == 7 and said == sorted(said)
    assert len(bpy.data.scenes) == 1


def test_a_scene_that_is_not_of_words_is_refused(run: Any) -> None:
    with pytest.raises(UserError, match="galatea simulate"):
        run("simulate")
