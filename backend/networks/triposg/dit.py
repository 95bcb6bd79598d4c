# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow's transformer: which way noisy latents should go, given a time and what is to be made.

The time is one more token before the latents. Each layer of the second half first takes back what its mirror image in
the first half gave (U-skip). No positions: latents are a set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention import Attention, Beat, FeedForward, silent


@dataclass(frozen=True)
class Config:
    """The published sizes, by the names of `transformer/config.json`."""

    width: int = 2048
    num_attention_heads: int = 16
    num_layers: int = 21
    in_channels: int = 64
    cross_attention_dim: int = 1024
    cross_attention_2_dim: int | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Config:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


SCRIBBLE = Config(cross_attention_dim=768, cross_attention_2_dim=1024)
"""TripoSG-scribble looks at words first, then at the drawing."""


@dataclass(frozen=True)
class Told:
    """What is to be made: tokens (b, M, D) and how much they count.

    Where b is less than the batch, the first ones of the batch are told nothing. Nothing means tokens of zeros, and as
    keys and values have no bias the attention then gives the bias of its output and need not be done.
    """

    tokens: Tensor
    weight: float = 1.0


class Block(nn.Module):
    def __init__(self, c: Config, *, skip: bool) -> None:
        super().__init__()
        width, heads = c.width, c.num_attention_heads
        if skip:
            self.skip_linear, self.skip_norm = nn.Linear(2 * width, width), nn.LayerNorm(width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads, unit=True)
        self.attn2 = Attention(width, c.cross_attention_dim, heads, unit=True)
        if c.cross_attention_2_dim:
            self.norm2_2 = nn.LayerNorm(width)
            self.attn2_2 = Attention(width, c.cross_attention_2_dim, heads, unit=True)
        self.ff = FeedForward(width)

    def forward(self, x: Tensor, stored: Tensor | None, told: Sequence[Told], beat: Beat = silent) -> Tensor:
        """(B, N, C); `stored` is the output of the layer that this one mirrors."""
        if stored is not None:
            x = self.skip_norm(self.skip_linear(torch.cat([stored, x], dim=-1)))
            beat()
        x = x + self.attn1(self.norm1(x), beat=beat)
        seen = _heard(x, self.norm2, self.attn2, told[0], beat)
        if len(told) > 1:
            seen = seen + _heard(x, self.norm2_2, self.attn2_2, told[1], beat)
        x = x + seen
        out: Tensor = x + self.ff(self.norm3(x), beat)
        return out


def _heard(x: Tensor, norm: nn.Module, attention: Any, told: Told, beat: Beat) -> Tensor:
    nothing = len(x) - len(told.tokens)
    seen: Tensor = attention(norm(x[nothing:]), told.tokens, beat)
    if nothing:
        output: Any = attention.to_out[0]
        seen = torch.cat([output.bias.to(seen).expand(nothing, *seen.shape[1:]), seen])
    return seen * told.weight


def whole(block: nn.Module, x: Tensor, stored: Tensor | None, told: Sequence[Told], beat: Beat) -> Tensor:
    """A block in one piece, which torch.compile wants: `beat` is called between blocks alone."""
    beat()
    out: Tensor = block(x, stored, told)
    return out


class DiT(nn.Module):
    """Latents (B, N, in), times (B,) in 0..1000 -> the flow (B, N, in): data minus noise."""

    _repeated_blocks = ("Block",)

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        self.time_proj = nn.ModuleDict(
            {"linear_1": nn.Linear(c.width, 4 * c.width), "linear_2": nn.Linear(4 * c.width, c.width)}
        )
        self.proj_in, self.proj_out = nn.Linear(c.in_channels, c.width), nn.Linear(c.width, c.in_channels)
        self.norm_out = nn.LayerNorm(c.width)
        half = c.num_layers // 2
        self.blocks = nn.ModuleList(Block(c, skip=number > half) for number in range(c.num_layers))
        self.call: Callable[..., Tensor] = lambda block, *args: block(*args)
        """How a block is run; `lean.Carried` brings it to the device first, `whole` runs it as compiled."""

    def forward(self, latents: Tensor, times: Tensor, told: Sequence[Told], beat: Callable[[float], None]) -> Tensor:
        kind = self.proj_in.weight.dtype
        told = [Told(one.tokens.to(kind), one.weight) for one in told]
        x = torch.cat([self.time_token(times)[:, None], self.proj_in(latents.to(kind))], dim=1)
        count, stored = len(self.blocks), list[Tensor]()
        for number, block in enumerate(self.blocks):
            before = stored.pop() if number > count // 2 else None
            x = self.call(block, x, before, told, lambda part=number / count: beat(part))
            if number < count // 2:
                stored.append(x)
        out: Tensor = self.proj_out(self.norm_out(x)[:, 1:])
        return out

    def time_token(self, times: Tensor) -> Tensor:
        """(B,) -> (B, C)"""
        waves = time_features(times, self.config.width).to(self.proj_in.weight.dtype)
        out: Tensor = self.time_proj["linear_2"](F.gelu(self.time_proj["linear_1"](waves)))
        return out


def time_features(times: Tensor, width: int) -> Tensor:
    """(B,) -> (B, width): sines, then cosines, the slowest last. In double precision, for angles go up to 1000."""
    half = width // 2
    pace = 10000.0 ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = times.cpu().double()[:, None] * pace
    return torch.cat([angles.sin(), angles.cos()], dim=1).float().to(times.device)
