# SPDX-License-Identifier: GPL-3.0-or-later
"""A small picture of a GLB from three quarters of its front, on nothing: numpy alone, no Blender is started for it."""

from __future__ import annotations

import io
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..geometry import gltf, raster
from ..geometry.mesh import Faces, face_normals

AZIMUTH, ELEVATION = np.radians(28), np.radians(16)
LAMP = np.array([-0.45, 0.6, 0.66])
"""Where the light comes from, to the right, up and towards the eye."""
MARGIN, FINER, GAMMA = 1.06, 2, 2.2
MOST = 400_000
"""Faces; what has more takes longer than a thumbnail is worth."""

Floats = NDArray[np.floating[Any]]


def draw(path: Path, side: int) -> Image.Image:
    """RGBA, `side` px; raises `ValueError` where the file cannot be read or is too much."""
    scene, wide = gltf.read(path.read_bytes()), side * FINER
    if sum(len(surface.faces) for surface in scene.surfaces) > MOST:
        raise ValueError(f"it has more than {MOST} faces")
    a, e = AZIMUTH, ELEVATION
    right, up = (np.cos(a), 0, -np.sin(a)), (-np.sin(a) * np.sin(e), np.cos(e), -np.cos(a) * np.sin(e))
    axes = np.array([right, up, np.cross(right, up)])
    seen = [surface.vertices @ axes.T for surface in scene.surfaces]
    low, high = (reduce(pick, (pick.reduce(each) for each in seen)) for pick in (np.minimum, np.maximum))
    scale = wide / (max(high[0] - low[0], high[1] - low[1], 1e-9) * MARGIN)
    shown, near = np.zeros((wide, wide, 4)), np.full((wide, wide), np.inf)
    for surface, points in zip(scene.surfaces, seen, strict=True):
        places = (points[:, :2] - (low + high)[:2] / 2) * (scale, -scale) + wide / 2
        depth = (high[2] - points[:, 2]) * scale + 1000 * wide  # so far away that it is as good as parallel
        faces = surface.faces.astype(np.int32)
        face, bary = raster.hits(places, depth, faces, wide)
        corners = faces[face]
        away = (depth[corners] * bary).sum(axis=2)
        front = (face >= 0) & (away < near)
        near[front] = away[front]
        shade = _shade(points, faces)
        lit = (shade[corners[front]] * bary[front]).sum(axis=1)[:, None]
        shown[front, :3] = _painted(scene, surface, corners[front], bary[front]) * lit
        shown[front, 3] = 1
    picture = Image.fromarray((255 * np.clip(shown, 0, 1)).astype(np.uint8))
    return picture.convert("RGBa").resize((side, side), Image.Resampling.BOX).convert("RGBA")


def _shade(points: Floats, faces: Faces) -> Floats:
    """How light each vertex is; those of one place have one normal, as seams part them in the file."""
    _, place = np.unique(np.round(points, 6), axis=0, return_inverse=True)
    place, across = place.reshape(-1), face_normals(points, faces)
    normals = np.zeros((place.max() + 1, 3))
    for corner in faces.T:
        np.add.at(normals, place[corner], across)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(0.6 + 0.45 * np.maximum(normals @ LAMP, 0))[place]


def _painted(scene: gltf.Scene, surface: gltf.Surface, corners: Faces, bary: Floats) -> Floats:
    """Base colours (N, 3) as a screen shows them."""
    linear = np.broadcast_to(surface.factor[:3], (len(corners), 3))
    if surface.colors is not None:
        linear = linear * np.einsum("nk,nkc->nc", bary, surface.colors[corners, :3])
    color = np.clip(linear, 0, 1) ** (1 / GAMMA)
    if surface.picture is not None and surface.uv is not None and scene.pictures[surface.picture]:
        with Image.open(io.BytesIO(scene.pictures[surface.picture])) as file:
            picture = np.asarray(file.convert("RGB")) / 255
        size = np.array(picture.shape[1::-1])
        x, y = (np.einsum("nk,nkc->nc", bary, surface.uv[corners]) * (1, -1) % 1 * size).astype(int).T % size[:, None]
        color = color * picture[y, x]
    return np.asarray(color)
