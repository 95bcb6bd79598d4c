# SPDX-License-Identifier: GPL-3.0-or-later
"""Put trained weights where the extension carries them: two safetensors files, the graph over them, their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from .model.export import export
from .training.train import load_weights

ENCODER, WEIGHTS, GRAPH, CARD = "dinov2_vits14.safetensors", "lift.safetensors", "lift.onnx", "lift.json"


def release(weights: Path, folder: Path) -> dict[str, str]:
    """Copy `weights` to `folder`, where the encoder lies, export the graph, write lift.json; returns the hashes."""
    metadata = load_weights(weights)[1]
    part = folder / f"{WEIGHTS}.part"
    shutil.copyfile(weights, part)
    os.replace(part, folder / WEIGHTS)
    export(folder / ENCODER, folder / WEIGHTS, folder / GRAPH)
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (ENCODER, WEIGHTS, GRAPH)}
    part = folder / f"{CARD}.part"
    part.write_text(json.dumps({"sha256": hashes, "metadata": metadata}, indent=1, sort_keys=True) + "\n")
    os.replace(part, folder / CARD)
    return hashes
