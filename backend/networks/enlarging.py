# SPDX-License-Identifier: GPL-3.0-or-later
"""Real-ESRGAN: pictures at several times their size (Wang et al. 2021; github.com/xinntao/Real-ESRGAN, BSD-3-Clause).

Two networks: RRDB, dense blocks within blocks, for photos, and a compact one of plain convolutions, for films. Which
one, and how large, the tensors of a checkpoint tell.

Pictures go through in tiles. Of the compact network these overlap by all that it sees, so no seam can be. A pixel of
RRDB sees 350 px around it, more than can be shown again: so its trunk, which works at the size of the picture, sees all
of it at once up to `WIDE`, and only what follows, which takes the memory, is done in tiles, exactly too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..protocol.errors import UserError
from . import ncnn, watch, weights
from .watch import Beat

Pixels = NDArray[Any]
WIDE = 1536
"""px, the longest side that is looked at in one go; of larger pictures pieces, with 64 px around them."""


@dataclass(frozen=True)
class Config:
    """`blocks`: of RRDB, or convolutions in between of the compact one, where `growth` is 0."""

    width: int = 64
    blocks: int = 23
    growth: int = 32
    scale: int = 4


class Dense(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for number in range(5):
            after = width if number == 4 else growth
            setattr(self, f"conv{number + 1}", nn.Conv2d(width + number * growth, after, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for number in range(1, 5):
            seen.append(F.leaky_relu(getattr(self, f"conv{number}")(torch.cat(seen, dim=1)), 0.2))
        last: nn.Module = self.get_submodule("conv5")
        out: Tensor = last(torch.cat(seen, dim=1)) * 0.2 + x
        return out


class Trunk(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (Dense(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x
        return out


class Rrdb(nn.Module):
    """`look` at a picture (1, 3, H, W) 0..1, then `draw` it at `scale` times the size. At scales 2 and 1 squares of
    pixels, `fold` a side, are folded into channels first."""

    reach, margin = 64, 4

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.config, self.fold, self.larger, w = c, 4 // c.scale, 4, c.width
        self.conv_first = nn.Conv2d(3 * self.fold**2, w, 3, padding=1)
        self.body = nn.Sequential(*(Trunk(w, c.growth) for _ in range(c.blocks)))
        self.conv_body, self.conv_up1, self.conv_up2, self.conv_hr = (nn.Conv2d(w, w, 3, padding=1) for _ in range(4))
        self.conv_last = nn.Conv2d(w, 3, 3, padding=1)

    def look(self, x: Tensor) -> Tensor:
        first = x = self.conv_first(x)
        x = self.body(x)
        out: Tensor = first + self.conv_body(x)
        return out

    def draw(self, x: Tensor) -> Tensor:
        for part in (self.conv_up1, self.conv_up2):
            x = F.leaky_relu(part(F.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        out: Tensor = self.conv_last(F.leaky_relu(self.conv_hr(x), 0.2))
        return out


class Compact(nn.Module):
    """(1, 3, H, W) 0..1 -> `scale` times the size: what is added to the picture, enlarged as it is."""

    reach, fold = 0, 1

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.config, self.larger, self.margin = c, c.scale, c.blocks + 2
        widths = [3, *[c.width] * (c.blocks + 1)]
        parts: list[nn.Module] = []
        for before, after in pairwise(widths):
            parts += [nn.Conv2d(before, after, 3, padding=1), nn.PReLU(after)]
        self.body = nn.ModuleList([*parts, nn.Conv2d(c.width, 3 * c.scale**2, 3, padding=1)])

    def look(self, x: Tensor) -> Tensor:
        return x

    def draw(self, x: Tensor) -> Tensor:
        large = F.interpolate(x, scale_factor=self.config.scale, mode="nearest")
        for part in self.body:
            x = part(x)
        return F.pixel_shuffle(x, self.config.scale) + large


Network = Rrdb | Compact


class Model:
    def __init__(self, network: Network, device: str | torch.device, dtype: torch.dtype) -> None:
        self.network, self.device, self.dtype = network.eval().requires_grad_(False), torch.device(device), dtype
        network.to(self.device, dtype)

    @property
    def scale(self) -> int:
        return self.network.config.scale

    def enlarge(self, picture: Pixels, tile: int = 512, wide: int = WIDE, beat: Beat = lambda part: None) -> Pixels:
        """(H, W, 3) bytes -> (scale H, scale W, 3) bytes. Alpha is the caller's matter."""
        seen = torch.tensor(picture).permute(2, 0, 1)[None].float() / 255
        made = self.tiled(seen, tile, wide, beat)[0]
        if not bool(torch.isfinite(made).all()):
            raise UserError("Real-ESRGAN's numbers ran over. Set upscale.precision to fp32.", kind="weights")
        return np.asarray((made.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())

    @torch.inference_mode()
    def tiled(self, picture: Tensor, tile: int, wide: int = WIDE, beat: Beat = lambda part: None) -> Tensor:
        """(1, 3, H, W) 0..1 -> float32 on the CPU; `tile` px is the longest side of what is drawn in one go, `wide` of
        what is looked at."""
        network, height, width = self.network, *picture.shape[2:]
        fold, s = network.fold, network.larger
        if fold > 1:
            pad = (0, -width % fold, 0, -height % fold)
            picture = F.pixel_unshuffle(F.pad(picture, pad, mode="replicate"), fold)
        rows, columns = picture.shape[2:]
        out = torch.empty(1, 3, rows * s, columns * s)
        outer = list(_tiles((0, rows, 0, columns), wide)) if network.reach else [(0, rows, 0, columns)]
        pieces = [(place, list(_tiles(place, max(tile - 2 * network.margin, 32)))) for place in outer]
        count, done = sum(2 * len(inner) for _, inner in pieces), 0
        with watch.convolutions(network, lambda _: beat(done / count)):
            for place, inner in pieces:
                (y, x), part = _around(picture, place, network.reach)
                seen = network.look(part.to(self.device, self.dtype))
                done += len(inner)
                for top, bottom, left, right in inner:
                    (v, u), piece = _around(seen, (top - y, bottom - y, left - x, right - x), network.margin)
                    made = network.draw(piece)[:, :, (top - y - v) * s :, (left - x - u) * s :]
                    made = made[:, :, : (bottom - top) * s, : (right - left) * s]
                    out[:, :, top * s : bottom * s, left * s : right * s] = made.float().cpu()
                    done += 1
        beat(1.0)
        return out[:, :, : height * self.scale, : width * self.scale]


Place = tuple[int, int, int, int]
"""Top, bottom, left, right."""


def _around(x: Tensor, place: Place, reach: int) -> tuple[tuple[int, int], Tensor]:
    """The place with what is around it, and the row and column where that begins."""
    top, bottom, left, right = place
    y, u = max(0, top - reach), max(0, left - reach)
    return (y, u), x[:, :, y : bottom + reach, u : right + reach]


def _tiles(place: Place, side: int) -> Iterator[Place]:
    """Pieces of about one size, none longer than `side`."""
    top, bottom, left, right = place
    height, width = bottom - top, right - left
    rows, columns = -(-height // side), -(-width // side)
    for row in range(rows):
        for column in range(columns):
            above, before = top + row * height // rows, left + column * width // columns
            yield above, top + (row + 1) * height // rows, before, left + (column + 1) * width // columns


def load(source: Path | int, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> Model:
    """From a checkpoint, a .param of ncnn with its .bin, a folder of one, or the seed of what has learned nothing."""
    if isinstance(source, int):
        return Model(invented(source), device, dtype)
    path = source if source.suffix == ".param" else weights.only(source)
    state = _from_ncnn(path) if path.suffix == ".param" else weights.read(path)[0]
    try:
        config = config_of(state)
        with torch.device("meta"):
            network = made(config)
    except (KeyError, ValueError, RuntimeError, IndexError):
        text = f"{path.name} is no Real-ESRGAN that is known here. Take RealESRGAN_x4plus or realesr-animevideov3."
        raise UserError(text, kind="weights") from None
    weights.check(path.name, state, network.state_dict(), "Real-ESRGAN")
    network.load_state_dict(state, assign=True)
    return Model(network, device, dtype)


def made(config: Config) -> Network:
    return Rrdb(config) if config.growth else Compact(config)


def config_of(state: Mapping[str, Tensor]) -> Config:
    if "conv_first.weight" in state:
        width, seen = state["conv_first.weight"].shape[:2]
        blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("body."))
        growth = int(state["body.0.rdb1.conv1.weight"].shape[0])
        return Config(int(width), blocks, growth, {3: 4, 12: 2, 48: 1}[int(seen)])
    last = max(int(name.split(".")[1]) for name in state if name.startswith("body."))
    scale = round((int(state[f"body.{last}.weight"].shape[0]) / 3) ** 0.5)
    return Config(int(state["body.0.weight"].shape[0]), last // 2 - 1, 0, scale)


def _from_ncnn(path: Path) -> dict[str, Tensor]:
    """The same tensors under the names of torch: both write the layers in the order in which they are used."""
    layers = ncnn.convolutions(path)
    if any(kind == "PReLU" for kind, _ in layers):
        return {f"body.{number}.{name}": x for number, (_, each) in enumerate(layers) for name, x in each.items()}
    count = (len(layers) - 6) // 15
    inner = [f"body.{block}.rdb{rdb}.conv{conv}" for block in range(count) for rdb in (1, 2, 3) for conv in range(1, 6)]
    names = ["conv_first", *inner, "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    if len(names) != len(layers):
        raise UserError(f"{path.name} is no network of Real-ESRGAN. Choose another file.", kind="weights")
    return {f"{name}.{key}": x for name, (_, each) in zip(names, layers, strict=True) for key, x in each.items()}


def invented(seed: int, config: Config | None = None) -> Network:
    """Weights from a seed, which enlarge a picture and add a little noise to it."""
    torch.manual_seed(seed)
    network = made(config or Config(width=8, blocks=2, growth=0))
    last = network.conv_last if isinstance(network, Rrdb) else network.body[-1]
    for value in last.parameters():
        value.data *= 0.05
    return network
