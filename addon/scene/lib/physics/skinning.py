# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface of a liquid's particles: closed, smooth, and of the volume that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import marching

Array = NDArray[Any]
_FINE, _BLURS = 2.0, 7
"""Cells of the surface's grid by those of the liquid's; how often it is smoothed."""
_THIN, _MORE = 0.6, 8.0
"""Of what is full: a particle with less about it counts for more, so many times at most."""
_MOST = 6_000_000
_EXACT = 0.015
"""Share by which the volume may be off."""
_CLINGS, _LETS_GO, _INTO = 1.2, 1.8, 0.06
"""Cells from a wall within which the surface is drawn to it, from where on not at all, and how far into it: a gap of
air between water and glass mirrors, and faces that coincide flicker."""
_DEEP = 0.35
"""Cells that it is in something solid at most: more than half of a thin wall, or it would come out behind it."""
_HALF, _SHIFT, _LOWER = 0.42, 0.5, (0.7, 0.7, 0.7)
"""Of what is full: where the surface is; cells that it is moved for its volume, all of it and what is up."""
Walls = Callable[[Array], tuple[Array, Array, Any]]
"""Distance (N,) and way out (N, 3) at points (N, 3) in metres; what else comes is not looked at."""


def skin(
    points: Array, cell: float, volume: float, *, floor: bool = False, walls: Walls | None = None
) -> tuple[Array, Array]:
    """Vertices (V, 3) and triangles (T, 3) about particles (N, 3), enclosing `volume` m³ within some percent; none is
    below height 0 where there is a floor. Where it is next to `walls` it wets them."""
    if not len(points):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    side = cell / _FINE
    low = points.min(axis=0) - 5 * side
    while np.prod((points.max(axis=0) - low) / side + 5) > _MOST:
        side *= 1.25
    count = np.ceil((points.max(axis=0) - low) / side).astype(int) + 6
    full = side**3 * len(points) / volume  # particles of a cell of the grid that is full
    around, share = _corners((points - low) / side, count)
    field = _splat(around, share, count)
    here = (field.ravel()[around] * share).sum(axis=0)
    if (here < _THIN * full).any():  # a thin stream, drops: each particle counts for more, or none of it would be seen
        field = _splat(around, share * np.clip(_THIN * full / np.maximum(here, 1e-12), 1.0, _MORE), count)

    def shaped(level: float) -> tuple[Array, Array]:
        vertices, faces = marching.isosurface(field, level)
        places = vertices.astype(float) * side + low
        share = np.zeros(len(places))
        if walls:
            places, share = _wet(places, faces, walls, cell)
        if floor:
            places[:, 2] = np.maximum(places[:, 2], 0.0)
        places = _levelled(places, faces, volume, 1 - share, cell)
        if floor:
            places[:, 2] = np.maximum(places[:, 2], 0.0)
        return places, faces

    vertices, faces = _sought(shaped, _HALF * full, float(field.max()), volume)
    return vertices.astype(np.float32), faces


def _wet(places: Array, faces: Array, walls: Walls, cell: float) -> tuple[Array, Array]:
    """Places drawn to the walls that they face, and how much each is (V,), 0 to 1."""
    far, way, _ = walls(places)
    share = _soft((_LETS_GO * cell - far) / ((_LETS_GO - _CLINGS) * cell))
    normals = _normals(places, faces)
    facing = -(normals * way).sum(axis=1) / np.maximum(np.linalg.norm(normals, axis=1), 1e-30)
    share = share * np.maximum(_soft(facing + 0.3), _soft((0.8 * cell - far) / (0.5 * cell)))
    shift = np.maximum(share * (far + _INTO * cell), 0.0) + np.minimum(far + _DEEP * cell, 0.0)
    out: Array = places - shift[:, None] * way
    return out, share


def _soft(share: Array) -> Array:
    """From 0 to 1 without a bend at either."""
    share = np.clip(share, 0.0, 1.0)
    return np.asarray(share * share * (3 - 2 * share))


def _normals(places: Array, faces: Array) -> Array:
    """Of each vertex (V, 3), as long as a third of the area about it in m²."""
    a, b, c = (places[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a) / 6
    return np.stack([np.bincount(faces.ravel(), np.repeat(across[:, k], 3), len(places)) for k in range(3)], axis=1)


def _levelled(places: Array, faces: Array, volume: float, free: Array, cell: float) -> Array:
    """Its surface in or out, as far as it is `free` (V,), so that the volume is right: not by another level of the
    field, which makes holes in what is full. Then what looks up alone: particles keep off walls, and what is drawn to
    them stands the lower."""
    for most in (_SHIFT, *_LOWER):
        normals = _normals(places, faces)
        area = np.linalg.norm(normals, axis=1)
        ways = normals / np.maximum(area, 1e-30)[:, None]
        share = free if most == _SHIFT else free * np.maximum(ways[:, 2], 0.0)
        more = (enclosed(places, faces) - volume) / max(float(area @ share), 1e-30)
        if abs(more) < 1e-3 * cell:
            break
        places = places - (np.clip(more, -most * cell, most * cell) * share)[:, None] * ways
    return places


def _sought(shaped: Callable[[float], tuple[Array, Array]], level: float, most: float, volume: float) -> tuple[
    Array, Array
]:  # fmt: skip
    """The surface whose volume is right: the level is sought between none and all."""
    low, high = (0.0, 8.0), (most, -1.0)  # levels and how far their volumes are off
    level = min(level, 0.9 * most)
    best: tuple[float, Array, Array] | None = None
    for _ in range(12):
        vertices, faces = shaped(level)
        off = enclosed(vertices, faces) / volume - 1
        if best is None or abs(off) < abs(best[0]):
            best = off, vertices, faces
        if abs(off) < _EXACT:
            break
        low, high = ((level, min(off, 8.0)), high) if off > 0 else (low, (level, off))
        share = float(np.clip(low[1] / (low[1] - high[1]), 0.08, 0.92))
        level = low[0] + share * (high[0] - low[0])
    assert best
    return best[1], best[2]


def enclosed(vertices: Array, faces: Array) -> float:
    """Volume of a closed surface."""
    if not len(faces):
        return 0.0
    a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _corners(places: Array, shape: Array) -> tuple[Array, Array]:
    """The eight nodes about each place, flat numbers (8, N), and its share of each (8, N)."""
    base = places.astype(int)
    part = places - base
    flat = (base[:, 0] * shape[1] + base[:, 1]) * shape[2] + base[:, 2]
    corners = np.array([(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    share = np.where(corners[:, None] == 1, part[None], 1 - part[None]).prod(axis=2)
    return flat + ((corners[:, 0] * shape[1] + corners[:, 1]) * shape[2] + corners[:, 2])[:, None], share


def _splat(around: Array, share: Array, shape: Array) -> Array:
    """What the nodes have of all places, smoothed."""
    field = np.bincount(around.ravel(), share.ravel(), int(np.prod(shape))).reshape(shape)
    for _ in range(_BLURS):
        field = _blur(field)
    return field


def _blur(field: Array) -> Array:
    for axis in range(3):
        low = tuple(slice(None, -2) if a == axis else slice(None) for a in range(3))
        mid = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(2, None) if a == axis else slice(None) for a in range(3))
        out = field.copy()
        out[mid] = 0.25 * field[low] + 0.5 * field[mid] + 0.25 * field[high]
        field = out
    return field
