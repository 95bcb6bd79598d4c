# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies without colours, painted with their photo: from where it was taken is found, and what it shows is kept."""

from __future__ import annotations

import numpy as np
import pytest

from galatea.backend.geometry import exchange, marching, viewed
from galatea.backend.geometry.filters import sample

SIDE = 256


def rabbit(points: np.ndarray) -> np.ndarray:
    """Alike left and right, not alike front and back: positive inside. Z up, it looks to -Y."""

    def ball(middle: tuple[float, float, float], radius: float) -> np.ndarray:
        return radius - np.linalg.norm(points - np.array(middle), axis=-1)

    def rod(a: tuple[float, float, float], b: tuple[float, float, float], radius: float) -> np.ndarray:
        a_, ab = np.array(a), np.subtract(b, a)
        t = np.clip((points - a_) @ ab / (ab @ ab), 0, 1)
        return radius - np.linalg.norm(points - (a_ + t[..., None] * ab), axis=-1)

    arms = [rod((x * 0.6, -0.2, -0.1), (0, 0, 0), 0.09) for x in (-1, 1)]
    ears = [rod((x * 0.15, 0, 0.5), (x * 0.2, 0.1, 0.9), 0.08) for x in (-1, 1)]
    tail = rod((0, 0.2, -0.3), (0, 0.85, -0.1), 0.09)
    return np.max([ball((0, 0, -0.2), 0.4), ball((0, -0.1, 0.35), 0.25), tail, *arms, *ears], axis=0)


def shades(points: np.ndarray) -> np.ndarray:
    """Alike left and right; the belly is red and the back blue."""
    return np.stack([0.5 - 0.45 * np.tanh(4 * points[:, 1]), 0.5 + 0.4 * points[:, 2], np.abs(points[:, 0])], axis=1)


@pytest.fixture(scope="module")
def body() -> tuple[np.ndarray, np.ndarray]:
    axis = np.linspace(-1, 1, 65)
    vertices, faces = marching.isosurface(rabbit(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)))
    return vertices / np.float32(32) - np.float32(1), faces


def photo(body: tuple[np.ndarray, np.ndarray], view: viewed.View) -> np.ndarray:
    """What is seen from there: (SIDE, SIDE, 4)."""
    vertices, faces = body
    face, shares = exchange.on_surface(vertices, faces, 600_000, seed=1)
    points = np.einsum("nk,nkc->nc", shares, vertices[faces[face]])
    seen = view.camera(points)
    order = np.argsort(-seen[:, 2])
    cell = ((seen[order, :2] + 1) / 2 * SIDE).astype(int)
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    picture[cell[:, 1], cell[:, 0], :3] = (shades(points[order]) * 255).astype(np.uint8)
    picture[cell[:, 1], cell[:, 0], 3] = 255
    return picture


@pytest.mark.parametrize(("azimuth", "elevation"), [(0.0, 0.0), (35.0, 20.0), (-50.0, 10.0)])
def test_the_view_is_found(body: tuple[np.ndarray, np.ndarray], azimuth: float, elevation: float) -> None:
    truth = viewed.View(azimuth, elevation, 0.8, (0.05, -0.03))
    found = viewed.find(*body, photo(body, truth)[..., 3] > 127)
    assert abs(found.azimuth - azimuth) < 6 and abs(found.elevation - elevation) < 6
    assert found.overlap > 0.93
    gap = np.abs(found.camera(body[0])[:, :2] - truth.camera(body[0])[:, :2])
    assert gap.mean() < 0.02


def test_the_camera() -> None:
    """From the front: right is +X, down is -Z, away is +Y. From 90 degrees: the viewer stands at +X."""
    points = np.eye(3, dtype=np.float32)
    assert np.allclose(viewed.View(0, 0).camera(points), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-6)
    assert np.allclose(viewed.View(90, 0).camera(points)[0], [0, 0, -1], atol=1e-6)
    assert np.allclose(viewed.View(0, 90).camera(points)[2], [0, 0, -1], atol=1e-6)


def painted(body: tuple[np.ndarray, np.ndarray], picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, viewed.View]:
    """What Blender shows at each vertex, and how far that is the photo."""
    vertices, faces = body
    albedo, uv, colors, view = viewed.paint(vertices, faces, picture)
    place = np.zeros((len(vertices), 2))
    place[faces.reshape(-1)] = uv.reshape(-1, 2)
    rows, columns = (1 - place[:, 1]) * SIDE - 0.5, place[:, 0] * SIDE - 0.5
    seen = np.stack([sample(albedo[..., i] / 255, rows, columns) for i in range(3)], axis=1)
    cover = colors[:, 3:]
    return seen * (1 - cover) + colors[:, :3] * cover, 1 - cover[:, 0], view


def test_the_photo_and_its_mirror_image_paint_the_body(body: tuple[np.ndarray, np.ndarray]) -> None:
    shown, direct, view = painted(body, photo(body, viewed.View(35, 10, 0.8)))
    error = np.abs(shown - shades(body[0])).mean(axis=1)
    assert view.overlap > 0.93 and 0.2 < (direct > 0.9).mean() < 0.6
    assert error[direct > 0.9].mean() < 0.03
    left_front = (body[0][:, 0] < -0.2) & (body[0][:, 1] < -0.1)
    assert (direct[left_front] < 0.1).any()
    hidden = left_front & (direct < 0.1)
    assert error[hidden].mean() < 0.1, "the side that the photo does not show is that which it shows, mirrored"


def test_another_outline_is_not_laid_on(body: tuple[np.ndarray, np.ndarray]) -> None:
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    picture[120:130, 10:240] = (200, 100, 50, 255)
    picture[20:240, 120:124] = (200, 100, 50, 255)
    shown, direct, view = painted(body, picture)
    assert view.overlap < viewed.LIKE and not direct.any()
    assert np.allclose(shown, np.array([200, 100, 50]) / 255, atol=0.01)
