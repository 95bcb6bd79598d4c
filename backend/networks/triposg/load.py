# SPDX-License-Identifier: GPL-3.0-or-later
"""The published files, or weights from a seed, into networks that are ready to run.

A folder as the hub has it: `transformer`, `vae` and `image_encoder_dinov2`, each with its `config.json` and its file of
tensors. Networks are made without numbers and get them tensor by tensor, so that nothing is in memory twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...protocol.errors import UserError
from .. import dinov2, weights
from . import dit, vae
from .attention import arranged
from .invented import Invented
from .lean import Int8

FILES = {
    "transformer": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
    "image_encoder_dinov2": "model.safetensors",
}
Beat = Callable[[float], None]
Config = TypeVar("Config", dit.Config, vae.Config, dinov2.Config)
Network = TypeVar("Network", bound=nn.Module)


def silent(part: float) -> None:
    pass


@dataclass(frozen=True)
class Source:
    """Where weights come from.

    `origin` is a folder or a seed. The sizes are those of the `config.json` files below `sizes`, also where the numbers
    come from a seed; where there is none, those of `usual` and the published ones.
    """

    origin: Path | int
    sizes: Path
    usual: dit.Config = dit.Config()  # noqa: RUF009

    def transformer(self, device: torch.device, dtype: torch.dtype, int8: bool, beat: Beat = silent) -> dit.DiT:
        """`int8`: the matrices of the layers; `dtype` is then what is calculated in."""
        config = self.shape()
        network = _empty(lambda: dit.DiT(config), "transformer")
        return self._fill("transformer", network, config.num_attention_heads, device, dtype, int8=int8, beat=beat)

    def autoencoder(self, device: torch.device, dtype: torch.dtype, beat: Beat = silent) -> vae.VAE:
        """Without what only makes latents of surfaces."""
        config = self._config("vae", vae.Config())
        network = _empty(lambda: vae.VAE(config), "vae")
        return self._fill(
            "vae", network, config.num_attention_heads, device, dtype, without=("encoder", "quant"), beat=beat
        )

    def encoder(self, device: torch.device, dtype: torch.dtype, beat: Beat = silent) -> dinov2.DINOv2:
        config = self._config("image_encoder_dinov2", dinov2.Config())
        network = _empty(lambda: dinov2.DINOv2(config), "image_encoder_dinov2")
        return self._fill("image_encoder_dinov2", network, 1, device, dtype, beat=beat)

    def shape(self) -> dit.Config:
        """The transformer's sizes."""
        return self._config("transformer", self.usual)

    def _config(self, part: str, usual: Config) -> Config:
        path = self.sizes / part / "config.json"
        if not path.is_file():
            return usual
        try:
            made = type(usual).of(json.loads(path.read_text(encoding="utf-8")))
            if not all(value is None or 0 < value < 1 << 16 for value in vars(made).values()):
                raise ValueError("sizes are positive and not too large")
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{path} names no sizes ({error}). Fetch it again.", kind="weights") from None
        return made

    def _state(self, part: str, wanted: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        if isinstance(self.origin, int):
            return Invented(wanted, self.origin)
        if self.origin.is_file():
            text = f"{self.origin.name} is one file. Choose the folder that holds {', '.join(FILES)}."
            raise UserError(text, kind="weights")
        path = self.origin / part / FILES[part]
        state, _ = weights.read(path)
        weights.check(f"{part}/{path.name}", state, wanted, "TripoSG")
        return state

    def _fill(
        self,
        part: str,
        network: Network,
        heads: int,
        device: torch.device,
        dtype: torch.dtype,
        *,
        int8: bool = False,
        without: tuple[str, ...] = (),
        beat: Beat,
    ) -> Network:
        wanted = network.state_dict()
        state = self._state(part, wanted)
        for name in without:
            delattr(network, name)
        for number, (name, tensor) in enumerate(arranged(state, heads)):
            beat(number / len(wanted))
            if name.partition(".")[0] in without:
                continue
            place, _, leaf = name.rpartition(".")
            owner = network.get_submodule(place)
            if int8 and name.startswith("blocks.") and isinstance(owner, nn.Linear) and leaf == "weight":
                above, _, last = place.rpartition(".")
                setattr(network.get_submodule(above), last, Int8(tensor, owner.bias, device, dtype))
            else:
                setattr(owner, leaf, nn.Parameter(tensor.to(device, dtype), requires_grad=False))
        return network.eval()


def _empty(make: Callable[[], Network], part: str) -> Network:
    """A network whose tensors are on the meta device."""
    try:
        with torch.device("meta"):
            return make()
    except (ArithmeticError, RuntimeError, ValueError):
        text = f"The config.json of {part} names sizes that make no network. Fetch it again."
        raise UserError(text, kind="weights") from None
