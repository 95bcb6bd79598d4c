# SPDX-License-Identifier: GPL-3.0-or-later
"""A body looked at from all sides by a network that knows people: it sees shoulders below clothes and arms that touch.

The pictures are drawn here, in clay, for the network needs no more. Each point is where the lines of sight of all
pictures meet best.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import raster
from .....backend.posing import HEIGHT, MARGIN, POINTS, WIDTH, poser
from ..mesh import meshes

Array = NDArray[Any]
VIEWS = 8
_ELEVATION = math.radians(6)
_SEEN = 0.2
"""A point less sure than this is not looked for in that picture."""
_APART = 0.02
"""Of the body's height: lines of sight that pass farther from the others count less and less."""
_SKIN, _GROUND = np.array([0.8, 0.64, 0.55]), 0.45
_LIGHT = np.array([0.4, 0.5, 0.77])
_MAIN = [POINTS.index(f"{name}.{side}")
         for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in "LR"]  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """`points` (26, 3) metres in the world, NaN where one was never seen; `sure` (26,) 0 to about 1."""

    points: Array
    sure: Array

    def __getitem__(self, name: str) -> Array:
        point: Array = self.points[POINTS.index(name)]
        return point

    @property
    def score(self) -> float:
        """0 to 1: how much it is a person. All twelve joints of arms and legs count, the least sure twice."""
        main = self.sure[_MAIN]
        if np.isnan(self.points[_MAIN]).any():
            return 0.0
        return float(np.clip((0.5 * (main.mean() + main.min()) - 0.15) / 0.2, 0, 1))

    @property
    def glimpse(self) -> float:
        """How sure it is of the joints on the mean."""
        return float(self.sure[_MAIN].mean())

    @property
    def angle(self) -> float:
        """Radians about Z from facing -Y to where the person faces."""
        to_left: Array = self["hip.L"] - self["hip.R"] + self["shoulder.L"] - self["shoulder.R"]
        return math.atan2(to_left[1], to_left[0])


def look(vertices: Array, triangles: Array, beat: Callable[[], None]) -> Sight | None:
    """None where the network cannot run in this Python, or there is nothing to draw."""
    see = poser()
    high = float(np.ptp(vertices[:, 2]))
    if see is None or not high > 0:
        return None
    normals = meshes.normals_of(vertices, triangles)
    rows, goals, weights = [], [], []
    for number in range(VIEWS):
        axes = _axes(2 * math.pi * number / VIEWS, _ELEVATION)
        picture, middle, scale = _drawn(vertices @ axes.T, normals @ axes.T, triangles)
        x, y, sure = see(picture).T.astype(np.float64)
        rows.append(axes[:2])
        goals.append(np.stack([middle[0] + (x - WIDTH / 2) * scale, middle[1] - (y - HEIGHT / 2) * scale]))
        weights.append(np.where(sure < _SEEN, 0.0, sure))
        beat()
    lines, goal, weight = np.concatenate(rows), np.array(goals), np.array(weights)
    found = [_met(lines, goal[:, :, k].ravel(), np.repeat(weight[:, k], 2), high) for k in range(len(POINTS))]
    return Sight(np.array([point for point, _ in found]), np.array([sure for _, sure in found]))


def _met(lines: Array, goal: Array, weight: Array, high: float) -> tuple[Array, float]:
    """Where lines of sight meet: `lines` (2 V, 3) @ point = `goal` (2 V,), by least squares that doubt outliers."""
    if (weight > 0).sum() < 6:
        return np.full(3, np.nan), 0.0
    now = weight
    for _ in range(12):
        root = np.sqrt(now)
        point = np.linalg.lstsq(lines * root[:, None], goal * root, rcond=None)[0]
        now = weight / (1 + ((lines @ point - goal) / high / _APART) ** 2) ** 2
    return point, float(now.sum() / len(goal))


def _axes(azimuth: float, elevation: float) -> Array:
    """Rows right, up and towards the camera, which stands before the front at azimuth 0."""
    near = np.array(
        [math.sin(azimuth) * math.cos(elevation), -math.cos(azimuth) * math.cos(elevation), math.sin(elevation)]
    )
    right = np.array([math.cos(azimuth), math.sin(azimuth), 0.0])
    return np.stack([right, np.cross(near, right), near])


def _drawn(points: Array, normals: Array, triangles: Array) -> tuple[NDArray[np.uint8], Array, float]:
    """A picture of what the camera's axes show without perspective; its middle, and metres a pixel."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, high - low
    scale = MARGIN * float(max(size[0] / WIDTH, size[1] / HEIGHT))
    side = HEIGHT
    places = (points[:, :2] - middle[:2]) / scale * [1, -1] + side / 2
    hits = raster.hits(places, high[2] - points[:, 2] + 10 * float(size.max()), triangles, side)
    normal = np.einsum("hwk,hwkd->hwd", hits.bary, normals[triangles[hits.face]])
    light = 0.35 + 0.65 * np.clip(normal @ _LIGHT, 0, 1)
    shown = np.where((hits.face >= 0)[..., None], light[..., None] * _SKIN, _GROUND)
    cut = (side - WIDTH) // 2
    return np.asarray(np.clip(255 * shown[:, cut : side - cut], 0, 255), np.uint8), middle, scale
