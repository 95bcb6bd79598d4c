# SPDX-License-Identifier: GPL-3.0-or-later
"""One sheet of many films: each mesh of a folder is given bones, moved and filmed by one command, six frames a row.

    python tools/moves.py FOLDER [--to docs/pictures/moves.jpg] [--words words.toml] [--set STEP.PARAM=VALUE …]

`words.toml` may say for a file's stem what it does: `01-horse = "walks"`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from galatea.tools.sheets import PICTURES, ROOT, frames, galatea, save

SHOWN = ("skeleton.kind", "bind.unweighted", "bind.stretch_max", "move.clips", "move.slide_mm", "move.lowest_m")
"""Figures to print of each film."""
FRAMES, CELL, LINE, GAP, LIMIT = 6, (128, 96), 14, 8, 200_000
"""Frames of a film; px: a frame, a line of words, between two films; bytes of the sheet."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", type=Path, default=PICTURES / "moves.jpg")
    parser.add_argument("--words", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "out/moves", help="where the films go")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    words = tomllib.loads(args.words.read_text(encoding="utf-8")) if args.words else {}
    rows = []
    for mesh in sorted(args.folder.glob("*.glb")):
        settings = [*args.settings, *([f"move.motion={words[mesh.stem]}"] if mesh.stem in words else [])]
        rows.append(_row(mesh, args.out / mesh.stem, settings, words.get(mesh.stem, "")))
    _sheet(rows, args.to)
    return 0


def _row(mesh: Path, out: Path, settings: list[str], said: str) -> tuple[str, list[Any]]:
    """The label and frames of one film."""
    words = [word for each in settings for word in ("--set", each)]
    galatea("film", mesh, "--out", out, "--overwrite", "--quiet", *words)
    told: dict[str, Any] = {}
    for stage in json.loads((out / "result.json").read_text(encoding="utf-8"))["stages"]:
        told |= {f"{stage['step']}.{name}": value for name, value in stage.get("metrics", {}).items()}
    print(mesh.stem, {name: told.get(name) for name in SHOWN})
    return f"{told['skeleton.kind']}: {said or ', '.join(told['move.clips'])}", frames(out / "film.mp4", FRAMES)


def _sheet(rows: list[tuple[str, list[Any]]], path: Path) -> None:
    """Two films side by side, their words above them."""
    wide, high = FRAMES * CELL[0] + GAP, CELL[1] + LINE
    sheet = Image.new("RGB", (2 * wide, -(-len(rows) // 2) * high), (24, 24, 26))
    draw = ImageDraw.Draw(sheet)
    for number, (label, shown) in enumerate(rows):
        left, top = number % 2 * wide, number // 2 * high
        draw.text((left + 4, top + 1), label, fill=(235, 235, 235))
        for k, frame in enumerate(shown):
            sheet.paste(frame.resize(CELL), (left + k * CELL[0], top + LINE))
    save(sheet, path, LIMIT)


if __name__ == "__main__":
    sys.exit(main())
