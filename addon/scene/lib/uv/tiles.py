# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiles of a UV map as UDIM counts them: the unit squares, ten a row, the first one 1001, the one right of it 1002.

A tile is given by its index from 0: `u` is its remainder by ten, `v` its tens. Each face lies in the tile that holds
its middle, so that a corner on the border of two tiles does not decide.
"""

from __future__ import annotations

import numpy as np

from ..mesh.meshes import Array, Floats

A_ROW = 10
FIRST = 1001
"""What lies below, left or right of the tiles, or above the tenth row, counts to the first."""


def of_faces(uv: Array) -> Array:
    """The tile of each triangle, (F,) int32, of `uv` (L, 2), one a corner, three a face."""
    middle = np.asarray(uv, np.float64).reshape(-1, 3, 2).mean(axis=1)
    place = np.floor(np.where(np.isfinite(middle), middle, -1.0)).clip(-1, A_ROW).astype(np.int32)
    named = ((place >= 0) & (place < A_ROW)).all(axis=1)
    found: Array = np.where(named, place[:, 0] + A_ROW * place[:, 1], 0).astype(np.int32)
    return found


def occupied(uv: Array) -> list[int]:
    """Indices of the tiles that hold a face of `uv` (L, 2), in order; [0] for a map without tiles."""
    return [int(tile) for tile in np.unique(of_faces(uv))] or [0]


def number(tile: int) -> int:
    """What UDIM calls the tile: 1001 for the first."""
    return FIRST + tile


def corner(tile: int | Array) -> Floats:
    """Lower left corner of a tile, (2,), or of several (..., 2), float32."""
    at = np.asarray(tile)
    return np.stack([at % A_ROW, at // A_ROW], axis=-1).astype(np.float32)


def folded(uv: Array) -> Floats:
    """`uv` (L, 2) with each face moved from its tile to the first, so that every tile lies on the unit square."""
    return (np.asarray(uv, np.float32) - np.repeat(corner(of_faces(uv)), 3, axis=0)).astype(np.float32)


def suffix(tile: int, count: int) -> str:
    """What a texture's name ends with before its extension: `.1002` where there are several tiles, else nothing."""
    return f".{number(tile)}" if count > 1 else ""
