# SPDX-License-Identifier: GPL-3.0-or-later
"""One sheet of many films: each mesh of a folder is given bones, moved and filmed by one command, six frames a row.

    python tools/moves.py FOLDER docs/pictures/moves.jpg [--words words.toml] [--set STEP.PARAM=VALUE …]

`words.toml` may say for a file's stem what it does: `01-horse = "walks"`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("skeleton.kind", "bind.unweighted", "bind.stretch_max", "move.clips", "move.slide_mm", "move.lowest_m")
"""Figures to print of each film."""
FRAMES, CELL, LINE, GAP = 6, (128, 96), 14, 8
"""Frames of a film; px: a frame, a line of words, between two films."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "out/moves", help="where the films go")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    words = tomllib.loads(args.words.read_text(encoding="utf-8")) if args.words else {}
    rows = []
    for mesh in sorted(args.folder.glob("*.glb")):
        settings = [*args.settings, *([f"move.motion={words[mesh.stem]}"] if mesh.stem in words else [])]
        rows.append(_row(mesh, args.out / mesh.stem, settings, words.get(mesh.stem, "")))
    _sheet([row for row in rows if row], args.picture)
    return int(not all(rows))


def _row(mesh: Path, out: Path, settings: list[str], said: str) -> tuple[str, list[Any]] | None:
    """The label and frames of one film; nothing where it failed."""
    command = [sys.executable, "-m", "galatea.backend", "film", str(mesh), "--out", str(out), "--overwrite", "--quiet"]
    done = subprocess.run(
        [*command, *(word for each in settings for word in ("--set", each))], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    if done.returncode:
        print(f"{mesh.name}: exit code {done.returncode}")
        return None
    told: dict[str, Any] = {}
    for stage in json.loads((out / "result.json").read_text(encoding="utf-8"))["stages"]:
        told |= {f"{stage['step']}.{name}": value for name, value in stage.get("metrics", {}).items()}
    print(mesh.stem, {name: told.get(name) for name in SHOWN})
    return f"{told['skeleton.kind']}: {said or ', '.join(told['move.clips'])}", _frames(out / "film.mp4")


def _frames(film: Path) -> list[Any]:
    import av

    with av.open(str(film)) as video:
        every: list[Any] = [frame.to_image() for frame in video.decode(video=0)]  # type: ignore[no-untyped-call]
    return [every[round(k * (len(every) - 1) / (FRAMES - 1))] for k in range(FRAMES)]


def _sheet(rows: list[tuple[str, list[Any]]], path: Path) -> None:
    """Two films side by side, their words above them."""
    from PIL import Image, ImageDraw

    wide, high = FRAMES * CELL[0] + GAP, CELL[1] + LINE
    sheet = Image.new("RGB", (2 * wide, -(-len(rows) // 2) * high), (24, 24, 26))
    draw = ImageDraw.Draw(sheet)
    for number, (label, frames) in enumerate(rows):
        left, top = number % 2 * wide, number // 2 * high
        draw.text((left + 4, top + 1), label, fill=(235, 235, 235))
        for k, frame in enumerate(frames):
            sheet.paste(frame.resize(CELL), (left + k * CELL[0], top + LINE))
    sheet.save(path, quality=86)


if __name__ == "__main__":
    sys.exit(main())
