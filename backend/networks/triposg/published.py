# SPDX-License-Identifier: GPL-3.0-or-later
"""The published way to a surface, step by step, its half precision included: for comparisons.

A dense lattice, then one of twice the points near where the first was not saturated. The two do not lie on each other:
the first spans the box with 2^d points, the second with 2^(d + 1) steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ...geometry import marching
from .surface import BOUND, Field

FINE = 512
"""Points a side of the second lattice from which on less is looked at around each place."""


def find(
    field: Field,
    depth: int = 9,
    *,
    bound: float = BOUND,
    chunk: int = 4096,
    device: torch.device | None = None,
    beat: Callable[[float], None] = lambda part: None,
) -> tuple[NDArray[np.float32], NDArray[np.int32], int]:
    """As `surface.find`. `depth` is that of the second lattice; the first has one less."""
    device = device or torch.device("cpu")
    axis, coarse = first(field, depth - 1, bound, chunk, device, lambda part: beat(0.1 * part))
    grid, count = coarse, 1 << (depth - 1)
    for each in range(3):
        grid = grid.repeat_interleave(2, dim=each)
    children = second(coarse)
    for number, some in enumerate(torch.split(children, chunk)):
        beat(0.1 + 0.9 * number * chunk / len(children))
        places = (some.float() - count) / count * bound
        grid[tuple(some.T)] = field(places.half().float()).half()
    vertices, faces = marching.isosurface(grid.float().cpu().numpy(), 0.0)
    return (
        vertices / np.float32(2 * count) * np.float32(2 * bound) - np.float32(bound),
        faces,
        len(axis) ** 3 + len(children),
    )


def first(
    field: Field, depth: int, bound: float, chunk: int, device: torch.device, beat: Callable[[float], None]
) -> tuple[Tensor, Tensor]:
    """The axis and the values (2^d, 2^d, 2^d) of the dense lattice, both in half precision."""
    axis = torch.linspace(-bound, bound, 1 << depth, device=device, dtype=torch.float16)
    values = torch.cat([part.half() for part in _dense(field, axis.float(), chunk, beat)])
    return axis, values.view(*[1 << depth] * 3)


def _dense(field: Field, axis: Tensor, chunk: int, beat: Callable[[float], None]) -> Iterator[Tensor]:
    count = len(axis)
    for start in range(0, count**3, chunk):
        beat(start / count**3)
        index = torch.arange(start, min(start + chunk, count**3), device=axis.device)
        yield field(torch.stack([axis[index // count**2], axis[index // count % count], axis[index % count]], dim=1))


def second(coarse: Tensor) -> Tensor:
    """Points (N, 3) of the second lattice that are evaluated: children of those not saturated and of what is near."""
    marks = torch.zeros_like(coarse, dtype=torch.float32)
    inner = coarse[1:-1, 1:-1, 1:-1]
    marks[1:-1, 1:-1, 1:-1] = ((2 * torch.sigmoid(inner) - 1).abs() < 1).float()
    wide = 3 if 2 * len(coarse) >= FINE else 5
    near = F.max_pool3d(marks[None, None], wide, 1, wide // 2)[0, 0] > 0
    child = torch.cartesian_prod(*[torch.arange(2, device=coarse.device)] * 3)
    return (2 * near.nonzero()[:, None] + child).flatten(0, 1)
