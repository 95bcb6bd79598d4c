# SPDX-License-Identifier: GPL-3.0-or-later
"""Light and camera for scenes of many bodies: as their documents say, around all of them but what flies far off."""

from __future__ import annotations

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from bpy_extras.object_utils import world_to_camera_view  # noqa: E402
from mathutils import Vector  # noqa: E402

from galatea.addon.scene.lib.render import directing, several, tone, wished  # noqa: E402

from . import moved  # noqa: E402


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


def boxes(*bodies):
    """(F, N, 2, 3) of bodies that are cubes: each is where it is at each frame (F, 3), and its size."""
    places = np.stack([np.asarray(places, float) for places, _ in bodies], axis=1)
    half = np.array([size for _, size in bodies])[None, :, None] / 2
    return np.stack([places - half, places + half], axis=2)


def cast(*bodies, rate=24.0, kinds=None, ground=False):
    found = boxes(*bodies)
    moved = np.zeros(found.shape[:2])
    moved[1:] = np.linalg.norm(np.diff(found.mean(axis=2), axis=0), axis=2)
    kinds = kinds or [f"thing {k}" for k in range(len(bodies))]
    return directing.Cast(found, moved, kinds, several.kept(found, kinds, ground), rate)


def way(count, start, end, first=0, last=None):
    """(F, 3): at the start until frame `first`, at the end from frame `last` on."""
    share = np.clip((np.arange(count) - first) / max((last or count - 1) - first, 1), 0, 1)
    return np.asarray(start, float) + share[:, None] * (np.asarray(end, float) - np.asarray(start, float))


def test_limits_are_where_all_begins_and_where_most_of_it_goes():
    still = way(21, (0, 0, 0), (0, 0, 0))
    low, high = several.limits(boxes((still, 0), (way(21, (2, 0, 0), (2.5, 0, 0), 0, 1), 0)))
    assert low[0] == 0 and high[0] == pytest.approx(2.5, abs=0.1)
    away = boxes((still, 0), (way(21, (2, 0, 0), (1e4, 0, 0), 0, 1), 0))
    assert several.limits(away)[1][0] == pytest.approx(2 + 0.75 * 2)
    rare = boxes((way(41, (0, 0, 0), (0, 0, 0)), 0), (way(41, (2, 0, 0), (1e4, 0, 0), 39, 40), 0))
    assert several.limits(rare)[1][0] == pytest.approx(2.0)
    falls = boxes((way(21, (0, 0, 2), (1, 0, 0)), 0.2))
    near, far = several.limits(falls)[1][0], several.limits(falls, ground=True)[1][0]
    assert near < 0.3 < 0.8 < far, "room is measured to the floor"


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


def test_what_leaves_is_let_go_and_the_midst_of_many_stays():
    still, flies = way(48, (0, 0, 0), (0, 0, 0)), way(48, (1, 0, 0), (90, 0, 0))
    both = cast((still, 1.0), (flies, 0.5))
    assert both.kept[:, 0].all() and both.kept[0, 1] and not both.kept[-1, 1]
    assert cast((flies, 0.5)).kept.all(), "the only one is never let go"
    ends = [(0.1 * k, 0, 0) for k in range(9)] + [(8.0, 0, 0)]
    shards = cast(*((way(24, (0, 0, 0.5), end), 0.05) for end in ends), kinds=["jug pieces"] * 10)
    assert shards.kept[-1, :8].any() and not shards.kept[-1, 9]


def test_a_small_one_is_gone_after_while_it_acts_and_is_seen_then():
    long, small = way(96, (0, 0, 0), (0, 0, 0)), way(96, (1.4, 0, 0), (1.4, 0, 1.5), 40, 60)
    both = cast((long, 3.0), (small, 0.08))
    assert both.heroes.tolist() == [False, True]
    windows = directing.windows(both)
    assert np.isnan(windows[:25]).all() and np.isnan(windows[75:]).all(), "all is seen before and after"
    tall = np.ptp(windows[50], axis=0)
    assert 0.1 * tall[2] <= 0.08, "at least a tenth of the picture's height"
    assert (windows[50, 0] < small[50]).all() and (small[50] < windows[50, 1]).all()
    assert directing.windows(cast((long, 3.0), (small, 0.5))) is None, "large enough from one place"


def test_of_what_is_scattered_the_thick_of_it_is_looked_at():
    ends = [(0.02 * k, 0.01 * (k % 3), 0) for k in range(12)] + [(0.7, 0.3, 0), (-0.8, 0.2, 0), (1.0, -0.9, 0)]
    still = way(48, (4, 0, 0), (4, 0, 0))
    shards = cast((still, 3.0), *((way(48, (0, 0, 0.5), end, 2, 20), 0.05) for end in ends),
                  kinds=["pillar"] + ["jug pieces"] * 15)  # fmt: skip
    window = directing.windows(shards)[18]
    assert np.ptp(window, axis=0)[0] < 0.05 / 0.13 and (window[0] < [0.1, 0, 0.1]).all()
    few = np.arange(3)
    assert (directing.core(few, boxes(*((way(2, (k, 0, 0), (k, 0, 0)), 0.1) for k in few))[0], 0.01) == few).all()


def test_what_waits_to_break_off_is_not_in_the_picture():
    crate, shard = moved.put("crate", moved.box((1, 1, 1))), moved.put("shard", moved.box((0.1, 0.1, 0.1)), (9, 0, 0))

    def wide():
        bpy.context.view_layer.update()
        watched = several.watch([crate, shard], [1, 2], 24.0, True, lambda done: None)
        return np.ptp(watched.shapes[0], axis=0)[0]

    assert wide() > 9
    shard.scale = (0, 0, 0)
    assert wide() == pytest.approx(1.0)


def test_the_eye_goes_to_what_began_last():
    plank, stone = way(96, (0, 0, 0), (0, 0, 0)), way(96, (-1.4, 0, 2), (-1.4, 0, 0), 5, 30)
    apple = way(96, (1.4, 0, 0), (1.4, 0, 1.5), 30, 50)
    windows = directing.windows(cast((plank, 3.0), (stone, 0.1), (apple, 0.08)))
    assert windows[15].mean(axis=0)[0] < 0 < 1 < windows[40].mean(axis=0)[0]


def test_a_film_ends_when_all_is_at_rest_unless_its_time_was_said(run, built):
    def length(**told):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        built(TABLE, BALL, simulation={"duration": 5.0, **told})
        ball = next(obj for obj in bodies() if obj["galatea_item"] == "ball")
        roll(ball, ball.location.copy(), ball.location + Vector((0.5, -0.5, 0)))
        run("stage")
        frames = run("camera", seconds=0.0).metrics["frames"]
        assert bpy.context.scene.frame_end == frames
        return frames

    assert length() == 121
    assert length(ends_at_rest=True) == pytest.approx(25 + 24, abs=3)
    assert directing.length(-1, 121, 24.0) == 121, "where nothing moves there is nothing to wait for"
    assert directing.length(3, 121, 24.0) == 48, "too short to be looked at"
    still, goes = way(96, (0, 0, 0), (0, 0, 0)), way(96, (1, 0, 0), (90, 0, 0), 40, 90)
    assert directing.leaves(cast((still, 1.0), (goes, 0.5)))
    assert not directing.leaves(cast((still, 1.0), (way(96, (1, 0, 0), (1.5, 0, 0), 40, 60), 0.5)))
    assert directing.length(60, 121, 24.0, left=True) == 61, "nobody waits for what has left"


def test_a_camera_that_goes_after_something_goes_smoothly(run, built):
    built({"name": "wall", "type": "passive", "dimensions": [6, 0.2, 1]},
          {"name": "ball", "dimensions": [0.1, 0.1, 0.1], "position": [-2.5, -1, 0]},
          {"id": "other", "name": "ball", "dimensions": [0.1, 0.1, 0.1], "position": [2.5, -1, 0]},
          simulation={"duration": 5.0})  # fmt: skip
    for obj in bodies():
        if obj["galatea_item"] in ("ball", "other"):
            start = 1 if obj["galatea_item"] == "ball" else 60
            for frame, z in ((start, 0), (start + 12, 1.2), (start + 24, 0)):
                obj.location[2] = obj.location[2] + z
                obj.keyframe_insert("location", frame=frame)
                obj.location[2] = obj.location[2] - z
    run("stage")
    away = run("camera", seconds=0.0).metrics["distance_m"]
    scene = bpy.context.scene
    places, looks = [], []
    for frame in range(1, scene.frame_end + 1):
        scene.frame_set(frame)
        places.append(np.array(scene.camera.matrix_world.translation))
        looks.append(np.array(scene.camera.matrix_world.col[2])[:3])
    assert np.ptp(np.array(places)[:, 0]) > 1.0, "it went from the one to the other"
    assert np.linalg.norm(np.diff(places, 2, axis=0), axis=1).max() < 0.01 * away
    assert np.linalg.norm(np.diff(looks, 2, axis=0), axis=1).max() < 0.004


def test_a_row_is_seen_from_its_end_and_what_falls_into_a_bucket_from_above(run, built):
    built({"name": "domino", "count": 12, "arrangement": "row"}, simulation={"duration": 0.5})
    run("stage")
    run("camera", seconds=0.0)
    rig = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "camera_rig")
    assert np.degrees(rig.rotation_euler[2]) > 25
    bpy.ops.wm.read_factory_settings(use_empty=True)
    built({"name": "bucket", "type": "passive"}, {"name": "coin", "relation": {"kind": "above", "target": "bucket"}},
          simulation={"duration": 0.5})  # fmt: skip
    run("stage")
    run("camera", seconds=0.0)
    rig = next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "camera_rig")
    assert np.degrees(-rig.rotation_euler[0]) > 30


def test_a_few_of_a_kind_differ_a_little(built):
    built({"name": "ball", "count": 3, "type": "soft_body", "material": {"color": [0.1, 0.6, 0.2]}})
    shown = {tuple(np.round(obj.data.materials[0].diffuse_color[:3], 3)) for obj in bodies()}
    assert len(shown) == 3 and all(green > red and green > blue for red, green, blue in shown)
