# SPDX-License-Identifier: GPL-3.0-or-later
"""Put trained weights where the extension carries them: two safetensors files, the graph over them, their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from .model.export import export
from .training import lora
from .training.train import SHIPPED, load_weights, save_weights

ENCODER, WEIGHTS, GRAPH, CARD = "dinov2_vits14.safetensors", "lift.safetensors", "lift.onnx", "lift.json"


def release(weights: Path, folder: Path, base: Path = SHIPPED) -> dict[str, str]:
    """Copy `weights` to `folder`, where the encoder lies, export the graph, write lift.json; returns the hashes.

    An adapter is merged into the weights of `base`.
    """
    model, metadata = load_weights(weights, base)
    if lora.is_adapter(weights):
        save_weights(folder / WEIGHTS, model, {name: text for name, text in metadata.items() if name != "config"})
    else:
        part = folder / f"{WEIGHTS}.part"
        shutil.copyfile(weights, part)
        os.replace(part, folder / WEIGHTS)
    export(folder / ENCODER, folder / WEIGHTS, folder / GRAPH)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (ENCODER, WEIGHTS, GRAPH)}
    part = folder / f"{CARD}.part"
    part.write_text(json.dumps({"sha256": hashes, "metadata": metadata}, indent=1, sort_keys=True) + "\n")
    os.replace(part, folder / CARD)
    return hashes
