# SPDX-License-Identifier: GPL-3.0-or-later
"""A photo is rarely level: find the two lowest points that carry a body, and turn it until both touch the floor."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .meshes import Floats, Ints

_COLUMNS = 512
_LEAST_BASE = 0.15
"""Of the width: nearer points are one foot, and turning to them would roll a round body."""


def lean(vertices: Floats, faces: Ints) -> float:
    """Radians about Y from level to the line between the two feet, seen from the front; 0 where there is one foot.

    The feet are the ends of that edge of the lower convex hull of (x, z) which lies below the centroid.
    """
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    if area.sum() <= 0:
        return 0.0
    centre = float((corners.mean(axis=1)[:, 0] * area).sum() / area.sum())
    hull = _lower_hull(_low_points(vertices))
    for (x0, z0), (x1, z1) in itertools.pairwise(hull):
        if x0 <= centre <= x1:
            wide = x1 - x0 >= _LEAST_BASE * float(np.ptp(vertices[:, 0]))
            return math.atan2(z1 - z0, x1 - x0) if wide else 0.0
    return 0.0


def turned(vertices: Floats, angle: float) -> Floats:
    """Turned about Y by -angle, the middle of its width kept."""
    x, z = vertices[:, 0], vertices[:, 2]
    out = vertices.copy()
    out[:, 0] = math.cos(angle) * x + math.sin(angle) * z
    out[:, 2] = math.cos(angle) * z - math.sin(angle) * x
    out[:, 0] += (x.max() + x.min() - out[:, 0].max() - out[:, 0].min()) / 2
    return out


def _low_points(vertices: Floats) -> list[tuple[float, float]]:
    """The lowest vertex of each column, by x: enough for the lower hull, whatever the mesh."""
    x, z = vertices[:, 0].astype(float), vertices[:, 2].astype(float)
    width = float(np.ptp(x)) or 1.0
    column = ((x - x.min()) / width * (_COLUMNS - 1)).astype(int)
    order = np.lexsort((z, column))
    first = order[np.unique(column[order], return_index=True)[1]]
    return sorted(zip(x[first].tolist(), z[first].tolist(), strict=True))


def _lower_hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Andrew's monotone chain, the lower half."""
    hull: list[tuple[float, float]] = []
    for x, z in points:
        while len(hull) > 1:
            (ax, az), (bx, bz) = hull[-2:]
            if (bx - ax) * (z - az) - (bz - az) * (x - ax) > 0:
                break
            hull.pop()
        hull.append((x, z))
    return hull
