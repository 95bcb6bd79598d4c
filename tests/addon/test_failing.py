# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that fails is named, and does not take pytest along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FREED = """import bpy
import pytest


@pytest.fixture
def given():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context.scene.render


def test_of_a_file_that_was_opened(given):
    for _ in range(3):
        bpy.ops.wm.read_factory_settings(use_empty=True)
    assert 1 == 2
"""


def test_a_failure_is_told_where_blender_has_freed_what_the_test_was_given(tmp_path: Path) -> None:
    (tmp_path / "test_freed.py").write_text(FREED)
    words = ["-q", "-p", "galatea.tests.conftest", "-c", str(ROOT / "pyproject.toml"), f"--rootdir={tmp_path}"]
    done = subprocess.run([sys.executable, "-m", "pytest", *words, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_freed.py::test_of_a_file_that_was_opened" in done.stdout and "assert 1 == 2" in done.stdout
