# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder as the hub has TripoSG's, tiny: the fixtures' weights, and an encoder from a seed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from galatea.backend.networks import dinov2
from galatea.backend.networks.triposg import dit
from galatea.backend.networks.triposg.invented import Invented

FIXTURES = Path(__file__).parent / "fixtures" / "triposg"
SMALL: dict[str, Any] = {
    "width": 64,
    "num_attention_heads": 4,
    "num_layers": 5,
    "in_channels": 8,
    "cross_attention_dim": 48,
}
SMALL_VAE = {
    "latent_channels": 8,
    "num_attention_heads": 4,
    "width_encoder": 32,
    "num_layers_encoder": 2,
    "width_decoder": 48,
    "num_layers_decoder": 2,
    "embed_frequency": 8,
    "in_channels": 3,
}
SMALL_ENCODER = {
    "model_type": "dinov2",
    "architectures": ["Dinov2Model"],
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "mlp_ratio": 4,
    "patch_size": 14,
    "image_size": 518,
    "layer_norm_eps": 1e-6,
}
SCRIBBLE = {**SMALL, "cross_attention_dim": 24, "cross_attention_2_dim": 48}


def tiny(folder: Path, transformer: dict[str, Any] | None = None) -> Path:
    """Everything; with other sizes than the fixtures' the transformer's numbers come from a seed too."""
    sizes = {"transformer": transformer or SMALL, "vae": SMALL_VAE, "image_encoder_dinov2": SMALL_ENCODER}
    for part, config in sizes.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "config.json").write_text(json.dumps(config))
    shutil.copy(FIXTURES / "tiny_vae.safetensors", folder / "vae" / "diffusion_pytorch_model.safetensors")
    target = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    if transformer:
        with torch.device("meta"):
            shapes = dit.DiT(dit.Config.of(transformer)).state_dict()
        save_file(dict(Invented(shapes, 2)), target)
    else:
        shutil.copy(FIXTURES / "tiny_dit.safetensors", target)
    with torch.device("meta"):
        shapes = dinov2.DINOv2(dinov2.Config.of(SMALL_ENCODER)).state_dict()
    encoder = dict(Invented(shapes, 1))
    for name, tensor in encoder.items():
        if name.endswith("lambda1"):
            encoder[name] = tensor + 0.7
    save_file(encoder, folder / "image_encoder_dinov2" / "model.safetensors", metadata={"format": "pt"})
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    return folder
