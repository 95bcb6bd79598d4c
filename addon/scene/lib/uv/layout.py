# SPDX-License-Identifier: GPL-3.0-or-later
"""What a UV map is worth: charts, overlap, stretch, how even its texels are and how thin its charts. Tiles count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .....backend.geometry import topology
from .....backend.geometry.topology import Beat
from ..mesh.meshes import Array, Floats, triangles_of, vertices_of
from . import tiles

THIN = 4
"""Texels; a chart that is less wide on average bleeds and shimmers."""
COLLAPSED = 0.1
"""Of the median texels a metre: a face with fewer has no place in the map."""
_AT_ONCE = 20_000
"""Faces drawn between two signs of life."""
_SIDE = 512


def figures(mesh: bpy.types.Mesh, uv: Floats, size: int, beat: Beat) -> dict[str, Any]:
    """Of a mesh of triangles with one `uv` (L, 2) a corner and textures of `size` pixels; 0 where there are none."""
    found: dict[str, Any] = dict.fromkeys(
        (
            "uv_overlap",
            "uv_outside",
            "uv_used",
            "uv_tiles",
            "uv_stretch",
            "uv_collapsed",
            "charts",
            "thin_charts",
            "texel_density",
            "texel_spread",
        )
    )
    if not np.isfinite(uv).all():
        return found
    counts, outside = drawn(uv, _SIDE, beat)
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    signed = signed_area(corners)
    points = vertices_of(mesh)[triangles_of(mesh)].astype(np.float64)
    surface = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1) / 2
    chart, thickness = charts(triangles_of(mesh), corners, beat)
    scale = float(np.ptp(points.reshape(-1, 3), axis=0).max()) or 1.0
    found["uv_overlap"] = round(float((counts > 1).sum() / max((counts > 0).sum(), 1)), 6)
    found["uv_outside"] = round(outside, 6)
    found["uv_used"], found["uv_tiles"] = round(float((counts > 0).mean()), 4), len(counts)
    density = np.sqrt(np.abs(signed) / np.maximum(surface, 1e-300))
    laid = density > COLLAPSED * np.median(density)  # one face without texels would outweigh all others
    found["uv_collapsed"] = round(float(surface[~laid].sum() / max(surface.sum(), 1e-300)), 6)
    if laid.any():
        found["uv_stretch"] = round(stretch(points[laid] / scale, corners[laid], signed[laid]), 4)
    found["charts"] = len(thickness)
    if size:
        thin = thickness[chart] * size < THIN
        found["thin_charts"] = round(float(surface[thin].sum() / max(surface.sum(), 1e-300)), 6)
        found |= _density(np.abs(signed), surface, size)
    return found


@dataclass(frozen=True)
class Layout:
    """What a layout is worth.

    `stretch` is the L2 measure of Sander et al. (2001), 1 is perfect; `overlap` and `used` are shares of the texels
    of its tiles, by counting texel centres; `flipped` is the share of the faces laid upside down; `thin` the share of
    the surface in charts thinner than THIN texels of a texture of `size`.
    """

    charts: int
    stretch: float
    overlap: float
    used: float
    flipped: float
    outside: float
    thin: float
    tiles: int


def measure(mesh: bpy.types.Mesh, uv: Floats, *, size: int = _SIDE, beat: Beat = lambda: None) -> Layout:
    """`uv` (L, 2), one a corner of the triangles of `mesh`, for textures of `size` pixels."""
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    points = vertices_of(mesh)[triangles_of(mesh)].astype(np.float64)
    signed = signed_area(corners)
    counts, outside = drawn(uv, min(size, 2 * _SIDE), beat)
    chart, thickness = charts(triangles_of(mesh), corners, beat)
    surface = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1)
    return Layout(
        charts=len(thickness),
        stretch=stretch(points, corners, signed),
        overlap=float((counts > 1).sum() / max((counts > 0).sum(), 1)),
        used=float((counts > 0).mean()),
        flipped=float((signed < 0).mean()),
        outside=outside,
        thin=float(surface[thickness[chart] * size < THIN].sum() / max(surface.sum(), 1e-300)),
        tiles=len(counts),
    )


def drawn(uv: Floats, side: int, beat: Beat) -> tuple[Array, float]:
    """How many faces lie on each texel of each tile, (tiles, side, side), and the share of corners outside theirs."""
    tile = tiles.of_faces(uv)
    places, cell = np.unique(tile, return_inverse=True)
    corners = tiles.folded(uv).reshape(-1, 3, 2).astype(np.float64)
    counts = np.zeros((len(places), side, side), np.int32)
    for begin in range(0, len(corners), _AT_ONCE):
        beat()
        some = slice(begin, begin + _AT_ONCE)
        counts += coverage(corners[some], side, cell.reshape(-1)[some], len(places))
    beat()
    return counts, float(((corners < -1e-5) | (corners > 1 + 1e-5)).any(axis=2).mean())


def coverage(corners: Array, size: int, cell: Array | None = None, cells: int = 1) -> Array:
    """How many of the triangles (F, 3, 2) hold each texel's centre: (cells, size, size) int.

    Triangle f is drawn on the unit square number `cell[f]`. A centre on an edge counts for neither side, so that a
    texel on a shared edge is no overlap. All rows of all triangles at once; each gives a first texel and a last.
    """
    at = corners * size - 0.5
    near = 1e-6
    low = np.clip(np.ceil(at[..., 1].min(axis=1) + near), 0, size).astype(np.intp)
    rows = np.clip(np.floor(at[..., 1].max(axis=1) - near) + 1, 0, size).astype(np.intp) - low
    some = np.flatnonzero(rows > 0)
    rows = rows[some]
    face = np.repeat(some, rows)
    row = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows) + np.repeat(low[some], rows)
    left, right = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        (ax, ay), (bx, by) = at[face, i].T, at[face, j].T
        cut = np.flatnonzero((ay <= row) != (by <= row))
        meets = ax[cut] + (row[cut] - ay[cut]) / (by[cut] - ay[cut]) * (bx[cut] - ax[cut])
        left[cut], right[cut] = np.minimum(left[cut], meets), np.maximum(right[cut], meets)
    start = np.clip(np.ceil(left + near), 0, size)
    end = np.clip(np.floor(right - near) + 1, 0, size)
    full = np.flatnonzero(end > start)
    line = row[full] + (0 if cell is None else cell[face[full]] * size)
    wide = size + 1
    first, last = (line * wide + edge[full].astype(np.intp) for edge in (start, end))
    steps = np.bincount(first, minlength=cells * size * wide) - np.bincount(last, minlength=cells * size * wide)
    counts: Array = np.cumsum(steps.reshape(cells, size, wide), axis=2)[..., :size]
    return counts


def signed_area(corners: Array) -> Array:
    """Of triangles (F, 3, 2): negative where they lie upside down."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    out: Array = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    return out


def stretch(points: Array, uv: Array, signed: Array) -> float:
    """Area-weighted L2 stretch of triangles (F, 3, 3) laid out as (F, 3, 2), scaled so that a uniform layout has 1."""
    squared, surface = stretches(points, uv, signed)
    good = surface > 1e-12 * min(1.0, float(surface.max()))
    total = surface[good].sum()
    return float(np.sqrt((squared[good] * surface[good]).sum() / total) * np.sqrt(np.abs(signed).sum() / total))


def stretches(points: Array, uv: Array, signed: Array) -> tuple[Array, Array]:
    """The square of each triangle's L2 stretch, not scaled, and its area."""
    area = np.maximum(np.abs(signed), 1e-14)[:, None]
    s, t = uv[..., 0], uv[..., 1]
    q = points
    ds = (
        q[:, 0] * (t[:, 1] - t[:, 2])[:, None]
        + q[:, 1] * (t[:, 2] - t[:, 0])[:, None]
        + q[:, 2] * (t[:, 0] - t[:, 1])[:, None]
    ) / (2 * area)
    dt = (
        q[:, 0] * (s[:, 2] - s[:, 1])[:, None]
        + q[:, 1] * (s[:, 0] - s[:, 2])[:, None]
        + q[:, 2] * (s[:, 1] - s[:, 0])[:, None]
    ) / (2 * area)
    squared = ((ds**2).sum(axis=1) + (dt**2).sum(axis=1)) / 2
    return squared, np.linalg.norm(np.cross(q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]), axis=1) / 2


def _density(flat: Array, surface: Array, size: int) -> dict[str, float]:
    """Texels a metre on the median of the surface, and those of its densest twentieth to those of its thinnest."""
    texels = size * np.sqrt(flat / np.maximum(surface, 1e-300))
    order = np.argsort(texels)
    share = np.cumsum(surface[order])
    low, middle, high = (
        texels[order][min(np.searchsorted(share, p * share[-1]), len(order) - 1)] for p in (0.05, 0.5, 0.95)
    )
    return {"texel_density": float(f"{middle:.6g}"), "texel_spread": round(float(high / max(low, 1e-9)), 4)}


def charts(faces: Array, corners: Array, beat: Beat = lambda: None) -> tuple[Array, Array]:
    """The chart of each face, and the mean width of each chart as a share of the texture: its area to half its rim.

    A chart is connected in the layout: same vertex and same uv.
    """
    key = np.column_stack([faces.reshape(-1), np.round(corners.reshape(-1, 2) * 1e5).astype(np.int64)])
    _, point = np.unique(key, axis=0, return_inverse=True)
    point = point.reshape(-1, 3)
    beat()
    count = int(point.max()) + 1
    names = topology.components(count, point[:, [0, 1]].reshape(-1), point[:, [1, 2]].reshape(-1), beat)
    _, chart = np.unique(names[point[:, 0]], return_inverse=True)
    chart = chart.reshape(-1)
    edge, uses = topology.edges(point, count)
    rim = np.flatnonzero(uses[edge] == 1)
    place = corners.reshape(-1, 2)
    length = np.linalg.norm(place[rim] - place[topology.after(rim)], axis=1)
    around = np.bincount(chart[rim // 3], length, int(chart.max()) + 1)
    area = np.bincount(chart, np.abs(signed_area(corners)), len(around))
    return chart, 2 * area / np.maximum(around, 1e-300)
