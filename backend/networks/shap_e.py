# SPDX-License-Identifier: GPL-3.0-or-later
"""Shap-E (Jun and Nichol 2023, MIT): words or a picture -> latents -> a small network that is the object.

The pipelines, the transformer and the renderer are those of diffusers, fed with the published files; the surface is
taken with our own marching cubes, for those files hold no tables for diffusers' own. Z is up in this model's space.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.marching import isosurface
from ..geometry.mesh import Faces, Vertices
from ..protocol.errors import UserError
from . import lattice, libraries, watch
from .watch import Beat

CHUNK = 1 << 14
"""Points that the renderer is asked for at once."""


class Model(NamedTuple):
    """A ShapEPipeline or ShapEImg2ImgPipeline; its renderer calculates in fp32, for its waves are too fine for less."""

    pipeline: Any
    words: bool
    """It takes words; else a picture."""


class Surface(NamedTuple):
    vertices: Vertices
    """(V, 3) in the model's cube from -1 to 1."""
    faces: Faces
    """(F, 3) counter-clockwise from outside."""
    colors: NDArray[np.float32]
    """(V, 3) sRGB, 0 to 1."""


def load(folder: Path, device: str, dtype: torch.dtype) -> Model:
    """From a folder as diffusers writes it. The published ones keep the renderer twice: as a pickle, and in `renderer`
    in safetensors, which alone is opened."""
    ours, theirs = libraries.diffusers(), libraries.transformers()
    words = _takes_words(folder)
    place = "renderer" if (folder / "renderer").is_dir() else "shap_e_renderer"

    def read(kind: Any, name: str, **how: Any) -> Any:
        return kind.from_pretrained(folder / name, **_files(folder / name), **how)

    try:
        kind = ours.pipelines.shap_e.renderer.ShapERenderer
        renderer, told = read(kind, place, dtype=torch.float32, output_loading_info=True)
        parts = {
            "prior": read(ours.PriorTransformer, "prior", dtype=dtype),
            "scheduler": ours.HeunDiscreteScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
            "shap_e_renderer": renderer,
        }
        if words:
            parts["text_encoder"] = read(theirs.CLIPTextModelWithProjection, "text_encoder", dtype=dtype)
            parts["tokenizer"] = theirs.CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
        else:
            parts["image_encoder"] = read(theirs.CLIPVisionModel, "image_encoder", dtype=dtype)
            processor = theirs.CLIPImageProcessorPil.from_pretrained(folder / "image_processor", local_files_only=True)
            parts["image_processor"] = processor
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        text = f"{folder.name} does not hold Shap-E in safetensors that can be read ({libraries.short(error)})."
        raise UserError(f"{text} Download it again.", kind="weights") from None
    missing = [name for name in told["missing_keys"] if name.startswith(("params_proj.", "mlp."))]
    if missing:
        text = f"The renderer in {folder.name} lacks {len(missing)} tensors ({missing[0]}). Download it again."
        raise UserError(text, kind="weights")
    pipeline = (ours.ShapEPipeline if words else ours.ShapEImg2ImgPipeline)(**parts)
    return Model(pipeline.to(device), words)


def _takes_words(folder: Path) -> bool:
    try:
        name = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError):
        text = f"{folder} has no model_index.json of a pipeline. Choose the folder that holds it."
        raise UserError(text, kind="weights") from None
    if name not in ("ShapEPipeline", "ShapEImg2ImgPipeline"):
        raise UserError(f"{folder.name} holds a {name}, not Shap-E. Choose another folder.", kind="weights")
    return bool(name == "ShapEPipeline")


def _files(folder: Path) -> dict[str, Any]:
    """How to read this folder: safetensors alone, and the halved ones where there are no others."""
    names = [path.name for path in folder.glob("*.safetensors*")]
    half = bool(names) and all(".fp16." in name for name in names)
    return {"use_safetensors": True, "local_files_only": True, "variant": "fp16" if half else None}


@torch.inference_mode()
def dream(
    model: Model, given: Any, seeds: Sequence[int], steps: int, guidance: float, beat: Beat
) -> NDArray[np.float32]:
    """Latents (S, 1024, 1024), one object for each seed; `given` is words or a picture of PIL."""
    pipeline = model.pipeline
    pipeline.progress_bar = watch.Steps(beat)
    chances = [torch.Generator().manual_seed(seed) for seed in seeds]
    made = pipeline(
        given,
        num_images_per_prompt=len(seeds),
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=chances,
        output_type="latent",
    ).images
    return np.asarray(made.float().cpu().numpy())


@torch.inference_mode()
def surface(model: Model, latent: NDArray[np.float32], grid: int, beat: Beat) -> Surface | None:
    """The object of one latent (1024, 1024), on `grid` points a side; None where it is nowhere solid."""
    renderer = model.pipeline.shap_e_renderer
    device = next(renderer.parameters()).device
    ask = _network(renderer, torch.from_numpy(latent).to(device))

    def inside(index: Tensor) -> Tensor:
        return ask(index.float() * (2 / (grid - 1)) - 1)[0] + 1

    sampled = lattice.sample(inside, grid, 1.0, device=device, chunk=CHUNK, beat=lambda part: beat(0.9 * part))
    points, faces = isosurface(sampled.values, 1.0, beat=lambda: beat(0.9))
    if not len(faces):
        return None
    vertices = ((points + np.array(sampled.first, np.float32)) * (2 / (grid - 1)) - 1).astype(np.float32)
    colors = []
    for part in torch.split(torch.from_numpy(vertices).to(device), CHUNK):
        beat(0.95)
        colors.append(ask(part)[1])
    return Surface(vertices, faces, torch.cat(colors).cpu().numpy())


def _network(renderer: Any, latent: Tensor) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """What tells of points (N, 3) how deep inside they are, -1 to 1, and their colours (N, 3).

    The latent becomes the weights of the first layers. What comes out of the colours' sigmoid is sRGB: upstream turns
    it into linear light before it is shaded.
    """
    own = renderer.mlp.state_dict()
    for name, values in renderer.params_proj(latent[None]).items():
        own[name.removeprefix("nerstf.")].copy_(values[0])

    def ask(points: Tensor) -> tuple[Tensor, Tensor]:
        out = renderer.mlp(position=points[None], direction=None, ts=None, nerf_level="fine", rendering_mode="stf")
        return out.signed_distance[0, :, 0], out.channels[0]

    return ask


def invented(words: bool, seed: int, device: str, dtype: torch.dtype) -> Model:
    """The published sizes with weights from a seed; the waves of the renderer are calmed, so that it has a surface."""
    from . import words as tokens

    ours, theirs = libraries.diffusers(), libraries.transformers()
    torch.manual_seed(seed)
    prior = ours.PriorTransformer(
        num_attention_heads=16 if words else 8,
        attention_head_dim=64 if words else 128,
        num_layers=24,
        embedding_dim=1024,
        num_embeddings=1024,
        additional_embeddings=0,
        time_embed_act_fn="gelu",
        norm_in_type="layer",
        embedding_proj_norm_type=None if words else "layer",
        encoder_hid_proj_type=None,
        added_emb_type=None,
        time_embed_dim=4096,
        embedding_proj_dim=768 if words else 1024,
        clip_embed_dim=2048,
    )
    scheduler = ours.HeunDiscreteScheduler(
        beta_schedule="exp",
        num_train_timesteps=1024,
        prediction_type="sample",
        use_karras_sigmas=True,
        clip_sample=True,
        clip_sample_range=1.0,
    )
    renderer = ours.pipelines.shap_e.renderer.ShapERenderer()
    calm(renderer)
    parts = {"prior": prior.to(dtype), "scheduler": scheduler, "shap_e_renderer": renderer}
    if words:
        read = theirs.CLIPTextConfig(
            hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768
        )
        parts |= {"text_encoder": theirs.CLIPTextModelWithProjection(read).to(dtype), "tokenizer": tokens.tokenizer()}
        return Model(ours.ShapEPipeline(**parts).to(device), words)
    seen = theirs.CLIPVisionConfig(
        hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14
    )
    parts |= {"image_encoder": theirs.CLIPVisionModel(seen).to(dtype)}
    parts |= {"image_processor": theirs.CLIPImageProcessorPil()}
    return Model(ours.ShapEImg2ImgPipeline(**parts).to(device), words)


@torch.inference_mode()
def calm(renderer: Any) -> None:
    """Let only slow waves into a renderer with random weights, and let a tenth of space be solid."""
    first, *others = renderer.params_proj.projections.values()
    for part in others:  # each layer hands on values about as large as it gets
        part.norm.weight.fill_(1.7 / part.channels**0.5)
        part.proj.bias.mul_(0)
    slow = torch.zeros_like(first.norm.weight)
    slow[:3] = 1  # the point itself
    for start in (3, 48):  # sines, then cosines, the slowest first: two waves of three axes
        slow[start : start + 6] = 0.3
    first.norm.weight.copy_(slow)
    first.proj.bias.mul_(0)
    latent = torch.randn(sum(int(s[0]) for s in renderer.config.param_shapes), renderer.config.d_latent)
    points, last = torch.rand(4096, 3) * 2 - 1, renderer.mlp.mlp[-1]
    last.weight[0] /= _raw(renderer, latent, points).std().clamp_min(1e-3)
    last.bias[0] -= _raw(renderer, latent, points).quantile(0.9)


def _raw(renderer: Any, latent: Tensor, points: Tensor) -> Tensor:
    return torch.atanh(_network(renderer, latent)(points)[0].clamp(-0.999, 0.999))
