# SPDX-License-Identifier: GPL-3.0-or-later
"""What closes a body behind what the photo shows, on rays that are known; no two sides of the figure are alike."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from galatea.backend.geometry import body, bulge, certain, frustum, rays

RAYS, GRID, FOCAL = 48, 96, 2.5


def figure(elevation: float, focal: float = FOCAL) -> body.View:
    """An upright egg with a small ball beside it, nearer: true first hits, 0.6 of what is unlike it behind them."""
    balls = [((0.0, 0.1, 0.0), (0.35, 0.3, 0.55)), ((0.5, -0.35, -0.2), (0.2, 0.2, 0.2))]
    front, meets = cast(balls, elevation, focal, RAYS)
    _, mask = cast(balls, elevation, focal, GRID)
    places = rays.places(64)
    profile = np.broadcast_to(((0.6 - places) * 50)[:, None, None], (64, RAYS, RAYS)).copy()
    return body.View(front, profile, meets, mask.astype(np.float32), focal, elevation)


def cast(balls: list[tuple[tuple[float, ...], tuple[float, ...]]], elevation: float, focal: float, count: int):
    """First hits (count, count) of ellipsoids (middle, radii) that stand upright, and where there are any."""
    v, u = np.meshgrid(*[(np.arange(count) + 0.5) / count * 2 - 1] * 2, indexing="ij")
    way = np.stack([u / focal, v / focal, np.ones_like(u)], axis=-1).reshape(-1, 3).astype(np.float32)
    way = frustum.upright(way, elevation).astype(np.float64)
    eye = frustum.upright(np.array([[0, 0, -focal]], np.float32), elevation)[0].astype(np.float64)
    best = np.full(len(way), np.inf)
    for middle, radii in balls:
        o, w = (eye - middle) / np.array(radii), way / np.array(radii)
        a, b, c = (w * w).sum(1), (w * o).sum(1), o @ o - 1
        root = b * b - a * c
        hit = (-b - np.sqrt(np.maximum(root, 0))) / a
        best = np.where((root > 0) & (hit < best), hit, best)
    meets = np.isfinite(best).reshape(count, count)
    return np.where(meets, best.reshape(count, count) - focal, 0).astype(np.float32), meets


def build(view: body.View, back: str, symmetry: bool = False) -> trimesh.Trimesh:
    silent = lambda phase, part: None  # noqa: E731
    options = {"solid": 0.5, "smooth": 2, "crumbs": 0.0, "soft": 0.0, "progress": silent}
    made = body.build(view, back=back, symmetry=symmetry, **options)
    mesh = trimesh.Trimesh(frustum.upright(made.space, view.elevation), made.faces, process=False)
    assert mesh.is_watertight and mesh.volume > 0
    return mesh


@pytest.mark.parametrize("elevation", [0.0, 0.5])
@pytest.mark.parametrize("back", body.BACKS)
def test_the_front_is_that_of_the_photo_and_the_body_is_closed(back: str, elevation: float) -> None:
    view = figure(elevation)
    mesh = build(view, back)
    shown = rays.spots(view.front, FOCAL)[view.meets]
    near = cKDTree(mesh.vertices).query(frustum.upright(shown, elevation))[0]
    assert np.quantile(near, 0.95) < 0.04


@pytest.mark.parametrize("elevation", [0.0, 0.5])
def test_mirror_gives_the_front_again_behind_an_upright_plane(elevation: float) -> None:
    mesh = build(figure(elevation), "mirror")
    points = mesh.vertices
    middle = (points[:, 1].min() + points[:, 1].max()) / 2
    other = points * [1, -1, 1] + [0, 2 * middle, 0]
    behind = points[:, 1] > middle + 0.02
    assert behind.any() and np.quantile(cKDTree(other).query(points[behind])[0], 0.95) < 0.06
    ball = points[:, 0] > 0.4
    assert points[ball, 1].max() - middle > 0.15, "the ball stands in front, so it stands behind once more"
    assert np.abs(points[:, 0].max() + points[:, 0].min()) > 0.2, "left and right are as they were"


def test_what_is_mirrored_does_not_reach_below_the_floor() -> None:
    view = figure(0.6)
    mesh = build(view, "mirror")
    shown = frustum.upright(rays.spots(view.front, FOCAL)[view.meets], 0.6)
    assert mesh.vertices[:, 2].min() > shown[:, 2].min() - 0.05


@pytest.mark.parametrize("turn", [0.0, 0.5])
def test_flat_ends_in_a_plane_along_what_the_photo_shows(turn: float) -> None:
    """A board with a bump, turned about the vertical."""
    view = figure(0.0)
    v, u = np.meshgrid(*[(np.arange(RAYS) + 0.5) / RAYS * 2 - 1] * 2, indexing="ij")
    tilt = np.tan(turn)
    front = tilt * u / (1 - tilt * u / FOCAL) - 0.2 * np.exp(-((u - 0.2) ** 2 + v**2) / 0.02)
    meets = (np.abs(u) < 0.6) & (np.abs(v) < 0.4)
    mask = np.kron(meets, np.ones((2, 2))).astype(np.float32)
    mesh = build(view._replace(front=front.astype(np.float32), meets=meets, mask=mask), "flat")
    normal = np.array([-np.sin(turn), np.cos(turn), 0])
    back = mesh.face_normals @ normal > 0.95
    assert mesh.area_faces[back].sum() > 0.8 * 1.2 * 0.8 / np.cos(turn)
    far = mesh.triangles_center[back] @ normal
    assert np.ptp(np.quantile(far, (0.02, 0.98))) < 0.03
    assert (mesh.face_normals[~back] @ normal < 0.9).mean() > 0.9


def test_doubt_elsewhere_on_the_ray_makes_a_guess_worse() -> None:
    """A wall 0.5 thick, sure of it; the same with a place far behind of which the model cannot say what is there."""
    places = rays.places(64)
    sure = np.broadcast_to(((0.5 - places) * 30)[:, None, None], (64, 8, 8)).copy()
    torn = sure.copy()
    torn[(places > 1.2) & (places < 1.8)] = 0
    front = np.full((8, 8), -0.3, np.float32)
    end = np.array([[0, 0, 0.2], [0.4, -0.4, 0.2]], np.float32)
    assert (certain.guess(front, sure, end) > certain.guess(front, torn, end) + 0.1).all()


def unsure(view: body.View) -> body.View:
    """The same, by a model that cannot say at all how thick it is."""
    return view._replace(profile=view.profile * 0)


def test_what_bulges_is_round_behind_where_the_model_cannot_say() -> None:
    front, meets = cast([((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))], 0.0, FOCAL, RAYS)
    mask = np.kron(meets, np.ones((2, 2))).astype(np.float32)
    ball = body.View(front, figure(0.0).profile, meets, mask, FOCAL, 0.0)
    points = build(unsure(ball), "predicted").vertices
    assert np.ptp(points[:, 1]) == pytest.approx(1.0, abs=0.15), "as deep as it is wide"
    sunk = np.where(meets, -front, 0).astype(np.float32)
    assert not bulge.behind(sunk, meets, 64).any(), "a bowl is not"
    flat = np.where(meets, -0.3, 0).astype(np.float32)
    assert not bulge.behind(flat, meets, 64).any(), "a plate is not"


def test_what_bulges_stays_as_the_model_is_sure_that_it_is() -> None:
    front, meets = cast([((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))], 0.0, FOCAL, RAYS)
    mask = np.kron(meets, np.ones((2, 2))).astype(np.float32)
    shell = np.broadcast_to(((0.2 - rays.places(64)) * 50)[:, None, None], (64, RAYS, RAYS)).astype(np.float32)
    view = body.View(front, shell, meets, mask, FOCAL, 0.0)
    assert bulge.behind(front, meets, 64).any()
    assert np.ptp(build(view, "predicted").vertices[:, 1]) < 0.8, "a bowl upside down, half a ball deep and its wall"


@pytest.mark.parametrize("rays_that_meet", [0, 1, 5])
def test_a_speck_is_no_round_body(rays_that_meet: int) -> None:
    meets = np.zeros((64, 64), bool)
    meets[30, 30 : 30 + rays_that_meet] = True
    assert not bulge.behind(np.zeros((64, 64), np.float32), meets, 64).any()


def test_nothing_is_said_where_the_mask_is_empty() -> None:
    view = figure(0.0)
    with pytest.raises(body.Nothing):
        build(view._replace(mask=view.mask * 0), "predicted")
