# SPDX-License-Identifier: GPL-3.0-or-later
"""A triplane and its decoder, of the published sizes, fitted to a thing of many parts: a surface like a real one."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from galatea.backend.networks import invented, triplane
from galatea.backend.networks.triposr import Config, Decoder

STEPS = 900


def thing(points: Tensor) -> tuple[Tensor, Tensor]:
    """Signed distances (N,) and colours (N, 3) of a creature with legs, arms, ears and bumps; it faces +X."""

    def capsule(a: tuple[float, ...], b: tuple[float, ...], radius: float) -> Tensor:
        start, along = points.new_tensor(a), points.new_tensor(b) - points.new_tensor(a)
        part = (((points - start) @ along) / along.dot(along)).clamp(0, 1)
        away: Tensor = (points - start - part[:, None] * along).norm(dim=1)
        return away - radius

    def ball(centre: tuple[float, ...], radii: tuple[float, ...]) -> Tensor:
        size: Tensor = ((points - points.new_tensor(centre)) / points.new_tensor(radii)).norm(dim=1)
        return (size - 1) * min(radii)

    parts = [ball((-0.05, 0, -0.05), (0.38, 0.24, 0.26)), ball((0.38, 0, 0.25), (0.17, 0.15, 0.16))]
    for side in (-1, 1):
        parts.append(capsule((0.15, 0.14 * side, -0.2), (0.2, 0.16 * side, -0.6), 0.05))
        parts.append(capsule((-0.25, 0.14 * side, -0.2), (-0.28, 0.16 * side, -0.6), 0.05))
        parts.append(capsule((0.33, 0.1 * side, 0.36), (0.3, 0.16 * side, 0.6), 0.025))
    parts.append(capsule((-0.4, 0, 0.0), (-0.68, 0.1, 0.3), 0.03))
    stacked = torch.stack(parts)
    distance = -torch.logsumexp(-stacked * 60, dim=0) / 60
    distance = distance + 0.008 * (points * 38).sin().prod(dim=1) + 0.004 * (points.roll(1, 1) * 61).cos().prod(dim=1)
    return distance, (0.5 + 0.4 * torch.sin(points * 9 + points.new_tensor([0.0, 2.0, 4.0]))).clamp(0.05, 0.95)


def fit(path: Path, steps: int = STEPS, batch: int = 8192) -> None:
    """Codes (3, 40, 64, 64) and decoder of the published sizes whose surface is that of `thing`."""
    torch.manual_seed(0)
    decoder, codes = Decoder(Config()), torch.nn.Parameter(torch.randn(3, 40, 64, 64) * 0.3)
    start = invented.state({f"decoder.{name}": value for name, value in decoder.state_dict().items()}, 0)
    decoder.load_state_dict({name.removeprefix("decoder."): value for name, value in start.items()})
    field = triplane.Field(codes, decoder.layers)
    optimiser = torch.optim.Adam([{"params": [codes], "lr": 0.02}, {"params": decoder.parameters(), "lr": 0.003}])
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    level = torch.tensor(triplane.LEVEL).log() - triplane.BIAS
    for step in range(steps):
        points = (torch.rand(3 * batch, 3) * 2 - 1) * triplane.RADIUS
        near = thing(points)[0].abs().argsort()[: batch // 2]
        points = torch.cat([points[near], points[: batch // 2]])
        distance, colours = thing(points)
        wanted = (level - 100 * distance).clamp(-6, 11)
        raw = field.raw(points)
        loss = (raw[:, 0] - wanted).abs().mean() + (torch.sigmoid(raw[:, 1:]) - colours).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"fitting a field, step {step} of {steps}, error {loss.item():.3f}", flush=True)
    state = {"codes": codes.detach(), **{name: value.detach() for name, value in decoder.state_dict().items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)
