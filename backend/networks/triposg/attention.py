# SPDX-License-Identifier: GPL-3.0-or-later
"""What the flow's transformer and the autoencoder share: attention in TripoSG's order of heads, and the feed-forward.

The published weights cut their heads from queries, keys and values laid side by side: a head's queries are not rows of
`to_q` alone. `arranged` moves the rows once, when the weights are read; after that attention is the ordinary one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Beat = Callable[[], None]
"""Called often; may raise to stop."""

ROWS = 512
"""Tokens that pass a feed-forward at a time on the CPU: faster than all at once, and a cancel need not wait."""
HEADS = 4
"""Heads that are looked at together on the CPU."""


def silent() -> None:
    pass


class Attention(nn.Module):
    """Queries from (B, N, C) over (B, M, context); only the output has a bias.

    `unit`: each head's queries and keys are brought to a length by a learned RMS norm. `own_norm`: the context gets a
    layer norm of its own.
    """

    def __init__(self, width: int, context: int, heads: int, *, unit: bool = False, own_norm: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(context, width, bias=False)
        self.to_v = nn.Linear(context, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        self.norm_q = nn.RMSNorm(width // heads, eps=1e-6) if unit else nn.Identity()
        self.norm_k = nn.RMSNorm(width // heads, eps=1e-6) if unit else nn.Identity()
        self.norm_cross = nn.LayerNorm(context) if own_norm else nn.Identity()

    def forward(self, x: Tensor, context: Tensor | None = None, beat: Beat = silent) -> Tensor:
        keys, values = self.remember(x if context is None else context, beat)
        return self.look(x, keys, values, beat)

    def remember(self, context: Tensor, beat: Beat = silent) -> tuple[Tensor, Tensor]:
        """(B, M, context) -> keys and values (B, heads, M, C / heads)"""
        context = self.norm_cross(context)
        keys = self.norm_k(self._cut(self.to_k(context)))
        beat()
        values = self._cut(self.to_v(context))
        beat()
        return keys, values

    def look(self, x: Tensor, keys: Tensor, values: Tensor, beat: Beat = silent) -> Tensor:
        q = self.norm_q(self._cut(self.to_q(x)))
        beat()
        few = min(self.heads, HEADS) if x.device.type == "cpu" else self.heads
        parts = []
        for triple in zip(*(torch.split(part, few, 1) for part in (q, keys, values)), strict=True):
            parts.append(F.scaled_dot_product_attention(*triple))
            beat()
        out: Tensor = self.to_out[0](torch.cat(parts, 1).transpose(1, 2).flatten(2))
        return out

    def _cut(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.heads, -1)).transpose(1, 2)


class FeedForward(nn.Module):
    """Four times as wide within, exact GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = nn.ModuleDict({"proj": nn.Linear(width, 4 * width)})
        self.net = nn.ModuleList([wide, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: Tensor, beat: Beat = silent) -> Tensor:
        wide, narrow = self.net[0]["proj"], self.net[2]  # type: ignore[index]
        parts = []
        for rows in torch.split(x.flatten(0, 1), ROWS if x.device.type == "cpu" else len(x) * x.shape[1]):
            parts.append(narrow(F.gelu(wide(rows))))
            beat()
        return torch.cat(parts).view(x.shape)


def arranged(state: Mapping[str, Tensor], heads: int) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a checkpoint, the rows of its attentions so that head h is the h-th part of each matrix.

    `attn1` joins queries, keys and values before it cuts heads, `attn2` and `attn2_2` keys and values alone.
    """
    for name, tensor in state.items():
        owner, _, leaf = name.rpartition(".to_")
        joined = ("q", "k", "v") if owner.endswith(".attn1") else ("k", "v")
        kind = leaf.removesuffix(".weight")
        if not owner or kind not in joined:
            yield name, tensor
        elif kind == joined[0]:
            rows = torch.cat([state[f"{owner}.to_{part}.weight"] for part in joined])
            cut = torch.unflatten(rows, 0, (heads, len(joined), -1))
            for number, part in enumerate(joined):
                yield f"{owner}.to_{part}.weight", cut[:, number].flatten(0, 1)
