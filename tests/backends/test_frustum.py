# SPDX-License-Identifier: GPL-3.0-or-later
"""From a volume along rays to points in the world, and what is done on the way."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from galatea.backend.geometry import frustum, parts, rays, visible
from galatea.backend.geometry.marching import isosurface

FOCAL = 2.5


def ball(cells: int, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """Logits of a ball that lies in space, in a frustum of FOCAL."""
    nodes = np.stack(np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    space = frustum.to_space(nodes.astype(np.float32), (cells, cells, cells), FOCAL)
    return (8 * (radius - np.linalg.norm(space - centre, axis=1))).reshape(cells, cells, cells).astype(np.float32)


def surface(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points, faces = isosurface(volume)
    return frustum.to_space(points, volume.shape, FOCAL), np.ascontiguousarray(faces[:, ::-1])


def test_a_ball_comes_out_round_where_it_was_and_its_faces_look_outwards() -> None:
    centre = (0.2, -0.3, 0.4)
    space, faces = surface(ball(96, centre, 0.5))
    assert np.abs(np.linalg.norm(space - centre, axis=1) - 0.5).max() < 0.02
    mesh = trimesh.Trimesh(space, faces, process=False)
    assert mesh.is_watertight and mesh.volume == pytest.approx(4 / 3 * np.pi * 0.5**3, rel=0.02)


def test_back_and_forth() -> None:
    rng = np.random.default_rng(0)
    nodes = rng.uniform(0, 31, (100, 3)).astype(np.float32)
    uvd = frustum.from_space(frustum.to_space(nodes, (32, 32, 32), FOCAL), FOCAL)
    again = np.stack([uvd[:, 2] / frustum.DEEP, uvd[:, 1], uvd[:, 0]], axis=1)
    assert np.abs((again + 1) * 16 - 0.5 - nodes).max() < 1e-4


def test_upright_puts_what_is_up_in_the_picture_up_and_the_near_side_to_minus_y() -> None:
    up_near_right = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float32)
    assert np.allclose(frustum.upright(up_near_right, 0.0), [[0, 0, 1], [0, -1, 0], [1, 0, 0]])
    seen_from_above = frustum.upright(up_near_right, np.radians(90))
    assert np.allclose(seen_from_above, [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-6)


def test_finer_keeps_a_linear_field_and_the_cells_centres() -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None], (2, 8, 8)).copy()
    fine = frustum.finer(ramp, 32, 16)
    assert fine.shape == (2, 32, 16)
    wanted = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    assert np.allclose(fine[1, :, 5], wanted)


def plate(cells: int, depth: float, thick: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A plate across the picture: its front, its profile, and a mask that shows its middle."""
    places = rays.places(64)
    profile = np.broadcast_to(((thick - places) * 50)[:, None, None], (64, cells, cells))
    mask = np.zeros((cells, cells), np.float32)
    mask[cells // 4 : -cells // 4, cells // 4 : -cells // 4] = 1
    return np.full((cells, cells), depth, np.float32), np.ascontiguousarray(profile, np.float32), mask


@pytest.mark.parametrize(("depth", "thick"), [(-0.5, 0.4), (0.3, 0.9), (0.0, 0.0)])
def test_a_plate_lies_where_its_rays_say_and_only_under_the_mask(depth: float, thick: float) -> None:
    front, profile, mask = plate(48, depth, thick)
    volume = rays.volume(front, mask, 96, rays.predicted(profile), lambda: None)
    assert volume.shape == (96, 48, 48) and (volume[:, mask == 0] < 0).all()
    points, faces = isosurface(volume)
    assert trimesh.Trimesh(points, faces, process=False).is_watertight
    reached = frustum.from_space(frustum.to_space(points, (96, 48, 48), FOCAL), FOCAL)[:, 2]
    cell = 2 * frustum.DEEP / 96
    assert reached.min() == pytest.approx(depth, abs=0.1 * cell)
    assert reached.max() == pytest.approx(depth + max(thick, 1.5 * cell), abs=cell)


def test_the_volume_is_that_of_training() -> None:
    torch = pytest.importorskip("torch")
    from galatea.backend.learn.model import network

    rng = np.random.default_rng(0)
    front = rng.uniform(-1, 1, (16, 16)).astype(np.float32)
    profile = rng.normal(size=(64, 16, 16)).astype(np.float32) * 4
    ours = rays.volume(front, np.ones((16, 16), np.float32), 96, rays.predicted(profile), lambda: None)
    theirs = network.volume(torch.from_numpy(front)[None, None], torch.from_numpy(profile)[None], 96)[0].numpy()
    differs = (ours > 0) != (theirs > 0)
    depth = ((np.arange(96) + 0.5) / 48 - 1) * frustum.DEEP
    thin = depth[:, None, None] - front < rays.STEEPEST + 0.01
    assert not (differs & ~thin).any(), "but for how thick the thinnest part is made"


def test_sample_is_linear_between_cells_and_constant_beyond() -> None:
    volume = np.zeros((1, 4, 8, 8), np.float32)
    volume[0] = np.arange(8)
    place = np.array([[0.0, 0, 0], [-1, 0, 0], [5, 0, 0], [0.25, 0.3, 1.0]], np.float32)
    assert np.allclose(frustum.sample(volume, place)[:, 0], [3.5, 0, 7, 4.5])


def test_crumbs_and_hollows_go() -> None:
    field = np.full((40, 40, 40), -1.0, np.float32)
    field[4:30, 4:30, 4:30] = 1
    field[10:20, 10:20, 10:20] = -1
    field[35:38, 35:38, 35:38] = 1
    points, faces = isosurface(field)
    kept, left = parts.without_crumbs(points, faces, 0.01)
    mesh = trimesh.Trimesh(kept, left, process=False)
    assert mesh.is_watertight and mesh.body_count == 1
    assert kept.max() < 31 and len(kept) < len(points)


def test_spread_reaches_what_is_unknown_and_leaves_what_is_known() -> None:
    body = trimesh.creation.icosphere(3)
    values = np.full((len(body.vertices), 3), 0.7, np.float32)
    known = (body.vertices[:, 2] > 0).astype(np.float32)
    out = parts.spread(values * known[:, None], known, body.faces.astype(np.int32), 60)
    assert np.allclose(out[known == 1], 0.7)
    near = (body.vertices[:, 2] <= 0) & (body.vertices[:, 2] > -0.2)
    assert (out[near] > 0.3).all()


def test_only_the_near_side_of_a_ball_is_seen_and_what_hides_behind_is_not() -> None:
    volume = np.maximum(ball(96, (0, 0, -0.5), 0.3), ball(96, (0, 0, 0.6), 0.3))
    space, faces = surface(volume)
    trust = visible.seen(space, faces, frustum.from_space(space, FOCAL), FOCAL)
    front = space[:, 2] < 0
    assert trust[front & (space[:, 2] < -0.7)].min() > 0.9
    assert trust[front & (space[:, 2] > -0.45)].max() < 0.05
    middle = np.hypot(space[:, 0], space[:, 1]) < 0.2
    assert trust[~front & middle].max() < 0.05
