# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window copies and saves is what the command line writes, byte for byte."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")

from galatea.addon import bridge as bridges  # noqa: E402
from galatea.addon import plan  # noqa: E402
from galatea.addon.runs import Run  # noqa: E402
from galatea.addon.settings import recipe_items  # noqa: E402
from galatea.backend.cli import main  # noqa: E402
from galatea.backend.protocol.order import Order  # noqa: E402


def written(words: list[str], path: Path) -> bytes:
    """By the command line."""
    assert main([*words, "--job-file", str(path)]) == 0
    return path.read_bytes()


@pytest.fixture
def chosen(addon: Any, photo: Path) -> Any:
    addon.image = bpy.data.images.load(str(photo))
    addon.backend, addon.seed, addon.gate = "relief", 3, "game"
    addon.steps.relief.thickness = 0.3
    addon.steps.clean.close = False
    addon.steps.bring.size_m = 0.1
    return addon


def kept(run: Run) -> Run:
    bridges.bridge.history()
    bridges.bridge.runs.insert(0, run)
    bridges.bridge.sync(select=run.id)
    return run


def test_the_window_saves_what_the_command_line_writes(chosen: Any, tmp_path: Path) -> None:
    run = kept(plan.generate(bpy.context))
    saved = tmp_path / "from the window.json"
    assert bpy.ops.galatea.save_job_file(run=run.id, filepath=str(saved)) == {"FINISHED"}
    assert bpy.ops.galatea.copy_command(run=run.id) == {"FINISHED"}
    words = shlex.split(bpy.context.window_manager.clipboard or run.command(bridges.bridge.folder / "out" / run.id))
    assert written(words[words.index("run") :], tmp_path / "a.json") == saved.read_bytes()
    assert written(["run", str(saved)], tmp_path / "b.json") == saved.read_bytes(), "and of itself"
    order = Order.read(saved)
    assert order.settings["relief"]["thickness"] == 0.3 and order.settings["clean"] == {"close": False}
    assert (order.gate, order.backend, order.seed) == ("game", "relief", 3)


def test_every_recipe_of_the_panel(chosen: Any, tmp_path: Path) -> None:
    for name, *_ in recipe_items():
        chosen.recipe, chosen.prompt = name, 'a cat, -5 °C & "quotes" 猫'
        run = plan.generate(bpy.context)
        words = shlex.split(run.command(tmp_path / "it's out"))[1:]
        text = run.order(tmp_path / "it's out").text().encode()
        assert written(words, tmp_path / "c.json") == text, name
        recipe, _ = Order.of(json.loads(text)).plan()
        theirs = [step.do for step in recipe.steps if step.do not in plan.LATER]
        assert theirs == [step["do"] for step in run.steps], name


def test_a_real_process_writes_the_same(chosen: Any, tmp_path: Path) -> None:
    run = plan.generate(bpy.context)
    words = shlex.split(run.command(tmp_path / "out"))[1:]
    command = [sys.executable, "-m", "galatea.backend", *words, "--job-file", str(tmp_path / "job.json")]
    assert subprocess.run(command, timeout=600).returncode == 0
    assert (tmp_path / "job.json").read_bytes() == run.order(tmp_path / "out").text().encode()


def test_a_job_file_that_cannot_be_written_is_told(chosen: Any, tmp_path: Path) -> None:
    run = kept(plan.generate(bpy.context))
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RuntimeError, match="Cannot write"):
        bpy.ops.galatea.save_job_file(run=run.id, filepath=str(tmp_path / "file" / "job.json"))
