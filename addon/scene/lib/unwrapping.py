# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to lay a mesh flat, each from a mesh of triangles to one uv a corner, and what such a layout is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import bpy
import numpy as np

from .meshes import Array, Floats, components, diagonal, set_uv, triangles_of, uv_of, vertices_of
from .selection import alone, editing


def by_xatlas(mesh: bpy.types.Mesh, *, size: int, padding: int) -> Floats:
    """Charts by xatlas (Young, MIT), uv (L, 2). `padding` in texels of a square texture of `size`.

    Raises `ImportError` where the library is missing.
    """
    import xatlas

    pack = xatlas.PackOptions()
    # Turned charts may be mirrored too: the tangent space knows, and the texture is used a sixth better.
    pack.padding, pack.bilinear, pack.rotate_charts = padding, True, True
    points, faces = vertices_of(mesh), triangles_of(mesh).astype(np.uint32)
    # xatlas counts in metres too: what is very small is nothing to it
    length = diagonal(points)
    unit = 1.0 if 1e-2 <= length <= 1e2 else length
    points, density = points / np.float32(unit), _density(mesh, size) * unit
    for _ in range(2):
        # Asked for an exact resolution xatlas may answer with several atlases; so it gets a density, and
        # an atlas that is far from the size of the texture, whose gaps would be wrong, is made again.
        pack.resolution, pack.texels_per_unit = 0, density
        atlas = xatlas.Atlas()
        atlas.add_mesh(points, faces)
        atlas.generate(xatlas.ChartOptions(), pack)
        longest = max(atlas.width, atlas.height)
        if 0.85 < longest / size < 1.15:
            break
        density *= size / longest
    _, corners, uv = atlas[0]
    # xatlas divides by width and height apart; both must be divided by the same to keep the shapes.
    scale = np.array([atlas.width / longest, atlas.height / longest], np.float32)
    scaled: Floats = uv[corners.reshape(-1)].astype(np.float32) * scale
    return scaled


def _density(mesh: bpy.types.Mesh, size: int) -> float:
    """Texels a metre with which the surface fills as much of the texture as xatlas usually gets to."""
    area = np.empty(len(mesh.polygons), np.float32)
    mesh.polygons.foreach_get("area", area)
    return math.sqrt(0.55 * size * size / max(float(area.sum()), 1e-30))


def by_smart(obj: bpy.types.Object, *, size: int, padding: int, angle: float = 66.0) -> Floats:
    """Charts by Blender's Smart UV Project, uv (L, 2); `angle` in degrees, `padding` in texels."""
    layer = _scratch_layer(obj)
    with alone(obj), editing(obj):
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.smart_project(
            angle_limit=math.radians(angle),
            margin_method="FRACTION",
            # The fraction is the distance of a chart from its neighbour's edge as well as from its own.
            island_margin=padding / size,
            area_weight=0.0,
            correct_aspect=False,
            scale_to_bounds=False,
        )
    return _take(obj, layer)


def by_seams(obj: bpy.types.Object, *, size: int, padding: int, method: str = "ANGLE_BASED") -> Floats:
    """Smart UV's charts laid flat again by Blender's unwrap (`ANGLE_BASED` or, from 4.3, `MINIMUM_STRETCH`)."""
    set_uv(obj.data, "galatea_scratch", by_smart(obj, size=size, padding=padding))
    with alone(obj), editing(obj):
        bpy.ops.mesh.select_all(action="SELECT")
        bpy.ops.uv.select_all(action="SELECT")
        bpy.ops.uv.seams_from_islands(mark_seams=True)
        bpy.ops.uv.unwrap(method=method, fill_holes=True, margin_method="FRACTION", margin=padding / size)
    return _take(obj, "galatea_scratch")


def _scratch_layer(obj: bpy.types.Object) -> str:
    count = len(obj.data.loops)
    set_uv(obj.data, "galatea_scratch", np.zeros((count, 2), np.float32))
    return "galatea_scratch"


def _take(obj: bpy.types.Object, layer: str) -> Floats:
    uv = uv_of(obj.data, layer).copy()
    obj.data.uv_layers.remove(obj.data.uv_layers[layer])
    return uv


@dataclass(frozen=True)
class Layout:
    """What a uv layout is worth.

    `stretch` is the L2 measure of Sander et al. (2001), 1 is perfect; `overlap` and `used` are shares of the texels
    of the unit square, by counting texel centres; `flipped` is the share of the faces laid upside down.
    """

    charts: int
    stretch: float
    overlap: float
    used: float
    flipped: float
    outside: float


def measure(mesh: bpy.types.Mesh, uv: Floats, *, size: int = 512) -> Layout:
    """`uv` (L, 2), one a corner of the triangles of `mesh`."""
    corners = uv.reshape(-1, 3, 2).astype(np.float64)
    signed = _cross2(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    counts = coverage(corners, size)
    covered = (counts > 0).sum()
    return Layout(
        charts=chart_count(mesh, uv),
        stretch=stretch(vertices_of(mesh)[triangles_of(mesh)].astype(np.float64), corners, signed),
        overlap=float((counts > 1).sum() / max(covered, 1)),
        used=float(covered / counts.size),
        flipped=float((signed < 0).mean()),
        outside=float(((uv < -1e-5) | (uv > 1 + 1e-5)).any(axis=1).mean()),
    )


def _cross2(a: Array, b: Array) -> Array:
    out: Array = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return out


def chart_count(mesh: bpy.types.Mesh, uv: Floats) -> int:
    """Parts of the surface that are connected in the layout: same vertex and same uv."""
    faces = triangles_of(mesh)
    key = np.column_stack([faces.reshape(-1), np.round(uv.astype(np.float64) * 1e5).astype(np.int64)])
    _, point = np.unique(key, axis=0, return_inverse=True)
    point = point.reshape(-1, 3).astype(np.int32)
    return len(np.unique(components(int(point.max()) + 1, point)))


def stretch(points: Array, uv: Array, signed: Array) -> float:
    """Area-weighted L2 stretch of triangles (F, 3, 3) laid out as (F, 3, 2), scaled so that a uniform layout has 1."""
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
    surface = np.linalg.norm(np.cross(q[:, 1] - q[:, 0], q[:, 2] - q[:, 0]), axis=1) / 2
    good = surface > 1e-12 * min(1.0, float(surface.max()))
    total = surface[good].sum()
    return float(np.sqrt((squared[good] * surface[good]).sum() / total) * np.sqrt(np.abs(signed).sum() / total))


def coverage(corners: Array, size: int) -> Array:
    """How many of the triangles (F, 3, 2) hold each texel's centre: (size, size) int."""
    counts = np.zeros((size, size), np.int32)
    for face in corners * size - 0.5:
        low = np.maximum(np.ceil(face.min(axis=0)), 0).astype(int)
        high = np.minimum(np.floor(face.max(axis=0)), size - 1).astype(int)
        if (high < low).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        (ax, ay), (bx, by), (cx, cy) = face
        d = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(d) < 1e-12:
            continue
        u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / d
        v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / d
        # Strictly inside, so that a texel on a shared edge is not counted as an overlap.
        counts[y, x] += (u > 1e-9) & (v > 1e-9) & (u + v < 1 - 1e-9)
    return counts
