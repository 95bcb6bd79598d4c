# SPDX-License-Identifier: GPL-3.0-or-later
"""A zoo of bad meshes, made by code: each has one thing wrong that generated meshes are known for.

`vertices` (V, 3) float32 metres, Z up; `faces` (F, 3) int32; counter-clockwise seen from outside where that is not
what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mesh = tuple[NDArray[np.float32], NDArray[np.int32]]


def blob(rows: int = 24, columns: int = 32, size: float = 1.0) -> Mesh:
    """A closed, uneven body, no two sides of which are alike."""
    polar, around = np.pi * np.arange(1, rows) / rows, 2 * np.pi * np.arange(columns) / columns
    flat = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones(columns)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    way = np.concatenate([flat, [[0, 0, 1], [0, 0, -1]]])
    points = way * (1 + 0.2 * np.sin(3 * way[:, :1] + 1) * np.cos(2 * way[:, 1:2])) * [0.5, 0.4, 0.6]
    row, column = (each.ravel() for each in np.mgrid[0 : rows - 2, 0:columns])
    a, b = row * columns + column, (row + 1) * columns + column
    d, e = (row + 1) * columns + (column + 1) % columns, row * columns + (column + 1) % columns
    c = np.arange(columns)
    n, last = (c + 1) % columns, (rows - 2) * columns
    north, south = np.full(columns, len(flat)), np.full(columns, len(flat) + 1)
    faces = np.concatenate(
        [
            np.stack([a, b, d], 1),
            np.stack([a, d, e], 1),
            np.stack([north, c, n], 1),
            np.stack([south, last + n, last + c], 1),
        ]
    )
    points[:, 2] -= points[:, 2].min()
    return (size * points).astype(np.float32), faces.astype(np.int32)


def _mesh(points: Any, faces: Any) -> Mesh:
    return np.asarray(points, np.float32), np.asarray(faces, np.int32)


def joined(*meshes: Mesh) -> Mesh:
    """Several in one file."""
    shift = np.cumsum([0, *(len(vertices) for vertices, _ in meshes)])
    return (
        np.concatenate([vertices for vertices, _ in meshes]),
        np.concatenate([faces + at for (_, faces), at in zip(meshes, shift, strict=False)]).astype(np.int32),
    )


def cube(low: tuple[float, float, float] = (0, 0, 0), side: float = 1.0) -> Mesh:
    points = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], np.float32) * side
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    faces = [[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)]
    return points + np.array(low, np.float32), np.array(faces, np.int32)


def inner_shell() -> Mesh:
    """A thin wall all around: the same body within itself, facing inwards, and a ball of dirt in the hollow."""
    vertices, faces = blob()
    centre = vertices.mean(axis=0)
    dirt, dirt_faces = blob(8, 10, 0.2)
    return joined(
        (vertices, faces),
        ((vertices - centre) * np.float32(0.96) + centre, faces[:, ::-1]),
        (dirt + centre - dirt.mean(axis=0), dirt_faces),
    )


def flipped() -> Mesh:
    """Every fifth face looks inwards, and so do all of a second part."""
    vertices, faces = blob()
    faces = faces.copy()
    faces[::5] = faces[::5, ::-1]
    other, other_faces = blob(16, 20, 0.7)
    return joined((vertices, faces), (other + np.array([2, 0, 0], np.float32), other_faces[:, ::-1]))


def nonmanifold_edge() -> Mesh:
    """Two cubes that share one edge, and a wall between two others that are one block."""
    return joined(cube((0, 0, 0)), cube((1, 1, 0)), cube((4, 0, 0)), cube((5, 0, 0)))


def fin() -> Mesh:
    """A cube with a face that sticks out from one of its edges."""
    return joined(cube(), _mesh([[0, 0, 1], [1, 0, 1], [0.5, -0.5, 1.5]], [[0, 1, 2]]))


def nonmanifold_vertex() -> Mesh:
    """Two cubes that touch in a corner."""
    return joined(cube((0, 0, 0)), cube((1, 1, 1)))


def holes() -> Mesh:
    """Three holes of different sizes in a body."""
    vertices, faces = blob()
    centre = vertices[faces].mean(axis=1)
    keep = np.ones(len(faces), bool)
    for face, radius in ((100, 0.03), (500, 0.06), (1000, 0.08)):
        keep &= np.linalg.norm(centre - centre[face], axis=1) > radius
    return vertices, faces[keep]


def bowl() -> Mesh:
    """The lower part of a body, widely open: that is meant to be so, unless it must be watertight."""
    vertices, faces = blob()
    return vertices, faces[vertices[faces].mean(axis=1)[:, 2] < 0.6]


def slivers() -> Mesh:
    """Needles and caps: points put very near others of their faces, and very near the middle of edges."""
    vertices, faces = blob()
    points, out = vertices.tolist(), faces.tolist()
    for face in np.random.default_rng(3).permutation(len(faces))[:120].tolist():
        a, b, c = out[face]
        share = (0.9985, 0.001, 0.0005) if face % 2 else (0.4997, 0.4997, 0.0006)
        points.append((np.array(share) @ vertices[[a, b, c]]).tolist())
        new = len(points) - 1
        out[face] = [a, b, new]
        out += [[b, c, new], [c, a, new]]
    return _mesh(points, out)


def moebius(count: int = 60) -> Mesh:
    """A strip with one side only."""
    turn = 2 * np.pi * np.arange(count) / count
    points = []
    for side in (-0.2, 0.2):
        r = 1 + side * np.cos(turn / 2)
        points.append(np.stack([r * np.cos(turn), r * np.sin(turn), side * np.sin(turn / 2) + 0.2], axis=1))
    i = np.arange(count)
    j, cross = (i + 1) % count, i == count - 1
    low, high = np.where(cross, j + count, j), np.where(cross, j, j + count)
    faces = np.concatenate([np.stack([i, low, i + count], 1), np.stack([low, high, i + count], 1)])
    return np.concatenate(points).astype(np.float32), faces.astype(np.int32)


def crossing() -> Mesh:
    """Two bodies that reach into each other."""
    vertices, faces = blob()
    return joined((vertices, faces), (vertices * np.float32(0.8) + np.array([0.3, 0.1, 0.2], np.float32), faces))


def soup() -> Mesh:
    """No two faces share a vertex, and every tenth is there twice."""
    vertices, faces = blob()
    faces = np.concatenate([faces, faces[::10]])
    return vertices[faces].reshape(-1, 3), np.arange(faces.size, dtype=np.int32).reshape(-1, 3)


def islands(count: int = 3000) -> Mesh:
    """A body among thousands of specks."""
    rng = np.random.default_rng(5)
    points, faces = cube(side=0.01)
    place = rng.uniform(-2, 2, (count, 1, 3)).astype(np.float32)
    many = (points[None] + place).reshape(-1, 3), (faces[None] + 8 * np.arange(count)[:, None, None]).reshape(-1, 3)
    return joined(blob(), (many[0].astype(np.float32), many[1].astype(np.int32)))


def crowd(count: int = 400) -> Mesh:
    """Hundreds of parts of about the same size, none of which is a floater."""
    rng = np.random.default_rng(6)
    points, faces = blob(8, 10, 0.1)
    step = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 1, 3)[:count] * 0.2
    sizes = rng.uniform(0.7, 1, (count, 1, 1))
    every = (points[None] * sizes + step).reshape(-1, 3).astype(np.float32)
    return every, (faces[None] + len(points) * np.arange(count)[:, None, None]).reshape(-1, 3).astype(np.int32)


def many_faces(count: int = 20000) -> Mesh:
    """A body of about so many faces, with a few of them missing."""
    columns = round((count / 1.5) ** 0.5)
    vertices, faces = blob(max(4, round(0.75 * columns)), columns)
    return vertices, np.delete(faces, np.arange(0, len(faces), len(faces) // 7), axis=0)


def tiny() -> Mesh:
    return blob(size=1e-5)


def huge() -> Mesh:
    return blob(size=1e6)


def empty() -> Mesh:
    return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)


def not_a_number() -> Mesh:
    vertices, faces = blob()
    vertices[7, 1] = np.nan
    return vertices, faces


def zero_area() -> Mesh:
    """Points on one line."""
    line = np.stack([np.linspace(0, 1, 9), np.zeros(9), np.zeros(9)], axis=1).astype(np.float32)
    i = np.arange(7)
    return line, np.stack([i, i + 1, i + 2], axis=1).astype(np.int32)


def micro() -> Mesh:
    """As small as Blender can tell from nothing: a millionth of a metre."""
    return blob(size=1e-6)


def thousands(count: int = 3000) -> Mesh:
    """Thousands of equal cubes, none of which is a floater."""
    points, faces = cube(side=0.05)
    step = np.stack(np.meshgrid(*[np.arange(15)] * 3), axis=-1).reshape(-1, 1, 3)[:count] * 0.1
    shift = np.random.default_rng(5).uniform(0, 0.03, (count, 1, 3))
    every = (points[None] + step + shift).reshape(-1, 3).astype(np.float32)
    return every, (faces[None] + 8 * np.arange(count)[:, None, None]).reshape(-1, 3).astype(np.int32)


def million() -> Mesh:
    """One and a half million faces, seven of them missing."""
    return many_faces(1_500_000)


def dust() -> Mesh:
    """Far below what Blender can tell from nothing."""
    return blob(size=1e-7)


SOUND: dict[str, Callable[[], Mesh]] = {
    each.__name__: each
    for each in (
        inner_shell, flipped, nonmanifold_edge, nonmanifold_vertex, holes, slivers, soup, islands, crowd, many_faces,
        tiny, huge,
    )
}  # fmt: skip
"""Those that are to come out closed and sound."""

REFUSED: dict[str, Callable[[], Mesh]] = {each.__name__: each for each in (empty, not_a_number, zero_area, dust)}
"""Those of which nothing can be made, and that is to be said."""
