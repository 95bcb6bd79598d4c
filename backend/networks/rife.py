# SPDX-License-Identifier: GPL-3.0-or-later
"""RIFE 4: the picture between two frames, at any moment (Huang et al. 2022; github.com/hzwer/Practical-RIFE, MIT).

Four blocks, from coarse to fine, correct where each pixel comes from in either frame; both frames are drawn there and
mixed. Versions differ in small things, which the tensors of a checkpoint tell: 4.0 and 4.1, 4.5 and 4.6, 4.7 to 4.9,
4.10 to 4.15. What 4.0 does against motion of more than 32 px at the second block is not done: `coarse` is for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..protocol.errors import UserError
from . import watch, weights
from .watch import Beat

Pixels = NDArray[Any]
SCALES = (8, 4, 2, 1)
CLEAR = 1e-3
"""Alpha below which there is no colour."""
FAINT = 0.02
"""What both frames may differ by where motion brought them together, and be of one scene: noise, changing light."""


@dataclass(frozen=True)
class Config:
    """`old`: 4.0, with one residual a block. `features` of each frame: 0, 4 (4.7 on) or 8 (4.10 on)."""

    old: bool = False
    features: int = 8
    outputs: int = 6
    widths: tuple[int, ...] = (192, 128, 96, 64)


TINY = Config(widths=(16, 12, 8, 8))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.beta = nn.Parameter(torch.ones(1, width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x) * self.beta + x, 0.2)


def _conv(c: Config, before: int, after: int, stride: int = 1) -> nn.Sequential:
    bend = nn.PReLU(after) if c.old else nn.LeakyReLU(0.2)
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), bend)


class Block(nn.Module):
    """Correction of the flow (4) in px and of the mix (1), seen at 1/`scale` of the size."""

    def __init__(self, c: Config, before: int, width: int) -> None:
        super().__init__()
        self.old = c.old
        self.conv0 = nn.Sequential(_conv(c, before, width // 2, 2), _conv(c, width // 2, width, 2))
        each = [_conv(c, width, width) if c.old else Residual(width) for _ in range(8)]
        self.convblock = nn.Sequential(*each)
        self.lastconv: nn.Module = nn.ConvTranspose2d(width, 5, 4, 2, 1)
        if not c.old:
            self.lastconv = nn.Sequential(nn.ConvTranspose2d(width, 4 * c.outputs, 4, 2, 1), nn.PixelShuffle(2))

    def forward(self, x: Tensor, flow: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
        x = _sized(x, 1 / scale)
        if flow is not None:
            x = torch.cat([x, _sized(flow, 1 / scale) / scale], dim=1)
        x = self.conv0(x)
        x = self.convblock(x) + x if self.old else self.convblock(x)
        larger = 2 * scale if self.old else scale
        out = _sized(self.lastconv(x), larger)
        return out[:, :4] * larger, out[:, 4:5]


class Head(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.cnn0 = nn.Conv2d(3, 32, 3, 2, 1)
        self.cnn1 = nn.Conv2d(32, 32, 3, 1, 1)
        self.cnn2 = nn.Conv2d(32, 32, 3, 1, 1)
        self.cnn3 = nn.ConvTranspose2d(32, features, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        for part in (self.cnn0, self.cnn1, self.cnn2):
            x = F.leaky_relu(part(x), 0.2)
        out: Tensor = self.cnn3(x)
        return out


class Drawn(NamedTuple):
    """`flow` (1, 4, H, W) px: where a pixel comes from in the first frame and in the second, as x, y. `mix`
    (1, 1, H, W): the share of the first."""

    flow: Tensor
    mix: Tensor


class Rife(nn.Module):
    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        seen = 7 + 2 * c.features
        for number, width in enumerate(c.widths):
            setattr(self, f"block{number}", Block(c, seen if number == 0 else seen + 5, width))
        if c.features == 4:
            self.encode: nn.Module = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ConvTranspose2d(16, 4, 4, 2, 1))
        elif c.features:
            self.encode = Head(c.features)

    def forward(self, first: Tensor, second: Tensor, moment: float, coarse: float) -> Drawn:
        """Frames (1, 3, H, W) 0..1, sides multiples of 32 * `coarse`; `moment` 0 is the first, 1 the second."""
        when = torch.full_like(first[:, :1], moment)
        pair, seen = (first, second), (first, second)
        signs = tuple(self.encode(each) for each in pair) if self.config.features else ()
        marks, known = signs, [when]
        flow: Tensor | None = None
        for number, scale in enumerate(SCALES):
            block = getattr(self, f"block{number}")
            change, mix = block(torch.cat([*seen, *marks, *known], dim=1), flow, scale * coarse)
            if flow is None:
                flow = change
            else:
                flow = flow + change
                mix = mix if self.config.features else known[-1] + mix
            seen = (warped(first, flow[:, :2]), warped(second, flow[:, 2:]))
            if number + 1 < len(SCALES):
                ways = (flow[:, :2], flow[:, 2:])
                marks = tuple(warped(sign, way) for sign, way in zip(signs, ways, strict=False))
            known = [when, mix]
        assert flow is not None
        return Drawn(flow.float(), torch.sigmoid(known[-1].float()))


def _sized(x: Tensor, scale: float) -> Tensor:
    return x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """Each pixel of (1, C, H, W) fetched from where `flow` (1, 2, H, W) px points; in float32, for half is coarse."""
    height, width = picture.shape[2:]
    x = torch.arange(width, device=flow.device, dtype=torch.float32) + flow[:, 0].float()
    y = torch.arange(height, device=flow.device, dtype=torch.float32)[:, None] + flow[:, 1].float()
    place = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=3)
    found = F.grid_sample(picture.float(), place, mode="bilinear", padding_mode="border", align_corners=True)
    return found.to(picture.dtype)


class Model:
    """Weights on a device. `between` takes and gives frames (H, W, 3) or (H, W, 4), bytes."""

    def __init__(self, network: Rife, device: str | torch.device, dtype: torch.dtype) -> None:
        self.network, self.device, self.dtype = network.eval().requires_grad_(False), torch.device(device), dtype
        network.to(self.device, dtype)

    @torch.inference_mode()
    def between(
        self, first: Pixels, second: Pixels, moment: float, *, coarse: float = 1.0, beat: Beat = lambda part: None
    ) -> tuple[Pixels, float]:
        """The frame at that moment, and which share of the frames' difference no motion explains: large across a cut.

        `coarse` 2 looks at half the size: for large pictures and large motion.
        """
        one, two = self._tensor(first), self._tensor(second)
        height, width = first.shape[:2]
        grid = int(32 * coarse)
        pad = (0, -width % grid, 0, -height % grid)
        one, two = (F.pad(each, pad, mode="replicate") for each in (one, two))
        with watch.convolutions(self.network, beat):
            drawn = self.network(one[:, :3].to(self.dtype), two[:, :3].to(self.dtype), moment, coarse)
        a, b = warped(one, drawn.flow[:, :2]), warped(two, drawn.flow[:, 2:])
        made = (a * drawn.mix + b * (1 - drawn.mix))[0, :, :height, :width]
        apart = float((a - b)[..., :height, :width].abs().mean())
        share = apart / max(float((one - two).abs().mean()), 1e-6) if apart > FAINT else 0.0
        if not bool(torch.isfinite(made).all()):
            raise UserError("RIFE's numbers ran over. Set interpolate.precision to fp32.", kind="weights")
        return self._pixels(made), min(share, 1.0)

    def _tensor(self, frame: Pixels) -> Tensor:
        """(1, C, H, W) 0..1, colours times alpha."""
        found = torch.tensor(frame, device=self.device).permute(2, 0, 1)[None].float() / 255
        return torch.cat([found[:, :3] * found[:, 3:], found[:, 3:]], dim=1) if frame.shape[2] == 4 else found

    @staticmethod
    def _pixels(made: Tensor) -> Pixels:
        if len(made) == 4:
            alpha = made[3:]
            made = torch.cat([torch.where(alpha > CLEAR, made[:3] / alpha.clamp(min=CLEAR), 0 * made[:3]), alpha])
        return np.asarray((made.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def load(source: Path | int, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> Model:
    """From a checkpoint of RIFE 4, a folder that holds one, or the seed of weights that have learned nothing."""
    if isinstance(source, int):
        return Model(invented(source), device, dtype)
    path = weights.only(source)
    state, _ = weights.read(path)
    state = {name.removeprefix("module."): value for name, value in state.items()}
    # 4.0 carries the parts that refined earlier versions; its own code leaves them out
    state = {name: value for name, value in state.items() if name.startswith(("block", "encode")) and "tea" not in name}
    with torch.device("meta"):
        network = Rife(config_of(state, path.name))
    weights.check(path.name, state, network.state_dict(), "RIFE")
    network.load_state_dict(state, assign=True)
    return Model(network, device, dtype)


def config_of(state: Mapping[str, Tensor], name: str) -> Config:
    """Which version it is; raises `UserError` where none that is known here."""
    try:
        widths = tuple(int(state[f"block{number}.conv0.1.0.weight"].shape[0]) for number in range(4))
        if "block0.convblock.0.0.weight" in state:
            return Config(old=True, features=0, outputs=0, widths=widths)
        features = 8 if "encode.cnn3.weight" in state else 4 if "encode.1.weight" in state else 0
        return Config(features=features, outputs=int(state["block0.lastconv.0.weight"].shape[1]) // 4, widths=widths)
    except KeyError:
        text = f"{name} is no RIFE that is known here. Take version 4.0, 4.6, 4.7 or 4.13."
        raise UserError(text, kind="weights") from None


def invented(seed: int, config: Config | None = None) -> Rife:
    """Weights from a seed. Flows come out small, so that a picture stays a picture."""
    torch.manual_seed(seed)
    network = Rife(config or TINY)
    for number in range(len(SCALES)):
        last = getattr(network, f"block{number}").lastconv
        for value in last.parameters():
            value.data *= 0.1
    return network
