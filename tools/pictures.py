# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the sheets of docs/pictures: each photo beside its mesh from four sides, as `galatea` makes it, not retouched.

.venv/bin/python tools/pictures.py                           # photos.jpg: every photo in presets/examples
                                                                 # film.jpg: the strip of `make demo`
.venv/bin/python tools/pictures.py --sheet NAME PHOTO …      # NAME.jpg: any photos
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "presets" / "examples"
PICTURES = ROOT / "docs" / "pictures"
WORK = ROOT / "out" / "pictures"
SIDE = 220
GAP = 6
"""px, half of the dark lines of a contact sheet and a little more."""
VIEWS = (0, 1, 2, 4)
"""Of eight views around the object: front, half left, side, back."""


def turntable() -> Path:
    """The film recipe without rig and motion: eight frames once around."""
    steps = tomllib.loads((ROOT / "presets" / "recipes" / "photo_to_mesh.toml").read_text("utf-8"))["step"]
    names = [step["do"] for step in steps if step["do"] != "export"]
    lines = ["version = 1", 'name = "Turntable"', *(f'[[step]]\ndo = "{name}"' for name in names)]
    lines.append('[[step]]\ndo = "stage"\n[[step]]\ndo = "camera"\npath = "orbit"\narc = 360.0\neasing = "linear"')
    lines.append("seconds = 0.3334")
    lines.append('width = 300\nheight = 300\n[[step]]\ndo = "film"\nsamples = 12')
    path = WORK / "turntable.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def views(recipe: Path, photo: Path) -> list[Image.Image]:
    out = WORK / photo.stem
    command = [sys.executable, "-m", "galatea.backend", "run", recipe, "--image", photo, "--out", out, "--overwrite"]
    subprocess.run(list(map(str, command)), check=True)
    sheet = Image.open(out / "contact.png").convert("RGB")
    width, height = sheet.width // 4, sheet.height // 2
    cells = [sheet.crop((x * width, y * height, (x + 1) * width, (y + 1) * height)) for y in range(2) for x in range(4)]
    return [cells[number].crop((GAP, GAP, width - GAP, height - GAP)) for number in VIEWS]


def tile(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    made = Image.new("RGB", (SIDE, SIDE), "white")
    made.paste(image, ((SIDE - image.width) // 2, (SIDE - image.height) // 2), image)
    return made


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", nargs="*", type=Path)
    parser.add_argument("--sheet", default="photos")
    options = parser.parse_args(argv)
    PICTURES.mkdir(parents=True, exist_ok=True)
    photos = options.photo or [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".jpg", ".png")]
    recipe = turntable()
    gap, columns = 6, 2
    row = (len(VIEWS) + 1) * SIDE
    rows = -(-len(photos) // columns)
    sheet = Image.new("RGB", (columns * row + (columns - 1) * 4 * gap, rows * (SIDE + gap)), "white")
    for number, photo in enumerate(photos):
        left, top = number % columns * (row + 4 * gap), number // columns * (SIDE + gap)
        for place, image in enumerate([Image.open(photo), *views(recipe, photo)]):
            sheet.paste(tile(image), (left + place * SIDE, top))
        ImageDraw.Draw(sheet).text((left + 4, top + 2), photo.stem, fill=(90, 90, 90))
    strip = ROOT / "out" / "demo" / "contact.png"
    if not options.photo and strip.is_file():
        Image.open(strip).convert("RGB").save(PICTURES / "film.jpg", quality=88)
    path = PICTURES / f"{options.sheet}.jpg"
    sheet.save(path, quality=88)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
