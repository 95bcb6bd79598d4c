# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the views of one Thing share: its rays, paint, solid, normals and a coarse map of how full space is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from . import solid
from .paint import Paint
from .tracer import Tracer

if TYPE_CHECKING:
    from ..things.thing import Thing

F32 = NDArray[np.float32]
CREASE = np.cos(np.radians(38))  # of the angle between faces to which they look as one smooth surface
POOL = 4  # voxels of the solid to a cell of the coarse map


class Surface:
    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self.paint = Paint(thing)
        self.tracer = Tracer(thing, self.paint)
        self.solid = solid.build(
            thing.vertices, thing.faces, self.paint.opaque if self.paint.holes else None, self.tracer.cast
        )
        self.flat, self.smooth = _normals(thing.vertices, thing.faces, self.solid)
        self.reach = _reach(
            self.solid.samples.points if self.paint.holes else thing.vertices[thing.faces].reshape(-1, 3)
        )
        self._full = _fullness(self.solid)

    def normals(self, face: NDArray[np.int32], bary: F32) -> F32:
        """Shading normals (N, 3), of length 1."""
        normal = np.einsum("nk,nkc->nc", bary, self.smooth[face])
        normal /= np.maximum(np.sqrt(np.einsum("nc,nc->n", normal, normal)), 1e-6)[:, None]
        return np.asarray(normal)

    def points(self, face: NDArray[np.int32], bary: F32) -> F32:
        return np.asarray(np.einsum("nk,nkc->nc", bary, self.thing.vertices[self.thing.faces[face]]))

    def open(self, points: F32, normals: F32) -> F32:
        """How much of the sky above each point (N, 3) is free of the object itself, 0..1, from the coarse map."""
        cell = self.solid.step * POOL
        shade = np.zeros(len(points), np.float32)
        for blurred, reach, weight in zip(self._full, (1.6, 4.0), (1.1, 1.5), strict=True):
            at = (points + normals * np.float32(reach * cell) - self.solid.origin) / np.float32(cell)
            at -= np.float32((POOL - 1) / (2 * POOL))
            found = ndimage.map_coordinates(blurred, at.T, order=1, prefilter=False, output=np.float32)
            shade += np.float32(weight) * np.maximum(found - np.float32(0.06), 0)
        return np.asarray(np.clip(1 - shade, 0.12, 1))


def _reach(points: F32) -> NDArray[np.float64]:
    """The corners (K, 3) of the convex hull: they alone decide how far a projection reaches."""
    places = np.unique(np.round(points, 6), axis=0).astype(np.float64)
    if len(places) < 500:
        return places
    try:
        return np.asarray(places[ConvexHull(places).vertices])
    except QhullError:
        return places


def _normals(vertices: F32, faces: NDArray[np.int32], body: solid.Solid) -> tuple[F32, F32]:
    """Face normals (F, 3) toward the outside, and corner normals (F, 3, 3) smooth across all but creases."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    heavy = np.cross(b - a, c - a)
    size = np.linalg.norm(heavy, axis=1)
    flat = heavy / np.maximum(size, 1e-12)[:, None]
    middle, step = (a + b + c) / np.float32(3), np.float32(1.5 * body.step)
    free = body.outside.reshape(-1)
    inward = free[body.index(middle - flat * step)] & ~free[body.index(middle + flat * step)]
    flat[inward] *= -1
    heavy[inward] *= -1
    spot = np.round(vertices * 20_000).astype(np.int64) + 32_768
    _, merged = np.unique((spot[:, 0] << 40) | (spot[:, 1] << 20) | spot[:, 2], return_inverse=True)
    corner = merged.reshape(-1)[faces].reshape(-1)
    count = int(corner.max()) + 1
    mean = _gathered(np.repeat(heavy, 3, axis=0), corner, count)
    weight = np.repeat(heavy, 3, axis=0)
    each = np.repeat(flat, 3, axis=0)
    # twice: first among all faces around, then among those that go along with their mean
    along = np.einsum("nc,nc->n", each, mean[corner]) > CREASE
    weight[~along] = 0
    mean = _gathered(weight, corner, count)
    along = np.einsum("nc,nc->n", each, mean[corner]) > CREASE
    return flat.astype(np.float32), np.where(along[:, None], mean[corner], each).reshape(-1, 3, 3).astype(np.float32)


def _gathered(values: F32, group: NDArray[np.int64], count: int) -> F32:
    total = np.stack([np.bincount(group, values[:, i], count) for i in range(3)], axis=1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1), 1e-12)[:, None], np.float32)


def _fullness(body: solid.Solid) -> tuple[F32, F32]:
    """The share of full voxels in cells of POOL voxels a side, blurred a little and more."""
    full = body.distance < 0
    pads = [(0, -n % POOL) for n in full.shape]
    full = np.pad(full, pads)
    x, y, z = (n // POOL for n in full.shape)
    cells = full.reshape(x, POOL, y, POOL, z, POOL).mean(axis=(1, 3, 5), dtype=np.float32)
    near = ndimage.gaussian_filter(cells, 0.7, mode="constant", truncate=2.5)
    far = ndimage.gaussian_filter(cells, 1.9, mode="constant", truncate=2.5)
    return near, far
