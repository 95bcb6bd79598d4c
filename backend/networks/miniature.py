# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines for video of the real classes, a few thousand numbers each, from a seed: they paint noise, and show that
all goes through before gigabytes are fetched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from . import libraries, words

SIZE = 32
"""Numbers that a word is."""


def pipeline(family: str, seed: int) -> Any:
    torch.manual_seed(seed)
    return MADE[family]()


def _reader() -> dict[str, Any]:
    theirs = libraries.transformers()
    config = theirs.T5Config(vocab_size=514, d_model=SIZE, d_kv=8, d_ff=37, num_layers=1, num_heads=4)
    return {"text_encoder": theirs.T5EncoderModel(config).eval(), "tokenizer": words.tokenizer()}


def _wan_vae() -> Any:
    return libraries.diffusers().AutoencoderKLWan(
        base_dim=4, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def _wan_sizes() -> dict[str, Any]:
    return {
        "patch_size": (1, 2, 2), "num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 16,
        "out_channels": 16, "text_dim": SIZE, "freq_dim": 32, "ffn_dim": 32, "num_layers": 2, "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads", "rope_max_seq_len": 128,
    }  # fmt: skip


def vace() -> Any:
    ours = libraries.diffusers()
    transformer = ours.WanVACETransformer3DModel(**_wan_sizes(), vace_layers=[0], vace_in_channels=96)
    scheduler = ours.FlowMatchEulerDiscreteScheduler(shift=7.0)
    return ours.WanVACEPipeline(**_reader(), vae=_wan_vae(), scheduler=scheduler, transformer=transformer)


def wan() -> Any:
    ours = libraries.diffusers()
    transformer = ours.WanTransformer3DModel(**_wan_sizes())
    scheduler = ours.UniPCMultistepScheduler(flow_shift=3.0)
    return ours.WanPipeline(**_reader(), vae=_wan_vae(), scheduler=scheduler, transformer=transformer)


def ltx() -> Any:
    ours = libraries.diffusers()
    transformer = ours.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, patch_size=1, patch_size_t=1, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=SIZE, num_layers=1, caption_channels=SIZE,
    )  # fmt: skip
    vae = ours.AutoencoderKLLTXVideo(
        in_channels=3, out_channels=3, latent_channels=8, block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8), layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1), spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False), decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4, upsample_factor=(1,) * 4, timestep_conditioning=False, patch_size=4,
        patch_size_t=1, encoder_causal=True, decoder_causal=False,
    )  # fmt: skip
    scheduler = ours.FlowMatchEulerDiscreteScheduler()
    return ours.LTXConditionPipeline(**_reader(), vae=vae, scheduler=scheduler, transformer=transformer)


def cogvideox() -> Any:
    ours = libraries.diffusers()
    transformer = ours.CogVideoXTransformer3DModel(
        num_attention_heads=4, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=2,
        text_embed_dim=SIZE, num_layers=1, sample_width=4, sample_height=4, sample_frames=9, patch_size=2,
        temporal_compression_ratio=4, max_text_seq_length=226,
    )  # fmt: skip
    vae = ours.AutoencoderKLCogVideoX(
        in_channels=3, out_channels=3, down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4, block_out_channels=(8, 8, 8, 8), latent_channels=4,
        layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4,
    )  # fmt: skip
    return ours.CogVideoXPipeline(
        **_reader(), vae=vae, scheduler=ours.CogVideoXDDIMScheduler(), transformer=transformer
    )


def svd() -> Any:
    ours, theirs = libraries.diffusers(), libraries.transformers()
    unet = ours.UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=8, out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), cross_attention_dim=SIZE,
        num_attention_heads=8, projection_class_embeddings_input_dim=96, addition_time_embed_dim=32,
    )  # fmt: skip
    vae = ours.AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 4, latent_channels=4
    )
    scheduler = ours.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", interpolation_type="linear",
        prediction_type="v_prediction", sigma_max=700.0, sigma_min=0.002, steps_offset=1, timestep_spacing="leading",
        timestep_type="continuous", use_karras_sigmas=True,
    )  # fmt: skip
    seen = theirs.CLIPVisionConfig(
        hidden_size=SIZE, projection_dim=SIZE, num_hidden_layers=1, num_attention_heads=4, image_size=224,
        intermediate_size=37, patch_size=56,
    )  # fmt: skip
    return ours.StableVideoDiffusionPipeline(
        vae=vae, image_encoder=theirs.CLIPVisionModelWithProjection(seen).eval(), unet=unet, scheduler=scheduler,
        feature_extractor=theirs.CLIPImageProcessorPil(size={"shortest_edge": 224}),
    )  # fmt: skip


MADE: dict[str, Callable[[], Any]] = {"wan": vace, "ltx": ltx, "cogvideox": cogvideox, "svd": svd}
