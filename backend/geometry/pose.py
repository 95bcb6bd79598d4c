# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera from which a mesh covers what a photo shows, found by trying, whatever model made the mesh.

All that is believed is that the mesh stands upright and faces -Y. The direction and the field of view are searched for
coarse to fine. Shift and size in the picture are first those of the outline's box, or those that give the outline the
mask's area and middle, whichever covers it better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import camera as cameras
from .filters import gaussian

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]
SIDE = 256
"""px, in which scores are taken."""
COARSE, FINE = (64, 2.0), ((128, 3.0), (128, 1.5), (128, 0.7), (128, 0.0))
"""px and their blur in which the camera is searched for, first among all and then from the best of each
azimuth; the worst of those is given up each time."""
GREY = 0.5
"""Behind the object."""
WAYS = 400
"""Directions in which a shape's furthest points are looked for."""


class Pose(NamedTuple):
    """Degrees; then the object's size and place in the picture beside those that fill it: 1, 0 and 0."""

    azimuth: float
    elevation: float
    fov: float
    scale: float = 1.0
    right: float = 0.0
    down: float = 0.0

    def camera(self, reach: Floats) -> cameras.Camera:
        """Aimed at the points (N, 3) that decide how far a projection reaches."""
        azimuth, elevation, fov = np.radians(self[:3])
        return cameras.aim(reach, azimuth, elevation, fov)[0]


Seen = Callable[[Pose, int], Mask]
"""What a shape covers from a pose, on so many px each way."""
AZIMUTHS, ELEVATIONS, FOVS = (-30.0, -15.0, 0.0, 15.0, 30.0), tuple(np.arange(-20.0, 71, 10)), (5.0, 25.0, 45.0)
LOW, HIGH = Pose(-60, -45, 3, 0.4, -0.6, -0.6), Pose(60, 89, 75, 1.6, 0.6, 0.6)
STEPS = Pose(7.5, 5.0, 10.0, 0.04, 0.03, 0.03)


def reach(vertices: Floats) -> Floats:
    """The few of the points (N, 3) that are outermost in many directions."""
    ways = cameras.directions(WAYS).astype(np.float32)
    return np.asarray(vertices[np.unique(np.argmax(ways @ vertices.T.astype(np.float32), axis=1))])


def overlap(a: Mask, b: Mask) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(int((a | b).sum()), 1))


class _Fit:
    """How well a shape covers a mask (SIDE, SIDE), tried on `side` px, both blurred by so many px.

    Blur leads thin parts towards each other that do not meet yet.
    """

    def __init__(self, seen: Seen, mask: Mask, side: int, blur: float) -> None:
        self._outline, self._side, self._blur = seen, side, blur
        self._whole = mask.reshape(side, SIDE // side, side, SIDE // side).mean(axis=(1, 3))
        self._mask = gaussian(self._whole, blur)
        self._known: dict[Pose, float] = {}

    def __call__(self, pose: Pose) -> float:
        if pose not in self._known:
            seen = gaussian(self._seen(pose), self._blur)
            both, either = np.minimum(seen, self._mask).sum(), np.maximum(seen, self._mask).sum()
            self._known[pose] = float(both / max(either, 1e-9))
        return self._known[pose]

    def moved(self, pose: Pose) -> Pose:
        """The area and the middle of what is seen brought to the mask's: a mesh may lack what reaches furthest."""
        places = (np.arange(self._side) + 0.5) / self._side * 2 - 1
        (area, column, row), (other, right, down) = (
            (m.sum(), m.sum(axis=0) @ places, m.sum(axis=1) @ places) for m in (self._seen(pose), self._whole)
        )
        if not area or not other:
            return pose
        scale = float(np.sqrt(other / area))
        here = pose._replace(scale=scale, right=right / other - scale * column / area)
        return _within(here._replace(down=down / other - scale * row / area))

    def _seen(self, pose: Pose) -> NDArray[np.float64]:
        return self._outline(pose, self._side).astype(np.float64)


def find(seen: Seen, mask: Mask, tell: Callable[[float], None] = lambda part: None) -> Pose:
    """The pose from which what is `seen` covers `mask` (SIDE, SIDE) best. `tell` hears how much is done, 0 to 1."""
    fit = _Fit(seen, mask, *COARSE)
    best: list[Pose] = []
    climbs, done = sum(len(AZIMUTHS) - i for i in range(len(FINE))), 0
    for azimuth in AZIMUTHS:
        tell(0.2 * len(best) / len(AZIMUTHS))
        boxed = [Pose(azimuth, elevation, fov) for elevation, fov in product(ELEVATIONS, FOVS)]
        tried = boxed + [fit.moved(pose) for pose in boxed]
        best.append(max(tried, key=lambda pose: (fit(pose), -abs(pose.elevation))))
    steps = np.array(STEPS)
    for finer in FINE:
        fit = _Fit(seen, mask, *finer)
        for index, pose in enumerate(best):
            tell(0.2 + 0.8 * done / climbs)
            best[index] = _climbed(pose, steps, fit)
            done += 1
        best = sorted(best, key=lambda pose: (-fit(pose), abs(pose.azimuth)))[:-1]
        steps = steps / 2
    return best[0]


def _within(pose: Iterable[float]) -> Pose:
    return Pose(*(float(x) for x in np.clip(list(pose), LOW, HIGH)))


def _climbed(pose: Pose, steps: Floats, fit: _Fit) -> Pose:
    """To the best neighbour, again and again until there is no better one."""
    while True:
        moves = [np.array(pose) + sign * step for step in np.diag(steps) for sign in (-1, 1)]
        better = max(map(_within, moves), key=fit)
        if fit(better) <= fit(pose):
            return pose
        pose = better
