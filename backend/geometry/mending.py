# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending a triangle mesh by arrays alone. Each vertex and corner remembers where it came from, for its attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from . import topology
from .condition import face_keys, whole
from .topology import Array, Beat, no_beat

NEAR = 1e-5
"""Of the mesh's diagonal: closer vertices are one, and those that must not be are moved twice as far apart."""
Tessellate = Callable[[Array], Array]
"""From the points (n, 3) of a polygon to the triangles (t, 3) that fill it, as numbers of its points."""


@dataclass(frozen=True)
class Surface:
    """`points` (V, 3) float64 in a box with a diagonal of 1, `faces` (F, 3) int64; `vertex` (V,) and `corner` (F, 3)
    are the numbers of the vertex and the corner of the mesh as it was whose attributes count here.
    """

    points: Array
    faces: Array
    vertex: Array
    corner: Array

    @classmethod
    def of(cls, points: Array, faces: Array) -> Surface:
        corner = np.arange(faces.size).reshape(-1, 3)
        return cls(points.astype(np.float64), faces.astype(np.int64), np.arange(len(points)), corner)

    def only(self, keep: Array) -> Surface:
        """These faces, and the vertices that they have."""
        return replace(self, faces=self.faces[keep], corner=self.corner[keep]).packed()

    def packed(self) -> Surface:
        """Without vertices that no face has."""
        used = np.zeros(len(self.points), bool)
        used[self.faces] = True
        if used.all():
            return self
        number = np.cumsum(used) - 1
        return replace(self, points=self.points[used], faces=number[self.faces], vertex=self.vertex[used])

    def turned(self, which: Array) -> Surface:
        """With these faces wound the other way around."""
        if not which.any():
            return self
        faces, corner = self.faces.copy(), self.corner.copy()
        faces[which], corner[which] = faces[which][:, ::-1], corner[which][:, ::-1]
        return replace(self, faces=faces, corner=corner)


def weld(surface: Surface, distance: float = 0.0) -> Surface:
    """Vertices in the same place, or closer than about `distance`, become one; faces that shrink to nothing go."""
    if distance:
        names = np.arange(len(surface.points))
        for offset in (0.0, 0.5):  # the borders of the cells of one grid lie in those of the other
            cells = np.floor(surface.points / distance + offset).astype(np.int64)
            names = _joined(names, cells)
    else:
        names = _joined(np.arange(len(surface.points)), surface.points)
    faces = names[surface.faces]
    return replace(surface, faces=faces).only(whole(faces))


def _joined(names: Array, rows: Array) -> Array:
    order = np.lexsort(rows.T)
    fresh = np.concatenate([[True], (rows[order][1:] != rows[order][:-1]).any(axis=1)])
    group = np.empty(len(rows), np.int64)
    group[order] = np.cumsum(fresh) - 1
    first = np.full(int(group.max()) + 1, len(rows))
    np.minimum.at(first, group, np.arange(len(rows)))
    return topology.components(len(rows), np.arange(len(rows)), first[group])[names]


def without_twins(surface: Surface) -> Surface:
    """Of faces with the same corners one stays; none of two that part a solid, whose edges have two others each."""
    _, group, count = np.unique(face_keys(surface.faces), return_inverse=True, return_counts=True)
    if (count == 1).all():
        return surface
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    keep = np.zeros(len(group), bool)
    keep[order[np.concatenate([[0], np.cumsum(count)[:-1]])]] = True
    return surface.only(keep & ~_walls(surface, count[group]))


def _walls(surface: Surface, alike: Array) -> Array:
    """(F,) which faces are of walls that part a solid; `alike` (F,) says how many faces have the same corners.

    At its border such a wall meets two other faces, elsewhere it is double and goes on; a leaf just ends.
    """
    edge, uses = topology.edges(surface.faces, len(surface.points))
    edge = edge.reshape(-1, 3)
    twin = np.flatnonzero(alike > 1)
    among = np.bincount(edge[twin].reshape(-1), minlength=len(uses))
    fits = (uses - among >= 2) | (among >= 4)
    good = fits[edge[twin]].all(axis=1) & (alike[twin] % 2 == 0)
    here = np.repeat(np.arange(len(twin)), 3)
    _, sides = np.unique(edge[twin].reshape(-1), return_inverse=True)
    sides = sides.reshape(-1) + len(twin)
    wall = topology.components(int(sides.max()) + 1, here, sides)[: len(twin)]
    bad = np.bincount(wall, ~good, len(wall)) > 0
    out = np.zeros(len(alike), bool)
    out[twin[~bad[wall]]] = True
    return out


def split(surface: Surface, beat: Beat = no_beat) -> tuple[Surface, int, Array]:
    """Each fan gets a vertex of its own, a little away from the others in the same place.

    Returns the surface, how many vertices were added, and its pairs of half-edges.
    """
    paired, _ = topology.pairs(surface.points, surface.faces, beat)
    fan = topology.fans(surface.faces, paired, beat).reshape(-1, 3)
    count = int(fan.max()) + 1 if fan.size else 0
    old = np.empty(count, np.int64)
    old[fan] = surface.faces
    share = np.bincount(old, minlength=len(surface.points))
    several = share[old] > 1
    if not several.any():
        return surface, 0, paired
    points = surface.points[old]
    size = np.bincount(fan.reshape(-1), minlength=count)[:, None]
    middle = np.repeat(surface.points[surface.faces].mean(axis=1), 3, axis=0)
    inner = np.stack([np.bincount(fan.reshape(-1), middle[:, k], count) for k in range(3)], axis=1) / size - points
    reach = np.linalg.norm(inner, axis=1)[:, None]
    step = np.minimum(np.maximum(1e-3 * reach, 2 * NEAR), 0.25 * reach)
    points[several] += (inner / np.maximum(reach, 1e-300) * step)[several]
    return replace(surface, points=points, faces=fan, vertex=surface.vertex[old]), count - len(surface.points), paired


def parts(surface: Surface, beat: Beat = no_beat) -> Array:
    """(F,) the number of the part that each face belongs to: vertices that hang together."""
    a, b, c = surface.faces.T
    names = topology.components(len(surface.points), np.concatenate([a, b]), np.concatenate([b, c]), beat)
    return np.asarray(np.unique(names[a], return_inverse=True)[1].reshape(-1))


def areas(surface: Surface) -> Array:
    corner = surface.points[surface.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return np.asarray(np.linalg.norm(normal, axis=1) / 2)


def rims(surface: Surface, beat: Beat = no_beat) -> list[Array]:
    """The closed lines of edges with one face, as vertices in the direction of their faces; of a split surface."""
    edge, uses = topology.edges(surface.faces, len(surface.points))
    single = np.flatnonzero(uses[edge] == 1)
    flat = surface.faces.reshape(-1)
    following = dict(zip(flat[single].tolist(), flat[topology.after(single)].tolist(), strict=True))
    found: list[Array] = []
    while following:
        if len(found) % 256 == 0:
            beat()
        start, at = following.popitem()
        line = [start]
        while at != start and at in following:
            line.append(at)
            at = following.pop(at)
        if at == start and len(line) > 2:
            found.append(np.array(line))
    return found


def spanned(points: Array) -> float:
    """The area of a closed line (n, 3) as its shadow along the line's own axis has it."""
    middle = points - points.mean(axis=0)
    return float(np.linalg.norm(np.cross(middle, np.roll(middle, -1, axis=0)).sum(axis=0)) / 2)


def fill(surface: Surface, lines: list[Array], tessellate: Tessellate, beat: Beat = no_beat) -> Surface:
    """Close these rims: with triangles between their points, or around a middle where that is not sound."""
    count = len(surface.points)
    start, end = surface.faces.reshape(-1), surface.faces[:, [1, 2, 0]].reshape(-1)
    taken = np.unique(np.minimum(start, end) * count + np.maximum(start, end))
    first = np.zeros(count, np.int64)
    first[start] = surface.corner.reshape(-1)
    extra: list[Array] = []
    points, vertex, corner = [surface.points], [surface.vertex], [first]
    fresh = count
    for number, line in enumerate(lines):
        if number % 64 == 0:
            beat()
        cap = _between(surface.points, line, tessellate, taken, count)
        if cap is None:
            cap = np.stack([line, np.full(len(line), fresh), np.roll(line, -1)], axis=1)
            points.append(surface.points[line].mean(axis=0)[None])
            vertex.append(surface.vertex[line[:1]])
            corner.append(first[line[:1]])
            fresh += 1
        extra.append(cap)
    if not extra:
        return surface
    caps, origin = np.concatenate(extra), np.concatenate(corner)
    return Surface(
        np.concatenate(points), np.concatenate([surface.faces, caps]),
        np.concatenate(vertex), np.concatenate([surface.corner, origin[caps]]),
    )  # fmt: skip


def _between(points: Array, line: Array, tessellate: Tessellate, taken: Array, count: int) -> Array | None:
    """Triangles (n - 2, 3) between the points of a rim, wound to fit; None where one would need an edge twice."""
    size = len(line)
    found = tessellate(points[line]) if size > 3 else np.array([[0, 2, 1]])
    if found.shape != (size - 2, 3):
        return None
    a, b = found.reshape(-1), found[:, [1, 2, 0]].reshape(-1)
    against, along = int(((b + 1) % size == a).sum()), int(((a + 1) % size == b).sum())
    if max(against, along) != size or (size > 3 and min(against, along)):
        return None
    if along == size and size > 3:
        found = found[:, ::-1]
    rim = ((b + 1) % size == a) | ((a + 1) % size == b)
    low, high = np.minimum(line[a], line[b]), np.maximum(line[a], line[b])
    inner = (low * count + high)[~rim]
    place = np.minimum(np.searchsorted(taken, inner), len(taken) - 1)
    _, twice = np.unique(inner, return_counts=True)
    if (taken[place] == inner).any() or (twice != 2).any():
        return None
    return np.asarray(line[found])
