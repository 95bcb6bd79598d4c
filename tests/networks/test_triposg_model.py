# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG from a folder as the hub has it, at a tiny size: every precision, every way to save memory, every mishap."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from galatea.backend.networks import dinov2
from galatea.backend.networks.triposg import dit, flow, lean, picture, vae
from galatea.backend.networks.triposg.attention import arranged
from galatea.backend.networks.triposg.invented import Invented
from galatea.backend.networks.triposg.load import Source
from galatea.backend.networks.triposg.model import Model, turned
from galatea.backend.protocol.errors import UserError

from .triposg_folder import FIXTURES, SMALL, tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("triposg"))


@pytest.fixture(scope="module")
def known() -> dict[str, Tensor]:
    return load_file(FIXTURES / "tiny_io.safetensors")


def model(folder: Path | int, sizes: Path, **ways: bool) -> Model:
    return Model(Source(folder, sizes), CPU, torch.float32, **ways)


def flowed(made: Model, known: dict[str, Tensor]) -> Tensor:
    return made.flow([dit.Told(known["in.image_embeds"])], known["in.latents"][:1], steps=50, guidance=7.0, done=47)


def test_a_folder_gives_the_reference_numbers(folder: Path, known: dict[str, Tensor]) -> None:
    network = Source(folder, folder).transformer(CPU, torch.float32, int8=False)
    time, tokens = torch.full((2,), 640.0), known["in.image_embeds"]
    made = network(known["in.latents"], time, [dit.Told(tokens)], lambda part: None)
    assert float((made - known["out.dit.output_cfg_batch"]).abs().max()) < 2e-5


def test_layers_brought_one_by_one_give_the_same(folder: Path, known: dict[str, Tensor]) -> None:
    carried = model(folder, folder, lean=True)
    made = flowed(carried, known)
    assert torch.equal(made, flowed(model(folder, folder), known))
    assert isinstance(carried._kept["transformer"].call, lean.Carried)


def test_carried_leaves_what_it_carries_where_it_was() -> None:
    """`meta` stands for a device: only what was brought there can be calculated there."""
    layer = torch.nn.Linear(4, 4)
    made = lean.Carried(torch.device("meta"))(layer, torch.zeros(2, 4, device="meta"))
    assert made.device.type == "meta" and layer.weight.device.type == "cpu"
    with pytest.raises(RuntimeError):
        layer(torch.zeros(2, 4, device="meta"))


def test_int8_is_near_and_smaller(folder: Path, known: dict[str, Tensor]) -> None:
    full = Source(folder, folder).transformer(CPU, torch.float32, int8=False)
    small = Source(folder, folder).transformer(CPU, torch.float32, int8=True)
    kinds = {type(part).__name__ for part in small.blocks.modules()}
    assert "Int8" in kinds and "Linear" not in kinds

    def size(part: torch.nn.Module) -> int:
        return sum(t.numel() * t.element_size() for t in part.state_dict().values())

    assert size(small.blocks) < 0.35 * size(full.blocks)
    given = (known["in.latents"], torch.full((2,), 640.0), [dit.Told(known["in.image_embeds"])], lambda part: None)
    whole, rough = full(*given), small(*given)
    error = float((rough - whole).norm() / whole.norm())
    assert 1e-4 < error < 0.03


def test_int8_of_one_layer() -> None:
    chance = torch.Generator().manual_seed(0)
    weight, x = torch.randn(64, 512, generator=chance), torch.randn(64, 512, generator=chance)
    weight[3] *= 1000  # one strong row does not spoil the others
    made = lean.Int8(weight, None, CPU, torch.float32)(x)
    wanted = x @ weight.T
    error = (made - wanted).norm(dim=0) / wanted.norm(dim=0)
    assert 0.004 < float(error.max()) < 0.015


def test_the_encoder_is_that_of_the_library(tmp_path: Path) -> None:
    """The published layout read by transformers itself, which renames the tensors."""
    transformers = pytest.importorskip("transformers")
    folder = tiny(tmp_path) / "image_encoder_dinov2"
    theirs = transformers.Dinov2Model.from_pretrained(folder, attn_implementation="eager").eval()
    ours = Source(tmp_path, tmp_path).encoder(CPU, torch.float32)
    shown = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted, made = theirs(shown).last_hidden_state, ours(shown)
    assert made.shape == (2, 257, 48)
    assert float((made - wanted).abs().max()) < 2e-5


def test_a_seed_goes_all_the_way_to_a_surface(folder: Path) -> None:
    made = model(5, folder)
    tokens = made.look(torch.zeros(1, 3, 224, 224))
    latents = made.flow([dit.Told(tokens)], flow.noise(1, 32, 8, seed=0), steps=2, guidance=7.0)
    surface = made.surface(latents, 6)
    assert len(surface.faces) > 1000 and surface.asked < 65**3
    again = model(5, folder)
    assert torch.equal(again.look(torch.zeros(1, 3, 224, 224)), tokens)
    assert not torch.equal(model(6, folder).look(torch.zeros(1, 3, 224, 224)), tokens)


def test_lean_lets_go_of_what_was_used(folder: Path) -> None:
    made = model(5, folder, lean=True)
    tokens = made.look(torch.zeros(1, 3, 224, 224))
    made.surface(made.flow([dit.Told(tokens)], flow.noise(1, 32, 8, seed=0), steps=1, guidance=1.0), 5)
    assert set(made._kept) == {"transformer"}


def test_words_and_drawing_are_both_heard() -> None:
    """A weight of nothing is as if it had not been said; both add to the same tokens."""
    config = dit.Config(64, 4, 5, 8, cross_attention_dim=24, cross_attention_2_dim=48)
    network = dit.DiT(config)
    with torch.device("meta"):
        shapes = dit.DiT(config).state_dict()
    network.load_state_dict(dict(arranged(Invented(shapes, 3), 4)))
    network.requires_grad_(False)
    words, drawing = torch.randn(1, 77, 24), torch.randn(1, 257, 48)

    def made(first: float, second: float) -> Tensor:
        told = [dit.Told(words, first), dit.Told(drawing, second)]
        return network(torch.ones(1, 16, 8), torch.full((1,), 500.0), told, lambda part: None)

    assert not torch.allclose(made(1.0, 0.4), made(1.0, 0.0), atol=1e-4)
    assert not torch.allclose(made(1.0, 0.4), made(0.0, 0.4), atol=1e-4)
    block, x = network.blocks[0], torch.randn(1, 5, 64)
    alone = [block.attn2(block.norm2(x), words), block.attn2_2(block.norm2_2(x), drawing)]
    block.attn1.to_out[0].weight.zero_(), block.attn1.to_out[0].bias.zero_()
    together = x + alone[0] + 0.4 * alone[1]
    wanted = together + block.ff(block.norm3(together))
    assert torch.allclose(block(x, None, [dit.Told(words), dit.Told(drawing, 0.4)]), wanted, atol=1e-5)


def test_the_scribble_network_has_its_further_layers() -> None:
    with torch.device("meta"):
        names = set(dit.DiT(dit.SCRIBBLE).state_dict()) - set(dit.DiT().state_dict())
    kinds = {name.split(".", 2)[2] for name in names}
    assert len(names) == 21 * len(kinds)
    assert kinds == {
        *(f"attn2_2.{part}.weight" for part in ("to_q", "to_k", "to_v", "to_out.0", "norm_q", "norm_k")),
        *("attn2_2.to_out.0.bias", "norm2_2.weight", "norm2_2.bias"),
    }


def spoil_size(folder: Path) -> None:
    (folder / "transformer" / "config.json").write_text(json.dumps({"width": -4}))


def spoil_json(folder: Path) -> None:
    (folder / "vae" / "config.json").write_text("{")


def spoil_heads(folder: Path) -> None:
    (folder / "transformer" / "config.json").write_text(json.dumps({**SMALL, "num_layers": 4}))


def spoil_bytes(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:500])


def spoil_missing(folder: Path) -> None:
    (folder / "image_encoder_dinov2" / "model.safetensors").unlink()


def spoil_names(folder: Path) -> None:
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file({f"x.{name}": tensor for name, tensor in load_file(path).items()}, path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (spoil_size, "names no sizes"),
        (spoil_json, "names no sizes"),
        (spoil_heads, "does not hold the weights"),
        (spoil_bytes, "damaged"),
        (spoil_missing, "no weights at"),
        (spoil_names, "138 missing"),
    ],
)
def test_a_bad_folder_says_what_is_wrong(tmp_path: Path, spoil: Callable[[Path], None], says: str) -> None:
    folder = tiny(tmp_path)
    spoil(folder)
    source = Source(folder, folder)
    with pytest.raises(UserError, match=says) as caught:
        source.transformer(CPU, torch.float32, int8=False)
        source.autoencoder(CPU, torch.float32)
        source.encoder(CPU, torch.float32)
    assert caught.value.kind == "weights"


def test_one_file_is_not_enough(tmp_path: Path) -> None:
    path = shutil.copy(FIXTURES / "tiny_dit.safetensors", tmp_path / "some.safetensors")
    with pytest.raises(UserError, match="Choose the folder"):
        Source(path, tmp_path).transformer(CPU, torch.float32, int8=False)


def test_too_large_numbers_are_told(folder: Path) -> None:
    made = Model(Source(folder, folder), CPU, torch.float32)
    with pytest.raises(UserError, match="precision=fp32"):
        made.surface(torch.full((1, 24, 8), float("nan")), 5)


def test_axes() -> None:
    """glTF's: up is +Y, the front +Z, +X to the right of who looks at the front. Ours: up +Z, front -Y."""
    points = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], np.float32)
    assert np.array_equal(turned(points), [[0, 0, 1], [0, -1, 0], [1, 0, 0]])


def test_the_object_is_shown_on_white_with_a_tenth_around() -> None:
    rgba = np.zeros((300, 400, 4), np.uint8)
    rgba[100:200, 50:250] = (200, 30, 30, 255)
    square = picture.cropped(rgba)
    assert square.shape == (240, 240, 4)
    assert np.flatnonzero(square[..., 3].any(0)).tolist() == list(range(20, 220))
    assert np.flatnonzero(square[..., 3].any(1)).tolist() == list(range(70, 170))
    shown = picture.shown(square)
    assert shown.shape == (1, 3, 224, 224)
    seen = shown[0].permute(1, 2, 0).numpy() * np.array(dinov2.STD) + np.array(dinov2.MEAN)
    assert np.allclose(seen[5, 5], 1, atol=1e-5) and np.allclose(seen[112, 112] * 255, (200, 30, 30), atol=0.5)
    across = np.flatnonzero(seen[112, :, 1] < 0.5)
    assert abs(across[0] - (20 / 240 * 256 - 16)) <= 1 and abs(across[-1] - (220 / 240 * 256 - 17)) <= 1


def test_a_picture_of_nothing() -> None:
    with pytest.raises(UserError, match="Nothing stands out"):
        picture.cropped(np.zeros((50, 50, 4), np.uint8))


def test_a_huge_picture_is_made_smaller() -> None:
    rgba = np.full((100, 4000, 4), 255, np.uint8)
    assert picture.cropped(rgba).shape == (2400, 2400, 4)


def test_a_drawing_is_kept_whole() -> None:
    drawing = np.full((10, 30, 4), 255, np.uint8)
    square = picture.squared(drawing)
    assert square.shape == (30, 30, 4) and square[10:20].all() and not square[:10].any()


def test_sizes_come_from_the_files() -> None:
    assert vae.Config.of({"width_decoder": 48, "embed_include_pi": False}).width_decoder == 48
    assert dit.Config.of({"_class_name": "x", "cross_attention_2_dim": 1024}).cross_attention_2_dim == 1024
