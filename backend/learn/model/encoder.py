# SPDX-License-Identifier: GPL-3.0-or-later
"""DINOv2 ViT-S/14 (Oquab et al. 2023, Apache-2.0), frozen; its tensors are named as in the published checkpoint.

Its linear weights are kept as int8 with one scale for each output; Lift is trained on what that encoder gives, so
nothing is lost between training and use.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, HEADS, BLOCKS, PATCH = 384, 6, 12, 14
SIZE = 224
"""Side of the picture in pixels."""
SIDE = SIZE // PATCH
"""Tokens a side."""
TAPS = (7, 11)
"""Blocks whose output is handed on, the last one after the final norm."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, count, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, count, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, count, WIDTH)
        out: Tensor = self.proj(mixed)
        return out


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Scale(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(WIDTH))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp, self.ls1, self.ls2 = Attention(), Mlp(), Scale(), Scale()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1.gamma * self.attn(self.norm1(x))
        out: Tensor = x + self.ls2.gamma * self.mlp(self.norm2(x))
        return out


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x).flatten(2).transpose(1, 2)
        return out


class Encoder(nn.Module):
    """(B, 3, 224, 224) sRGB in 0..1 -> (B, 257, 768): the class token first, then the picture's row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + SIDE * SIDE, WIDTH))
        self.patch_embed = Patches()
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, picture: Tensor) -> Tensor:
        mean, std = (torch.tensor(v, dtype=picture.dtype, device=picture.device).view(3, 1, 1) for v in (_MEAN, _STD))
        patches = self.patch_embed((picture - mean) / std)
        x = torch.cat([self.cls_token.expand(patches.shape[0], -1, -1), patches], dim=1) + self.pos_embed
        taps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                taps.append(self.norm(x) if number == BLOCKS - 1 else F.layer_norm(x, (WIDTH,)))
        return torch.cat(taps, dim=2)


def quantise(weight: Tensor) -> tuple[Tensor, Tensor]:
    """(O, ...) float -> int8 of the same shape and (O,) scales: symmetric, so that `int8 * scale` is the weight."""
    scale = weight.flatten(1).abs().amax(dim=1).clamp_min(1e-12) / 127
    shape = (-1,) + (1,) * (weight.ndim - 1)
    return (weight / scale.view(shape)).round().clamp(-127, 127).to(torch.int8), scale


def pack(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state as it is shipped: matrices int8 with `<name>.scale`, all else float16."""
    packed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if name.endswith(".weight") and tensor.ndim >= 2:
            packed[name], packed[f"{name}.scale"] = quantise(tensor.float())
        else:
            packed[name] = tensor.half()
    return {name: tensor.contiguous() for name, tensor in packed.items()}


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` packed, as float32."""
    state: dict[str, Tensor] = {}
    for name, tensor in packed.items():
        if name.endswith(".scale"):
            continue
        scale = packed.get(f"{name}.scale")
        value = tensor.float()
        state[name] = value if scale is None else value * scale.float().view((-1,) + (1,) * (value.ndim - 1))
    return state
