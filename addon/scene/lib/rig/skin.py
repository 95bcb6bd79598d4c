# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of a body: its points welded, its weights read and written, tied to an armature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

from ..mesh import meshes
from ..motion import animation

Array = NDArray[Any]
_SAME = 1e-6
"""Of the diagonal: points nearer than this are one, however many the file has for the sake of its texture."""


@dataclass(frozen=True)
class Skin:
    """`points` (W, 3), metres of the world; `faces` (F, 3); `edges` (E, 2); `place` (V,): the point of each vertex."""

    points: Array
    faces: Array
    edges: Array
    place: Array

    @classmethod
    def of(cls, body: bpy.types.Object) -> Skin:
        rest = animation.rest_points(body)
        triangles, _ = meshes.drawn(body.data)
        edges = np.empty(2 * len(body.data.edges), np.int32)
        body.data.edges.foreach_get("vertices", edges)
        keep, place = _welded(rest)
        faces = place[triangles]
        faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
        links = np.sort(place[edges.reshape(-1, 2)], axis=1)
        links = np.unique(links[links[:, 0] != links[:, 1]], axis=0)
        return cls(rest[keep], faces, links, place)

    @property
    def size(self) -> float:
        """Diagonal of the box around it, metres."""
        return float(np.linalg.norm(np.ptp(self.points, axis=0)))


def _welded(points: Array) -> tuple[Array, Array]:
    """Which points to keep (W,), and for each the number of the kept one that is there (V,)."""
    step = max(float(np.linalg.norm(np.ptp(points, axis=0))) * _SAME, 1e-30)
    cell = np.round((points - points.min(axis=0)) / step).astype(np.int64)
    key = (cell[:, 0] << 42) ^ (cell[:, 1] << 21) ^ cell[:, 2]  # 21 bits are enough for 1 / _SAME steps
    _, keep, place = np.unique(key, return_index=True, return_inverse=True)
    return keep, place.reshape(-1)


def read(body: bpy.types.Object, names: Sequence[str]) -> tuple[Array, Array]:
    """(V, B) weights as they stand in the vertex groups of these names, and how many bones each vertex has (V,)."""
    column = {body.vertex_groups[name].index: b for b, name in enumerate(names) if name in body.vertex_groups}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for number, vertex in enumerate(body.data.vertices if column else ()):
        for each in vertex.groups:
            b = column.get(each.group)
            if b is not None:
                rows.append(number)
                columns.append(b)
                values.append(each.weight)
    out = np.zeros((len(body.data.vertices), len(names)))
    out[rows, columns] = values
    return out, np.bincount(rows, minlength=len(out)) if rows else np.zeros(len(out), int)


def write(body: bpy.types.Object, names: Sequence[str], table: Array) -> None:
    """Make the vertex groups of these names hold the table (V, B), and nothing else; other groups stay."""
    for name in names:
        if name not in body.vertex_groups:
            body.vertex_groups.new(name=name)
    number = [body.vertex_groups[name].index for name in names]
    row, column = np.nonzero(table)
    start = np.searchsorted(row, np.arange(len(table) + 1)).tolist()
    group, value = np.array(number)[column].tolist(), table[row, column].tolist()
    ours = set(number)
    bm = bmesh.new()
    bm.from_mesh(body.data)
    layer = bm.verts.layers.deform.verify()
    for vertex, first, last in zip(bm.verts, start, start[1:], strict=False):
        held = vertex[layer]
        for old in [each for each in held.keys() if each in ours]:  # noqa: SIM118 - no mapping
            del held[old]
        for k in range(first, last):
            held[group[k]] = value[k]
    bm.to_mesh(body.data)
    bm.free()


def attach(body: bpy.types.Object, armature: bpy.types.Object) -> None:
    """Parent and one Armature modifier, first of all modifiers; nothing moves in the world.

    What moved the body so far, such as the step `drop`, moves the armature then.
    """
    bpy.context.view_layer.update()
    outer, where, rig = body.parent, body.matrix_world.copy(), armature.matrix_world.copy()
    if outer != armature:
        if outer and armature.parent is None:
            armature.parent = outer
            armature.matrix_parent_inverse = outer.matrix_world.inverted()
            armature.matrix_world = rig
        body.parent, body.parent_type = armature, "OBJECT"
        body.matrix_parent_inverse = rig.inverted()
        body.matrix_world = where
    found = [modifier for modifier in body.modifiers if modifier.type == "ARMATURE"]
    modifier = found[0] if found else body.modifiers.new("Armature", "ARMATURE")
    modifier.object, modifier.use_vertex_groups, modifier.use_bone_envelopes = armature, True, False
    modifier.show_viewport = modifier.show_render = True
    for extra in found[1:]:
        body.modifiers.remove(extra)
    if not found:
        body.modifiers.move(len(body.modifiers) - 1, 0)  # a finer surface is made of the posed one
    bpy.context.view_layer.update()
