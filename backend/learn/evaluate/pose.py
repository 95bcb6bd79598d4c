# SPDX-License-Identifier: GPL-3.0-or-later
"""A shape in front of the camera of a photo, seen by ray casting: it may be any soup, with holes in its textures.

How the camera is found is in `geometry.pose`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...geometry import pose as poses
from ...geometry.pose import GREY, SIDE, Mask, Pose
from ..views.tracer import Hits, Tracer
from . import views
from .shape import Floats, Shape


@dataclass(frozen=True)
class Subject:
    """A shape in front of the camera. `corners` (N, 3) decide how far a projection of it reaches."""

    shape: Shape
    eye: Tracer
    corners: Floats

    @classmethod
    def of(cls, shape: Shape) -> Subject:
        return cls(shape, views.tracer(shape), poses.reach(shape.vertices))

    def cast(self, pose: Pose, side: int) -> Hits:
        """What the rays of side * side pixels hit."""
        camera = pose.camera(self.corners)
        steps = (np.arange(side) + 0.5) / side * 2 - 1
        u, v = np.meshgrid((steps - pose.right) / pose.scale, (steps - pose.down) / pose.scale)
        rays = camera.rays(np.stack([u.ravel(), v.ravel()], axis=1))
        return self.eye.cast(camera.position.astype(np.float32), rays)

    def seen(self, pose: Pose, side: int) -> Mask:
        return self.cast(pose, side).face.reshape(side, side) >= 0


def framed(path: Path) -> Floats:
    """The object of a cut-out as models are shown it: (SIDE, SIDE, 4), 0..1, straight alpha."""
    from ...images import framed as frame

    photo = Image.fromarray(frame(str(path), SIDE)).convert("RGBa").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(photo.convert("RGBA"), np.float64) / 255


def find(subject: Subject, mask: Mask) -> Pose:
    """The pose in which the subject covers `mask` (SIDE, SIDE) best."""
    return poses.find(subject.seen, mask)


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
