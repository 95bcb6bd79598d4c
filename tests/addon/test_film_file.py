# SPDX-License-Identifier: GPL-3.0-or-later
"""A film of the user's goes through the steps that the panel names, with the panel's settings."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon.ops import films
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import load_recipe


def test_a_film_file_becomes_a_run(addon: Any, home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Choose a film"):
        films.order(bpy.context, tmp_path / "film.mp4", ("interpolate",), "Smooth")
    (tmp_path / "film.mp4").write_bytes(b"film")
    addon.steps.interpolate.factor = 3.0
    run = films.order(bpy.context, tmp_path / "film.mp4", ("interpolate", "upscale"), "Smooth and Enlarge")
    assert run.inputs == {"film": str(tmp_path / "film.mp4")} and not run.scene
    assert [step.do for step in load_recipe(run.preset).steps] == ["interpolate", "upscale"]
    assert run.settings == {"interpolate": {"factor": 3.0}}
    words = shlex.split(run.command(Path("out")))
    assert words[words.index("--film") + 1] == str(tmp_path / "film.mp4") and "interpolate.factor=3.0" in words
