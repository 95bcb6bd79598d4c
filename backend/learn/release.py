# SPDX-License-Identifier: GPL-3.0-or-later
"""Put trained weights where the extension carries them: two safetensors files, the graph over them, their hashes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from safetensors.torch import save_file

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
    part = folder / f"{WEIGHTS}.part"
    save_file(pack(model.state_dict()), part, metadata=about)
    os.replace(part, folder / WEIGHTS)
    export(folder / ENCODER, folder / WEIGHTS, folder / GRAPH)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (ENCODER, WEIGHTS, GRAPH)}
    part = folder / f"{CARD}.part"
    part.write_text(json.dumps({"sha256": hashes, "metadata": about}, indent=1, sort_keys=True) + "\n")
    os.replace(part, folder / CARD)
    return hashes
