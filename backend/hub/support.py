# SPDX-License-Identifier: GPL-3.0-or-later
"""What the devices of this machine can do."""

from __future__ import annotations

import os
from typing import Any

from ..protocol.errors import UserError


def devices(asked: str) -> list[str]:
    """torch's names for what was asked, the quickest first; the processor is the last resort of `auto` alone. `gpu` is
    whatever there is but the processor."""
    import torch

    found = _cards("cuda") + _cards("xpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    found.append("cpu")
    mine = [name for name in found if asked in ("auto", name.partition(":")[0]) or (asked == "gpu" and name != "cpu")]
    if not mine:
        text = f"torch finds no {asked} device here. There is: {', '.join(found)}. Choose one of these, or auto;"
        raise UserError(f"{text} if there should be one, look at `galatea doctor`.", kind="device")
    return mine


def _cards(kind: str) -> list[str]:
    """The one with most free memory; a model that is spread over several is another matter."""
    import torch

    part = getattr(torch, kind)
    if not part.is_available():
        return []
    free = [(part.mem_get_info(index)[0], -index) for index in range(part.device_count())]
    return [f"{kind}:{-max(free)[1]}"]


def suits(device: str, precision: str) -> bool:
    """A processor takes fp32 and int8, and bf16 where that is faster than fp32."""
    if device == "cpu":
        return precision in ("fp32", "int8") or (precision == "bf16" and bf16_pays())
    return precision != "bf16" or _bf16(device)


def best(device: str, precision: str) -> Any:
    """The torch.dtype to calculate in; with int8 only the weights are int8."""
    import torch

    named = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision in named:
        return named[precision]
    if suits(device, "bf16"):
        return torch.bfloat16
    return torch.float32 if device == "cpu" else torch.float16


def bf16_pays() -> bool:
    """The processor multiplies bf16 matrices faster than fp32 ones, and nobody has told oneDNN to leave that alone.

    Measured on whole models: 4.9 times as fast with AMX, 1.4 to 1.8 times on AMD's cores with AVX-512 BF16; no gain on
    Intel's with the same instruction, and up to 4.5 times slower where there is none.
    """
    import torch

    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    most = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    unbound = most in ("", "ALL", "DEFAULT")
    if capabilities.get("amx_bf16"):
        return unbound or "AMX" in most
    amd = str(capabilities.get("cpu_name", "")).startswith("AMD")
    return amd and bool(capabilities.get("avx512_bf16")) and (unbound or "BF16" in most)


def _bf16(device: str) -> bool:
    import torch

    if not device.startswith("cuda"):
        return True
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
