# SPDX-License-Identifier: GPL-3.0-or-later
"""A body whose left and right mirror each other, seen from the side: its plane is found, its far side completed."""

from __future__ import annotations

import numpy as np
import trimesh

from galatea.backend.geometry import body, frustum, rays, symmetry, visible

from .test_body import FOCAL, GRID, RAYS, build, cast

YAW = 0.5
"""Radians that the body is turned by."""
ELEVATION = 0.3


def turned(x: float, y: float, z: float) -> tuple[float, float, float]:
    return x * np.cos(YAW) - y * np.sin(YAW), x * np.sin(YAW) + y * np.cos(YAW), z


MIDDLE, RADII = (0.05, 0.1, 0.0), (0.2, 0.2, 0.6)
BALLS = [
    (MIDDLE, RADII),
    *((tuple(np.add(MIDDLE, turned(side * 0.4, 0.05, 0.2))), (0.22, 0.22, 0.22)) for side in (-1, 1)),
    (tuple(np.add(MIDDLE, turned(0, -0.3, -0.3))), (0.15, 0.15, 0.15)),
]
"""A pole that is round from above, two balls left and right of it, a small one before it."""


def figure(balls: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> body.View:
    """True first hits; a model that takes all to be 0.3 thick."""
    front, meets = cast(balls, ELEVATION, FOCAL, RAYS)
    _, mask = cast(balls, ELEVATION, FOCAL, GRID)
    places = rays.places(64)
    profile = np.broadcast_to(((0.3 - places) * 8)[:, None, None], (64, RAYS, RAYS)).copy()
    return body.View(front, profile, meets, mask.astype(np.float32), FOCAL, ELEVATION)


def plane_of(view: body.View) -> symmetry.Plane | None:
    made = body.build(
        view, solid=0.5, back="predicted", symmetry=False, smooth=2, crumbs=0, progress=lambda phase, part: None
    )
    seen = visible.seen(made.space, made.faces, frustum.from_space(made.space, FOCAL), FOCAL)
    front, _ = body.filled(view)
    scene = symmetry.Scene(front, view.meets.astype(np.float32), FOCAL, ELEVATION)
    return symmetry.find(scene, made.space, seen)


def test_the_plane_is_found() -> None:
    plane = plane_of(figure(BALLS))
    assert plane is not None and plane.cost < symmetry.SURE
    assert abs((plane.yaw - YAW + np.pi / 2) % np.pi - np.pi / 2) < np.radians(8)
    assert abs(plane.offset - (MIDDLE[0] * np.cos(plane.yaw) + MIDDLE[1] * np.sin(plane.yaw))) < 0.06


def test_mirroring_twice_is_nothing_and_the_plane_stays() -> None:
    plane = symmetry.Plane(0.7, -0.2, 0.0)
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    other = plane.mirror(points)
    assert np.allclose(plane.mirror(other), points, atol=1e-5)
    middle = (points + other) / 2
    assert np.allclose(middle @ [np.cos(0.7), np.sin(0.7), 0], -0.2, atol=1e-5)
    assert np.allclose(other[:, 2], points[:, 2])


def test_what_is_hidden_follows_the_other_side() -> None:
    view = figure(BALLS)
    grid = np.stack(np.meshgrid(*[np.arange(-0.9, 0.9, 0.04)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    true = np.any([(((grid - m) / np.array(r)) ** 2).sum(axis=1) < 1 for m, r in BALLS], axis=0)

    def overlap(mesh: trimesh.Trimesh) -> float:
        inside = mesh.contains(grid)
        return float((inside & true).sum() / (inside | true).sum())

    plain, mirrored = build(view, "predicted"), build(view, "predicted", symmetry=True)
    assert overlap(mirrored) > overlap(plain) + 0.03


def test_a_picture_of_next_to_nothing_has_no_plane() -> None:
    view = figure([((0.0, 0.0, 0.0), (0.03, 0.03, 0.03))])
    front, _ = body.filled(view)
    scene = symmetry.Scene(front, view.meets.astype(np.float32), FOCAL, ELEVATION)
    assert symmetry.find(scene, np.zeros((60, 3), np.float32), np.zeros(60, np.float32)) is None
