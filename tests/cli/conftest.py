# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from .processes import RECIPE


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, not made yet."""
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def recipe(tmp_path: Path, home: Path) -> Path:
    """Of the fake step alone."""
    path = tmp_path / "wiring.toml"
    path.write_text(RECIPE)
    return path
