# SPDX-License-Identifier: GPL-3.0-or-later
"""A closed surface anew, by Blender's voxel remesh: the last resort, for it rounds edges and forgets fine detail."""

from __future__ import annotations

import bpy
import numpy as np

from .....backend.geometry.mending import Surface, areas
from .....backend.geometry.topology import Beat
from .....backend.protocol.errors import UserError
from . import meshes
from .nearest import origins
from .selection import linked

_FINEST, _COARSEST = 1 / 400, 1 / 40
"""Of the diagonal: sides of a voxel."""


def rebuilt(surface: Surface, faces: int, thicken: bool, beat: Beat) -> Surface:
    """About `faces` faces; each vertex takes its attributes from the nearest of the old.

    `thicken` gives what encloses nothing, such as a sheet, a thickness of some voxels.
    """
    side = float(np.clip(np.sqrt(2 * areas(surface).sum() / faces), _FINEST, _COARSEST))
    beat()
    points, triangles = _remeshed(surface, side, thicken)
    beat()
    if not len(triangles) or (np.ptp(points, axis=0) < 0.8 * np.ptp(surface.points, axis=0) - 2 * side).any():
        raise UserError("The mesh encloses nothing, so that it cannot be made solid. Run without watertight or remesh.")
    old = origins(surface.points, points, beat)
    corner = np.zeros(len(surface.points), np.int64)
    corner[surface.faces] = surface.corner
    return Surface(points, triangles, surface.vertex[old], corner[old][triangles])


def _remeshed(surface: Surface, side: float, thicken: bool) -> tuple[meshes.Array, meshes.Array]:
    mesh = meshes.new_mesh("voxels", surface.points.astype(np.float32), surface.faces.astype(np.int32))
    with linked(mesh) as obj:
        if thicken:
            wall = obj.modifiers.new("Wall", "SOLIDIFY")
            wall.solidify_mode, wall.thickness, wall.offset = "NON_MANIFOLD", 3 * side, 0.0
        modifier = obj.modifiers.new("Voxels", "REMESH")
        modifier.mode, modifier.voxel_size, modifier.adaptivity = "VOXEL", side, 0.0
        made = meshes.finished(obj)
    triangles, _ = meshes.drawn(made)
    points = meshes.vertices_of(made).astype(np.float64)
    bpy.data.meshes.remove(made)
    return points, triangles.astype(np.int64)
