# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights of TripoSR from a seed: nothing is learned in them, but every stage gives values of a sane size and the
field has a smooth surface, so that tests and measurements go all the way to a mesh without a download."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

GAIN = 1.7
"""Keeps the size of values through a layer and SiLU."""
BRANCHES = ("to_out.0.weight", "net.2.weight", "output.dense.weight", "proj_out.weight")
"""What is added to the stream of tokens: little, so that it does not grow from block to block."""
MEAN, SPREAD = (-3.0, 0.0, 0.0, 0.0), (5.0, 1.5, 1.5, 1.5)
"""Of the raw density and colours over the points: about a tenth is inside."""


def state(shapes: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Values for each of the network's tensors, which may be on the meta device; the same for the same seed."""
    chance = torch.Generator().manual_seed(seed)
    made = {name: _values(name, tuple(tensor.shape), chance) for name, tensor in shapes.items()}
    _calibrate([name for name in made if name.startswith("decoder.")], made, chance)
    return made


def _values(name: str, shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    if len(shape) == 1:
        return torch.ones(shape) if name.endswith("weight") else torch.randn(shape, generator=chance) * 0.02
    if name == "tokenizer.embeddings":  # waves over the planes, so that neighbours are alike
        coarse = torch.randn((*shape[:2], 5, 5), generator=chance)
        return F.interpolate(coarse, shape[2:], mode="bicubic", align_corners=True)
    if name == "post_processor.upsample.weight":  # the same for the four texels of a token
        one = torch.randn((*shape[:2], 1, 1), generator=chance) / math.sqrt(shape[0])
        return one.repeat(1, 1, *shape[2:])
    if name.endswith(("_embeddings", "cls_token")):
        return torch.randn(shape, generator=chance) * 0.5
    size = GAIN if name.startswith("decoder.") else 0.3 if name.endswith(BRANCHES) else 1.0
    return torch.randn(shape, generator=chance) * (size / math.sqrt(math.prod(shape[1:])))


def _calibrate(names: list[str], made: dict[str, Tensor], chance: torch.Generator) -> None:
    """Give the decoder's outputs their mean and spread by its last layer; `names`: weight, bias, weight, bias, ..."""
    *before, weight, bias = names
    x = torch.randn((4096, made[before[0]].shape[1]), generator=chance)
    for number in range(0, len(before), 2):
        x = F.silu(F.linear(x, made[before[number]], made[before[number + 1]]))
    raw = F.linear(x, made[weight])
    made[weight] *= (torch.tensor(SPREAD) / raw.std(dim=0))[:, None]
    made[bias] = torch.tensor(MEAN) - F.linear(x, made[weight]).mean(dim=0)
