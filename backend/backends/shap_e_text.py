# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to mesh by Shap-E: quick and coarse; it knows everyday things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hub.params import LEARNED
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from ..protocol.job import Request
    from ..worker.report import Report

OFFICIAL = Weights(
    repository="openai/shap-e",
    revision="7bd337afdea1c17842e1c3cc45c4e268356dba40",
    files=(
        File("model_index.json", 0),
        File("prior/config.json", 0),
        File("prior/diffusion_pytorch_model.fp16.safetensors", 0),
        File("renderer/config.json", 0),
        File("renderer/diffusion_pytorch_model.fp16.safetensors", 0),
        File("scheduler/scheduler_config.json", 0),
        File("text_encoder/config.json", 0),
        File("text_encoder/model.fp16.safetensors", 0),
        File("tokenizer/merges.txt", 0),
        File("tokenizer/special_tokens_map.json", 0),
        File("tokenizer/tokenizer_config.json", 0),
        File("tokenizer/vocab.json", 0),
    ),
    license="MIT",
    page="https://huggingface.co/openai/shap-e",
)
"""The halved precision in safetensors: `shap_e_renderer` beside it is a pickle and is left where it is."""


class Backend:
    spec = BackendSpec(
        id="shap_e_text",
        label="Shap-E (words)",
        task="text-to-mesh",
        help="Makes a coarse coloured mesh of a few words: seconds on a card, minutes without. Best at everyday things",
        runtime="full",
        license="MIT",
        outputs=("mesh",),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("prompt", "str", "", "What to make, in a few English words: a red armchair"),
            Param("candidates", "int", 1, "Objects to make, each from a seed of its own", low=1, high=8),
            Param("steps", "int", 64, "Steps of denoising: fewer are quicker and rougher", low=2, high=256),
            Param("guidance", "float", 15.0, "How closely it keeps to what is asked", low=1.0, high=30.0),
            Param("grid", "int", 128, "Points along a side at which the surface is looked for", low=32, high=512),
            Param("points", "int", 0, "Points of a cloud to write too, as PLY; 0 for none", low=0, high=5_000_000),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 2.4), ("fp32", 3.8)),
    )

    def __init__(self) -> None:
        from ..shaping import Maker

        self._maker = Maker(self.spec, words=True)

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        prompt = params["prompt"].strip()
        if not prompt:
            raise UserError("Say what to make: --set 'shap_e_text.prompt=a red armchair'.", kind="usage")
        self._maker.run(request, params, prompt, report)
