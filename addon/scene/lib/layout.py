# SPDX-License-Identifier: GPL-3.0-or-later
"""What a UV map is worth beyond `unwrapping.measure`: how even its texels are and how thin its charts."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ....backend.geometry import topology
from ....backend.geometry.topology import Beat
from . import unwrapping
from .meshes import Array, Floats, triangles_of, vertices_of

THIN = 4
"""Texels; a chart that is less wide on average bleeds and shimmers."""
COLLAPSED = 0.1
"""Of the median texels a metre: a face with fewer has no place in the map."""
_LARGE = 200_000
"""Faces; of more every n-th is looked at for overlaps, which are then those of that part alone."""


def figures(mesh: bpy.types.Mesh, uv: Floats, size: int, beat: Beat) -> dict[str, Any]:
    """Of a mesh of triangles with one `uv` (L, 2) a corner and textures of `size` pixels; 0 where there are none."""
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    found: dict[str, Any] = dict.fromkeys(
        (
            "uv_overlap",
            "uv_outside",
            "uv_stretch",
            "uv_collapsed",
            "charts",
            "thin_charts",
            "texel_density",
            "texel_spread",
        )
    )
    if not np.isfinite(corners).all():
        return found
    counts = np.zeros((512, 512), np.int32)
    some = corners[:: -(-len(corners) // _LARGE)]
    for begin in range(0, len(some), 1000):
        beat()
        counts += unwrapping.coverage(some[begin : begin + 1000], 512)
    beat()
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    signed = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    points = vertices_of(mesh)[triangles_of(mesh)].astype(np.float64)
    surface = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1) / 2
    chart, thickness = _charts(triangles_of(mesh), corners, np.abs(signed), beat)
    scale = float(np.ptp(points.reshape(-1, 3), axis=0).max()) or 1.0
    found["uv_overlap"] = round(float((counts > 1).sum() / max((counts > 0).sum(), 1)), 6)
    found["uv_outside"] = round(float(((uv < -1e-5) | (uv > 1 + 1e-5)).any(axis=1).mean()), 6)
    density = np.sqrt(np.abs(signed) / np.maximum(surface, 1e-300))
    laid = density > COLLAPSED * np.median(density)  # one face without texels would outweigh all others
    found["uv_collapsed"] = round(float(surface[~laid].sum() / max(surface.sum(), 1e-300)), 6)
    if laid.any():
        found["uv_stretch"] = round(unwrapping.stretch(points[laid] / scale, corners[laid], signed[laid]), 4)
    found["charts"] = len(thickness)
    if size:
        thin = thickness[chart] * size < THIN
        found["thin_charts"] = round(float(surface[thin].sum() / max(surface.sum(), 1e-300)), 6)
        found |= _density(np.abs(signed), surface, size)
    return found


def _density(flat: Array, surface: Array, size: int) -> dict[str, float]:
    """Texels a metre on the median of the surface, and those of its densest twentieth to those of its thinnest."""
    texels = size * np.sqrt(flat / np.maximum(surface, 1e-300))
    order = np.argsort(texels)
    share = np.cumsum(surface[order])
    low, middle, high = (
        texels[order][min(np.searchsorted(share, p * share[-1]), len(order) - 1)] for p in (0.05, 0.5, 0.95)
    )
    return {"texel_density": float(f"{middle:.6g}"), "texel_spread": round(float(high / max(low, 1e-9)), 4)}


def _charts(faces: Array, corners: Array, flat: Array, beat: Beat) -> tuple[Array, Array]:
    """The chart of each face, and the mean width of each chart as a share of the texture: its area to half its rim."""
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
    area = np.bincount(chart, flat, len(around))
    return chart, 2 * area / np.maximum(around, 1e-300)
