# SPDX-License-Identifier: GPL-3.0-or-later
"""The real classes of transformers and diffusers in tiny sizes with weights from a seed, saved as their authors do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.networks import libraries, words
from galatea.backend.protocol.job import Request, Result
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.execute import execute

torch = pytest.importorskip("torch")


def run(store: JobStore, backend: Any, inputs: dict[str, Path] | None = None, seed: int = 0, **params: Any) -> Result:
    """A whole job in this process, as a worker does it; `backend` stays warm. `device=None` where it has no such."""
    settings = {name: value for name, value in {"device": "cpu", **params}.items() if value is not None}
    request = Request.of(backend.spec, inputs or {}, settings, seed=seed)
    store.add(request)
    return execute(store, request.id, lambda step: backend, lambda event: None)


def fitted_renderer(target: Callable[[Any], tuple[Any, Any]]) -> Any:
    """A tiny renderer of Shap-E taught (depth, colours) of points in the cube, whatever the latent is."""
    ours = libraries.diffusers()
    torch.manual_seed(0)
    renderer = ours.pipelines.shap_e.renderer.ShapERenderer(
        param_shapes=((32, 93), (32, 32), (32, 32), (32, 32)), d_latent=16, d_hidden=32
    )
    mlp = renderer.mlp
    slow = torch.zeros(93)
    slow[[0, 1, 2, 3, 4, 5, 48, 49, 50]] = 1  # the point itself and the slowest wave of each axis
    mlp.mlp[0].weight.data *= slow
    optimizer = torch.optim.Adam(mlp.parameters(), 1e-2)
    for _ in range(300):
        points = torch.rand(1, 512, 3) * 2 - 1
        out = mlp(position=points, direction=None, ts=None, nerf_level="fine", rendering_mode="stf")
        depth, colors = target(points)
        loss = ((out.signed_distance - depth) ** 2).mean() + ((out.channels - colors) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        mlp.mlp[0].weight.grad *= slow
        optimizer.step()
    layers = mlp.state_dict()
    for name, part in renderer.params_proj.projections.items():
        part.norm.weight.data.zero_()
        part.proj.bias.data.copy_(layers[name.removeprefix("nerstf__").replace("__", ".")].reshape(-1))
    return renderer


def text_encoder(size: int = 32, projection: bool = False) -> Any:
    theirs = libraries.transformers()
    torch.manual_seed(0)
    config = theirs.CLIPTextConfig(
        vocab_size=514, hidden_size=size, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2,
        projection_dim=size, bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip
    return (theirs.CLIPTextModelWithProjection if projection else theirs.CLIPTextModel)(config)


def shap_e(folder: Path, renderer: Any, *, of_words: bool) -> Path:
    ours, theirs = libraries.diffusers(), libraries.transformers()
    torch.manual_seed(0)
    prior = ours.PriorTransformer(
        num_attention_heads=2, attention_head_dim=8, embedding_dim=16, num_layers=1, embedding_proj_dim=16,
        time_embed_dim=64, num_embeddings=128, clip_embed_dim=32, additional_embeddings=0, time_embed_act_fn="gelu",
        norm_in_type="layer", encoder_hid_proj_type=None, added_emb_type=None,
        embedding_proj_norm_type=None if of_words else "layer",
    )  # fmt: skip
    scheduler = ours.HeunDiscreteScheduler(
        beta_schedule="exp", num_train_timesteps=1024, prediction_type="sample", use_karras_sigmas=True,
        clip_sample=True, clip_sample_range=1.0,
    )  # fmt: skip
    parts = {"prior": prior, "scheduler": scheduler, "shap_e_renderer": renderer}
    if of_words:
        parts |= {"text_encoder": text_encoder(16, projection=True), "tokenizer": words.tokenizer()}
        ours.ShapEPipeline(**parts).save_pretrained(folder)
        return folder
    seen = theirs.CLIPVisionConfig(
        hidden_size=16, intermediate_size=37, num_attention_heads=4, num_hidden_layers=2, image_size=32, patch_size=8
    )
    processor = theirs.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    parts |= {"image_encoder": theirs.CLIPVisionModel(seen), "image_processor": processor}
    ours.ShapEImg2ImgPipeline(**parts).save_pretrained(folder)
    return folder


def _painting(size: int = 32) -> tuple[Any, Any]:
    """A UNet and an autoencoder for 64 px."""
    ours = libraries.diffusers()
    torch.manual_seed(0)
    unet = ours.UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=size, attention_head_dim=8,
    )  # fmt: skip
    return unet, autoencoder()


def autoencoder(channels: int = 4) -> Any:
    torch.manual_seed(1)
    return libraries.diffusers().AutoencoderKL(
        block_out_channels=(32, 64), in_channels=3, out_channels=3, latent_channels=channels, norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D", "DownEncoderBlock2D"),
        up_block_types=("UpDecoderBlock2D", "UpDecoderBlock2D"),
    )  # fmt: skip


def stable_diffusion() -> Any:
    ours = libraries.diffusers()
    unet, vae = _painting()
    return ours.StableDiffusionPipeline(
        unet=unet, vae=vae, text_encoder=text_encoder(), tokenizer=words.tokenizer(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
        scheduler=ours.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    )  # fmt: skip


def guarded(pipeline: Any) -> Any:
    """With a safety checker that always strikes."""
    theirs = libraries.transformers()
    checker = libraries.diffusers().pipelines.stable_diffusion.safety_checker.StableDiffusionSafetyChecker
    seen = {"hidden_size": 16, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 2}
    config = theirs.CLIPConfig(
        vision_config={**seen, "image_size": 32, "patch_size": 8}, text_config={"hidden_size": 16}, projection_dim=16
    )
    made = checker(config)
    made.concept_embeds_weights.data.fill_(-2.0)  # any likeness is more than this
    pipeline.register_modules(
        safety_checker=made,
        feature_extractor=theirs.CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
    )
    pipeline.register_to_config(requires_safety_checker=True)
    return pipeline


def xl() -> Any:
    ours = libraries.diffusers()
    torch.manual_seed(0)
    unet = ours.UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=4, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(2, 4), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=8, transformer_layers_per_block=(1, 2), cross_attention_dim=64,
        projection_class_embeddings_input_dim=6 * 8 + 32,
    )  # fmt: skip
    return ours.StableDiffusionXLPipeline(
        unet=unet, vae=autoencoder(), scheduler=ours.EulerDiscreteScheduler(beta_schedule="scaled_linear"),
        text_encoder=text_encoder(), text_encoder_2=text_encoder(projection=True), tokenizer=words.tokenizer(),
        tokenizer_2=words.tokenizer(),
    )  # fmt: skip


def flux() -> Any:
    ours, theirs = libraries.diffusers(), libraries.transformers()
    torch.manual_seed(0)
    transformer = ours.FluxTransformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=32, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8), guidance_embeds=True,
    )  # fmt: skip
    reader = theirs.T5EncoderModel(
        theirs.T5Config(vocab_size=514, d_model=32, d_kv=8, d_ff=37, num_layers=1, num_heads=4)
    )
    vae = autoencoder(channels=1)
    vae.register_to_config(shift_factor=0.0, scaling_factor=1.0)
    return ours.FluxPipeline(
        transformer=transformer, vae=vae, scheduler=ours.FlowMatchEulerDiscreteScheduler(),
        text_encoder=text_encoder(), tokenizer=words.tokenizer(), text_encoder_2=reader, tokenizer_2=words.tokenizer(),
    )  # fmt: skip


def draughtsman() -> Any:
    """Stable Diffusion whose decoder was taught to paint one red thing on grey, whatever it is asked, 32 px."""
    torch.manual_seed(2)
    pipeline = stable_diffusion()
    vae = libraries.diffusers().AutoencoderKL(
        block_out_channels=(16,), latent_channels=4, norm_num_groups=4, down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",), layers_per_block=2,
    )  # fmt: skip
    place = torch.linspace(-1, 1, 32)
    thing = (place.abs()[None] < 0.55) & (place.abs()[:, None] < 0.55)
    picture = torch.where(thing, torch.tensor([0.5, -0.7, -0.8])[:, None, None], torch.tensor(0.6))
    decoder = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    optimizer = torch.optim.Adam(decoder, 5e-3)
    for _ in range(200):
        made = vae.decode(torch.randn(2, 4, 32, 32) * 5).sample
        loss = (made - picture).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pipeline.register_modules(vae=vae)
    pipeline.vae_scale_factor = 1
    return pipeline


def depth_anything(folder: Path, kind: str = "relative") -> Path:
    theirs = libraries.transformers()
    torch.manual_seed(0)
    backbone = theirs.Dinov2Config(
        image_size=28, patch_size=14, num_hidden_layers=2, hidden_size=16, intermediate_size=32, num_attention_heads=2,
        out_features=["stage1", "stage2"], reshape_hidden_states=False, apply_layernorm=True,
    )  # fmt: skip
    config = theirs.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=16, reassemble_factors=[2, 1], patch_size=14,
        neck_hidden_sizes=[8, 8], fusion_hidden_size=8, head_hidden_size=8, depth_estimation_type=kind, max_depth=10,
    )  # fmt: skip
    theirs.DepthAnythingForDepthEstimation(config).save_pretrained(folder)
    side = {"height": 56, "width": 56}
    theirs.DPTImageProcessorPil(size=side, keep_aspect_ratio=True, ensure_multiple_of=14).save_pretrained(folder)
    return folder


def depth_pro(folder: Path) -> Path:
    theirs = libraries.transformers()
    torch.manual_seed(0)

    def encoder() -> Any:
        return theirs.Dinov2Config(
            image_size=32, patch_size=16, num_hidden_layers=2, hidden_size=16, intermediate_size=32,
            num_attention_heads=2, use_swiglu_ffn=False,
        )  # fmt: skip

    config = theirs.DepthProConfig(
        patch_size=32, fusion_hidden_size=16, intermediate_hook_ids=[1, 0], intermediate_feature_dims=[16, 16],
        scaled_images_ratios=[0.5, 1.0], scaled_images_overlap_ratios=[0.0, 0.2],
        scaled_images_feature_dims=[16, 16], image_model_config=encoder(), patch_model_config=encoder(),
        fov_model_config=encoder(), use_fov_model=True, num_fov_head_layers=0,
    )  # fmt: skip
    theirs.DepthProForDepthEstimation(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        '{"size": {"height": 64, "width": 64}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}'
    )
    return folder


def marigold(folder: Path) -> Path:
    ours = libraries.diffusers()
    torch.manual_seed(0)
    unet = ours.UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=8, out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, attention_head_dim=8,
    )  # fmt: skip
    ours.MarigoldNormalsPipeline(
        unet=unet, vae=autoencoder(), text_encoder=text_encoder(), tokenizer=words.tokenizer(),
        scheduler=ours.DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1),
        default_denoising_steps=2, default_processing_resolution=64, use_full_z_range=True, prediction_type="normals",
    ).save_pretrained(folder)  # fmt: skip
    return folder


def one_file(pipeline: Any) -> dict[str, Any]:
    """The tensors of a Stable Diffusion pipeline under the names that its first authors gave them."""
    found = {}
    for name, value in pipeline.unet.state_dict().items():
        found[f"model.diffusion_model.{_unet_name(name)}"] = value
    for name, value in pipeline.vae.state_dict().items():
        old = _vae_name(name, len(pipeline.vae.config.block_out_channels))
        found[f"first_stage_model.{old}"] = value[..., None, None] if ".attn_1." in old and value.ndim == 2 else value
    for name, value in pipeline.text_encoder.state_dict().items():
        found[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    return {name: value.clone().contiguous() for name, value in found.items()}


def _swapped(name: str, pairs: dict[str, str]) -> str:
    for new, old in pairs.items():
        name = name.replace(new, old)
    return name


RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip


def _unet_name(name: str) -> str:
    """With one layer a block."""
    fixed = {
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
    }  # fmt: skip
    head, _, tail = name.rpartition(".")
    if head in fixed:
        return f"{fixed[head]}.{tail}"
    part, where, kind, *rest = name.split(".")
    if part == "mid_block":  # mid_block.resnets.1.… , mid_block.attentions.0.…
        number = {"resnets0": 0, "attentions0": 1, "resnets1": 2}[where + kind]
        rest = ".".join(rest)
        return f"middle_block.{number}.{_swapped(rest, RESNET) if where == 'resnets' else rest}"
    block, layer, rest = int(where), int(rest[0]), ".".join(rest[1:])
    if part == "down_blocks":
        if kind == "downsamplers":
            return f"input_blocks.{2 * block + 2}.0.op.{tail}"
        place = f"input_blocks.{2 * block + 1}"
    else:
        if kind == "upsamplers":  # behind the attention, where the block has one
            return f"output_blocks.{2 * block + 1}.{2 if block == 0 else 1}.conv.{tail}"
        place = f"output_blocks.{2 * block + layer}"
    return f"{place}.0.{_swapped(rest, RESNET)}" if kind == "resnets" else f"{place}.1.{rest}"


def _vae_name(name: str, blocks: int) -> str:
    side, _, rest = name.partition(".")
    parts = rest.split(".")
    tail = parts[-1]
    if parts[0] == "mid_block":
        if parts[1] == "attentions":
            pairs = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out": "proj_out"}
            return f"{side}.mid.attn_1.{pairs[parts[3]]}.{tail}"
        return f"{side}.mid.block_{int(parts[2]) + 1}.{parts[3]}.{tail}"
    if parts[0] in ("down_blocks", "up_blocks"):
        down = parts[0] == "down_blocks"
        where = f"{side}.{'down' if down else 'up'}.{parts[1] if down else blocks - 1 - int(parts[1])}"
        if "samplers" in parts[2]:
            return f"{where}.{'downsample' if down else 'upsample'}.conv.{tail}"
        return f"{where}.block.{parts[3]}.{parts[4].replace('conv_shortcut', 'nin_shortcut')}.{tail}"
    return name.replace("conv_norm_out", "norm_out")
