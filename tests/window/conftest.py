# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import harness

EXAMPLE = harness.ROOT / "presets" / "examples" / "toad.jpg"


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    reason = harness.missing()
    if reason:
        pytest.skip(reason)
    with harness.display() as name:
        yield name


@pytest.fixture(scope="session")
def resources(screen: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder with the built extension installed and enabled."""
    folder = tmp_path_factory.mktemp("blender") / "resources"
    harness.install(folder)
    return folder


@pytest.fixture
def play(screen: str, resources: Path, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Play a scenario in a new Blender; returns what it noted. Pictures are in `tmp_path / "out"`."""

    def libraries() -> list[str]:
        return sorted(path.name for path in resources.glob("extensions/.local/lib/*/site-packages/*"))

    def run(name: str, *, seconds: float = 900, **given: Any) -> dict[str, Any]:
        given.setdefault("image", str(shutil.copy(EXAMPLE, tmp_path / "subject.jpg")))
        before = libraries()
        noted = harness.play(
            harness.HERE / "scenarios" / f"{name}.py",
            screen=screen, resources=resources, home=tmp_path / "home", out=tmp_path / "out", seconds=seconds, **given,
        )  # fmt: skip
        assert libraries() == before, "a Blender of ours must not touch the wheels that all extensions share"
        return noted

    return run
