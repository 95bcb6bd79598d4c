# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vertices a photo shows, and how squarely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mesh import Faces, Vertices, face_normals

Floats = NDArray[np.float32]

CELLS = 160
"""Side of the depth map."""
GRAZING, SQUARE = 0.15, 0.45
"""Cosines between normal and ray: up to the first nothing of the photo is used, from the second on all of it."""


def seen(space: Vertices, faces: Faces, uvd: Floats, focal: float) -> Floats:
    """(V,) 0..1: how far the photo is to be trusted. `space` in the camera frame around 0, `uvd` in the frustum."""
    cosine = _facing(space, faces, focal)
    depth = _nearest(uvd, faces)
    row, column = (np.clip(((uvd[:, i] + 1) / 2 * CELLS).astype(np.intp), 0, CELLS - 1) for i in (1, 0))
    behind = uvd[:, 2] - depth[row, column]
    steep = np.sqrt(1 - np.minimum(cosine**2, 1)) / np.maximum(cosine, GRAZING)
    within = 0.03 + 3 / CELLS * steep  # so deep is a cell of a slope
    return np.asarray(_ramp(cosine) * np.clip(1.5 - behind / within, 0, 1), np.float32)


def _ramp(cosine: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip((cosine - GRAZING) / (SQUARE - GRAZING), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _facing(space: Vertices, faces: Faces, focal: float) -> NDArray[np.float64]:
    """Cosine between each vertex's normal and the way to the camera."""
    normal = face_normals(space, faces)
    total = np.stack([np.bincount(faces.reshape(-1), np.repeat(normal[:, i], 3), len(space)) for i in range(3)], axis=1)
    to_camera = -(space + np.array([0, 0, focal], np.float32)).astype(np.float64)
    lengths = np.linalg.norm(total, axis=1) * np.linalg.norm(to_camera, axis=1)
    return np.asarray(np.einsum("ij,ij->i", total, to_camera) / np.maximum(lengths, 1e-12))


def _nearest(uvd: Floats, faces: Faces) -> Floats:
    """(CELLS, CELLS) the least depth that lies over each cell: of corners, mid-edges and centres, holes filled."""
    corners = uvd[faces]
    middles = (corners + corners[:, [1, 2, 0]]) / 2
    points = np.concatenate([corners.reshape(-1, 3), corners.mean(axis=1), middles.reshape(-1, 3)])
    row, column = (np.clip(((points[:, i] + 1) / 2 * CELLS).astype(np.intp), 0, CELLS - 1) for i in (1, 0))
    depth = np.full(CELLS * CELLS, np.inf, np.float32)
    np.minimum.at(depth, row * CELLS + column, points[:, 2])
    grid = depth.reshape(CELLS, CELLS)
    for _ in range(2):
        padded = np.pad(grid, 1, constant_values=np.inf)
        near = np.stack([padded[i : i + CELLS, j : j + CELLS] for i in range(3) for j in range(3)])
        grid = np.where(np.isfinite(grid), grid, near.min(axis=0))
    return grid
