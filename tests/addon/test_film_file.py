# SPDX-License-Identifier: GPL-3.0-or-later
"""A film of the user's goes through the steps that the panel names, with the panel's settings."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

from galatea.addon import environment, models
from galatea.addon.ops import films
from galatea.addon.runs import Run
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import load_recipe


def test_what_is_no_film_is_refused_before_anything_runs(addon: Any, tmp_path: Path) -> None:
    (tmp_path / "toad.blend").write_bytes(b"BLENDER")
    with pytest.raises(UserError, match="Choose a film"):
        films.order(bpy.context, tmp_path / "toad.blend", ("restyle",), "Restyle")


@pytest.mark.parametrize("verb", ["enlarge_film", "restyle_film"])
def test_without_the_full_environment_it_is_grey(addon: Any, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    kind, button = getattr(bpy.types, f"GALATEA_OT_{verb}"), getattr(bpy.ops.galatea, verb)
    monkeypatch.setattr(environment, "state", lambda: "missing")
    assert not button.poll() and "needs the full environment" in kind.against(bpy.context)
    monkeypatch.setattr(environment, "state", lambda: "ready")
    monkeypatch.setattr(models, "needed", lambda settings, step: True)
    assert not button.poll() and "Download them under Models in the preferences" in kind.against(bpy.context)
    monkeypatch.setattr(models, "needed", lambda settings, step: False)
    assert button.poll()


@pytest.mark.parametrize("verb", ["enlarge_film", "restyle_film", "retarget", "export_object"])
def test_the_file_browser_opens_on_a_folder(addon: Any, verb: str) -> None:
    """With no place at all Blender proposes the name of the open file."""
    asked = []
    window = SimpleNamespace(window_manager=SimpleNamespace(fileselect_add=asked.append))
    operator: Any = SimpleNamespace(**{"directory" if verb == "export_object" else "filepath": ""})
    getattr(bpy.types, f"GALATEA_OT_{verb}").invoke(operator, window, None)
    assert asked == [operator]
    (place,) = vars(operator).values()
    assert place.endswith(os.sep) and Path(place).is_dir()


def test_the_folder_of_the_last_export_is_proposed(addon: Any, bridge: Any, tmp_path: Path) -> None:
    bridge.history()
    runs = [Run("Owl: Export", "", [], {}, folder=str(tmp_path / each)) for each in ("gone", "newer", "older")]
    bridge.runs[:0] = [Run("Owl", "", [], {}), *runs]
    window = SimpleNamespace(window_manager=SimpleNamespace(fileselect_add=lambda operator: None))
    for there, opened in (((), Path.home()), (("older",), tmp_path / "older"), (("newer",), tmp_path / "newer")):
        for each in there:
            (tmp_path / each).mkdir()
        operator: Any = SimpleNamespace(directory="")
        bpy.types.GALATEA_OT_export_object.invoke(operator, window, None)
        assert Path(operator.directory) == opened


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
