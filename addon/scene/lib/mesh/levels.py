# SPDX-License-Identifier: GPL-3.0-or-later
"""A mesh with fewer triangles that keeps its texture, and how far it is from the one that it was made of."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np
from mathutils.bvhtree import BVHTree

from .....backend.geometry.topology import Beat, no_beat
from . import meshes, nearest
from .selection import linked

_SAMPLES = 12000
"""Places at most that a distance is measured from."""
_ROUNDS = 4
_SPARE = 5
"""Times the wanted triangles: so many are left for the edge collapse that keeps the surface whole."""


def triangulated(mesh: bpy.types.Mesh) -> bpy.types.Mesh:
    """A copy that has triangles only, without shape keys."""
    out = mesh.copy()
    meshes.triangulate(out)
    return out


def reduced(mesh: bpy.types.Mesh, faces: int, beat: Beat = no_beat) -> bpy.types.Mesh:
    """A copy with this many triangles, or as few as can be reached without breaking the surface.

    Blender's edge collapse keeps borders, interpolates the UVs on both sides of a seam, refuses what would tear or
    pinch the surface, and may stop early; another round gets the rest. Seams are not guarded by a weight. On one toad
    of 5,000 triangles, brought to 1/2, 1/4 and 1/8, that took the slip of the texture from 0.128 to 0.104 % of the
    diagonal at 1/2, by a twentieth at 1/4 and not at all at 1/8, while the mean distance grew by 3 to 113 %. The
    largest distance fell at 1/2 and 1/4 for some weights and rose at 1/8; a full guard does not reach the counts.
    """
    out = mesh.copy()
    for _ in range(_ROUNDS):
        beat()
        have = len(out.polygons)
        if have <= faces:
            break
        with linked(out) as obj:
            modifier = obj.modifiers.new("Simplify", "DECIMATE")
            modifier.ratio, modifier.use_collapse_triangulate = faces / have, True
            out = meshes.finished(obj)
        if len(out.polygons) == have:
            break
    return out


def thinned(mesh: bpy.types.Mesh, faces: int, beat: Beat = no_beat) -> bpy.types.Mesh | None:
    """A copy with _SPARE times as many triangles, of which `reduced` gets on sooner.

    By fast-simplification (Garland and Heckbert's quadrics): many times quicker, but it may tear the surface, which
    must be mended, and UVs are those of the nearest vertex. None where it saves nothing or is not installed.
    """
    if len(mesh.polygons) <= 2 * _SPARE * faces:
        return None
    try:
        import fast_simplification
    except ImportError:
        return None
    points, size = meshes.vertices_of(mesh).astype(np.float64), meshes.diagonal(meshes.vertices_of(mesh))
    beat()
    # what it takes for a small error is a fixed length
    places, triangles = fast_simplification.simplify(
        points / max(size, 1e-30), meshes.triangles_of(mesh), target_count=_SPARE * faces, agg=3, preserve_border=True
    )
    beat()
    return nearest.dressed(mesh, places * size, triangles, beat)


@dataclass(frozen=True)
class Error:
    """Of a level against the finest, in shares of the diagonal. `mean` and `most` are distances between the surfaces,
    looked for from both; `slip` is how far, on average, the texture sits from its place on the finest."""

    mean: float
    most: float
    slip: float


class Finest:
    """The mesh that levels are measured against; triangles only."""

    def __init__(self, mesh: bpy.types.Mesh, uv: str | None) -> None:
        self.points, self.faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
        self.size = meshes.diagonal(self.points)
        self.tree = BVHTree.FromPolygons(self.points.tolist(), self.faces.tolist())
        self.layer = uv
        if uv:
            flat = np.pad(meshes.uv_of(mesh, uv), ((0, 0), (0, 1)))
            self.uv = flat.reshape(-1, 3, 3)
            corners = np.arange(len(flat)).reshape(-1, 3)
            self.map = BVHTree.FromPolygons(flat.tolist(), corners.tolist())

    def error(self, mesh: bpy.types.Mesh) -> Error:
        points, faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
        tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
        away = np.concatenate([_away(self.tree, _places(points, faces)), _away(tree, _places(self.points, self.faces))])
        return Error(float(away.mean()) / self.size, float(away.max()) / self.size, self._slip(mesh, points[faces]))

    def _slip(self, mesh: bpy.types.Mesh, corners: meshes.Floats) -> float:
        """From the middle of each triangle: where does the finest mesh have that part of the texture?"""
        if not self.layer:
            return 0.0
        at = np.pad(meshes.uv_of(mesh, self.layer), ((0, 0), (0, 1))).reshape(-1, 3, 3)
        chosen = _thinned(len(at))
        places, total = corners.mean(axis=1), 0.0
        for i in chosen:
            near, _, face, _ = self.map.find_nearest(at[i].mean(axis=0))
            weights = _weights(self.uv[face], np.array(near))
            total += float(np.linalg.norm(weights @ self.points[self.faces[face]] - places[i]))
        return total / len(chosen) / self.size


def _places(points: meshes.Floats, faces: meshes.Ints) -> meshes.Floats:
    """Vertices and middles of triangles, no more than _SAMPLES."""
    every = np.concatenate([points[np.unique(faces)], points[faces].mean(axis=1)])
    out: meshes.Floats = every[_thinned(len(every))]
    return out


def _thinned(count: int) -> meshes.Array:
    out: meshes.Array = np.unique(np.linspace(0, count - 1, min(count, _SAMPLES)).astype(int))
    return out


def _away(tree: BVHTree, places: meshes.Floats) -> meshes.Array:
    return np.array([tree.find_nearest(place)[3] for place in places.tolist()])


def _weights(triangle: meshes.Floats, point: meshes.Array) -> meshes.Array:
    """Barycentric coordinates (3,) in a triangle of the plane z = 0; of one without an area, those of its middle."""
    a, b, p = triangle[1] - triangle[0], triangle[2] - triangle[0], point - triangle[0]
    area = float(a[0] * b[1] - a[1] * b[0])
    if abs(area) < 1e-14:
        return np.full(3, 1 / 3)
    v, w = (p[0] * b[1] - p[1] * b[0]) / area, (a[0] * p[1] - a[1] * p[0]) / area
    return np.array([1 - v - w, v, w])
