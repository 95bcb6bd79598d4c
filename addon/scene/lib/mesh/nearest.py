# SPDX-License-Identifier: GPL-3.0-or-later
"""A surface made anew gets the attributes of the old one: each vertex those of the nearest."""

from __future__ import annotations

import bpy
import numpy as np
from mathutils.kdtree import KDTree

from .....backend.geometry.topology import Beat, no_beat
from . import meshes
from .meshes import Array


def origins(old: Array, new: Array, beat: Beat = no_beat) -> Array:
    """For each of the points `new` (N, 3) the number of the nearest of `old` (V, 3). (N,)"""
    known, out = tree(old, beat), np.empty(len(new), np.int64)
    for number, point in enumerate(new.tolist()):
        if number % 5000 == 0:
            beat()
        out[number] = known.find(point)[1]
    return out


def tree(points: Array, beat: Beat) -> KDTree:
    """Of points (V, 3), by their numbers."""
    out = KDTree(len(points))
    for number, point in enumerate(points.tolist()):
        if number % 20000 == 0:
            beat()
        out.insert(point, number)
    out.balance()
    return out


def around(known: KDTree, places: Array, count: int, beat: Beat) -> tuple[Array, Array]:
    """Numbers and distances (N, count) of what is nearest to each place, the nearest first."""
    near, far = np.empty((len(places), count), np.int64), np.empty((len(places), count))
    for row, place in enumerate(places.tolist()):
        if row % 2000 == 0:
            beat()
        found = known.find_n(place, count)
        near[row], far[row] = [each[1] for each in found], [each[2] for each in found]
    return near, far


def dressed(mesh: bpy.types.Mesh, points: Array, faces: Array, beat: Beat = no_beat) -> bpy.types.Mesh:
    """A mesh of `points` (V, 3) and `faces` (F, 3 or 4) with the attributes of `mesh`, which has triangles only."""
    triangles = meshes.triangles_of(mesh)
    used = np.unique(triangles)
    vertex = used[origins(meshes.vertices_of(mesh)[used], points, beat)]
    corner = np.zeros(len(mesh.vertices), np.int64)
    corner[triangles] = np.arange(triangles.size).reshape(-1, 3)
    return meshes.rebuilt(mesh, points, faces, vertex, corner[vertex][faces])
