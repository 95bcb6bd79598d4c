# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG's networks against what the authors' code made of the same small weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from galatea.backend.networks import dinov2
from galatea.backend.networks.triposg import dit, flow, vae
from galatea.backend.networks.triposg.attention import arranged

FIXTURES = Path(__file__).parent / "fixtures" / "triposg"
CLOSE = 2e-5
"""What the fixtures' README allows."""
SMALL = dit.Config(width=64, num_attention_heads=4, num_layers=5, in_channels=8, cross_attention_dim=48)
SMALL_VAE = vae.Config(
    latent_channels=8,
    num_attention_heads=4,
    width_encoder=32,
    num_layers_encoder=2,
    width_decoder=48,
    num_layers_decoder=2,
)
Beat = Callable[[float], None]


def quiet(part: float) -> None:
    pass


@pytest.fixture(scope="module")
def known() -> dict[str, Tensor]:
    return load_file(FIXTURES / "tiny_io.safetensors")


@pytest.fixture(scope="module")
def transformer() -> dit.DiT:
    network = dit.DiT(SMALL)
    network.load_state_dict(dict(arranged(load_file(FIXTURES / "tiny_dit.safetensors"), 4)))
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def autoencoder() -> vae.VAE:
    network = vae.VAE(SMALL_VAE)
    network.load_state_dict(dict(arranged(load_file(FIXTURES / "tiny_vae.safetensors"), 4)))
    return network.eval().requires_grad_(False)


def near(made: Tensor, wanted: Tensor, allowed: float = CLOSE) -> None:
    assert made.shape == wanted.shape
    assert float((made - wanted).abs().max()) <= allowed


def told(known: dict[str, Tensor], *, zeros: bool) -> list[dit.Told]:
    """Nothing for the first of the batch: said by zeros, or not said."""
    tokens = known["in.image_embeds"]
    return [dit.Told(torch.cat([torch.zeros_like(tokens), tokens]) if zeros else tokens)]


@pytest.mark.parametrize("zeros", [True, False])
def test_each_layer_of_the_transformer(transformer: dit.DiT, known: dict[str, Tensor], zeros: bool) -> None:
    outputs: list[Tensor] = []
    hooks = [b.register_forward_hook(lambda _m, _i, out: outputs.append(out)) for b in transformer.blocks]
    time = torch.full((2,), 640.0)
    made = transformer(known["in.latents"], time, told(known, zeros=zeros), quiet)
    for hook in hooks:
        hook.remove()
    near(dit.time_features(time, 64), known["out.dit.time_features"])
    near(transformer.time_token(time), known["out.dit.time_token"])
    assert len(outputs) == 5
    for number, output in enumerate(outputs):
        near(output, known[f"out.dit.block_{number}"])
    near(made, known["out.dit.output_cfg_batch"])


def test_the_heads_are_cut_as_published(known: dict[str, Tensor]) -> None:
    """Rows in the usual order give something else: the fixture sees the difference."""
    network = dit.DiT(SMALL).requires_grad_(False)
    network.load_state_dict(load_file(FIXTURES / "tiny_dit.safetensors"))
    made = network(known["in.latents"], torch.full((2,), 640.0), told(known, zeros=True), quiet)
    assert float((made - known["out.dit.output_cfg_batch"]).abs().max()) > 100 * CLOSE


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_shares_of_noise(known: dict[str, Tensor], shift: int) -> None:
    levels = flow.sigmas(50, shift)
    near(levels, known[f"out.scheduler.sigmas_shift{shift}"], 1e-6)
    near(1000 * levels[:-1], known[f"out.scheduler.timesteps_shift{shift}"], 1e-3)


def test_shares_of_noise_in_few_steps(known: dict[str, Tensor]) -> None:
    near(flow.sigmas(8), known["out.scheduler.sigmas_8_steps"], 1e-6)


def test_sampling(transformer: dit.DiT, known: dict[str, Tensor]) -> None:
    """Guided flow and the latents after each of the first three of 50 steps."""
    first = known["in.latents"][:1]
    one = [dit.Told(known["in.image_embeds"])]

    def predict(x: Tensor, times: Tensor, beat: Beat) -> Tensor:
        return transformer(x, times, one, beat)

    near(flow.guided(predict, first, 1000.0, 7.0, quiet), known["out.sampler.guided_0"], 1e-4)
    x, levels = first, flow.sigmas(50).tolist()
    for number in range(3):
        x = x + (levels[number] - levels[number + 1]) * flow.guided(predict, x, 1000 * levels[number], 7.0, quiet)
        near(x, known[f"out.sampler.latents_after_{number + 1}"])


def test_the_sampler_takes_those_steps(transformer: dit.DiT, known: dict[str, Tensor]) -> None:
    """`sample` stopped after its third step has the reference's latents; it tells how far it is."""
    seen: dict[int, Tensor] = {}
    parts: list[float] = []

    def predict(x: Tensor, times: Tensor, beat: Beat) -> Tensor:
        return transformer(x, times, [dit.Told(known["in.image_embeds"])], beat)

    def stop(part: float) -> None:
        parts.append(part)
        if part >= 0.07:
            raise InterruptedError

    def sample(begun: Tensor, done: int) -> None:
        flow.sample(predict, begun, steps=50, guidance=7.0, done=done, beat=stop, after=seen.__setitem__)

    with pytest.raises(InterruptedError):
        sample(known["in.latents"][:1], 0)
    assert list(seen) == [1, 2, 3]
    for number in seen:
        near(seen[number], known[f"out.sampler.latents_after_{number}"])
    assert parts == sorted(parts) and len(parts) > 15
    whole = dict(seen)
    with pytest.raises(InterruptedError):
        sample(whole[1], 1)
    assert torch.equal(seen[3], whole[3])  # what was begun goes on as if it had not stopped


def test_no_guidance_asks_once() -> None:
    sizes: list[int] = []

    def predict(x: Tensor, times: Tensor, beat: Beat) -> Tensor:
        sizes.append(len(x))
        return torch.ones_like(x)

    made = flow.sample(predict, torch.zeros(3, 2, 4), steps=5, guidance=1.0)
    assert sizes == [3] * 5
    near(made, torch.ones(3, 2, 4), 1e-6)  # shares of noise fall from 1 to 0, so straight lines end exactly there


def test_noise_is_its_seeds() -> None:
    pair = flow.noise(2, 4, 8, seed=5)
    assert torch.equal(pair[1], flow.noise(1, 4, 8, seed=6)[0])
    assert not torch.equal(pair[0], pair[1])


def test_the_field(autoencoder: vae.VAE, known: dict[str, Tensor]) -> None:
    latents, points = known["in.vae_latents"], known["in.points"][None]
    near(autoencoder.post_quant(latents), known["out.vae.post_quant"])
    near(autoencoder.tokens(latents), known["out.vae.kv"])
    near(vae.embed(points), known["out.vae.embedded_points"], 1e-6)
    memory = autoencoder.remember(latents)
    near(autoencoder.field(points, memory), known["out.vae.logits"][..., 0])
    chunks = [autoencoder.field(some, memory) for some in torch.split(points, 100, dim=1)]
    near(torch.cat(chunks, dim=1), known["out.vae.logits_chunked"][..., 0])


def test_the_field_on_a_grid(autoencoder: vae.VAE, known: dict[str, Tensor]) -> None:
    axis = torch.linspace(-1.005, 1.005, 12)
    points = torch.cartesian_prod(axis, axis, axis)[None]
    made = autoencoder.field(points, autoencoder.remember(known["in.vae_latents"]))
    near(made.view(12, 12, 12), known["out.vae.logits_grid"])


def test_the_encoder(autoencoder: vae.VAE, known: dict[str, Tensor]) -> None:
    queries, surface = known["in.surface_query"], known["in.surface"]
    near(autoencoder.encoder(queries, surface), known["out.vae.encoder_out"])
    mean, variance = autoencoder.encode(queries, surface)
    near(mean, known["out.vae.mean"])
    near(variance, known["out.vae.logvar"])


@pytest.mark.parametrize(
    ("part", "count", "make"),
    [("dit", 554, dit.DiT), ("vae", 356, vae.VAE), ("image_encoder", 439, dinov2.DINOv2)],
)
def test_names_and_shapes_are_the_published_ones(part: str, count: int, make: Callable[[], Any]) -> None:
    with torch.device("meta"):
        network = make()
    wanted = json.loads((FIXTURES / "keys_full.json").read_text())[part]
    made = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert len(made) == count
    assert made == {name: entry["shape"] for name, entry in wanted.items()}


def test_positions_of_a_smaller_picture(known: dict[str, Tensor]) -> None:
    made = dinov2.positions(known["dino_position.table_518"], 16, 16)
    near(made, known["dino_position.at_224_transformers_5_23"], 1e-6)
    assert float((made - known["dino_position.at_224_transformers_4_35"]).abs().max()) > 0.1
    assert torch.equal(dinov2.positions(known["dino_position.table_518"], 37, 37), known["dino_position.table_518"])
