# SPDX-License-Identifier: GPL-3.0-or-later
"""Cleaning mends what is broken, keeps what is right, and meets the budget."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.mesh import meshes
from galatea.addon.scene.lib.mesh.smooth import smooth
from galatea.backend.protocol.errors import UserError


def _bring(run, tmp_path, vertices, faces):
    np.savez(tmp_path / "mesh.npz", vertices=vertices.astype(np.float32), faces=faces.astype(np.int32))
    return run("bring", {"mesh": tmp_path / "mesh.npz"})


def _volume(mesh):
    points, faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
    a, b, c = (points[faces[:, k]] for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("budget", [500, 2000, 5000])
def test_the_budget_is_met_and_a_closed_mesh_stays_closed(run, figure, budget):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    done = run("clean", faces=budget)
    mesh = done.work.object("body").data
    assert 0.98 * budget <= len(mesh.polygons) <= budget
    assert done.metrics["faces"] == len(mesh.polygons)
    assert done.metrics["watertight"] and done.metrics["manifold"] and done.metrics["components"] == 1
    assert done.metrics["before"]["faces"] == len(figure.faces)
    low, high = meshes.bounds(meshes.vertices_of(mesh))
    assert np.allclose(high - low, figure.size, rtol=0.03), "the arm and the nose are still there"
    assert not done.report.warnings


def test_the_source_is_left_alone_and_no_mesh_is_left_behind(run, figure):
    run("bring", {"mesh": figure.mesh})
    done = run("clean", faces=800)
    assert len(done.work.object("source").data.polygons) == len(figure.faces)
    assert len(bpy.data.meshes) == 2
    assert not done.work.object("body").modifiers
    assert all(polygon.use_smooth for polygon in done.work.object("body").data.polygons)


def test_a_mesh_below_the_budget_keeps_its_faces(run, figure):
    run("bring", {"mesh": figure.mesh})
    done = run("clean", faces=50000, smooth=0)
    assert len(done.work.object("body").data.polygons) == len(figure.faces)


def test_uv_survives_so_that_the_picture_still_fits(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    done = run("clean", faces=3000)
    mesh = done.work.object("body").data
    points, uv = meshes.vertices_of(mesh), meshes.uv_of(mesh, "source").reshape(-1, 3, 2)
    height = points[meshes.triangles_of(mesh)][..., 2].ravel()
    assert np.corrcoef(height, uv[..., 1].ravel())[0, 1] > 0.95


def test_split_vertices_are_joined(run, figure, tmp_path):
    soup = figure.vertices[figure.faces].reshape(-1, 3)
    _bring(run, tmp_path, soup, np.arange(len(soup)).reshape(-1, 3))
    done = run("clean", faces=50000, smooth=0)
    assert done.metrics["before"]["watertight"] is False
    assert done.metrics["watertight"] is True
    assert done.metrics["vertices"] == len(figure.vertices)


def test_flipped_faces_are_turned_out(run, figure, tmp_path):
    faces = figure.faces.copy()
    faces[::7] = faces[::7, ::-1]
    _bring(run, tmp_path, figure.vertices, faces)
    done = run("clean", faces=50000, smooth=0)
    whole = (
        figure.vertices[figure.faces[:, 0]] * np.cross(*(figure.vertices[figure.faces[:, k]] for k in (1, 2)))
    ).sum()
    assert _volume(done.work.object("body").data) == pytest.approx(whole / 6, rel=1e-3)


def test_floaters_and_loose_vertices_go_and_large_parts_stay(run, figure, tmp_path):
    count = len(figure.vertices)
    parts = [figure.vertices, figure.vertices * 0.05 + [1, 0, 0], figure.vertices * 0.5 + [0, 2, 0], np.ones((5, 3))]
    faces = np.concatenate([figure.faces + k * count for k in range(3)])
    _bring(run, tmp_path, np.concatenate(parts), faces)
    done = run("clean", faces=50000, smooth=0)
    assert done.metrics["before"]["components"] == 3
    assert done.metrics["components"] == 2
    assert done.metrics["vertices"] == 2 * count
    assert run("clean", faces=50000, smooth=0, floaters=0.9).metrics["components"] == 1
    speck = [figure.vertices, figure.vertices * 0.01 + [1, 0, 0]]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    _bring(run, tmp_path, np.concatenate(speck), np.concatenate([figure.faces, figure.faces + count]))
    assert run("clean", faces=8000, smooth=0, floaters=0).metrics["components"] == 2


def test_small_holes_are_closed_and_a_large_opening_is_told(run, figure, tmp_path):
    centre = figure.vertices[figure.faces].mean(axis=1)
    hole = np.linalg.norm(centre - centre[3000], axis=1) < 0.025
    assert 3 < hole.sum() < 200
    _bring(run, tmp_path, figure.vertices, figure.faces[~hole])
    done = run("clean", faces=50000, smooth=0)
    assert done.metrics["before"]["watertight"] is False
    assert done.metrics["watertight"] is True

    bpy.ops.wm.read_factory_settings(use_empty=True)
    _bring(run, tmp_path, figure.vertices, figure.faces[centre[:, 2] < 0.6])
    done = run("clean", faces=50000, smooth=0)
    assert done.metrics["watertight"] is False
    assert "not closed" in done.report.warnings[0]


def test_twin_faces_go(run, figure, tmp_path):
    _bring(run, tmp_path, figure.vertices, np.concatenate([figure.faces, figure.faces[:50]]))
    done = run("clean", faces=50000, smooth=0)
    assert done.metrics["before"]["manifold"] is False
    assert done.metrics["watertight"] and done.metrics["faces"] == len(figure.faces)


def test_smoothing_takes_noise_away_and_keeps_an_edge():
    """A noisy roof: two planes at 90 degrees. The planes must get flatter and the ridge must not sink."""
    n = 40
    x, y = np.meshgrid(np.linspace(-1, 1, n + 1), np.linspace(-1, 1, n + 1))
    clean = np.stack([x, y, 1 - np.abs(x)], axis=-1).reshape(-1, 3)
    noise = np.random.default_rng(0).normal(0, 0.006, (len(clean), 1)) * np.float32([0, 0, 1])
    i = np.arange(n * (n + 1)).reshape(n, n + 1)[:, :-1].ravel()
    faces = np.concatenate([np.stack([i, i + 1, i + n + 2], 1), np.stack([i, i + n + 2, i + n + 1], 1)]).astype(
        np.int32
    )
    after = smooth((clean + noise).astype(np.float32), faces, 0.6)
    wrong_before = np.abs((clean + noise)[:, 2] - (1 - np.abs((clean + noise)[:, 0]))).mean()
    wrong_after = np.abs(after[:, 2] - (1 - np.abs(after[:, 0]))).mean()
    assert wrong_after < 0.6 * wrong_before
    ridge = np.abs(x.ravel()) < 1e-9
    assert after[ridge, 2].mean() > 0.985
    assert np.array_equal(smooth(clean.astype(np.float32), faces, 0.0), clean.astype(np.float32))


def test_components_of_long_chains_and_many_parts():
    chain = np.stack([np.arange(999), np.arange(1, 1000), np.arange(1, 1000)], axis=1).astype(np.int32)
    shuffled = np.random.default_rng(1).permutation(1000).astype(np.int32)[chain]
    assert len(np.unique(meshes.components(1000, shuffled))) == 1
    assert len(np.unique(meshes.components(1000, chain[::2]))) == 500


def test_a_mesh_of_which_nothing_is_left_is_told(run, tmp_path):
    line = np.stack([np.linspace(0, 1, 4), np.zeros(4), np.zeros(4)], axis=1)
    _bring(run, tmp_path, line, np.array([[0, 1, 2], [1, 2, 3]]))
    with pytest.raises(UserError, match="Nothing is left"):
        run("clean")
