# SPDX-License-Identifier: GPL-3.0-or-later
"""A surface anew of quads that follow its form, by QuadriFlow (Huang et al. 2018), which Blender has."""

from __future__ import annotations

import bpy
import numpy as np

from .....backend.geometry.topology import Beat
from .....backend.protocol.errors import UserError
from . import levels, meshes, nearest, repair
from .meshes import Array
from .selection import alone, linked

_FINE = 8
"""Triangles for each quad that QuadriFlow is given: more take it long and show no more."""
_LEAST = 10000
"""Triangles: with fewer its counts jump."""
_TRIES = 6
_LEAP = 1.25
_NEAR = 0.92
"""Share of the wanted quads that is enough; QuadriFlow itself is off by a tenth to a third, now and then."""


def remeshed(mesh: bpy.types.Mesh, count: int, seed: int, beat: Beat) -> tuple[bpy.types.Mesh, bool]:
    """At most `count` quads in the form of a mended mesh of triangles, with its attributes; and whether it had to be
    made solid by voxels first. One call of QuadriFlow cannot be asked to stop, so that a cancel ends the process.
    """
    fine = levels.reduced(mesh, max(_FINE * count, _LEAST), beat)
    found = _tried(fine, count, seed, beat)
    solid = found is None
    if solid:
        whole, _ = repair.repaired(fine, repair.Want(remesh=True, watertight=True, cells=_FINE * count), beat)
        found = _tried(whole, count, seed, beat)
        bpy.data.meshes.remove(whole)
    if found is None:
        raise UserError(
            "No quads could be made of this mesh: QuadriFlow wants one closed surface. "
            "Set clean.topology to triangles, or clean.remesh to yes."
        )
    made = nearest.dressed(fine, *found, beat)
    bpy.data.meshes.remove(fine)
    return made, solid


def _tried(mesh: bpy.types.Mesh, count: int, seed: int, beat: Beat) -> tuple[Array, Array] | None:
    """Points (V, 3) and quads (F, 4), asked for again until so many come that are allowed; None where none do."""
    best, wanted, low, high = None, float(count), 0.0, float("inf")
    for _ in range(_TRIES):
        beat()
        found = _flow(mesh, round(wanted), seed)
        if found is None:
            break
        got = len(found[1])
        if got <= count and (best is None or got > len(best[1])):
            best = found
        if _NEAR * count <= got <= count:
            break
        low, high = (max(low, wanted), high) if got < count else (low, min(high, wanted))
        wanted *= min(0.5 * (1 + _NEAR) * count / got, _LEAP)
        if not low < wanted < high:  # it does not rise evenly with what is asked for
            wanted = (low + high) / 2
    return best


def _flow(mesh: bpy.types.Mesh, count: int, seed: int) -> tuple[Array, Array] | None:
    with linked(mesh.copy()) as obj, alone(obj):
        try:
            done = bpy.ops.object.quadriflow_remesh(
                mode="FACES", target_faces=max(count, 4), seed=seed, use_mesh_symmetry=False, smooth_normals=False,
                use_preserve_sharp=False, use_preserve_boundary=True,
            )  # fmt: skip
        except RuntimeError:  # how an operator says no
            return None
        made = obj.data
        if done != {"FINISHED"} or not len(made.polygons) or len(made.loops) != 4 * len(made.polygons):
            return None
        corners = np.empty(len(made.loops), np.int32)
        made.loops.foreach_get("vertex_index", corners)
        return meshes.vertices_of(made), corners.reshape(-1, 4)
