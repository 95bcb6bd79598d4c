# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to look at: strips of four sides of a shape, and sheets with a row for each object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from ...protocol import whole
from .shape import Floats
from .views import Views

SIDES = (0, 2, 4, 6)
"""Of the eight views: front, right, back, left."""
TILE, GAP = 128, 8
BACK = (214, 214, 214)
Row = tuple[str, Path, Sequence[Path | None]]
"""Caption, the picture that was given, and strips of four tiles: None for what failed."""


def strip(views: Views, first: Floats | None = None) -> Image.Image:
    """The four sides beside each other, shaded; a picture (S, S, 3) of its own in the place of the front."""
    sides = [views.shaded[i] for i in SIDES]
    if first is not None:
        front = Image.fromarray((np.clip(first, 0, 1) * 255 + 0.5).astype(np.uint8))
        sides[0] = np.asarray(front.resize(sides[0].shape[1::-1], Image.Resampling.BOX), np.float64) / 255
    row = np.concatenate(sides, axis=1)
    return Image.fromarray((np.clip(row, 0, 1) * 255 + 0.5).astype(np.uint8))


def save(picture: Image.Image, path: Path) -> None:
    """As PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole.part(path) as part:
        picture.save(part, "PNG")


def sheet(rows: Sequence[Row]) -> Image.Image:
    count = max((len(strips) for _, _, strips in rows), default=0)
    wide = TILE * len(SIDES)
    picture = Image.new("RGB", (TILE + count * (wide + GAP), max(1, len(rows)) * (TILE + 16)), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    for index, (caption, photo, strips) in enumerate(rows):
        top = index * (TILE + 16)
        pen.text((4, top + 2), caption, fill=(0, 0, 0))
        with Image.open(photo) as file:
            small = file.convert("RGBA")
        small.thumbnail((TILE, TILE))
        picture.paste(BACK, (0, top + 16, TILE, top + 16 + TILE))
        picture.paste(small, ((TILE - small.width) // 2, top + 16 + (TILE - small.height) // 2), small)
        for number, path in enumerate(strips):
            left = TILE + GAP + number * (wide + GAP)
            if path and path.is_file():
                with Image.open(path) as file:
                    picture.paste(file.convert("RGB").resize((wide, TILE)), (left, top + 16))
            else:
                pen.text((left + 8, top + 60), "failed", fill=(180, 0, 0))
    return picture
