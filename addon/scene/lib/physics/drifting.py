# SPDX-License-Identifier: GPL-3.0-or-later
"""Many small bodies of one mesh that drift in the air: flakes, drops, sparks, puffs. The same seed, the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bmesh
import bpy
import numpy as np
from numpy.typing import NDArray

from .caches import fill

Array = NDArray[Any]


@dataclass(frozen=True)
class Grain:
    """The form of one: `points` (V, 3) of about radius 1, triangles (T, 3)."""

    points: Array
    faces: Array


def _form(points: list[tuple[float, ...]], faces: list[tuple[int, ...]]) -> Grain:
    return Grain(np.array(points, float), np.array(faces, int))


FLAKE = _form(
    [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)],
    [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)],
)
LEAF = _form([(0, -1, 0), (0.5, 0, 0.15), (0, 1, 0), (-0.5, 0, 0.15)], [(0, 1, 2), (0, 2, 3)])


def puff(cuts: int = 2) -> Grain:
    """A ball."""
    work = bmesh.new()
    bmesh.ops.create_icosphere(work, subdivisions=cuts, radius=1.0)
    points = [tuple(vertex.co) for vertex in work.verts]
    faces = [tuple(vertex.index for vertex in face.verts) for face in work.faces]
    work.free()
    return _form(points, faces)


def mesh(name: str, grain: Grain, count: int) -> bpy.types.Mesh:
    """So many of them, all at the origin."""
    starts = len(grain.points) * np.arange(count)[:, None, None]
    faces = (grain.faces[None] + starts).reshape(-1, 3)
    return fill(bpy.data.meshes.new(name), np.tile(grain.points, (count, 1)), faces)


def shape(grain: Grain, places: Array, sizes: Array, turns: Array | None = None) -> Array:
    """Vertices (N V, 3) of grains at `places` (N, 3), `sizes` (N, 3) their half axes, `turns` (N, 3, 3)."""
    points = grain.points[None] * sizes[:, None]
    if turns is not None:
        points = np.einsum("nvi,nji->nvj", points, turns)
    out: Array = (points + places[:, None]).reshape(-1, 3)
    return out


def turned(angles: Array) -> Array:
    """Rotations (N, 3, 3) about X by the first, then about Z by the second of `angles` (N, 2)."""
    (cx, cz), (sx, sz) = np.cos(angles).T, np.sin(angles).T
    zero, one = np.zeros(len(angles)), np.ones(len(angles))
    about_x = np.stack([one, zero, zero, zero, cx, -sx, zero, sx, cx], axis=1).reshape(-1, 3, 3)
    about_z = np.stack([cz, -sz, zero, sz, cz, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)
    out: Array = about_z @ about_x
    return out
