# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written is read again by somebody else, and is the same thing the right way up."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh

from galatea.addon.scene.lib.mesh import meshes

UP = {"glb": "y", "obj": "y", "stl": "z", "ply": "z"}


@pytest.fixture
def finished(run, make_figure, prepared):
    """The figure with baked textures; the points of its body, and how many faces it has."""

    def make():
        figure = make_figure(40, 48, texture=128)
        run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
        run("clean", faces=1500)
        run("unwrap", method="smart", size=256)
        run("bake", size=256)
        mesh = run("material").work.object("body").data
        return meshes.vertices_of(mesh), len(mesh.polygons)

    return prepared(make)


def _zup(points: np.ndarray, up: str) -> np.ndarray:
    """Points of a file in Blender's axes: what has Y up faces +Z there."""
    return points if up == "z" else np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)


def _same_place(got: np.ndarray, want: np.ndarray, tolerance: float = 1e-3) -> None:
    """Same box, and each of a few points is really there: bounds alone do not see a mirrored figure."""
    assert np.allclose(meshes.bounds(got), meshes.bounds(want), atol=tolerance)
    for point in want[:: max(1, len(want) // 50)]:
        assert np.linalg.norm(got - point, axis=1).min() < tolerance


@pytest.mark.parametrize("format", ["glb", "obj", "stl", "ply"])
def test_another_library_reads_the_same_mesh(run, finished, format):
    points, faces = finished
    done = run("export", format=format, pivot="keep")
    scene = trimesh.load_scene(done.path("model"), process=False)
    assert len(scene.geometry) == 1, "the source stays at home"
    mesh = scene.to_geometry()
    _same_place(_zup(np.asarray(mesh.vertices), UP[format]), points)
    assert len(mesh.faces) == faces
    assert trimesh.Trimesh(mesh.vertices, mesh.faces, process=True).volume > 0, "faces look outwards"


def test_the_glb_carries_its_textures_and_one_material(run, finished):
    done = run("export", format="glb")
    mesh = next(iter(trimesh.load_scene(done.path("model"), process=False).geometry.values()))
    material = mesh.visual.material
    assert material.name == "Owl"
    assert material.baseColorTexture.size == (256, 256)
    assert material.normalTexture.size == (256, 256)
    rough = np.asarray(material.metallicRoughnessTexture)[..., 1] / 255
    assert 0.55 < rough.mean() < 0.95, "roughness is in green"
    assert mesh.visual.uv.min() >= 0 and mesh.visual.uv.max() <= 1
    baked = np.asarray(material.baseColorTexture.convert("RGB"))
    assert baked.min(axis=2).max() > 60


def test_colour_in_the_glb_is_where_it_belongs(run, finished):
    """Front is red and back is blue-green: this fails for any slip in uv, axes or texture."""
    done = run("export", format="glb")
    mesh = next(iter(trimesh.load_scene(done.path("model"), process=False).geometry.values()))
    image = np.asarray(mesh.visual.material.baseColorTexture.convert("RGB")).astype(float)
    uv = mesh.visual.uv[mesh.faces].mean(axis=1)
    x = np.clip((uv[:, 0] * 256).astype(int), 0, 255)
    y = np.clip(((1 - uv[:, 1]) * 256).astype(int), 0, 255)
    red = image[y, x, 0]
    centre = _zup(mesh.triangles_center, "y")
    assert red[centre[:, 1] < -0.1].mean() > red[centre[:, 1] > 0.1].mean() + 60


def test_the_obj_names_files_that_lie_beside_it(run, finished):
    done = run("export", format="obj")
    roles = {asset.role for asset in done.assets}
    assert {"model", "model_mtl", "model_base_color", "model_normal", "model_roughness"} <= roles
    text = done.path("model_mtl").read_text()
    maps = [line.split()[-1] for line in text.splitlines() if line.startswith(("map_", "norm"))]
    assert "mesh_base_color.png" in maps
    for name in maps:
        assert (done.path("model").parent / name).is_file(), name
    mesh = trimesh.load(done.path("model"), process=False)
    assert mesh.visual.uv is not None
    assert mesh.visual.material.image.size == (256, 256)


def _imported(path, format):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if format == "fbx":
        bpy.ops.import_scene.fbx(filepath=str(path))
    elif format == "usdz":
        bpy.ops.wm.usd_import(filepath=str(path), import_textures_mode="IMPORT_PACK")
    else:
        bpy.ops.wm.alembic_import(filepath=str(path), as_background_job=False)
    return [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]


@pytest.mark.parametrize("format", ["fbx", "usdz", "abc"])
def test_blender_reads_its_own_file_the_same_way_up(run, finished, format):
    points, faces = finished
    path = run("export", format=format, pivot="keep").path("model")
    names = {p.name for p in path.parent.iterdir()}
    assert names == {path.name, f"{path.name}.galatea.json"}, "one file, with everything in it"
    (obj,) = _imported(path, format)
    bpy.context.view_layer.update()
    matrix = np.array(obj.matrix_world)
    local = meshes.vertices_of(obj.data)
    _same_place(local @ matrix[:3, :3].T + matrix[:3, 3], points)
    assert len(obj.data.polygons) == faces
    assert obj.data.uv_layers
    if format != "abc":
        images = [image for image in bpy.data.images if image.size[0] == 256]
        assert len(images) >= 2, "base colour and normals at least"


def test_the_file_is_left_as_it_was(run, finished):
    before = {image.name: image.filepath_raw for image in bpy.data.images}
    run("export", format="obj")
    run("export", format="usdz")
    assert {image.name: image.filepath_raw for image in bpy.data.images} == before
    assert all(image.packed_file for image in bpy.data.images if image.get("galatea_role"))


def test_an_armature_goes_with_the_body(run, finished):
    from galatea.addon.scene.work import ROLE

    body = next(obj for obj in bpy.context.scene.objects if obj.get(ROLE) == "body")
    armature = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    armature.edit_bones.new("root").tail = (0, 0, 0.5)
    bpy.ops.object.mode_set(mode="OBJECT")
    group = body.vertex_groups.new(name="root")
    group.add(range(len(body.data.vertices)), 1.0, "REPLACE")
    body.modifiers.new("Armature", "ARMATURE").object = rig
    body.parent = rig
    done = run("export", format="glb")
    data = done.path("model").read_bytes()
    assert b'"skins"' in data and b"JOINTS_0" in data
