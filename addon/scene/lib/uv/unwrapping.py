# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to lay a mesh of triangles flat, one uv a corner. `benchmarks/unwrap.py` measures them side by side."""

from __future__ import annotations

import math
from collections.abc import Callable

import bpy
import numpy as np

from .....backend.geometry.topology import Beat
from ..mesh.meshes import Floats, diagonal, set_uv, triangles_of, uv_of, vertices_of
from ..mesh.selection import alone, editing
from . import charting, layout, packing

_LARGEST, _PIECE = 1 / 30, 1 / 300
"""Shares of the surface that xatlas' charts are grown to, for use and to be merged. Its time grows with the square of a
chart's faces, and charts that are cut again, for they do not lie flat, are what it mostly took minutes for."""
_SIDE = 1024


def unwrapped(
    obj: bpy.types.Object, method: str, beat: Beat, *, gap: float, tiles: int = 1, pairs: bool = False
) -> Floats:
    """A layout (L, 2) in so many tiles; `gap` is the distance of charts as a share of a tile's side.

    `pairs`: each two triangles that follow one another are a quad and stay together.
    """
    mesh = obj.data
    uv = _WAYS[method](obj)
    beat()
    if pairs:
        uv = charting.paired(mesh, uv)
    if method == "merged":
        chart, uv = charting.merged(mesh, uv, beat, most=1.0 if tiles == 1 else 1 / (6 * tiles))
        beat()
        uv = charting.relaid(mesh, chart, uv, "MINIMUM_STRETCH" if has_minimum_stretch() else "ANGLE_BASED")
    else:
        chart, _ = layout.charts(triangles_of(mesh), uv.reshape(-1, 3, 2).astype(np.float64), beat)
    return packing.packed(mesh, chart, uv, beat, gap=gap, count=tiles)


def by_xatlas(mesh: bpy.types.Mesh, largest: float = _LARGEST) -> Floats:
    """Charts by xatlas (Young, MIT), uv (L, 2), none larger than this share of the surface.

    Raises `ImportError` where the library is missing.
    """
    import xatlas

    points, faces = vertices_of(mesh), triangles_of(mesh).astype(np.uint32)
    # xatlas counts in metres too: what is very small is nothing to it
    length = diagonal(points)
    points = points / np.float32(1.0 if 1e-2 <= length <= 1e2 else length)
    corners = points[faces].astype(np.float64)
    area = float(np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum())
    charts, pack = xatlas.ChartOptions(), xatlas.PackOptions()
    charts.max_chart_area = area / 2 * largest
    # It rounds charts to whole texels, so that they must have some; where they lie is made anew afterwards.
    pack.padding, pack.texels_per_unit = 1, math.sqrt(0.5 * _SIDE * _SIDE / max(area / 2, 1e-30))
    atlas = xatlas.Atlas()
    atlas.add_mesh(points, faces)
    atlas.generate(charts, pack)
    _, corner, uv = atlas[0]
    # It divides by width and height apart; both must be divided by the same to keep the shapes.
    scale = np.array([atlas.width, atlas.height], np.float32) / max(atlas.width, atlas.height)
    scaled: Floats = uv[corner.reshape(-1)].astype(np.float32) * scale
    return scaled


def by_smart(obj: bpy.types.Object) -> Floats:
    """Charts by Blender's Smart UV Project, uv (L, 2)."""
    set_uv(obj.data, _SCRATCH, np.zeros((len(obj.data.loops), 2), np.float32))
    with alone(obj), editing(obj):
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(
            angle_limit=math.radians(66),
            margin_method="FRACTION",
            island_margin=2 / _SIDE,
            area_weight=0.0,
            correct_aspect=False,
            scale_to_bounds=False,
        )
    uv = uv_of(obj.data, _SCRATCH).copy()
    obj.data.uv_layers.remove(obj.data.uv_layers[_SCRATCH])
    return uv


def by_seams(obj: bpy.types.Object, method: str) -> Floats:
    """Smart UV's charts laid flat again by Blender's unwrap (`ANGLE_BASED` or, from 4.3, `MINIMUM_STRETCH`)."""
    uv = by_smart(obj)
    chart, _ = layout.charts(triangles_of(obj.data), uv.reshape(-1, 3, 2).astype(np.float64))
    return charting.relaid(obj.data, chart, uv, method)


def has_minimum_stretch() -> bool:
    methods = bpy.ops.uv.unwrap.get_rna_type().properties["method"].enum_items
    return "MINIMUM_STRETCH" in methods


_SCRATCH = "galatea_scratch"
_WAYS: dict[str, Callable[[bpy.types.Object], Floats]] = {
    "merged": lambda obj: by_xatlas(obj.data, _PIECE) if packing.has_xatlas() else by_smart(obj),
    "xatlas": lambda obj: by_xatlas(obj.data),
    "smart": by_smart,
    "angle": lambda obj: by_seams(obj, "ANGLE_BASED"),
    "stretch": lambda obj: by_seams(obj, "MINIMUM_STRETCH"),
}
