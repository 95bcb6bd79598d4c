# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed distance to the outer surface of any faces: open, double, crossing or turned inside out.

The surface is sampled into a voxel grid, the outside is flooded, and near the surface the distance is that to the
planes of the nearest samples, so that it is much finer than a voxel. Sheets get a thickness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .tracer import Hits

VOXELS = 108  # along the longest side
BAND = 5  # voxels from the surface to which the distance is exact; it is cut there
PAD = BAND + 3  # empty voxels around
THIN = 0.012  # world units, half the thickness that a sheet or a wire gets at least
DENSITY = 3.0  # samples of the surface for each voxel's face area
MOST = 600_000  # samples
_BITS = 21  # of a voxel's number, below its squared distance in one word
_NONE = np.uint32(200 << _BITS)

F32 = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Samples:
    """Points of the surface that the outside touches: `face` (N,), `bary` (N, 3), `points` (N, 3), and `normals`
    (N, 3) toward the outside, or zero where both sides are outside.
    """

    face: NDArray[np.int32]
    bary: F32
    points: F32
    normals: F32


@dataclass(frozen=True)
class Solid:
    """`distance` (X, Y, Z): world units, negative inside, cut at BAND voxels; `outside` (X, Y, Z).

    The voxel (i, j, k) has its centre at origin + step (i, j, k).
    """

    origin: F32
    step: float
    distance: F32
    outside: Bools
    samples: Samples

    def index(self, points: F32) -> NDArray[np.int32]:
        """Number in the flat grid of the voxel around each point (N, 3), the nearest one for points off the grid."""
        return _index(points, self.origin, self.step, self.distance.shape)

    def sample(self, points: F32) -> F32:
        """Distances (N,) at points (N, 3): trilinear near the surface."""
        flat = self.distance.reshape(-1)
        out = flat[self.index(points)]
        near = np.flatnonzero(np.abs(out) < (BAND - 1) * self.step)
        place = (points[near] - self.origin) / np.float32(self.step)
        size = np.array(self.distance.shape, np.int32)
        low = np.clip(place.astype(np.int32), 0, size - 2)
        part = np.clip(place - low, 0, 1)
        row, slab = int(size[2]), int(size[1] * size[2])
        at = low[:, 0] * slab + low[:, 1] * row + low[:, 2]
        x, y, z = part.T
        ends = []
        for corner in (0, slab):
            edges = []
            for side in (0, row):
                here = flat[at + (corner + side)]
                edges.append(here + z * (flat[at + (corner + side + 1)] - here))
            ends.append(edges[0] + y * (edges[1] - edges[0]))
        out[near] = ends[0] + x * (ends[1] - ends[0])
        return np.asarray(out)


def build(
    vertices: F32,
    faces: NDArray[np.int32],
    opaque: Callable[[NDArray[np.int32], F32], Bools] | None = None,
    cast: Callable[[F32, F32], Hits] | None = None,
) -> Solid:
    """The solid of vertices (V, 3) and faces (F, 3). `opaque` tells which points of faces are there at all; `cast`
    finds how thick a sheet is that has two sides.
    """
    low, high = vertices[faces].min(axis=(0, 1)), vertices[faces].max(axis=(0, 1))
    step = float((high - low).max()) / VOXELS
    shape = tuple(int(n) for n in np.ceil((high - low) / step).astype(int) + 1 + 2 * PAD)
    origin = ((low + high) / 2 - step * (np.array(shape) - 1) / 2).astype(np.float32)
    face, bary, points, normals = _scatter(vertices, faces, step)
    if opaque:
        there = opaque(face, bary)
        if not there.any():
            raise ValueError("no part of the object is opaque")
        face, bary, points, normals = face[there], bary[there], points[there], normals[there]
    voxel = _index(points, origin, step, shape)
    shell = np.zeros(shape, bool)
    shell.reshape(-1)[voxel] = True
    outside, closed, floor = _flood(shell)

    def free(voxels: float) -> Bools:
        return np.asarray(
            outside.reshape(-1)[_index(points + normals * np.float32(voxels * step), origin, step, shape)]
        )

    above, below = free(1.5), free(-1.5)
    both = np.flatnonzero((above | free(2.6)) & (below | free(-2.6)))
    sign, middle, sheet = _sides(points, normals, above, below, both, cast)
    normals = normals * sign[:, None]
    kept = np.flatnonzero(above | below)
    if not len(kept):
        raise ValueError("no part of the object can be seen from outside")
    samples = Samples(face[kept], bary[kept], points[kept], normals[kept])
    voxel, lowest = _index(middle[kept], origin, step, shape), float(points[:, 2].min())
    base, bottom = _base(closed, floor, origin, step, lowest, shape[2])
    down = np.zeros_like(bottom)
    down[:, 2] = -1
    pairs = ((voxel, base), (middle[kept], bottom), (normals[kept], down), (sheet[kept], down[:, 0]))
    surface: list[Any] = [np.concatenate(pair) for pair in pairs]
    return Solid(origin, step, _distances(shell, outside, origin, step, *surface), outside, samples)


def _index(points: F32, origin: F32, step: float, shape: tuple[int, ...]) -> NDArray[np.int32]:
    at = np.zeros(len(points), np.int32)
    scale = np.float32(1 / step)
    for axis in range(3):
        cell = (points[:, axis] * scale + np.float32(0.5 - origin[axis] / step)).astype(np.int32)
        at *= shape[axis]
        at += np.clip(cell, 0, shape[axis] - 1)
    return at


def _scatter(vertices: F32, faces: NDArray[np.int32], step: float) -> tuple[NDArray[np.int32], F32, F32, F32]:
    """Evenly spread samples: face (N,), barycentric (N, 3), points (N, 3), unit normals (N, 3)."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    ab, ac = b - a, c - a
    normal = np.cross(ab, ac)
    double = np.linalg.norm(normal, axis=1)
    normal /= np.maximum(double, 1e-12)[:, None]
    total = np.cumsum(double.astype(np.float64) / 2)
    count = int(np.clip(DENSITY * total[-1] / step**2, 30_000, MOST))
    upto = np.floor(total / total[-1] * count + 0.5).astype(np.int64)
    face = np.repeat(np.arange(len(faces), dtype=np.int32), np.diff(upto, prepend=0))
    turn = np.arange(len(face), dtype=np.float64)
    v = ((turn * 0.7548776662466927) % 1).astype(np.float32)
    w = ((turn * 0.5698402909980532) % 1).astype(np.float32)
    over = v + w > 1
    v[over], w[over] = 1 - v[over], 1 - w[over]
    points = a[face] + v[:, None] * ab[face] + w[:, None] * ac[face]
    return face, np.stack([1 - v - w, v, w], axis=1), points, normal[face]


def _flood(shell: Bools) -> tuple[Bools, Bools, int]:
    """What is outside, gaps of a voxel or two taken as closed; where the lowest layer closes what has no floor
    (X, Y); and which layer that is.
    """
    floor = int(np.flatnonzero(shell.any(axis=(0, 1)))[0])
    wall = ndimage.binary_dilation(shell)
    bottom = wall[:, :, floor].copy()
    wall[:, :, floor] = True
    label, _ = ndimage.label(~wall)
    outside = (label == label[0, 0, 0]) | (label == label[0, 0, -1])
    closed = ~bottom & ~(wall | outside)[:, :, floor + 1 : floor + 4].any(axis=2)
    if closed.any():
        closed = ndimage.binary_dilation(closed, iterations=2) & ~shell[:, :, floor]
    outside[:, :, floor] = ~bottom & ~closed
    # what the wall's thickness took goes back to the outside, but not through the floor
    may = ~shell
    may[:, :, floor] &= ~closed
    for _ in range(2):
        outside = ndimage.binary_dilation(outside) & may
    return outside, closed, floor


def _base(
    closed: Bools, floor: int, origin: F32, step: float, lowest: float, layers: int
) -> tuple[NDArray[np.int32], F32]:
    """Voxels of the floor that closes the object, and points on it."""
    i, j = np.nonzero(closed)
    voxel = ((i * closed.shape[1] + j) * layers + floor).astype(np.int32)
    points = np.stack([origin[0] + i * step, origin[1] + j * step, np.full(len(i), lowest)], axis=1)
    return voxel, points.astype(np.float32)


def _sides(
    points: F32,
    normals: F32,
    above: Bools,
    below: Bools,
    both: NDArray[np.intp],
    cast: Callable[[F32, F32], Hits] | None,
) -> tuple[F32, F32, F32]:
    """Which way is out (N,), the middle of the part that each point (N, 3) is on, and 1 for sheets (N,). Outside is
    `above` and `below` along the normal, and `both` near enough."""
    sign = above.astype(np.float32) - below.astype(np.float32)
    middle, sheet = points, (above & below).astype(np.float32)
    if len(both) and cast:
        way, thick = _sheets(points[both], normals[both], cast)
        found = way != 0
        both, way, thick = both[found], way[found], thick[found]
        sign[both], thin = way, thick < 2 * THIN
        sheet[both] = thin
        middle = points.copy()
        middle[both] -= normals[both] * (way * thick * thin / 2)[:, None]
    return sign, middle, sheet


def _sheets(points: F32, normals: F32, cast: Callable[[F32, F32], Hits]) -> tuple[F32, F32]:
    """For points (N, 3) of thin parts: the sign that turns the normal away from the other side, 0 for a sheet
    without one; and how far it is to that side.
    """
    sign, thick = np.zeros(len(points), np.float32), np.zeros(len(points), np.float32)
    near = np.float32(1e-4)
    for way in (np.float32(-1), np.float32(1)):
        hits = cast(points + way * near * normals, way * normals)
        found = (hits.face >= 0) & (hits.distance < 4 * THIN) & (sign == 0) & (hits.distance > 5 * near)
        sign[found] = -way
        thick[found] = hits.distance[found] + near
    return sign, thick


def _nearest(voxel: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """For each voxel squared distance << 21 | number of the nearest of these voxels, exact to BAND along each axis."""
    key = np.full(shape, _NONE, np.uint32)
    key.reshape(-1)[voxel] = voxel.astype(np.uint32)
    for axis in (2, 0, 1):
        source = np.ascontiguousarray(key.transpose(2, 0, 1)) if axis == 2 else np.moveaxis(key, axis, 0)
        best = source.copy()
        for k in range(1, BAND + 1):
            moved = source + np.uint32(k * k << _BITS)
            np.minimum(best[k:], moved[:-k], out=best[k:])
            np.minimum(best[:-k], moved[k:], out=best[:-k])
        key = np.ascontiguousarray(best.transpose(1, 2, 0)) if axis == 2 else np.moveaxis(best, 0, axis)
    return np.ascontiguousarray(key)


def _distances(
    shell: Bools,
    outside: Bools,
    origin: F32,
    step: float,
    voxel: NDArray[np.int32],
    points: F32,
    normals: F32,
    sheet: F32,
) -> F32:
    """Signed distances (X, Y, Z) from what is outside and the surface's samples: the voxel (N,) each lies in, points
    and outward normals (N, 3), and 1 for those on the middle of a sheet.
    """
    shape = shell.shape
    own, group = np.unique(voxel, return_inverse=True)
    rank = np.zeros(shell.size, np.int32)
    rank[own] = np.arange(len(own))
    share = 1 / np.bincount(group)
    *means, sheets = (
        np.asarray(np.bincount(group, values) * share, np.float32) for values in (*points.T, *normals.T, sheet)
    )
    spots, faced = means[:3], means[3:]
    length = np.sqrt(faced[0] ** 2 + faced[1] ** 2 + faced[2] ** 2)
    thin = sheets > 0.5
    flat = ~thin & (length > 0.35)
    scale = np.where(flat, 1 / np.maximum(length, 1e-6), 0).astype(np.float32)
    # both sides of a part, or a sharp edge, in one voxel: its middle counts, with some thickness
    extra = np.where(flat, 0, np.where(thin, THIN, 0.25 * step)).astype(np.float32)

    key = _nearest(own, shape).reshape(-1)
    out = np.where(outside, np.float32(BAND * step), np.float32(-BAND * step)).reshape(-1)
    band = np.flatnonzero(key <= np.uint32((BAND * BAND << _BITS) | ((1 << _BITS) - 1))).astype(np.int32)
    mark = rank[(key[band] & np.uint32((1 << _BITS) - 1)).astype(np.int32)]
    square = np.zeros(len(band), np.float32)
    along = np.zeros(len(band), np.float32)
    for axis, cell in enumerate(np.unravel_index(band, shape)):
        offset = cell.astype(np.float32)
        offset *= np.float32(step)
        offset += (origin[axis] - spots[axis])[mark]
        along += offset * (faced[axis] * scale)[mark]
        offset *= offset
        square += offset
    sided = flat[mark]
    along *= sided
    # the nearest sample is not quite the nearest point: half a voxel aside does not count
    aside = np.sqrt(np.maximum(square - along * along, 0))
    aside -= sided * np.float32(0.6 * step)
    np.maximum(aside, 0, out=aside)
    size = np.sqrt(along * along + aside * aside)
    near = sided & (square < np.float32(step * step))
    free = outside.reshape(-1)[band]
    inner = ~free & ~shell.reshape(-1)[band]
    turned = (near | (sided & ~free & ~inner)) & (along < 0)
    sign = np.where(turned | (inner & ~near), np.float32(-1), np.float32(1))
    out[band] = np.clip(sign * size - extra[mark], -BAND * step, BAND * step)
    return out.reshape(shape)
