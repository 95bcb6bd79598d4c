# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface of a liquid's particles: closed, smooth, and of the volume that they have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import marching

Array = NDArray[Any]
_FINE = 1.5
"""Cells of the surface's grid by those of the liquid's."""
_MOST = 6_000_000
_EXACT = 0.015
"""Share by which the volume may be off."""


def skin(points: Array, cell: float, volume: float, *, floor: bool = False) -> tuple[Array, Array]:
    """Vertices (V, 3) and triangles (T, 3) about particles (N, 3), enclosing `volume` m³ within some percent; none is
    below height 0 where there is a floor."""
    if not len(points):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    side = cell / _FINE
    low = points.min(axis=0) - 5 * side
    while np.prod((points.max(axis=0) - low) / side + 5) > _MOST:
        side *= 1.25
    count = np.ceil((points.max(axis=0) - low) / side).astype(int) + 6
    field = _splat((points - low) / side, tuple(int(n) for n in count))
    for _ in range(3):
        field = _blur(field)
    inside = max(1, min(field.size - 1, round(volume / side**3)))
    level = float(np.partition(field.reshape(-1), field.size - inside)[field.size - inside])
    vertices, faces = _at(field, level, volume / side**3, -low[2] / side if floor else -np.inf)
    return (vertices * side + low).astype(np.float32), faces


def _at(field: Array, level: float, volume: float, lowest: float) -> tuple[Array, Array]:
    """The surface whose volume, in cells, is right: the level is sought between none and all."""
    low, high = 0.0, float(field.max())
    best: tuple[float, Array, Array] | None = None
    for _ in range(12):
        vertices, faces = marching.isosurface(field, level)
        vertices[:, 2] = np.maximum(vertices[:, 2], lowest)
        share = enclosed(vertices, faces) / volume
        if best is None or abs(share - 1) < abs(best[0] - 1):
            best = share, vertices, faces
        if abs(share - 1) < _EXACT:
            break
        low, high = (level, high) if share > 1 else (low, level)
        level = min(max(level * share**0.6, low + 0.1 * (high - low)), high - 0.1 * (high - low))
    assert best
    return best[1].astype(float), best[2]


def enclosed(vertices: Array, faces: Array) -> float:
    """Volume of a closed surface."""
    if not len(faces):
        return 0.0
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _splat(places: Array, shape: tuple[int, ...]) -> Array:
    base = places.astype(int)
    part = places - base
    flat = (base[:, 0] * shape[1] + base[:, 1]) * shape[2] + base[:, 2]
    out = np.zeros(int(np.prod(shape)))
    for a in (0, 1):
        for b in (0, 1):
            for c in (0, 1):
                near = [part[:, k] if one else 1 - part[:, k] for k, one in enumerate((a, b, c))]
                out += np.bincount(flat + (a * shape[1] + b) * shape[2] + c, near[0] * near[1] * near[2], len(out))
    return out.reshape(shape)


def _blur(field: Array) -> Array:
    for axis in range(3):
        low = tuple(slice(None, -2) if a == axis else slice(None) for a in range(3))
        mid = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(2, None) if a == axis else slice(None) for a in range(3))
        out = field.copy()
        out[mid] = 0.25 * field[low] + 0.5 * field[mid] + 0.25 * field[high]
        field = out
    return field
