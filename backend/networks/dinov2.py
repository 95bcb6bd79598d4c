# SPDX-License-Identifier: GPL-3.0-or-later
"""DINOv2 (Oquab et al. 2023, Apache-2.0) with the tensor names of the published files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Config:
    """The sizes of ViT-L/14, by the names of `config.json`."""

    hidden_size: int = 1024
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    mlp_ratio: int = 4
    patch_size: int = 14
    image_size: int = 518
    layer_norm_eps: float = 1e-6

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Config:
        return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})


def positions(table: Tensor, rows: int, columns: int) -> Tensor:
    """(1, 1 + m * m, C), the class position first -> (1, 1 + rows * columns, C): bicubic to that size, float32.

    As transformers does since 4.46. Before, it scaled by (n + 0.1) / m: with TripoSG's 16 of 37 that gives other
    numbers. The official demonstration ran with 4.49.
    """
    side = round((table.shape[1] - 1) ** 0.5)
    if side == rows == columns:
        return table
    grid = torch.unflatten(table[:, 1:].float(), 1, (side, side)).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, (rows, columns), mode="bicubic", align_corners=False)
    return torch.cat([table[:, :1].float(), grid.flatten(2).transpose(1, 2)], dim=1)


class Embeddings(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, c.hidden_size))
        self.mask_token = nn.Parameter(torch.empty(1, c.hidden_size))  # in the file; used in training alone
        self.position_embeddings = nn.Parameter(torch.empty(1, 1 + (c.image_size // c.patch_size) ** 2, c.hidden_size))
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(3, c.hidden_size, c.patch_size, c.patch_size)})

    def forward(self, picture: Tensor) -> Tensor:
        patches = self.patch_embeddings["projection"](picture)
        rows, columns = patches.shape[2:]
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        return tokens + positions(self.position_embeddings, rows, columns).to(tokens.dtype)


class Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.lambda1


class Layer(nn.Module):
    """Pre-norm, exact GELU, each branch scaled by channel before it is added."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        width = c.hidden_size
        self.heads = c.num_attention_heads
        three = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.attention = nn.ModuleDict(
            {"attention": three, "output": nn.ModuleDict({"dense": nn.Linear(width, width)})}
        )
        self.norm1 = nn.LayerNorm(width, eps=c.layer_norm_eps)
        self.norm2 = nn.LayerNorm(width, eps=c.layer_norm_eps)
        self.mlp = nn.ModuleDict(
            {"fc1": nn.Linear(width, c.mlp_ratio * width), "fc2": nn.Linear(c.mlp_ratio * width, width)}
        )
        self.layer_scale1, self.layer_scale2 = Scale(width), Scale(width)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.norm1(x)
        q, k, v = (torch.unflatten(part(inside), 2, (self.heads, -1)).transpose(1, 2) for part in self._three())
        seen = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + self.layer_scale1(self.attention["output"]["dense"](seen))  # type: ignore[index]
        inside = F.gelu(self.mlp["fc1"](self.norm2(x)))
        out: Tensor = x + self.layer_scale2(self.mlp["fc2"](inside))
        return out

    def _three(self) -> list[Callable[[Tensor], Tensor]]:
        return list(self.attention["attention"].values())  # type: ignore[operator]


class DINOv2(nn.Module):
    """(B, 3, H, W), normalised by mean and deviation -> (B, 1 + H/p * W/p, C): the class token first, normed."""

    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        self.embeddings = Embeddings(c)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))})
        self.layernorm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)

    def forward(self, picture: Tensor, beat: Callable[[float], None] = lambda part: None) -> Tensor:
        x = self.embeddings(picture.to(self.embeddings.cls_token.dtype))
        layers = list(self.encoder["layer"])  # type: ignore[call-overload]
        for number, layer in enumerate(layers):
            beat(number / len(layers))
            x = layer(x)
        out: Tensor = self.layernorm(x)
        return out
