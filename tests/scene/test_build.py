# SPDX-License-Identifier: GPL-3.0-or-later
"""From a document to a scene: things where they belong, of what they are, found again by their properties."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Vector  # noqa: E402

from galatea.addon.scene.build import SPEC  # noqa: E402
from galatea.addon.scene.lib.physics import thing as physics  # noqa: E402
from galatea.backend.protocol.errors import UserError  # noqa: E402
from galatea.backend.protocol.job import Request  # noqa: E402


@pytest.fixture
def build(run, tmp_path):
    def go(*objects, params=None, **rest):
        path = tmp_path / "scene.json"
        path.write_text(json.dumps({"objects": list(objects), **rest}))
        return run("build", {"spec": path}, **(params or {}))

    return go


def things(id=""):
    found = list(physics.things(bpy.context.scene))
    return [each for each in found if not id or each.item.id == id]


def box(*objects):
    points = np.array([obj.matrix_world @ Vector(c) for obj in objects for c in obj.bound_box])
    return points.min(axis=0), points.max(axis=0)


def warnings(done):
    return " ".join(done.report.warnings)


def test_each_of_the_cast_is_there_with_what_physics_reads(build):
    done = build({"name": "table", "type": "passive"},
                 {"name": "ball", "count": 3, "material": {"name": "steel", "color": [1, 0, 0]},
                  "relation": {"kind": "on", "target": "table"}},
                 {"id": "breeze", "name": "wind", "type": "force_field", "field": "wind"})  # fmt: skip
    assert done.metrics["things"] == 5 and done.metrics["stand_ins"] == 0 and done.metrics["infeasible"] == 0
    assert [(each.item.id, each.index) for each in things()] == [
        ("table", 0), ("ball", 0), ("ball", 1), ("ball", 2), ("breeze", 0)]  # fmt: skip
    table, ball = things("table")[0].main, things("ball")[2].main
    for obj in (table, ball):
        assert obj["galatea_role"] == "body" and obj[physics.SHAPE] != "auto" and obj[physics.NUMBER] == 0
        assert obj.data.uv_layers and obj.data.materials[0], "as builders of things promise"
    assert ball.data is things("ball")[0].main.data, "many of one kind are drawn from one mesh"
    assert things("breeze")[0].main.type == "EMPTY"
    assert box(ball)[0][2] == pytest.approx(box(table)[1][2], abs=5e-3)
    red = ball.data.materials[0].diffuse_color
    assert red[0] > 0.5 > red[1] + red[2]
    assert all(tuple(obj.matrix_world.to_scale()) == pytest.approx((1, 1, 1), abs=1e-4) for obj in (table, ball))


def test_what_it_is_called_makes_its_size(build):
    build({"id": "red", "name": "cup", "look": "wine glass"}, {"id": "low", "name": "cup", "look": "glass"})
    wine, tumbler = (things(each)[0].main.dimensions.z for each in ("red", "low"))
    assert wine == pytest.approx(0.18, rel=0.1) and tumbler < 0.75 * wine


def test_the_document_goes_with_the_scene_and_sets_its_time_and_gravity(build):
    build({"name": "ball"}, simulation={"duration": 2.0, "frame_rate": 30, "slow_motion": 2.0},
          environment={"gravity": [0, 0, -1.62]})  # fmt: skip
    scene = bpy.context.scene
    spec = physics.document(scene)
    assert spec.simulation.frame_rate == scene.render.fps == 30 and scene.frame_end == 121
    assert scene.gravity[2] == pytest.approx(-1.62)
    floors = [obj for obj in scene.objects if obj.get("galatea_role") == "floor"]
    assert len(floors) == 1 and box(*floors)[1][2] == pytest.approx(0) and floors[0][physics.STILL]


def test_sizes_are_said_usual_or_by_words(build):
    build({"id": "said", "name": "crate", "dimensions": [0.3, 0.2, 0.1]}, {"id": "usual", "name": "crate"},
          {"id": "huge", "name": "crate", "look": "huge"})  # fmt: skip
    sizes = {each.item.id: np.ptp(box(*each.parts), axis=0) for each in things()}
    assert sizes["said"] == pytest.approx((0.3, 0.2, 0.1), abs=0.02)
    assert sizes["usual"][0] == pytest.approx(0.5, abs=0.03) and sizes["huge"][0] == pytest.approx(1.25, abs=0.06)


def test_a_thing_that_nothing_builds_is_said_to_be_so(build, monkeypatch):
    from galatea.addon.scene.lib.casting import cast

    monkeypatch.setattr(cast, "_buildable", dict)
    assert "crate has a row in things.toml and no function of its name" in warnings(build({"name": "crate"}))


def test_what_nobody_knows_is_a_box_with_its_name_and_said(build):
    done = build({"name": "flux capacitor", "dimensions": [0.6, 0.4, 0.5]}, {"name": "xyzzy"})
    obj = things()[0].main
    assert done.metrics["stand_ins"] == 2 and "No flux capacitor is known" in warnings(done)
    assert "How large is xyzzy?" in warnings(done)
    letters = [face for face in obj.data.polygons if face.material_index == 1]
    assert len(letters) > 20, "the name is text on it"
    assert np.ptp(box(obj), axis=0) == pytest.approx((0.6, 0.4, 0.5), abs=0.01)


def test_an_old_word_for_a_thing_is_the_thing(build):
    done = build({"name": "wooden cask"}, {"name": "dice", "count": 2}, {"name": "Newton's cradle"})
    assert done.metrics["stand_ins"] == 0


def test_parts_and_joints_of_a_machine_come_along(build):
    build({"name": "pendulum"})
    (pendulum,) = things()
    joints = [obj for obj in bpy.context.scene.objects if physics.JOINT in obj]
    assert len(pendulum.parts) > 1 and joints
    assert [obj[physics.NUMBER] for obj in pendulum.parts] == list(range(len(pendulum.parts)))
    assert any(obj[physics.STILL] for obj in pendulum.parts)


def test_what_hangs_has_a_joint_to_what_it_hangs_from(build):
    done = build({"name": "plank"}, {"name": "ball", "relation": {"kind": "hanging_from", "target": "plank"}})
    told = [json.loads(obj[physics.JOINT]) for obj in bpy.context.scene.objects if physics.JOINT in obj]
    (rope,) = [each for each in told if each["a"][0] == "ball"]
    assert rope["kind"] == "rope" and rope["b"][0] == "plank" and rope["length"] > 0
    assert things("plank")[0].main[physics.STILL] and "plank is held in the air" in warnings(done)


def test_heaped_things_come_to_rest_in_their_bowl_and_nothing_else_moves(build):
    done = build({"name": "bowl", "look": "big"},
                 {"name": "marble", "count": 8, "relation": {"kind": "in", "target": "bowl"}},
                 {"name": "ball", "height": 1.0, "relation": {"kind": "left_of", "target": "bowl"}})  # fmt: skip
    low, high = box(*things("bowl")[0].parts)
    for each in things("marble"):
        inside_low, inside_high = box(*each.parts)
        assert (inside_low > low - 1e-3).all() and (inside_high[:2] < high[:2]).all()
    assert done.metrics["settled_m"] > 0
    assert low[2] == pytest.approx(0, abs=1e-3) and box(things("ball")[0].main)[0][2] == pytest.approx(1.0, abs=0.01)
    assert not things("marble")[0].main[physics.STILL] and not things("ball")[0].main[physics.STILL]


def test_a_vessel_that_holds_something_stands_firm_unless_something_moves_it(build):
    filled = {"name": "marble", "count": 3, "relation": {"kind": "in", "target": "bowl"}}
    done = build({"name": "bowl"}, filled)
    bowl = things("bowl")[0].main
    assert bowl[physics.STILL] and bowl[physics.SHAPE] == "mesh" and "bowl stands firm" in warnings(done)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    hit = {"id": "hit", "name": "ball", "initial_velocity": [2, 0, 0], "relation": {"kind": "near", "target": "bowl"}}
    build({"name": "bowl"}, filled, hit, params={"settle": False})
    bowl = things("bowl")[0].main
    assert not bowl[physics.STILL] and bowl[physics.SHAPE] == "compound", "a hull would have no inside"


def test_a_vessel_is_as_large_as_what_is_in_it_wants(build):
    done = build({"name": "bowl"}, {"name": "ball", "count": 3, "relation": {"kind": "in", "target": "bowl"}},
                 params={"settle": False})  # fmt: skip
    assert done.metrics["infeasible"] == 0 and "bowl is made" in warnings(done)
    wide = np.ptp(box(*things("bowl")[0].parts), axis=0)
    assert wide[0] > 1.3 * 0.22
    said = build({"name": "bowl", "id": "b2", "dimensions": [0.2, 0.2, 0.1]},
                 {"name": "ball", "relation": {"kind": "in", "target": "b2"}}, params={"settle": False})  # fmt: skip
    assert said.metrics["infeasible"] == 1, "what is said in metres stays"


def test_walls_stand_around_and_the_front_one_is_not_seen(build):
    build({"name": "ball"}, environment={"walls": True})
    walls = [obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "wall"]
    assert len(walls) == 4 and [obj.hide_render for obj in walls].count(True) == 1
    hidden = next(obj for obj in walls if obj.hide_render)
    assert box(hidden)[1][1] <= box(things()[0].main)[0][1]


def test_infeasible_relations_are_said_with_names(build):
    done = build({"name": "cup"}, {"name": "car", "relation": {"kind": "in", "target": "cup"}})
    assert done.metrics["infeasible"] == 1 and "does not fit in cup" in warnings(done)


@pytest.fixture
def library(tmp_path):
    """A folder with one library: a gnome, marked as an asset, with a script and a driver that would leave a mark."""
    folder = tmp_path / "library"
    folder.mkdir()
    mesh = bpy.data.meshes.new("gnome")
    mesh.from_pydata([(0, 0, 0), (2, 0, 0), (0, 2, 0), (0, 0, 5)], [], [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    obj = bpy.data.objects.new("Garden Gnome", mesh)
    obj.asset_mark()
    bpy.context.scene.collection.objects.link(obj)
    driver = obj.driver_add("location", 0).driver
    driver.expression = "__import__('os').mkdir('/tmp/never')"
    text = bpy.data.texts.new("run.py")
    text.write("raise SystemExit")
    text.use_module = True
    bpy.data.libraries.write(str(folder / "props.blend"), {obj, text})
    (folder / "broken.blend").write_bytes(b"BLENDER but not really")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return folder


def test_the_users_libraries_come_first_and_nothing_in_them_runs(build, library):
    done = build({"name": "gnome", "dimensions": [0.2, 0.2, 0.5]}, params={"assets": str(library)})
    obj = things()[0].main
    assert done.metrics["stand_ins"] == 0 and "taken from props.blend, Garden Gnome" in warnings(done)
    assert "broken.blend cannot be read" in warnings(done)
    assert np.ptp(box(obj), axis=0) == pytest.approx((0.2, 0.2, 0.5), abs=1e-3)
    assert len(obj.data.vertices) == 4 and not obj.animation_data and not bpy.data.texts


def test_a_library_may_be_one_file_and_the_first_one_named_wins(build, library, tmp_path):
    one = library / "props.blend"
    other = tmp_path / "other"
    other.mkdir()
    (other / "aa.blend").write_bytes(one.read_bytes())
    done = build({"name": "gnome"}, params={"assets": os.pathsep.join((str(one), str(other)))})
    assert "taken from props.blend, Garden Gnome" in warnings(done)
    done = build({"name": "garden dwarf"}, params={"assets": str(one)})
    assert "taken from props.blend, Garden Gnome" in warnings(done), "by what the words mean"
    done = build({"name": "spoon"}, params={"assets": str(one)})
    assert done.metrics["stand_ins"] == 1, "nothing in it is like a spoon"


def test_the_id_knows_what_lies_in_the_libraries(library, tmp_path):
    spec = tmp_path / "scene.json"
    spec.write_text('{"objects": [{"name": "gnome"}]}')

    def id():
        return Request.of(SPEC, {"spec": spec}, {"assets": str(library)}).id

    before = id()
    assert id() == before
    more = library / "deeper"
    more.mkdir()
    (more / "b.blend").write_bytes((library / "props.blend").read_bytes())
    after = id()
    assert after != before
    (more / "b.blend").unlink()
    assert id() == before


@pytest.mark.parametrize("place", ["/nowhere/at/all", __file__])
def test_a_library_that_is_none_is_said(build, place):
    with pytest.raises(UserError, match=r"there is no folder or .blend file"):
        build({"name": "ball"}, params={"assets": place})


@pytest.fixture
def wedge(tmp_path):
    path = tmp_path / "wedge.obj"
    path.write_text("v 0 0 0\nv 4 0 0\nv 0 0 -2\nv 0 1 0\nf 1 2 3\nf 1 4 2\nf 2 4 3\nf 3 4 1\n")
    return path


def test_a_mesh_of_ones_own_is_proved_and_taken(build, wedge):
    right = hashlib.sha256(wedge.read_bytes()).hexdigest()
    build({"name": "wedge", "dimensions": [1, 1, 1], "mesh": {"file": str(wedge), "sha256": right}},
          {"name": "ball", "relation": {"kind": "on", "target": "wedge"}})  # fmt: skip
    obj = things("wedge")[0].main
    assert len(obj.data.polygons) == 4 and np.ptp(box(obj), axis=0) == pytest.approx((1, 1, 1), abs=1e-3)
    with pytest.raises(UserError, match="not the file"):
        build({"name": "wedge", "mesh": {"file": str(wedge), "sha256": "0" * 64}})
    with pytest.raises(UserError, match=r"there is no file .*mesh\.file"):
        build({"name": "wedge", "mesh": {"file": str(wedge.with_name("gone.obj"))}})


def test_the_same_document_builds_the_same(build):
    def places():
        build({"name": "rock", "count": 9, "arrangement": "scattered"}, {"name": "tree", "count": 3, "type": "passive"},
              seed=4)  # fmt: skip
        return [tuple(round(x, 6) for x in each.main.matrix_world.translation) for each in things()]

    one = places()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert places() == one


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"objects": []}',
                                  '{"objects": [{"name": "ball", "count": 10000000}]}',
                                  '{"objects": [{"name": "ball", "size": 3}]}'])  # fmt: skip
def test_a_bad_document_is_refused(run, tmp_path, text):
    (tmp_path / "scene.json").write_text(text)
    with pytest.raises(UserError):
        run("build", {"spec": tmp_path / "scene.json"})


@pytest.mark.parametrize("said", [None, [0.2, 0.2, 0.2]])
def test_what_falls_into_a_vessel_goes_into_it_unless_its_size_was_said(build, said):
    done = build({"name": "cup"}, {"name": "ball", "dimensions": said, "relation": {"kind": "above", "target": "cup"}})
    ball, cup = (things(each)[0].main.dimensions for each in ("ball", "cup"))
    assert ("goes into cup" in warnings(done)) is (said is None)
    assert ball[0] == pytest.approx(0.2, rel=0.02) if said else ball[0] < 0.6 * min(cup[:2])
