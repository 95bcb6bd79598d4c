# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the body a sound mesh of a given size: mended, smoothed, within the budget; and say what remains wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import bpy
from mathutils import Matrix

from ...backend.geometry.condition import SLIVER
from ...backend.geometry.topology import Beat
from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.mesh import levels, meshes, quads, repair
from .lib.mesh.smooth import smooth as smoothed
from .lib.uv import layers
from .work import Work

SPEC = BackendSpec(
    id="clean",
    label="Clean and simplify",
    task="scene-to-scene",
    seeded="topology=quads",
    help="Mend the mesh and bring it down to a number of faces that games and rigs can use.",
    runtime="blender",
    version=4,
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("faces", "int", 20000, "Triangles, or quads, at most", low=100, high=1000000),
        Param(
            "topology",
            "choice",
            "triangles",
            "quads follow the form, for sculpting and rigs; it takes longer, and thin tips may go",
            choices=("triangles", "quads"),
        ),
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
_TORN = 1e-3
"""Share of the largest part: what is smaller was torn off when faces were taken away."""
_FEW = 0.9
"""Of the quads that were asked for."""
_SMALL, _LARGE = 1e-2, 1e2
"""m, of the diagonal: what is smaller or larger is worked on at another scale, for Blender's tools count in metres."""


def run(work: Work, *, topology: str, faces: int, watertight: bool, **wanted: Any) -> None:
    body = work.object("body")
    work.progress("Looking the mesh over", 0.02)
    meshes.triangulate(body.data)
    if not len(body.data.polygons):
        raise UserError("The mesh has no faces. Choose another one or make it again.")
    full = None if work.has("source") else body.data.copy()
    before = _figures(body.data, work.beat("Looking the mesh over", 0.05), most=repair.BEFORE)
    mesh, done = _mended(work, body.data, faces=faces, watertight=watertight, **wanted)
    scale = _unit(mesh)
    mesh.transform(Matrix.Scale(1 / scale, 4))
    _smooth(work, mesh, wanted["smooth"])
    meshes.replace_mesh(body, mesh)
    if topology == "quads":
        beat = work.beat("Laying quads over it", 0.6)
        mesh, solid = quads.remeshed(body.data, faces, work.seed, beat)
        done["remeshed"] = done.get("remeshed", 0) + solid
        meshes.replace_mesh(body, mesh)
        if len(mesh.polygons) < _FEW * faces:
            work.report.warn(f"{len(mesh.polygons)} quads were made, not {faces}. Ask for another number or --seed.")
    else:
        torn = min(_TORN, wanted["floaters"])
        again = repair.Want(torn, wanted["close"], False, watertight, cells=3 * faces)
        more = _simplify(work, body, faces, again)
        done = {key: done.get(key, 0) + more.get(key, 0) for key in {**done, **more}}
    body.data.transform(Matrix.Scale(scale, 4))
    body.data.shade_smooth()
    _keep(work, body, full, turned=bool(done.get("faces turned")))
    _report(work, before, _figures(body.data, work.beat("Looking it over again", 0.9)), done)


def _keep(work: Work, body: bpy.types.Object, full: bpy.types.Mesh | None, *, turned: bool) -> None:
    """See to it that there is a source, its faces outwards as the body's: rays that meet a back do not count."""
    if full:
        body[layers.CAME] = body.get(layers.CAME) or layers.digest(full)
        work.keep(body, full)
    for source in work.objects("source") if turned else ():
        beat = work.beat("Turning the full mesh outwards", 0.85)
        meshes.replace_mesh(source, repair.outwards(source.data, beat))


def _mended(
    work: Work, mesh: bpy.types.Mesh, *, faces: int, watertight: bool, floaters: float, close: bool, inner: bool,
    remesh: bool, smooth: float,
) -> tuple[bpy.types.Mesh, dict[str, int]]:  # fmt: skip
    # slivers go before the smoothing where they stay; where most faces go anyhow, only those without an area
    angle = SLIVER if len(mesh.polygons) <= 2 * faces else _FLAT
    want = repair.Want(floaters, close, inner, watertight, remesh, angle, cells=3 * faces)
    mended, done = repair.repaired(mesh, want, work.beat("Mending the mesh", 0.2))
    if not len(mended.polygons):
        raise UserError("Nothing is left of the mesh after cleaning. Make it again with more detail.")
    return mended, done


def _unit(mesh: bpy.types.Mesh) -> float:
    """m, what to work in."""
    size = meshes.diagonal(meshes.vertices_of(mesh))
    return 1.0 if _SMALL <= size <= _LARGE else size


def _smooth(work: Work, mesh: bpy.types.Mesh, strength: float) -> None:
    if strength > 0:
        work.progress("Smoothing", 0.5)
        points = smoothed(meshes.vertices_of(mesh), meshes.triangles_of(mesh), strength)
        mesh.vertices.foreach_set("co", points.ravel())
        mesh.update()


def _simplify(work: Work, body: bpy.types.Object, faces: int, want: repair.Want) -> Counter[str]:
    """Down to the budget, and mended where that broke something; what was mended."""
    done: Counter[str] = Counter()
    # a generated mesh has its picture from the source; a map that came with a file keeps its seams, it may be kept
    generated = work.has("source") and not body.get(layers.CAME)
    quick = want.close and (generated or not body.data.uv_layers)
    fewer = levels.thinned(body.data, faces, work.beat("Simplifying", 0.6)) if quick else None
    for _ in range(3):
        fewer = fewer or levels.reduced(body.data, faces, work.beat("Simplifying", 0.7))
        mesh, more = repair.repaired(fewer, want, work.beat("Mending what that left", 0.8))
        bpy.data.meshes.remove(fewer)
        meshes.replace_mesh(body, mesh)
        done, fewer = done + Counter(more), None
        if len(mesh.polygons) <= faces:
            break
    return done


def _figures(mesh: bpy.types.Mesh, beat: Beat, *, most: int = 1 << 62) -> dict[str, Any]:
    """What the mesh is like as it is stored, and once vertices in the same place are one."""
    triangles = levels.triangulated(mesh)
    found, shape = repair.measured(triangles, beat, most=most), meshes.Shape.of(triangles).to_json()
    bpy.data.meshes.remove(triangles)
    closed = found["watertight"] and shape["watertight"]
    return {**found, **shape, "watertight": closed, "faces": len(mesh.polygons)}


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
