# SPDX-License-Identifier: GPL-3.0-or-later
"""One sheet of many films: each golden prompt that is meant for a film goes through the whole chain, a row a prompt.

    python tools/scenes.py docs/pictures/scenes.jpg [--only WORD …] [--from STEP] [--set STEP.PARAM=VALUE …]

What was made before is taken from the store: only what changed is made again. Prints the seconds of each step.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = ROOT / "tests/golden/prompts"
SMALL = (
    "camera.width=320", "camera.height=240", "film.engine=cycles", "film.samples=4", "film.noise=0.05",
    "film.step=18", "film.processes=1",
)  # fmt: skip
"""Small and few pictures: what shows the materials at a cost that one processor bears."""
QUICK, QUICKLY = ("wobbles", "flings", "shatter", "staircase"), "film.step=6"
"""Words of what is over between two such pictures."""
STEPS = ("build", "simulate", "film")
FRAMES, CELL, LINE = 5, (240, 180), 18
"""Frames of a film; px: a frame, a line of words."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--only", action="append", default=[], help="only prompts with this word in them")
    parser.add_argument("--out", type=Path, default=ROOT / "out/scenes", help="where the films go")
    parser.add_argument("--from", dest="again", help="this step and all after it are done again")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    args = parser.parse_args()
    words = [each for each in prompts() if not args.only or any(word in each for word in args.only)]
    rows = [_row(each, args.out / _name(each), [*_small(each), *args.settings], args.again) for each in words]
    _sheet([row for row in rows if row], args.picture)
    return int(not all(rows))


def prompts() -> list[str]:
    """The words of all prompts that are marked for a film."""
    found = []
    for path in sorted(PROMPTS.glob("*.toml")):
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        found += [str(each["words"]) for each in told.get("prompt", ()) if isinstance(each, dict) and each.get("film")]
    return found


def _small(words: str) -> list[str]:
    return [*SMALL, *([QUICKLY] if any(each in words for each in QUICK) else ())]


def _name(words: str) -> str:
    return "-".join(re.findall(r"[a-z]+", words.lower())[:7])


def _row(words: str, out: Path, settings: list[str], again: str | None) -> tuple[str, list[Any]] | None:
    """The words and frames of one film; nothing where it failed."""
    command = [sys.executable, "-m", "galatea.backend", "simulate", words, "--out", str(out), "--overwrite", "--quiet"]
    command += [*(("--from", again) if again else ()), *(part for each in settings for part in ("--set", each))]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print(f"{words}: exit code {done.returncode} {done.stderr[-600:]}", flush=True)
        return None
    stages = json.loads((out / "result.json").read_text(encoding="utf-8"))["stages"]
    print(words, {each["step"]: round(each.get("seconds", 0.0), 1) for each in stages if each["step"] in STEPS})
    for text in (text for each in stages for text in each.get("warnings", ())):
        print("   !", text)
    sys.stdout.flush()
    return words, _frames(out / "film.mp4")


def _frames(film: Path) -> list[Any]:
    """The first frame, the last, and between them those at which as much has changed from one to the next."""
    import av
    import numpy as np

    with av.open(str(film)) as video:
        every: list[Any] = [frame.to_image() for frame in video.decode(video=0)]  # type: ignore[no-untyped-call]
    small = np.array([frame.resize((64, 48)) for frame in every], float)
    steps = np.abs(np.diff(small, axis=0)).mean(axis=(1, 2, 3)) if len(every) > 1 else np.zeros(0)
    done = np.concatenate([[0.0], np.cumsum(steps + 0.2 * steps.mean() + 1e-6)]) if len(steps) else np.zeros(1)
    return [every[k] for k in picked(done, FRAMES)]


def picked(done: Any, count: int) -> list[int]:
    """Numbers of `count` frames, as different as can be: `done` (F,) is how much has changed until each."""
    import numpy as np

    if len(done) <= count:
        return [round(k * (len(done) - 1) / (count - 1)) for k in range(count)]
    at = [int(np.abs(done - share * done[-1]).argmin()) for share in np.linspace(0, 1, count)]
    for k in range(1, count):  # none twice
        at[k] = max(at[k], at[k - 1] + 1)
    for k in reversed(range(count)):
        at[k] = min(at[k], len(done) - (count - k))
    return at


def _sheet(rows: list[tuple[str, list[Any]]], path: Path) -> None:
    """A film a row, its words above it."""
    from PIL import Image, ImageDraw, ImageFont

    high = CELL[1] + LINE
    sheet = Image.new("RGB", (FRAMES * CELL[0], len(rows) * high), (24, 24, 26))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (label, frames) in enumerate(rows):
        draw.text((6, number * high), label, fill=(235, 235, 235), font=font)
        for k, frame in enumerate(frames):
            sheet.paste(frame.resize(CELL), (k * CELL[0], number * high + LINE))
    sheet.save(path, quality=82)


if __name__ == "__main__":
    sys.exit(main())
