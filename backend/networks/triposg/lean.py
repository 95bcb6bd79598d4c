# SPDX-License-Identifier: GPL-3.0-or-later
"""Running with less memory: weights in int8, and layers that come to the device one after the other."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call


class Int8(nn.Module):
    """A linear layer whose weights are whole numbers of -127..127 and one scale for each output.

    They become numbers of the input's type each time, one layer at a time: a quarter of fp32's memory, no more speed.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, device: torch.device, dtype: torch.dtype) -> None:
        """`weight` (out, in) in full; `dtype` that of the inputs."""
        super().__init__()
        full = weight.float()
        scale = full.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
        self.rows: Tensor
        self.scale: Tensor
        self.register_buffer("rows", (full / scale).round().to(device, torch.int8))
        self.register_buffer("scale", scale.to(device, dtype))
        self.bias: nn.Parameter | None
        self.register_parameter("bias", bias if bias is None else nn.Parameter(bias, requires_grad=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.rows.to(x.dtype) * self.scale, self.bias)


class Carried:
    """Runs a part whose weights stay in main memory on a device: they are brought there for this one call.

    The copies are queued on the device and need no waiting where main memory is pinned.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def __call__(self, part: nn.Module, *args: Any) -> Tensor:
        here = {**dict(part.named_parameters()), **dict(part.named_buffers())}
        there = {name: tensor.to(self.device, non_blocking=True) for name, tensor in here.items()}
        out: Tensor = functional_call(part, there, args)
        return out


def pin(part: nn.Module) -> None:
    """Main memory that the device reads by itself; left as it is where the system does not give that."""
    try:
        for owner in part.modules():
            for name, weight in owner._parameters.items():
                if weight is not None:
                    owner._parameters[name] = nn.Parameter(weight.detach().pin_memory(), requires_grad=False)
            for name, tensor in owner._buffers.items():
                if tensor is not None:
                    owner._buffers[name] = tensor.pin_memory()
    except RuntimeError:
        return
