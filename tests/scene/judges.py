# SPDX-License-Identifier: GPL-3.0-or-later
"""What others' validators say: Khronos' of glTF, OpenUSD's of USD. Each in a process of its own.

The glTF one is the npm package `gltf-validator`, which is plain JavaScript: `tools/setup.sh --dev` fetches it where
there is npm, or GALATEA_GLTF_VALIDATOR names its folder. USD's is in `usd-core`, else in what Blender carries.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon.scene.lib.files import usd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.fixture
def gltf_judge():
    node = shutil.which("node")
    module = Path(
        os.environ.get("GALATEA_GLTF_VALIDATOR") or ROOT / ".cache" / "npm" / "node_modules" / "gltf-validator"
    )
    if not node or not module.is_dir():
        pytest.skip("no node with gltf-validator: install Node.js, delete .cache/npm and run tools/setup.sh --dev")

    def judge(*paths: Path) -> list[dict[str, Any]]:
        command = [node, str(HERE / "judge_gltf.cjs"), str(module), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    return judge


@pytest.fixture
def usd_judge():
    if not bpy.app.build_options.usd:
        pytest.skip("this Blender was built without USD")
    has = subprocess.run([sys.executable, "-c", "from pxr import UsdUtils"], capture_output=True).returncode == 0
    mine = usd.library()
    if not has and mine is None:
        pytest.skip("no module pxr: pip install usd-core")
    folder = "" if has else str(Path(mine.__file__).parents[1])
    python = os.environ.get("GALATEA_USD_PYTHON", "")  # one with another usd-core

    def judge(*paths: Path) -> list[dict[str, Any]]:
        command = [python or sys.executable, str(HERE / "judge_usd.py"), "" if python else folder, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    return judge
