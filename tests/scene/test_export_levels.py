# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail and collision hulls in files for game engines, read back by trimesh and by Blender."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh

from galatea.addon.scene.lib.files import usd
from galatea.backend.protocol import gltf


@pytest.fixture
def finished(run, make_figure, prepared):
    def make():
        figure = make_figure(24, 32, texture=64)
        run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
        run("clean", faces=1200)
        run("unwrap", method="smart", size=256)
        run("bake", size=256)
        return run("material").work

    return prepared(make)


NAMES = {
    "unity": {"Owl_LOD0", "Owl_LOD1", "Owl_LOD2", "Owl_COL_00", "Owl_COL_01"},
    "unreal": {"Owl_LOD0", "Owl_LOD1", "Owl_LOD2", "UCX_Owl_LOD0_00", "UCX_Owl_LOD0_01"},
    "godot": {"Owl", "Owl_LOD1-noimp", "Owl_LOD2-noimp", "Owl_00-convcolonly", "Owl_01-convcolonly"},
}


@pytest.fixture
def levelled(run, finished, prepared):
    def make():
        run("lod", levels=3)
        return run("collide", hulls=2).work

    return prepared(make)


def ours() -> dict[str, tuple[str, str]]:
    """What bears a role, with the names of itself and its data."""
    return {
        obj.name: (obj["galatea_role"], obj.data.name) for obj in bpy.context.scene.objects if "galatea_role" in obj
    }


@pytest.mark.parametrize("target", ["unity", "unreal", "godot"])
def test_a_glb_for_an_engine_holds_levels_and_hulls(run, levelled, target):
    before = ours()
    path = run("export", target=target, size=2.0).path("model")
    scene = trimesh.load(path)
    assert set(scene.graph.nodes_geometry) == NAMES[target]
    body = scene.geometry[scene.graph["Owl" if target == "godot" else "Owl_LOD0"][1]]
    assert body.extents.max() == pytest.approx(2.0, rel=0.001)
    seen = set()
    for node in NAMES[target]:
        matrix, geometry = scene.graph[node]
        mesh = scene.geometry[geometry]
        assert np.allclose(matrix, np.eye(4)), "all is in the data"
        hull = any(word in node for word in ("UCX", "COL", "colonly"))
        assert (mesh.bounds[0] > body.bounds[0] - 0.15).all() and (mesh.bounds[1] < body.bounds[1] + 0.15).all()
        assert hull or np.abs(mesh.bounds - body.bounds).max() < 0.1
        assert (mesh.visual.kind == "texture") != hull
        seen |= set() if hull else {mesh.visual.material.name}
    assert len(seen) == 1 and ours() == before, "the scene has its own names again"


def test_a_glb_for_anybody_tells_its_levels_by_msft_lod(run, levelled, gltf_judge):
    before = ours()
    path = run("export", size=2.0).path("model")
    data = gltf.read(path)
    (finest,) = [node for node in data["nodes"] if "extensions" in node]
    ids = finest["extensions"]["MSFT_lod"]["ids"]
    assert finest["name"] == "Owl_LOD0" and [data["nodes"][i]["name"] for i in ids] == ["Owl_LOD1", "Owl_LOD2"]
    assert data["extensionsUsed"] == ["MSFT_lod"] and "extensionsRequired" not in data
    cover = finest["extras"]["MSFT_screencoverage"]
    assert cover == pytest.approx([0.25, 0.125, 0.0], rel=0.05)
    assert data["scenes"][0]["nodes"] == [data["nodes"].index(finest)], "who knows no levels sees the finest alone"
    (issues,) = gltf_judge(path)
    assert issues["numErrors"] == 0, issues["messages"]
    told = {m["code"] for m in issues["messages"]} - {"MESH_PRIMITIVE_GENERATED_TANGENT_SPACE"}
    assert told <= {"UNSUPPORTED_EXTENSION", "UNUSED_OBJECT"}, issues["messages"]
    assert ours() == before


def shown_alone(path, number):
    """The glTF with one level as the only thing of its scene, by trimesh."""
    data = gltf.read(path)
    (finest,) = [node for node in data["nodes"] if "extensions" in node]
    data["scenes"][0]["nodes"] = [[data["nodes"].index(finest), *finest["extensions"]["MSFT_lod"]["ids"]][number]]
    copy = path.with_stem(f"level{number}")
    copy.write_bytes(path.read_bytes())
    gltf.write(copy, data)
    return trimesh.load_scene(copy, process=False).to_geometry()


def test_each_level_of_the_glb_is_the_body_with_fewer_triangles(run, levelled):
    wanted = [levelled.object("body"), *sorted(levelled.objects("lod"), key=lambda obj: obj.name)]
    path = run("export", pivot="keep").path("model")
    for number, obj in enumerate(wanted):
        mesh = shown_alone(path, number)
        obj.data.calc_loop_triangles()
        assert len(mesh.faces) == len(obj.data.loop_triangles)
        points = np.array([obj.matrix_world @ v.co for v in obj.data.vertices])
        low, high = points.min(axis=0), points.max(axis=0)
        assert np.allclose(mesh.bounds, [[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]], atol=1e-4)
        assert mesh.visual.material.baseColorTexture.size == (256, 256)


def test_we_read_one_body_of_it(run, levelled):
    path = run("export", format="glb").path("model")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    work = run("load", {"model": path}).work
    assert [obj.name for obj in bpy.context.scene.objects if obj.type == "MESH"] == [work.object("body").name]
    assert len(work.object("body").data.polygons) > 1000, "the finest one"


def test_for_blender_there_is_the_body_alone(run, levelled):
    path = run("export", format="glb", target="blender").path("model")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    assert [obj.name for obj in bpy.context.scene.objects if obj.type == "MESH"] == ["Owl_LOD0"]


def test_levels_move_with_a_body_that_moves(run, levelled, gltf_judge):
    run("drop", height=0.5)
    path = run("export", format="glb").path("model")
    data = gltf.read(path)
    (finest,) = [index for index, node in enumerate(data["nodes"]) if "extensions" in node]
    moved = {channel["target"]["node"] for animation in data["animations"] for channel in animation["channels"]}
    above, node = set(), finest
    while parents := [index for index, each in enumerate(data["nodes"]) if node in each.get("children", ())]:
        (node,) = parents
        above.add(node)
    assert finest not in moved and moved and moved <= above, "the keys are above what is exchanged"
    assert gltf_judge(path)[0]["numErrors"] == 0


def test_a_rigged_one_has_rigged_levels(run, finished, gltf_judge, usd_judge):
    run("skeleton", kind="soft", bones=3)
    run("bind")
    run("lod", levels=2)
    path = run("export", format="glb").path("model")
    data = gltf.read(path)
    (finest,) = [node for node in data["nodes"] if "extensions" in node]
    (coarse,) = (data["nodes"][index] for index in finest["extensions"]["MSFT_lod"]["ids"])
    assert finest["skin"] == coarse["skin"]
    assert gltf_judge(path)[0]["numErrors"] == 0
    (told,) = usd_judge(run("export", format="usdc").path("model"))
    assert told["complaints"] == [] and list(told["levels"]) == ["lod0", "lod1"]
    assert all(level["skinned"] for level in told["levels"].values())


@pytest.mark.parametrize("format", ["usda", "usdz"])
def test_usd_has_a_variant_for_each_level(run, levelled, usd_judge, format):
    faces = []
    for obj in (levelled.object("body"), *sorted(levelled.objects("lod"), key=lambda obj: obj.name)):
        faces.append(len(obj.data.polygons))
    (told,) = usd_judge(run("export", format=format, size=2.0).path("model"))
    assert told["complaints"] == [] and told["root"] == "/Owl" and told["chosen"] == "lod0"
    assert list(told["levels"]) == ["lod0", "lod1", "lod2"]
    assert [level["faces"] for level in told["levels"].values()] == faces
    assert {level["path"] for level in told["levels"].values()} == {told["levels"]["lod0"]["path"]}
    assert {level["bound"] for level in told["levels"].values()} == {told["bound"]}
    for level in told["levels"].values():
        assert level["complaints"] == [] and np.allclose(level["box"], told["box"], atol=0.1)


def test_blender_reads_the_finest_variant(run, levelled):
    count = len(levelled.object("body").data.polygons)
    path = run("export", format="usdc").path("model")
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(path))
    (mesh,) = [obj for obj in bpy.context.scene.objects if obj.type == "MESH"]
    assert len(mesh.data.polygons) == count


def test_without_a_usd_library_the_body_alone_is_written_and_it_is_said(run, levelled, monkeypatch):
    monkeypatch.setattr(usd, "library", lambda: None)
    done = run("export", format="usdc")
    assert "Levels of detail" in " ".join(done.report.warnings)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=str(done.path("model")))
    assert len([obj for obj in bpy.context.scene.objects if obj.type == "MESH"]) == 1


def test_hulls_in_usd_are_guides(run, levelled, usd_judge):
    (told,) = usd_judge(run("export", format="usdc", target="unreal").path("model"))
    assert told["complaints"] == [] and told["guides"] == ["Owl_COL_00", "Owl_COL_01"]
    assert list(told["levels"]) == ["lod0", "lod1", "lod2"]


@pytest.mark.parametrize(("format", "options"), [("glb", {"levels": False}), ("obj", {}), ("stl", {})])
def test_without_a_way_to_tell_them_only_the_body_is_written(run, levelled, format, options):
    path = run("export", format=format, **options).path("model")
    assert len(trimesh.load_scene(path).geometry) == 1
    if format == "glb":
        assert "extensionsUsed" not in gltf.read(path)


def test_an_fbx_and_a_rigged_glb(run, finished):
    run("skeleton", kind="soft", bones=3)
    run("bind")
    run("lod", levels=2)
    run("collide", hulls=1)
    for form in ("fbx", "glb"):
        path = run("export", target="unity", format=form).path("model")
        before = set(bpy.data.objects)
        (bpy.ops.import_scene.fbx if form == "fbx" else bpy.ops.import_scene.gltf)(filepath=str(path))
        new = [obj for obj in bpy.data.objects if obj not in before]
        found = {obj.name.rpartition(".")[0] for obj in new if obj.type == "MESH"}
        assert {"Owl_LOD0", "Owl_LOD1", "Owl_COL_00"} <= found
        bound = {obj.name.rpartition(".")[0] for obj in new if obj.find_armature()}
        assert bound == {"Owl_LOD0", "Owl_LOD1"}
        bpy.data.batch_remove(new)
