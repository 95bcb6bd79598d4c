# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes as solids: their volume, centre of mass and convex pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import numpy as np

from ...props.prop import UNHIT
from ..mesh import splitting
from ..mesh.hulls import hull
from .bodies import Array

_CONVEX = 1.2
"""A shell whose hull is not larger than this is its hull."""
_ROUND = 0.015
"""Of the radius: so far from a ball may a mesh's points be that is one."""
_MOST, _SLACK = 10, 0.08
"""Of CoACD: pieces of one shell, and how hollow they may be."""
_THIN = 2e-3
"""Metres: the thickness of what is open."""
_OPEN = 0.7
"""Of its area, what a sheet's faces look one way; those of what is closed look all ways."""
_CORNERS = 96


@dataclass(frozen=True)
class Solid:
    """`points` (V, 3) and `faces` (F, 3) in metres; `centre` of mass; `pieces` are points of convex pieces; `area` in
    m² of what is but an open sheet."""

    points: Array
    faces: Array
    volume: float
    centre: Array
    pieces: tuple[Array, ...]
    area: float = 0.0

    @property
    def round(self) -> bool:
        """It is a ball."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        far = np.linalg.norm(self.points - (low + high) / 2, axis=1)
        even = np.ptp(high - low) < _ROUND * (high - low).max()  # all corners of a block are equally far, too
        return bool(even and len(far) >= 40 and np.ptp(far) < _ROUND * far.max())


def triangles(mesh: bpy.types.Mesh) -> tuple[Array, Array]:
    """Points (V, 3) and triangles (F, 3) of what of a mesh can be hit; all of it where nothing is left."""
    mesh.calc_loop_triangles()
    count = len(mesh.loop_triangles)
    points, faces, owner = np.empty(3 * len(mesh.vertices)), np.empty(3 * count, np.int32), np.empty(count, np.int32)
    mesh.vertices.foreach_get("co", points)
    mesh.loop_triangles.foreach_get("vertices", faces)
    mesh.loop_triangles.foreach_get("polygon_index", owner)
    faces = faces.reshape(-1, 3)
    marks = mesh.attributes.get(UNHIT)
    if marks is not None and len(marks.data) == len(mesh.polygons):
        unhit = np.zeros(len(mesh.polygons), bool)
        marks.data.foreach_get("value", unhit)
        kept = faces[~unhit[owner]]
        faces = kept if len(kept) else faces
    used, faces = np.unique(faces, return_inverse=True)
    return points.reshape(-1, 3)[used], faces.reshape(-1, 3)


def solid(points: Array, faces: Array, *, split: bool, beat: Callable[[], None] = lambda: None) -> Solid:
    """A mesh as a solid; `split` cuts it into convex pieces: its shells, and what of them is hollow by CoACD."""
    label = shells(len(points), faces)
    volume, moment, pieces, sheets = 0.0, np.zeros(3), list[Array](), list[float]()
    for number in range(int(label.max(initial=-1)) + 1):
        part = faces[label == number]
        size, middle = measure(points, part)
        corners = points[np.unique(part)]
        around = hull(corners)
        normals = np.cross(*(points[part[:, k]] - points[part[:, 0]] for k in (1, 2))) / 2
        area = float(np.linalg.norm(normals, axis=1).sum())
        open_ = bool(np.linalg.norm(normals.sum(axis=0)) > _OPEN * area)
        if open_ or around is None or abs(size) < 1e-3 * around.volume:
            size, middle = _THIN * area, corners.mean(axis=0)
        sheets.append(area if open_ else 0.0)
        volume, moment = volume + size, moment + size * middle
        if split:
            pieces += _pieces(corners, points, part, abs(size), 0.0 if around is None else around.volume, beat)
    if abs(volume) < 1e-15:
        return Solid(points, faces, 1e-12, points.mean(axis=0), tuple(pieces))
    area = sum(sheets) if all(sheets) else 0.0
    return Solid(points, faces, abs(volume), moment / volume, tuple(pieces), area)


def _pieces(
    corners: Array, points: Array, part: Array, size: float, around: float, beat: Callable[[], None]
) -> list[Array]:
    if around <= _CONVEX * size or around == 0.0 or size < 1e-3 * around:
        return [fewer(corners)]
    used, local = np.unique(part, return_inverse=True)
    found = splitting.split(points[used], local.reshape(-1, 3).astype(np.int32), most=_MOST, slack=_SLACK, beat=beat)
    return [fewer(np.asarray(each)) for each in found] if found else [fewer(corners)]


def fewer(points: Array) -> Array:
    """At most so many points, the outermost in even directions: Bullet is slow with more."""
    if len(points) <= _CORNERS:
        return points
    ways = np.random.default_rng(0).normal(size=(600, 3))
    outer = np.unique((points @ ways.T).argmax(axis=0))
    return points[outer]


def shells(count: int, faces: Array) -> Array:
    """The number (F,) of the connected run that each face is in."""
    parent = np.arange(count)
    while True:
        low = parent[faces].min(axis=1)
        after = parent.copy()
        for k in range(3):
            np.minimum.at(after, faces[:, k], low)
        after = after[after]
        if (after == parent).all():
            break
        parent = after
    _, label = np.unique(parent[faces[:, 0]], return_inverse=True)
    out: Array = label.reshape(-1)
    return out


def measure(points: Array, faces: Array) -> tuple[float, Array]:
    """Volume with sign and centre (3,) of what faces that look outwards enclose."""
    middle = points[faces].reshape(-1, 3).mean(axis=0)
    a, b, c = (points[faces[:, k]] - middle for k in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    total = six.sum()
    if abs(total) < 1e-18:
        return 0.0, middle
    return float(total / 6), middle + ((a + b + c) * six[:, None]).sum(axis=0) / (4 * total)
