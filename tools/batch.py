# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/hundred.jpg: each photo of a batch beside a frame of its film, in the order of their names.

.venv/bin/python tools/batch.py FOLDER     # what `galatea batch … --out FOLDER` left; orders that failed are left out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

from galatea.tools.sheets import PICTURES, frames, save, tile

COLUMNS, SIDE = 5, 128
"""Pairs beside each other; px of a picture."""
LIMIT = 400_000


def row(folder: Path) -> Image.Image | None:
    """Photo and frame, side by side."""
    told = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    if told["status"] != "done":
        return None
    photo = Path(told["inputs"]["image"]["path"])
    pair = Image.new("RGB", (2 * SIDE, SIDE), "white")
    pair.paste(tile(photo, SIDE), (0, 0))
    frame = frames(folder / "film.mp4", 3)[1]
    pair.paste(frame.crop(((frame.width - frame.height) // 2, 0, (frame.width + frame.height) // 2, frame.height))
               .resize((SIDE, SIDE), Image.Resampling.LANCZOS), (SIDE, 0))  # fmt: skip
    return pair


def main(folder: Path) -> None:
    rows = [pair for path in sorted(folder.glob("*/result.json")) if (pair := row(path.parent))]
    sheet = Image.new("RGB", (COLUMNS * (2 * SIDE + 8) - 8, -(-len(rows) // COLUMNS) * (SIDE + 4)), "white")
    for number, pair in enumerate(rows):
        sheet.paste(pair, (number % COLUMNS * (2 * SIDE + 8), number // COLUMNS * (SIDE + 4)))
    save(sheet, PICTURES / "hundred.jpg", LIMIT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
