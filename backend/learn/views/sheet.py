# SPDX-License-Identifier: GPL-3.0-or-later
"""A contact sheet of samples, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .shade import NOTHING, SIZE

GREY = 128


def contact(path: Path, samples: Sequence[Mapping[str, NDArray[Any]]], across: int = 4) -> None:
    """Write a PNG: for each sample its picture on grey, its depth (near is bright) and its normals."""
    tiles = [_tile(sample) for sample in samples]
    blank = np.full_like(tiles[0], GREY)
    tiles += [blank] * (-len(tiles) % across)
    rows = [np.concatenate(tiles[i : i + across], axis=1) for i in range(0, len(tiles), across)]
    Image.fromarray(np.concatenate(rows)).save(path)


def _tile(sample: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    rgba = sample["rgba"].astype(np.float32)
    alpha = rgba[..., 3:] / 255
    picture = rgba[..., :3] * alpha + GREY * (1 - alpha)
    depth = sample["depth"].astype(np.float32)
    near = np.where(depth < NOTHING / 2, np.clip(200 - depth * 100, 30, 255), 0)
    normal = sample["normal"].astype(np.float32) * np.array([1, -1, -1], np.float32)
    seen = np.where((sample["normal"] != 0).any(axis=-1, keepdims=True), normal + 128, 0)
    side = np.concatenate([np.repeat(near[..., None], 3, axis=2), seen])
    whole = np.concatenate([picture, side[:SIZE]], axis=1)
    return np.asarray(np.clip(whole, 0, 255), np.uint8)
