# SPDX-License-Identifier: GPL-3.0-or-later
"""The camera from which a mesh covers what a photo shows, found by trying, whatever model made the mesh.

All that is believed is that the mesh stands upright and faces -Y. The direction and the field of view are searched for
coarse to fine. Shift and size in the picture are first those of the outline's box, or those that give the outline the
mask's area and middle, whichever covers it better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from ..views import camera as cameras
from ..views.tracer import Hits, Tracer
from . import views
from .shape import Floats, Shape

Mask = NDArray[np.bool_]
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


AZIMUTHS, ELEVATIONS, FOVS = (-30.0, -15.0, 0.0, 15.0, 30.0), tuple(np.arange(-20.0, 71, 10)), (5.0, 25.0, 45.0)
LOW, HIGH = Pose(-60, -45, 3, 0.4, -0.6, -0.6), Pose(60, 89, 75, 1.6, 0.6, 0.6)
STEPS = Pose(7.5, 5.0, 10.0, 0.04, 0.03, 0.03)


@dataclass(frozen=True)
class Subject:
    """A shape in front of the camera. `corners` (N, 3) decide how far a projection of it reaches."""

    shape: Shape
    eye: Tracer
    corners: Floats

    @classmethod
    def of(cls, shape: Shape) -> Subject:
        ways = views.directions(WAYS).astype(np.float32)
        furthest = np.argmax(ways @ shape.vertices.T.astype(np.float32), axis=1)
        return cls(shape, views.tracer(shape), shape.vertices[np.unique(furthest)])

    def cast(self, pose: Pose, side: int) -> Hits:
        """What the rays of side * side pixels hit."""
        azimuth, elevation, fov = np.radians(pose[:3])
        camera, _ = cameras.aim(self.corners, azimuth, elevation, fov)
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        u, v = np.meshgrid((steps - pose.right) / pose.scale, (steps - pose.down) / pose.scale)
        rays = camera.rays(np.stack([u.ravel(), v.ravel()], axis=1))
        return self.eye.cast(camera.position.astype(np.float32), rays)


def framed(path: Path) -> Floats:
    """The object of a cut-out as models are shown it: (SIDE, SIDE, 4), 0..1, straight alpha."""
    from ...backends.lift import framed as frame

    photo = Image.fromarray(frame(str(path), SIDE)).convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(photo.convert("RGBA"), np.float64) / 255


def overlap(a: Mask, b: Mask) -> float:
    """Intersection over union."""
    return float((a & b).sum() / max(int((a | b).sum()), 1))


class _Fit:
    """How well a shape covers a mask (SIDE, SIDE), tried on `side` px, both blurred by so many px.

    Blur leads thin parts towards each other that do not meet yet.
    """

    def __init__(self, subject: Subject, mask: Mask, side: int, blur: float) -> None:
        self._subject, self._side, self._blur = subject, side, blur
        self._whole = mask.reshape(side, SIDE // side, side, SIDE // side).mean(axis=(1, 3))
        self._mask = self._soft(self._whole)
        self._known: dict[Pose, float] = {}

    def __call__(self, pose: Pose) -> float:
        if pose not in self._known:
            seen = self._soft(self._seen(pose))
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

    def _seen(self, pose: Pose) -> Floats:
        return np.asarray(self._subject.cast(pose, self._side).face.reshape(self._whole.shape) >= 0, np.float64)

    def _soft(self, mask: Floats) -> Floats:
        return np.asarray(gaussian_filter(mask, self._blur, truncate=3) if self._blur else mask)


def find(subject: Subject, mask: Mask) -> Pose:
    """The pose in which the subject covers `mask` (SIDE, SIDE) best."""
    fit = _Fit(subject, mask, *COARSE)
    best = []
    for azimuth in AZIMUTHS:
        boxed = [Pose(azimuth, elevation, fov) for elevation, fov in product(ELEVATIONS, FOVS)]
        tried = boxed + [fit.moved(pose) for pose in boxed]
        best.append(max(tried, key=lambda pose: (fit(pose), -abs(pose.elevation))))
    steps = np.array(STEPS)
    for finer in FINE:
        fit = _Fit(subject, mask, *finer)
        best = [_climbed(pose, steps, fit) for pose in best]
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


def render(subject: Subject, pose: Pose, side: int = SIDE) -> tuple[Floats, Floats]:
    """Flat colours (side, side, 3), grey where nothing is, and the part (side, side) of each pixel that is covered."""
    hits, paint = subject.cast(pose, 2 * side), subject.shape.paint
    hit = hits.face >= 0
    colors = np.full((len(hit), 3), views.GREY)
    if paint:
        colors[hit] = np.clip(paint(hits.face[hit].astype(np.int64), hits.bary[hit].astype(np.float64)), 0, 1)
    over = np.concatenate([np.where(hit[:, None], colors, 0), hit[:, None]], axis=1)
    mean = over.reshape(side, 2, side, 2, 4).mean(axis=(1, 3))
    cover = mean[..., 3]
    return mean[..., :3] + GREY * (1 - cover[..., None]), cover
