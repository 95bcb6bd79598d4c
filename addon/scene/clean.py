# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the body a sound mesh of a given size: no loose parts, no floaters, closed, normals out, within the budget."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib import meshes
from .lib.smooth import smooth as smoothed
from .work import Work

SPEC = BackendSpec(
    id="clean",
    label="Clean and simplify",
    task="scene-to-scene",
    help="Mend the mesh and bring it down to a number of faces that games and rigs can use.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("faces", "int", 20000, "Triangles at most", low=100, high=1000000),
        Param("smooth", "float", 0.2, "Take noise away and keep edges; 0 is off", low=0, high=1),
        Param("floaters", "float", 0.02, "Drop separate parts smaller than this share of the largest", low=0, high=1),
        Param("close", "bool", True, "Close small holes"),
    ),
)

_MERGE = 1e-5
"""Of the mesh's diagonal: closer vertices are one."""


def run(work: Work, *, faces: int, smooth: float, floaters: float, close: bool) -> None:
    body = work.object("body")
    work.progress("Mending the mesh", 0.05)
    _triangulate(body.data)
    before = meshes.Shape.of(body.data)
    mesh = _mended(body.data, before, floaters=floaters, close=close)
    if not len(mesh.polygons):
        raise UserError("Nothing is left of the mesh after cleaning. Make it again with more detail.")
    if smooth > 0:
        work.progress("Smoothing", 0.3)
        points = smoothed(meshes.vertices_of(mesh), meshes.triangles_of(mesh), smooth)
        mesh.vertices.foreach_set("co", points.ravel())
        mesh.update()
    meshes.replace_mesh(body, mesh)
    work.progress("Simplifying", 0.5)
    if len(mesh.polygons) > faces:
        _simplify(body, faces)
    body.data.shade_smooth()
    after = meshes.Shape.of(body.data)
    _report(work, before, after)


def _report(work: Work, before: meshes.Shape, after: meshes.Shape) -> None:
    for key, value in after.to_json().items():
        work.report.metric(key, value)
    work.report.metric("before", before.to_json())
    if not after.watertight:
        work.report.warn("The mesh is not closed; physics and 3D printing may treat it as a shell.")


def _triangulate(mesh: bpy.types.Mesh) -> None:
    if len(mesh.loops) == 3 * len(mesh.polygons):
        return
    bm = bmesh.new()
    bm.from_mesh(mesh)
    bmesh.ops.triangulate(bm, faces=bm.faces)
    bm.to_mesh(mesh)
    bm.free()


def _mended(mesh: bpy.types.Mesh, shape: meshes.Shape, *, floaters: float, close: bool) -> bpy.types.Mesh:
    """A mended copy. Merging may pinch thin walls: where it would open a closed mesh it is left out."""
    out = _mend(mesh, merge=True, floaters=floaters, close=close)
    if shape.watertight and not meshes.Shape.of(out).watertight:
        bpy.data.meshes.remove(out)
        out = _mend(mesh, merge=False, floaters=floaters, close=close)
    return out


def _mend(mesh: bpy.types.Mesh, *, merge: bool, floaters: float, close: bool) -> bpy.types.Mesh:
    bm = bmesh.new()
    bm.from_mesh(mesh)
    size = meshes.diagonal(meshes.vertices_of(mesh))
    if merge:
        bmesh.ops.remove_doubles(bm, verts=bm.verts, dist=_MERGE * size)
        bmesh.ops.dissolve_degenerate(bm, edges=bm.edges, dist=_MERGE * size / 10)
    _drop_twins(bm)
    _drop_loose(bm)
    _drop_floaters(bm, floaters)
    if close:
        _close_holes(bm, longest=0.5 * size)
    bmesh.ops.triangulate(bm, faces=[face for face in bm.faces if len(face.verts) > 3])
    bmesh.ops.recalc_face_normals(bm, faces=bm.faces)
    out = mesh.copy()
    bm.to_mesh(out)
    bm.free()
    return out


def _snapshot(bm: bmesh.types.BMesh) -> tuple[meshes.Floats, meshes.Ints]:
    """Positions and triangles as arrays, in the order of the bmesh: loops over its faces take ten times as long."""
    bmesh.ops.triangulate(bm, faces=[face for face in bm.faces if len(face.verts) > 3])
    mesh = bpy.data.meshes.new("snapshot")
    bm.to_mesh(mesh)
    arrays = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
    bpy.data.meshes.remove(mesh)
    return arrays


def _drop_twins(bm: bmesh.types.BMesh) -> None:
    """Faces with the same vertices as another: they give an edge more than two faces."""
    _, faces = _snapshot(bm)
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    twins = np.setdiff1d(np.arange(len(faces)), first)
    if len(twins):
        bm.faces.ensure_lookup_table()
        bmesh.ops.delete(bm, geom=[bm.faces[i] for i in twins.tolist()], context="FACES_ONLY")


def _drop_loose(bm: bmesh.types.BMesh) -> None:
    bmesh.ops.delete(bm, geom=[edge for edge in bm.edges if not edge.link_faces], context="EDGES")
    bmesh.ops.delete(bm, geom=[vert for vert in bm.verts if not vert.link_faces], context="VERTS")


def _drop_floaters(bm: bmesh.types.BMesh, share: float) -> None:
    """Delete the connected parts whose area is below this share of the largest part's."""
    points, faces = _snapshot(bm)
    if not len(faces):
        return
    a, b, c = (points[faces[:, k]] for k in range(3))
    label = meshes.components(len(points), faces)
    area = np.bincount(label[faces[:, 0]], np.linalg.norm(np.cross(b - a, c - a), axis=1), len(points))
    lost = np.flatnonzero(area[label] < share * area.max())
    if len(lost):
        bm.verts.ensure_lookup_table()
        bmesh.ops.delete(bm, geom=[bm.verts[i] for i in lost.tolist()], context="VERTS")


def _close_holes(bm: bmesh.types.BMesh, *, longest: float) -> None:
    """Fill the holes whose rim is at most this long; a large opening is meant to be one."""
    rim = [edge for edge in bm.edges if edge.is_boundary]
    if not rim:
        return
    bm.verts.index_update()
    ends = np.array([[edge.verts[0].index, edge.verts[1].index] for edge in rim], np.int32)
    label = meshes.components(len(bm.verts), ends[:, [0, 1, 1]])[ends[:, 0]]
    length = np.bincount(label, [edge.calc_length() for edge in rim], len(bm.verts))
    small = [edge for edge, part in zip(rim, label, strict=True) if length[part] <= longest]
    if small:
        bmesh.ops.holes_fill(bm, edges=small, sides=0)


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
