# SPDX-License-Identifier: GPL-3.0-or-later
"""The transformer that turns TripoSR's tokens of three planes into codes while it looks at the picture's tokens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .vit import Beat, attend, silent

ROWS = 512
"""Tokens that pass a feed-forward at a time on the CPU: faster than all at once, and a cancel need not wait."""


class Attention(nn.Module):
    """Queries from (B, N, C), keys and values from (B, M, context); only the output has a bias."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])

    def forward(self, x: Tensor, context: Tensor, beat: Callable[[], None]) -> Tensor:
        q = self.to_q(x)
        beat()
        k = self.to_k(context)
        beat()
        v = self.to_v(context)
        beat()
        out: Tensor = self.to_out[0](attend(q, k, v, self.heads, beat))
        beat()
        return out


class Gated(nn.Module):
    """One layer to twice the inner width, the first half times GELU of the second (GEGLU, Shazeer 2020)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: Tensor = value * F.gelu(gate)
        return out


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(Gated(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, beat: Callable[[], None]) -> Tensor:
        if x.device.type != "cpu":
            out: Tensor = self.net(x)
            return out
        out = torch.empty_like(x)
        for rows, target in zip(torch.split(x.flatten(0, 1), ROWS), torch.split(out.flatten(0, 1), ROWS), strict=True):
            target.copy_(self.net(rows))
            beat()
        return out


class Block(nn.Module):
    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn1, self.attn2 = Attention(width, width, heads), Attention(width, context, heads)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, context: Tensor, beat: Callable[[], None]) -> Tensor:
        inside = self.norm1(x)
        x = x + self.attn1(inside, inside, beat)
        x = x + self.attn2(self.norm2(x), context, beat)
        out: Tensor = x + self.ff(self.norm3(x), beat)
        return out


class Backbone(nn.Module):
    """Tokens (B, C, N) and the picture's (B, M, context) -> tokens (B, C, N)."""

    def __init__(self, *, channels: int, context: int, heads: int, blocks: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in, self.proj_out = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.transformer_blocks = nn.ModuleList(Block(channels, context, heads) for _ in range(blocks))

    def forward(self, tokens: Tensor, context: Tensor, beat: Beat = silent) -> Tensor:
        x = self.proj_in(self.norm(tokens).transpose(1, 2))
        for number, block in enumerate(self.transformer_blocks):
            x = block(x, context, partial(beat, number / len(self.transformer_blocks)))
        out: Tensor = self.proj_out(x).transpose(1, 2) + tokens
        return out
