# SPDX-License-Identifier: GPL-3.0-or-later
"""A field at the points of a fine lattice, evaluated only near the surface: coarse to fine, then along the surface.

A coarse lattice is evaluated whole. Its cells whose corners lie on both sides of the level, and those around them, are
evaluated finely. Where the surface leaves these cells through a neighbour, that one is evaluated too, and so on: a part
thinner than a coarse cell is found all the same if it hangs on something that is seen. What hangs on nothing and
passes between the coarse points is missed: `margin` makes the search wider, `dense` evaluates all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STRIDE = 4
"""Fine cells along a coarse one."""

Densities = Callable[[Tensor], Tensor]
"""Whole numbers i, j, k (N, 3) -> values (N,), more than the level inside; the level is positive."""


class Sampled(NamedTuple):
    values: NDArray[Any]
    """(X, Y, Z): the box that holds the surface and one point more on each side, so that it is closed in there. Where
    nothing was evaluated it is 0 outside, twice the level inside; beyond the lattice it is 0."""
    first: tuple[int, int, int]
    """The lattice point of values[0, 0, 0], -1 where the box begins beyond the lattice."""
    evaluated: int
    """Points that were evaluated, those of the coarse lattice among them."""


def sample(
    at: Densities,
    count: int,
    level: float,
    *,
    device: torch.device,
    chunk: int,
    margin: float = 0.0,
    dense: bool = False,
    beat: Callable[[float], None] = lambda part: None,
) -> Sampled:
    """The field on `count` points a side. `margin` 0.5: cells whose values come within half of the level count too."""
    work = _Work(at, count, level, device, chunk, beat)
    low, high = work.coarse()
    marked = (low <= level * (1 + margin)) & (high > level / (1 + margin))
    edge = torch.ones_like(marked)
    edge[1:-1, 1:-1, 1:-1] = False
    marked |= edge & (high > level)  # beyond the lattice is outside
    if dense or not bool(marked.any()):
        marked = torch.ones_like(marked)
    marked = _grown(marked)
    work.settle((low > level) & ~marked)
    new = marked
    while bool(new.any()):
        work.evaluate(new)
        new = work.leaving(_grown(new) & ~marked, low > level)
        marked |= new
    return work.box(marked | (high > level))


class _Work:
    def __init__(
        self, at: Densities, count: int, level: float, device: torch.device, chunk: int, beat: Callable[[float], None]
    ) -> None:
        self.at, self.count, self.level, self.device, self.chunk, self.tell = at, count, level, device, chunk, beat
        self.told = 0.0
        self.cells = max(1, -(-(count - 1) // STRIDE))
        self.padded = torch.from_numpy(np.zeros((count + 2,) * 3, np.float32)).to(device)
        self.field = self.padded[1:-1, 1:-1, 1:-1]  # on the CPU zeros take no memory until they are written
        self.evaluated = 0
        node = torch.arange(count, device=device)
        self.sides = torch.stack([node // STRIDE, (node - 1) // STRIDE]).clamp(0, self.cells - 1)
        """(2, count): the cells that a point belongs to along an axis."""

    def coarse(self) -> tuple[Tensor, Tensor]:
        """Least and greatest corner of each cell, (C, C, C)."""
        points = (torch.arange(self.cells + 1, device=self.device) * STRIDE).clamp(max=self.count - 1)
        index = torch.cartesian_prod(points, points, points)
        values = torch.empty(len(index), device=self.device)
        for start in range(0, len(index), self.chunk):
            self.beat(0.2 * start / len(index))
            values[start : start + self.chunk] = self.at(index[start : start + self.chunk])
        self.evaluated += len(index)
        corners = values.view([self.cells + 1] * 3)
        return _of_corners(corners, torch.minimum), _of_corners(corners, torch.maximum)

    def beat(self, part: float) -> None:
        self.told = max(self.told, part)
        self.tell(self.told)

    def settle(self, solid: Tensor) -> None:
        """Cells that are inside as a whole."""
        for start, nodes in self._slabs(solid):
            self.field[start : start + len(nodes)].masked_fill_(nodes, 2 * self.level)

    def evaluate(self, cells: Tensor) -> None:
        for start, nodes in self._slabs(cells):
            index = nodes.nonzero()
            index[:, 0] += start
            for some in torch.split(index, self.chunk):
                self.beat(0.2 + 0.8 * start / self.count)
                self.field[tuple(some.T)] = self.at(some)
            self.evaluated += len(index)

    def leaving(self, cells: Tensor, solid: Tensor) -> Tensor:
        """Those of the cells that have a point on another side than their corners are."""
        found = torch.zeros_like(cells)
        step = torch.arange(STRIDE + 1, device=self.device)
        around = torch.cartesian_prod(step, step, step)
        for some in torch.split(cells.nonzero(), 1 << 13):
            self.beat(0.2)
            index = (some[:, None] * STRIDE + around).clamp(max=self.count - 1)
            inside = self.field[tuple(index.unbind(-1))] > self.level
            key = tuple(some.T)
            found[key] = (inside != solid[key][:, None]).any(dim=1)
        return found

    def box(self, cells: Tensor) -> Sampled:
        """The part of the field that the cells reach."""
        parts, first = [], []
        for axis in range(3):
            hit = cells.any(dim=tuple({0, 1, 2} - {axis})).nonzero()
            low, high = int(hit[0]) * STRIDE, min(int(hit[-1] + 1) * STRIDE, self.count - 1)
            parts.append(slice(low, high + 3))
            first.append(low - 1)
        return Sampled(self.padded[tuple(parts)].cpu().numpy(), (first[0], first[1], first[2]), self.evaluated)

    def _slabs(self, cells: Tensor) -> Any:
        """(first i, points (n, count, count) that belong to one of the cells) for each slab that has some."""
        for row in range(self.cells):
            self.beat(0.2)
            start, end = row * STRIDE, min((row + 1) * STRIDE, self.count)
            if row == self.cells - 1:
                end = self.count
            near = cells[self.sides[0, start:end]] | cells[self.sides[1, start:end]]
            if bool(near.any()):
                near = near[:, self.sides[0]] | near[:, self.sides[1]]
                yield start, near[:, :, self.sides[0]] | near[:, :, self.sides[1]]


def _grown(cells: Tensor) -> Tensor:
    """The cells and the 26 around each."""
    for axis in range(3):
        count = cells.shape[axis]
        out = cells.clone()
        out.narrow(axis, 1, count - 1).logical_or_(cells.narrow(axis, 0, count - 1))
        out.narrow(axis, 0, count - 1).logical_or_(cells.narrow(axis, 1, count - 1))
        cells = out
    return cells


def _of_corners(values: Tensor, pick: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The least or greatest of the eight values around each cell."""
    for axis in range(3):
        count = values.shape[axis] - 1
        values = pick(values.narrow(axis, 0, count), values.narrow(axis, 1, count))
    return values
