# SPDX-License-Identifier: GPL-3.0-or-later
"""`--from STEP`: what came before is taken from the store, the step and all after it are made anew."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from .processes import galatea

RECIPE = 'version = 1\nname = "Two steps"\ninputs = ["image"]\n\n[[step]]\ndo = "cutout"\n\n[[step]]\ndo = "relief"\n'


@pytest.fixture
def go(tmp_path: Path) -> Any:
    """Run the recipe with these flags; returns the process and its result.json."""
    (tmp_path / "two.toml").write_text(RECIPE)
    picture = Image.new("RGB", (96, 96), (245, 245, 245))
    ImageDraw.Draw(picture).ellipse((20, 12, 74, 84), fill=(190, 40, 30))
    picture.save(tmp_path / "photo.png")
    env = {**os.environ, "GALATEA_HOME": str(tmp_path / "home")}

    def run(*flags: str) -> tuple[subprocess.CompletedProcess[str], Any]:
        words = ["run", str(tmp_path / "two.toml"), "--image", str(tmp_path / "photo.png"), "--out"]
        done = galatea(*words, tmp_path / "out", "--quiet", *flags, env=env)
        path = tmp_path / "out" / "result.json"
        return done, json.loads(path.read_text()) if path.exists() else None

    return run


def test_from_a_step_on_everything_is_made_again(go: Any, tmp_path: Path) -> None:
    done, first = go()
    assert done.returncode == 0, done.stderr
    done, data = go("--from", "relief")
    assert done.returncode == 0, done.stderr
    assert [stage["cached"] for stage in data["stages"]] == [True, False]
    assert [stage["job"] for stage in data["stages"]] == [stage["job"] for stage in first["stages"]], "the same order"
    assert data["stages"][0]["started"] == first["stages"][0]["started"]
    assert data["stages"][1]["started"] > first["stages"][1]["started"]
    done, after = go()
    assert [stage["cached"] for stage in after["stages"]] == [True, True], "what was made anew is what is kept"
    assert after["stages"][1]["started"] == data["stages"][1]["started"]
    done, data = go("--from", "cutout")
    assert [stage["cached"] for stage in data["stages"]] == [False, False]
    done, _ = go("--from", "relief", "--dry-run")
    assert [line.split()[2] for line in done.stdout.splitlines()[1:3]] == ["cached", "to"]


def test_what_is_not_in_the_store_is_made_all_the_same(go: Any) -> None:
    done, data = go("--from", "relief")
    assert done.returncode == 0 and [stage["cached"] for stage in data["stages"]] == [False, False]


@pytest.mark.parametrize("flags", [("--until", "cutout", "--from", "relief"), ("--from", "none")])
def test_a_step_that_the_recipe_has_not_is_refused_with_those_that_it_has(go: Any, flags: Any, tmp_path: Path) -> None:
    done, data = go(*flags)
    assert done.returncode == 2 and data is None and not (tmp_path / "home" / "jobs").exists()
    assert f"Two steps has no step {flags[-1]!r}. It has: cutout" in done.stderr


def test_fresh_and_from_are_two_ways_to_say_it(go: Any) -> None:
    done, _ = go("--fresh", "--from", "relief")
    assert done.returncode == 2 and "not allowed with" in done.stderr
