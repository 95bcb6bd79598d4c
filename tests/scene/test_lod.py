# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels of detail: as many triangles as were asked for, the same shape, closed, with the texture where it was."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from galatea.addon.scene.lib.files import naming
from galatea.addon.scene.lib.mesh import levels, meshes
from galatea.addon.scene.lib.render import pictures
from galatea.backend.protocol.errors import UserError


@pytest.fixture
def finished(run, make_figure):
    """The body with its layout, 2,400 triangles."""
    figure = make_figure(40, 48, texture=128)
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
    run("clean", faces=2400)
    return run("unwrap", method="smart", size=256).work


def solid(obj) -> trimesh.Trimesh:
    return trimesh.Trimesh(meshes.vertices_of(obj.data), meshes.triangles_of(obj.data), process=False)


def sampled(obj, count=1500):
    """Places on the surface and the texture's colour there, at fixed random triangles."""
    mesh = solid(obj)
    random = np.random.default_rng(5)
    faces = random.choice(len(mesh.faces), count, p=mesh.area_faces / mesh.area)
    weights = random.dirichlet([1, 1, 1], count)
    uv = meshes.uv_of(obj.data, "galatea").reshape(-1, 3, 2)[faces]
    at = np.einsum("ij,ijk->ik", weights, uv)
    picture = pictures.pixels_of(next(i for i in bpy.data.images if i.get("galatea_role") == "base_color"))
    x, y = (np.clip(at[:, k] * picture.shape[1 - k], 0, picture.shape[1 - k] - 1).astype(int) for k in (0, 1))
    return np.einsum("ij,ijk->ik", weights, mesh.triangles[faces]), picture[y, x, :3]


def _apart(one: trimesh.Trimesh, other: trimesh.Trimesh) -> np.ndarray:
    """Distances from some vertices and middles of one to the nearest of all triangles of the other."""
    places = np.concatenate([one.vertices, one.triangles_center])[::7]
    pairs = len(places), len(other.faces)
    many = np.repeat(places, pairs[1], axis=0)
    nearest = trimesh.triangles.closest_point(np.tile(other.triangles, (pairs[0], 1, 1)), many)
    return np.linalg.norm(nearest - many, axis=1).reshape(pairs).min(axis=1)


def test_each_level_has_its_count_and_is_closed(run, finished):
    done = run("lod", levels=4, ratio=0.5)
    body, coarser = done.work.object("body"), list(done.work.objects("lod"))
    have = len(body.data.polygons)
    counts = [have, *(len(obj.data.polygons) for obj in coarser)]
    assert len(counts) == 4
    for level, count in enumerate(counts):
        assert count == pytest.approx(have * 0.5**level, rel=0.02)
    assert [body.name, *(obj.name for obj in coarser)] == ["Owl_LOD0", "Owl_LOD1", "Owl_LOD2", "Owl_LOD3"]
    for obj in coarser:
        assert solid(obj).is_watertight and solid(obj).is_winding_consistent
        assert list(obj.data.materials) == list(body.data.materials)
        assert obj.parent == body and obj.matrix_world == body.matrix_world
        assert obj.hide_render and obj.hide_viewport
    assert [level["faces"] for level in done.metrics["levels"]] == counts
    assert done.work.report.warnings == []


def test_the_error_that_is_told_is_what_trimesh_finds(run, finished):
    done = run("lod", levels=4, ratio=0.3)
    fine, told = solid(done.work.object("body")), done.metrics["levels"]
    size = np.linalg.norm(fine.extents)
    for obj, level in zip(done.work.objects("lod"), told[1:], strict=True):
        coarse = solid(obj)
        apart = 100 / size * np.concatenate([_apart(coarse, fine), _apart(fine, coarse)])
        assert apart.mean() == pytest.approx(level["mean_percent"], rel=0.2)
        assert apart.max() - 1e-3 <= level["most_percent"] < 3 * apart.max()
        assert level["most_percent"] < 6
        assert np.abs(coarse.bounds - fine.bounds).max() < 0.02 * size, "the outline stays"
    means = [level["mean_percent"] for level in told[1:]]
    assert 0 < means[0] < means[1] < means[2] < 1.5


def test_the_texture_stays_in_its_place(run, finished):
    run("bake", size=256)
    run("material")
    done = run("lod", levels=3, ratio=0.5)
    where, colour = sampled(done.work.object("body"), 6000)
    tree = cKDTree(where)
    for obj in done.work.objects("lod"):
        places, seen = sampled(obj)
        near = colour[tree.query(places)[1]]
        assert np.abs(seen - near).mean() < 0.05
    slip = [level["texture_slip_percent"] for level in done.metrics["levels"][1:]]
    assert 0 < slip[0] < slip[1] < 2


def test_slip_is_seen_where_the_texture_is_moved(run, finished):
    body = finished.object("body")
    finest = levels.Finest(body.data, "galatea")
    moved = body.data.copy()
    assert finest.error(moved).slip < 1e-5 and finest.error(moved).most < 1e-5
    meshes.set_uv(moved, "galatea", meshes.uv_of(moved, "galatea") + 0.03)
    assert finest.error(moved).slip > 0.005


def test_a_budget_names_the_counts(run, finished):
    done = run("lod", budget="1000, 400")
    assert [len(obj.data.polygons) for obj in done.work.objects("lod")] == pytest.approx([1000, 400], rel=0.02)


@pytest.mark.parametrize("budget", ["many", "400, 1000", "9000000", "1,2,3,4,5,6,7,8", "-5", "500, 500", "٣"])
def test_a_budget_that_is_none_says_so(run, finished, budget):
    with pytest.raises(UserError, match=r"lod\.budget") as caught:
        run("lod", budget=budget)
    assert caught.value.kind == "usage"


def test_once_more_replaces_what_was_there(run, finished):
    run("lod", levels=4)
    count = len(bpy.data.meshes)
    done = run("lod", levels=3)
    assert done.metrics["names"] == ["Owl_LOD0", "Owl_LOD1", "Owl_LOD2"]
    assert len(bpy.data.meshes) == count - 1, "nothing is left behind"


def test_it_stops_where_no_shape_is_left(run, finished):
    done = run("lod", levels=8, ratio=0.2)
    counts = [level["faces"] for level in done.metrics["levels"]]
    assert counts == sorted(counts, reverse=True) and len(set(counts)) == len(counts) and counts[-1] >= 12
    assert "no shape any more" in done.work.report.warnings[0]
    assert run("lod", budget="5").work.report.warnings[0].startswith("Only 1 level was made: ")


def test_a_rigged_body_has_rigged_levels(run, finished):
    rig = run("skeleton", kind="soft", bones=4).work.object("armature")
    run("bind")
    work = run("lod", levels=2).work
    (coarse,) = work.objects("lod")
    assert coarse.find_armature() == rig
    rig.pose.bones[-1].rotation_mode = "XYZ"
    rig.pose.bones[-1].rotation_euler[0] = 0.8
    bpy.context.view_layer.update()
    coarse.hide_viewport = False
    graph = bpy.context.evaluated_depsgraph_get()
    ends = [np.ptp(meshes.vertices_of(o.evaluated_get(graph).data), axis=0) for o in (work.object("body"), coarse)]
    rest = np.ptp(meshes.vertices_of(coarse.data), axis=0)
    assert np.allclose(*ends, atol=0.05) and np.abs(ends[1] - rest).max() > 0.02, "it bends as the body does"


@pytest.mark.parametrize("name", ["Owl", "Owl_LOD0", "Owl_LOD3-noimp", "Owl_LOD1.001", "Owl.002"])
def test_the_base_of_a_name(name):
    assert naming.base(name) == "Owl"


def test_long_names_keep_their_endings():
    name = naming.level(naming.base("ö" * 60), 2, "godot")
    assert len(name.encode()) < 64 and name.endswith("_LOD2-noimp")
    assert len(naming.hull(naming.level(naming.base("a" * 63), 0, "unreal"), 7, "unreal")) < 64
