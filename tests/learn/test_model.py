# SPDX-License-Identifier: GPL-3.0-or-later
"""The network at a tiny size, the shipped encoder, and the graph that onnxruntime reads."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from galatea.backend.backends import lift as backend
from galatea.backend.cli.learn import ENCODER
from galatea.backend.learn.model import encoder as enc
from galatea.backend.learn.model.export import Whole, export
from galatea.backend.learn.model.network import Config, Lift, on_grey, small
from galatea.backend.learn.training.tokens import load_encoder
from galatea.backend.learn.training.train import load_weights, save_weights
from galatea.backend.protocol.errors import UserError

TINY = Config(width=32, layers=1, heads=4, middle=16, fine=16, blocks=1)
PHOTO = Path(__file__).resolve().parents[2] / "presets" / "examples" / "otter.jpg"


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    pixels = np.asarray(Image.open(PHOTO).convert("RGBA").resize((224, 224)))
    return torch.from_numpy(pixels.copy())[None]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real encoder and tiny weights that are not near zero."""
    folder = tmp_path_factory.mktemp("weights")
    shutil.copyfile(ENCODER, folder / ENCODER.name)
    torch.manual_seed(1)
    model = Lift(TINY)
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    save_weights(folder / "lift.safetensors", model)
    export(folder / ENCODER.name, folder / "lift.safetensors", folder / "lift.onnx")
    return folder


def test_quantised_weights_are_within_half_a_step() -> None:
    torch.manual_seed(0)
    state = {"a.weight": torch.randn(7, 5, 2, 2), "a.bias": torch.randn(7)}
    packed = enc.pack(state)
    assert packed["a.weight"].dtype == torch.int8
    back = enc.unpack(packed)
    step = state["a.weight"].flatten(1).abs().amax(dim=1) / 127
    assert ((back["a.weight"] - state["a.weight"]).flatten(1).abs() <= 0.51 * step[:, None] + 1e-6).all()
    assert back.keys() == state.keys()


def test_the_shipped_encoder_tells_things_apart(picture: torch.Tensor) -> None:
    """Not random weights: two crops of one photo are nearer to each other than to another photo."""
    model = load_encoder(ENCODER)
    other = Image.open(PHOTO.with_name("coffee.jpg")).convert("RGBA")
    views = [Image.open(PHOTO).convert("RGBA"), Image.open(PHOTO).convert("RGBA").crop((10, 10, 400, 400)), other]
    pixels = torch.stack([torch.from_numpy(np.array(view.resize((224, 224)))) for view in views])
    with torch.no_grad():
        feature = torch.nn.functional.normalize(model(on_grey(pixels))[:, 0, -384:], dim=1)
    same, apart = float(feature[0] @ feature[1]), float(feature[0] @ feature[2])
    assert same > 0.5 > apart


def test_the_graph_gives_what_torch_gives(tiny: Path, picture: torch.Tensor) -> None:
    module = Whole(load_encoder(tiny / ENCODER.name), load_weights(tiny / "lift.safetensors")[0]).eval()
    feed = {"picture": on_grey(picture), "rgba": small(picture)}
    with torch.no_grad():
        wanted = module(feed["picture"], feed["rgba"])
    session = onnxruntime.InferenceSession(str(tiny / "lift.onnx"), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        got = session.run(None, {name: value.repeat(batch, 1, 1, 1).numpy() for name, value in feed.items()})
        for ours, theirs in zip(got, wanted, strict=True):
            assert len(ours) == batch
            assert np.abs(ours - theirs.numpy()).max() < 2e-4 * max(1.0, float(theirs.abs().max()))


def test_the_graph_holds_no_weights(tiny: Path) -> None:
    assert (tiny / "lift.onnx").stat().st_size < 600_000


def test_the_worker_prepares_a_picture_as_training_does(picture: torch.Tensor) -> None:
    big, little = backend.feeds(picture[0].numpy())
    assert np.abs(big - on_grey(picture)[0].numpy()).max() < 2 / 255
    assert np.abs(little - small(picture)[0].numpy()).max() < 3 / 255


def test_weights_come_back_as_they_went_with_their_configuration(tmp_path: Path) -> None:
    model = Lift(TINY)
    save_weights(tmp_path / "w.safetensors", model, {"step": "7"})
    again, metadata = load_weights(tmp_path / "w.safetensors")
    assert again.config == TINY and metadata["step"] == "7"
    for name, value in model.state_dict().items():
        assert torch.allclose(again.state_dict()[name], value, atol=1e-3)


def test_what_is_no_weights_is_said(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{}")
    with pytest.raises(UserError, match="holds no weights"):
        load_weights(tmp_path / "w.safetensors")


def test_damaged_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(backend.WEIGHTS, tmp_path / "w")
    assert backend.weights(tmp_path / "w").name == "lift.onnx"
    with (tmp_path / "w" / "lift.safetensors").open("r+b") as file:
        file.seek(5000)
        file.write(b"\x00\x01\x02")
    with pytest.raises(UserError, match="damaged"):
        backend.weights(tmp_path / "w")
    (tmp_path / "w" / "lift.safetensors").unlink()
    with pytest.raises(UserError, match="missing"):
        backend.weights(tmp_path / "w")
