# SPDX-License-Identifier: GPL-3.0-or-later
"""The field of a triplane: features read from three planes, then a small network (Chan et al. 2022; Hong et al. 2024).

A point p of the cube [-0.87, 0.87]^3 reads plane 0 at (x, y), plane 1 at (x, z), plane 2 at (y, z), the first along the
columns, the second along the rows. On a lattice each plane is read once for each pair of coordinates, and as the first
layer is linear it is applied to the planes and not to the points: a lattice point then costs three rows and a sum.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RADIUS = 0.87
"""Half the cube's side, in the model's units."""
BIAS = -1.0
"""Added to the raw density before the exponential."""
MOST = 60.0
"""The exponential is taken of no more than this: a density is never infinite."""
LEVEL = 25.0
"""The surface's density; more is inside."""
PAIRS = ((0, 1), (0, 2), (1, 2))
"""The coordinates that planes 0, 1, 2 are read at: column, row."""


def chunk(device: torch.device) -> int:
    """Points that go through the network at a time: what stays in a core's cache; elsewhere what fills the device."""
    return 8192 if device.type == "cpu" else 1 << 18


class Field:
    """Codes (3, P, S, S) of one object and its decoder, both float32."""

    def __init__(self, codes: Tensor, layers: nn.Sequential) -> None:
        self.codes, self.layers = codes, layers

    def raw(self, points: Tensor, beat: Callable[[], None] = lambda: None) -> Tensor:
        """(N, 3) in the model's axes -> (N, 4): density, red, green, blue, before their activations."""
        parts = []
        for some in torch.split(points, chunk(points.device)):
            beat()
            parts.append(self.layers(self._features(_unit(some)).to(self.codes.dtype)))
        return torch.cat(parts) if parts else points.new_zeros((0, 4))

    def colour(self, points: Tensor, beat: Callable[[], None] = lambda: None) -> Tensor:
        """(N, 3) -> (N, 3) in 0..1, as a screen shows them."""
        return torch.sigmoid(self.raw(points, beat)[:, 1:])

    def _features(self, unit: Tensor) -> Tensor:
        grid = torch.stack([unit[:, list(pair)] for pair in PAIRS])[:, :, None]
        read = F.grid_sample(self.codes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        return read[..., 0].flatten(0, 1).T


def density(raw: Tensor) -> Tensor:
    return torch.exp((raw + BIAS).clamp(max=MOST))


def lattice(count: int, device: torch.device | None = None) -> Tensor:
    """(count,) coordinates of the lattice's points along each axis, both ends included."""
    return torch.linspace(0, 1, count, device=device) * (2 * RADIUS) - RADIUS


def _unit(points: Tensor) -> Tensor:
    return (points + RADIUS) / (2 * RADIUS) * 2 - 1


class Lattice:
    """Densities at the points of a lattice of `count` a side."""

    def __init__(self, field: Field, count: int, beat: Callable[[], None] = lambda: None) -> None:
        self.count = count
        first = field.layers[0]
        assert isinstance(first, nn.Linear)
        axis = _unit(lattice(count, field.codes.device))
        column, row = torch.meshgrid(axis, axis, indexing="ij")
        grid = torch.stack([column, row], dim=-1)[None]
        self.maps = []
        for plane, weight in zip(field.codes, torch.unflatten(first.weight, 1, (3, -1)).unbind(1), strict=True):
            beat()
            read = F.grid_sample(plane[None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)
            self.maps.append(read[0].flatten(1).T @ weight.T)
        self.maps[0] += first.bias
        self.hidden = [layer for layer in field.layers if isinstance(layer, nn.Linear)][1:-1]
        last = field.layers[-1]
        assert isinstance(last, nn.Linear)
        self.last = last.weight[:1].T, last.bias[:1] + BIAS

    def density(self, index: Tensor) -> Tensor:
        """(N, 3) whole numbers i, j, k along x, y, z -> (N,)"""
        x = self.maps[0].index_select(0, index[:, 0] * self.count + index[:, 1])
        x += self.maps[1].index_select(0, index[:, 0] * self.count + index[:, 2])
        x += self.maps[2].index_select(0, index[:, 1] * self.count + index[:, 2])
        x = F.silu(x, inplace=True)
        for layer in self.hidden:
            x = F.silu(layer(x), inplace=True)
        return torch.addmm(self.last[1], x, self.last[0])[:, 0].clamp_(max=MOST).exp_()
