# SPDX-License-Identifier: GPL-3.0-or-later
"""What training runs on: one device, or several processes that `torchrun` started, each with a slice of the batch."""

from __future__ import annotations

import contextlib
import functools
import os
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from ...protocol.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
"""ROCm's torch calls its cards cuda."""


def choose(name: str = "auto") -> torch.device:
    """The device of that name, the best one for "auto". Of several cards torchrun's LOCAL_RANK says which."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    if name not in there:
        raise UserError(f"There is no device {name}. There are {', '.join(DEVICES)}.", kind="usage")
    if not there[name]:
        raise UserError(
            f"This torch sees no {name} device. Install a torch that is built for it, or use --device cpu.",
            kind="device",
        )
    if name == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        torch.cuda.set_device(device)
        return device
    return torch.device(name)


@functools.cache
def half(device: torch.device) -> bool:
    """Whether bfloat16 is this device's own; where it is emulated or unknown, float32 is faster or all there is."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch._C._has_mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    try:
        one = torch.ones(2, 2, device=device, dtype=torch.bfloat16)
        return bool((one @ one).sum().item() == 8)
    except (RuntimeError, TypeError):
        return False


def autocast(device: torch.device, wanted: bool = True) -> AbstractContextManager[Any]:
    """Matrix products in bfloat16 where it is wanted and the device has it, else float32 throughout."""
    return torch.autocast(device.type, torch.bfloat16) if wanted and half(device) else contextlib.nullcontext()


class Ranks:
    """The processes that train together: one, or those that torchrun started."""

    def __init__(self, device: torch.device) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.number = int(os.environ.get("RANK", "0"))
        self.device = device
        if self.count > 1 and not dist.is_initialized():
            dist.init_process_group("nccl" if device.type == "cuda" else "gloo")

    @property
    def first(self) -> bool:
        """The one that writes."""
        return self.number == 0

    def slice(self, batch: int) -> slice:
        """This process's part of a batch."""
        if batch % self.count:
            raise UserError(f"A batch of {batch} cannot be split among {self.count} processes. Change batch.")
        each = batch // self.count
        return slice(self.number * each, (self.number + 1) * each)

    def mean(self, values: Tensor) -> Tensor:
        """Over all processes, elementwise, without a gradient."""
        if self.count == 1:
            return values
        values = values.detach().clone()
        dist.all_reduce(values)
        return values / self.count

    def share(self, count: Tensor) -> Tensor:
        """`losses.Share`: what to divide this process's sum by, so that the mean over processes is the whole mean."""
        if self.count == 1:
            return count.clamp(min=1)
        count = count.detach().clone()
        dist.all_reduce(count)
        return count.clamp(min=1) / self.count

    def leave(self) -> None:
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()
