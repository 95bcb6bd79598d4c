# SPDX-License-Identifier: GPL-3.0-or-later
"""A film painted anew by a video model of diffusers. Which family it is, the pipeline's own files say.

wan        Wan 2.1 VACE follows depth, normals or edges and knows the frames before; plain Wan begins with the film
ltx        LTX-Video begins with the film, and knows the frames before
cogvideox  CogVideoX begins with the film; its Fun variants follow depth, normals or edges
svd        Stable Video Diffusion moves one picture, without words

A model makes so many frames at once, `every` times a whole number and 1, of sides that are multiples of `grid`.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ..protocol.errors import UserError
from . import libraries, miniature, painter, watch

Pixels = NDArray[np.uint8]
Beat = Callable[[float], None]


@dataclass(frozen=True)
class Family:
    """`frames` at once and `side` px of the longer one: what it was trained on. `joins`: it is shown the frames before.
    `begins`: it begins with the film, changed by `strength`; else with noise."""

    name: str
    every: int
    grid: int
    frames: int
    side: int
    steered: bool = False
    begins: bool = False
    joins: bool = False
    reads: bool = True


VACE = Family("wan", 4, 16, 81, 832, steered=True, joins=True)
WAN = Family("wan", 4, 16, 81, 832, begins=True)
LTX = Family("ltx", 8, 32, 97, 704, begins=True, joins=True)
COG = Family("cogvideox", 8, 16, 49, 720, begins=True)
COG_FUN = Family("cogvideox", 8, 16, 49, 672, steered=True)
SVD = Family("svd", 1, 64, 25, 1024, joins=True, reads=False)

KINDS: dict[str, tuple[Family, str]] = {
    "WanVACEPipeline": (VACE, ""),
    "WanVideoToVideoPipeline": (WAN, ""),
    "WanPipeline": (WAN, "WanVideoToVideoPipeline"),
    "LTXConditionPipeline": (LTX, ""),
    "LTXPipeline": (LTX, "LTXConditionPipeline"),
    "LTXImageToVideoPipeline": (LTX, "LTXConditionPipeline"),
    "CogVideoXVideoToVideoPipeline": (COG, ""),
    "CogVideoXPipeline": (COG, "CogVideoXVideoToVideoPipeline"),
    "CogVideoXFunControlPipeline": (COG_FUN, ""),
    "StableVideoDiffusionPipeline": (SVD, ""),
}
"""Of each class of pipeline its family, and the sibling that takes films, where it does not itself."""


@dataclass(frozen=True)
class Wish:
    """What is asked of each piece. 0 steps and guidance below 0 are the model's own; `fps` frames a second."""

    prompt: str
    negative: str
    strength: float
    steps: int
    guidance: float
    fps: float


class Restyler:
    def __init__(self, pipeline: Any, family: Family) -> None:
        self.pipeline, self.family = pipeline, family

    @torch.inference_mode()
    def restyle(
        self,
        frames: Sequence[Pixels],
        steer: Sequence[Pixels],
        known: Sequence[Pixels],
        wish: Wish,
        seed: int,
        beat: Beat,
    ) -> list[Pixels]:
        """As many frames (H, W, 3) as are given. `steer`: what it follows, as many, or none. `known`: how the first of
        them look already, or none."""
        count = len(frames)
        whole = count + (1 - count) % self.family.every
        film, guide = _filled(frames, whole), _filled(steer, whole)
        height, width = frames[0].shape[:2]
        pipeline = self.pipeline
        pipeline.progress_bar = watch.Steps(beat)
        given: dict[str, Any] = {"generator": torch.Generator().manual_seed(seed), "output_type": "np"}
        wanted: dict[str, Any] = {"width": width, "height": height, "num_frames": whole}
        wanted |= {"prompt": wish.prompt, "negative_prompt": wish.negative or None}
        if wish.steps:  # what begins with the film does a share of them, at least one
            least = math.ceil(1 / wish.strength) if self.family.begins else 1
            wanted["num_inference_steps"] = max(wish.steps, least)
        if wish.guidance >= 0:
            wanted["guidance_scale"] = wanted["max_guidance_scale"] = wish.guidance
        wanted |= getattr(self, f"_{type(pipeline).__name__}")(film, guide, list(known), wish)
        takes = inspect.signature(type(pipeline).__call__).parameters
        given |= {name: value for name, value in wanted.items() if value is not None and name in takes}
        made = pipeline(**given).frames[0]
        pixels = np.round(np.clip(np.nan_to_num(np.asarray(made, np.float32)), 0, 1) * 255).astype(np.uint8)
        if len(pixels) < count:
            raise RuntimeError(f"{type(pipeline).__name__} made {len(pixels)} of {count} frames")
        return list(pixels[:count])

    def _WanVACEPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        """What is known stands in the film under a mask that keeps it; all else is what steers, or the film."""
        shown = [*map(Image.fromarray, known), *(guide or film)[len(known) :]]
        keep = [Image.new("L", film[0].size, 0 if number < len(known) else 255) for number in range(len(film))]
        return {"video": shown, "mask": keep, "conditioning_scale": wish.strength}

    def _WanVideoToVideoPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        return {"video": film, "strength": wish.strength}

    def _CogVideoXVideoToVideoPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        return {"video": film, "strength": wish.strength}

    def _CogVideoXFunControlPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        return {"control_video": guide or film}

    def _LTXConditionPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        pipeline = self.pipeline
        made: dict[str, Any] = {"frame_rate": wish.fps}
        if known:
            count = 1 + (len(known) - 1) // self.family.every * self.family.every
            condition = libraries.diffusers().pipelines.ltx.pipeline_ltx_condition.LTXVideoCondition
            made["conditions"] = [condition(video=[Image.fromarray(each) for each in known[:count]], frame_index=0)]
        if wish.strength < 1:
            part = next(pipeline.vae.parameters())
            seen = pipeline.video_processor.preprocess_video(film, height=film[0].height, width=film[0].width)
            found = pipeline.vae.encode(seen.to(pipeline._execution_device, part.dtype)).latent_dist.mode()
            made["latents"] = pipeline._normalize_latents(found, pipeline.vae.latents_mean, pipeline.vae.latents_std)
            made["denoise_strength"] = wish.strength
        return made

    def _StableVideoDiffusionPipeline(self, film: Any, guide: Any, known: list[Pixels], wish: Wish) -> dict[str, Any]:
        return {"image": Image.fromarray(known[0]) if known else film[0], "fps": round(min(wish.fps, 30))}


def _filled(frames: Sequence[Pixels], whole: int) -> list[Any]:
    """As pictures of PIL, the last one again until there are enough; none where there are none."""
    found = [Image.fromarray(np.ascontiguousarray(each)) for each in frames]
    return [*found, *([found[-1]] * (whole - len(found)))] if found else []


def load(source: Path | int, family: str, dtype: torch.dtype) -> Restyler:
    """From a folder as diffusers writes it; from a seed a miniature of that family, which paints noise. On the CPU."""
    pipeline = miniature.pipeline(family, source) if isinstance(source, int) else painter.folder(source, dtype)
    name = type(pipeline).__name__
    if name not in KINDS:
        known = ", ".join(KINDS)
        raise UserError(f"A {name} restyles no films here. Choose weights of one of {known}.", kind="weights")
    kind, sibling = KINDS[name]
    if sibling:
        other = getattr(libraries.diffusers(), sibling)
        parts = inspect.signature(other.__init__).parameters
        pipeline = other(**{key: part for key, part in pipeline.components.items() if key in parts})
    module = sys.modules[type(pipeline).__module__]
    if not hasattr(module, "ftfy"):  # Wan's mend texts of a wrong encoding with it, and cannot go without
        module.__dict__["ftfy"] = SimpleNamespace(fix_text=str)
    return Restyler(pipeline.to(dtype) if isinstance(source, int) else pipeline, kind)


def place(restyler: Restyler, device: str, savings: tuple[str, ...]) -> None:
    """Onto the device; `chunks` decodes in tiles, `offload` keeps parts in main memory."""
    vae: Any = getattr(restyler.pipeline, "vae", None)
    if "chunks" in savings and hasattr(vae, "enable_tiling"):
        vae.enable_tiling()
    if "offload" in savings:
        restyler.pipeline.enable_model_cpu_offload(device=device)
    else:
        restyler.pipeline.to(device)
