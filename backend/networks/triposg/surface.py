# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a field changes its sign, found in an octree: only cells that the surface passes, or may pass, are divided.

The first lattice is evaluated whole. A cell is divided where its corners have both signs, and where one of them is so
near to zero that by the field's own slope the surface may lie between the corners: so parts thinner than a cell are
found. A surface that leaves the divided cells is followed into their neighbours; so what is found is closed. Nothing
as large as the box in cells is ever held.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...geometry import marching

Field = Callable[[Tensor], Tensor]
"""Places (N, 3) float32 -> values (N,) float32, positive inside."""
BOUND = 1.005
"""Half the side of the box that TripoSG's field is asked in."""
FIRST = 5
"""Depth of the lattice that is evaluated whole: 2^5 cells a side."""
REACH = 0.87
"""A surface in a cell is at most half its diagonal from the nearest corner: sqrt(3) / 2 of its side."""
STEEP = 0.98
"""Of the differences along the cells' edges: the one that counts as the field's slope."""
FLAT = 0.9
"""Of the usual distance from zero: a field that ends at a most, like a truncated distance, says nothing beyond."""

_AROUND = torch.cartesian_prod(*[torch.arange(3)] * 3)
_CHILD = torch.cartesian_prod(*[torch.arange(2)] * 3)
_CORNERS = torch.tensor(marching.CORNERS)


def find(
    field: Field,
    depth: int = 8,
    *,
    first: int = FIRST,
    bound: float = BOUND,
    chunk: int = 4096,
    device: torch.device | None = None,
    beat: Callable[[float], None] = lambda part: None,
) -> tuple[NDArray[np.float32], NDArray[np.int32], int]:
    """Vertices (V, 3) in the field's axes, faces (F, 3) counter-clockwise from outside, places that were evaluated.

    2^depth cells a side. What reaches the border of the box is closed there.
    """
    tree = _Tree(field, min(first, depth - 1), depth, bound, chunk, device or torch.device("cpu"), beat)
    cells, values = tree.coarse()
    for level in range(tree.first, depth):
        cells, values = tree.divide(cells, level)
        if level < depth - 1:
            cells = cells[tree.marked(values)]
    crossed = _mixed(values)
    step = 2 * bound / (1 << depth)
    vertices, faces = triangles(cells[crossed].cpu().numpy(), values[crossed].cpu().numpy(), (1 << depth) + 1)
    return vertices * np.float32(step) - np.float32(bound), faces, tree.evaluated


class _Tree:
    def __init__(
        self,
        field: Field,
        first: int,
        depth: int,
        bound: float,
        chunk: int,
        device: torch.device,
        beat: Callable[[float], None],
    ) -> None:
        self.field, self.first, self.depth, self.bound, self.chunk = field, first, depth, bound, chunk
        self.device, self.beat = device, beat
        self.evaluated, self.usual, self.part = 0, 0.0, 0.0
        self.keys = self.values = torch.empty(0, device=device)
        self.around, self.child = _AROUND.to(device), _CHILD.to(device)
        corner = (_CHILD[:, None] + _CORNERS[None]).to(device)
        self.corner = (corner[..., 0] * 3 + corner[..., 1]) * 3 + corner[..., 2]
        """(8, 8): which of a divided cell's 27 points are the corners of each child."""

    def coarse(self) -> tuple[Tensor, Tensor]:
        """The cells of the first lattice that are to be divided (N, 3) and their corners' values (N, 8)."""
        self.enter(self.first)
        count = 1 << self.first
        axis = torch.arange(count + 1, device=self.device)
        values = self.at(torch.arange((count + 1) ** 3, device=self.device))
        grid = values.view(*[count + 1] * 3)
        self.usual = float(grid.abs().median())
        cells = torch.cartesian_prod(*[axis[:-1]] * 3)
        corners = cells[:, None] + _CORNERS.to(self.device)
        values = grid[tuple(corners.unbind(-1))]
        keep = self.marked(values)
        return cells[keep], values[keep]

    def divide(self, cells: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """The eight parts of each cell, and of those that the surface goes on into: cells (N, 3), corners (N, 8)."""
        count = 1 << level
        self.enter(level + 1)
        done, new, parts = self.number(cells, count).sort()[0], cells, []
        while len(new):
            points = (2 * new[:, None] + self.around).flatten(0, 1)
            keys, where = torch.unique(self.number(points, 2 * count + 1), return_inverse=True)
            values = self.at(keys)[where].view(-1, 27)
            parts.append((new, values))
            after = self.beyond(new, values, count)
            after = after[~torch.isin(after, done, assume_unique=True)]
            done = torch.cat([done, after]).sort()[0]
            new = self.place(after, count)
        cells, values = (
            (torch.cat(each) for each in zip(*parts, strict=True)) if parts else (cells, cells.new_zeros(0, 27))
        )
        children = (2 * cells[:, None] + self.child).flatten(0, 1)
        return children, values[:, self.corner].flatten(0, 1)

    def beyond(self, cells: Tensor, values: Tensor, count: int) -> Tensor:
        """Numbers of the cells that the surface reaches through a side of these."""
        inside = (values > 0).view(-1, 3, 3, 3)
        found = []
        for axis in range(3):
            for end, step in ((0, -1), (2, 1)):
                side = inside.select(axis + 1, end).flatten(1)
                leaves = side.any(1) & ~side.all(1)
                next_to = cells[leaves]
                next_to[:, axis] += step
                found.append(next_to[(next_to[:, axis] >= 0) & (next_to[:, axis] < count)])
        cells = torch.cat(found)
        numbers: Tensor = torch.unique(self.number(cells, count))
        return numbers

    def marked(self, corners: Tensor) -> Tensor:
        """Which cells the surface passes or may pass, by their corners (N, 8)."""
        if not len(corners):
            return torch.zeros(0, dtype=torch.bool, device=self.device)
        some = corners[:: max(1, len(corners) >> 17)]
        low, high = zip(*marching.EDGES, strict=True)
        slope = float(torch.quantile((some[:, low] - some[:, high]).abs().flatten(), STEEP))
        return _mixed(corners) | (corners.abs().amin(1) < min(REACH * slope, FLAT * self.usual))

    def enter(self, level: int) -> None:
        """From now on the lattice is that of this level; what is known of the one before stays known."""
        if len(self.keys):
            points = 2 * self.place(self.keys, (1 << (level - 1)) + 1)
            self.keys = self.number(points, (1 << level) + 1)
        else:
            self.keys = self.keys.long()
        self.level = level

    def at(self, keys: Tensor) -> Tensor:
        """Values at points of the lattice, by their numbers, which rise."""
        where = torch.searchsorted(self.keys, keys)
        known = torch.zeros_like(keys, dtype=torch.bool)
        if len(self.keys):
            known = self.keys[where.clamp(max=len(self.keys) - 1)] == keys
        new = keys[~known]
        if len(new):
            self.keys, order = torch.cat([self.keys, new]).sort()
            self.values = torch.cat([self.values, self.ask(new)])[order]
            where = torch.searchsorted(self.keys, keys)
        return self.values[where]

    def ask(self, keys: Tensor) -> Tensor:
        side = (1 << self.level) + 1
        points = self.place(keys, side)
        places = points.float() * (2 * self.bound / (side - 1)) - self.bound
        values = torch.empty(len(keys), device=self.device)
        span = 0.25 ** (self.depth - self.level)  # a level takes four times as long as the one before it
        for start in range(0, len(keys), self.chunk):
            self.part = max(self.part, span * (0.25 + 0.75 * start / len(keys)))
            self.beat(self.part)
            values[start : start + self.chunk] = self.field(places[start : start + self.chunk])
        self.evaluated += len(keys)
        edge = ((points == 0) | (points == side - 1)).any(1)
        values[edge] = -values[edge].abs() - 1e-6
        return values

    def number(self, points: Tensor, side: int) -> Tensor:
        return (points[..., 0] * side + points[..., 1]) * side + points[..., 2]

    def place(self, keys: Tensor, side: int) -> Tensor:
        return torch.stack([keys // (side * side), keys // side % side, keys % side], dim=1)


def _mixed(corners: Tensor) -> Tensor:
    inside = corners > 0
    mixed: Tensor = inside.any(1) & ~inside.all(1)
    return mixed


def triangles(
    cells: NDArray[np.int64], values: NDArray[np.float32], side: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Marching cubes on some cells (N, 3) with corners (N, 8), positive inside; `side` points along each axis."""
    counts, edges = marching.table()
    corners = np.array(marching.CORNERS, np.int64)
    ends = np.array(marching.EDGES)
    step = (corners[ends[:, 0]] * np.array([side * side, side, 1])).sum(1)
    first = (cells * np.array([side * side, side, 1])).sum(1)
    case = ((values > 0) << np.arange(8)).sum(1)
    rows, found = [], []
    for number in range(edges.shape[1]):
        has = np.flatnonzero(counts[case] > number)
        rows.append(np.repeat(has, 3))
        found.append(edges[case[has], number].reshape(-1).astype(np.int64))
    row, edge = np.concatenate(rows), np.concatenate(found)
    _, where, index = np.unique((first[row] + step[edge]) * 3 + edge // 4, return_index=True, return_inverse=True)
    row, edge = row[where], edge[where]
    low, high = (values[row, ends[edge, end]].astype(np.float64) for end in (0, 1))
    share = np.clip(low / np.where(low == high, 1, low - high), 0.01, 0.99)  # never quite on a point, as in `marching`
    points = (cells[row] + corners[ends[edge, 0]]).astype(np.float64)
    points[np.arange(len(points)), edge // 4] += share
    return points.astype(np.float32), index.reshape(-1, 3).astype(np.int32)
