# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from galatea.backend.protocol.store import JobStore

ROOT = Path(__file__).resolve().parents[1]
try:
    from hypothesis import HealthCheck, settings
except ModuleNotFoundError:  # in Blender's own Python, where the scene tests run too
    pass
else:  # every run of the suite tries the same examples; tools/torture.py tries others
    settings.register_profile(
        "same", derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("same")


def pytest_configure(config: pytest.Config) -> None:
    """A failure is told without what its test was given: Blender crashes where it is to show what it has freed."""
    if config.option.tbstyle == "auto":
        config.option.tbstyle = "short"


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


_FILM = """version = 1
name = "A small film"
inputs = ["model"]

[[step]]
do = "load"

[[step]]
do = "stage"

[[step]]
do = "camera"

[[step]]
do = "film"
engine = "workbench"
width = 64
height = 48
frames = 4
processes = 1
"""
_CUBE = """v -1 -1 -1\nv 1 -1 -1\nv 1 1 -1\nv -1 1 -1\nv -1 -1 1\nv 1 -1 1\nv 1 1 1\nv -1 1 1
f 1 4 3 2\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n"""


@pytest.fixture
def small_film(tmp_path: Path) -> tuple[Path, Path]:
    """A recipe of four frames, and the mesh that it films."""
    recipe, mesh = tmp_path / "film.toml", tmp_path / "cube.obj"
    recipe.write_text(_FILM, encoding="utf-8")
    mesh.write_text(_CUBE, encoding="utf-8")
    return recipe, mesh
