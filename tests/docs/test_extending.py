# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/extending.md is followed word for word: its files are written, its commands are given in a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..studio.days import programs
from .pages import ROOT, blocks

pytest.importorskip("bpy")
PAGE = ROOT / "docs" / "extending.md"


def parts() -> Iterator[tuple[str, str]]:
    """(name, text) of each file on the page, and its commands under the name `sh`."""
    text = PAGE.read_text(encoding="utf-8")
    names = iter(re.findall(r"^`([\w.]+)`,[^\n]*:\n\n```(?!sh)", text, re.M))
    for block in blocks(PAGE):
        yield ("sh" if block.kind == "sh" else next(names)), block.text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all that the page says was done, from nothing."""
    from PIL import Image, ImageDraw

    folder = tmp_path_factory.mktemp("extending")
    picture = Image.new("RGBA", (60, 80))
    ImageDraw.Draw(picture).rectangle((10, 10, 29, 69), fill=(200, 40, 40, 255))
    picture.save(folder / "photo.png")
    for name, text in parts():
        if name != "sh":
            (folder / name).write_text(text, encoding="utf-8")
    script = "\n".join(["set -euo pipefail", *(text for name, text in parts() if name == "sh")])
    own = {"GALATEA_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    path = f"{programs(folder / 'bin')}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**os.environ, **own, "PATH": path}, capture_output=True, text=True,
        timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    (folder / "said.txt").write_text(done.stdout)
    return folder


def stages(place: Path, out: str) -> dict[str, Any]:
    told = json.loads((place / out / "result.json").read_text())
    assert told["status"] == "done"
    return {stage["step"]: stage for stage in told["stages"]}


def test_the_page_has_one_file_of_each() -> None:
    names = [name for name, _ in parts() if name != "sh"]
    assert names == ["slab.py", "test_slab.py", "taper.py", "test_taper.py", "slab_that_skips.toml", "skip.toml"]


def test_what_may_become_ours_as_it_is_passes_our_checks(place: Path) -> None:
    """mypy's, to which they are files of ours; and those of layers and of seeds, in short."""
    (place / "galatea").symlink_to(ROOT, target_is_directory=True)
    settings = str(ROOT / "pyproject.toml")
    for name, path in (("slab.py", "backend/backends/fake"), ("taper.py", "addon/scene/drop")):
        text = (place / name).read_text()
        assert set(re.findall(r"^from \.+(\w+)", text, re.M)) <= {"protocol", "backend", "work"}
        assert 'seeded="never"' in text and ".seed" not in text
        as_ours = ["--shadow-file", f"galatea/{path}.py", name, "-m", f"galatea.{path.replace('/', '.')}"]
        words = ["mypy", "--config-file", settings, *as_ours]
        done = subprocess.run([sys.executable, "-m", *words], cwd=place, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_backend_and_a_step_are_listed_with_their_parameters(place: Path) -> None:
    said = (place / "said.txt").read_text()
    assert "slab.depth=0.2  (float 0.01 to 1 m)  How thick it is" in said
    assert "taper.top=0.5" in said and "runs in blender" in said
    assert "slab         to do" in said and "depth=0.5" in said, "planned"


def test_a_recipe_runs_what_is_ours_and_what_is_not(place: Path) -> None:
    assert list(stages(place, "box")) == ["cutout", "slab"]
    done = stages(place, "skips")
    assert done["slab"]["cached"] and not done["taper"]["cached"]
    assert done["bring"]["metrics"]["size_m"] == pytest.approx([0.3333, 0.2, 1.0], abs=0.03)
    assert done["taper"]["metrics"]["top_m"] == pytest.approx(0.25 * done["bring"]["metrics"]["size_m"][0], abs=1e-3)


def test_a_motion_is_called_by_its_words(place: Path) -> None:
    done = stages(place, "skips")
    assert done["move"]["metrics"]["clips"] == ["skip"] and not done["move"]["warnings"]
    assert done["move"]["metrics"]["travel_m"] == pytest.approx(2.0, abs=0.05)
    assert (place / "skips" / "mesh.glb").is_file()


def test_what_becomes_ours_is_in_the_catalogue_and_passes_its_test(tmp_path: Path) -> None:
    """In a copy of the tree, with each file of the page where the page says that it goes."""
    tree = tmp_path / "galatea"
    for name in ("addon", "backend", "tests"):
        ignored = shutil.ignore_patterns("weights", "__pycache__", "fixtures")
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for name in ("__init__.py", "blender_manifest.toml", "presets", "pyproject.toml", "backend/weights"):
        (tree / name).symlink_to(ROOT / name)
    ours = {
        "slab": "backend/backends",
        "test_slab": "tests/backends",
        "taper": "addon/scene",
        "test_taper": "tests/scene",
    }
    files = {f"{ours[name[:-3]]}/{name}": text for name, text in parts() if name.endswith(".py")}
    for name, text in files.items():
        (tree / name).write_text(text, encoding="utf-8")
    own = {**os.environ, "PYTHONPATH": str(tmp_path), "GALATEA_HOME": str(tmp_path / "home")}
    for words in (
        ["-m", "ruff", "check", *files],
        ["-m", "ruff", "format", "--check", *files],
        ["-P", "backend", "describe"],
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", *(name for name in files if "test_" in name)],
    ):
        done = subprocess.run([sys.executable, *words], cwd=tree, env=own, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    steps = json.loads((tree / "backend" / "catalog.json").read_text())["steps"]
    assert {"slab", "taper"} <= {step["id"] for step in steps}
