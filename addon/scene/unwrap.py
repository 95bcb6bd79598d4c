# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay the body's surface flat, without overlaps, with gaps that fit the texture; or keep the map that it came with."""

from __future__ import annotations

import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.material import shading
from .lib.mesh import meshes
from .lib.uv import layers, layout, packing, unwrapping
from .work import Work

METHODS = ("auto", "merged", "xatlas", "smart", "angle", "stretch", "keep")
SPEC = BackendSpec(
    id="unwrap",
    label="Unwrap",
    task="scene-to-scene",
    seeded="never",
    help="Make a UV map without overlaps, ready to bake textures into, or keep the one that the mesh came with.",
    runtime="blender",
    version=2,
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param(
            "method",
            "choice",
            "auto",
            "auto takes the best that is there; merged: few, wide charts; keep: the mesh's own map, to the byte",
            choices=METHODS,
        ),
        Param("size", "int", 1024, "Texture that the gaps are made for", low=256, high=8192, unit="px"),
        Param("tiles", "int", 1, "UDIM tiles that the charts are spread over, each with textures", low=1, high=16),
    ),
)

_MERGED_FACES = 200_000
"""Merging takes 4 s of CPU time for 20,000 faces and 62 for so many; auto leaves larger meshes to Smart UV."""


def run(work: Work, *, method: str, size: int, tiles: int) -> None:
    body = work.object("body")
    if not len(body.data.polygons):
        raise UserError("The body has no faces to lay flat. Make it again.")
    if method == "keep":
        if tiles > 1:
            raise UserError("A map that is kept has the tiles that it has. Leave unwrap.tiles out.", kind="usage")
        uv = _kept(work, body)
    else:
        method = _choose(work, method, len(body.data.polygons))
        uv = _made(work, body, method, gap=gap(size) / size, tiles=tiles)
    _write(body.data, uv)
    _tell(work, body.data, method, size)


def gap(size: int) -> int:
    """Texels between charts: two levels of a mip map stay clean."""
    return max(2, size // 256)


def _made(work: Work, body: bpy.types.Object, method: str, *, gap: float, tiles: int) -> meshes.Floats:
    mesh, beat = body.data, work.beat(f"Unwrapping with {method}", 0.4)
    corners = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", corners)
    if corners[0] not in (3, 4) or (corners != corners[0]).any():
        raise UserError("The body has faces of several kinds. Run the step clean first, or keep its map.")
    area = np.empty(len(mesh.polygons), np.float32)
    mesh.polygons.foreach_get("area", area)
    if not area.sum(dtype=np.float64) > 0:
        raise UserError("The body's faces have no area, so that nothing can be laid flat. Make it again.")
    work.progress(f"Unwrapping with {method}", 0.1)
    if corners[0] == 3:
        return unwrapping.unwrapped(body, method, beat, gap=gap, tiles=tiles)
    body.data = halves = meshes.halved(mesh)
    try:
        uv = unwrapping.unwrapped(body, method, beat, gap=gap, tiles=tiles, pairs=True)
    finally:
        body.data = mesh
        bpy.data.meshes.remove(halves)
    return uv.reshape(-1, 6, 2)[:, (0, 1, 2, 5)].reshape(-1, 2)  # of the second half only its tip is new


def _kept(work: Work, body: bpy.types.Object) -> meshes.Floats:
    """The map that the mesh came with; says so where it is not the file's any more."""
    work.progress("Keeping the UV map", 0.1)
    uv = meshes.uv_of(body.data, layers.shown(body.data))
    if not np.isfinite(uv).all():
        raise UserError("The mesh's own UV map has places that are no numbers. Choose another unwrap.method.")
    came = body.get(layers.CAME) or next((layers.digest(each.data) for each in work.objects("source")), "")
    same = not came or came == layers.digest(body.data)
    work.report.metric("kept", same)
    if not same:
        work.report.warn(
            "The mesh was simplified or mended and its UV map carried over to the new faces; it is not to the byte the "
            "file's any more. Set clean.faces above the number that the file has, or leave the step clean out."
        )
    return uv


def _write(mesh: bpy.types.Mesh, uv: meshes.Floats) -> None:
    """Write the layer; the source's own stays until the material is made, it shows the picture until then."""
    old = mesh.uv_layers.get(shading.BODY_UV)
    if old:
        mesh.uv_layers.remove(old)
    meshes.set_uv(mesh, shading.BODY_UV, uv)


def _tell(work: Work, mesh: bpy.types.Mesh, method: str, size: int) -> None:
    """What the layout is worth, of the triangles that renderers make of the mesh."""
    beat = work.beat("Measuring the layout", 0.8)
    faces, corners = meshes.drawn(mesh)
    flat = meshes.new_mesh("galatea measure", meshes.vertices_of(mesh), faces)
    try:
        found = layout.measure(flat, meshes.uv_of(mesh, shading.BODY_UV)[corners], size=size, beat=beat)
    finally:
        bpy.data.meshes.remove(flat)
    work.report.metric("method", method)
    for key in ("charts", "stretch", "overlap", "used", "thin", "outside", "tiles"):
        work.report.metric(key, round(getattr(found, key), 4))
    if found.overlap > 0.01:
        work.report.warn(f"{found.overlap:.1%} of the UV map overlap; the texture may show it. Try another method.")
    if found.outside > 0.001:
        work.report.warn(f"{found.outside:.1%} of the UV map lie outside their tile; what is baked there is lost.")


def _choose(work: Work, method: str, faces: int) -> str:
    if method == "xatlas" and not packing.has_xatlas():
        raise UserError("xatlas is not installed here. Choose the method auto or smart.", kind="environment")
    if method == "stretch" and not unwrapping.has_minimum_stretch():
        raise UserError("This Blender has no minimum stretch; 4.3 does. Choose the method angle.", kind="environment")
    if method != "auto":
        return method
    if faces <= _MERGED_FACES:
        return "merged"
    work.report.log(f"Merging the charts of {faces} faces would take minutes; Smart UV is used.")
    return "smart"
