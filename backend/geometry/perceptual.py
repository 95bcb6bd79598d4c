# SPDX-License-Identifier: GPL-3.0-or-later
"""LPIPS (Zhang et al. 2018), version 0.1: how different two pictures look to people. In numpy, for it is small.

AlexNet's features of either picture (Krizhevsky 2014, trained on ImageNet) are made unit long at each place, their
squared differences are weighted by channels as people's judgements taught, and averaged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
CONVS = ((3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1))
"""Channels in and out, kernel, stride, padding."""
POOLED = (1, 2)
"""Convolutions that see maxima of 3 x 3."""
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of colours -1..1."""
KINDS = {"F32": "<f4", "F16": "<f2"}


class Lpips:
    """Made of `convs.i.weight` (out, in, k, k), `convs.i.bias` and `heads.i` (out,)."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        made = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        self._convs = [(made[f"convs.{i}.weight"], made[f"convs.{i}.bias"]) for i in range(len(CONVS))]
        self._heads = [made[f"heads.{i}"] for i in range(len(CONVS))]

    @classmethod
    def load(cls, path: Path) -> Lpips:
        return cls(read(path.read_bytes()))

    def mean(self, a: NDArray[Any], b: NDArray[Any]) -> float:
        """The mean distance of pictures (N, H, W, 3), sRGB 0..1, at least 64 px wide and high."""
        return float(np.mean([self._distance(one, other) for one, other in zip(a, b, strict=True)]))

    def _distance(self, a: NDArray[Any], b: NDArray[Any]) -> float:
        total = 0.0
        for one, other, head in zip(self._features(a), self._features(b), self._heads, strict=True):
            total += float(((one - other) ** 2 @ head).mean(dtype=np.float64))
        return total

    def _features(self, picture: NDArray[Any]) -> Iterator[F32]:
        """(places, channels) of each layer, unit long."""
        x = (2 * picture.astype(np.float32) - 1 - np.array(SHIFT, np.float32)) / np.array(SCALE, np.float32)
        x = np.ascontiguousarray(x.transpose(2, 0, 1))
        for index, (weight, bias) in enumerate(self._convs):
            if index in POOLED:
                x = _windows(x, 3, 2).max(axis=(3, 4))
            flat, size = _convolved(x, weight, bias, *CONVS[index][3:])
            flat = np.maximum(flat, 0)
            yield flat / (np.sqrt((flat * flat).sum(axis=1, keepdims=True)) + np.float32(1e-10))
            x = np.ascontiguousarray(flat.T).reshape(-1, *size)


def _convolved(x: F32, weight: F32, bias: F32, stride: int, pad: int) -> tuple[F32, tuple[int, int]]:
    """(C, H, W) -> (rows * columns, out), and how many rows and columns."""
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad)])
    side = weight.shape[-1]
    windows = _windows(padded, side, stride)
    rows, columns = windows.shape[1:3]
    patches = windows.transpose(1, 2, 0, 3, 4).reshape(rows * columns, -1)
    return patches @ weight.reshape(len(weight), -1).T + bias, (rows, columns)


def _windows(x: F32, side: int, stride: int) -> F32:
    """(C, H, W) -> (C, rows, columns, side, side), a view."""
    view: Any = np.lib.stride_tricks.sliding_window_view
    return np.asarray(view(x, (side, side), (1, 2))[:, ::stride, ::stride])


def read(data: bytes) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file: a length, a header in JSON, plain bytes."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    found = {}
    for name, facts in header.items():
        if name != "__metadata__":
            shape, start = facts["shape"], 8 + size + facts["data_offsets"][0]
            found[name] = np.frombuffer(data, KINDS[facts["dtype"]], math.prod(shape), start).reshape(shape)
    return found
