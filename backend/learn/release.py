# SPDX-License-Identifier: GPL-3.0-or-later
"""Put trained weights where the extension carries them: two safetensors files, the graph over them, their hashes."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save

from ..protocol import whole
from ..protocol.job import sha256
from .model.encoder import pack
from .model.export import export
from .training.train import SHIPPED, load_weights

ENCODER, WEIGHTS, GRAPH, CARD = "dinov2_vits14.safetensors", "lift.safetensors", "lift.onnx", "lift.json"


def release(weights: Path, folder: Path, base: Path = SHIPPED) -> dict[str, str]:
    """Pack `weights` into `folder`, where the encoder lies, export the graph, write lift.json; returns the hashes.

    Matrices become int8 (docs/model.md: what that costs). An adapter is merged into the weights of `base`.
    """
    model, metadata = load_weights(weights, base)
    about = {**metadata, "config": json.dumps(model.config.plain())}
    whole.write(folder / WEIGHTS, save(pack(model.state_dict()), about))  # save_file's are for their owner alone
    export(folder / ENCODER, folder / WEIGHTS, folder / GRAPH)
    hashes = {name: sha256(folder / name) for name in (ENCODER, WEIGHTS, GRAPH)}
    card = json.dumps({"sha256": hashes, "metadata": about}, indent=1, sort_keys=True) + "\n"
    whole.write(folder / CARD, card.encode())
    return hashes
