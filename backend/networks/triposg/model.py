# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG on a device: each of its networks is loaded when its turn comes, and kept or let go as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...protocol.errors import UserError
from .. import dinov2, libraries, words
from . import dit, flow, published, surface, vae
from .lean import Carried, pin
from .load import Source, silent

Beat = Callable[[float], None]

PLACES = {"cpu": 4096, "lean": 8192, "device": 32768}
"""Places that the field is asked at in one go."""


class Surface(NamedTuple):
    """Vertices (V, 3), faces (F, 3) counter-clockwise from outside; Z up, the object faces -Y; both may be empty."""

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    asked: int
    """Places at which the field was evaluated."""


@dataclass
class Model:
    """`lean`: no network stays on the device after its turn, and the transformer's layers come one by one."""

    source: Source
    device: torch.device
    dtype: torch.dtype
    int8: bool = False
    lean: bool = False
    quicker: Callable[[dit.DiT], bool] | None = None
    """Compiles the transformer and says whether it could."""

    def __post_init__(self) -> None:
        self._kept: dict[str, Any] = {}

    @torch.inference_mode()
    def look(self, picture: Tensor, beat: Beat = silent) -> Any:
        """(1, 3, H, W), normalised -> the encoder's tokens (1, M, C)"""
        network: dinov2.DINOv2 = self._ready(
            "encoder", lambda: self.source.encoder(self.device, self.dtype, lambda part: beat(0.5 * part))
        )
        return self._over("encoder", network(picture.to(self.device), lambda part: beat(0.5 + 0.5 * part)))

    @torch.inference_mode()
    def read(self, text: str) -> Any:
        """Words -> tokens (1, 77, C) of CLIP's text encoder: its last layer, normed."""
        tokenizer, network = self._ready("reader", self._reader)
        given = tokenizer([text], padding="max_length", truncation=True, return_tensors="pt")
        return self._over("reader", network(given["input_ids"].to(self.device)).last_hidden_state.to(self.dtype))

    def load(self, beat: Beat = silent) -> None:
        """The transformer, which is by far the largest."""
        self._ready("transformer", lambda: self._transformer(beat))

    @torch.inference_mode()
    def flow(
        self,
        told: Sequence[dit.Told],
        begun: Tensor,
        *,
        steps: int,
        guidance: float,
        done: int = 0,
        beat: Beat = silent,
        after: Callable[[int, Tensor], None] = lambda done, latents: None,
    ) -> Any:
        """Noise, or latents after `done` steps (B, N, C), both float32 -> latents."""
        network: dit.DiT = self._ready("transformer", lambda: self._transformer(silent))

        def predict(x: Tensor, times: Tensor, beat: Beat) -> Tensor:
            return network(x, times, told, beat)  # type: ignore[no-any-return]

        settings: dict[str, Any] = {"steps": steps, "guidance": guidance, "done": done, "beat": beat, "after": after}
        return self._over("transformer", flow.sample(predict, begun.to(self.device), **settings))

    @torch.inference_mode()
    def surface(self, latents: Tensor, depth: int, *, as_published: bool = False, beat: Beat = silent) -> Surface:
        """Of one object's latents (1, N, C); 2^depth cells a side."""
        kind = self.dtype if self.device.type == "cpu" or self.dtype == torch.float32 else torch.float16
        network: vae.VAE = self._ready("vae", lambda: self.source.autoencoder(self.device, kind))
        memory = network.remember(latents.to(self.device), lambda part: beat(0.05 * part))
        if not bool(memory.values.isfinite().all()):
            text = "The numbers grew too large for this precision. Choose precision=fp32, or bf16."
            raise UserError(text, kind="backend")

        def field(places: Tensor) -> Tensor:
            return network.field(places[None], memory)[0]

        chunk = PLACES["cpu" if self.device.type == "cpu" else "lean" if self.lean else "device"]
        find = published.find if as_published else surface.find
        vertices, faces, asked = find(
            field, depth, chunk=chunk, device=self.device, beat=lambda part: beat(0.05 + 0.95 * part)
        )
        return Surface(turned(vertices), faces, self._over("vae", asked))

    def _ready(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._kept:
            self._kept[name] = make()
        return self._kept[name]

    def _over(self, name: str, result: Any) -> Any:
        """The result of a network whose turn is over."""
        if self.lean and name != "transformer":  # which holds little of the device itself
            del self._kept[name]
        return result

    def _transformer(self, beat: Beat) -> dit.DiT:
        if not self.lean:
            network = self.source.transformer(self.device, self.dtype, self.int8, beat)
            if self.quicker and self.quicker(network):
                network.call = dit.whole
            return network
        network = self.source.transformer(torch.device("cpu"), self.dtype, self.int8, beat)
        for part in (network.time_proj, network.proj_in, network.proj_out, network.norm_out):
            part.to(self.device)
        if self.device.type == "cuda":
            pin(network.blocks)
        network.call = Carried(self.device)
        return network

    def _reader(self) -> tuple[Any, Any]:
        library = libraries.transformers()
        if isinstance(self.source.origin, int):
            config = library.CLIPTextConfig(hidden_size=self.source.shape().cross_attention_dim)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.source.origin)
                return words.tokenizer(), library.CLIPTextModelWithProjection(config).to(self.device, self.dtype).eval()
        folder: Path = self.source.origin
        try:
            tokenizer = library.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
            network = library.CLIPTextModelWithProjection.from_pretrained(
                folder / "text_encoder", local_files_only=True, use_safetensors=True, dtype=self.dtype
            )
        except (OSError, ValueError) as error:
            text = f"The text encoder in {folder} cannot be read ({libraries.short(error)}). Fetch it again."
            raise UserError(text, kind="weights") from None
        return tokenizer, network.to(self.device).eval()


def turned(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(V, 3) in TripoSG's axes, Y up and facing +Z as in glTF -> ours, Z up and facing -Y."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)
