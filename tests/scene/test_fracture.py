# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces of a broken thing: closed, and together the whole."""

from __future__ import annotations

import itertools

import bmesh
import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import fracture

from .falls import mesh


def _cup() -> bpy.types.Mesh:
    """A wall with an inside, as a lathe makes it."""
    profile = [(0, 0), (0.1, 0), (0.16, 0.15), (0.08, 0.3), (0.06, 0.3), (0.14, 0.15), (0.09, 0.02), (0, 0.02)]
    made, turn = bmesh.new(), 2 * np.pi * np.arange(24) / 24
    rings = [[made.verts.new((r * np.cos(a), r * np.sin(a), z)) for a in turn] for r, z in profile]
    for low, high in itertools.pairwise(rings):
        for k in range(24):
            n = (k + 1) % 24
            made.faces.new((low[k], low[n], high[n], high[k]))
    bmesh.ops.remove_doubles(made, verts=made.verts, dist=1e-6)
    bmesh.ops.dissolve_degenerate(made, edges=made.edges, dist=1e-6)
    bmesh.ops.recalc_face_normals(made, faces=made.faces)
    out = bpy.data.meshes.new("cup")
    made.to_mesh(out)
    made.free()
    return out


def _look(data: bpy.types.Mesh) -> tuple[bool, float]:
    made = bmesh.new()
    made.from_mesh(data)
    out = all(edge.is_manifold for edge in made.edges), made.calc_volume(signed=True)
    made.free()
    return out


@pytest.mark.parametrize("kind", ["box", "ball", "cup"])
def test_pieces_are_closed_and_together_the_whole(kind: str) -> None:
    whole = _cup() if kind == "cup" else mesh(kind, (0.4, 0.3, 0.5))
    whole.materials.append(bpy.data.materials.new("clay"))
    parts = fracture.cells(whole, 15, 3)
    looks = [_look(part) for part in parts]
    assert len(parts) >= 15 and all(closed and volume > 0 for closed, volume in looks)
    assert sum(volume for _, volume in looks) == pytest.approx(_look(whole)[1], rel=1e-4)
    for part in parts:
        assert [each.name for each in part.materials] == ["clay", "clay inside"]
        cut = sum(face.area for face in part.polygons if face.material_index == 1)
        assert cut > 0


def test_another_seed_breaks_otherwise_and_the_same_one_the_same() -> None:
    def sizes(seed: int) -> list[float]:
        return sorted(_look(part)[1] for part in fracture.cells(mesh("box", (1, 1, 1)), 8, seed))

    assert sizes(1) == sizes(1) != sizes(2)
