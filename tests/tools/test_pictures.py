# SPDX-License-Identifier: GPL-3.0-or-later
"""Each picture of docs/pictures is shown by a document and made by a tool; nothing else lies there."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest
from PIL import Image

from galatea.tools import pictures, sheets

ROOT = Path(__file__).resolve().parents[2]
THERE = sorted(path.name for path in sheets.PICTURES.iterdir())


def test_each_picture_is_shown_and_made() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {name for path in documents for name in re.findall(r"pictures/([\w.-]+)\)", path.read_text("utf-8"))}
    assert set(THERE) == shown
    for name in THERE:
        assert sum(fnmatch(name, pattern) for pattern in pictures.MADE) == 1, f"{name}: what makes it?"
    for pattern, (tool, *_) in pictures.MADE.items():
        assert any(fnmatch(name, pattern) for name in THERE), f"{pattern} is made and nowhere"
        assert tool.startswith("$") or (ROOT / tool).is_file()


def test_pictures_are_whole_and_small() -> None:
    for name in THERE:
        with Image.open(sheets.PICTURES / name) as picture:
            picture.load()
        assert (sheets.PICTURES / name).stat().st_size < 600_000, name


def test_what_needs_a_folder_says_so_and_leaves_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESHES", raising=False)
    before = (sheets.PICTURES / "moves.jpg").stat().st_mtime_ns
    assert pictures.make("moves.jpg") == "left as it is: name its folder with MESHES=FOLDER"
    assert (sheets.PICTURES / "moves.jpg").stat().st_mtime_ns == before


def test_a_copy_is_kept_below_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((900, 900), 90).save(tmp_path / "sheet.png")
    monkeypatch.setenv("RUN", str(tmp_path))
    monkeypatch.setattr(pictures, "PICTURES", tmp_path)
    assert pictures.make("training-sheet.jpg") == "made"
    assert 100_000 < (tmp_path / "training-sheet.jpg").stat().st_size <= pictures.LIMIT
    assert not list(tmp_path.glob("*.part"))
