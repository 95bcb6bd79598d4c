# SPDX-License-Identifier: GPL-3.0-or-later
"""Surfaces out of fields: the published way against the reference's, ours against all points evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from safetensors.torch import load_file
from torch import Tensor

from galatea.backend.geometry import marching
from galatea.backend.networks.triposg import published, surface

FIXTURES = Path(__file__).parent / "fixtures" / "triposg"


@pytest.fixture(scope="module")
def known() -> dict[str, Tensor]:
    return load_file(FIXTURES / "tiny_io.safetensors")


def ellipsoid(points: Tensor) -> Tensor:
    """That of the fixture."""
    away = (points - points.new_tensor([0.2, -0.1, 0.05])) * points.new_tensor([1.0, 1.4, 0.8])
    return 60 * (0.55 - away.norm(dim=1))


def chair(points: Tensor) -> Tensor:
    """Minus the distance to a seat, a back, and four legs that are thinner than a cell of the first lattice."""

    def box(middle: tuple[float, float, float], half: tuple[float, float, float]) -> Tensor:
        q = (points - points.new_tensor(middle)).abs() - points.new_tensor(half)
        return q.clamp(min=0).norm(dim=1) + q.amax(1).clamp(max=0)

    legs = [box((x, -0.5, z), (0.02, 0.5, 0.02)) for x in (-0.46, 0.46) for z in (-0.46, 0.46)]
    return -torch.stack([box((0, 0, 0), (0.5, 0.03, 0.5)), box((0, 0.5, -0.48), (0.5, 0.5, 0.02)), *legs]).amin(0)


FIELDS = {
    "ellipsoid": ellipsoid,
    "chair": chair,
    "chair, truncated": lambda p: (40 * chair(p)).clamp(-1, 1),
    "chair, saturated": lambda p: (500 * chair(p)).clamp(-8, 8),
}


def dense(field: surface.Field, depth: int) -> tuple[np.ndarray, np.ndarray]:
    axis = torch.linspace(-surface.BOUND, surface.BOUND, (1 << depth) + 1)
    values = field(torch.cartesian_prod(axis, axis, axis)).view(*[len(axis)] * 3)
    vertices, faces = marching.isosurface(values.numpy())
    return vertices / (1 << depth) * 2 * surface.BOUND - surface.BOUND, faces


def mesh(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices, faces, process=False)


def sorted_rows(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T[::-1])]


def test_the_published_way_asks_for_the_same_points(known: dict[str, Tensor]) -> None:
    axis, coarse = published.first(ellipsoid, 4, surface.BOUND, 1000, torch.device("cpu"), lambda part: None)
    assert torch.equal(axis.float(), known["hierarchy.coarse_axis"])
    places = ((published.second(coarse).float() - 16) / 16 * surface.BOUND).half().float()
    assert len(places) == 16032
    assert np.array_equal(sorted_rows(places.numpy()), sorted_rows(known["hierarchy.fine_points"].numpy()))


def test_the_published_way_makes_the_same_surface(known: dict[str, Tensor]) -> None:
    vertices, faces, _ = published.find(ellipsoid, 5)
    wanted = known["hierarchy.vertices"].numpy()
    assert vertices.shape == wanted.shape == (1366, 3)
    assert faces.shape == tuple(known["hierarchy.faces"].shape) == (2728, 3)
    cell = 2 * surface.BOUND / 32
    gap = np.linalg.norm(vertices[:, None] - wanted[None], axis=2)
    assert gap.min(0).max() < 0.011 * cell and gap.min(1).max() < 0.011 * cell  # ours keep 1 % off the lattice's points
    made = mesh(vertices, faces)
    assert made.is_watertight and made.volume == pytest.approx(0.617, abs=0.001)  # upstream's winds inwards: -0.617


@pytest.mark.parametrize("name", FIELDS)
def test_ours_finds_what_all_points_would_show(name: str) -> None:
    field = FIELDS[name]
    vertices, faces, asked = surface.find(field, 6, first=4)
    wanted, wanted_faces = dense(field, 6)
    assert len(faces) == len(wanted_faces)
    assert np.allclose(sorted_rows(vertices.round(4)), sorted_rows(wanted.round(4)), atol=2e-4)
    assert asked < 0.25 * 65**3
    made = mesh(vertices, faces)
    assert made.is_watertight and made.is_winding_consistent and made.volume > 0


def test_few_points_are_asked_at_full_size() -> None:
    """Of 256 cells a side: under 4 %, thin legs and all, and nothing is asked twice."""
    seen: list[Tensor] = []

    def counted(points: Tensor) -> Tensor:
        seen.append(points)
        return chair(points)

    vertices, faces, asked = surface.find(counted, 8)
    places = torch.cat(seen)
    index = ((places + surface.BOUND) * 128 / surface.BOUND).round().long()
    assert asked == len(places) == len(torch.unique((index[:, 0] * 257 + index[:, 1]) * 257 + index[:, 2]))
    assert asked < 0.04 * 257**3
    made = mesh(vertices, faces)
    assert made.is_watertight
    assert made.volume == pytest.approx(0.1056, rel=0.01)


def test_a_surface_that_leaves_its_cells_is_followed() -> None:
    """A long rod, seen by the first lattice at one end alone, in a field that tells nothing from afar."""

    def rod(points: Tensor) -> Tensor:
        head = (points - points.new_tensor([-0.6, 0.03, 0.03])).norm(dim=1) - 0.12
        q = (points - points.new_tensor([0.0, 0.03, 0.03])).abs() - points.new_tensor([0.6, 0.02, 0.02])
        inside = (head < 0) | (q < 0).all(1)
        return torch.where(inside, 1.0, -1.0)

    vertices, faces, _ = surface.find(rod, 7, first=4)
    assert vertices[:, 0].max() > 0.58
    assert mesh(vertices, faces).is_watertight


def test_what_reaches_the_border_is_closed() -> None:
    vertices, faces, _ = surface.find(lambda p: 1.0 - p[:, 0].abs() * 0 - (p[:, 1:] ** 2).sum(1), 5, first=3)
    made = mesh(vertices, faces)
    assert made.is_watertight and made.volume > 0
    assert np.abs(vertices).max() <= surface.BOUND


@pytest.mark.parametrize("find", [surface.find, published.find])
def test_no_surface(find: object) -> None:
    vertices, faces, _ = find(lambda p: -torch.ones(len(p)), 5)  # type: ignore[operator]
    assert vertices.shape == (0, 3) and faces.shape == (0, 3)


def test_chunks_change_nothing_and_tell_how_far_it_is() -> None:
    parts: list[float] = []
    whole = surface.find(ellipsoid, 6, first=4)
    small = surface.find(ellipsoid, 6, first=4, chunk=777, beat=parts.append)
    assert all(np.array_equal(a, b) for a, b in zip(whole, small, strict=True))
    assert parts == sorted(parts) and parts[-1] > 0.9 and len(parts) > 10


def test_it_can_be_stopped() -> None:
    def stop(part: float) -> None:
        if part > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        surface.find(ellipsoid, 6, first=4, chunk=100, beat=stop)
