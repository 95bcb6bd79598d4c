# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder of weights that many share is read and never written; what is wrong in it is fetched to one's own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub import Kept, fetch, locate
from galatea.backend.hub.params import LEARNED
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.spec import BackendSpec, Weights
from galatea.backend.protocol.weights import shared_folder

from .conftest import Report

Make = Callable[..., Weights]


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """All that a write would change."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*")}


def pulled(weights: Weights) -> None:
    fetch.fetch([weights], lambda phase, fraction: None)


@pytest.fixture
def team(here: Any, weights: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that somebody filled for all; from here on it is another user's turn."""
    own = os.environ["GALATEA_HOME"]
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "team"))
    pulled(weights())
    monkeypatch.setenv("GALATEA_HOME", own)
    here.asked.clear()
    return tmp_path / "team"


def test_named_once_it_serves_everybody(team: Path, within: Any, hub: Any, home: Path, weights: Make) -> None:
    before = seen(team)
    assert "shared  none" in within("models", "folder").stdout and not Kept(weights()).whole
    named = within("models", "folder", team)
    assert named.returncode == 0 and f"shared  {team / 'weights'}, by weights.toml" in named.stdout
    assert locate(weights(), Report()) == team / "weights" / "maker--model" / hub.commit
    pulled(weights())
    (row,) = [row for row in json.loads(within("models", "list", "--json").stdout) if not row["used"]]
    assert row["state"] == "installed" and row["shared"] and "(shared)" in within("models", "list").stdout
    assert within("models", "verify").returncode == 0
    removed = within("models", "remove", "maker/model")
    assert removed.returncode == 7 and "only read" in removed.stderr
    assert within("models", "remove", "--unused").returncode == 0
    assert seen(team) == before and not hub.asked
    assert not (home / "weights").exists(), "nothing was copied"
    assert "shared  none" in within("models", "folder", "--none").stdout and not Kept(weights()).whole


def test_the_environment_names_it_too(team: Path, weights: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_WEIGHTS", str(team / "weights"))
    assert Kept(weights()).whole and shared_folder() == team / "weights"
    monkeypatch.setenv("GALATEA_WEIGHTS", str(team / "unplugged"))
    assert not Kept(weights()).whole and shared_folder() is None


def test_on_a_disk_with_other_times_it_is_proved_once(
    team: Path, weights: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALATEA_WEIGHTS", str(team / "weights"))
    for file in weights().files:
        os.utime(Kept(weights()).path(file), (1, 1))
    before, first, second = seen(team), Report(), Report()
    assert not Kept(weights()).whole
    assert locate(weights(), first) == Kept(weights()).root and first.phases
    assert locate(weights(), second) and not second.phases
    assert Kept(weights()).whole and seen(team) == before


def test_what_is_damaged_there_comes_to_ones_own(
    team: Path, weights: Make, here: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALATEA_WEIGHTS", str(team / "weights"))
    path = Kept(weights()).root / "model.ckpt"
    path.write_bytes(bytes(path.stat().st_size))
    before = seen(team)
    with pytest.raises(UserError, match="galatea models pull"):
        locate(weights(), Report())
    pulled(weights())
    kept = Kept(weights())
    assert kept.whole and kept.root.is_relative_to(home) and seen(team) == before
    kept.remove()
    assert Kept(weights()).shared


def test_a_job_has_the_same_id_wherever_its_weights_lie(
    team: Path, weights: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = BackendSpec("demo", "Demo", "check", "", params=LEARNED, weights=(weights(),))

    def ids() -> list[str]:
        return [Request.of(spec, {}, {"weights": value}).id for value in ("", "maker/model@5b52")]

    monkeypatch.setenv("GALATEA_WEIGHTS", str(team / "weights"))
    shared = ids()
    monkeypatch.delenv("GALATEA_WEIGHTS")
    pulled(weights())
    assert ids() == shared


@pytest.mark.parametrize("text", ["shared = 7", "nonsense", 'shared = ""', 'other = "x"'])
def test_a_damaged_note_of_it_is_as_none(home: Path, text: str) -> None:
    home.mkdir(parents=True)
    (home / "weights.toml").write_text(text)
    assert shared_folder() is None


def test_wrong_folders_are_refused(within: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = within("models", "folder", tmp_path / "none")
    assert none.returncode == 2 and "There is no folder" in none.stderr
    (tmp_path / "an empty one").mkdir()
    empty = within("models", "folder", tmp_path / "an empty one")
    assert empty.returncode == 4 and f"GALATEA_HOME='{tmp_path / 'an empty one'}' galatea models pull" in empty.stderr
    assert within("models", "folder", "a", "b").returncode == 2 and shared_folder() is None
    monkeypatch.setenv("GALATEA_WEIGHTS", str(tmp_path / "away"))
    assert f"shared  none: {tmp_path / 'away'}, by GALATEA_WEIGHTS, is not there" in within("models", "folder").stdout
