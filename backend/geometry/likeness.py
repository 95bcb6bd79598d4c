# SPDX-License-Identifier: GPL-3.0-or-later
"""How like its photo a coloured mesh is, seen from where the photo was taken. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import pose as poses
from . import raster
from .mesh import Faces, Vertices
from .pose import GREY, SIDE, Floats, Mask, Pose

CELLS = 0.6
"""Of a mesh a pixel: what is finer is not looked at while the camera is searched for."""
PLAIN = 0.7
"""The grey of a mesh without colours."""


@dataclass(frozen=True)
class Figure:
    """A mesh in front of the camera, its box centred on the origin and 1 long, and coarser ones for its outline.

    `uv` (F, 3, 2) with v up and `albedo` (H, W, 3) 0..1 are its picture, `colors` (V, 3) its colours; with a fourth
    column they cover the picture as far as that says.
    """

    vertices: Vertices
    faces: Faces
    coarse: dict[int, tuple[Vertices, Faces]]
    reach: Vertices
    uv: Floats | None = None
    albedo: Floats | None = None
    colors: Floats | None = None

    @classmethod
    def of(
        cls,
        vertices: Vertices,
        faces: Faces,
        uv: Floats | None = None,
        albedo: Floats | None = None,
        colors: Floats | None = None,
    ) -> Figure:
        low, high = vertices.min(axis=0), vertices.max(axis=0)
        placed = ((vertices - (low + high) / 2) / (high - low).max()).astype(np.float32)
        if uv is None:
            albedo = None
        coarse = {side: thinned(placed, faces, round(CELLS * side)) for side, _ in (poses.COARSE, *poses.FINE)}
        return cls(placed, faces, coarse, poses.reach(placed), uv, albedo, colors)

    def seen(self, pose: Pose, side: int) -> Mask:
        """What it covers of side * side px, as far as a coarse mesh tells where there is one."""
        vertices, faces = self.coarse.get(side, (self.vertices, self.faces))
        return raster.outline(self._placed(vertices, pose, side)[0], faces, side)

    def render(self, pose: Pose, side: int = SIDE) -> tuple[Floats, Floats]:
        """Flat colours (side, side, 3), grey where nothing is, and the part (side, side) of each pixel covered."""
        hits = raster.hits(*self._placed(self.vertices, pose, 2 * side), self.faces, 2 * side)
        there = hits.face >= 0
        over = np.zeros((2 * side, 2 * side, 4), np.float32)
        over[there, :3] = self._paint(hits.face[there], hits.bary[there])
        over[there, 3] = 1
        mean = over.reshape(side, 2, side, 2, 4).mean(axis=(1, 3))
        return mean[..., :3] + GREY * (1 - mean[..., 3:]), mean[..., 3]

    def _placed(self, vertices: Vertices, pose: Pose, side: int) -> tuple[Floats, Floats]:
        """Places (V, 2) in px and depths (V,)."""
        camera = pose.camera(self.reach)
        space = camera.place(vertices)
        image = camera.f * space[:, :2] / space[:, 2:] * pose.scale + np.array([pose.right, pose.down])
        return ((image + 1) / 2 * side).astype(np.float32), space[:, 2]

    def _paint(self, face: NDArray[np.int32], bary: Floats) -> Floats:
        """Colours (N, 3) of places on faces."""
        if self.uv is not None and self.albedo is not None:
            rows, columns = self.albedo.shape[:2]
            u, v = np.clip(np.einsum("nij,ni->jn", self.uv[face], bary), 0, 1)
            row = np.minimum(((1 - v) * rows).astype(np.intp), rows - 1)
            picture = self.albedo[row, np.minimum((u * columns).astype(np.intp), columns - 1)]
            if self.colors is None or self.colors.shape[1] == 3:
                return np.asarray(picture)
            over = np.einsum("nij,ni->nj", self.colors[self.faces[face]], bary)
            return np.asarray(picture * (1 - over[:, 3:]) + over[:, :3] * over[:, 3:])
        if self.colors is None:
            return np.full((len(face), 3), PLAIN, np.float32)
        return np.asarray(np.einsum("nij,ni->nj", self.colors[self.faces[face], :3], bary))


def thinned(vertices: Vertices, faces: Faces, cells: int) -> tuple[Vertices, Faces]:
    """The mesh with all vertices of one cell drawn together; faces that become one or nothing are left out."""
    low = vertices.min(axis=0)
    step = float((vertices.max(axis=0) - low).max()) / cells
    place = ((vertices - low) / step).astype(np.int64)
    _, cell = np.unique((place[:, 0] * (cells + 1) + place[:, 1]) * (cells + 1) + place[:, 2], return_inverse=True)
    count = np.bincount(cell)
    mean = np.stack([np.bincount(cell, vertices[:, i]) / count for i in range(3)], axis=1).astype(np.float32)
    corners = np.sort(cell[faces], axis=1)
    corners = corners[(corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2])]
    if not len(corners):
        return vertices, faces
    _, one = np.unique((corners[:, 0] * len(mean) + corners[:, 1]) * len(mean) + corners[:, 2], return_index=True)
    return mean, corners[one].astype(np.int32)


def compare(colors: Floats, cover: Floats, photo: Floats) -> tuple[float, float, Floats, Floats]:
    """IoU of the outlines, PSNR of the colours where the photo shows the object, and both pictures over grey.

    `colors` (S, S, 3) over grey and `cover` (S, S) are the mesh's, `photo` (S, S, 4) straight alpha; all 0..1. The
    pictures (S, S, 3) are the photo's, and the mesh's within its outline.
    """
    inside, part = photo[..., 3] > 0.5, photo[..., 3:]
    wanted, made = (x * part + GREY * (1 - part) for x in (photo[..., :3], colors))
    error = float(((wanted - made)[inside] ** 2).mean()) if inside.any() else 1.0
    return poses.overlap(cover > 0.5, inside), float(-10 * np.log10(max(error, 1e-6))), wanted, made
