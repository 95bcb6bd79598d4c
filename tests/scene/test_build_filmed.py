# SPDX-License-Identifier: GPL-3.0-or-later
"""Light and camera for scenes of many bodies: as their documents say, around all of them but what flies far off."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Vector  # noqa: E402

from galatea.addon.scene.lib.render import several, tone, wished  # noqa: E402


@pytest.fixture
def built(run, tmp_path):
    def go(*objects, **rest):
        (tmp_path / "scene.json").write_text(json.dumps({"objects": list(objects), **rest}))
        return run("build", {"spec": tmp_path / "scene.json"})

    return go


TABLE = {"name": "table", "type": "passive"}
BALL = {"name": "ball", "relation": {"kind": "left_of", "target": "table", "distance": 1.5}}


def seen(obj, frame):
    """The lowest and highest of its corners in the picture, which is 0 to 1."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    corners = [world_to_camera_view(scene, scene.camera, obj.matrix_world @ Vector(c)) for c in obj.bound_box]
    points = np.array([(c.x, c.y) for c in corners])
    return points.min(axis=0), points.max(axis=0)


def bodies():
    return [obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body"]


def roll(obj, *places):
    """Keys, a second apart."""
    for number, place in enumerate(places):
        obj.location = place
        obj.keyframe_insert("location", frame=1 + 24 * number)


def test_all_bodies_are_in_the_picture_from_the_first_frame_to_the_last(run, built):
    built(TABLE, BALL, {"name": "tree", "type": "passive", "relation": {"kind": "behind", "target": "table"}},
          simulation={"duration": 1.0})  # fmt: skip
    ball = next(obj for obj in bodies() if obj["galatea_item"] == "ball")
    roll(ball, ball.location.copy(), ball.location + Vector((1.0, -0.5, 0)))
    run("stage")
    done = run("camera", seconds=0.0)
    assert done.metrics["frames"] == bpy.context.scene.frame_end == 25
    for obj in bodies():
        for frame in (1, 13, 25):
            low, high = seen(obj, frame)
            assert (low > 0).all() and (high < 1).all(), f"{obj.name} at {frame}"


def test_what_flies_far_away_does_not_make_specks_of_the_rest(run, built):
    built(TABLE, BALL, {"id": "b2", "name": "ball", "look": "small"}, simulation={"duration": 2.0})
    first = next(obj for obj in bodies() if obj["galatea_item"] == "b2")
    run("stage")
    near = run("camera", seconds=0.0).metrics["distance_m"]
    roll(first, first.location.copy(), first.location + Vector((200.0, 0, 5)), first.location + Vector((900.0, 0, 20)))
    far = run("camera", seconds=0.0).metrics["distance_m"]
    assert far < 2.5 * near


def test_the_camera_of_a_scene_does_not_run_after_one_thing(run, built):
    built(TABLE, BALL, simulation={"duration": 2.0})
    ball = next(obj for obj in bodies() if obj["galatea_item"] == "ball")
    roll(ball, ball.location.copy(), ball.location + Vector((0, -2.0, 0)), ball.location + Vector((1.0, -2.0, 0)))
    run("stage")
    run("camera", path="static", seconds=0.0)
    target = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "camera_target")
    assert not target.animation_data


def test_limits_are_where_all_begins_and_where_most_of_it_goes():
    start = [np.zeros((1, 3)), np.array([[2.0, 0, 0]])]
    stays = [[start[0], start[1] + [0.5, 0, 0]] for _ in range(20)]
    low, high = several.limits([start, *stays])
    assert low[0] == 0 and high[0] == pytest.approx(2.5, abs=0.1)
    away = [[start[0], np.array([[1e4, 0, 0]])] for _ in range(20)]
    assert several.limits([start, *away])[1][0] == pytest.approx(2 + 0.75 * 2)
    rare = [[start[0], start[1]] for _ in range(40)] + [[start[0], np.array([[1e4, 0, 0]])]]
    assert several.limits([start, *rare])[1][0] == pytest.approx(2.0)


def test_light_and_camera_listen_to_the_document_until_they_are_told(run, built):
    built(TABLE, environment={"time_of_day": 17.5}, camera={"path": "still", "elevation": 33.0},
          simulation={"duration": 0.5, "frame_rate": 30})  # fmt: skip
    scene = bpy.context.scene
    run("stage")
    assert any(obj.get("galatea_role") == "light_sun" for obj in scene.objects)
    assert scene.view_settings.exposure == 1.0, "dusk, and it can still be seen"
    assert wished.light(scene, "auto", 9.5) == ("sky", 17.5) and wished.light(scene, "night", 9.5) == ("night", 9.5)
    done = run("camera", seconds=0.0)
    assert scene.render.fps == 30 and done.metrics["frames"] == 16
    rig = next(obj for obj in scene.objects if obj.get("galatea_role") == "camera_rig")
    assert np.degrees(-rig.rotation_euler[0]) == pytest.approx(33.0)
    assert run("camera", seconds=1.0, path="orbit").metrics["frames"] == 30
    run("stage", light="studio")
    assert not any(obj.get("galatea_role") == "light_sun" for obj in scene.objects)
    assert scene.view_settings.exposure == 0.0


def test_a_floor_of_a_substance_is_measured_in_metres(run, built):
    built(TABLE, environment={"floor_material": "grass"})
    run("stage")
    run("camera", seconds=0.1)
    floors = [obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "floor"]
    shown = [obj for obj in floors if any("grass" in slot.material.name.lower() for slot in obj.material_slots)]
    assert len(shown) == 1 and tuple(shown[0].scale) == pytest.approx((1, 1, 1))
    assert shown[0].dimensions.x > 3.0, "wider than the table"
    counts = len(bpy.data.objects), len(bpy.data.meshes)
    run("stage")
    run("camera", seconds=0.1)
    assert (len(bpy.data.objects), len(bpy.data.meshes)) == counts, "made once"


def test_without_a_floor_there_is_none(run, built):
    built(TABLE, environment={"floor": False})
    run("stage")
    assert not [obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "floor"]


@pytest.mark.parametrize("look", ["clay", "toon", "wireframe", "xray"])
def test_looks_are_for_all_bodies(run, built, look):
    built(TABLE, {**BALL, "material": {"color": [1, 0, 0]}})
    run("stage", look=look)
    assert bpy.context.scene.view_layers[0].material_override
    if look == "toon":
        ball = next(obj for obj in bodies() if obj["galatea_item"] == "ball")
        assert ball.color[0] > 0.5 > ball.color[1] + ball.color[2]


def test_the_backdrop_is_apart_from_what_is_before_it(built):
    def light(color):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built({"name": "crate", "material": {"name": "plastic", "color": color}, "count": 2})
        return float(np.dot(tone.backdrop(bodies()), [0.21, 0.72, 0.07]))

    assert light([0.9, 0.9, 0.9]) < light([0.15, 0.1, 0.1])


def test_what_begins_small_and_goes_far_is_followed_without_its_strays() -> None:
    box = np.array([[x, y, z] for x in (0, 1.0) for y in (0, 1.0) for z in (0, 1.0)])
    assert several.roams([box, np.add(box, (0, 0, 3.0))])
    assert not several.roams([box, np.add(box, (0, 0, 0.5))])
    shards = [0.1 * box + (0.1 * k, 0, 0) for k in range(9)] + [0.1 * box + (8.0, 0, 0)]
    assert len(several.midst(shards, 1.0)) == 9
    assert several.stands([[box, shards[0]], [box, shards[-1]]]) and not several.stands([[box], shards])
    assert len(several.midst(shards[-3:], 1.0)) == 3
