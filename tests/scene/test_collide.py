# SPDX-License-Identifier: GPL-3.0-or-later
"""Collision hulls: each convex, together around the body, tighter the more there are."""

from __future__ import annotations

import sys

import bpy
import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from galatea.addon.scene.lib.mesh import hulls, meshes, splitting
from galatea.addon.scene.lib.mesh.inside import Inside
from galatea.addon.scene.work import ROLE
from galatea.backend.protocol.errors import UserError

from ..golden import zoo


@pytest.fixture
def stand():
    """Make a mesh of trimesh's the body of the open file."""

    def make(mesh: trimesh.Trimesh, name: str = "Thing") -> bpy.types.Object:
        data = meshes.new_mesh(name, np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))
        body = bpy.data.objects.new(name, data)
        body[ROLE] = "body"
        bpy.context.scene.collection.objects.link(body)
        return body

    return make


def chair() -> trimesh.Trimesh:
    """A seat, a back and four legs, as boxes that are closed each for itself."""
    boxes = [((0.5, 0.5, 0.06), (0, 0, 0.5)), ((0.5, 0.06, 0.6), (0, 0.22, 0.8))]
    boxes += [((0.06, 0.06, 0.5), (x, y, 0.25)) for x in (-0.2, 0.2) for y in (-0.2, 0.2)]
    parts = [trimesh.creation.box(size, trimesh.transformations.translation_matrix(at)) for size, at in boxes]
    return trimesh.util.concatenate(parts)


def solids(work) -> list[trimesh.Trimesh]:
    found = [obj.data for obj in work.objects("collision")]
    return [trimesh.Trimesh(meshes.vertices_of(m), meshes.triangles_of(m), process=False) for m in found]


def outside(found: list[trimesh.Trimesh], places: np.ndarray) -> np.ndarray:
    """How far each place is outside of the nearest hull, by scipy's own planes."""
    planes = [ConvexHull(each.vertices).equations for each in found]
    return np.min([(places @ p[:, :3].T + p[:, 3]).max(axis=1) for p in planes], axis=0)


def judged(done, mesh: trimesh.Trimesh) -> None:
    """Every hull is convex, closed, faces outwards; all the body is in one of them, but for what is told."""
    size = np.linalg.norm(mesh.extents)
    found = solids(done.work)
    assert len(found) == done.metrics["hulls"]
    for each in found:
        assert each.is_watertight and each.is_winding_consistent and each.volume > 0
        planes = ConvexHull(each.vertices)
        assert planes.volume == pytest.approx(each.volume, rel=1e-3), "no corner is inside of the hull of all"
        assert (each.vertices @ planes.equations[:, :3].T + planes.equations[:, 3]).max() < 1e-5 * size
    surface = trimesh.sample.sample_surface(mesh, 4000, seed=3)[0]
    far = outside(found, np.concatenate([mesh.vertices, surface])).max() / size
    assert 100 * far <= max(done.metrics["outside_percent"], 0) + 0.05
    assert done.metrics["outside_percent"] <= 0.505 and done.work.report.warnings == []
    told = sum(each.volume for each in found) / abs(mesh.volume)
    assert done.metrics["volume"] == pytest.approx(told, rel=0.02)


@pytest.mark.parametrize("count", [1, 3, 8])
def test_a_figure_is_in_its_hulls(run, figure, count):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo}, name="Owl")
    done = run("collide", hulls=count, corners=48)
    judged(done, trimesh.Trimesh(figure.vertices, figure.faces, process=False))
    assert 1 <= done.metrics["hulls"] <= count
    assert max(done.metrics["corners"]) <= 48


def test_more_hulls_are_tighter(run, stand):
    mesh = chair()
    stand(mesh)
    seen = []
    for count in (1, 4, 10):
        done = run("collide", hulls=count, slack=0.01)
        judged(done, mesh)
        seen.append((done.metrics["volume"], done.metrics["bulge_percent"]))
    assert seen[0][0] > 3, "one hull of a chair is mostly air"
    assert seen[1][0] < 0.7 * seen[0][0] and seen[2][0] < 0.8 * seen[1][0]
    assert seen[2][0] < 1.3 and seen[2][1] < 0.5 * seen[0][1]


def test_the_inside_of_a_ring_stays_free(run, stand):
    mesh = trimesh.creation.torus(1, 0.25, major_sections=48, minor_sections=16)
    stand(mesh)
    done = run("collide", hulls=8)
    judged(done, mesh)
    assert outside(solids(done.work), np.zeros((1, 3))) > 0.4, "what is thrown through the ring goes through"
    assert done.metrics["volume"] < 1.2


@pytest.mark.parametrize("mesh", [trimesh.creation.box((1, 2, 3)), trimesh.creation.icosphere(3)])
def test_what_is_convex_is_one_hull(run, stand, mesh):
    stand(mesh)
    done = run("collide", hulls=8, corners=128)
    judged(done, mesh)
    assert done.metrics["hulls"] == 1 and done.metrics["volume"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_size_does_not_matter(run, stand, scale):
    mesh = chair()
    mesh.apply_scale(scale)
    mesh.apply_translation([3 * scale, -2 * scale, scale])
    stand(mesh)
    done = run("collide", hulls=6, slack=0.01)
    judged(done, mesh)
    assert done.metrics["hulls"] == 6


def test_a_flat_sheet_gets_a_thin_hull(run, stand):
    stand(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]]))
    done = run("collide")
    (hull,) = solids(done.work)
    assert hull.is_watertight and 0 < hull.extents[2] < 0.02
    assert done.metrics["volume"] is None


def test_an_empty_body_says_so(run, stand):
    body = stand(chair())
    body.data.clear_geometry()
    with pytest.raises(UserError, match="no faces"):
        run("collide")


def test_once_more_replaces_what_was_there(run, stand):
    stand(chair(), "Owl")
    run("collide", hulls=3)
    work = run("collide", hulls=2).work
    assert [obj.name for obj in work.objects("collision")] == ["Owl_COL_00", "Owl_COL_01"], "the older ones are gone"
    for obj in work.objects("collision"):
        assert obj.parent == work.object("body") and obj.hide_render and obj.hide_viewport


def test_the_inside_is_where_trimesh_has_it():
    mesh = chair()
    within = Inside(np.asarray(mesh.vertices), np.asarray(mesh.faces))
    heights = np.linspace(-0.1, 1.2, 500)
    found = within.column(0.01, 0.02, heights)
    assert found[:, 2].tolist() == heights[np.abs(heights - 0.5) < 0.03].tolist(), "the seat alone is above the floor"
    assert not len(within.column(0.4, 0.0, heights))


def test_a_simple_hull_is_within_its_tolerance():
    ball = trimesh.creation.icosphere(4)
    whole = hulls.hull(np.asarray(ball.vertices))
    few = hulls.simplified(whole, 24, 0.001)
    assert len(few.points) == 24 and 0.6 < few.volume / whole.volume < 1
    assert 0 < few.above(whole.points).max() < 0.3
    many = hulls.simplified(whole, 128, 0.05)
    assert len(many.points) < 128 and many.above(whole.points).max() <= 0.05


@pytest.mark.parametrize("animal", [zoo.flipped, zoo.bowl, zoo.soup, zoo.fin, zoo.crowd, zoo.thousands])
def test_what_is_not_closed_gets_hulls_all_the_same(run, stand, animal):
    vertices, faces = animal()
    stand(trimesh.Trimesh(vertices, faces, process=False))
    done = run("collide", hulls=5)
    assert 1 <= done.metrics["hulls"] <= 5
    size = np.linalg.norm(np.ptp(vertices[np.unique(faces)], axis=0))
    assert outside(solids(done.work), vertices[np.unique(faces)]).max() / size < 0.03


def test_twice_is_the_same(run, stand):
    stand(chair())
    seen = []
    for _ in range(2):
        work = run("collide", hulls=6).work
        seen.append([meshes.vertices_of(obj.data).tolist() for obj in work.objects("collision")])
    assert seen[0] == seen[1]


def test_without_the_library_it_is_one_hull(run, stand, monkeypatch):
    monkeypatch.setitem(sys.modules, "coacd", None)
    stand(chair())
    done = run("collide", hulls=8)
    assert done.metrics["hulls"] == 1 and "CoACD" in done.work.report.warnings[0]


def test_closed_is_what_coacd_can_take():
    ball = trimesh.creation.icosphere(1).faces
    assert splitting.closed(np.asarray(ball)) and splitting.closed(np.asarray(ball)[:, ::-1])
    assert not splitting.closed(np.asarray(ball)[1:])
    turned = np.asarray(ball).copy()
    turned[3] = turned[3][::-1]
    assert not splitting.closed(turned)
    assert not splitting.closed(np.concatenate([ball, ball]))
