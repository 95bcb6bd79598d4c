# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights by bone heat, which Blender solves: on the skin itself, or on a closed proxy from which they are taken over.

Blender solves for a whole mesh or not at all, and its time grows with the square of the vertices: 1 s for 13,000 and
52 bones, 80 s for 214,000. So each part is solved alone, and of a fine one a coarser copy.
"""

from __future__ import annotations

import contextlib
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from .....backend.geometry import parts
from .....backend.geometry.mending import Surface
from .....backend.geometry.topology import Beat
from .....backend.protocol.errors import UserError
from ..mesh import levels, meshes, voxels
from ..mesh.nearest import around, tree
from ..mesh.selection import editing, linked
from . import proxy as proxies
from . import weights
from .proxy import Proxy

Array = NDArray[Any]
_SIZE = 10.0
"""What bodies are scaled to: Blender's solver fails on small ones."""
_FINE = 24000
"""Triangles that heat is solved on at most, and those of the voxel proxy."""
_CELLS = 24000
"""Of a body within which the nearest bones are looked for: gaps of 2 % of a human's height are seen."""
_SOME = 0.02
"""Of all points: for fewer the straight way to the nearest bones will do."""
_PARTS, _LEAST = 12, 12
"""Parts that are solved, and vertices that one must have; the others are left to another way."""


def skin(points: Array, faces: Array, heads: Array, tails: Array, beat: Beat) -> Array:
    """(V, B): points (V, 3), triangles (F, 3), bones (B, 3) to (B, 3); rows of zeros where there is no answer."""
    solve = _by_copy if len(faces) > _FINE else _whole
    return solve(points, faces, heads, tails, beat)


def _whole(points: Array, faces: Array, heads: Array, tails: Array, beat: Beat) -> Array:
    out = np.zeros((len(points), len(heads)))
    label = parts.label(faces.astype(np.int32), len(points))
    names, sizes = np.unique(label[np.unique(faces)], return_counts=True)
    for name in names[np.argsort(-sizes, kind="stable")][:_PARTS]:
        member = label == name
        if member.sum() < _LEAST:
            break
        beat()
        own = (np.cumsum(member) - 1)[faces[member[faces[:, 0]]]]
        out[member] = _solved(points[member], own, heads, tails)
    return out


def _by_copy(points: Array, faces: Array, heads: Array, tails: Array, beat: Beat) -> Array:
    mesh = meshes.new_mesh("copy", points.astype(np.float32), faces.astype(np.int32))
    some = levels.thinned(mesh, _FINE, beat) or mesh
    fewer = levels.reduced(some, _FINE - 1, beat)
    places, triangles = meshes.vertices_of(fewer).astype(float), meshes.drawn(fewer)[0]
    for each in {mesh, some, fewer}:
        bpy.data.meshes.remove(each)
    if not len(triangles) or len(triangles) > 2 * _FINE:
        return np.zeros((len(points), len(heads)))
    found = _whole(places, triangles, heads, tails, beat)
    return taken(found, places, triangles, points, meshes.normals_of(points, faces), beat)


def voxel(points: Array, faces: Array, heads: Array, tails: Array, beat: Beat) -> Array:
    """The same on a closed surface around the body, whatever it is made of."""
    empty = np.zeros((len(points), len(heads)))
    for thicken in (False, True):
        beat()
        try:
            whole = voxels.rebuilt(Surface.of(points, faces), _FINE - 4000, thicken, beat)
        except UserError:  # it encloses nothing
            continue
        places, triangles = whole.points, whole.faces
        if len(triangles) > 2 * _FINE:
            continue
        found = _whole(places, triangles, heads, tails, beat)
        return taken(found, places, triangles, points, meshes.normals_of(points, faces), beat)
    return empty


def nearest(points: Array, faces: Array, heads: Array, tails: Array, beat: Beat, some: Array | None = None) -> Array:
    """(V, B), or the rows of those vertices that are wanted (V,): the nearest bones, gaps in between count as walls."""
    wanted = np.arange(len(points)) if some is None else np.flatnonzero(some)
    away = weights.distances(points[wanted], heads, tails)
    if len(faces) and len(wanted) > _SOME * len(points):
        cells = proxies.make(points, faces, _CELLS)
        beat()
        detours = weights.detours(cells, heads, tails, beat)
        if detours.any():
            away += 2 * _sampled(cells, detours, points[wanted], meshes.normals_of(points, faces)[wanted], beat)
    return weights.fading(away, heads, tails)


def _sampled(cells: Proxy, values: Array, points: Array, outwards: Array, beat: Beat) -> Array:
    """Values (N, B) of a body's cells at points (V, 3) of its skin, whose normals are `outwards` (V, 3)."""
    count = min(4, len(cells.points))
    near, far = around(tree(cells.points, beat), points, count, beat)
    share = 1.0 / (far + 0.2 * cells.cell) ** 2
    share *= np.where((cells.normals[near] * outwards[:, None]).sum(axis=2) < -0.2, 1e-6, 1.0)  # of the other wall
    share /= share.sum(axis=1, keepdims=True)
    return np.asarray(sum(share[:, k : k + 1] * values[near[:, k]] for k in range(count)))


def taken(table: Array, places: Array, triangles: Array, points: Array, outwards: Array, beat: Beat) -> Array:
    """Weights (V, B) of points (V, 3) with normals `outwards` (V, 3), from a surface nearby that looks the same way."""
    solved = ~weights.bare(table)
    triangles = triangles[solved[triangles].all(axis=1)]  # what has no answer is passed over
    if not len(triangles):
        return np.zeros((len(points), table.shape[1]))
    skin = BVHTree.FromPolygons(places.tolist(), triangles.tolist(), all_triangles=True)
    face, where = np.empty(len(points), np.int64), np.empty((len(points), 3))
    reach = 0.04 * float(np.linalg.norm(np.ptp(points, axis=0)))
    for number, (point, way) in enumerate(zip(points.tolist(), outwards.tolist(), strict=True)):
        if number % 2000 == 0:
            beat()
        at, normal, index, _ = skin.find_nearest(point)
        if normal.dot(Vector(way)) < 0:
            agreeing = (hit for hit in skin.find_nearest_range(point, reach) if hit[1].dot(Vector(way)) > 0.2)
            best = min(agreeing, key=lambda hit: hit[3], default=None)
            at, index = (best[0], best[2]) if best else (at, index)
        face[number], where[number] = index, at
    out: Array = np.einsum("vk,vkb->vb", _within(where, places[triangles[face]]), table[triangles[face]])
    return out


def _within(points: Array, corners: Array) -> Array:
    """Barycentric shares (V, 3) of points (V, 3) in triangles (V, 3, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    normal = np.cross(b - a, c - a)
    size = np.maximum((normal * normal).sum(axis=1), 1e-30)
    two = (np.cross(c - b, points - b) * normal).sum(axis=1) / size
    three = (np.cross(a - c, points - c) * normal).sum(axis=1) / size
    out = np.stack([two, three, 1 - two - three], axis=1).clip(0, 1)
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def _solved(points: Array, faces: Array, heads: Array, tails: Array) -> Array:
    """Blender's answer for one connected part, on objects that are gone afterwards."""
    low, scale = points.min(axis=0), _SIZE / max(float(np.ptp(points, axis=0).max()), 1e-12)
    mesh = meshes.new_mesh("heat", ((points - low) * scale).astype(np.float32), faces.astype(np.int32))
    with linked(mesh) as skin, linked(bpy.data.armatures.new("heat")) as armature:
        both = [skin, armature]
        _bones(armature, (heads - low) * scale, (tails - low) * scale)
        with (
            bpy.context.temp_override(
                object=armature, active_object=armature, selected_objects=both, selected_editable_objects=both
            ),
            contextlib.suppress(RuntimeError),
        ):  # an error report: no solution
            bpy.ops.object.parent_set(type="ARMATURE_AUTO")
        out = np.zeros((len(points), len(heads)))
        bone = {group.index: int(group.name[1:]) for group in skin.vertex_groups}
        for number, vertex in enumerate(mesh.vertices):
            for each in vertex.groups:
                out[number, bone[each.group]] = each.weight
        return out


def _bones(armature: bpy.types.Object, heads: Array, tails: Array) -> None:
    with editing(armature):
        for number, (head, tail) in enumerate(zip(heads, tails, strict=True)):
            bone = armature.data.edit_bones.new(f"b{number}")
            bone.head, bone.tail = Vector(head), Vector(tail)
