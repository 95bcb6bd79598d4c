# SPDX-License-Identifier: GPL-3.0-or-later
"""Low-rank adapters (Hu et al. 2022): the matrices stay as they are, a thin product A·B on top of each is trained.

Beside the adapters the norms and the heads train, which are few numbers; all else is frozen.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ...protocol import whole
from ...protocol.errors import UserError
from ...protocol.job import sha256
from ..model.network import Lift

ADAPTED = re.compile(r"enter|layers\.\d+\.(qkv|proj|up|down)|grow[12]|join[12]|(middle|fine)\.\d+\.conv[12]")
WHOLE = re.compile(r"(camera|front|profile|colour|leave|.*\bnorm\d)\b.*")
"""Parameters that train as they are: heads and norms."""


class LowRank(nn.Module):
    """A weight (out, in, …) -> itself + A·B, with A (out, rank) nought at first and B (rank, in …)."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        inner = weight[0].numel()
        self.a = nn.Parameter(weight.new_zeros(len(weight), rank))
        self.b = nn.Parameter(torch.randn(rank, inner, device=weight.device, dtype=weight.dtype) / inner**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + (self.a @ self.b).view_as(weight).to(weight)


def adapt(model: Lift, rank: int) -> None:
    """Put adapters on the trunk's and the decoder's matrices and convolutions and freeze what they replace."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(WHOLE.fullmatch(name) is not None)
    for name, module in list(model.named_modules()):
        if ADAPTED.fullmatch(name):
            assert isinstance(module.weight, Tensor)
            parametrize.register_parametrization(module, "weight", LowRank(module.weight, rank))


def merged(model: Lift) -> Lift:
    """A plain network that computes the same: on the CPU, float32; the same one where there are no adapters."""
    if not any(parametrize.is_parametrized(module) for module in model.modules()):
        return model
    state = {name: value for name, value in model.state_dict().items() if ".parametrizations." not in name}
    for name, module in model.named_modules():
        if parametrize.is_parametrized(module, "weight"):
            with torch.no_grad():
                state[f"{name}.weight"] = module.weight
    plain = Lift(model.config)
    plain.load_state_dict(state)
    return plain


def save_adapter(path: Path, model: Lift, base: Path) -> None:
    """What was trained alone, float16, and which weights it belongs to; whole or not at all."""
    state = {
        name: parameter.detach().cpu().half().contiguous()
        for name, parameter in model.named_parameters()
        if (".parametrizations." not in name and WHOLE.fullmatch(name)) or name.endswith((".weight.0.a", ".weight.0.b"))
    }
    whole.write(path, save(state, {"adapter": json.dumps({"base": sha256(base)})}))


def is_adapter(path: Path) -> bool:
    with safe_open(path, "pt") as file:
        return "adapter" in (file.metadata() or {})


def load_adapter(path: Path, model: Lift, base: Path) -> Lift:
    """The network with the weights of `base` -> that with the adapter merged in. `UserError` where it is of others."""
    with safe_open(path, "pt") as file:
        about = json.loads((file.metadata() or {})["adapter"])
    if about["base"] != sha256(base):
        raise UserError(f"{path} was trained on top of other weights than {base}. Use the merged file beside it.")
    state = {name: value.float() for name, value in load_file(path).items()}
    rank = next(value.shape[1] for name, value in state.items() if name.endswith(".weight.0.a"))
    adapt(model, rank)
    model.load_state_dict(state, strict=False)
    return merged(model).eval()
