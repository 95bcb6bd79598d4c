# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces laid anew: quads on the form, many triangles made few in two ways, and what vertices carry goes along."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest
import trimesh
from mathutils.bvhtree import BVHTree

from galatea.addon.scene.lib.mesh import levels, meshes, quads
from galatea.addon.scene.lib.mesh.smooth import smooth
from galatea.backend.protocol.errors import UserError

from ..golden import zoo


def _bring(run, folder, vertices, faces):
    np.savez(folder / "mesh.npz", vertices=vertices.astype(np.float32), faces=faces.astype(np.int32))
    return run("bring", {"mesh": folder / "mesh.npz"})


def _solid(mesh) -> trimesh.Trimesh:
    whole = levels.triangulated(mesh)
    return trimesh.Trimesh(meshes.vertices_of(whole), meshes.triangles_of(whole), process=False)


def _apart(one: trimesh.Trimesh, other: trimesh.Trimesh) -> float:
    """The mean distance from one to the other, as a share of the diagonal."""
    places = trimesh.sample.sample_surface(one, 800, seed=2)[0]
    tree = BVHTree.FromPolygons(other.vertices.tolist(), other.faces.tolist(), all_triangles=True)
    far = [tree.find_nearest(place)[3] for place in places.tolist()]
    return float(np.mean(far) / np.linalg.norm(other.extents))


def _corners(mesh) -> np.ndarray:
    out = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", out)
    return out


def test_quads_are_as_many_as_asked_for_and_closed(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    done = run("clean", topology="quads", faces=1200)
    mesh = done.work.object("body").data
    assert (_corners(mesh) == 4).mean() >= 0.95
    assert 0.9 * 1200 <= len(mesh.polygons) <= 1200
    assert done.metrics["faces"] == len(mesh.polygons) and done.metrics["watertight"]
    solid, before = _solid(mesh), trimesh.Trimesh(figure.vertices, figure.faces, process=False)
    assert solid.is_watertight and solid.is_winding_consistent
    assert solid.volume == pytest.approx(before.volume, rel=0.02)
    assert _apart(solid, before) < 0.004
    assert len(mesh.materials) == 1 and "source" in mesh.uv_layers


def test_the_same_quads_again(run, tmp_path):
    places = []
    for _ in range(2):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _bring(run, tmp_path, *zoo.blob())
        places.append(meshes.vertices_of(run("clean", topology="quads", faces=600).work.object("body").data))
    assert np.array_equal(*places)


def test_quads_go_the_whole_way(run, figure, tmp_path):
    """Unwrapped without a cut through any, baked, made coarser, with hulls and bones."""
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    run("clean", topology="quads", faces=500)
    flat = run("unwrap", size=256)
    mesh = flat.work.object("body").data
    assert (_corners(mesh) == 4).all() and flat.metrics["overlap"] < 0.01
    corners = meshes.uv_of(mesh, "galatea").reshape(-1, 4, 2).astype(float)
    turned = corners - np.roll(corners, 1, axis=1)
    assert np.linalg.norm(turned, axis=2).max() < 0.4, "no quad is torn apart"
    run("bake", size=256)
    run("material")
    counts = [level["faces"] for level in run("lod", levels=2).metrics["levels"]]
    assert counts[0] == 2 * len(mesh.polygons) and counts[1] == pytest.approx(counts[0] / 2, rel=0.03)
    assert run("collide", hulls=2).metrics["hulls"] == 2
    run("skeleton")
    assert run("bind").work.object("body").find_armature()


@pytest.mark.parametrize("format", ["obj", "fbx", "usdc"])
def test_files_hold_the_quads(run, figure, format):
    run("bring", {"mesh": figure.mesh})
    count = len(run("clean", topology="quads", faces=400).work.object("body").data.polygons)
    done = run("export", format=format)
    path = next(done.path(asset.role) for asset in done.assets if str(asset.path).endswith(format))
    read = {"obj": bpy.ops.wm.obj_import, "usdc": bpy.ops.wm.usd_import, "fbx": bpy.ops.import_scene.fbx}[format]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    read(filepath=str(path))
    body = max((o for o in bpy.data.objects if o.type == "MESH"), key=lambda o: len(o.data.polygons))
    assert len(body.data.polygons) == count and (_corners(body.data) == 4).all()


def test_what_has_no_quads_says_so(run, tmp_path, monkeypatch):
    vertices, faces = zoo.blob()
    _bring(run, tmp_path, vertices, faces)
    monkeypatch.setattr(quads, "_flow", lambda mesh, count, seed: None)
    with pytest.raises(UserError, match=r"Set clean\.topology to triangles"):
        run("clean", topology="quads", faces=500)


def test_parts_that_touch_and_an_open_mesh_get_quads(run, tmp_path):
    for animal in (zoo.nonmanifold_vertex, zoo.bowl):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        _bring(run, tmp_path, *animal())
        mesh = run("clean", topology="quads", faces=400).work.object("body").data
        assert (_corners(mesh) == 4).all() and 300 <= len(mesh.polygons) <= 400


def test_a_long_way_down_goes_quickly_and_stays_sound(run, tmp_path):
    pytest.importorskip("fast_simplification")
    vertices, faces = zoo.blob(120, 160)
    noisy = vertices + np.random.default_rng(0).normal(0, 3e-4, vertices.shape)
    _bring(run, tmp_path, noisy, faces)
    thin = levels.thinned(bpy.data.objects["Galatea"].data, 1000)
    assert len(thin.polygons) == pytest.approx(5000, rel=0.02)
    done = run("clean", faces=1000, smooth=0)
    assert 980 <= done.metrics["faces"] <= 1000 and done.metrics["watertight"]
    fine = trimesh.Trimesh(noisy, faces, process=False)
    assert _apart(_solid(done.work.object("body").data), fine) < 1.3e-3


def test_without_the_quick_library_it_is_done_all_the_same(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fast_simplification", None)
    _bring(run, tmp_path, *zoo.blob(100, 130))
    assert levels.thinned(bpy.data.objects["Galatea"].data, 1000) is None
    done = run("clean", faces=1000)
    assert 980 <= done.metrics["faces"] <= 1000 and done.metrics["watertight"]


def test_the_users_own_uvs_are_not_taken_from_afar(run, make_figure):
    """Without a source the seams count: on each side of one the layout stays a plain picture of the surface."""
    figure = make_figure(100, 128)
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    bpy.data.objects.remove(next(o for o in bpy.data.objects if o.get("galatea_role") == "source"))
    mesh = run("clean", faces=900, smooth=0).work.object("body").data
    uv = meshes.uv_of(mesh, "source").reshape(-1, 3, 2)
    assert np.ptp(uv, axis=1).max() < 0.5, "no face reaches across the seam"


@pytest.mark.parametrize("way", ["few", "many", "quads", "voxels"])
def test_weights_of_bones_go_along(run, tmp_path, way):
    """Two groups, of the upper and of the lower half: each vertex still has the weights of its height."""
    vertices, faces = zoo.blob(*((100, 130) if way == "many" else (24, 32)))
    body = _bring(run, tmp_path, vertices, faces).work.object("body")
    top = float(vertices[:, 2].max())
    for name in ("upper", "lower"):
        group = body.vertex_groups.new(name=name)
        for number, height in enumerate((vertices[:, 2] / top).tolist()):
            group.add([number], height if name == "upper" else 1 - height, "REPLACE")
    given = {"quads": {"topology": "quads", "faces": 400}, "voxels": {"remesh": True}}.get(way, {"faces": 700})
    body = run("clean", smooth=0, **given).work.object("body")
    assert [group.name for group in body.vertex_groups] == ["upper", "lower"]
    for vertex in body.data.vertices:
        weights = {each.group: each.weight for each in vertex.groups}
        assert weights.get(0, 0) == pytest.approx(vertex.co.z / top, abs=0.06)
        assert weights.get(0, 0) + weights.get(1, 0) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_noisy_cube_gets_flat_and_keeps_its_edges(strength):
    cube = trimesh.creation.box()
    for _ in range(5):
        cube = cube.subdivide()
    cube.merge_vertices()
    points, faces = np.asarray(cube.vertices), np.asarray(cube.faces, np.int32)
    normals = np.asarray(cube.vertex_normals)
    noisy = points + normals * np.random.default_rng(1).normal(0, 0.004, (len(points), 1))
    after = smooth(noisy.astype(np.float32), faces, strength)
    sides = (np.abs(points) > 0.499).sum(axis=1)

    def wrong(places, which):
        """How far off the faces of the true cube, and off its edges."""
        far = np.sort(np.abs(np.abs(places[which]) - 0.5), axis=1)
        return float(np.sqrt((far[:, : sides[which].min()] ** 2).mean()))

    flat, edge = sides == 1, sides == 2
    assert wrong(after, flat) < (0.6 if strength < 1 else 0.4) * wrong(noisy, flat), "the noise is down"
    assert wrong(after, edge) < wrong(noisy, edge), "the edges are no further off than with the noise"
    assert np.abs(after[sides == 3]).min() > 0.485, "the corners have not sunk"
    volume = trimesh.Trimesh(after, faces, process=False).volume
    assert volume == pytest.approx(1, abs=0.003), "nothing shrinks"
