# SPDX-License-Identifier: GPL-3.0-or-later
"""Colliders as solids: which points lie in them, and where the nearest way out is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from ..mesh import meshes

Array = NDArray[Any]
_RAYS = ((0.03, 0.02, 1.0), (0.9, 0.1, 0.42))
"""Where a ray of either way leaves the solid more often than it enters it, a point may be inside."""


@dataclass(frozen=True)
class Solid:
    """The surface of an object, with scale, in a frame that only moves and turns with it: `points` (V, 3), triangles
    `faces` (F, 3), from `low` to `high` (3,)."""

    name: str
    tree: BVHTree
    points: Array
    faces: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, obj: bpy.types.Object) -> Solid | None:
        """As its modifiers leave it; None where it has no faces."""
        shape = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = shape.to_mesh()
        faces, _ = meshes.drawn(mesh)
        flat = np.empty(3 * len(mesh.vertices), np.float32)
        mesh.vertices.foreach_get("co", flat)
        shape.to_mesh_clear()
        if not len(faces):
            return None
        points = flat.reshape(-1, 3) * np.array(obj.matrix_world.to_scale())
        tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
        return cls(obj.name, tree, points, faces, points.min(axis=0), points.max(axis=0))

    def inside(self, points: Array) -> Array:
        """Numbers of the points (N, 3), in its frame, that are in it."""
        near = np.flatnonzero(((points > self.low) & (points < self.high)).all(axis=1))
        return np.array([k for k in near if self.encloses(points[k])], int)

    def encloses(self, point: Array) -> bool:
        """The surface goes around it once or more, so that overlapping and nested parts count as they should. A ray may
        slip through an edge, so what a ray suspects is proved by the angle that all faces fill as it sees them."""
        return any(self._leaves(point, ray) for ray in _RAYS) and self._around(point) > 0.5

    def _leaves(self, point: Array, ray: tuple[float, float, float]) -> bool:
        step = 1e-5 * float((self.high - self.low).max())
        way, at, depth = Vector(ray).normalized(), Vector(point), 0
        for _ in range(64):
            hit, normal, _, _ = self.tree.ray_cast(at, way)
            if hit is None:
                break
            depth += 1 if normal.dot(way) > 0 else -1
            at = hit + step * way
        return depth > 0

    def _around(self, point: Array) -> float:
        """How often the surface goes around a point: its solid angle by 4 π (Van Oosterom and Strackee 1983)."""
        a, b, c = (self.points[self.faces[:, k]].astype(float) - point for k in range(3))
        x, y, z = (np.linalg.norm(each, axis=1) for each in (a, b, c))
        over = np.einsum("ij,ij->i", a, np.cross(b, c))
        under = x * y * z + (a * b).sum(axis=1) * z + (b * c).sum(axis=1) * x + (c * a).sum(axis=1) * y
        return float(np.arctan2(over, under).sum() / (2 * np.pi))

    def out(self, point: Array, gap: float) -> tuple[Array, float]:
        """The nearest place outside, `gap` metres off the surface, and how deep the point was."""
        near, normal, _, depth = self.tree.find_nearest(Vector(point))
        return np.array(near + gap * normal), float(depth)


def rigid(place: Array) -> tuple[Array, Array]:
    """Turn (3, 3) and shift (3,) of a world matrix (4, 4), scale left out."""
    turn = place[:3, :3] / np.linalg.norm(place[:3, :3], axis=0)
    return turn, place[:3, 3]


def freed(points: Array, solid: Solid, place: Array, gap: float) -> tuple[Array, int, float]:
    """World points (N, 3) with those in the solid pushed out; how many these were, and how deep the deepest."""
    turn, shift = rigid(place)
    own = (points - shift) @ turn
    caught, deepest = solid.inside(own), 0.0
    if not len(caught):
        return points, 0, 0.0
    points = points.copy()
    for k in caught:
        own[k], depth = solid.out(own[k], gap)
        deepest = max(deepest, depth)
    points[caught] = own[caught] @ turn.T + shift
    return points, len(caught), deepest
