# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift: DINOv2 tokens and the picture itself -> where each pixel's ray meets the object and what lies behind, colours,
camera.

All lies in the camera's frustum (`geometry.camera`). Two things are predicted for a ray: the depth of the first hit,
and a profile: whether it is inside of the object at so and so much behind that hit. Where the depth is uncertain the
first is off by a bit, but nothing gets lost; occupancy at fixed depths would be spread so thin there that thin parts
vanish (see docs/model.md). The whole network is two-dimensional and every prediction pixel-aligned, so that unseen
classes profit from what others have in common (viewer-centred prediction: Shin, Fowlkes and Hoiem 2018; layers of
depth: Shade et al. 1998, Richter and Roth 2018; a back for each front: Yao et al. 2020).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DEPTHS = 64
"""Places along a ray at which its profile is told."""
REACH = 2.4
"""How far behind the first hit the profile goes, in frustum units."""
HALF_DEPTH = 1.4
"""R of the frustum: depths span [-R, R]."""
SIDE = 64
"""Rays a side."""
STEEP, SHEET = 100.0, 0.03
"""Logits a frustum unit on either side of the first hit; how thick the thinnest part is made."""
PLANES = 8
"""Depths at which colours are predicted."""


@dataclass(frozen=True)
class Config:
    tokens: int = 768
    width: int = 256
    layers: int = 4
    heads: int = 8
    middle: int = 128
    fine: int = 96
    blocks: int = 2

    def plain(self) -> dict[str, int]:
        return asdict(self)


class Prediction(NamedTuple):
    front: Tensor
    """(B, 1, 64, 64) depth of the first hit in frustum units, where there is one; row v down, column u right."""
    profile: Tensor
    """(B, D, 64, 64) logits, positive inside, at `offsets` behind the first hit."""
    colour: Tensor
    """(B, 3, P, 64, 64) sRGB 0..1 of what lies at that place."""
    camera: Tensor
    """(B, 3) sine and cosine of the elevation, logarithm of the focal length in half widths."""


class Layer(nn.Module):
    """A pre-norm transformer layer (Vaswani et al. 2017; Xiong et al. 2020)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, width))
        out: Tensor = x + self.down(F.gelu(self.up(self.norm2(x))))
        return out


class Residual(nn.Module):
    """Two 3 x 3 convolutions with group norm before each (He et al. 2016; Wu and He 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return out


class Lift(nn.Module):
    """Tokens (B, 257, 768) of the picture on grey and its RGBA (B, 4, 128, 128) in 0..1 -> `Prediction`."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        self.enter = nn.Linear(c.tokens, c.width)
        self.position = nn.Parameter(torch.randn(1, 257, c.width) * 0.02)
        self.layers = nn.ModuleList(Layer(c.width, c.heads) for _ in range(c.layers))
        self.leave = nn.LayerNorm(c.width)
        self.camera = nn.Sequential(nn.Linear(c.width, c.width), nn.GELU(), nn.Linear(c.width, 3))
        self.stem1 = nn.Conv2d(4, 32, 3, padding=1)
        self.stem2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.stem3 = nn.Conv2d(64, 64, 3, stride=2, padding=1)
        self.grow1 = nn.Linear(c.width, 4 * c.middle)
        self.join1 = nn.Conv2d(c.middle + 64, c.middle, 1)
        self.middle = nn.Sequential(*(Residual(c.middle) for _ in range(c.blocks)))
        self.grow2 = nn.Conv2d(c.middle, 4 * c.fine, 1)
        self.join2 = nn.Conv2d(c.fine + 64, c.fine, 1)
        self.fine = nn.Sequential(*(Residual(c.fine) for _ in range(max(1, c.blocks // 2))))
        self.front = nn.Conv2d(c.fine, 1, 1)
        self.profile = nn.Conv2d(c.fine, DEPTHS, 1)
        self.colour = nn.Conv2d(c.fine, 3 * PLANES, 1)

    def forward(self, tokens: Tensor, rgba: Tensor) -> Prediction:
        x = self.enter(tokens) + self.position
        for layer in self.layers:
            x = layer(x)
        x = self.leave(x)
        camera = self.camera(x[:, 0])
        full = F.silu(self.stem1(rgba))
        half = F.silu(self.stem2(full))
        quarter = F.silu(self.stem3(half))
        grid = self.grow1(x[:, 1:]).transpose(1, 2).reshape(-1, 4 * self.config.middle, 16, 16)
        y = self.join1(torch.cat([F.pixel_shuffle(grid, 2), quarter], dim=1))
        y = self.grow2(self.middle(y))
        y = self.fine(self.join2(torch.cat([F.pixel_shuffle(y, 2), half], dim=1)))
        y = F.silu(y)
        colour = torch.sigmoid(self.colour(y)).reshape(-1, 3, PLANES, SIDE, SIDE)
        return Prediction(self.front(y), self.profile(y), colour, camera)


def offsets() -> Tensor:
    """(D,) behind the first hit: denser near it, where thin things end."""
    return REACH * ((torch.arange(DEPTHS) + 0.5) / DEPTHS) ** 1.5


def along(values: Tensor, place: Tensor) -> Tensor:
    """Values (B, D, H, W) at places (B, K, H, W) counted in cells along D, linear in between, the ends' beyond."""
    place = place.clamp(0, values.shape[1] - 1)
    low = place.floor().clamp(max=values.shape[1] - 2)
    part = place - low
    index = low.long()
    return values.gather(1, index) * (1 - part) + values.gather(1, index + 1) * part


def volume(front: Tensor, profile: Tensor, cells: int = 64) -> Tensor:
    """Logits (B, cells, H, W) at the depths' centres over [-R, R]: empty before the first hit, then the profile."""
    depth = ((torch.arange(cells, device=front.device) + 0.5) / cells * 2 - 1) * HALF_DEPTH
    behind = depth.view(1, -1, 1, 1) - front
    place = (behind.clamp(min=0) / REACH) ** (2 / 3) * DEPTHS - 0.5
    inside = along(profile, place.clamp(0, DEPTHS - 1))
    before = behind * STEEP
    sheet = (SHEET - behind) * STEEP  # nothing is thinner than this
    return torch.minimum(torch.maximum(inside, sheet), before)


def small(rgba: Tensor) -> Tensor:
    """(B, 224, 224, 4) uint8 straight alpha -> (B, 4, 128, 128) in 0..1, colour on grey."""
    value = rgba.permute(0, 3, 1, 2).float() / 255
    alpha = value[:, 3:]
    onto = value[:, :3] * alpha + GREY * (1 - alpha)
    return F.interpolate(torch.cat([onto, alpha], dim=1), size=(128, 128), mode="bilinear", antialias=True)


def on_grey(rgba: Tensor) -> Tensor:
    """(B, 224, 224, 4) uint8 straight alpha -> (B, 3, 224, 224) in 0..1: what the encoder sees."""
    value = rgba.permute(0, 3, 1, 2).float() / 255
    return value[:, :3] * value[:, 3:] + GREY * (1 - value[:, 3:])


GREY = 0.5
