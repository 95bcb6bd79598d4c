# SPDX-License-Identifier: GPL-3.0-or-later
"""What cleaning takes off a mesh of the user's is kept beside it, and baked back onto it."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
from PIL import Image

from galatea.addon.scene.lib.material import texels
from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.uv import layers
from galatea.addon.scene.work import ROLE
from galatea.backend.protocol import gltf

from ..golden import zoo
from .conftest import _grid_sphere, figure_colors

ROUGH, METAL = 0.35, 1.0
"""Of the lower half; the upper is as rough as light and no metal."""


def _pictures(size=256):
    """Base colour, and roughness and metal in green and blue as glTF has them; (H, W, 4), row 0 at the bottom."""
    v, u = np.meshgrid((np.arange(size) + 0.5) / size, (np.arange(size) + 0.5) / size, indexing="ij")
    polar, around = np.pi * (1 - v), 2 * np.pi * u
    way = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    one, low = np.ones_like(v), v < 0.5
    orm = np.stack([one, np.where(low, ROUGH, 0.9), np.where(low, METAL, 0.0), one], axis=-1)
    return np.concatenate([figure_colors(way), one[..., None]], axis=-1), orm


def _image(name, pixels, *, color):
    image = bpy.data.images.new(name, *pixels.shape[:2], alpha=False)
    image.colorspace_settings.name = "sRGB" if color else "Non-Color"
    texels.set_pixels(image, pixels.astype(np.float32))
    image.pack()
    return image


def _material():
    material = bpy.data.materials.new("mine")
    if not material.node_tree:
        material.use_nodes = True
    tree = material.node_tree
    shader = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
    color, orm = _pictures()
    for name, pixels in (("colour", color), ("orm", orm)):
        node = tree.nodes.new("ShaderNodeTexImage")
        node.image = _image(name, pixels, color=name == "colour")
        if name == "colour":
            tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
            continue
        split = tree.nodes.new("ShaderNodeSeparateColor")
        tree.links.new(node.outputs["Color"], split.inputs[0])
        tree.links.new(split.outputs["Green"], shader.inputs["Roughness"])
        tree.links.new(split.outputs["Blue"], shader.inputs["Metallic"])
    return material


def _golf(path, rows):
    """A ball of 2 rows² faces with dimples in it, as a GLB file with a map and textures of its own."""
    way, faces, uv = _grid_sphere(rows, rows)
    dimples = np.sin(30 * way[:, 0]) * np.sin(30 * way[:, 1]) * np.sin(30 * way[:, 2])
    mesh = meshes.new_mesh("golf", (way * (1 + 0.012 * dimples[:, None])).astype(np.float32), faces)
    meshes.set_uv(mesh, "own", uv.reshape(-1, 2))
    mesh.materials.append(_material())
    obj = bpy.data.objects.new("golf", mesh)
    bpy.context.scene.collection.objects.link(obj)
    bpy.ops.export_scene.gltf(filepath=str(path), export_format="GLB")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return path


def _shown(path, out, *, bumps=True):
    """A GLB in light from a side, (160, 160) grey; without its normal map where told so."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    (obj,) = [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]
    shader = next(node for node in obj.data.materials[0].node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    if not bumps:
        tree = obj.data.materials[0].node_tree
        tree.links.remove(shader.inputs["Normal"].links[0])
    for name, value in (("Base Color", (0.5, 0.5, 0.5, 1)), ("Roughness", 1.0), ("Metallic", 0.0)):
        for link in shader.inputs[name].links:
            obj.data.materials[0].node_tree.links.remove(link)
        shader.inputs[name].default_value = value
    scene = bpy.context.scene
    low, high = meshes.bounds(meshes.vertices_of(obj.data) @ np.array(obj.matrix_world)[:3, :3].T)
    sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    eye = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    sun.rotation_euler, sun.data.energy = (0.3, 1.1, 0), 4
    eye.data.type, eye.data.ortho_scale = "ORTHO", 1.05 * float((high - low).max())
    middle = np.array(obj.matrix_world)[:3, 3] + (low + high) / 2
    eye.location, eye.rotation_euler = middle - np.array([0, 5, 0]), (np.pi / 2, 0, 0)
    for each in (sun, eye):
        scene.collection.objects.link(each)
    scene.camera, scene.render.engine = eye, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.max_bounces = 16, False, 0
    scene.render.resolution_x = scene.render.resolution_y = 160
    scene.view_settings.view_transform, scene.render.filepath = "Standard", str(out)
    bpy.ops.render.render(write_still=True)
    return np.asarray(Image.open(out).convert("L")).astype(float)


def _read(path, mode="RGB"):
    return np.asarray(Image.open(path).convert(mode))[::-1].astype(float) / 255


def test_what_went_is_baked_back(run, tmp_path, gltf_judge):
    golf = _golf(tmp_path / "golf.glb", 200)
    run("load", {"model": golf})
    done = run("clean", faces=2000)
    body, source = done.work.object("body"), done.work.object("source")
    assert len(body.data.polygons) <= 2000 and len(source.data.polygons) == 79600
    assert source.hide_render and source.hide_viewport and source.matrix_world == body.matrix_world
    run("unwrap", method="smart", size=512)
    baked = run("bake", size=512, occlusion=True)
    assert baked.metrics["reached"] > 0.97
    maps = {role: _read(baked.path(role)) for role in ("base_color", "normal", "roughness", "metallic", "occlusion")}
    assert np.abs(maps["normal"] - [0.5, 0.5, 1]).max(axis=2).mean() > 0.03, "the dimples are in it"
    uv = meshes.uv_of(body.data, "galatea").reshape(-1, 3, 2).mean(axis=1)
    y, x = (uv[:, ::-1] * 512).astype(int).T
    middle = meshes.vertices_of(body.data)[meshes.triangles_of(body.data)].mean(axis=1) - [0, 0, body.dimensions.z / 2]
    way = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    assert np.median(np.abs(maps["base_color"][y, x] - figure_colors(way))) < 0.02
    for role, low, high in (("roughness", ROUGH, 0.9), ("metallic", METAL, 0.0)):
        want = np.where(way[:, 2] < 0, low, high)
        assert np.median(np.abs(maps[role][y, x, 0] - want)) < 0.01
        assert np.abs(maps[role][y, x, 0] - want)[np.abs(way[:, 2]) > 0.1].max() < 0.05
    run("material")
    path = run("export").path("model")
    data = gltf.read(path)
    assert len(data["meshes"]) == len(data["nodes"]) == len(data["materials"]) == 1, "the source stays at home"
    (issues,) = gltf_judge(path)
    assert issues["numErrors"] == 0, issues["messages"]
    material = data["materials"][0]
    packed = material["occlusionTexture"]["index"]
    assert packed == material["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    want = _shown(golf, tmp_path / "want.png")
    have = np.abs(_shown(path, tmp_path / "have.png") - want).mean()
    plain = np.abs(_shown(path, tmp_path / "plain.png", bumps=False) - want).mean()
    assert have < 0.5 * plain


def test_its_map_is_kept_and_the_detail_is_baked_onto_it(run, tmp_path):
    golf = _golf(tmp_path / "golf.glb", 100)
    name = layers.shown(run("load", {"model": golf}).work.object("body").data)
    done = run("clean", faces=900)
    corners = meshes.uv_of(done.work.object("body").data, name).reshape(-1, 3, 2)
    assert np.ptp(corners, axis=1).max() < 0.5, "no face reaches across the seam"
    kept = run("unwrap", method="keep")
    assert kept.metrics["kept"] is False
    assert any("clean.faces" in text for text in kept.report.warnings)
    done = run("bake", size=512)
    color = _read(done.path("base_color"))[64:-64:16, 8::16]
    want = _pictures(512)[0][64:-64:16, 8::16, :3]
    assert np.median(np.abs(color - want)) < 0.02, "the picture that the map was made for"
    assert np.abs(_read(done.path("normal")) - [0.5, 0.5, 1]).max(axis=2).mean() > 0.03
    again = run("clean", faces=800).work
    assert len(again.object("source").data.polygons) == 19800, "the first one"
    corners = meshes.uv_of(again.object("body").data, name).reshape(-1, 3, 2)
    assert np.ptp(corners, axis=1).max() < 0.5, "nor does it the second time"


def test_without_a_bake_it_keeps_the_materials_that_it_came_with(run, tmp_path):
    run("load", {"model": _golf(tmp_path / "golf.glb", 40)})
    run("clean", faces=500)
    done = run("material")
    assert done.work.object("body").data.materials[0] == done.work.object("source").data.materials[0]
    data = gltf.read(run("export").path("model"))
    (material,) = data["materials"]
    assert "baseColorTexture" in material["pbrMetallicRoughness"] and len(data["nodes"]) == 1
    shader = next(
        n
        for n in run("material", preset="wood").work.object("body").data.materials[0].node_tree.nodes
        if n.type == "BSDF_PRINCIPLED"
    )
    assert shader.inputs["Specular IOR Level"].default_value == pytest.approx(0.4), "what is asked for counts"


@pytest.mark.parametrize("way", ["load", "bring"])
def test_a_mesh_that_is_inside_out_is_baked_from_too(run, tmp_path, way):
    """A ray that meets the back of a face counts for nothing, so the full mesh is turned with the clean one."""
    vertices, faces = zoo.blob()
    colors = ((vertices - vertices.min(axis=0)) / np.ptp(vertices, axis=0)).astype(np.float32)
    if way == "bring":
        np.savez(tmp_path / "mesh.npz", vertices=vertices, faces=faces[:, ::-1], colors=colors)
        run("bring", {"mesh": tmp_path / "mesh.npz"}, level=0.0)
    else:
        _ply(tmp_path / "mesh.ply", vertices, faces[:, ::-1], colors)
        run("load", {"model": tmp_path / "mesh.ply"})
    assert run("clean", faces=900).metrics["mended"]["faces turned"] == len(faces)
    run("unwrap", method="smart", size=256)
    assert run("bake", size=256).metrics["reached"] > 0.97


def _ply(path, vertices, faces, colors):
    lines = ["ply", "format ascii 1.0", f"element vertex {len(vertices)}"]
    lines += [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    lines += [f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header"]
    rows = zip(vertices.tolist(), (colors * 255).astype(int).tolist(), strict=True)
    lines += [" ".join(map(str, [*point, *color])) for point, color in rows]
    lines += [f"3 {a} {b} {c}" for a, b, c in faces.tolist()]
    path.write_text("\n".join(lines) + "\n")


def test_hard_edges_of_the_file_come_back_as_normals(run, tmp_path):
    """Cleaning shades all smooth; of a box the sides must look flat still."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.shade_flat()
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "box.obj"), export_materials=False)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    run("load", {"model": tmp_path / "box.obj"})
    work = run("clean", smooth=0).work
    normals = np.empty((36, 3), np.float32)
    work.object("source").data.corner_normals.foreach_get("vector", normals.reshape(-1))
    assert np.allclose(np.abs(normals).max(axis=1), 1, atol=1e-4)
    run("unwrap", method="smart", size=256)
    tilt = _read(run("bake", size=256).path("normal")) - [0.5, 0.5, 1]
    assert np.abs(tilt).max(axis=2).mean() > 0.05
    assert {obj[ROLE] for obj in bpy.context.scene.objects} == {"body", "source"}
