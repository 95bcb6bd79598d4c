# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights from a seed: nothing is learned in them, but values keep a sane size, and the field has a surface."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor


class Invented(Mapping[str, Tensor]):
    """Tensors by name, each made when it is asked for, the same for the same seed, name and shape."""

    def __init__(self, shapes: Mapping[str, Tensor], seed: int) -> None:
        """`shapes` may be on the meta device."""
        self._shapes = {name: tuple(tensor.shape) for name, tensor in shapes.items()}
        self._seed = seed

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, name: str) -> Tensor:
        shape = self._shapes[name]
        chance = torch.Generator().manual_seed(self._seed ^ zlib.crc32(name.encode()))
        if len(shape) == 1:
            return torch.ones(shape) if name.endswith("weight") else torch.randn(shape, generator=chance) * 0.02
        values = torch.randn(shape, generator=chance) / math.sqrt(math.prod(shape[1:]))
        if name == "decoder.proj_query.weight":
            values *= _smooth(shape[1])
        return values


def _smooth(width: int) -> Tensor:
    """(width,) Mostly the place itself and little of the fast waves: so opposite places get opposite values."""
    waves = (width - 3) // 6
    return torch.cat([torch.full((3,), 12.0), (0.25 ** torch.arange(1, waves + 1)).repeat(6)])
