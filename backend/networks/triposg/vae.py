# SPDX-License-Identifier: GPL-3.0-or-later
"""The autoencoder: a set of latents is a field in space, positive inside; and back, from points on a surface.

The field is read by a cross-attention from a point to the latents' tokens, so the tokens' keys and values are made once
for all points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .attention import Attention, Beat, FeedForward, silent


@dataclass(frozen=True)
class Config:
    """The published sizes, by the names of `vae/config.json`."""

    latent_channels: int = 64
    num_attention_heads: int = 8
    width_encoder: int = 512
    num_layers_encoder: int = 8
    width_decoder: int = 1024
    num_layers_decoder: int = 16
    embed_frequency: int = 8
    in_channels: int = 3

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Config:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})

    @property
    def embedded(self) -> int:
        return 3 * (1 + 2 * self.embed_frequency)


def embed(points: Tensor, frequencies: int = 8) -> Tensor:
    """(..., 3) -> (..., 3 + 6 f): the place, then sin(2^i x) for all i, of y, of z, then the cosines."""
    pace = 2.0 ** torch.arange(frequencies, device=points.device)
    angles = (points[..., None] * pace).flatten(-2)
    return torch.cat([points, angles.sin(), angles.cos()], dim=-1)


class Block(nn.Module):
    """Looks at itself, or across at a context with a norm of its own."""

    def __init__(self, width: int, heads: int, *, across: bool = False) -> None:
        super().__init__()
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)
        if across:
            self.norm2, self.attn2 = nn.LayerNorm(width), Attention(width, width, heads, own_norm=True)
        else:
            self.norm1, self.attn1 = nn.LayerNorm(width), Attention(width, width, heads)

    def forward(self, x: Tensor, beat: Beat = silent) -> Tensor:
        return self._rest(x + self.attn1(self.norm1(x), beat=beat), beat)

    def across(self, x: Tensor, keys: Tensor, values: Tensor, beat: Beat = silent) -> Tensor:
        return self._rest(x + self.attn2.look(self.norm2(x), keys, values, beat), beat)

    def _rest(self, x: Tensor, beat: Beat) -> Tensor:
        out: Tensor = x + self.ff(self.norm3(x), beat)
        return out


class Encoder(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        width, heads = c.width_encoder, c.num_attention_heads
        self.proj_in = nn.Linear(c.embedded + c.in_channels, width)
        blocks = [Block(width, heads, across=number == 0) for number in range(1 + c.num_layers_encoder)]
        self.blocks = nn.ModuleList(blocks)
        self.norm_out = nn.LayerNorm(width)

    def forward(self, queries: Tensor, surface: Tensor) -> Tensor:
        """Places and normals (B, n, 6) to gather at, (B, N, 6) of the whole surface -> (B, n, C)"""
        x, around = (self.proj_in(torch.cat([embed(p[..., :3]), p[..., 3:]], dim=-1)) for p in (queries, surface))
        first: Any = self.blocks[0]
        x = first.across(x, *first.attn2.remember(around))
        for block in self.blocks[1:]:
            x = block(x)
        out: Tensor = self.norm_out(x)
        return out


class Decoder(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        width, heads = c.width_decoder, c.num_attention_heads
        blocks = [Block(width, heads) for _ in range(c.num_layers_decoder)]
        self.blocks = nn.ModuleList([*blocks, Block(width, heads, across=True)])
        self.proj_query = nn.Linear(c.embedded, width)
        self.norm_out, self.proj_out = nn.LayerNorm(width), nn.Linear(width, 1)


class Memory(NamedTuple):
    """Keys and values (B, heads, N, C / heads) that points look at."""

    keys: Tensor
    values: Tensor


class VAE(nn.Module):
    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        self.encoder = Encoder(c)
        self.decoder = Decoder(c)
        self.quant = nn.Linear(c.width_encoder, 2 * c.latent_channels)
        self.post_quant = nn.Linear(c.latent_channels, c.width_decoder)

    def encode(self, queries: Tensor, surface: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the variance (B, n, latent) of the latents at the places of the queries."""
        mean, variance = self.quant(self.encoder(queries, surface)).chunk(2, dim=-1)
        return mean, variance.clamp(-30, 20)

    def tokens(self, latents: Tensor, beat: Callable[[float], None] = lambda part: None) -> Tensor:
        """(B, N, latent) -> (B, N, C)"""
        x: Tensor = self.post_quant(latents.to(self.post_quant.weight.dtype))
        count = len(self.decoder.blocks) - 1
        for number in range(count):
            x = self.decoder.blocks[number](x, lambda part=number / count: beat(part))
        return x

    def remember(self, latents: Tensor, beat: Callable[[float], None] = lambda part: None) -> Memory:
        last: Any = self.decoder.blocks[-1]
        return Memory(*last.attn2.remember(self.tokens(latents, beat)))

    def field(self, points: Tensor, memory: Memory, beat: Beat = silent) -> Tensor:
        """(B, n, 3) in the box -> (B, n), positive inside."""
        decoder, kind = self.decoder, self.post_quant.weight.dtype
        x = decoder.proj_query(embed(points.float(), self.config.embed_frequency).to(kind))
        last: Any = decoder.blocks[-1]
        out: Tensor = decoder.proj_out(decoder.norm_out(last.across(x, *memory, beat)))
        return -out[..., 0].float()
