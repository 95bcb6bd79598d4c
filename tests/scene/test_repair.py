# SPDX-License-Identifier: GPL-3.0-or-later
"""The zoo of bad meshes goes through cleaning: it comes out sound, as trimesh sees it, or is refused in clear words."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh
from mathutils.bvhtree import BVHTree

from galatea.addon.scene.lib.mesh import meshes, repair
from galatea.backend.geometry import condition, mending, slivers, topology
from galatea.backend.protocol.errors import JobCancelled, UserError

from ..golden import zoo


@pytest.fixture
def clean(run, tmp_path):
    """Bring an animal of the zoo and clean it."""

    def go(animal, **params):
        vertices, faces = animal
        bpy.ops.wm.read_factory_settings(use_empty=True)
        np.savez(tmp_path / "mesh.npz", vertices=vertices, faces=faces)
        run("bring", {"mesh": tmp_path / "mesh.npz"})
        return run("clean", **{"smooth": 0, "faces": 50000, **params})

    return go


def _judged(done):
    """The body as trimesh reads it, in a box of about 1, for its tolerances are absolute."""
    mesh = done.work.object("body").data
    points = meshes.vertices_of(mesh).astype(float)
    return trimesh.Trimesh(points / np.ptp(points, axis=0).max(), meshes.triangles_of(mesh), process=True)


def _volume(animal):
    vertices, faces = animal
    return trimesh.Trimesh(vertices, faces, process=False).volume


def _thinnest(judge):
    """Degrees, of the smallest angle of all."""
    return np.degrees(judge.face_angles.min())


def _assert_sound(judge):
    assert judge.is_watertight and judge.is_winding_consistent and judge.volume > 0
    assert (judge.area_faces > 0).all()
    sides = np.sort(judge.faces, axis=1)
    assert len(np.unique(sides, axis=0)) == len(sides), "no face is there twice"
    edges, count = np.unique(judge.edges_sorted, axis=0, return_counts=True)
    assert (count == 2).all()
    # around each vertex the faces make one ring: as many neighbours as faces
    around = np.bincount(edges.ravel(), minlength=len(judge.vertices))
    assert np.array_equal(around, np.bincount(judge.faces.ravel(), minlength=len(judge.vertices)))
    assert all(part.volume > 0 for part in judge.split(only_watertight=False)), "no part is inside out"


@pytest.mark.parametrize("name", list(zoo.SOUND))
def test_it_comes_out_sound(clean, name):
    done = clean(zoo.SOUND[name]())
    judge = _judged(done)
    _assert_sound(judge)
    assert done.metrics["remains"] == [] and not done.report.warnings
    assert _thinnest(judge) >= condition.SLIVER
    assert done.metrics["watertight"] and done.metrics["slivers"] == 0


def test_of_a_double_wall_the_outer_one_stays(clean):
    done = clean(zoo.inner_shell())
    judge = _judged(done)
    assert judge.body_count == 1 and done.metrics["mended"]["inner shells dropped"] == 2
    assert judge.volume * np.ptp(zoo.blob()[0], axis=0).max() ** 3 == pytest.approx(_volume(zoo.blob()), rel=1e-4)
    kept = clean(zoo.inner_shell(), inner=False, floaters=0)
    assert kept.metrics["components"] == 3
    assert _judged(kept).volume < 0.2 * judge.volume, "a hollow that is kept stays one"


def test_parts_beside_and_across_each_other_are_no_inner_shells(clean):
    assert clean(zoo.crowd()).metrics["components"] == 400
    done = clean(zoo.crossing())
    assert done.metrics["components"] == 2
    assert done.metrics["self_intersections"] > 0.02 and "cut others" in done.metrics["remains"][0]


def test_what_cuts_itself_can_be_rebuilt(clean):
    done = clean(zoo.crossing(), remesh=True, faces=3000)
    judge = _judged(done)
    _assert_sound(judge)
    assert judge.body_count == 1 and done.metrics["self_intersections"] == 0
    assert done.metrics["faces"] <= 3000


def test_cubes_that_share_an_edge_are_parted_and_a_wall_within_goes(clean):
    judge = _judged(clean(zoo.nonmanifold_edge()))
    volumes = sorted(part.volume * 6**3 for part in judge.split())
    assert volumes == pytest.approx([1, 1, 2], rel=0.01)
    assert _judged(clean(zoo.nonmanifold_vertex())).body_count == 2


def test_a_fin_stays_unless_it_must_be_watertight(clean):
    done = clean(zoo.fin())
    assert done.metrics["boundary_edges"] == 3 and done.metrics["nonmanifold_edges"] == 0
    judge = _judged(clean(zoo.fin(), watertight=True))
    _assert_sound(judge)
    assert judge.volume == pytest.approx(1, rel=0.01)


def test_a_bowl_stays_open_unless_it_must_be_watertight(clean):
    done = clean(zoo.bowl())
    assert not _judged(done).is_watertight and "watertight" in done.report.warnings[0]
    done = clean(zoo.bowl(), watertight=True)
    _assert_sound(_judged(done))
    assert "remeshed" not in done.metrics["mended"], "a lid does"


def test_a_strip_of_one_side_is_told_and_rebuilt_where_asked(clean):
    assert any("wound against" in words for words in clean(zoo.moebius()).metrics["remains"])
    done = clean(zoo.moebius(), watertight=True, faces=2000)
    judge = _judged(done)
    _assert_sound(judge)
    assert judge.euler_number == 0, "it is a ring still"
    assert any("voxels" in warning for warning in done.report.warnings)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("empty", "is empty"),
        ("not_a_number", "no numbers"),
        ("zero_area", "Nothing is left"),
        ("dust", "no extent"),
    ],
)
def test_what_is_no_mesh_is_refused(clean, name, says):
    with pytest.raises(UserError, match=says):
        clean(zoo.REFUSED[name]())


@pytest.mark.parametrize("name", ["tiny", "huge"])
def test_the_size_stays_and_the_map_fits(clean, run, name):
    vertices, _ = zoo.SOUND[name]()
    mesh = clean(zoo.SOUND[name](), faces=500).work.object("body").data
    assert np.allclose(np.ptp(meshes.vertices_of(mesh), axis=0) / np.ptp(vertices, axis=0), 1, rtol=0.06)
    assert 490 <= len(mesh.polygons) <= 500
    laid = run("unwrap", size=512).metrics
    assert laid["stretch"] < 1.2 and laid["used"] > 0.4 and laid["overlap"] < 0.01


def test_the_budget_holds_after_mending(clean):
    done = clean(zoo.many_faces(30000), faces=4000, smooth=0.2)
    judge = _judged(done)
    _assert_sound(judge)
    assert 3900 <= len(judge.faces) <= 4000
    assert done.metrics["before"]["holes"] >= 7 and done.metrics["slivers"] == 0
    assert len(done.work.object("source").data.polygons) == len(zoo.many_faces(30000)[1]), "kept to bake from"


def test_colours_of_points_and_uv_of_corners_are_carried_along(clean, run, tmp_path):
    """Of a mesh without a picture the colours are all there is; both must say where a point is afterwards."""
    vertices, faces = zoo.slivers()
    colors = (vertices - vertices.min(axis=0)) / np.ptp(vertices, axis=0)
    uv = colors[faces][..., [0, 2]]
    np.savez(tmp_path / "painted.npz", vertices=vertices, faces=faces, colors=colors, uv=uv)
    run("bring", {"mesh": tmp_path / "painted.npz"})
    done = run("clean", smooth=0, faces=50000)
    assert done.metrics["mended"]["slivers mended"] > 50
    mesh = done.work.object("body").data
    points = meshes.vertices_of(mesh)
    want = (points - vertices.min(axis=0)) / np.ptp(vertices, axis=0)
    found = np.empty((len(points), 4), np.float32)
    mesh.color_attributes[0].data.foreach_get("color_srgb", found.ravel())
    assert np.abs(found[:, :3] - want).max() < 0.01
    corners = meshes.uv_of(mesh, "source")
    apart = np.abs(corners - want[meshes.triangles_of(mesh).ravel()][:, [0, 2]]).max(axis=1)
    assert (apart < 0.01).mean() > 0.97 and apart.max() < 0.1


def test_a_cancel_takes_effect_while_it_mends():
    calls = 0

    def stop():
        nonlocal calls
        calls += 1
        if calls > 5:
            raise JobCancelled("x")

    mesh = meshes.new_mesh("many", *zoo.many_faces(30000))
    with pytest.raises(JobCancelled):
        repair.repaired(mesh, repair.Want(), stop)


def test_mending_a_sound_mesh_changes_nothing():
    vertices, faces = zoo.blob()
    mesh, done = repair.repaired(meshes.new_mesh("sound", vertices, faces), repair.Want())
    assert not done
    assert np.array_equal(meshes.triangles_of(mesh), faces)
    assert np.allclose(meshes.vertices_of(mesh), vertices, atol=1e-6)


@pytest.mark.parametrize("name", ["flipped", "nonmanifold_vertex", "holes", "slivers", "soup", "fin", "inner_shell"])
def test_the_figures_agree_with_trimesh(name):
    """What is wrong is counted rightly, before anything is mended."""
    vertices, faces = getattr(zoo, name)()
    found = condition.condition(vertices, faces)
    judge = trimesh.Trimesh(vertices, faces, process=True)
    judge.merge_vertices()
    _, count = np.unique(judge.edges_sorted, axis=0, return_counts=True)
    assert found["boundary_edges"] == (count == 1).sum()
    assert found["nonmanifold_edges"] == (count > 2).sum() or name == "soup"
    angles = np.degrees(judge.face_angles.min(axis=1))
    assert found["slivers"] == pytest.approx((angles < condition.SLIVER).mean(), abs=2e-3)
    assert bool(found["flipped_edges"]) == (not judge.is_winding_consistent and name not in ("soup", "fin"))
    assert found["nonmanifold_vertices"] == {"nonmanifold_vertex": 1, "fin": 2}.get(name, found["nonmanifold_vertices"])
    assert found["twins"] == (148 if name == "soup" else 0)


def test_slivers_go_and_the_surface_stays_where_it_was():
    vertices, faces = zoo.slivers()
    before = trimesh.Trimesh(vertices, faces, process=False)
    surface, changed = slivers.mended(mending.Surface.of(vertices, faces))
    after = trimesh.Trimesh(surface.points, surface.faces, process=False)
    assert changed and np.degrees(before.face_angles.min()) < 0.5
    assert after.is_watertight and _thinnest(after) >= condition.SLIVER
    here = BVHTree.FromPolygons(surface.points.tolist(), surface.faces.tolist(), all_triangles=True)
    assert max(here.find_nearest(point)[3] for point in vertices.tolist()) < 2e-3


def test_fans_and_rims_of_a_broken_mesh():
    vertices, faces = zoo.nonmanifold_vertex()
    surface = mending.weld(mending.Surface.of(vertices, faces))
    paired, single = topology.pairs(surface.points, surface.faces)
    assert not len(single) and len(paired) == 36
    assert topology.fans(surface.faces, paired).max() + 1 == 16
    surface, added, _ = mending.split(surface)
    assert added == 1 and len(np.unique(surface.points, axis=0)) == 16
    vertices, faces = zoo.holes()
    lines = mending.rims(mending.split(mending.Surface.of(vertices, faces))[0])
    assert 3 <= len(lines) <= 4 and sum(map(len, lines)) == condition.condition(vertices, faces)["boundary_edges"]
