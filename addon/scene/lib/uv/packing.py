# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts that lie anywhere are put side by side into the unit square, or into several tiles, with one texel density."""

from __future__ import annotations

import importlib.util
import math

import bpy
import numpy as np

from .....backend.geometry.topology import Beat
from ..mesh import meshes
from ..mesh.meshes import Array, Floats
from ..mesh.selection import alone, editing, linked
from . import layout, tiles

_SIDE, _COARSE, _FEW = 1024, 512, 100
"""Texels of the square that is packed, whatever the size of the texture: its gaps are shares of it. So FEW charts are
tried at every place of a coarser one, which takes as long and uses 2 to 6 % more; more charts at some places."""

_MOST = 100
"""Times the usual scale: a chart that was laid on a line or a point stays what it is."""


def has_xatlas() -> bool:
    return importlib.util.find_spec("xatlas") is not None


def packed(mesh: bpy.types.Mesh, chart: Array, uv: Floats, beat: Beat, *, gap: float, count: int = 1) -> Floats:
    """The layout `uv` (L, 2) of charts (F,) packed into `count` tiles; `gap` is a share of a tile's side.

    Every chart gets the size that its surface has; none crosses the border of a tile.
    """
    corners = _even(mesh, chart, uv)
    home = _homes(mesh, chart, count)
    out = np.zeros_like(corners)
    scales = np.ones(count)
    for tile in range(count):
        beat()
        some = np.flatnonzero(home[chart] == tile)
        if len(some):
            out[some], scales[tile] = _one(corners[some], chart[some], gap)
    scale = scales[np.unique(home)].min()
    for tile in np.unique(home).tolist():
        some = home[chart] == tile
        out[some] = out[some] * (scale / scales[tile]) + tiles.corner(tile)
    return out.reshape(-1, 2).astype(np.float32)


def _even(mesh: bpy.types.Mesh, chart: Array, uv: Floats) -> Array:
    """Corners (F, 3, 2) with each chart as large as its surface, of which all have an area of 1."""
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    points = meshes.vertices_of(mesh)[meshes.triangles_of(mesh)].astype(np.float64)
    surface = np.linalg.norm(np.cross(points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]), axis=1) / 2
    surface /= max(float(surface.sum()), 1e-300)
    flat = np.bincount(chart, np.abs(layout.signed_area(corners)))
    scale = np.sqrt(np.bincount(chart, surface) / np.maximum(flat, 1e-300))
    usual = np.median(scale[chart])
    return corners * np.minimum(scale, _MOST * usual)[chart][:, None, None]


def _homes(mesh: bpy.types.Mesh, chart: Array, count: int) -> Array:
    """The tile of each chart: the largest first, each to where least lies so far."""
    area = np.empty(len(mesh.polygons), np.float32)
    mesh.polygons.foreach_get("area", area)
    bulk = np.bincount(chart, area)
    home, full = np.zeros(len(bulk), np.int64), np.zeros(count)
    for one in np.argsort(-bulk, kind="stable").tolist():
        home[one] = np.argmin(full)
        full[home[one]] += bulk[one]
    return home


def _one(corners: Array, chart: Array, gap: float) -> tuple[Array, float]:
    """Corners packed into the unit square, and by how much they were scaled for that."""
    flat = corners.reshape(-1, 2)
    key = np.column_stack([np.repeat(chart, 3), np.round(flat * 2e6).astype(np.int64)])
    _, first, point = np.unique(key, axis=0, return_index=True, return_inverse=True)
    places, faces = flat[first], point.reshape(-1, 3)
    made = _by_xatlas(places, faces, gap, len(np.unique(chart))) if has_xatlas() else None
    made = _by_blender(places, faces, gap) if made is None else made
    before, after = (np.abs(layout.signed_area(each)).sum() for each in (corners, made))
    return made, float(np.sqrt(after / max(before, 1e-300)))


def _by_xatlas(places: Array, faces: Array, gap: float, charts: int) -> Array | None:
    """By its bitmaps and in any turn, mirrored too; None where it leaves faces out."""
    import xatlas

    pack = xatlas.PackOptions()
    pack.bruteForce = charts <= _FEW
    side = _COARSE if pack.bruteForce else _SIDE
    pack.padding, pack.bilinear, pack.rotate_charts = max(1, math.ceil(gap * side)), True, True
    density = np.sqrt(0.6) * side / np.sqrt(max(float(np.abs(layout.signed_area(places[faces])).sum()), 1e-300))
    for _ in range(3):
        atlas = xatlas.Atlas()
        atlas.add_uv_mesh((places * density).astype(np.float32), faces.astype(np.uint32))
        pack.texels_per_unit, pack.resolution = 1.0, 0
        atlas.generate(xatlas.ChartOptions(), pack)
        longest = max(atlas.width, atlas.height)
        if 0.93 < longest / side < 1.07:
            break
        density *= side / longest
    _, corners, uv = atlas[0]
    if len(corners) != len(faces):
        return None
    out = uv[corners.reshape(-1)].astype(np.float64).reshape(-1, 3, 2) * [atlas.width / longest, atlas.height / longest]
    return out


def _by_blender(places: Array, faces: Array, gap: float) -> Array:
    """By boxes: quick, and with more empty space."""
    mesh = meshes.new_mesh("galatea pack", np.pad(places, ((0, 0), (0, 1))).astype(np.float32), faces.astype(np.int32))
    meshes.set_uv(mesh, "flat", places[faces].reshape(-1, 2).astype(np.float32))
    with linked(mesh) as obj:
        with alone(obj), editing(obj):
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.uv.select_all(action="SELECT")
            bpy.ops.uv.pack_islands(shape_method="AABB", rotate=True, margin_method="FRACTION", margin=gap)
        return meshes.uv_of(mesh, "flat").astype(np.float64).reshape(-1, 3, 2)
