# SPDX-License-Identifier: GPL-3.0-or-later
"""What is evaluated near the surface only is the surface of all points."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from galatea.backend.geometry.marching import isosurface
from galatea.backend.networks import lattice, triplane, triposr

from .conftest import Fitted

CPU = torch.device("cpu")


def test_sparse_is_dense_on_a_fitted_field(fitted: Fitted) -> None:
    codes = fitted.codes
    sparse, dense = fitted.model.mesh(codes, 97), fitted.model.mesh(codes, 97, dense=True)
    assert len(sparse[1]) > 5000
    for ours, wanted in zip(sparse, dense, strict=True):
        assert ours.shape == wanted.shape and np.allclose(ours, wanted, atol=1e-6)
    assert (sparse[1] == dense[1]).all()


@torch.inference_mode()
def test_the_mesh_is_that_of_all_points_read_one_by_one(fitted: Fitted) -> None:
    """Nothing folded, nothing left out: planes read at every point, all in one array."""
    codes = fitted.codes
    count = 64
    axis = torch.linspace(0, 1, count) * 1.74 - 0.87
    points = torch.cartesian_prod(axis, axis, axis)
    unit = points / 0.87
    read = [
        torch.nn.functional.grid_sample(codes[n : n + 1], unit[None, None][..., pair], align_corners=False)[0, :, 0]
        for n, pair in enumerate(([0, 1], [0, 2], [1, 2]))
    ]
    raw = fitted.model.network.decoder(torch.cat(read).T)
    density = torch.exp(raw[:, 0] - 1).view(count, count, count).numpy()
    wanted, faces = isosurface(np.pad(density, 1), 25.0)
    wanted -= 1
    found, found_faces, _ = fitted.model.mesh(codes, count)
    assert (faces == found_faces).all()
    wanted = triposr.turned(wanted / np.float32(count - 1) * np.float32(1.74) - np.float32(0.87))
    assert np.abs(wanted - found).max() < 1e-4 * 1.74 / count


@torch.inference_mode()
def test_few_points_are_evaluated(fitted: Fitted) -> None:
    field = triplane.Field(fitted.codes, fitted.model.network.decoder.layers)
    found = lattice.sample(triplane.Lattice(field, 160).density, 160, 25.0, device=CPU, chunk=8192)
    assert found.evaluated < 0.2 * 160**3
    assert found.values.size < 160**3


def rod(index: torch.Tensor) -> torch.Tensor:
    """A ball with a rod between the coarse points, five points thick at the ball and one at its far end, and a loose
    rod that no coarse point sees."""
    p = index.float()
    ball = 10 - (p - 20).norm(dim=1)
    across = torch.maximum((p[:, 1] - 22).abs(), (p[:, 2] - 22).abs())
    long = torch.minimum(1.4 - across, torch.minimum(p[:, 0] - 20, 70 - p[:, 0]))
    loose = torch.maximum((p[:, 0] - 62).abs(), (p[:, 1] - 62).abs())
    loose = torch.minimum(1.4 - loose, torch.minimum(p[:, 2] - 30, 60 - p[:, 2]))
    return 25 + torch.stack([ball, long, loose]).amax(dim=0)


def surface(found: lattice.Sampled) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    points, faces = isosurface(found.values, 25.0)
    return points + np.array(found.first, np.float32), faces


def test_what_hangs_on_the_seen_is_followed_and_the_loose_needs_dense() -> None:
    points, _ = surface(lattice.sample(rod, 82, 25.0, device=CPU, chunk=512))
    assert points[:, 0].max() > 69 and points[:, 1].max() < 40
    every = lattice.sample(rod, 82, 25.0, device=CPU, chunk=512, dense=True)
    assert surface(every)[0][:, 1].max() > 62
    assert every.evaluated >= 82**3


def test_a_margin_sees_what_comes_near_the_level() -> None:
    def near(index: torch.Tensor) -> torch.Tensor:
        p = index.float()
        ball = 10 - (p - 20).norm(dim=1)
        loose = 2.0 - (p - 58).norm(dim=1) * 0.9  # its centre lies half-way between coarse points
        out: torch.Tensor = 25 + torch.maximum(ball, loose)
        return out

    assert surface(lattice.sample(near, 82, 25.0, device=CPU, chunk=512))[0].max() < 40
    assert surface(lattice.sample(near, 82, 25.0, device=CPU, chunk=512, margin=0.1))[0].max() > 58


@pytest.mark.parametrize("count", [2, 3, 5, 8, 9, 34, 35, 36, 37])
def test_any_count_and_a_thing_that_fills_the_cube(count: int) -> None:
    """Inside at one border, so the box must keep it; a hollow within."""

    def at(index: torch.Tensor) -> torch.Tensor:
        p = index.float() / (count - 1)
        hollow = (p - torch.tensor([0.2, 0.5, 0.5])).norm(dim=1) - 0.15
        out: torch.Tensor = 25 + torch.minimum(0.6 - p[:, 0], hollow)
        return out

    index = torch.cartesian_prod(*[torch.arange(count)] * 3)
    wanted, faces = isosurface(np.pad(at(index).view(count, count, count).numpy(), 1), 25.0)
    points, found = surface(lattice.sample(at, count, 25.0, device=CPU, chunk=100))
    assert (faces == found).all() and np.allclose(points, wanted - 1, atol=1e-4)


def test_a_thing_smaller_than_a_coarse_cell_is_found_when_it_is_all_there_is() -> None:
    def speck(index: torch.Tensor) -> torch.Tensor:
        away: torch.Tensor = (index.float() - 18).norm(dim=1)
        return 26.5 - away

    points, _ = surface(lattice.sample(speck, 41, 25.0, device=CPU, chunk=512))
    assert len(points) > 5 and np.abs(points.mean(axis=0) - 18).max() < 0.1
