# SPDX-License-Identifier: GPL-3.0-or-later
"""A body as a few thousand cells and the ways between them: what skeletons are found on. numpy only.

Cells close small holes, join parts that touch and cost the same for any mesh. Two surfaces that face each other over
a gap, such as an arm along the hips, are not joined although their cells touch.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NODES = 13000
"""Cells that a body is given, about."""
_FINEST, _COARSEST = 160, 22
"""Cells along the longest side."""
_SAMPLES = 3_000_000
_WAYS = np.array([way for way in itertools.product((-1, 0, 1), repeat=3) if any(way)])
_LENGTHS = np.linalg.norm(_WAYS, axis=1)


@dataclass(frozen=True)
class Proxy:
    """`points` (N, 3): middles of the filled cells, metres; `cell`: their side; `near` (N, 26): indices of the
    neighbours, N where there is none; `normals` (N, 3): outwards, length 0 to 1, 0 within the body."""

    points: Array
    cell: float
    near: Array
    normals: Array

    @cached_property
    def lengths(self) -> Array:
        """(N, 26) metres from each cell to its neighbours; bridges over gaps are as long as the gap."""
        ends = np.concatenate([self.points, np.full((1, 3), np.nan)])[self.near]
        out: Array = np.nan_to_num(np.linalg.norm(ends - self.points[:, None], axis=2), nan=np.inf)
        return out

    @cached_property
    def depth(self) -> Array:
        """(N,) metres from each cell to the outside."""
        plain = np.flatnonzero(_LENGTHS < 1.1)
        rim = np.flatnonzero((self.near[:, plain] == len(self.points)).any(axis=1))
        out: Array = self.distances(rim) + 0.5 * self.cell
        return out

    def distances(self, sources: Array, allowed: Array | None = None) -> Array:
        """(N,) metres through the body from the nearest source; inf where no way leads, or where not allowed (N,)."""
        count = len(self.points)
        far = np.full(count + 1, np.inf)
        far[sources] = 0.0
        active = np.asarray(sources)
        while len(active):
            touched = np.zeros(count + 1, bool)
            touched[self.near[active]] = True
            touched[count] = False
            if allowed is not None:
                touched[:count] &= allowed
            targets = np.flatnonzero(touched)
            better = (far[self.near[targets]] + self.lengths[targets]).min(axis=1)
            won = better < far[targets] - 1e-9
            active = targets[won]
            far[active] = better[won]
        return far[:count]

    def nearest(self, point: Array) -> int:
        """The cell next to a place (3,)."""
        return int(((self.points - point) ** 2).sum(axis=1).argmin())


def make(vertices: Array, triangles: Array, nodes: int = NODES) -> Proxy:
    """About `nodes` cells of a body of any soundness. All of it is connected; specks far off are left out."""
    low, size = vertices.min(axis=0), float(np.ptp(vertices, axis=0).max())
    cells = 80
    for _ in range(3):
        grid, normals = _filled(vertices - low, triangles, size / cells)
        count = int(grid.sum())
        power = 3.0 if count > 2 * (np.abs(normals).sum(axis=-1) > 0).sum() else 2.4
        wanted = int(np.clip(round(cells * (nodes / max(count, 1)) ** (1 / power)), _COARSEST, _FINEST))
        if 0.6 * nodes < count < 1.4 * nodes or wanted == cells:
            break
        cells = wanted
    cell = size / cells
    index = np.argwhere(grid)
    points = (index - 0.5) * cell + low
    near = _neighbours(grid, index)
    outward = normals[tuple(index.T)]
    near[_facing(near, outward)] = len(points)
    return _joined(points, cell, near, outward)


def samples(vertices: Array, triangles: Array, step: float) -> tuple[Array, Array]:
    """Points (S, 3) not farther than `step` from each other all over the surface, and the triangle of each (S,)."""
    corners = vertices[triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    count = np.clip(np.ceil(longest / step), 1, 256).astype(int)
    if (total := float(((count + 1.0) * (count + 2)).sum() / 2)) > _SAMPLES:
        count = np.maximum(1, (count * (_SAMPLES / total) ** 0.5).astype(int))
    places, owners = [], []
    for n in np.unique(count):
        some = np.flatnonzero(count == n)
        i, j = (
            np.array([(i, j) for i in range(n + 1) for j in range(n + 1 - i)]).T / n
            if n > 1
            else np.full((2, 1), 1 / 3)
        )
        share = np.stack([1 - i - j, i, j], axis=1)
        places.append((share @ corners[some]).reshape(-1, 3))
        owners.append(np.repeat(some, len(share)))
    return np.concatenate(places), np.concatenate(owners)


def _filled(vertices: Array, triangles: Array, cell: float) -> tuple[Array, Array]:
    """Cells with an empty rim of one, True in the body; and the mean normal of the surface in each (…, 3)."""
    points, owner = samples(vertices, triangles, 0.7 * cell)
    index = np.floor(points / cell).astype(int) + 1
    shape = tuple(np.ceil(np.ptp(vertices, axis=0) / cell).astype(int) + 3)
    flat = np.ravel_multi_index(tuple(index.T), shape)
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
    cells = int(np.prod(shape))
    hits = np.bincount(flat, minlength=cells)
    mean = np.stack([np.bincount(flat, normal[owner, k], cells) for k in range(3)], axis=1)
    mean = mean / np.maximum(hits, 1)[:, None]
    shell = (hits > 0).reshape(shape)
    inside = np.ones(shape, bool)
    for axis in range(3):
        inside &= np.logical_or.accumulate(shell, axis)
        inside &= np.flip(np.logical_or.accumulate(np.flip(shell, axis), axis), axis)
    return inside, mean.reshape(*shape, 3)


def _neighbours(grid: Array, index: Array) -> Array:
    number = np.full(grid.shape, len(index), np.int32)
    number[tuple(index.T)] = np.arange(len(index), dtype=np.int32)
    return np.stack([number[tuple((index + way).T)] for way in _WAYS], axis=1)


def _facing(near: Array, normals: Array) -> Array:
    """(N, 26) True where a cell and its neighbour are two walls of a gap."""
    others = np.concatenate([normals, np.zeros((1, 3))])[near]
    ways = _WAYS / _LENGTHS[:, None]
    out: Array = (normals @ ways.T > 0.35) & ((others * ways[None]).sum(axis=2) < -0.35)
    return out


def _joined(points: Array, cell: float, near: Array, normals: Array) -> Proxy:
    """The parts of the body, connected by the shortest bridges; what is less than 1/200 of it is left out."""
    label = _labels(near)
    names, sizes = np.unique(label, return_counts=True)
    names = names[np.argsort(-sizes)]
    names = names[: max(1, min(24, int((np.sort(sizes) > len(points) / 200).sum())))]
    bridges = []
    done = np.flatnonzero(label == names[0])
    rest = list(names[1:])
    while rest:
        best = min(((*_gap(points, done, np.flatnonzero(label == name)), name) for name in rest), key=lambda g: g[0])
        bridges.append(best[1:3])
        done = np.concatenate([done, np.flatnonzero(label == best[3])])
        rest.remove(best[3])
    keep = np.sort(done)
    new = np.full(len(points) + 1, len(keep), np.int32)
    new[keep] = np.arange(len(keep), dtype=np.int32)
    table = new[near[keep]]
    for a, b in bridges:
        for here, there in ((new[a], new[b]), (new[b], new[a])):
            free = np.flatnonzero(table[here] == len(keep))
            table[here, free[0] if len(free) else 0] = there
    return Proxy(points[keep], cell, table, normals[keep])


def _gap(points: Array, some: Array, others: Array) -> tuple[float, int, int]:
    """The smallest distance between two parts, and where it is; found on a thousand cells of each first."""
    a, b = some[:: max(1, len(some) // 1000)], others[:: max(1, len(others) // 300)]
    away = ((points[a][:, None] - points[b][None]) ** 2).sum(axis=2)
    j = int(away.min(axis=0).argmin())
    here = some[((points[some] - points[b[j]]) ** 2).sum(axis=1).argmin()]
    there = others[((points[others] - points[here]) ** 2).sum(axis=1).argmin()]
    return float(np.linalg.norm(points[here] - points[there])), int(here), int(there)


def _labels(near: Array) -> Array:
    """(N,) the lowest index of the connected part of each cell."""
    count = len(near)
    label = np.arange(count + 1)
    while True:
        lower = np.minimum(label[near].min(axis=1), label[:count])
        lower = lower[lower]  # jumps
        if (lower == label[:count]).all():
            out: Array = lower
            return out
        label[:count] = lower
