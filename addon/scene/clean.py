# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the body a sound mesh of a given size: mended, smoothed, within the budget; and say what remains wrong."""

from __future__ import annotations

from typing import Any

import bmesh
import bpy
from mathutils import Matrix

from ...backend.geometry.condition import SLIVER
from ...backend.geometry.topology import Beat
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib import meshes, repair
from .lib.smooth import smooth as smoothed
from .work import Work

SPEC = BackendSpec(
    id="clean",
    label="Clean and simplify",
    task="scene-to-scene",
    help="Mend the mesh and bring it down to a number of faces that games and rigs can use.",
    runtime="blender",
    version=2,
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("faces", "int", 20000, "Triangles at most", low=100, high=1000000),
        Param("smooth", "float", 0.2, "Take noise away and keep edges; 0 is off", low=0, high=1),
        Param("floaters", "float", 0.02, "Drop separate parts smaller than this share of the largest", low=0, high=1),
        Param("close", "bool", True, "Close small holes"),
        Param("inner", "bool", True, "Drop parts that lie unseen inside others, and double walls"),
        Param("watertight", "bool", False, "Close everything; what cannot be closed is rebuilt of voxels"),
        Param("remesh", "bool", False, "Rebuild it of voxels: nothing cuts itself any more, fine detail goes"),
    ),
)

_FLAT = 0.01
"""Degrees, of the smallest angle of a face without an area."""
_SMALL, _LARGE = 1e-2, 1e2
"""m, of the diagonal: what is smaller or larger is worked on at another scale, for Blender's tools count in metres."""


def run(
    work: Work, *, faces: int, smooth: float, floaters: float, close: bool, inner: bool, watertight: bool, remesh: bool
) -> None:
    body = work.object("body")
    work.progress("Looking the mesh over", 0.02)
    _triangulate(body.data)
    if not len(body.data.polygons):
        raise UserError("The mesh has no faces. Choose another one or make it again.")
    before = _figures(body.data, _beat(work, "Looking the mesh over", 0.05), most=repair.BEFORE)
    # slivers go before the smoothing where they stay; where most faces go anyhow, only those without an area
    angle = SLIVER if len(body.data.polygons) <= 2 * faces else _FLAT
    want = repair.Want(floaters, close, inner, watertight, remesh, angle, cells=3 * faces)
    mesh, done = repair.repaired(body.data, want, _beat(work, "Mending the mesh", 0.2))
    if not len(mesh.polygons):
        raise UserError("Nothing is left of the mesh after cleaning. Make it again with more detail.")
    size = meshes.diagonal(meshes.vertices_of(mesh))
    scale = 1.0 if _SMALL <= size <= _LARGE else size
    mesh.transform(Matrix.Scale(1 / scale, 4))
    if smooth > 0:
        work.progress("Smoothing", 0.5)
        points = smoothed(meshes.vertices_of(mesh), meshes.triangles_of(mesh), smooth)
        mesh.vertices.foreach_set("co", points.ravel())
        mesh.update()
    meshes.replace_mesh(body, mesh)
    work.progress("Simplifying", 0.65)
    again = repair.Want(0.0, close, False, watertight, cells=3 * faces)
    for _ in range(2):
        _simplify(body, faces)
        mesh, more = repair.repaired(body.data, again, _beat(work, "Mending what that left", 0.8))
        meshes.replace_mesh(body, mesh)
        done = {key: done.get(key, 0) + more.get(key, 0) for key in {**done, **more}}
        if len(mesh.polygons) <= faces:
            break
    body.data.transform(Matrix.Scale(scale, 4))
    body.data.shade_smooth()
    _report(work, before, _figures(body.data, _beat(work, "Looking it over again", 0.9)), done)


def _beat(work: Work, phase: str, fraction: float) -> Beat:
    return repair.paced(lambda: work.progress(phase, fraction))


def _figures(mesh: bpy.types.Mesh, beat: Beat, *, most: int = 1 << 62) -> dict[str, Any]:
    """What the mesh is like as it is stored, and once vertices in the same place are one."""
    found, shape = repair.measured(mesh, beat, most=most), meshes.Shape.of(mesh).to_json()
    return {**found, **shape, "watertight": found["watertight"] and shape["watertight"]}


def _report(work: Work, before: dict[str, Any], after: dict[str, Any], done: dict[str, int]) -> None:
    for key, value in after.items():
        work.report.metric(key, value)
    work.report.metric("before", before)
    work.report.metric("mended", done)
    remains = repair.remains(after)
    work.report.metric("remains", remains)
    if after["boundary_edges"]:
        work.report.warn(
            "The mesh is not closed; physics and 3D printing may treat it as a shell. Set clean.watertight to close it."
        )
    if done.get("remeshed"):
        work.report.warn("The mesh was rebuilt of voxels; fine detail comes from the baked normals alone.")
    if remains:
        work.report.log(f"What remains: {', '.join(remains)}.")


def _triangulate(mesh: bpy.types.Mesh) -> None:
    if len(mesh.loops) == 3 * len(mesh.polygons):
        return
    bm = bmesh.new()
    bm.from_mesh(mesh)
    bmesh.ops.triangulate(bm, faces=bm.faces)
    bm.to_mesh(mesh)
    bm.free()


def _simplify(body: bpy.types.Object, faces: int) -> None:
    """Collapse edges down to the budget. The modifier refuses collapses that would break the surface, and may then
    stop early; a second round gets the rest."""
    for _ in range(3):
        have = len(body.data.polygons)
        if have <= faces:
            return
        modifier = body.modifiers.new("Simplify", "DECIMATE")
        modifier.ratio = faces / have
        modifier.use_collapse_triangulate = True
        graph = bpy.context.evaluated_depsgraph_get()
        mesh = bpy.data.meshes.new_from_object(body.evaluated_get(graph))
        body.modifiers.remove(modifier)
        meshes.replace_mesh(body, mesh)
