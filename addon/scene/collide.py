# SPDX-License-Identifier: GPL-3.0-or-later
"""Convex hulls that a game engine lets things bump into, in place of the body."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils import Matrix
from mathutils.bvhtree import BVHTree

from ...backend.protocol.errors import UserError
from ...backend.protocol.spec import BackendSpec, Param
from .lib.files import naming
from .lib.mesh import hulls, levels, meshes, splitting
from .lib.mesh.hulls import Array, Hull
from .lib.mesh.inside import Inside
from .lod import clear
from .work import Work

SPEC = BackendSpec(
    id="collide",
    version=2,
    label="Collision hulls",
    task="scene-to-scene",
    seeded="never",
    help="Make convex hulls around the object for the physics of games; export names them as an engine wants them.",
    runtime="blender",
    inputs=("scene",),
    outputs=("scene",),
    params=(
        Param("hulls", "int", 8, "Hulls at most; 1 is one around all", low=1, high=64),
        Param(
            "slack",
            "float",
            0.04,
            "Split until no part is more hollow than this (CoACD's concavity), or there are as many as allowed",
            low=0.01,
            high=1,
        ),
        Param("corners", "int", 32, "Corners of a hull at most; engines take up to 128", low=8, high=128),
    ),
)
_NEAR = 0.002
"""Of the diagonal: a hull gets no more corners once nothing is outside of it by more."""
TOLERANCE = 0.005
"""Of the diagonal: so far may the body stick out of its hulls; with few corners they are swollen for it."""
_THIN = 0.004
"""Of the diagonal: what is flat gets a hull of this thickness."""


def run(work: Work, *, hulls: int, slack: float, corners: int) -> None:
    body = work.object("body")
    clear(work, "collision")
    points, faces = _shape(body)
    size = meshes.diagonal(points)
    parts = _parts(work, points, faces, most=hulls, slack=slack)
    found = []
    for number, part in enumerate(parts):
        work.progress(f"Simplifying hull {number + 1}/{len(parts)}", 0.82 + 0.1 * number / len(parts))
        found.append(_hull(part, corners, size))
    found.sort(key=lambda hull: -hull.volume)
    for number, hull in enumerate(found):
        _place(work, body, hull, naming.hull(body.name, number))
    work.progress("Measuring", 0.94)
    _report(work, found, points, faces)


def _shape(body: bpy.types.Object) -> tuple[meshes.Floats, meshes.Ints]:
    if not len(body.data.polygons):
        raise UserError("The body has no faces to make hulls of. Make it again.")
    mesh = levels.triangulated(body.data)
    points, faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
    bpy.data.meshes.remove(mesh)
    used, faces = np.unique(faces, return_inverse=True)
    points = points[used]
    if not np.isfinite(points).all() or meshes.diagonal(points) <= 0:
        raise UserError("The body has no extent, or points that are no numbers. Make it again.")
    return points, faces.reshape(-1, 3).astype(np.int32)


def _parts(work: Work, points: meshes.Floats, faces: meshes.Ints, *, most: int, slack: float) -> list[Array]:
    """Points (P, 3) that each hull has to be around."""
    work.progress("Splitting", 0.02)
    if most == 1:
        return [points]
    parts = splitting.split(points, faces, most=most, slack=slack, beat=lambda: work.progress("Splitting", 0.1))
    if parts is None:
        work.report.warn("The object gets one hull around all of it: CoACD, which splits it, is not there or failed.")
        return [points]
    return splitting.covered(parts, points, faces, most, lambda: work.progress("Covering", 0.7))


def _hull(points: Array, corners: int, size: float) -> Hull:
    whole = hulls.thickened(points, _THIN * size)
    return hulls.simplified(whole, corners, _NEAR * size).around(whole.points, TOLERANCE * size)


def _place(work: Work, body: bpy.types.Object, hull: Hull, name: str) -> None:
    """A child of the body, drawn as wires and out of sight."""
    mesh = meshes.new_mesh(name, hull.points.astype(np.float32), hull.faces)
    mesh.shade_flat()
    obj = work.add("collision", bpy.data.objects.new(name, mesh))
    obj.name = mesh.name = name
    obj.parent, obj.matrix_parent_inverse = body, Matrix()
    obj.display_type = "WIRE"
    obj.hide_render = obj.hide_viewport = True


def _report(work: Work, found: list[Hull], points: meshes.Floats, faces: meshes.Ints) -> None:
    size = meshes.diagonal(points)
    corners = points[faces].astype(float) - points.mean(axis=0)
    volume = abs(float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))) / 6
    together, whole = sum(hull.volume for hull in found), hulls.thickened(points, _THIN * size).volume
    outside = max(0.0, float(np.min([hull.above(points.astype(float)) for hull in found], axis=0).max())) / size
    work.report.metric("hulls", len(found))
    work.report.metric("corners", [len(hull.points) for hull in found])
    work.report.metric("names", [obj.name for obj in work.objects("collision")])
    work.report.metric("volume_of_one", round(whole / volume, 4) if volume else None)
    work.report.metric("volume", round(together / volume, 4) if volume else None)
    work.report.metric("outside_percent", round(100 * outside, 4))
    work.report.metric("bulge_percent", round(100 * _bulge(found, points, faces) / size, 4))
    if outside > 1.01 * TOLERANCE:
        work.report.warn(f"The object sticks {outside:.1%} of its size out of its hulls. Allow them more corners.")


def _bulge(found: list[Hull], points: meshes.Floats, faces: meshes.Ints) -> float:
    """How far the hulls stand off the body, at their middles of faces and of edges, in metres."""
    tree, within = BVHTree.FromPolygons(points.tolist(), faces.tolist()), Inside(points, faces)
    away = 0.0
    for hull in found:
        triangles = hull.points[hull.faces]
        for place in np.concatenate([triangles.mean(axis=1), *((triangles + np.roll(triangles, 1, axis=1)) / 2)]):
            if not len(within.column(place[0], place[1], place[2:3])):
                away = max(away, tree.find_nearest(place)[3])
    return away
