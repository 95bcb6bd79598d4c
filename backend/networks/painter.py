# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures from words by any pipeline that diffusers can load: which class it is, its own files say.

A pipeline is asked only for what its call takes, so the old and the new ones, with and without guidance, are one.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..protocol.errors import UserError
from ..protocol.weights import latest
from . import libraries, watch, words
from .watch import Beat

Pixels = NDArray[np.uint8]

PICKLES = (".bin", ".ckpt", ".pt", ".pth")
DISPENSABLE = ("safety_checker", "feature_extractor", "image_encoder")
"""Parts of a pipeline without which it paints all the same."""


class Painter:
    """A loaded pipeline."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def takes(self, name: str) -> bool:
        return _takes(self.pipeline, name)

    @property
    def side(self) -> int:
        """px, of the pictures that it was trained on."""
        unet, scale = getattr(self.pipeline, "unet", None), getattr(self.pipeline, "vae_scale_factor", 8)
        latent = getattr(unet.config, "sample_size", None) if unet is not None else None
        return (
            int(latent * scale)
            if isinstance(latent, int)
            else int(getattr(self.pipeline, "default_sample_size", 128) * 8)
        )

    def too_long(self, prompt: str) -> bool:
        """The end of this prompt would not be read by any of the encoders."""
        found = [getattr(self.pipeline, name, None) for name in ("tokenizer", "tokenizer_2", "tokenizer_3")]
        readers = [reader for reader in found if reader is not None and hasattr(reader, "model_max_length")]
        return bool(readers) and all(len(reader(prompt).input_ids) > reader.model_max_length for reader in readers)

    @torch.inference_mode()
    def paint(
        self,
        prompt: str,
        seed: int,
        beat: Beat,
        *,
        negative: str = "",
        steps: int = 0,
        guidance: float = -1.0,
        size: tuple[int, int] | None = None,
        picture: Any = None,
        strength: float = 0.6,
    ) -> Pixels:
        """(H, W, 3) sRGB. 0 steps, guidance below 0 and no size are the pipeline's own; `picture` is one of PIL."""
        pipeline = self.pipeline if picture is None else self._editor()
        pipeline.progress_bar = watch.Steps(beat)
        given: dict[str, Any] = {"prompt": prompt, "output_type": "pil"}
        given["generator"] = torch.Generator().manual_seed(seed)
        wanted: dict[str, Any] = {"negative_prompt": negative or None}
        if steps:
            wanted["num_inference_steps"] = steps
        if guidance >= 0:
            wanted["guidance_scale"] = guidance
        if size or picture is not None:
            wanted["width"], wanted["height"] = size or picture.size
        if picture is not None:
            given["image"] = picture
            wanted["strength"] = strength
        given |= {name: value for name, value in wanted.items() if value is not None and _takes(pipeline, name)}
        image = pipeline(**given).images[0]
        return np.array(image.convert("RGB"), np.uint8)

    def _editor(self) -> Any:
        """The pipeline that begins with a picture: this one, or its sibling made of the same parts."""
        if self.takes("image"):
            return self.pipeline
        try:
            return libraries.diffusers().AutoPipelineForImage2Image.from_pipe(self.pipeline)
        except (ValueError, TypeError, KeyError):
            name = type(self.pipeline).__name__
            raise UserError(
                f"{name} paints from words alone. Leave the picture out, or choose a model that edits.", kind="usage"
            ) from None


def _takes(pipeline: Any, name: str) -> bool:
    return name in inspect.signature(type(pipeline).__call__).parameters


def needs_picture(pipeline: Any) -> bool:
    """It cannot paint from words alone."""
    image = inspect.signature(type(pipeline).__call__).parameters.get("image")
    return image is not None and image.default is inspect.Parameter.empty


def load(source: Path, dtype: torch.dtype) -> Painter:
    """From a folder as diffusers writes it, or one .safetensors file with the whole model in it; on the CPU."""
    pipeline = folder(source, dtype) if source.is_dir() else _single(source, dtype)
    if not _takes(pipeline, "prompt"):
        raise UserError(
            f"{source.name} holds a {type(pipeline).__name__}, which takes no words. Choose a text-to-image model.",
            kind="weights",
        )
    return Painter(pipeline)


def place(painter: Painter, device: str, savings: tuple[str, ...]) -> None:
    """Onto the device, with what is to be saved: `chunks` works in smaller portions, `offload` keeps parts outside."""
    pipeline = painter.pipeline
    if "chunks" in savings:
        for part, saving in ((pipeline, "enable_attention_slicing"), (getattr(pipeline, "vae", None), "enable_tiling")):
            if hasattr(part, saving):
                getattr(part, saving)()
    if "offload" in savings:
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.to(device)


def add_lora(painter: Painter, file: Path, strength: float) -> None:
    """Bend the model by a LoRA file (needs the library peft)."""
    from importlib.util import find_spec

    pipeline = painter.pipeline
    if not hasattr(pipeline, "load_lora_weights"):
        text = f"{type(pipeline).__name__} takes no LoRA. Leave it out, or choose another model."
        raise UserError(text, kind="usage")
    if file.suffix != ".safetensors":
        raise UserError(f"{file.name} is no .safetensors file, and nothing else is opened. Convert it.", kind="weights")
    if find_spec("peft") is None:
        text = "LoRA files need the library peft, which is not here. Repair the full environment, or leave LoRA out."
        raise UserError(text, kind="environment")
    try:
        pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="own", local_files_only=True)
        pipeline.set_adapters("own", strength)
    except (ValueError, KeyError, RuntimeError, OSError) as error:
        text = f"{file.name} does not fit {type(pipeline).__name__} ({libraries.short(error)}). Choose one made for it."
        raise UserError(text, kind="weights") from None


def _index(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        str(data["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        text = f"{folder} has no model_index.json of a pipeline. Choose the folder that holds it, or one file."
        raise UserError(text, kind="weights") from None
    return dict(data)


def folder(folder: Path, dtype: torch.dtype) -> Any:
    """The pipeline that a folder of diffusers holds, on the CPU; raises `UserError` where it holds none, or pickles."""
    index = _index(folder)
    parts = [name for name, value in index.items() if isinstance(value, list) and value and value[0]]
    half = False
    for name in parts:
        files = [path.name for path in (folder / name).glob("*")]
        safe = [file for file in files if file.endswith(".safetensors")]
        if not safe and any(file.endswith(PICKLES) for file in files):
            raise _pickled(f"{folder.name}/{name}")
        half = half or (bool(safe) and all(".fp16." in file for file in safe))
    absent = {name: None for name in parts if name in DISPENSABLE and not (folder / name).is_dir()}
    if "safety_checker" in absent:
        absent["feature_extractor"] = None
    ours = libraries.diffusers()
    libraries.transformers()
    try:
        return ours.DiffusionPipeline.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=True,
            local_files_only=True,
            variant="fp16" if half else None,
            **absent,
        )
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError, KeyError, ImportError) as error:
        raise _unreadable(folder, index["_class_name"], error) from None


def _pickled(what: str) -> UserError:
    return UserError(
        f"{what} has its weights only as pickles, which may run a program when they are opened, so they were not "
        "opened. Fetch the model in safetensors, or let its authors' page convert it.",
        kind="weights",
    )


def _unreadable(path: Path, name: str, error: Exception) -> UserError:
    text = f"{path.name} cannot be loaded as {name} ({libraries.short(error)}). Fetch it again, or choose another."
    return UserError(text, kind="weights")


def _single(file: Path, dtype: torch.dtype) -> Any:
    """One file holds the numbers alone; settings and vocabularies come from a folder that is here."""
    if file.suffix != ".safetensors":
        raise (
            _pickled(file.name)
            if file.suffix in PICKLES
            else UserError(f"{file.name} is no .safetensors file. Choose one, or a folder.", kind="weights")
        )
    repository = _repository(file)
    beside = [file.with_suffix(""), latest(repository)]
    folder = next((folder for folder in beside if (folder / "model_index.json").is_file()), None)
    if folder is None:
        raise UserError(
            f"{file.name} holds the numbers of {repository}; its settings and vocabulary are needed too. Run "
            f"`galatea models pull {repository}`, or put them into a folder {file.stem} beside the file.",
            kind="weights",
        )
    name = _index(folder)["_class_name"]
    kind = getattr(libraries.diffusers(), name, None)
    if kind is None or not hasattr(kind, "from_single_file"):
        raise UserError(f"{name} cannot be loaded from one file. Choose its folder.", kind="weights")
    try:
        return kind.from_single_file(
            str(file), config=str(folder), dtype=dtype, local_files_only=True, safety_checker=None
        )
    except (OSError, ValueError, RuntimeError, TypeError, AttributeError, KeyError) as error:
        raise _unreadable(file, name, error) from None


def _repository(file: Path) -> str:
    """Whose numbers they are, by their names and shapes; nothing but the header of the file is read."""
    from diffusers.loaders import single_file_utils
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            shapes = {
                name: torch.empty(opened.get_slice(name).get_shape(), device="meta")
                for name in opened.keys()  # noqa: SIM118
            }
    except (SafetensorError, OSError, ValueError) as error:
        text = f"{file.name} is damaged or no .safetensors file ({libraries.short(error)}). Fetch it again."
        raise UserError(text, kind="weights") from None
    library: Any = single_file_utils
    return str(library.fetch_diffusers_config(shapes)["pretrained_model_name_or_path"])


def invented(seed: int, dtype: torch.dtype) -> Painter:
    """Stable Diffusion 1.5 in its published sizes with weights from a seed: it paints noise."""
    ours, theirs = libraries.diffusers(), libraries.transformers()
    torch.manual_seed(seed)
    reader = theirs.CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12)
    pipeline = ours.StableDiffusionPipeline(
        unet=ours.UNet2DConditionModel(sample_size=64, cross_attention_dim=768),
        vae=ours.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
        ),
        text_encoder=theirs.CLIPTextModel(reader),
        tokenizer=words.tokenizer(),
        scheduler=ours.PNDMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return Painter(pipeline.to(dtype))
