# SPDX-License-Identifier: GPL-3.0-or-later
"""Small films for the steps that change films."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from galatea.backend import reel


def ball(x: float, width: int = 96, height: int = 64, *, clear: bool = False) -> np.ndarray:
    """A disc at x px on grey; on nothing where `clear`."""
    rows, columns = np.mgrid[:height, :width]
    inside = np.clip(12.5 - np.hypot(columns - x, rows - height / 2), 0, 1)[..., None]
    made = inside * np.array([220, 120, 40]) + (1 - inside) * 150
    made = np.dstack([np.full((height, width, 3), (220, 120, 40)), inside * 255]) if clear else made
    return np.round(made).astype(np.uint8)


def packed(path: Path, frames: Sequence[np.ndarray]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, frame in enumerate(frames):
            with archive.open(f"{number:05d}.png", "w") as file:
                Image.fromarray(frame).save(file, "PNG")
    return path


def unpacked(path: Path) -> list[np.ndarray]:
    return list(reel.read(path).frames())
