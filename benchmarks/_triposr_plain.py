# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSR as the reference runs it, written a second time: what `triposr.py` measures ours against.

All at once: no attention is cut in pieces, all points of the lattice are made and all go through the network.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F


def codes(state: dict[str, Any], picture: Any) -> Any:
    """(1, 3, 512, 512) -> (3, 40, 64, 64) by the published sizes, each operation on the whole of its input at once."""

    def linear(x: Any, name: str) -> Any:
        return F.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def norm(x: Any, name: str, eps: float = 1e-5) -> Any:
        return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], eps)

    def heads(x: Any) -> Any:
        return x.view(1, x.shape[1], -1, 64).transpose(1, 2)

    tokens = "image_tokenizer.model"
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (picture - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    first = f"{tokens}.embeddings.patch_embeddings.projection"
    x = F.conv2d(x, state[f"{first}.weight"], state[f"{first}.bias"], 16).flatten(2).transpose(1, 2)
    table = state[f"{tokens}.embeddings.position_embeddings"]
    grid = table[:, 1:].view(1, 14, 14, 768).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, scale_factor=32.1 / 14, mode="bicubic").flatten(2).transpose(1, 2)
    x = torch.cat([state[f"{tokens}.embeddings.cls_token"] + table[:, :1], x + grid], dim=1)
    for number in range(12):
        layer = f"{tokens}.encoder.layer.{number}"
        h = norm(x, f"{layer}.layernorm_before", 1e-12)
        q, k, v = (heads(linear(h, f"{layer}.attention.attention.{name}")) for name in ("query", "key", "value"))
        mixed = (q @ k.transpose(2, 3) / 8).softmax(dim=-1) @ v  # its encoder attends step by step
        x = x + linear(mixed.transpose(1, 2).flatten(2), f"{layer}.attention.output.dense")
        h = F.gelu(linear(norm(x, f"{layer}.layernorm_after", 1e-12), f"{layer}.intermediate.dense"))
        x = x + linear(h, f"{layer}.output.dense")
    context = norm(x, f"{tokens}.layernorm", 1e-12)

    planes = state["tokenizer.embeddings"].permute(1, 0, 2, 3).flatten(1)[None]
    x = F.group_norm(planes, 32, state["backbone.norm.weight"], state["backbone.norm.bias"], 1e-6).transpose(1, 2)
    x = linear(x, "backbone.proj_in")
    for number in range(16):
        block = f"backbone.transformer_blocks.{number}"
        for attention, of in (("1", None), ("2", context)):
            h = norm(x, f"{block}.norm{attention}")
            sources = {"q": h, "k": h if of is None else of, "v": h if of is None else of}
            q, k, v = (heads(linear(source, f"{block}.attn{attention}.to_{n}")) for n, source in sources.items())
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = x + linear(mixed, f"{block}.attn{attention}.to_out.0")
        value, gate = linear(norm(x, f"{block}.norm3"), f"{block}.ff.net.0.proj").chunk(2, dim=-1)
        x = x + linear(value * F.gelu(gate), f"{block}.ff.net.2")
    x = linear(x, "backbone.proj_out").transpose(1, 2) + planes
    x = x.view(1024, 3, 32, 32).transpose(0, 1)
    return F.conv_transpose2d(x, state["post_processor.upsample.weight"], state["post_processor.upsample.bias"], 2)


def field(state: dict[str, Any], count: int) -> Any:
    """Densities (count, count, count): every point is made, read from the planes and sent through the network."""
    axis = torch.linspace(0, 1, count)
    points = torch.stack([x.reshape(-1) for x in torch.meshgrid(axis, axis, axis, indexing="ij")], dim=1) * 1.74 - 0.87
    made = []
    for some in torch.split(points, 8192):
        unit = (some + 0.87) / 1.74 * 2 - 1
        grid = torch.stack([unit[:, [0, 1]], unit[:, [0, 2]], unit[:, [1, 2]]])[:, None]
        x = F.grid_sample(state["codes"], grid, align_corners=False)[:, :, 0].flatten(0, 1).T
        for number in range(0, 20, 2):
            x = F.linear(x, state[f"layers.{number}.weight"], state[f"layers.{number}.bias"])
            x = F.silu(x) if number < 18 else x
        made.append(torch.exp(x[:, 0] - 1))
    return torch.cat(made).view(count, count, count)
