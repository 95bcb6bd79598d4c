# SPDX-License-Identifier: GPL-3.0-or-later
"""The frozen encoder's tokens of every view, computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from ...protocol import whole
from ..model.encoder import Encoder, unpack
from ..model.network import on_grey
from .devices import autocast
from .samples import mapped, shards, tokens_of


def load_encoder(path: Path) -> Encoder:
    encoder = Encoder().eval().requires_grad_(False)
    encoder.load_state_dict(unpack(load_file(path)))
    return encoder


def encode(encoder: Encoder, rgba: NDArray[Any], device: str = "cpu") -> torch.Tensor:
    """(B, 224, 224, 4) uint8 -> tokens (B, 257, 768) float32."""
    picture = on_grey(torch.from_numpy(np.array(rgba)).to(device))
    with torch.inference_mode(), autocast(torch.device(device)):
        tokens: torch.Tensor = encoder(picture)
    return tokens.float()


def build(data: Path, split: str, encoder: Path, report: Callable[[str, float], None], *, batch: int = 16) -> int:
    """Write the tokens of each shard that has none, or those of other views; returns how many views were encoded."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_encoder(encoder).to(device)
    paths = shards(data, split)
    done = 0
    for number, path in enumerate(paths):
        report(f"Encoding {path.name}", number / max(1, len(paths)))
        card = path.with_suffix(".json").read_bytes()
        source = hashlib.sha256(encoder.read_bytes() + card).hexdigest()
        target = tokens_of(path)
        if target.is_file() and _source(target) == source:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        rgba = mapped(path)["rgba"]
        parts = [encode(model, rgba[i : i + batch], device).half().cpu() for i in range(0, len(rgba), batch)]
        with whole.part(target) as part:
            save_file({"tokens": torch.cat(parts)}, part, metadata={"source": source})
        done += len(rgba)
    report("Encoding", 1.0)
    return done


def _source(path: Path) -> str:
    try:
        with safe_open(path, "pt") as file:
            return str((file.metadata() or {}).get("source", ""))
    except SafetensorError:
        return ""
