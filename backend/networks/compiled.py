# SPDX-License-Identifier: GPL-3.0-or-later
"""torch.compile for networks that are asked many times: their repeated blocks alone, which are compiled once for all of
them (regional compilation, as PyTorch and diffusers recommend). Whatever cannot be compiled runs as it is.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from ..worker.report import Report

BACKEND = "inductor"
DENOISERS = ("unet", "transformer", "transformer_2", "prior")
"""The parts of a pipeline of diffusers that are asked at every step."""


def compile_blocks(network: nn.Module, device: str, report: Report) -> bool:
    """Compile in place what `network._repeated_blocks` names, else all of it; False, and told, without a compiler.

    The first steps take up to a minute longer, for that is when it is done.
    """
    if not has_compiler(device):
        what = "a C++ compiler" if device == "cpu" else "Triton"
        report.warn(f"compile has no effect: {what} was not found. Install it, or leave compile off.")
        return False
    torch._dynamo.config.suppress_errors = True
    names = getattr(network, "_repeated_blocks", None) or ()
    for part in [part for part in network.modules() if type(part).__name__ in names] or [network]:
        part.compile(backend=BACKEND)
    return True


def compile_pipeline(pipeline: Any, device: str, report: Report) -> None:
    """The denoisers of a pipeline of diffusers; they stay where they are."""
    for name in DENOISERS:
        if isinstance(network := getattr(pipeline, name, None), nn.Module) and not compile_blocks(
            network, device, report
        ):
            return


def has_compiler(device: str) -> bool:
    """Whether what inductor writes for this device can be translated: C++ or Apple's Metal, or Triton for cards."""
    if device.startswith(("cuda", "xpu")):
        from torch.utils._triton import has_triton

        return bool(has_triton())
    return device == "mps" or any(map(shutil.which, ("c++", "g++", "clang++", "cl")))
