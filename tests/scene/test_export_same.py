# SPDX-License-Identifier: GPL-3.0-or-later
"""One asymmetric thing through every format, read again by Blender and by programs that are not ours."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
import trimesh

from galatea.backend.protocol import gltf

from . import ell

Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Blender's axes to those of a file in which Y is up and the front looks along +Z."""


@pytest.fixture
def thing(run):
    ell.make()
    return run("material").work.object("body")


def _can(format: str) -> None:
    options = bpy.app.build_options
    if not {"usd": options.usd, "abc": options.alembic}.get(format[:3], True):
        pytest.skip(f"this Blender was built without {format}")


def _by_trimesh(path: Path) -> ell.Seen:
    scene = trimesh.load_scene(path, process=False)
    assert len(scene.geometry) == 1
    name = scene.graph.nodes_geometry[0]
    matrix, which = scene.graph[name]
    mesh = scene.geometry[which]
    points = np.asarray(mesh.vertices) @ matrix[:3, :3].T + matrix[:3, 3]
    look = {}
    material = getattr(mesh.visual, "material", None)
    if material is not None and getattr(mesh.visual, "uv", None) is not None:
        uv = mesh.visual.uv[mesh.faces]

        def picture(image):
            return ell.sampled(np.asarray(image.convert("RGB"))[::-1] / 255, uv)

        if hasattr(material, "baseColorTexture"):
            look = {
                "colour": picture(material.baseColorTexture),
                "rough": picture(material.metallicRoughnessTexture)[:, 1],
                "shade": picture(material.occlusionTexture)[:, 0],
                "tilt": picture(material.normalTexture),
            }
            assert np.abs(picture(material.metallicRoughnessTexture)[:, 2]).max() == 0, "no metal: blue is empty"
        elif getattr(material, "image", None) is not None:
            look = {"colour": picture(material.image)}
    return ell.Seen(points, points[np.asarray(mesh.faces)].mean(axis=1), **look)


@pytest.mark.parametrize(
    ("format", "shows"),
    [
        ("glb", {"colour", "rough", "shade", "tilt"}),
        ("gltf", {"colour", "rough", "shade", "tilt"}),
        ("obj", {"colour"}),
        ("stl", set()),
        ("ply", set()),
    ],
)
def test_trimesh_reads_the_same_thing(run, thing, format, shows):
    seen = _by_trimesh(run("export", format=format).path("model"))
    if format == "ply":  # it has UVs and no texture: trimesh makes one up
        seen = replace(seen, colour=None)
    assert {name for name in ("colour", "rough", "shade", "tilt") if getattr(seen, name) is not None} == shows
    axes = np.eye(3) if format in ("stl", "ply") else Y_UP
    seen.same(ell.moved(ell.standing(ell.truth()), axes))


def _import(path: Path, format: str) -> bpy.types.Object:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    ops = bpy.ops
    options = {"filepath": str(path)}
    if format == "fbx" and "fbx_import" in dir(ops.wm):  # ufbx, not Blender's own reader
        ops.wm.fbx_import(**options)
    elif format == "fbx":
        ops.import_scene.fbx(**options)
    elif format.startswith("usd"):
        ops.wm.usd_import(**options, import_textures_mode="IMPORT_PACK")
    elif format == "abc":
        ops.wm.alembic_import(**options, as_background_job=False)
    elif format in ("glb", "gltf"):
        ops.import_scene.gltf(**options)
    else:
        getattr(ops.wm, f"{format}_import")(**options)
    (obj,) = [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]
    return obj


@pytest.mark.parametrize(
    ("format", "shows"),
    [
        ("glb", {"colour", "rough", "tilt"}),
        ("gltf", {"colour", "rough", "tilt"}),
        ("fbx", {"colour", "tilt"}),
        ("obj", {"colour", "rough", "tilt"}),
        ("usd", {"colour", "rough", "tilt"}),
        ("usda", {"colour", "rough", "tilt"}),
        ("usdc", {"colour", "rough", "tilt"}),
        ("usdz", {"colour", "rough", "tilt"}),
        ("abc", set()),
        ("stl", set()),
        ("ply", set()),
    ],
)
def test_blender_reads_the_same_thing(run, thing, format, shows):
    _can(format)
    done = run("export", format=format)
    seen = ell.of_blender(_import(done.path("model"), format))
    assert shows <= {name for name in ("colour", "rough", "tilt") if getattr(seen, name) is not None}
    seen.same(ell.standing(ell.truth()))


def test_python_reads_the_fbx_as_the_other_reader_does(run, thing):
    """Blender's older reader heeds node transforms another way: a wrong unit or a turned node shows in one of them."""
    path = run("export", format="fbx").path("model")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.fbx(filepath=str(path))
    (obj,) = bpy.context.scene.objects
    ell.of_blender(obj).same(ell.standing(ell.truth()))
    assert np.allclose(obj.matrix_world.to_scale(), 1, atol=1e-6)


@pytest.mark.parametrize("format", ["glb", "fbx", "obj", "ply", "usda", "usdz"])
def test_no_folder_of_this_machine_is_in_a_file(run, thing, tmp_path, format):
    _can(format)
    (tmp_path / "scenes").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scenes" / "scene.blend"))
    folder = run("export", format=format).path("model").parent
    for path in folder.iterdir():
        assert os.fsencode(tmp_path) not in path.read_bytes(), path.name


@pytest.mark.parametrize("format", ["gltf", "obj", "usda"])
def test_files_beside_are_named_and_there_and_nothing_else(run, thing, format):
    _can(format)
    done = run("export", format=format)
    folder = done.path("model").parent
    there = {path.name for path in folder.iterdir()}
    assert there == {Path(asset.path).name for asset in done.assets}
    text = (folder / ("mesh.mtl" if format == "obj" else f"mesh.{format}")).read_text()
    named = {name for name in there if name.endswith(".png")}
    assert named == {"mesh_base_color.png", "mesh_normal.png"} | (
        {"mesh_roughness.png", "mesh_occlusion.png"} if format == "obj" else {"mesh_orm.png"}
    )
    for name in named - {"mesh_occlusion.png"}:  # which .mtl has no word for
        assert name in text
    assert str(folder) not in text, "no path of this machine"


def test_one_texture_holds_occlusion_roughness_and_metal(run, thing):
    data = gltf.read(run("export", format="gltf").path("model"))
    assert {image["uri"] for image in data["images"]} == {"mesh_base_color.png", "mesh_normal.png", "mesh_orm.png"}
    (material,) = data["materials"]
    assert (
        material["occlusionTexture"]["index"] == material["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    )


def test_the_exporter_warns_of_pictures_that_are_read_in_several_ways_alone(run, thing, capsys):
    run("export", format="glb")
    assert "More than one shader node" not in capsys.readouterr().out, "it is one picture"
    material = thing.active_material
    node = next(n for n in material.node_tree.nodes if n.type == "TEX_IMAGE" and n.image["galatea_role"] == "normal")
    node.interpolation = "Closest"
    run("export", format="glb")
    assert "More than one shader node" in capsys.readouterr().out


def test_metal_and_the_roughness_factor_go_into_the_packed_texture(run):
    ell.make()
    run("material", metallic=0.6, roughness=0.5)
    path = run("export", format="glb").path("model")
    material = next(iter(trimesh.load_scene(path, process=False).geometry.values())).visual.material
    orm = np.asarray(material.metallicRoughnessTexture)
    want = ell._pictures()["roughness"][..., 0].max() * 0.5
    assert orm[..., 2].min() == orm[..., 2].max() == 153
    assert orm[..., 1].max() / 255 == pytest.approx(want, abs=1 / 255)


def test_points_of_a_ply_have_the_colours_of_the_texture(run, thing):
    mesh = trimesh.load(run("export", format="ply").path("model"), process=False)
    raw = mesh.metadata["_ply_raw"]["vertex"]["data"]
    got = np.stack([raw[c] for c in ("red", "green", "blue")], axis=1) / 255
    want = ell.standing(ell.truth())
    for point, colour in zip(np.asarray(mesh.vertices), got, strict=True):
        # a corner of a box touches three sides, each of two triangles of which it is in one or both
        near = np.linalg.norm(want.points - point, axis=1) < 1e-5
        touching = [want.colour[f] for f in range(len(want.centres)) if near[ell._geometry()[1][f]].any()]
        low, high = np.min(touching, axis=0) - 0.01, np.max(touching, axis=0) + 0.01
        assert (colour >= low).all() and (colour <= high).all()


def test_draco_is_an_option_and_what_it_writes_is_read(run, thing):
    plain = run("export", format="glb")
    assert b"KHR_draco_mesh_compression" not in plain.path("model").read_bytes()
    done = run("export", format="glb", draco=True)
    if b"KHR_draco_mesh_compression" not in done.path("model").read_bytes():
        assert any("Nothing was compressed" in text for text in done.report.warnings)
        return
    ell.of_blender(_import(done.path("model"), "glb")).same(ell.standing(ell.truth()), tolerance=2e-4)


def test_the_scene_is_left_as_it_was(run, thing):
    def state():
        things = (*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials, *bpy.data.images, *bpy.data.armatures)
        names = sorted((type(each).__name__, each.name) for each in things)
        nodes = sorted(node.image.name for node in thing.active_material.node_tree.nodes if node.type == "TEX_IMAGE")
        return names, nodes, [tuple(v.co) for v in thing.data.vertices], bpy.context.scene.unit_settings.scale_length

    before = state()
    for format in ("glb", "fbx", "usdz", "obj", "stl"):
        _can(format)
        run("export", format=format, target="unreal", size=3.0)
        assert state() == before, format
