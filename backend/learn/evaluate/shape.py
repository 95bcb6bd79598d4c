# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared: a triangle mesh that knows its colours, and samples of its surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..views.paint import Paint as ThingPaint

if TYPE_CHECKING:
    from ..things.thing import Thing

Floats = NDArray[np.float64]
Paint = Callable[[NDArray[np.int64], Floats], Floats]
"""(N,) faces and the weights (N, 3) of their corners to sRGB colours (N, 3), 0..1."""


@dataclass(frozen=True)
class Shape:
    """A triangle mesh: `vertices` (V, 3), `faces` (F, 3) in any winding.

    `paint` gives its colours where it has any, `opaque` which points are there at all where textures have holes.
    """

    vertices: Floats
    faces: NDArray[np.int64]
    paint: Paint | None = None
    opaque: Callable[[NDArray[np.int64], Floats], NDArray[np.bool_]] | None = None

    @classmethod
    def of(cls, vertices: Any, faces: Any, colors: Any = None) -> Shape:
        """From arrays; `colors` (V, 3 or 4) sRGB, uint8 or 0..1. Raises `ValueError` where it has no surface."""
        points, corners = np.asarray(vertices, np.float64), np.asarray(faces, np.int64)
        if points.ndim != 2 or points.shape[1] != 3 or corners.ndim != 2 or corners.shape[1] != 3 or not len(corners):
            raise ValueError(f"no triangle mesh: vertices {points.shape}, faces {corners.shape}")
        if not np.isfinite(points).all():
            raise ValueError("the mesh has vertices that are not numbers")
        if corners.min() < 0 or corners.max() >= len(points):
            raise ValueError("the mesh has faces without vertices")
        if not np.linalg.norm(_crosses(points, corners), axis=1).sum() > 0:
            raise ValueError("the mesh has no area")
        return cls(points, corners, None if colors is None else vertex_paint(corners, colors))

    def moved(self, vertices: Floats) -> Shape:
        """The same mesh with its vertices elsewhere."""
        return replace(self, vertices=vertices)


def vertex_paint(faces: NDArray[np.int64], colors: Any) -> Paint:
    """Colours (V, 3 or 4), uint8 or 0..1, spread linearly over the faces."""
    table = np.asarray(colors)[:, :3]
    scaled = table.astype(np.float64) / (255.0 if table.dtype == np.uint8 else 1.0)

    def paint(face: NDArray[np.int64], weights: Floats) -> Floats:
        return np.asarray(np.einsum("nij,ni->nj", scaled[faces[face]], weights))

    return paint


def atlas_paint(uv: Any, albedo: NDArray[np.uint8]) -> Paint:
    """One picture (h, w, 3 or 4), row 0 on top, by coordinates (F, 3, 2) inside it, v up."""
    corners = np.asarray(uv, np.float64)
    picture = albedo[..., :3].astype(np.float64) / 255
    rows, columns = picture.shape[:2]

    def paint(face: NDArray[np.int64], weights: Floats) -> Floats:
        where = np.clip(np.einsum("nij,ni->nj", corners[face], weights), 0, 1)
        row = np.minimum(((1 - where[:, 1]) * rows).astype(np.int64), rows - 1)
        column = np.minimum((where[:, 0] * columns).astype(np.int64), columns - 1)
        return np.asarray(picture[row, column])

    return paint


def thing_shape(thing: Thing) -> Shape:
    """A Thing with its colours, its textures and the holes in them."""
    brush = ThingPaint(thing)

    def paint(face: NDArray[np.int64], weights: Floats) -> Floats:
        return brush.color(face.astype(np.int32), weights.astype(np.float32), brush.colors).astype(np.float64)

    def opaque(face: NDArray[np.int64], weights: Floats) -> NDArray[np.bool_]:
        return brush.opaque(face.astype(np.int32), weights.astype(np.float32))

    return replace(Shape.of(thing.vertices, thing.faces), paint=paint, opaque=opaque if brush.holes else None)


@dataclass(frozen=True)
class Cloud:
    """Samples of a surface: `points` and unit `normals` (N, 3), the sign of the normals as the faces are wound."""

    points: Floats
    normals: Floats

    def part(self, which: slice | NDArray[np.int64]) -> Cloud:
        return Cloud(self.points[which], self.normals[which])


def sample(shape: Shape, count: int, seed: int = 0) -> Cloud:
    """`count` points spread evenly over the area; the same mesh, however placed, gives the same points of it."""
    dice = np.random.default_rng(seed)
    crosses = _crosses(shape.vertices, shape.faces)
    areas = np.linalg.norm(crosses, axis=1)
    edges = np.cumsum(areas)
    faces, weights = [], []
    missing = count
    for _ in range(50):
        face = np.minimum(np.searchsorted(edges, dice.random(count) * edges[-1], side="right"), len(edges) - 1)
        a, b = dice.random((2, count))
        root = np.sqrt(a)
        weight = np.stack([1 - root, root * (1 - b), root * b], axis=1)
        there = shape.opaque(face, weight) if shape.opaque else np.ones(count, bool)
        faces.append(face[there][:missing])
        weights.append(weight[there][:missing])
        missing -= len(faces[-1])
        if not missing:
            break
    else:
        raise ValueError("hardly any part of the mesh is opaque")
    chosen = np.concatenate(faces)
    points = np.einsum("nij,ni->nj", shape.vertices[shape.faces[chosen]], np.concatenate(weights))
    return Cloud(points, crosses[chosen] / np.maximum(areas[chosen], 1e-300)[:, None])


def normals(shape: Shape) -> Floats:
    """Unit normals (F, 3) of the faces, zero for those without area."""
    crosses = _crosses(shape.vertices, shape.faces)
    return np.asarray(crosses / np.maximum(np.linalg.norm(crosses, axis=1, keepdims=True), 1e-300))


def _crosses(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.asarray(np.cross(b - a, c - a))
