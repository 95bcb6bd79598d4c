# SPDX-License-Identifier: GPL-3.0-or-later
"""Most made and grown things have a left and a right that mirror each other: what the photo shows of one is true of
the other.

The plane is upright and has any direction. It is sought where mirroring what the photo shows contradicts the photo
least (nothing outside of the outline, nothing before the first hits) and what is predicted changes least.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import filters, frustum
from .frustum import Floats

WIDEST = 60
"""Degrees that the way from left to right may be turned from the picture's plane: beyond, all is before or behind."""
YAWS, OFFSETS = 21, 9
"""Planes that are tried at first: directions, and places over 0.4 of the body's width."""
POINTS, AMONG = 400, 5000
"""Points of the surface that are mirrored, and points among which the nearest to each is sought."""
FAR = 0.2
"""Units beyond which further away is no worse."""
FADE = 0.25
"""Units behind the first hit over which what is predicted loses its weight against its mirror image."""
SURE = 9.0
"""A plane of a higher cost is none."""
FIRM = 4.0
"""Logits beyond this count as this."""


class Plane(NamedTuple):
    """Points x of the upright frame with x . (cos yaw, sin yaw, 0) = offset; the less `cost`, the surer."""

    yaw: float
    offset: float
    cost: float

    def mirror(self, points: Floats) -> Floats:
        """Points (N, 3) of the upright frame on the other side."""
        normal = np.array([np.cos(self.yaw), np.sin(self.yaw), 0], np.float32)
        return np.asarray(points - 2 * (points @ normal - np.float32(self.offset))[:, None] * normal, np.float32)


class Scene(NamedTuple):
    """The camera, and what the photo shows: first hits `front` (H, W) and `mask` (H, W) 0..1."""

    front: Floats
    mask: Floats
    focal: float
    elevation: float

    def upright(self, space: Floats) -> Floats:
        return frustum.upright(space, self.elevation)

    def place(self, points: Floats) -> Floats:
        """(u, v, d) of points of the upright frame."""
        return frustum.from_space(frustum.tilted(points, self.elevation), self.focal)


def find(scene: Scene, space: Floats, seen: Floats) -> Plane | None:
    """The best plane for a predicted surface (V, 3) of which the photo sees so much (V,); None where it sees little."""
    points = scene.upright(space)
    dice = np.random.default_rng(0)
    order = dice.permutation(len(points))
    shown, whole = order[seen[order] > 0.7][:POINTS], order[:POINTS]
    if len(shown) < POINTS // 6:
        return None
    size = float(np.ptp(np.percentile(points, (2, 98), axis=0), axis=0).max())
    judge = _Judge(scene, points[shown], points[whole], points[order[:AMONG]], size)

    planes = []
    for yaw in np.radians(np.linspace(-WIDEST, WIDEST, YAWS)):
        low, high = np.percentile(points @ np.array([np.cos(yaw), np.sin(yaw), 0], np.float32), (2, 98))
        for part in np.linspace(-0.2, 0.2, OFFSETS):
            planes.append(judge.by_photo(float(yaw), float((low + high) / 2 + part * (high - low))))
    planes.sort(key=lambda plane: plane.cost)
    few = sorted((judge(plane.yaw, plane.offset) for plane in planes[:60]), key=lambda plane: plane.cost)
    for plane in few[:3]:
        for turn in np.radians((-4, -2, 0, 2, 4)):
            few += [judge(plane.yaw + turn, plane.offset + part * size) for part in (-0.03, -0.015, 0, 0.015, 0.03)]
    return min(few, key=lambda plane: plane.cost)


class _Judge:
    def __init__(self, scene: Scene, shown: Floats, whole: Floats, among: Floats, size: float) -> None:
        self.scene, self.shown, self.size = scene, shown, size
        self.both = np.concatenate([shown, whole])
        self.among = np.concatenate([-2 * among.T, (among**2).sum(axis=1)[None]])
        solid = scene.mask > 0.5
        outside = 1 - np.mean([filters.grow(solid, cells) for cells in (1, 2, 3)], axis=0)
        self.known = np.stack([scene.front, outside.astype(np.float32)])[:, None]

    def by_photo(self, yaw: float, offset: float) -> Plane:
        """How much of what is shown the photo would contradict on the other side."""
        plane = Plane(yaw, offset, 0.0)
        place = self.scene.place(plane.mirror(self.shown))
        front, outside = frustum.sample(self.known, place).T
        before = np.clip((front - place[:, 2] - 0.03) / 0.12, 0, 1)
        return plane._replace(cost=float(np.maximum(outside, (1 - outside) * before).mean()))

    def __call__(self, yaw: float, offset: float) -> Plane:
        """And how far from the surface it and the rest of it would lie."""
        plane = self.by_photo(yaw, offset)
        other = plane.mirror(self.both)
        nearest = (np.pad(other, ((0, 0), (0, 1)), constant_values=1) @ self.among).min(axis=1)
        away = np.minimum(np.sqrt(np.maximum((other**2).sum(axis=1) + nearest, 0)), FAR)
        half = len(self.shown)
        return plane._replace(cost=(0.3 * plane.cost + float(away[:half].mean() + away[half:].mean())) / self.size)


def change(scene: Scene, plane: Plane, volume: Floats) -> Floats:
    """What to add to the logits (D, H, W) of a volume so that the unseen follows what is known of the other side."""
    shape = volume.shape
    depth = ((np.arange(shape[0], dtype=np.float32) + 0.5) / shape[0] * 2 - 1) * np.float32(frustum.DEEP)
    past = depth[:, None, None] - scene.front
    weight = np.exp(-np.maximum(past, 0) / np.float32(FADE))
    weight[:, scene.mask < 0.5] = 1
    firm = np.clip(volume, -FIRM, FIRM)
    unknown: NDArray[np.bool_] = (past > 0) & (scene.mask >= 0.5)
    nodes = np.argwhere(unknown).astype(np.float32)
    space = frustum.to_space(nodes, (shape[0], shape[1], shape[2]), scene.focal)
    place = scene.place(plane.mirror(scene.upright(space)))
    other, theirs = frustum.sample(np.stack([firm, weight]), place).T
    mine, ours = firm[unknown], weight[unknown]
    out = np.zeros(shape, np.float32)
    out[unknown] = (1 - ours) * theirs / (ours + theirs) * (other - mine)
    return out
