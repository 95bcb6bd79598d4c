# SPDX-License-Identifier: GPL-3.0-or-later
"""What a surface encloses."""

from __future__ import annotations

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .hulls import Array


class Inside:
    """Which points a surface encloses: where more of it was entered than left, coming from below.

    An open surface encloses what is between two sheets that face away from each other.
    """

    def __init__(self, points: Array, faces: Array) -> None:
        self.tree = BVHTree.FromPolygons(points.tolist(), faces.tolist())
        self.low, self.high = points.min(axis=0), points.max(axis=0)
        self.step = 1e-6 * float((self.high - self.low).max())

    def column(self, x: float, y: float, heights: Array) -> Array:
        """Those of the points (x, y, heights) that are inside, (N, 3)."""
        depth, at = 0, float(self.low[2]) - 1.0 * float(self.high[2] - self.low[2]) - self.step
        spans, entered = [], 0.0
        while True:
            place, normal, _, _ = self.tree.ray_cast(Vector((x, y, at)), Vector((0, 0, 1)))
            if place is None:
                break
            before, depth = depth, depth + (1 if normal.z < 0 else -1)
            if before <= 0 < depth:
                entered = place.z
            elif depth <= 0 < before:
                spans.append((entered, place.z))
            at = place.z + self.step
        inside = [z for low, high in spans for z in heights[(heights > low) & (heights < high)]]
        return np.array([(x, y, z) for z in inside]).reshape(-1, 3)
