# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that the preferences name runs the models; without one everything runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("bpy")

from galatea.addon import engine, prefs
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.http import HttpRunner
from galatea.backend.runners.runtimes import Dispatch, Runtimes


@pytest.mark.parametrize("url", ["", "http://gpu.example.org:8420"])
def test_the_preferences_choose_the_runner(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefs, "server", lambda: (url, "galatea_key"))
    store = JobStore(tmp_path)
    here = Dispatch(store, Runtimes(["python"], ["blender"], identity="bpy 5"))
    runner = engine._with_server(here, store, offline=False)
    assert isinstance(runner, HttpRunner) if url else runner is here
    assert runner.blender == "bpy 5"
    runner.close()
