# SPDX-License-Identifier: GPL-3.0-or-later
"""The numeric parts of the relief backend against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from galatea.backend.geometry import filters, marching, mesh, poisson, regions
from galatea.backend.geometry.silhouette import outline


def grid(*sizes: int) -> np.ndarray:
    """Coordinates (axes, ...) from the middle of a grid, a little off the nodes."""
    axes = [np.arange(n) - (n - 1) / 2 + 0.13 for n in sizes]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def solid(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    body = trimesh.Trimesh(vertices, faces, process=False)
    assert body.is_watertight
    assert body.is_winding_consistent
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).astype(np.int64)
    key, back = directed @ [1 << 32, 1], directed @ [1, 1 << 32]
    assert len(np.unique(key)) == len(key), "an edge is used twice in the same direction"
    assert np.array_equal(np.sort(key), np.sort(back)), "an edge has no face on its other side"
    assert body.area_faces.min() > 0
    return body


def test_every_case_of_the_table_is_closed_off() -> None:
    counts, triangles = marching.table()
    assert counts[0] == counts[255] == 0
    assert (counts[1:255] > 0).all()
    for case in range(256):
        crossed = {i for i, (a, b) in enumerate(marching.EDGES) if (case >> a & 1) != (case >> b & 1)}
        used = set(triangles[case].reshape(-1).tolist()) - {-1}
        assert used == crossed, f"case {case}"


def test_the_sphere_has_its_area_volume_and_topology() -> None:
    radius = 20.0
    body = solid(*marching.isosurface(radius - np.linalg.norm(grid(47, 48, 49), axis=0)))
    assert body.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=3e-3)
    assert body.area == pytest.approx(4 * np.pi * radius**2, rel=3e-3)
    assert body.euler_number == 2
    assert np.allclose(body.centroid, np.array([46, 47, 48]) / 2 - 0.13, atol=0.01)


def test_the_torus_has_its_area_volume_and_topology() -> None:
    x, y, z = grid(60, 60, 24)
    large, small = 20.0, 7.0
    body = solid(*marching.isosurface((small - np.hypot(np.hypot(x, y) - large, z)).astype(np.float32)))
    assert body.volume == pytest.approx(2 * np.pi**2 * large * small**2, rel=1e-2)
    assert body.area == pytest.approx(4 * np.pi**2 * large * small, rel=1e-2)
    assert body.euler_number == 0


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_closed_and_manifold(seed: int) -> None:
    field = np.random.default_rng(seed).standard_normal((13, 14, 15)).astype(np.float32)
    vertices, faces = marching.isosurface(field, 0.1 * seed)
    solid(vertices, faces)
    # One fan of faces a vertex: as many as the vertex has neighbours, all in one ring.
    body = trimesh.Trimesh(vertices, faces, process=False)
    parts = body.split(only_watertight=False)
    assert len(np.concatenate([p.vertices for p in parts])) == len(vertices)


def test_all_inside_becomes_a_box_and_nothing_stays_nothing() -> None:
    body = solid(*marching.isosurface(np.ones((4, 5, 6))))
    assert body.euler_number == 2
    assert body.bounds[0].min() > -1
    assert len(marching.isosurface(-np.ones((4, 5, 6)))[1]) == 0


def test_nodes_exactly_on_the_level_make_no_flat_faces() -> None:
    x, y, z = np.round(grid(20, 20, 20) - 0.13 - 0.5)
    solid(*marching.isosurface(6 - np.abs(x) - np.abs(y) - np.abs(z)))


@pytest.mark.parametrize(("size", "error"), [(40, 0.01), (100, 0.003), (200, 0.001)])
def test_poisson_is_right_on_the_disc(size: int, error: float) -> None:
    radius = 0.45 * size
    distance = np.hypot(*grid(size, size + 7))
    u = poisson.solve(radius - distance)
    inside = distance < radius
    assert np.abs(u - (radius**2 - distance**2))[inside].max() < error * radius**2
    assert (u[~inside] < 0).all()


def test_poisson_of_lone_nodes_is_solved_in_one_step() -> None:
    level = np.full((12, 12), -0.5)
    level[3, 3] = level[8, 5] = 0.5
    u = poisson.solve(level)
    assert u[3, 3] == pytest.approx(u[8, 5]) and u[3, 3] == pytest.approx(4 * 0.5 / 4)  # four sides, half a cell away


def test_poisson_beyond_the_rim_goes_on_straight() -> None:
    """So the zero line of u, linear between nodes, is the circle, far finer than a cell."""
    radius = 30.37
    distance = np.hypot(*grid(72, 72))
    u = poisson.solve(radius - distance)
    near = (distance[:-1] < radius) & (distance[1:] > radius)
    a, b = u[:-1][near], u[1:][near]
    part = a / (a - b)
    truth = ((radius - distance[:-1])[near]) / np.diff(distance, axis=0)[near]
    assert np.abs(part - truth).max() < 0.25
    assert np.abs(part - truth).mean() < 0.03


def test_poisson_refuses_a_silhouette_at_the_border() -> None:
    with pytest.raises(ValueError, match="pad"):
        poisson.solve(np.ones((8, 8)))


def test_regions_are_counted_like_pixels_touch() -> None:
    mask = np.zeros((9, 12), bool)
    mask[1:4, 1:4] = mask[4:6, 4:8] = mask[0, 9] = mask[7, 0:12] = mask[6, 11] = mask[5, 10:12] = True
    labels, count = regions.label(mask)
    assert count == 4
    assert labels[5, 10] == labels[7, 0] != labels[4, 4]
    assert regions.label(mask, diagonal=True)[1] == 3
    assert regions.drop_small(mask, 2).sum() == mask.sum() - 1
    u = np.zeros((5, 5), bool)
    u[:, 0] = u[:, 4] = u[4] = True
    assert regions.label(u)[1] == 1
    assert regions.label(u[::-1])[1] == 1


def test_fill_spreads_known_colours_and_nothing_else() -> None:
    image = np.zeros((37, 50, 3), np.float32)
    weight = np.zeros((37, 50), np.float32)
    image[10:14, 10:14], weight[10:14, 10:14] = (1.0, 0.5, 0.25), 1
    assert np.allclose(filters.fill(image, weight), (1.0, 0.5, 0.25), atol=1e-3)


def test_grow_and_shrink_undo_each_other_on_a_large_square() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    assert np.array_equal(filters.grow(filters.shrink(mask, 4), 4) & mask, filters.grow(filters.shrink(mask, 4), 4))
    assert filters.shrink(mask, 4).sum() == 12 * 12
    assert not filters.shrink(np.ones((5, 5), bool), 3).any()


def test_guided_keeps_a_strong_edge_and_calms_a_weak_one() -> None:
    step = np.zeros((32, 32))
    step[:, 16:] = 1
    strong, weak = filters.guided(step, 4, 0.1), filters.guided(0.05 * step, 4, 0.1)
    assert strong[16, 17] - strong[16, 14] > 0.9
    assert weak[16, 17] - weak[16, 14] < 0.05 * 0.5


def test_a_thread_thinner_than_a_cell_survives_whole() -> None:
    alpha = np.zeros((40 * 4, 60 * 4), np.float32)
    for i in range(200):
        alpha[20 + i // 2, 20 + i : 22 + i] = 1
    level = outline(alpha, 4, blur=0.9)
    assert regions.label(level > 0)[1] == 1
    inside = np.argwhere(level > 0)
    assert np.ptp(inside[:, 0]) > 48


def test_smoothing_keeps_the_volume_and_calms_the_surface() -> None:
    noise = np.random.default_rng(1).standard_normal((44, 44, 44))
    vertices, faces = marching.isosurface(18 - np.linalg.norm(grid(44, 44, 44), axis=0) + 0.3 * noise)
    calm = mesh.smooth(vertices, faces, 8)
    before, after = solid(vertices, faces), solid(calm, faces)
    assert after.volume == pytest.approx(before.volume, rel=0.01)
    assert after.area < 0.95 * before.area
