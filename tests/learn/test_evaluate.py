# SPDX-License-Identifier: GPL-3.0-or-later
"""The scores on shapes whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from galatea.backend.geometry.pose import overlap
from galatea.backend.learn.evaluate import baselines, metrics, pose, views
from galatea.backend.learn.evaluate.align import Similarity, align, fit, rotations
from galatea.backend.learn.evaluate.shape import Cloud, Shape, sample

from .judged import chair, posed, shape


def test_chamfer_of_a_sphere_in_a_sphere() -> None:
    inner, outer = (
        sample(shape(trimesh.creation.icosphere(5, radius)), 10_000, seed) for radius, seed in ((0.4, 1), (0.5, 2))
    )
    values = metrics.compare(inner, outer)
    assert values["cd"] == pytest.approx(0.1, abs=2e-3)
    assert values["f0.05"] == 0
    assert values["f0.1"] < 0.6  # the samples stand a little further apart than the spheres
    assert values["nc"] > 0.99


def test_chamfer_is_not_squared_and_the_mean_of_both_ways() -> None:
    a = Cloud(np.array([[0.0, 0, 0], [1, 0, 0]]), np.tile([0.0, 0, 1], (2, 1)))
    b = Cloud(np.array([[0.0, 0, 0.04]]), np.tile([0.0, 1, 0], (1, 1)))
    values = metrics.compare(a, b)
    assert values["cd"] == pytest.approx(((0.04 + np.hypot(1, 0.04)) / 2 + 0.04) / 2)
    assert values["f0.02"] == 0
    assert values["f0.05"] == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert values["nc"] == 0


def test_scores_are_the_same_either_way_round() -> None:
    a, b = sample(shape(chair()), 3000, 1), sample(shape(trimesh.creation.icosphere(3, 0.5)), 3000, 2)
    forth, back = metrics.compare(a, b), metrics.compare(b, a)
    assert forth == pytest.approx(back)


def test_normals_of_a_cube_agree_with_themselves_whatever_the_winding() -> None:
    box = trimesh.creation.box((1, 1, 1))
    cloud = sample(shape(box), 5000)
    flipped = sample(Shape.of(box.vertices, box.faces[:, ::-1]), 5000)
    assert metrics.compare(cloud, cloud)["nc"] == pytest.approx(1)
    assert metrics.compare(cloud, flipped)["nc"] > 0.97


def test_samples_are_spread_by_area_and_pass_holes_by() -> None:
    vertices = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 5), (3, 0, 5), (0, 3, 5)]
    body = Shape.of(vertices, [(0, 1, 2), (3, 4, 5)])
    points = sample(body, 20_000).points
    assert (points[:, 2] > 4).mean() == pytest.approx(0.9, abs=0.01)
    pierced = Shape(body.vertices, body.faces, opaque=lambda face, weights: (face == 0) & (weights[:, 0] > 0.5))
    left = sample(pierced, 1000).points
    assert len(left) == 1000
    assert (left[:, 2] == 0).all()
    assert (left[:, :2].sum(axis=1) < 0.5).all()


def test_the_rotations_hold_the_cube_and_the_turntable_and_leave_no_gap() -> None:
    turns = rotations()
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(turns), 1)
    whole = np.isclose(np.abs(turns).max(axis=2), 1).all(axis=1)
    assert len(np.unique(np.round(turns[whole]), axis=0)) == 24
    assert (np.abs(turns[:24, 2, 2] - 1) < 1e-9).all()
    anywhere = Rotation.random(500, random_state=0).as_matrix()
    best = (np.einsum("aij,bij->ab", anywhere, turns).max(axis=1) - 1) / 2
    assert np.degrees(np.arccos(best)).max() < 35


def test_fit_finds_the_similarity_and_never_a_mirror() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3))
    move = Similarity(0.3, Rotation.random(random_state=1).as_matrix(), np.array([1.0, -2, 3]))
    found = fit(points, move(points))
    assert np.allclose(found(points), move(points))
    assert np.allclose(found.inverse()(move(points)), points)
    assert np.linalg.det(fit(points, points * (-1, 1, 1)).rotation) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_align_recovers_a_similarity(seed: int) -> None:
    body = shape(chair())
    moved = posed(body, seed)
    move = align(sample(moved, 3000, 1).points, sample(body, 3000, 2).points)
    assert np.abs(move(moved.vertices) - body.vertices).max() < 0.02


def test_the_score_does_not_depend_on_the_pose() -> None:
    truth = shape(chair())
    prediction = Shape.of(*_bent(chair()))
    found = [metrics.score(posed(prediction, seed), truth).values for seed in range(4)]
    for name, tolerance in (("cd", 0.002), ("f0.05", 0.04), ("nc", 0.04), ("iou", 0.03)):
        values = [f[name] for f in found]
        assert np.ptp(values) < tolerance, (name, values)
    assert found[0]["cd"] < 0.05


def _bent(mesh: Any) -> tuple[Any, Any]:
    mesh = mesh.subdivide().subdivide()
    return mesh.vertices * (1, 0.8, 1) + 0.08 * np.sin(5 * mesh.vertices[:, [2, 0, 1]]), mesh.faces


def test_a_shape_scores_well_against_itself_and_better_than_a_ball() -> None:
    truth = shape(chair())
    own, ball = (metrics.score(body, truth).values for body in (posed(truth, 5), baselines.sphere()(Path(), "")))
    assert own["cd"] < 0.012
    assert own["f0.02"] > 0.95
    assert own["iou"] > 0.95
    assert own["nc"] > 0.9
    assert all(own[name] > ball[name] for name in ("f0.02", "f0.05", "nc", "iou"))
    assert own["cd"] < ball["cd"] / 3
    assert "psnr" not in own


def test_what_is_hidden_inside_counts_only_for_the_whole() -> None:
    shell, inside = trimesh.creation.box((1, 1, 1)), trimesh.creation.box((0.4, 0.4, 0.4))
    values = metrics.score(shape(shell), shape(trimesh.util.concatenate([shell, inside])), aligned=True).values
    assert values["cd_outer"] < 0.015
    assert values["cd"] > values["cd_outer"] + 0.01
    assert values["f0.02"] < values["f0.02_outer"]


def test_watertight_merges_seams() -> None:
    box = trimesh.creation.box((1, 1, 1))
    apart = Shape.of(box.vertices[box.faces.reshape(-1)], np.arange(36).reshape(-1, 3))
    assert metrics.watertight(apart)
    assert not metrics.watertight(Shape.of(box.vertices, box.faces[:-1]))


def test_views_see_colours_from_where_they_should() -> None:
    mesh = trimesh.creation.box((1, 1, 1)).subdivide().subdivide()
    colors = np.where(mesh.vertices[:, [1]] < -0.49, (255, 0, 0), (0, 0, 255)).astype(np.uint8)
    body = Shape.of(mesh.vertices, mesh.faces, colors)
    seen = views.look(body, views.tracer(body), radius=0.9, side=64)
    assert np.allclose(seen.albedo[0, 36, 32], (1, 0, 0))
    assert np.allclose(seen.albedo[4, 36, 32], (0, 0, 1))
    assert np.allclose(seen.albedo[2, 36, 32 - 18], (1, 0, 0), atol=0.9)  # from +X the front is on the left
    assert seen.covered.mean() == pytest.approx(1.33 / 3.24, abs=0.15)
    assert views.overlap(seen, seen) == 1
    assert views.psnr(seen.albedo, seen.albedo) == 60
    assert views.ssim(seen.albedo, seen.albedo) == pytest.approx(1)


def test_psnr_of_a_known_error() -> None:
    a = np.zeros((2, 16, 16, 3))
    assert views.psnr(a, a + 0.1) == pytest.approx(20)
    assert views.ssim(a, a + 0.5) < 0.01


@pytest.mark.parametrize(
    "vertices,faces,why",
    [
        (np.zeros((0, 3)), np.zeros((0, 3), int), "no triangle mesh"),
        ([(0, 0, np.nan), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], "not numbers"),
        ([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 3)], "without vertices"),
        ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [(0, 1, 2)], "no area"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices: Any, faces: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Shape.of(vertices, faces)


def test_one_truth_serves_many_predictions() -> None:
    truth = metrics.Truth.of(shape(chair()))
    for body in (shape(trimesh.creation.box((1, 0.5, 2))), posed(shape(chair()), 3)):
        again = metrics.score(body, shape(chair()), aligned=True)
        assert metrics.score(body, truth, aligned=True).values == again.values


@pytest.mark.parametrize(
    "taken", [pose.Pose(20, 35, 40), pose.Pose(-10, 5, 12), pose.Pose(0, -15, 30, 0.96, 0.03, -0.02)], ids=str
)
def test_the_camera_of_a_photo_is_found_again(taken: pose.Pose) -> None:
    body = shape(chair())
    subject = pose.Subject.of(body.moved(metrics.normalised(body.vertices)))
    mask = pose.render(subject, taken)[1] > 0.5
    found = pose.find(subject, mask)
    assert overlap(pose.render(subject, found)[1] > 0.5, mask) > 0.94
    assert abs(found.azimuth - taken.azimuth) < 6
    assert abs(found.elevation - taken.elevation) < 8


def test_the_pictures_agree_with_the_camera() -> None:
    """Red to the right of the object, which is +X seen from the front, and the ground green."""
    box = trimesh.creation.box((1, 1, 1)).subdivide().subdivide()
    colors = np.zeros((len(box.vertices), 3))
    colors[box.vertices[:, 0] > 0.2] = (1, 0, 0)
    colors[box.vertices[:, 2] < -0.4] = (0, 1, 0)
    body = Shape.of(box.vertices, box.faces, colors)
    seen, cover = pose.render(pose.Subject.of(body), pose.Pose(0, 0, 10))
    rows, columns = np.flatnonzero((cover > 0.5).any(axis=1)), np.flatnonzero((cover > 0.5).any(axis=0))
    assert len(rows) == pytest.approx(0.85 * pose.SIDE, abs=2)
    assert np.allclose(seen[rows[0] + 60, columns[-1] - 5], (1, 0, 0), atol=0.05)
    assert np.allclose(seen[rows[-1] - 3, columns[0] + 20], (0, 1, 0), atol=0.1)
    assert np.allclose(seen[rows[0] + 60, columns[0] + 20], 0, atol=0.05)
    assert np.allclose(seen[0, 0], pose.GREY)
