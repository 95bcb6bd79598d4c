# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight plain pictures around a shape, by ray casting: what it covers, its flat colours, and a shaded look.

Orthographic, from 20 degrees above, every 45 degrees beginning at the front; two opposite views from the horizon would
have one outline between them. The window is as wide as the given radius, twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ...geometry.camera import directions
from ..views.tracer import Tracer
from .shape import Floats, Shape, normals

AZIMUTHS = tuple(range(0, 360, 45))
ELEVATION = 20.0
RAYS = 24
CLEAR = 2e-3
"""Rays start this far from the surface."""
GREY = 0.7
"""The colour of a shape that has none."""


@dataclass(frozen=True)
class Views:
    """`covered` (8, S, S); `albedo` and `shaded` (8, S, S, 3) sRGB 0..1 on white.

    `shaded` has a lamp at the camera.
    """

    covered: NDArray[np.bool_]
    albedo: Floats
    shaded: Floats


def tracer(shape: Shape) -> Tracer:
    """What casts rays at the shape, through the holes of its textures."""
    return Tracer(cast(Any, _Body(shape)), cast(Any, _Holes(shape)))


def exposed(eye: Tracer, points: Floats) -> NDArray[np.bool_]:
    """Which points (N, 3) of a surface of size 1 can be seen from afar: of RAYS even directions one is free."""
    ways = directions(RAYS).astype(np.float32)
    seen = np.zeros(len(points), np.bool_)
    for way in ways:
        left = np.flatnonzero(~seen)
        starts = points[left].astype(np.float32) + np.float32(CLEAR) * way
        seen[left] = ~eye.blocked(starts, np.broadcast_to(way, starts.shape))
    return seen


def look(shape: Shape, eye: Tracer, *, radius: float, side: int = 128, paint: bool = True) -> Views:
    """See the shape from the eight directions; `radius` is half the width of the window around the origin."""
    starts, ways = rays(radius, side)
    hits = eye.cast(starts.astype(np.float32), ways.astype(np.float32))
    hit = hits.face >= 0
    face, weights = hits.face[hit].astype(np.int64), hits.bary[hit].astype(np.float64)
    albedo = np.ones((len(hit), 3))
    shaded = np.ones((len(hit), 3))
    if paint:
        albedo[hit] = np.clip(shape.paint(face, weights), 0, 1) if shape.paint else GREY
        normal = normals(shape)[face]
        facing = np.abs((normal * ways[hit]).sum(axis=1, keepdims=True))
        shaded[hit] = (0.15 + 0.85 * albedo[hit]) * (0.25 + 0.75 * facing)
    size = (len(AZIMUTHS), side, side)
    return Views(hit.reshape(size), albedo.reshape(*size, 3), shaded.reshape(*size, 3))


class _Body:
    """The mesh as the tracer takes it."""

    def __init__(self, shape: Shape) -> None:
        self.vertices, self.faces = shape.vertices.astype(np.float32), shape.faces


class _Holes:
    """Where rays pass through the mesh's textures, as the tracer asks for it."""

    def __init__(self, shape: Shape) -> None:
        self.holes, self._opaque = shape.opaque is not None, shape.opaque

    def opaque(self, face: NDArray[np.int32], bary: NDArray[np.float32]) -> NDArray[np.bool_]:
        if not self._opaque:
            return np.ones(len(face), np.bool_)
        return self._opaque(face.astype(np.int64), bary.astype(np.float64))


def rays(radius: float, side: int) -> tuple[Floats, Floats]:
    """Starts and unit directions (8 * side * side, 3); rows go down, as in a picture."""
    steps = ((np.arange(side) + 0.5) / side * 2 - 1) * radius
    starts, ways = [], []
    for azimuth in np.radians(AZIMUTHS):
        tilt = np.radians(ELEVATION)
        outward = np.array([np.sin(azimuth) * np.cos(tilt), -np.cos(azimuth) * np.cos(tilt), np.sin(tilt)])
        right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        up = np.cross(outward, right)
        grid = steps[None, :, None] * right - steps[:, None, None] * up + 4 * radius * outward
        starts.append(grid.reshape(-1, 3))
        ways.append(np.broadcast_to(-outward, (side * side, 3)))
    return np.concatenate(starts), np.concatenate(ways)


def overlap(a: Views, b: Views) -> float:
    """Mean over the views of the part that both cover of what either covers."""
    both = (a.covered & b.covered).sum(axis=(1, 2))
    either = (a.covered | b.covered).sum(axis=(1, 2))
    return float((both / np.maximum(either, 1)).mean())


def psnr(a: Floats, b: Floats) -> float:
    """Peak signal-to-noise in dB of pictures (N, H, W, 3), 0..1: mean over the pictures, at most 60."""
    error = ((a - b) ** 2).mean(axis=(1, 2, 3))
    return float((-10 * np.log10(np.maximum(error, 1e-6))).mean())


def ssim(a: Floats, b: Floats) -> float:
    """Structural similarity (Wang et al. 2004): Gaussian window of 1.5 px, mean over pictures, pixels and channels."""
    from scipy.ndimage import gaussian_filter

    def blur(values: Floats) -> Floats:
        return np.asarray(gaussian_filter(values, (0, 1.5, 1.5, 0), truncate=3.5))

    ma, mb = blur(a), blur(b)
    va, vb, ab = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    return float((((2 * ma * mb + c1) * (2 * ab + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean())
