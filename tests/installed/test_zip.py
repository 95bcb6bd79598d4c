# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from .conftest import ROOT


def test_the_zip_holds_what_runs_and_nothing_else(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        manifest = tomllib.loads(opened.read("blender_manifest.toml").decode())
    for wanted in (
        "__init__.py",
        "LICENSE",
        "README.md",
        "THIRD_PARTY.md",
        "addon/__init__.py",
        "backend/__main__.py",
        "backend/catalog.json",
        "backend/weights/u2netp.onnx",
        "backend/weights/lift.onnx",
        "backend/weights/minilm.onnx",
        "backend/weights/minilm.txt",
        "backend/weights/minilm_words.npz",
        "backend/weights/rtmpose_s.onnx",
        "backend/weights/lift.safetensors",
        "backend/weights/lpips.safetensors",
        "backend/weights/dinov2_vits14.safetensors",
        "backend/env/locks/linux-cpu.txt",
        "presets/recipes/photo_to_mesh.toml",
        "presets/viewer/three.bundle.js",
    ):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert tops <= {
        "__init__.py",
        "LICENSE",
        "README.md",
        "THIRD_PARTY.md",
        "addon",
        "backend",
        "presets",
        "wheels",
    } | {"blender_manifest.toml"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".part", ".pyc"))]
    assert sorted(f"./{name}" for name in names if name.startswith("wheels/")) == sorted(manifest["wheels"])


def test_the_same_sources_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    if archive.stat().st_mtime < max(path.stat().st_mtime for path in (ROOT / "backend").rglob("*.py")):
        pytest.skip("the sources changed while the tests ran")
    run = subprocess.run([sys.executable, str(ROOT / "tools/build.py"), "--here", "--out", str(tmp_path)])
    assert run.returncode == 0
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()
