# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to look at: strips of four sides of a shape, and sheets of input, prediction and truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .views import Views

SIDES = (0, 2, 4, 6)
"""Of the eight views: front, right, back, left."""
TILE = 128
BACK = (214, 214, 214)


def strip(views: Views) -> Image.Image:
    """The four sides beside each other, shaded."""
    row = np.concatenate([views.shaded[i] for i in SIDES], axis=1)
    return Image.fromarray((np.clip(row, 0, 1) * 255 + 0.5).astype(np.uint8))


def save(picture: Image.Image, path: Path) -> None:
    """As PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    picture.save(part, "PNG")
    os.replace(part, path)


def sheet(rows: Sequence[tuple[str, Path, Path | None, Path]]) -> Image.Image:
    """One row each of (caption, input, strip of the prediction or None where it failed, strip of the truth)."""
    width = TILE * (1 + 2 * len(SIDES)) + 16
    picture = Image.new("RGB", (width, max(1, len(rows)) * (TILE + 16)), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    for index, (caption, photo, prediction, truth) in enumerate(rows):
        top = index * (TILE + 16)
        pen.text((4, top + 2), caption, fill=(0, 0, 0))
        with Image.open(photo) as file:
            small = file.convert("RGBA").resize((TILE, TILE))
        picture.paste(BACK, (0, top + 16, TILE, top + 16 + TILE))
        picture.paste(small, (0, top + 16), small)
        for left, path in ((TILE + 8, prediction), (TILE * (1 + len(SIDES)) + 16, truth)):
            if path and path.is_file():
                with Image.open(path) as file:
                    picture.paste(file.convert("RGB").resize((TILE * len(SIDES), TILE)), (left, top + 16))
            else:
                pen.text((left + 8, top + 60), "failed", fill=(180, 0, 0))
    return picture
