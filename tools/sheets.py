# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools that make docs/pictures share: a command, a picture in a square, frames, a small file."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from galatea.backend.protocol.whole import write

ROOT = Path(__file__).resolve().parents[1]
PICTURES, EXAMPLES = ROOT / "docs" / "pictures", ROOT / "presets" / "examples"


def photos() -> list[Path]:
    """Every photo of presets/examples."""
    return [path for path in sorted(EXAMPLES.iterdir()) if path.suffix in (".jpg", ".png")]


def galatea(*words: object, allowed: Sequence[int] = (0,)) -> int:
    """The exit code of a command; one that is not allowed ends this tool with it."""
    command = [sys.executable, "-m", "galatea.backend", *map(str, words)]
    code = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL).returncode
    if code not in allowed:
        raise SystemExit(f"galatea {' '.join(map(str, words))} ended with {code}.")
    return code


def recipe(path: Path, steps: Iterable[str], **settings: dict[str, Any]) -> Path:
    """A recipe of a photo with these steps, written."""
    lines = ["version = 1", f'name = "{path.stem}"', 'inputs = ["image"]']
    for step in steps:
        lines += [
            "[[step]]",
            f'do = "{step}"',
            *(f"{key} = {json.dumps(v)}" for key, v in settings.get(step, {}).items()),
        ]
    write(path, "\n".join([*lines, ""]).encode())
    return path


def tile(path: Path, side: int) -> Image.Image:
    """The picture, whole, in the middle of a white square."""
    with Image.open(path) as opened:
        image = opened.convert("RGBA")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    made = Image.new("RGB", (side, side), "white")
    made.paste(image, ((side - image.width) // 2, (side - image.height) // 2), image)
    return made


def frames(film: Path, count: int) -> list[Any]:
    """Pictures of a film, the first and the last among them, as far apart as can be."""
    import av

    with av.open(str(film)) as video:
        every: list[Any] = [frame.to_image() for frame in video.decode(video=0)]  # type: ignore[no-untyped-call]
    return [every[round(k * (len(every) - 1) / (count - 1))] for k in range(count)]


def save(sheet: Image.Image, path: Path, most: int) -> None:
    """As good a JPEG as `most` bytes let it be, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for quality in range(92, 36, -4):
        data = io.BytesIO()
        sheet.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= most:
            break
    write(path, data.getvalue())
    print(f"{path}  {data.tell()} bytes")
