# SPDX-License-Identifier: GPL-3.0-or-later
"""Fewer and wider charts: neighbours become one where their union lies flat without more stretch than is allowed.

`chart` (F,) int numbers the chart of each triangle, `uv` (L, 2) has one place a corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from .....backend.geometry import topology
from .....backend.geometry.topology import Beat
from ..mesh import meshes
from ..mesh.meshes import Array, Floats
from ..mesh.selection import alone, editing, linked
from . import layout

_STRETCH = 1.2
"""L2 stretch that a union may have, laid by the quickest method; minimum stretch takes most of it away again."""
_ROUNDS = 24
_LEAST = 0.12
"""Of the shorter rim, what two charts must share: less makes a bridge, no chart."""
_RAGGED = 8.0
"""Rim of a union to the root of its area at most (a disc has 3.5), unless one of its parts is more ragged already."""
_BEND = 0.3
"""Radians by which a union may be bent about the vertices where it is joined, on average over its area: corners of
furniture are to stay on rims, and grains of noise do not count."""
_CELL = 192
"""Texels along the square in which a chart is looked at for places where it lies on itself."""


@dataclass
class Surface:
    """A mesh of triangles as arrays: `corners` (F, 3, 3), `area` (F,), `normal` (F, 3) as long as the area."""

    mesh: bpy.types.Mesh

    def __post_init__(self) -> None:
        points = meshes.vertices_of(self.mesh).astype(np.float64)
        points /= max(meshes.diagonal(points.astype(np.float32)), 1e-30)
        self.points, self.faces = points, meshes.triangles_of(self.mesh)
        self.corners = points[self.faces]
        self.normal = np.cross(self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0]) / 2
        self.area = np.linalg.norm(self.normal, axis=1)
        edge, uses = topology.edges(self.faces, len(points))
        order = np.argsort(edge, kind="stable")
        first = np.concatenate([[0], np.cumsum(uses)[:-1]])
        twos = first[uses == 2]
        self.pair = np.stack([order[twos], order[twos + 1]], axis=1)
        halves = np.arange(self.faces.size)
        ends = points[self.faces.reshape(-1)]
        self.length = np.linalg.norm(ends - ends[topology.after(halves)], axis=1)
        self.bend = self._bend(edge, uses)

    def _bend(self, edge: Array, uses: Array) -> Array:
        """How much each vertex (V,) resists to be laid flat: its angle's defect, times the area around; 0 at rims."""
        a, b = self.corners[:, [1, 2, 0]] - self.corners, self.corners[:, [2, 0, 1]] - self.corners
        angle = np.arctan2(np.linalg.norm(np.cross(a, b), axis=2), (a * b).sum(axis=2)).ravel()
        vertex, count = self.faces.reshape(-1), len(self.points)
        around = np.bincount(vertex, np.repeat(self.area, 3), count)
        bend: Array = np.abs(2 * np.pi - np.bincount(vertex, angle, count)) * around
        rim = np.flatnonzero(uses[edge] != 2)
        bend[vertex[rim]] = bend[vertex[topology.after(rim)]] = 0
        return bend

    def bends(self, chart: Array, pair: Array) -> Array:
        """The sum of that over the vertices which become inner ones where each pair (P, 2) of charts is joined."""
        vertex, name = self.faces.reshape(-1), np.repeat(chart, 3)
        low, high = np.full(len(self.points), chart.max() + 1), np.full(len(self.points), -1)
        np.minimum.at(low, vertex, name)
        np.maximum.at(high, vertex, name)
        more = np.zeros(len(low), bool)
        more[vertex[(name != low[vertex]) & (name != high[vertex])]] = True
        at = np.flatnonzero((low < high) & ~more)
        many = int(chart.max()) + 1
        key, known = low[at] * many + high[at], pair[:, 0] * many + pair[:, 1]
        place = np.searchsorted(known, key).clip(0, len(known) - 1)
        found = known[place] == key
        total: Array = np.bincount(place[found], self.bend[at[found]], len(known))
        return total


def merged(mesh: bpy.types.Mesh, uv: Floats, beat: Beat, *, most: float = 1.0) -> tuple[Array, Floats]:
    """The charts of a layout joined as far as that is good, none larger than the share `most` of the surface."""
    surface = Surface(mesh)
    chart, _ = layout.charts(surface.faces, uv.reshape(-1, 3, 2).astype(np.float64), beat)
    uv = uv.copy()
    refused: set[tuple[int, int]] = set()
    fresh = int(chart.max()) + 1
    for _ in range(_ROUNDS):
        beat()
        chosen = _matching(surface, chart, refused, most)
        if not len(chosen):
            break
        union = np.full(fresh, -1)
        union[chosen[:, 0]] = union[chosen[:, 1]] = np.arange(len(chosen))
        some = np.flatnonzero(union[chart] >= 0)
        part = union[chart[some]]
        flat = laid(surface.points, surface.faces[some], part, "CONFORMAL")
        good, _ = _judged(surface, some, part, flat, _STRETCH)
        refused |= {(int(a), int(b)) for a, b in chosen[~good]}
        yes = good[part]
        target = uv.reshape(-1, 3, 2)
        target[some[yes]] = flat.reshape(-1, 3, 2)[yes]
        chart = chart.copy()
        chart[some[yes]] = fresh + part[yes]
        fresh += len(chosen)
    _, chart = np.unique(chart, return_inverse=True)
    return chart.reshape(-1), uv


def relaid(mesh: bpy.types.Mesh, chart: Array, uv: Floats, method: str) -> Floats:
    """Each chart laid flat again by this method of Blender's unwrap, where that is better: sound, with less stretch."""
    surface = Surface(mesh)
    flat = laid(surface.points, surface.faces, chart, method)
    every = np.arange(len(chart))
    good, new = _judged(surface, every, chart, flat, np.inf)
    sound, old = _judged(surface, every, chart, uv, np.inf)
    better = (good & ((new < old) | ~sound))[chart]
    return np.where(np.repeat(better, 3)[:, None], flat, uv).astype(np.float32)


def paired(mesh: bpy.types.Mesh, uv: Floats) -> Floats:
    """The layout with each two triangles that follow one another, halves of a quad, in one chart: that of the first."""
    points, faces = meshes.vertices_of(mesh), meshes.triangles_of(mesh)
    chart, _ = layout.charts(faces, uv.reshape(-1, 3, 2).astype(np.float64))
    torn = np.flatnonzero(chart[1::2] != chart[::2])
    changed = np.unique(np.concatenate([chart[2 * torn], chart[2 * torn + 1]]))
    chart[1::2] = chart[::2]
    some = np.isin(chart, changed)
    out = uv.reshape(-1, 3, 2).copy()
    if some.any():
        flat = laid(points.astype(np.float64), faces[some], chart[some], "ANGLE_BASED")
        out[some] = flat.reshape(-1, 3, 2) + np.array([2, 0], np.float32)  # beside what stays
    return out.reshape(-1, 2)


def _matching(surface: Surface, chart: Array, refused: set[tuple[int, int]], most: float) -> Array:
    """Pairs of charts (P, 2) that are worth a try, the best first and no chart twice."""
    count = int(chart.max()) + 1
    area = np.bincount(chart, surface.area, count)
    normal = np.stack([np.bincount(chart, surface.normal[:, k], count) for k in range(3)], axis=1)
    inner = chart[surface.pair[:, 0] // 3] == chart[surface.pair[:, 1] // 3]
    rim = np.bincount(chart, surface.length.reshape(-1, 3).sum(axis=1), count)
    rim -= 2 * np.bincount(chart[surface.pair[inner, 0] // 3], surface.length[surface.pair[inner, 0]], count)
    between = surface.pair[~inner]
    ends = np.sort(chart[between // 3], axis=1)
    pair, at = np.unique(ends, axis=0, return_inverse=True)
    if not len(pair):
        return pair
    shared = np.bincount(at.reshape(-1), surface.length[between[:, 0]])
    a, b = pair.T
    share = shared / np.maximum(np.minimum(rim[a], rim[b]), 1e-30)
    bulk = area[a] + area[b]
    flat = np.linalg.norm(normal[a] + normal[b], axis=1) / np.maximum(bulk, 1e-30)
    ragged = (rim[a] + rim[b] - 2 * shared) / np.sqrt(np.maximum(bulk, 1e-30))
    before = np.maximum(rim[a] / np.sqrt(np.maximum(area[a], 1e-30)), rim[b] / np.sqrt(np.maximum(area[b], 1e-30)))
    able = (
        (bulk < most * area.sum() * (1 + 1e-9))
        & (share > _LEAST)
        & (flat > 0.25)
        & (ragged < np.maximum(_RAGGED, before))
    )
    able &= surface.bends(chart, pair) < _BEND * bulk
    able &= [(int(x), int(y)) not in refused for x, y in pair]
    score = np.where(able, share * flat, -1)
    taken, found = np.zeros(count, bool), []
    for i in np.argsort(-score, kind="stable").tolist():
        if score[i] <= 0:
            break
        if not taken[a[i]] and not taken[b[i]]:
            taken[a[i]] = taken[b[i]] = True
            found.append(i)
    return pair[found]


def _judged(surface: Surface, some: Array, part: Array, flat: Floats, limit: float) -> tuple[Array, Array]:
    """Which charts (P,) lie soundly: stretched less than the limit, no face turned over, nowhere on itself; and the
    stretch of each. `some` are the faces, `part` their charts, `flat` their layout."""
    corners = flat.reshape(-1, 3, 2).astype(np.float64)
    signed = layout.signed_area(corners)
    count = int(part.max()) + 1
    squared, area = layout.stretches(surface.corners[some], corners, signed)
    total, covered = np.bincount(part, area, count), np.bincount(part, np.abs(signed), count)
    stretch = np.sqrt(np.bincount(part, squared * area, count) * covered) / np.maximum(total, 1e-30)
    mirrored = np.bincount(part, signed, count) < 0
    turned = np.bincount(part, (signed * np.where(mirrored[part], -1, 1) <= 0) & (area > 1e-12), count) > 0
    good = (stretch < limit) & ~turned & (covered > 0)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, part, corners.min(axis=1))
    np.maximum.at(high, part, corners.max(axis=1))
    side = np.maximum((high - low).max(axis=1), 1e-30)
    inside = (corners - low[part][:, None]) / side[part][:, None, None]
    for begin in range(0, count, 64):
        mask = (part >= begin) & (part < begin + 64)
        cells = min(64, count - begin)
        twice = layout.coverage(inside[mask], _CELL, part[mask] - begin, cells) > 1
        good[begin : begin + cells] &= ~twice.reshape(cells, -1).any(axis=1)
    return good, stretch


def laid(points: Array, faces: Array, chart: Array, method: str) -> Floats:
    """A layout (L, 2) of triangles by Blender's unwrap, each chart for itself, wherever they then lie."""
    key = np.repeat(chart.astype(np.int64), 3) * len(points) + faces.reshape(-1)
    own, vertex = np.unique(key, return_inverse=True)
    mesh = meshes.new_mesh("galatea charts", points[own % len(points)].astype(np.float32), vertex.reshape(-1, 3))
    meshes.set_uv(mesh, "flat", np.zeros((faces.size, 2), np.float32))
    with linked(mesh) as obj:
        with alone(obj), editing(obj):
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.uv.select_all(action="SELECT")
            bpy.ops.uv.unwrap(method=method, fill_holes=True, margin_method="FRACTION", margin=0.0)
        return meshes.uv_of(mesh, "flat").copy()
