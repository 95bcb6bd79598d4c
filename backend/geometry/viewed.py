# SPDX-License-Identifier: GPL-3.0-or-later
"""A body that came without colours, painted with the photo that it was made from.

From where the photo was taken is found by laying outlines over each other. The photo is used where that view sees the
surface squarely; then what a mirror image of the body would show of it, for most things are alike left and right; what
is left takes its colours from what is next to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import atlas, exchange, parts, visible
from .filters import sample
from .mesh import Faces, Vertices

Floats = NDArray[np.float32]

CELLS = 64
"""Side of the grid on which outlines are compared."""
POINTS = 12_000
"""Of the surface, for its outline."""
FAR = 1e4
"""A focal length that makes rays parallel."""
LIKE = 0.6
"""Overlap of the outlines below which the photo is not used: the body is then seen in a way that was not found."""
ROUNDS = 150
"""Of spreading colours over what neither shows."""


@dataclass(frozen=True)
class View:
    """Degrees to the right of the front and above the ground; then pixels = scale * place + offset, in -1..1."""

    azimuth: float
    elevation: float
    scale: float = 1.0
    offset: tuple[float, float] = (0.0, 0.0)
    overlap: float = 0.0

    def camera(self, points: Vertices) -> Floats:
        """(V, 3), Z up, the front at -Y -> right, down, away from the viewer."""
        a, e = np.radians([self.azimuth, self.elevation])
        right = np.array([np.cos(a), np.sin(a), 0])
        away = np.array([-np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), -np.sin(e)])
        turned = points.astype(np.float64) @ np.stack([right, np.cross(away, right), away], axis=1)
        return np.asarray(turned * self.scale + np.array([*self.offset, 0]), np.float32)


def find(vertices: Vertices, faces: Faces, mask: NDArray[np.bool_], beat: Callable[[], object] = bool) -> View:
    """The view whose outline covers the mask of a square picture best. Where several do, the one nearest the front."""
    face, shares = exchange.on_surface(vertices, faces, POINTS, seed=0)
    points = np.einsum("nk,nkc->nc", shares, vertices[faces[face]])
    rows, columns = np.nonzero(mask)
    places = np.stack([columns, rows], axis=1) * (2 / len(mask)) - 1 + 1 / len(mask)
    target = _filled(places)
    low, high = places.min(axis=0), places.max(axis=0)
    found: list[View] = []
    tried = [(a * 7.5, e * 7.5) for a in range(-12, 13) for e in range(-2, 7)]
    for step in (2.5, 1.0, 0.0):  # thin parts agree within a few degrees alone, so several are followed
        for azimuth, elevation in tried:
            beat()
            found.append(_laid(points, azimuth, elevation, target, low, high))
        found = sorted(found, key=lambda view: abs(view.azimuth) * 2e-4 - view.overlap)[:5]
        around = [(a * step, e * step) for a in (-1, 0, 1) for e in (-1, 0, 1) if a or e]
        tried = [(view.azimuth + a, view.elevation + e) for view in found for a, e in around]
    return found[0]


def _laid(
    points: Floats, azimuth: float, elevation: float, target: NDArray[np.bool_], low: Floats, high: Floats
) -> View:
    seen = View(azimuth, elevation).camera(points)[:, :2].astype(np.float64)
    first, last = seen.min(axis=0), seen.max(axis=0)
    scale = float(np.sqrt(np.prod(high - low) / np.prod(np.maximum(last - first, 1e-9))))
    offset = (low + high) / 2 - scale * (first + last) / 2
    made = _filled(seen * scale + offset)
    overlap = float((made & target).sum() / max((made | target).sum(), 1))
    return View(azimuth, elevation, scale, (float(offset[0]), float(offset[1])), overlap)


def _filled(places: NDArray[Any]) -> NDArray[np.bool_]:
    """(N, 2) in -1..1 -> the cells of the grid that hold one."""
    cell = ((places + 1) / 2 * CELLS).astype(np.intp)
    cell = cell[((cell >= 0) & (cell < CELLS)).all(axis=1)]
    grid = np.zeros((CELLS, CELLS), bool)
    grid[cell[:, 1], cell[:, 0]] = True
    return grid


def paint(
    vertices: Vertices, faces: Faces, photo: NDArray[np.uint8], beat: Callable[[], object] = bool
) -> tuple[NDArray[np.uint8], Floats, Floats, View]:
    """A picture, uv (F, 3, 2), colours (V, 4) whose fourth says how much they cover the picture, and the view.

    `photo` (S, S, 4) straight alpha. `vertices` Z up, the front at -Y, alike on both sides of x = 0 if at all.
    `beat` is called again and again.
    """
    rgba = photo.astype(np.float32) / 255
    mask = rgba[..., 3] > 0.5
    view = find(vertices, faces, mask, beat)
    picture = atlas.front(
        np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]), max(1, round(0.006 * len(photo)))
    )
    beat()
    here, direct = _shown(vertices, faces, view, picture)
    beat()
    mirrored, indirect = _shown(vertices * np.array([-1, 1, 1], np.float32), faces[:, ::-1], view, picture)
    if view.overlap < LIKE:
        direct, indirect = direct * 0, indirect * 0
    middle = np.median(rgba[mask][:, :3], axis=0).astype(np.float32)
    share = (direct / np.maximum(direct + (1 - direct) * indirect, 1e-6))[:, None]
    known = np.maximum(direct, np.float32(0.8) * indirect)
    colors = parts.spread(share * here + (1 - share) * mirrored - middle, known * known, faces, ROUNDS, beat) + middle
    where = view.camera(vertices)
    uv = np.clip(np.stack([(where[:, 0] + 1) / 2, (1 - where[:, 1]) / 2], axis=1), 0, 1)[faces]
    painted = np.concatenate([np.clip(colors, 0, 1), 1 - direct[:, None]], axis=1)
    return (
        (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8),
        uv.astype(np.float32),
        painted.astype(np.float32),
        view,
    )


def _shown(vertices: Vertices, faces: Faces, view: View, picture: Floats) -> tuple[Floats, Floats]:
    """What the picture has where each vertex would be (V, 3), and how far that can be trusted (V,)."""
    where = view.camera(vertices)
    trust = visible.seen(where, faces, where, FAR)
    row, column = ((where[:, axis] + 1) / 2 * len(picture) - 0.5 for axis in (1, 0))
    return np.stack([sample(picture[..., each], row, column) for each in range(3)], axis=1), trust
