# SPDX-License-Identifier: GPL-3.0-or-later
"""How far away what a picture shows is, and how it is turned: Depth Anything, Depth Pro and Marigold.

The networks are those of transformers and diffusers, with the published files and their preparation of pictures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ..protocol.errors import UserError
from . import libraries, watch
from .watch import Beat

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


class Seen(NamedTuple):
    """What is known of each pixel of a picture (H, W)."""

    near: Floats
    """More is nearer; where only this is known, times and plus something, it goes as one by the distance."""
    metres: Floats | None = None
    """The distance along the view, where the model measures it."""
    fov: float | None = None
    """Degrees across the picture, where the model knows them."""


class Estimator:
    """A model for depth, loaded: called with a picture (H, W, 3), sRGB, it tells what it has seen."""

    def __init__(self, model: Any, prepare: Callable[[Pixels], torch.Tensor], kind: str) -> None:
        self.model, self._prepare, self.kind = model.eval(), prepare, kind

    @torch.inference_mode()
    def __call__(self, picture: Pixels, beat: Beat = lambda part: None) -> Seen:
        device, dtype = self.model.device, self.model.dtype
        with watch.layers(self.model, beat):
            made = self.model(pixel_values=self._prepare(picture).to(device, dtype))
        value = made.predicted_depth.float().cpu()[0]
        size = (picture.shape[0], picture.shape[1])
        if self.kind == "depth_pro":
            fov = 0.0 if made.field_of_view is None else float(made.field_of_view.float().cpu()[0])
            if not 1 < fov < 170:  # without it the distances have no unit
                return Seen(_resized(value, size, "bilinear").numpy())
            # the network's numbers are for a picture whose width is its focal length
            value = value * 2 * math.tan(math.radians(fov) / 2)
            inverse = _resized(value, size, "bilinear").clamp(1e-4, 1e4)
            return Seen(inverse.numpy(), (1 / inverse).numpy(), fov)
        value = _resized(value, size, "bicubic")
        if getattr(self.model.config, "depth_estimation_type", "relative") == "metric":
            metres = value.clamp_min(1e-3)
            return Seen((1 / metres).numpy(), metres.numpy())
        return Seen(value.clamp_min(0).numpy())


def load(folder: Path, device: str, dtype: torch.dtype) -> Estimator:
    """From a folder with `config.json` and safetensors, as transformers writes them."""
    kind = _kind(folder)
    try:
        model = libraries.transformers().AutoModelForDepthEstimation.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=dtype
        )
    except (OSError, ValueError, RuntimeError) as error:
        text = f"{folder.name} does not hold a depth model in safetensors ({libraries.short(error)}). Download it"
        raise UserError(
            f"{text} again, or choose a folder with config.json and model.safetensors.", kind="weights"
        ) from None
    return Estimator(model.to(device), _preparation(folder, kind), kind)


def invented(seed: int, device: str, dtype: torch.dtype) -> Estimator:
    """Depth Anything V2 Small with weights from a seed."""
    theirs = libraries.transformers()
    torch.manual_seed(seed)
    model = theirs.DepthAnythingForDepthEstimation(theirs.DepthAnythingConfig()).to(device, dtype)
    side = {"height": 518, "width": 518}
    processor = theirs.DPTImageProcessorPil(size=side, keep_aspect_ratio=True, ensure_multiple_of=14)
    return Estimator(model, lambda picture: processor(picture, return_tensors="pt").pixel_values, "depth_anything")


def _kind(folder: Path) -> str:
    try:
        kind = str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        text = f"{folder} has no config.json of a model. Choose the folder that holds it."
        raise UserError(text, kind="weights") from None
    if kind not in ("depth_anything", "depth_pro"):
        text = f"{folder.name} holds a {kind}, not Depth Anything or Depth Pro. Choose one of these."
        raise UserError(text, kind="weights")
    return kind


def _preparation(folder: Path, kind: str) -> Callable[[Pixels], torch.Tensor]:
    """The picture as the model was trained on it. Never by what happens to be installed: Pillow's resampling for Depth
    Anything, torch's without antialiasing for Depth Pro, as their authors' settings say."""
    if kind == "depth_anything":
        processor = libraries.transformers().DPTImageProcessorPil.from_pretrained(folder, local_files_only=True)
        return lambda picture: processor(picture, return_tensors="pt").pixel_values
    try:
        said = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        text = f"{folder.name} has no preprocessor_config.json. Download the model again."
        raise UserError(text, kind="weights") from None
    size = said.get("size", {"height": 1536, "width": 1536})
    mean, std = (torch.tensor(said.get(name, [0.5] * 3)).view(3, 1, 1) for name in ("image_mean", "image_std"))

    def prepare(picture: Pixels) -> torch.Tensor:
        values = (torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1) / 255 - mean) / std
        shape = (size["height"], size["width"])
        return F.interpolate(values[None], shape, mode="bilinear", align_corners=False)

    return prepare


def _resized(value: torch.Tensor, size: tuple[int, int], how: str) -> torch.Tensor:
    return F.interpolate(value[None, None], size, mode=how, align_corners=False)[0, 0]


class Normals:
    """Marigold, loaded. A picture (H, W, 3) gives its normals (H, W, 3): x right, y up, z to the viewer."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def __call__(self, picture: Pixels, steps: int, seed: int, beat: Beat = lambda part: None) -> Floats:
        from PIL import Image

        self.pipeline.progress_bar = watch.Steps(beat)
        made = self.pipeline(
            Image.fromarray(picture),
            num_inference_steps=steps,
            generator=torch.Generator().manual_seed(seed),
        )
        return np.asarray(made.prediction[0], np.float32)


def load_normals(folder: Path, device: str, dtype: torch.dtype) -> Normals:
    """From a folder of a MarigoldNormalsPipeline, as diffusers writes it; safetensors alone."""
    half = next(folder.glob("unet/*.fp16.safetensors"), None)
    try:
        pipeline = libraries.diffusers().MarigoldNormalsPipeline.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, dtype=dtype, variant="fp16" if half else None
        )
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError) as error:
        text = f"{folder.name} does not hold Marigold for normals in safetensors ({libraries.short(error)})."
        raise UserError(f"{text} Download it again.", kind="weights") from None
    return Normals(pipeline.to(device))
