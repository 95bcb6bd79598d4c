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
    tree = KDTree(len(old))
    for number, point in enumerate(old.tolist()):
        if number % 20000 == 0:
            beat()
        tree.insert(point, number)
    tree.balance()
    out = np.empty(len(new), np.int64)
    for number, point in enumerate(new.tolist()):
        if number % 5000 == 0:
            beat()
        out[number] = tree.find(point)[1]
    return out


def dressed(mesh: bpy.types.Mesh, points: Array, faces: Array, beat: Beat = no_beat) -> bpy.types.Mesh:
    """A mesh of `points` (V, 3) and `faces` (F, 3 or 4) with the attributes of `mesh`, which has triangles only."""
    triangles = meshes.triangles_of(mesh)
    used = np.unique(triangles)
    vertex = used[origins(meshes.vertices_of(mesh)[used], points, beat)]
    corner = np.zeros(len(mesh.vertices), np.int64)
    corner[triangles] = np.arange(triangles.size).reshape(-1, 3)
    return meshes.rebuilt(mesh, points, faces, vertex, corner[vertex][faces])
