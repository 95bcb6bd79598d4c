# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail and collision hulls in files for game engines, read back by trimesh and by Blender."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh


@pytest.fixture
def finished(run, make_figure):
    figure = make_figure(24, 32, texture=64)
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
    run("clean", faces=1200)
    run("unwrap", method="smart", size=256)
    run("bake", size=256)
    return run("material").work


@pytest.mark.parametrize("target", ["unity", "unreal", "godot"])
def test_a_glb_for_an_engine_holds_levels_and_hulls(run, finished, target):
    run("lod", levels=3, target=target)
    run("collide", hulls=2, target=target)
    names = {obj.name for obj in bpy.context.scene.objects if obj["galatea_role"] in ("body", "lod", "collision")}
    path = run("export", target=target, size=2.0).path("model")
    scene = trimesh.load(path)
    assert set(scene.graph.nodes_geometry) == names and len(names) == 5
    body = scene.geometry[scene.graph[next(n for n in names if n in ("Owl", "Owl_LOD0"))][1]]
    assert body.extents.max() == pytest.approx(2.0, rel=0.001)
    for node in names:
        matrix, geometry = scene.graph[node]
        mesh = scene.geometry[geometry]
        assert np.allclose(matrix, np.eye(4)), "all is in the data"
        hull = any(word in node for word in ("UCX", "COL", "colonly"))
        assert (mesh.bounds[0] > body.bounds[0] - 0.15).all() and (mesh.bounds[1] < body.bounds[1] + 0.15).all()
        assert hull or np.abs(mesh.bounds - body.bounds).max() < 0.1
        assert (mesh.visual.kind == "texture") != hull
    assert (
        len(
            {
                scene.geometry[scene.graph[n][1]].visual.material.name
                for n in names
                if n[:3] == "Owl" and "col" not in n.lower()
            }
        )
        == 1
    )
    assert {
        obj.name for obj in bpy.context.scene.objects if obj["galatea_role"] in ("body", "lod", "collision")
    } == names


def test_without_an_engine_only_the_body_is_written(run, finished):
    run("lod", levels=3)
    run("collide", hulls=2)
    assert len(trimesh.load(run("export").path("model")).geometry) == 1


def test_an_fbx_and_a_rigged_glb(run, finished):
    run("rig", bones=3)
    run("lod", levels=2, target="unity")
    run("collide", hulls=1, target="unity")
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
