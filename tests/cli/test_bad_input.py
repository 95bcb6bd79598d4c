# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of bad photo, through the command line and a real worker: its exit code, its words, its result.json."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from .processes import galatea

Cutout = Callable[[Path], tuple[int, dict[str, Any], str]]
RECIPE = 'version = 1\nname = "Cut-out"\n\n[[step]]\ndo = "cutout"\n'


@pytest.fixture
def cutout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cutout:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    (tmp_path / "cutout.toml").write_text(RECIPE)

    def run(image: Path) -> tuple[int, dict[str, object], str]:
        out = tmp_path / "out"
        done = galatea("run", tmp_path / "cutout.toml", "--image", image, "--out", out, "--overwrite")
        return done.returncode, json.loads((out / "result.json").read_text()), done.stderr

    return run


def photo(size: tuple[int, int] = (200, 160)) -> Image.Image:
    image = Image.new("RGB", size, (240, 240, 235))
    ImageDraw.Draw(image).ellipse([size[0] * 0.3, size[1] * 0.2, size[0] * 0.7, size[1] * 0.8], fill=(180, 30, 30))
    return image


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims its size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def truncated(kind: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        photo().save(path, kind)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return make


def write_text(path: Path) -> None:
    path.write_text("I am no picture")


def transparent(path: Path) -> None:
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(path)


def sixteen(path: Path) -> None:
    values = np.asarray(photo().convert("L")).astype(np.uint16) * 257
    Image.fromarray(values).save(path)


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("photo.jpg", lambda path: None, "There is no file"),
    "directory": ("photo.jpg", lambda path: path.mkdir(), "is a folder"),
    "empty": ("photo.jpg", lambda path: path.write_bytes(b""), "empty"),
    "truncated JPEG": ("photo.jpg", truncated("JPEG"), "damaged|cut short|truncated"),
    "truncated PNG": ("photo.png", truncated("PNG"), "damaged|cut short|truncated"),
    "text as PNG": (
        "photo.png",
        write_text,
        "no picture|not a picture|not an image",
    ),
    "one pixel": ("photo.png", lambda path: Image.new("RGB", (1, 1)).save(path), "too small|at least"),
    "bomb": ("photo.png", lambda path: path.write_bytes(png_header(20000, 20000)), "20,?000|400"),
    "nothing in it": (
        "photo.png",
        transparent,
        "Nothing stands out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_photos_end_with_3_and_say_what_to_do(cutout: Cutout, tmp_path: Path, name: str) -> None:
    import re

    file, make, says = BAD[name]
    path = tmp_path / file
    make(path)
    code, result, stderr = cutout(path)
    assert code == 3, stderr
    error = result["error"]
    assert isinstance(error, dict) and error["kind"] == "input" and result["status"] == "failed"
    assert re.search(says, error["message"], re.IGNORECASE), error["message"]
    assert "Traceback" not in stderr and not result["trace"]
    assert re.search(r"(Choose|Check|Save|Export|Make|Crop|Scale|Shrink|draw)", error["message"]), "the next move"


GOOD: dict[str, Callable[[Path], None]] = {
    "spaces ünï 'quotes' \"both\".png": lambda path: photo().save(path, "PNG"),
    "cmyk.jpg": lambda path: photo().convert("CMYK").save(path, "JPEG"),
    "palette.png": lambda path: photo().convert("P").save(path, "PNG"),
    "gray.png": lambda path: photo().convert("L").save(path, "PNG"),
    "sixteen.png": sixteen,
    "animated.gif": lambda path: photo().save(path, "GIF", save_all=True, append_images=[Image.new("RGB", (200, 160))]),
}


@pytest.mark.parametrize("name", GOOD)
def test_unusual_photos_work(cutout: Cutout, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    GOOD[name](path)
    code, result, stderr = cutout(path)
    assert code == 0, stderr
    assert {"cutout.png", "mask.png", "result.json"} <= {p.name for p in (tmp_path / "out").iterdir()}
    if name.endswith(".gif"):
        assert any("first" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    "words", ["generate {}", "generate {} {}", "generate {good} --mask {}", "export {}", "compare {} --backends relief"]
)
def test_a_link_to_itself_is_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str):
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    photo().save(tmp_path / "good.png")
    asked = [each.format(tmp_path / "loop.png", good=tmp_path / "good.png") for each in words.split()]
    done = galatea(*asked, "--out", tmp_path / "out")
    assert done.returncode == 3 and "Traceback" not in done.stderr, done.stderr
    assert f"There is no file {tmp_path / 'loop.png'}" in done.stderr
