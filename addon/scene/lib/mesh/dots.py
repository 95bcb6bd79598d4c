# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh with faces out of one that has points only: their normals found where they are not given, and a surface."""

from __future__ import annotations

import heapq

import bpy
import numpy as np

from .....backend.geometry import cloud
from .....backend.geometry.topology import Beat
from .....backend.protocol.errors import UserError
from . import meshes, nearest
from .meshes import Array

NORMAL = "normal"
"""The attribute that Blender's reader of PLY puts the normals of loose points in."""
_LEAST, _MOST = 100, 200_000
_AROUND = 12
"""Neighbours that a normal is fitted to."""
_COARSE = 0.7
"""Cells are no smaller than this share of the distance between points: finer ones would fall between them."""


def surfaced(mesh: bpy.types.Mesh, cells: int, beat: Beat) -> tuple[bpy.types.Mesh, bool]:
    """A closed mesh around the points of one, with their attributes; and whether the file had their normals."""
    points = meshes.vertices_of(mesh).astype(np.float64)
    if len(points) < _LEAST or not np.isfinite(points).all() or not np.ptp(points, axis=0).all():
        raise UserError(
            f"The file holds no mesh with faces, and too few points to lay a surface around them: that takes {_LEAST} "
            "which do not lie in a plane. Choose another file."
        )
    known = mesh.attributes.get(NORMAL)
    normals = None
    if known and known.domain == "POINT" and known.data_type == "FLOAT_VECTOR":
        flat = np.empty(3 * len(points), np.float32)
        known.data.foreach_get("vector", flat)
        mesh.attributes.remove(known)
        normals = flat.reshape(-1, 3).astype(np.float64)
        normals = normals if np.isfinite(normals).all() and normals.any(axis=1).mean() > 0.9 else None
    given = normals is not None
    some = np.arange(len(points))
    if not given and len(points) > _MOST:
        some = np.random.default_rng(0).choice(len(points), _MOST, replace=False)
    looked = some if not given else some[:: max(1, len(some) // 2000)]
    near, far = nearest.around(nearest.tree(points[some], beat), points[looked], _AROUND, beat)
    spacing = float(np.median(far[:, 1:7].mean(axis=1)))
    if normals is None:
        normals = _facing(points[some], _fitted(points[some], near, beat), near, beat)
    allowed = int(np.ptp(points[some], axis=0).max() / max(_COARSE * spacing, 1e-30))
    vertices, faces = cloud.surface(points[some], normals, max(16, min(cells, allowed)), beat)
    if not len(faces):
        raise UserError("The points of the file enclose nothing. Give them normals that look outwards, or more points.")
    origin = nearest.origins(points, vertices, beat)
    return meshes.rebuilt(mesh, vertices, faces, origin, np.zeros_like(faces)), given


def _fitted(points: Array, near: Array, beat: Beat) -> Array:
    """Normals (N, 3) of the planes through the neighbours, of either sign."""
    out = np.empty_like(points)
    for begin in range(0, len(points), 20000):
        beat()
        some = points[near[begin : begin + 20000]]
        some = some - some.mean(axis=1, keepdims=True)
        out[begin : begin + 20000] = np.linalg.eigh(np.einsum("nki,nkj->nij", some, some))[1][:, :, 0]
    return out


def _facing(points: Array, normals: Array, near: Array, beat: Beat) -> Array:
    """All turned outwards: from the highest point of each part on, always to the neighbour that agrees most.

    After Hoppe et al., "Surface Reconstruction from Unorganized Points" (1992).
    """
    out, done = normals.copy(), np.zeros(len(points), bool)
    links = _links(near)
    for start in np.argsort(-points[:, 2], kind="stable").tolist():
        if done[start]:
            continue
        queue: list[tuple[float, int, int]] = [(0.0, start, -1)]
        while queue:
            _, here, before = heapq.heappop(queue)
            if done[here]:
                continue
            done[here] = True
            if (out[here, 2] < 0) if before < 0 else (out[here] @ out[before] < 0):
                out[here] = -out[here]
            if here % 500 == 0:
                beat()
            there = links[here]
            odd = 1 - np.abs(out[there] @ out[here])
            for away, number in zip(odd.tolist(), there.tolist(), strict=True):
                if not done[number]:
                    heapq.heappush(queue, (away, number, here))
    return out


def _links(near: Array) -> list[Array]:
    """Of each point those that it is near to, and those that are near to it."""
    a, b = np.repeat(np.arange(len(near)), near.shape[1] - 1), near[:, 1:].reshape(-1)
    one, other = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.argsort(one, kind="stable")
    return np.split(other[order], np.searchsorted(one[order], np.arange(1, len(near))))
