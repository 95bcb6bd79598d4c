# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a view is taken from, and the frustum grid's coordinates.

World: Z up, the object faces -Y. Camera frame (OpenCV): x right, y down, z forward. Image: u right and v down, both
-1..1 over a square. Frustum coordinates (u, v, d): in units in which the image is 2 wide at the depth of the object's
middle, X = u (1 + d / f), Y = v (1 + d / f), Z = f + d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILL = 0.85  # the longer side of the projected bounding box, as a part of the image's width
DEEP = 1.4  # the frustum grid covers depths -DEEP..DEEP
CELLS = 64  # of the frustum grid, along each side
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Camera:
    """`rotation` (3, 3) world to camera, `position` (3,) world, `f` the focal length in half image widths."""

    rotation: NDArray[np.float64]
    position: NDArray[np.float64]
    f: float

    def place(self, points: Floats) -> Floats:
        """World points (N, 3) in the camera frame."""
        turned = points @ self.rotation.T.astype(points.dtype)
        return np.asarray(turned - (self.rotation @ self.position).astype(points.dtype))

    def project(self, points: Floats) -> Floats:
        """Image positions (N, 2) as u, v of world points (N, 3)."""
        seen = self.place(points)
        return np.asarray(self.f * seen[:, :2] / seen[:, 2:])

    def rays(self, uv: Floats) -> NDArray[np.float32]:
        """World directions (N, 3) through image positions (N, 2), one unit deep: distance along them is camera z."""
        flat = np.empty((len(uv), 3), np.float32)
        flat[:, :2] = uv / self.f
        flat[:, 2] = 1
        return flat @ self.rotation.astype(np.float32)

    def unproject(self, uv: Floats, depth: Floats) -> Floats:
        """World points (N, 3) at image positions (N, 2) and camera z (N,)."""
        return np.asarray(self.position.astype(np.float32) + self.rays(uv) * depth[:, None])


@dataclass(frozen=True)
class FrustumFrame:
    """World units to frustum units: times `s`; the object's middle is at camera z `zc`, and zc s = f."""

    s: float
    zc: float
    f: float

    def from_camera(self, points: Floats) -> Floats:
        """(u, v, d) of camera frame points (N, 3)."""
        out = np.empty_like(points)
        out[:, :2] = points[:, :2] * (self.f / points[:, 2:])
        out[:, 2] = points[:, 2] * self.s - self.f
        return out

    def to_camera(self, uvd: Floats) -> Floats:
        """Camera frame points (N, 3) of (u, v, d)."""
        out = np.empty_like(uvd)
        out[:, :2] = uvd[:, :2] * ((1 + uvd[:, 2:] / self.f) / self.s)
        out[:, 2] = (uvd[:, 2] + self.f) / self.s
        return out


def to_frustum(camera: Camera, frame: FrustumFrame, points: Floats) -> Floats:
    """(u, v, d) of world points (N, 3)."""
    return frame.from_camera(camera.place(points))


def to_world(camera: Camera, frame: FrustumFrame, uvd: Floats) -> Floats:
    """World points (N, 3) of (u, v, d)."""
    moved = frame.to_camera(uvd) @ camera.rotation.astype(uvd.dtype)
    return np.asarray(moved + camera.position.astype(uvd.dtype))


def orbit(azimuth: float, elevation: float) -> NDArray[np.float64]:
    """Rotation (3, 3) world to camera, looking at the origin. Angles in radians.

    Azimuth 0 sees the front from -Y, a positive one moves the camera to +X; a positive elevation looks down.
    """
    ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
    forward = (-sa * ce, ca * ce, -se)
    right = (ca, sa, 0.0)
    return np.array([right, np.cross(forward, right), forward], np.float64)


def aim(vertices: Floats, azimuth: float, elevation: float, fov: float) -> tuple[Camera, FrustumFrame]:
    """The camera that looks in this direction and sees the vertices (N, 3) centred, `FILL` of the image wide.

    The direction and the field of view (radians, across the image) are kept; the place is solved for.
    """
    f = float(1 / np.tan(fov / 2))
    rotation = orbit(azimuth, elevation)
    turned = vertices.astype(np.float64) @ rotation.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    at = (low + high) / 2
    radius = float(np.linalg.norm(high - low)) / 2
    at[2] = low[2] - max(f * float((high - low)[:2].max()) / (2 * FILL), 0.2 * radius)
    for _ in range(30):
        # with the vertices that reach furthest now, the centre is known exactly, and the distance by Newton's step
        depth = turned[:, 2] - at[2]
        sizes, slopes = np.empty(2), np.empty(2)
        for axis in range(2):
            flat = (turned[:, axis] - at[axis]) / depth
            i, k = int(flat.argmin()), int(flat.argmax())
            near, far = turned[i, axis], turned[k, axis]
            middle = (near * depth[k] + far * depth[i]) / (depth[i] + depth[k])
            sizes[axis] = f * ((far - middle) / depth[k] - (near - middle) / depth[i])
            slopes[axis] = f * ((far - middle) / depth[k] ** 2 - (near - middle) / depth[i] ** 2)
            at[axis] = middle
        longer = int(sizes.argmax())
        gap = sizes[longer] - 2 * FILL
        step = float(np.clip(gap / slopes[longer], -0.7 * depth.min(), 2 * radius))
        at[2] -= step
        if abs(step) < 1e-7 * radius:
            break
    zc = float((low[2] + high[2]) / 2 - at[2])
    return Camera(rotation, rotation.T @ at, f), FrustumFrame(f / zc, zc, f)


def directions(count: int) -> NDArray[np.float64]:
    """So many unit vectors (N, 3), spread evenly."""
    index = np.arange(count) + 0.5
    height, turn = 1 - 2 * index / count, np.pi * (1 + 5**0.5) * index
    flat = np.sqrt(1 - height**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
