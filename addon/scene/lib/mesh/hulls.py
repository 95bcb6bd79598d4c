# SPDX-License-Identifier: GPL-3.0-or-later
"""Convex hulls, by Blender's own, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_SWOLLEN = 1.1


@dataclass(frozen=True)
class Hull:
    """`points` (V, 3), all of them corners; `faces` (F, 3), counter-clockwise from outside."""

    points: Array
    faces: Array

    @property
    def volume(self) -> float:
        corners = self.points[self.faces] - self.points[0]
        return abs(float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))) / 6

    def above(self, points: Array) -> Array:
        """How far each of the points (P, 3) is outside of the farthest of its planes; negative inside. (P,)"""
        normal, height = self.planes()
        out: Array = (points @ normal.T - height).max(axis=1)
        return out

    def planes(self) -> tuple[Array, Array]:
        """Normals (N, 3) outwards and heights (N,): inside is x · normal <= height. Slivers have none of their own."""
        a, b, c = (self.points[self.faces[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        length = np.linalg.norm(normal, axis=1)
        longest = np.max([np.linalg.norm(side, axis=1) for side in (b - a, c - b, a - c)], axis=0)
        good = length > 1e-4 * longest * longest.max()
        good |= length == length.max()
        normal = normal[good] / length[good, None]
        return normal, np.einsum("ij,ij->i", normal, a[good])

    def around(self, points: Array, tolerance: float) -> Hull:
        """Swollen about its middle until no point sticks out by more, but by a tenth at most."""
        normal, height = self.planes()
        middle = self.points.mean(axis=0)
        need = ((points - middle) @ normal.T).max(axis=0) - tolerance
        factor = float(np.clip((need / np.maximum(height - normal @ middle, 1e-30)).max(), 1.0, _SWOLLEN))
        return Hull(middle + factor * (self.points - middle), self.faces)


def hull(points: Array) -> Hull | None:
    """The convex hull of points (P, 3), or None where they lie in a plane."""
    if len(points) < 4:
        return None
    mesh = bpy.data.meshes.new("hull")
    mesh.vertices.add(len(points))
    # in its own unit and place: what it takes for equal is a fixed length
    middle, size = points.mean(axis=0), float(np.ptp(points, axis=0).max()) or 1.0
    mesh.vertices.foreach_set("co", ((points - middle) / size).astype(np.float32).ravel())
    bm = bmesh.new()
    try:
        bm.from_mesh(mesh)
        bmesh.ops.convex_hull(bm, input=bm.verts, use_existing_faces=False)
        bmesh.ops.triangulate(bm, faces=[face for face in bm.faces if len(face.verts) > 3])
        bm.verts.index_update()
        faces = np.array([[vert.index for vert in face.verts] for face in bm.faces], np.int32).reshape(-1, 3)
        places = np.array([tuple(vert.co) for vert in bm.verts])
    finally:
        bm.free()
        bpy.data.meshes.remove(mesh)
    if len(faces) < 4:
        return None
    used, faces = np.unique(faces, return_inverse=True)
    out = Hull(places[used] * size + middle, faces.reshape(-1, 3).astype(np.int32))
    return out if out.volume > 1e-7 * size**3 else None


def thickened(points: Array, least: float) -> Hull:
    """The hull of points that may lie in a plane or on a line, made `least` thick where they do."""
    found = hull(points)
    if found:
        return found
    shifts = least / 2 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    found = hull((points[:, None] + shifts[None]).reshape(-1, 3))
    assert found
    return found


def simplified(whole: Hull, corners: int, tolerance: float) -> Hull:
    """A hull of at most so many of its corners: the farthest outside is added until none is by more than this."""
    if len(whole.points) <= corners:
        return whole
    points = whole.points
    ways = np.concatenate([np.eye(3), -np.eye(3)])
    chosen = list(dict.fromkeys((points @ ways.T).argmax(axis=0).tolist()))
    while True:
        part = hull(points[chosen])
        away = part.above(points) if part else np.linalg.norm(points - points[chosen].mean(axis=0), axis=1)
        away[chosen] = -np.inf
        far = int(away.argmax())
        if part and (len(chosen) >= corners or away[far] <= tolerance):
            return part
        if not np.isfinite(away[far]):
            return whole
        chosen.append(far)
