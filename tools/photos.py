# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/pictures/photos.jpg: each photo beside its mesh from four sides, as `galatea` makes it, not retouched.

.venv/bin/python tools/photos.py                               # every photo in presets/examples
.venv/bin/python tools/photos.py --to sheet.jpg PHOTO …        # any photos
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from galatea.backend.protocol.recipe import load_recipe
from galatea.tools.sheets import PICTURES, ROOT, galatea, photos, recipe, save, tile

WORK = ROOT / "out" / "pictures"
SIDE, GAP, COLUMNS, LIMIT = 220, 6, 2, 560_000
VIEWS = (0, 1, 2, 4)
"""Of eight views around the object: front, half left, side, back."""


def turntable() -> Path:
    """The recipe of the mesh, and a camera that goes around it in eight frames."""
    steps = [step.do for step in load_recipe("photo_to_mesh").steps if step.do != "export"]
    orbit = {"path": "orbit", "arc": 360.0, "easing": "linear", "seconds": 0.3334, "width": 300, "height": 300}
    return recipe(WORK / "turntable.toml", [*steps, "stage", "camera", "film"], camera=orbit, film={"samples": 12})


def views(order: Path, photo: Path) -> list[Image.Image]:
    out = WORK / photo.stem
    galatea("run", order, "--image", photo, "--out", out, "--overwrite")
    sheet = Image.open(out / "contact.png").convert("RGB")
    wide, high = sheet.width // 4, sheet.height // 2
    corners = [(number % 4 * wide, number // 4 * high) for number in VIEWS]
    cells = [sheet.crop((x + GAP, y + GAP, x + wide - GAP, y + high - GAP)) for x, y in corners]
    return [cell.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for cell in cells]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", nargs="*", type=Path)
    parser.add_argument("--to", type=Path, default=PICTURES / "photos.jpg")
    options = parser.parse_args(argv)
    shown, order = options.photo or photos(), turntable()
    row = (len(VIEWS) + 1) * SIDE + 4 * GAP
    sheet = Image.new("RGB", (COLUMNS * row, -(-len(shown) // COLUMNS) * (SIDE + GAP)), "white")
    for number, photo in enumerate(shown):
        left, top = number % COLUMNS * row, number // COLUMNS * (SIDE + GAP)
        for place, image in enumerate([tile(photo, SIDE), *views(order, photo)]):
            sheet.paste(image, (left + place * SIDE, top))
        ImageDraw.Draw(sheet).text((left + 4, top + 2), photo.stem, fill=(90, 90, 90))
    save(sheet, options.to, LIMIT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
