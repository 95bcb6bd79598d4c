# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a triangle mesh, in figures: the plain facts of `soundness`, and what a finisher asks beyond."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import soundness, topology
from .topology import Array, Beat, no_beat

SLIVER = 2.0
"""Degrees; a face with a smaller angle shades badly, bakes badly and breaks solvers."""


def condition(vertices: Array, faces: Array, beat: Beat = no_beat) -> dict[str, Any]:
    """The facts of `soundness.report`, and: nonmanifold_vertices, where several sheets touch in a point; flipped_edges,
    whose two faces are wound against each other; inside_out, solids that face inwards; holes, in number; degenerate,
    faces without an area; slivers, the share of faces with an angle below SLIVER; loose, vertices of no face; twins,
    faces with the corners of another.
    """
    beat()
    facts = soundness.report(vertices, faces)
    beat()
    points, joined = welded(vertices, faces)
    beat()
    solid = whole(joined)
    twins = int(solid.sum()) - len(np.unique(face_keys(joined[solid])))
    beat()
    degenerate = len(faces) - int(solid.sum())
    joined = joined[solid]
    angle = smallest_angles(points, joined)
    paired, single = topology.pairs(points, joined, beat)
    fan = topology.fans(joined, paired, beat)
    start = joined.reshape(-1)
    edge, uses = topology.edges(joined, len(points))
    beat()
    plain = uses[edge[paired[:, 0]]] == 2
    return {
        **facts,
        "nonmanifold_vertices": _split_vertices(joined, fan),
        "flipped_edges": int((start[paired[:, 0]] == start[paired[:, 1]])[plain].sum()),
        "inside_out": _inside_out(points, joined, paired, single, beat),
        "holes": _rims(joined, single),
        "degenerate": degenerate + int((angle <= 1e-4).sum()),
        "slivers": round(float((angle < SLIVER).mean()) if len(angle) else 0.0, 6),
        "loose": len(vertices) - len(np.unique(faces)),
        "twins": twins,
    }


def welded(vertices: Array, faces: Array) -> tuple[Array, Array]:
    """Vertices in the same place made one: positions (W, 3) float64 and faces (F, 3) int64."""
    points, one = np.unique(vertices, axis=0, return_inverse=True)
    return points.astype(np.float64), one.reshape(-1)[faces].astype(np.int64)


def whole(faces: Array) -> Array:
    """(F,) which faces have three different vertices."""
    return np.asarray((faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0]))


def face_keys(faces: Array) -> Array:
    """(F,) a number for each face that only those with the same three vertices share."""
    low = np.sort(faces, axis=1).astype(np.int64)
    bits = max(1, int(faces.max(initial=0)).bit_length())
    if 3 * bits < 63:
        return np.asarray((low[:, 0] << 2 * bits) | (low[:, 1] << bits) | low[:, 2])
    _, number = np.unique(low, axis=0, return_inverse=True)
    return np.asarray(number.reshape(-1))


def smallest_angles(points: Array, faces: Array) -> Array:
    """(F,) the smallest angle of each face in degrees; 0 for one without an area."""
    corner = points[faces]
    side = np.stack([np.linalg.norm(corner[:, k] - corner[:, (k + 1) % 3], axis=1) for k in range(3)], axis=1)
    twice = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    side.sort(axis=1)
    # opposite of the shortest side, so that the sine tells it without doubt
    sine = twice / np.maximum(side[:, 1] * side[:, 2], 1e-300)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, 0, 1))))


def _split_vertices(faces: Array, fan: Array) -> int:
    """Vertices with more than one fan."""
    if not fan.size:
        return 0
    vertex = np.empty(int(fan.max()) + 1, np.int64)
    vertex[fan] = faces.reshape(-1)
    return int((np.bincount(vertex) > 1).sum())


def _rims(faces: Array, single: Array) -> int:
    """How many separate lines the half-edges of one face only make."""
    if not len(single):
        return 0
    flat = faces.reshape(-1)
    _, ends = np.unique(np.concatenate([flat[single], flat[topology.after(single)]]), return_inverse=True)
    ends = ends.reshape(-1)
    names = topology.components(int(ends.max()) + 1, ends[: len(single)], ends[len(single) :])
    return len(np.unique(names))


def _inside_out(points: Array, faces: Array, paired: Array, single: Array, beat: Beat) -> int:
    """How many closed parts enclose a negative volume."""
    if not len(faces):
        return 0
    part = topology.components(len(faces), paired[:, 0] // 3, paired[:, 1] // 3, beat)
    corner = points[faces] - points[faces[part][:, 0]][:, None]
    volume = np.bincount(part, np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])), len(faces))
    still_open = np.zeros(len(faces), bool)
    still_open[part[single // 3]] = True
    return int(((volume < 0) & ~still_open).sum())
