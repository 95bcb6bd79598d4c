# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain facts about a triangle mesh: is it closed, in how many pieces, how large are its holes."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import parts
from .mesh import Faces, Vertices


def report(vertices: Vertices, faces: Faces) -> dict[str, Any]:
    """`vertices` and `faces` as they are; all else once vertices in the same place are one.

    watertight: each edge has two faces, wound the same way around. shells: pieces that hang together. boundary_edges:
    those with one face. nonmanifold_edges: those with more than two. hole: length around the largest hole, as a part
    of the mesh's longest side.
    """
    _, one = np.unique(vertices, axis=0, return_inverse=True)
    joined = one.reshape(-1)[faces].astype(np.int64)
    solid = (joined[:, 0] != joined[:, 1]) & (joined[:, 1] != joined[:, 2]) & (joined[:, 2] != joined[:, 0])
    joined = joined[solid]
    count = int(one.max()) + 1
    start, end = joined.reshape(-1), joined[:, [1, 2, 0]].reshape(-1)
    low, high = np.minimum(start, end), np.maximum(start, end)
    _, first, edge, uses = np.unique(low * count + high, return_index=True, return_inverse=True, return_counts=True)
    turns = np.abs(np.bincount(edge.reshape(-1), np.where(start < end, 1, -1), len(uses)))
    names = parts.label(joined.astype(np.int32), count)
    open_edges = first[uses == 1]
    return {
        "vertices": len(vertices),
        "faces": len(faces),
        "watertight": bool(len(uses) and (uses == 2).all() and (turns == 0).all()),
        "shells": len(np.unique(names[start])),
        "boundary_edges": len(open_edges),
        "nonmanifold_edges": int((uses > 2).sum()),
        "hole": round(_hole(vertices, one.reshape(-1), low[open_edges], high[open_edges], count), 4),
    }


def _hole(vertices: Vertices, one: Any, low: Any, high: Any, count: int) -> float:
    """Length around the largest hole; of edges between the joined vertices `low` and `high` (B,)."""
    if not len(low):
        return 0.0
    place = np.zeros((count, 3))
    place[one] = vertices
    length = np.linalg.norm(place[high] - place[low], axis=1)
    names = parts.label(np.stack([low, high, high], axis=1).astype(np.int32), count)
    return float(np.bincount(names[low], length).max() / max(float(np.ptp(vertices, axis=0).max()), 1e-12))
