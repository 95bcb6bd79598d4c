# SPDX-License-Identifier: GPL-3.0-or-later
"""What each device of this machine gives, in each precision, against the processor's float32 (ARCHITECTURE.md).

Here on a processor alone this tries the precisions; on a machine with a card it tries the card too.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from galatea.backend.hub import support
from galatea.backend.networks import triposr
from galatea.backend.networks.triposg import dit
from galatea.backend.networks.triposg.load import Source
from galatea.backend.networks.triposg.model import Model

from .triposg_folder import FIXTURES as TRIPOSG
from .triposg_folder import tiny

NEAR = {torch.float32: 2e-3, torch.bfloat16: 0.02, torch.float16: 0.02}
"""How far apart, as a part of the whole tensor's length."""
WAYS = [(device, dtype) for device in support.devices("auto") for dtype in NEAR]


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found.cpu() - wanted).norm() / wanted.norm())


@pytest.mark.parametrize(("device", "dtype"), WAYS)
def test_triposr(device: str, dtype: torch.dtype, tiny_model_path: Path, known: dict[str, Tensor]) -> None:
    made = triposr.load(tiny_model_path, device, dtype).codes(known["image"][None])
    assert apart(made, known["out.scene_codes"]) < NEAR[dtype]


@pytest.mark.parametrize(("device", "dtype"), WAYS)
def test_triposg(device: str, dtype: torch.dtype, tmp_path: Path) -> None:
    folder, told = tiny(tmp_path), load_file(TRIPOSG / "tiny_io.safetensors")

    def flowed(model: Model) -> Tensor:
        words = [dit.Told(told["in.image_embeds"].to(model.device))]
        return model.flow(words, told["in.latents"][:1], steps=50, guidance=7.0, done=47)

    wanted = flowed(Model(Source(folder, folder), torch.device("cpu"), torch.float32))
    assert apart(flowed(Model(Source(folder, folder), torch.device(device), dtype)), wanted) < NEAR[dtype]
