# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes out of the user's file is a copy; what comes in is a collection of its own, and nothing else changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import exchange, objects, settings
from galatea.addon.scene import host
from galatea.addon.scene.lib.motion import animation
from galatea.backend.protocol.errors import UserError

BLOCKS = ("objects", "meshes", "collections", "scenes", "materials", "images", "actions", "armatures")


def counts() -> dict[str, int]:
    return {name: len(getattr(bpy.data, name)) for name in BLOCKS}


def cube(name: str = "Box", at: tuple[float, float, float] = (1.0, 2.0, 3.0)) -> Any:
    bpy.ops.mesh.primitive_cube_add(location=at)
    bpy.context.object.name = name
    return bpy.context.object


def opened(path: Path) -> dict[str, tuple[str, list[float]]]:
    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False)
    return {o.name: (o.get("galatea_role"), list(o.matrix_world.translation)) for o in bpy.context.scene.objects}


def keep(path: Path) -> Path:
    """The open file as a step would leave it."""
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return path


def bring(path: Path, *, at: tuple[float, float, float] = (0, 0, 0), hide: tuple[str, ...] = ()) -> Any:
    exchange.append(bpy.context, path, run="r1", name="Fox", at=at, hide=list(hide))
    return objects.found("r1")


def test_a_mesh_of_the_users_goes_out_as_a_body_and_stays_as_it_was(home: Path) -> None:
    box = cube()
    before = counts()
    path = exchange.write(bpy.context, box, home, source=False)
    assert counts() == before and "galatea_role" not in box and box.select_get()
    found = opened(path)
    assert list(found.values()) == [("body", pytest.approx([1.0, 2.0, 3.0]))]


def test_a_copy_that_went_out_has_the_name_of_what_it_was_copied_from(home: Path) -> None:
    cube()
    path = exchange.write(bpy.context, cube("Box.001"), home, source=False)
    assert list(opened(path)) == ["Box.002"]
    host._named()
    assert [(obj.name, list(obj.keys())) for obj in bpy.data.objects] == [("Box.001", ["galatea_role"])]


def test_a_motion_of_ours_is_called_what_it_is_and_the_users_keeps_its_number(home: Path) -> None:
    for number in range(2):
        animation.new_action(cube(f"Box {number}"), "drop")
    assert bpy.data.objects["Box 1"].animation_data.action.name == "drop.001", "another one has the name in this file"
    cube("Own").animation_data_create().action = bpy.data.actions.new("Walk.001")
    names = {"Box 1": "drop", "Own": "Walk.001"}
    paths = {name: exchange.write(bpy.context, bpy.data.objects[name], home, source=False) for name in names}
    for name, path in paths.items():
        opened(path)
        host._named()
        assert [action.name for action in bpy.data.actions] == [names[name]]


def test_an_asset_is_listed_by_its_name_however_often_it_was_made(home: Path, tmp_path: Path) -> None:
    host_file = tmp_path / "asset.blend"
    cube()["galatea_role"] = "body"
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"] = "asset"
    asset.objects.link(bpy.context.object)
    bpy.context.scene.collection.children.link(asset)
    asset.asset_mark()
    keep(host_file)
    bpy.data.collections.new("Toad")
    for run, name in (("r1", "Fox"), ("r2", "Fox"), ("r3", "Toad")):
        exchange.append(bpy.context, host_file, run=run, name=name, at=(0, 0, 0), hide=[])
    found = [objects.found(run).name for run in ("r1", "r2", "r3")]
    found[0] = found[0].partition(".")[0] + ".*"
    assert found == ["Fox.*", "Fox", "Toad.001"], "a collection of the user's own keeps its name"


def test_a_child_goes_out_where_it_stands(home: Path) -> None:
    parent, child = cube("Parent", (5, 0, 0)), cube("Child", (5, 0, 2))
    child.parent = parent
    child.matrix_parent_inverse = parent.matrix_world.inverted()
    ((_, where),) = opened(exchange.write(bpy.context, child, home, source=False)).values()
    assert where == pytest.approx([5, 0, 2])


def test_the_source_goes_along_only_when_asked_for(home: Path, tmp_path: Path) -> None:
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"] = "asset"
    bpy.context.scene.collection.children.link(asset)
    for role in ("body", "source"):
        obj = cube(role)
        obj["galatea_role"] = role
        asset.objects.link(obj)
    body = bpy.data.objects["body"]
    with_source = exchange.write(bpy.context, body, home, source=True)
    without = exchange.write(bpy.context, body, home, source=False)
    assert set(opened(with_source)) == {"body", "source"}
    assert set(opened(without)) == {"body"}


def test_the_result_comes_in_as_a_collection_and_touches_nothing(home: Path, tmp_path: Path) -> None:
    path = keep(opened_file(home, tmp_path))
    old = cube("Old")
    bpy.context.scene.frame_end, bpy.context.scene.render.fps = 33, 25
    asset = bring(path, at=(0, 0, 7), hide=("Old", "Gone"))
    body = next(o for o in asset.objects if o["galatea_role"] == "body")
    assert asset.name == "Fox" and asset.name in bpy.context.scene.collection.children
    assert bpy.context.view_layer.objects.active == body and bpy.context.selected_objects == [body]
    assert list(body.location) == pytest.approx([1, 2, 10])
    assert old.hide_get() and old.name in bpy.data.objects
    assert len(bpy.data.scenes) == 1 and len(bpy.data.collections) == 1
    assert (bpy.context.scene.frame_end, bpy.context.scene.render.fps) == (33, 25)
    assert not bpy.data.libraries


def opened_file(home: Path, tmp_path: Path) -> Path:
    path = exchange.write(bpy.context, cube(), home, source=False)
    opened(path)
    return tmp_path / "result.blend"


def boxed(tmp_path: Path, size: float = 1.0) -> Path:
    """A result of this size at the origin."""
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"] = "asset"
    bpy.context.scene.collection.children.link(asset)
    bpy.ops.mesh.primitive_cube_add(size=size)
    bpy.context.object["galatea_role"] = "body"
    asset.objects.link(bpy.context.object)
    return keep(tmp_path / "boxed.blend")


def place(path: Path, **given: Any) -> list[float]:
    """Where a result comes that was given no place."""
    asset = bring(path, at=None, **given)
    where = [round(each, 3) for each in asset.objects[0].location]
    del asset["galatea_run"]
    return where


def test_textures_of_results_are_not_offered_as_photos(home: Path, tmp_path: Path) -> None:
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"] = "asset"
    bpy.context.scene.collection.children.link(asset)
    body, material = cube("body"), bpy.data.materials.new("Fox")
    asset.objects.link(body)
    body.data.materials.append(material)
    material.use_nodes = True
    material.node_tree.nodes.new("ShaderNodeTexImage").image = bpy.data.images.new("albedo.png", 4, 4)
    path = keep(tmp_path / "scene.blend")
    photo = bpy.data.images.new("photo", 4, 4)
    bring(path)
    assert settings._is_photo(None, photo) and not settings._is_photo(None, bpy.data.images["albedo.png"])


def test_a_result_without_a_place_comes_beside_what_stands_there(home: Path, tmp_path: Path) -> None:
    path = boxed(tmp_path)
    assert place(path) == [0, 0, 0] and place(path) == [1.1, 0, 0] and place(path) == [2.2, 0, 0]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_cube_add()
    assert place(path) == [1.6, 0, 0], "beside Blender's own cube"
    assert place(path, hide=("Cube.001",)) == [1.6, 0, 0], "in the place of what it replaces"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_cube_add(size=5)
    bpy.ops.mesh.primitive_plane_add(size=2, location=(0, 0, -0.5))
    cube("Hidden", (0, 0, 0)).hide_set(True)
    assert place(path) == [0, 0, 0], "in a room, on a floor, where nothing is shown"


def test_a_scene_with_a_floor_of_its_own_comes_beside_what_stands_there_too(home: Path, tmp_path: Path) -> None:
    asset = bpy.data.collections.new("Scene")
    asset["galatea_role"] = "asset"
    bpy.context.scene.collection.children.link(asset)
    for name, z, scale in (("Ball", 1, 1), ("Other", 5, 1), ("Floor", -20, 20)):
        asset.objects.link(cube(name, (0, 0, z)))
        bpy.context.object.scale = (scale, scale, scale)
        bpy.context.object["galatea_role"] = "floor" if name == "Floor" else "body"
        if name != "Floor":
            bpy.context.object["galatea_item"] = name
    path = keep(tmp_path / "scene.blend")
    bpy.ops.mesh.primitive_cube_add()
    assert place(path) == [2.6, 0, 1] and bpy.data.objects["Floor"].location.x == pytest.approx(2.6)
    assert sorted(obj.name for obj in bpy.context.selected_objects) == ["Ball", "Other"], "all things, no floor"


def test_what_is_animated_is_moved_by_a_parent(home: Path, tmp_path: Path) -> None:
    path = opened_file(home, tmp_path)
    body = bpy.context.scene.objects[0]
    body.keyframe_insert("location", frame=1)
    asset = bring(keep(path), at=(0, 10, 0))
    bpy.context.scene.frame_set(1)
    moved = next(o for o in asset.objects if o.get("galatea_role") == "body")
    assert list(moved.matrix_world.translation) == pytest.approx([1, 12, 3])


def test_what_is_animated_stands_as_it_does_at_the_frame_that_is_shown(home: Path, tmp_path: Path) -> None:
    path = opened_file(home, tmp_path)
    body = bpy.context.scene.objects[0]
    shape = (body.shape_key_add(name="Basis"), body.shape_key_add(name="Tall"))[1]
    for frame, height in ((1, 0.0), (11, 5.0)):
        body.location.z = height
        shape.value = height / 5
        body.keyframe_insert("location", frame=frame)
        shape.keyframe_insert("value", frame=frame)
    bpy.context.scene.frame_set(1)
    kept = keep(path)
    own = cube("Own")
    own.keyframe_insert("location", frame=1)
    bpy.context.scene.frame_set(11)
    own.location.z = 7  # moved since, and not keyed yet
    asset = bring(kept)
    bpy.context.view_layer.update()
    moved = next(o for o in asset.objects if o.get("galatea_role") == "body")
    assert moved.matrix_world.translation.z == pytest.approx(5)
    assert moved.data.shape_keys.key_blocks["Tall"].value == pytest.approx(1)
    assert own.location.z == pytest.approx(7), "what is not of it keeps what nobody keyed"


def test_a_file_without_an_asset_is_refused_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    other = bpy.data.collections.new("Other")
    bpy.context.scene.collection.children.link(other)
    other.objects.link(cube())
    path = keep(tmp_path / "other.blend")
    before = counts()
    with pytest.raises(UserError, match="Run it again"):
        bring(path)
    assert {**counts(), "meshes": 0} == {**before, "meshes": 0}


def test_the_subject_is_the_body_whatever_of_its_asset_is_active(home: Path) -> None:
    asset = bpy.data.collections.new("Fox")
    asset["galatea_role"] = "asset"
    bpy.context.scene.collection.children.link(asset)
    body = cube("Fox")
    body["galatea_role"] = "body"
    asset.objects.link(body)
    bpy.ops.object.empty_add()
    empty = bpy.context.object
    assert objects.subject(bpy.context) is None
    asset.objects.link(empty)
    assert objects.subject(bpy.context) == body
