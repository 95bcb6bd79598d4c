# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures that lie on a second map, or are moved, turned and scaled on theirs, lie so in every file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import trimesh
from mathutils import Matrix

from galatea.addon.scene.lib.files import mapping
from galatea.addon.scene.lib.mesh import meshes

from .test_export_given import exported, glb, shader

MOVED = Matrix.Translation((0.25, 0.5, 0)) @ Matrix.Rotation(0.3, 4, "Z") @ Matrix.Diagonal((2, 3, 1, 1))
SECOND = np.array([[0.1, 0.2], [0.6, 0.2], [0.6, 0.9], [0.1, 0.9]])


def given(path: Path, *, which: tuple[str, ...] = (), second: tuple[str, ...] = ()) -> Path:
    """A file whose pictures behind the inputs `which` are moved, and those behind `second` lie on another map."""
    bpy.ops.import_scene.gltf(filepath=str(glb(path.with_name("plain.glb"))))
    (mesh,) = bpy.data.meshes
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    meshes.set_uv(mesh, "Second", SECOND[corners])
    mesh.uv_layers[0].active = mesh.uv_layers[0].active_render = True
    tree = bpy.data.materials[0].node_tree
    bsdf = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    bump, normals = tree.nodes.new("ShaderNodeNormalMap"), tree.nodes.new("ShaderNodeTexImage")
    normals.image = bsdf.inputs["Emission Color"].links[0].from_node.image.copy()
    normals.image.colorspace_settings.name = "Non-Color"
    tree.links.new(normals.outputs["Color"], bump.inputs["Color"])
    tree.links.new(bump.outputs["Normal"], bsdf.inputs["Normal"])
    for socket in [socket for socket in bsdf.inputs if socket.is_linked]:
        node = behind(socket)
        at, turn = tree.nodes.new("ShaderNodeUVMap"), tree.nodes.new("ShaderNodeMapping")
        at.uv_map = "Second" if socket.name in second else mesh.uv_layers[0].name
        tree.links.new(at.outputs[0], turn.inputs["Vector"])
        if socket.name in which:
            place, way, size = MOVED.decompose()
            turn.inputs["Location"].default_value, turn.inputs["Scale"].default_value = place, size
            turn.inputs["Rotation"].default_value = way.to_euler()
        tree.links.new(turn.outputs[0], node.inputs["Vector"])
    bpy.ops.export_scene.gltf(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return path


def behind(socket: bpy.types.NodeSocket) -> bpy.types.ShaderNode:
    """The picture that an input hangs on."""
    node = socket.links[0].from_node
    while node.type != "TEX_IMAGE":
        node = next(link.from_node for each in node.inputs for link in each.links)
    return node


EVERY = ("Base Color", "Emission Color", "Metallic", "Roughness", "Normal")
NEIGHBOURS = ("Metallic", "Roughness", "Normal", "Emission Color")


def moved(uv: np.ndarray) -> np.ndarray:
    return np.array([(MOVED @ Matrix.Translation((*each, 0))).translation[:2] for each in uv])


def seen(mesh: bpy.types.Mesh, picture: bpy.types.ShaderNode) -> np.ndarray:
    """Where a picture is looked at, a row for each of the square's points, from what Blender read of a file."""
    name, change = next(layer.name for layer in mesh.uv_layers if layer.active_render), Matrix()
    while picture.inputs[0].is_linked:
        picture = picture.inputs[0].links[0].from_node
        if picture.type == "UVMAP":
            name = picture.uv_map or name
            break
        if picture.type == "MAPPING":
            assert picture.vector_type == "POINT"
            place, turn, size = (picture.inputs[i].default_value for i in (1, 2, 3))
            change @= Matrix.LocRotScale(place, turn, size)
    uv = meshes.uv_of(mesh, name)
    uv = np.array([(change @ Matrix.Translation((*each, 0))).translation[:2] for each in uv])
    return np.unique(uv.round(4), axis=0)


SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
CASES = {
    "all moved": ((EVERY, ()), moved(SQUARE)),
    "all on the second": (((), EVERY), SECOND),
    "all moved on the second": ((EVERY, EVERY), moved(SECOND)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("format", ["obj", "fbx", "usdz"])
def test_pictures_lie_where_they_lay(run: Any, tmp_path: Path, format: str, case: str) -> None:
    (which, second), want = CASES[case]
    done = exported(run, given(tmp_path / "given.glb", which=which, second=second), format)
    assert not done.report.warnings
    inputs = shader(done.path("model")).inputs
    (mesh,) = bpy.data.meshes
    for name in EVERY:
        found = seen(mesh, behind(inputs[name]))
        assert np.allclose(found, np.unique(want.round(4), axis=0), atol=1e-3), name


@pytest.mark.parametrize("format", ["obj", "fbx"])
@pytest.mark.parametrize("second", [False, True])
def test_pictures_that_lie_otherwise_than_the_colour_are_told(
    run: Any, tmp_path: Path, format: str, second: bool
) -> None:
    only = ("Base Color",)
    path = given(tmp_path / "given.glb", which=() if second else only, second=only if second else ())
    done = exported(run, path, format)
    (told,) = done.report.warnings
    assert all(name in told for name in NEIGHBOURS) and "Base Color" not in told
    picture = behind(shader(done.path("model")).inputs["Base Color"])
    found = seen(bpy.data.meshes[0], picture)
    assert np.allclose(found, np.unique((SECOND if second else moved(SQUARE)).round(4), axis=0), atol=1e-3)


def test_usd_tells_how_each_picture_lies(run: Any, tmp_path: Path) -> None:
    done = exported(run, given(tmp_path / "given.glb", which=("Base Color",), second=("Normal",)), "usdz")
    assert not done.report.warnings
    inputs = shader(done.path("model")).inputs
    for name, want in {"Base Color": moved(SQUARE), "Normal": SECOND, "Roughness": SQUARE}.items():
        found = seen(bpy.data.meshes[0], behind(inputs[name]))
        assert np.allclose(found, np.unique(want.round(4), axis=0), atol=1e-3), name


def test_points_of_a_ply_have_the_places_of_their_picture(run: Any, tmp_path: Path) -> None:
    path = given(tmp_path / "given.glb", which=EVERY, second=EVERY)
    raw = trimesh.load(exported(run, path, "ply").path("model"), process=False).metadata["_ply_raw"]["vertex"]["data"]
    found = np.unique(np.stack([raw["s"], raw["t"]], axis=1).round(4), axis=0)
    assert np.allclose(found, np.unique(moved(SECOND).round(4), axis=0), atol=1e-3)


def test_the_scene_keeps_its_maps(run: Any, tmp_path: Path) -> None:
    run("load", {"model": given(tmp_path / "given.glb", which=EVERY, second=EVERY)})
    body = next(obj for obj in bpy.context.scene.objects if obj.type == "MESH")
    body.keyframe_insert("location", frame=1)  # what travels is no copy
    before = [(layer.name, layer.active_render, meshes.uv_of(body.data, layer.name)) for layer in body.data.uv_layers]
    run("export", format="fbx")
    for (name, shown, uv), layer in zip(before, body.data.uv_layers, strict=True):
        assert (layer.name, layer.active_render) == (name, shown)
        assert (meshes.uv_of(body.data, name) == uv).all()


def test_objects_of_one_mesh_move_it_once(tmp_path: Path) -> None:
    bpy.ops.import_scene.gltf(filepath=str(given(tmp_path / "given.glb", which=EVERY)))
    body = next(obj for obj in bpy.data.objects if obj.type == "MESH")
    before = meshes.uv_of(body.data, body.data.uv_layers[0].name)
    with mapping.laid([body, body.copy()], "fbx") as astray:
        now = meshes.uv_of(body.data, body.data.uv_layers[0].name)
        assert not astray and np.allclose(np.unique(now.round(4), axis=0), np.unique(moved(before).round(4), axis=0))
    assert (meshes.uv_of(body.data, body.data.uv_layers[0].name) == before).all()
