# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed surface from points with normals: the indicator function of the solid, by one Poisson equation on a grid.

After Kazhdan, Bolitho and Hoppe, "Poisson Surface Reconstruction" (2006), on an even grid by FFT instead of an octree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import marching

Array = NDArray[Any]
_AROUND = 1.25
"""Side of the grid's cube in longest sides of the points: it wraps around, so that there must be air between."""
_BLUR = 1.0
"""Cells: by so much the normals are spread."""
_DENSE = 2.5
"""Cells over which it is counted how near the points lie, lest the surface be pulled to where there are many."""


def surface(
    points: Array, normals: Array, cells: int, beat: Callable[[], None] = lambda: None
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) and triangles (F, 3), counter-clockwise from outside, of points (N, 3) with normals (N, 3) that
    look outwards; `cells` along the longest side. Both are empty where nothing is enclosed.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    side = int(np.ceil(_AROUND * cells / 16)) * 16
    step = float((high - low).max()) / cells
    at = (points - (low + high) / 2) / step + side / 2
    beat()
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    crowd = _blurred(_spread(at, np.ones(len(at)), side), side, _DENSE)
    weight = 1 / np.maximum(_read(crowd, at), 1e-12)
    weight /= weight.mean()
    beat()
    waves = [2 * np.pi * np.fft.fftfreq(side), 2 * np.pi * np.fft.fftfreq(side), 2 * np.pi * np.fft.rfftfreq(side)]
    grid = np.meshgrid(*waves, indexing="ij", sparse=True)
    total = np.zeros((side, side, side // 2 + 1), np.complex64)
    for axis in range(3):  # the field of a solid rises inwards, against the normals
        total += 1j * grid[axis] * np.fft.rfftn(_spread(at, -weight * (normals / length)[:, axis], side))
        beat()
    square = sum(each**2 for each in grid)
    total *= np.exp(-0.5 * _BLUR**2 * square) / -np.maximum(square, 1e-12)
    total[0, 0, 0] = 0
    beat()
    field = np.fft.irfftn(total, s=(side,) * 3).astype(np.float32)
    beat()
    level = float(np.average(_read(field, at), weights=weight))
    vertices, faces = marching.isosurface(field, level, beat=beat)
    return ((vertices - side / 2) * step + (low + high) / 2).astype(np.float32), faces


def _corners(at: Array, side: int) -> list[tuple[Array, Array]]:
    """The eight nodes around each place, as flat numbers, and the share of each."""
    base = np.floor(at).astype(np.int64)
    part = at - base
    out = []
    for corner in np.ndindex(2, 2, 2):
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1)
        x, y, z = ((base + corner) % side).T
        out.append(((x * side + y) * side + z, share))
    return out


def _spread(at: Array, values: Array, side: int) -> Array:
    total = np.zeros(side**3)
    for node, share in _corners(at, side):
        total += np.bincount(node, share * values, side**3)
    return total.reshape((side,) * 3).astype(np.float32)


def _read(field: Array, at: Array) -> Array:
    flat = field.reshape(-1)
    return np.asarray(sum(flat[node] * share for node, share in _corners(at, field.shape[0])))


def _blurred(field: Array, side: int, sigma: float) -> Array:
    bell = np.exp(-2 * (np.pi * sigma * np.fft.fftfreq(side)) ** 2)
    half = np.exp(-2 * (np.pi * sigma * np.fft.rfftfreq(side)) ** 2)
    seen = np.fft.rfftn(field) * (bell[:, None, None] * bell[None, :, None] * half[None, None, :])
    return np.asarray(np.fft.irfftn(seen, s=field.shape))
