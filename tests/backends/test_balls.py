# SPDX-License-Identifier: GPL-3.0-or-later
"""Round outlines are balls: found with their true radius in perspective, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.backends import lift
from galatea.backend.geometry import balls

from .test_lift import load, run

SIDE = 200


def outline(middle: tuple[float, float, float], radius: float, focal: float) -> np.ndarray:
    """(SIDE, SIDE) of a ball, by the angle between each ray and that to its middle."""
    v, u = np.meshgrid(*(((np.arange(SIDE) + 0.5) / SIDE * 2 - 1,) * 2), indexing="ij")
    rays = np.stack([u, v, np.full_like(u, focal)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    to = np.add(middle, (0.0, 0.0, focal))
    away = np.linalg.norm(to)
    return (rays @ (to / away) > np.cos(np.arcsin(radius / away))).astype(np.float32)


@pytest.mark.parametrize("focal", [1.3, 2.5, 8.0])
@pytest.mark.parametrize(("x", "radius"), [(0.0, 0.9), (0.05, 0.7), (0.0, 0.4)])
def test_a_ball_is_found_with_its_radius(focal: float, x: float, radius: float) -> None:
    found = balls.find(outline((x, 0.0, 0.0), min(radius, 0.6 * focal), focal), focal)
    assert found and found.radius == pytest.approx(min(radius, 0.6 * focal), rel=0.02)
    assert found.middle == pytest.approx((x, 0.0, 0.0), abs=0.03)
    enter, leave = found.hits(SIDE, SIDE, focal)
    v, u = np.meshgrid(*(((np.arange(SIDE) + 0.5) / SIDE * 2 - 1,) * 2), indexing="ij")
    for depth in (enter, leave):
        grow = 1 + depth / focal
        away = np.linalg.norm(np.stack([u * grow, v * grow, depth], axis=-1) - found.middle, axis=-1)
        inside = outline(found.middle, 0.98 * found.radius, focal) > 0
        assert np.allclose(away[inside], found.radius, rtol=1e-4)
    assert (leave >= enter).all()


def drawn(name: str) -> np.ndarray:
    picture = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(picture)
    if name == "ellipse":
        draw.ellipse((20, 35, 180, 165), fill=255)
    elif name == "square":
        draw.rectangle((40, 40, 160, 160), fill=255)
    elif name == "octagon":
        draw.regular_polygon((100, 100, 80), 8, fill=255)
    elif name == "mug":
        draw.ellipse((20, 20, 160, 160), fill=255)
        draw.rectangle((150, 70, 190, 110), fill=255)
    elif name == "dot":
        draw.ellipse((96, 96, 103, 103), fill=255)
    return np.asarray(picture, np.float32) / 255


@pytest.mark.parametrize("name", ["ellipse", "square", "octagon", "mug", "dot", "nothing"])
def test_what_is_not_quite_round_is_no_ball(name: str) -> None:
    assert balls.find(drawn(name), 3.0) is None


def test_a_picture_of_a_ball_becomes_one(tmp_path: Path) -> None:
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    inside = outline((0.0, 0.0, 0.0), 0.85, 3.0) > 0
    picture[inside] = (200, 60, 40, 255)
    Image.fromarray(picture).save(tmp_path / "ball.png")
    backend = lift.Backend()
    run(backend, tmp_path / "ball.png", tmp_path, grid=96)
    made = load(tmp_path)
    body = trimesh.Trimesh(made["vertices"], made["faces"], process=False)
    away = np.linalg.norm(body.vertices - body.bounds.mean(axis=0), axis=1)
    assert body.is_watertight and away.std() < 0.01 * away.mean() and np.ptp(body.extents) < 0.02
    run(backend, tmp_path / "ball.png", tmp_path, grid=96, symmetry="off")
    flat = trimesh.Trimesh(load(tmp_path)["vertices"], load(tmp_path)["faces"], process=False)
    assert np.ptp(flat.extents) > 0.1, "as the network alone sees it"
