# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backends that see depth share: weights, memory, and what they can be told."""

from __future__ import annotations

from ..protocol.spec import File, Param, Weights
from .params import LEARNED

OFFICIAL = Weights(
    repository="depth-anything/Depth-Anything-V2-Small-hf",
    revision="5426e4f0f36572d16453bbda7a8389317b1bef99",
    files=(
        File("config.json", 950, "c56698d3643dde1f83ea2212759e6b31a22b8f827246a36dd007ee8a22b3ff75"),
        File("model.safetensors", 99173660, "3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70"),
        File("preprocessor_config.json", 775, "d41175c0d889477ca8fc67191e540faef14baf6275157b3fdecf78469e6bbf84"),
    ),
    license="Apache-2.0",
    page="https://huggingface.co/depth-anything/Depth-Anything-V2-Small-hf",
)
LICENCE = "Apache-2.0 (Depth Anything V2 Small); other weights have their own"
MEMORY = (("fp32", 1.1), ("bf16", 0.9), ("fp16", 0.9))
STRENGTH = Param(
    "strength",
    "float",
    0.0,
    "Depth as a share of the longest side; 0 is what a model measured, or 0.3 where none did",
    low=0.0,
    high=1.5,
)
MODELS = (Param("normal_steps", "int", 4, "Steps of that model", low=1, high=50), *LEARNED)
"""After the model for normals."""
