# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file

from galatea.backend.networks import invented, triplane, triposr

FIXTURES = Path(__file__).parent / "fixtures" / "triposr"


class Fitted(NamedTuple):
    """A model whose decoder makes the surface of `thing` from the codes."""

    model: triposr.Model
    codes: torch.Tensor


@pytest.fixture(scope="session")
def known() -> dict[str, torch.Tensor]:
    """What the reference made of the tiny weights."""
    return load_file(FIXTURES / "tiny_io.safetensors")


@pytest.fixture(scope="session")
def tiny_ckpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny weights as upstream writes its own: a torch pickle of a flat state dict."""
    path = tmp_path_factory.mktemp("weights") / "model.ckpt"
    torch.save(load_file(FIXTURES / "tiny.safetensors"), path)
    return path


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny weights as `convert` writes them: with their sizes."""
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    save_file(load_file(FIXTURES / "tiny.safetensors"), path, {"config": json.dumps(triposr.TINY.plain())})
    return path


@pytest.fixture(scope="session")
def model(tiny_model_path: Path) -> triposr.Model:
    return triposr.load(tiny_model_path, dtype=torch.float32)


def thing(points: torch.Tensor) -> torch.Tensor:
    """Signed distance of a body with a head towards +X, one arm towards +Y and a bumpy skin."""
    scaled = points / points.new_tensor([0.4, 0.22, 0.3])
    body = (scaled.norm(dim=1) - 1) * 0.22
    head = (points - points.new_tensor([0.45, 0.0, 0.35])).norm(dim=1) - 0.18
    part = ((points[:, 1] - 0.1) / 0.5).clamp(0, 1)
    arm = (points - torch.stack([0 * part, 0.1 + 0.5 * part, 0.1 * part], dim=1)).norm(dim=1) - 0.06
    bumps = 0.01 * (points * 25).sin().prod(dim=1)
    return torch.stack([body, head, arm]).amin(dim=0) + bumps


@pytest.fixture(scope="session")
def fitted() -> Fitted:
    torch.manual_seed(0)
    config = triposr.replace(triposr.TINY, width=32)
    decoder = triposr.Decoder(config)
    start = invented.state({f"decoder.{name}": value for name, value in decoder.state_dict().items()}, 0)
    decoder.load_state_dict({name.removeprefix("decoder."): value for name, value in start.items()})
    codes = torch.nn.Parameter(torch.randn(3, config.plane_channels, 24, 24) * 0.3)
    field = triplane.Field(codes, decoder.layers)
    optimiser = torch.optim.Adam([{"params": [codes], "lr": 0.03}, {"params": decoder.parameters(), "lr": 0.005}])
    for _ in range(200):
        points = (torch.rand(2000, 3) * 2 - 1) * triplane.RADIUS
        raw = field.raw(points)
        colour = torch.sigmoid(raw[:, 1:]) - (points + triplane.RADIUS) / (2 * triplane.RADIUS)
        loss = (raw[:, 0] - (4.2 - 60 * thing(points)).clamp(-6, 10)).abs().mean() + colour.abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network = triposr.TripoSR(triposr.TINY)
    network.decoder = decoder
    made = triposr.Model(network, torch.device("cpu"), torch.float32)
    return Fitted(made, codes.detach())
