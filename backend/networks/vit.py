# SPDX-License-Identifier: GPL-3.0-or-later
"""ViT (Dosovitskiy et al. 2021) with the tensor names of checkpoints from the time of transformers 4.35.

Its table of positions is resampled by that version's rule: later ones give other numbers (see `positions`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Beat = Callable[[float], None]
"""Told the part done, 0 to 1; may raise to stop."""


def silent(_part: float) -> None:
    pass


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int, beat: Callable[[], None] = lambda: None) -> Tensor:
    """Attention of (B, N, C) over (B, M, C) in heads. On the CPU a few heads at a time, so that `beat` comes often."""
    q, k, v = (torch.unflatten(x, 2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    few = min(heads, 4) if q.device.type == "cpu" else heads
    parts = []
    for triple in zip(*(torch.split(x, few, 1) for x in (q, k, v)), strict=True):
        parts.append(F.scaled_dot_product_attention(*triple))
        beat()
    return torch.cat(parts, dim=1).transpose(1, 2).flatten(2)


def positions(table: Tensor, rows: int, columns: int) -> Tensor:
    """(1, 1 + m * m, C), the class position first -> (1, 1 + rows * columns, C).

    Bicubic by the scale factor (n + 0.1) / m, and the places that are read follow from that factor, not from n / m.
    """
    side = round((table.shape[1] - 1) ** 0.5)
    if side == rows == columns:
        return table
    grid = torch.unflatten(table[:, 1:], 1, (side, side)).permute(0, 3, 1, 2)
    factor = ((rows + 0.1) / side, (columns + 0.1) / side)
    grid = F.interpolate(grid, scale_factor=factor, mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1], grid.flatten(2).transpose(1, 2)], dim=1)


class Patches(nn.Module):
    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, patch, patch)


class Embeddings(nn.Module):
    def __init__(self, width: int, patch: int, native: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.empty(1, 1 + (native // patch) ** 2, width))
        self.patch_embeddings = Patches(width, patch)

    def forward(self, picture: Tensor) -> Tensor:
        patches = self.patch_embeddings.projection(picture)
        rows, columns = patches.shape[2:]
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        return tokens + positions(self.position_embeddings.float(), rows, columns).to(tokens.dtype)


class Dense(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.dense = nn.Linear(before, after)


class Queries(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention = Queries(width)
        self.output = Dense(width, width)

    def forward(self, x: Tensor, beat: Callable[[], None]) -> Tensor:
        inner = self.attention
        out: Tensor = self.output.dense(attend(inner.query(x), inner.key(x), inner.value(x), self.heads, beat))
        return out


class Layer(nn.Module):
    """Pre-norm, exact GELU, biases everywhere."""

    def __init__(self, width: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.intermediate, self.output = Dense(width, inner), Dense(inner, width)
        self.layernorm_before, self.layernorm_after = nn.LayerNorm(width, eps=eps), nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, beat: Callable[[], None]) -> Tensor:
        x = x + self.attention(self.layernorm_before(x), beat)
        out: Tensor = x + self.output.dense(F.gelu(self.intermediate.dense(self.layernorm_after(x))))
        beat()
        return out


class Layers(nn.Module):
    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        self.layer = nn.ModuleList(layers)


class ViT(nn.Module):
    """(B, 3, H, W), normalised by mean and standard deviation -> (B, 1 + H/p * W/p, C): the class token first."""

    def __init__(self, *, width: int, layers: int, heads: int, inner: int, patch: int, native: int, eps: float) -> None:
        """`patch` and `native`, the picture's side that the table of positions was made for, in px."""
        super().__init__()
        self.embeddings = Embeddings(width, patch, native)
        self.encoder = Layers([Layer(width, heads, inner, eps) for _ in range(layers)])
        self.layernorm = nn.LayerNorm(width, eps=eps)
        self.pooler = Dense(width, width)  # in the checkpoint, but nobody reads its output

    def forward(self, picture: Tensor, beat: Beat = silent) -> Tensor:
        x = self.embeddings(picture)
        for number, layer in enumerate(self.encoder.layer):
            x = layer(x, partial(beat, number / len(self.encoder.layer)))
        out: Tensor = self.layernorm(x)
        return out
