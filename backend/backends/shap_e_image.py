# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by Shap-E: quick and coarse; it knows everyday things from all sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images
from ..hub.params import LEARNED
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..protocol.job import Request
    from ..worker.report import Report

SIDE = 512
"""px, of which the model sees half."""
FILL = 0.8

OFFICIAL = Weights(
    repository="openai/shap-e-img2img",
    revision="0e0aba80f08d368aaf6af9cb93583707481cc29b",
    files=(
        File("model_index.json", 0),
        File("prior/config.json", 0),
        File("prior/diffusion_pytorch_model.fp16.safetensors", 0),
        File("renderer/config.json", 0),
        File("renderer/diffusion_pytorch_model.fp16.safetensors", 0),
        File("scheduler/scheduler_config.json", 0),
        File("image_encoder/config.json", 0),
        File("image_encoder/model.fp16.safetensors", 0),
        File("image_processor/preprocessor_config.json", 0),
    ),
    license="MIT",
    page="https://huggingface.co/openai/shap-e-img2img",
)
"""The halved precision in safetensors: `shap_e_renderer` beside it is a pickle and is left where it is."""


class Backend:
    spec = BackendSpec(
        id="shap_e_image",
        label="Shap-E (photo)",
        task="image-to-mesh",
        help="Makes a coarse coloured mesh like the photo. It knows backs, but keeps neither outline nor texture.",
        runtime="full",
        license="MIT",
        inputs=("cutout",),
        outputs=("mesh",),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("candidates", "int", 1, "Objects to make, each from a seed of its own", low=1, high=8),
            Param("steps", "int", 64, "Steps of denoising: fewer are quicker and rougher", low=2, high=256),
            Param("guidance", "float", 3.0, "How closely it keeps to what is asked", low=1.0, high=30.0),
            Param("grid", "int", 128, "Points along a side at which the surface is looked for", low=32, high=512),
            Param("points", "int", 0, "Points of a cloud to write too, as PLY; 0 for none", low=0, high=5_000_000),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 2.8), ("fp32", 4.6)),
    )

    def __init__(self) -> None:
        from ..shaping import Maker

        self._maker = Maker(self.spec, words=False)

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        self._maker.run(request, params, _on_white(request.inputs["cutout"]), report)


def _on_white(path: str) -> Image:
    """The object on a white square, as the model saw things when it was trained, its longest side FILL of it."""
    from PIL import Image as Pillow

    photo = images.opened(path)
    object_ = photo.crop(images.extent(photo))
    side = round(max(object_.size) / FILL)
    white = Pillow.new("RGBA", (side, side), (255, 255, 255, 255))
    white.alpha_composite(object_, ((side - object_.width) // 2, (side - object_.height) // 2))
    return white.convert("RGB").resize((SIDE, SIDE), Pillow.Resampling.LANCZOS)
