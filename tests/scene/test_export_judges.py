# SPDX-License-Identifier: GPL-3.0-or-later
"""What others' validators say: Khronos' of glTF, OpenUSD's of USD. Each in a process of its own.

The glTF one is the npm package `gltf-validator`, which is plain JavaScript: `npm install --prefix .cache/npm
gltf-validator`, or GALATEA_GLTF_VALIDATOR names its folder. USD's is in `usd-core`, else in what Blender carries.
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

from galatea.addon.scene.lib import usd

from . import ell

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.fixture
def thing(run):
    ell.make()
    return run("material").work.object("body")


@pytest.fixture
def gltf_judge():
    node = shutil.which("node")
    module = Path(
        os.environ.get("GALATEA_GLTF_VALIDATOR") or ROOT / ".cache" / "npm" / "node_modules" / "gltf-validator"
    )
    if not node or not module.is_dir():
        pytest.skip("no node with gltf-validator: npm install --prefix .cache/npm gltf-validator")

    def judge(*paths: Path) -> list[dict[str, Any]]:
        command = [node, str(HERE / "judge_gltf.cjs"), str(module), *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    return judge


def test_the_judge_finds_faults(gltf_judge, tmp_path):
    (tmp_path / "a.gltf").write_text('{"asset": {"version": "2.0"}, "scene": 3, "meshes": []}')
    (issues,) = gltf_judge(tmp_path / "a.gltf")
    assert issues["numErrors"] >= 2


def test_khronos_finds_no_error(run, thing, gltf_judge):
    paths = [run("export", **options).path("model") for options in (
        {"format": "glb"}, {"format": "gltf"}, {"format": "glb", "target": "unreal", "size": 0.3, "pivot": "mass"},
    )]  # fmt: skip
    for path, issues in zip(paths, gltf_judge(*paths), strict=True):
        assert issues["numErrors"] == 0, (path, issues["messages"])
        # tangents are left to MikkTSpace, which the bake used: written ones are errors where a triangle has no area
        warned = {message["code"] for message in issues["messages"] if message["severity"] == 1}
        assert warned <= {"MESH_PRIMITIVE_GENERATED_TANGENT_SPACE"}, (path, issues["messages"])


def test_khronos_finds_no_error_in_what_moves(run, thing, gltf_judge):
    run("rig", bones=3)
    run("idle", seconds=0.5)
    path = run("export", format="glb", size=2.0, target="unreal").path("model")
    assert b'"skins"' in path.read_bytes() and b'"animations"' in path.read_bytes()
    (issues,) = gltf_judge(path)
    assert issues["numErrors"] == 0, issues["messages"]


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
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    return judge


def test_openusd_finds_nothing_to_complain_of(run, thing, usd_judge):
    paths = [run("export", format=format).path("model") for format in ("usda", "usdc", "usd", "usdz")]
    for path, told in zip(paths, usd_judge(*paths), strict=True):
        assert told["complaints"] == [], path
        assert (told["root"], told["roots"], told["component"], told["name"]) == ("/Ell", 1, True, "Ell")
        assert (told["up"], told["metres"]) == ("Y", 1.0)
        assert told["bound"].endswith("/Ell")
        assert told["fed"] == ["diffuseColor", "metallic", "normal", "occlusion", "roughness"]
        assert told["custom"]["producer"] == "Galatea"
        low, high = told["box"]
        assert low == pytest.approx([-0.6, 0, -0.35], abs=1e-5) and high == pytest.approx([0.6, 1, 0.35], abs=1e-5)


def test_that_judge_finds_faults_too(run, thing, usd_judge):
    path = run("export", format="usdc").path("model")
    path.with_name("mesh_normal.png").unlink()
    (told,) = usd_judge(path)
    assert any("mesh_normal.png" in text for text in told["complaints"])


@pytest.mark.parametrize(("target", "up"), [("unreal", "Z"), ("blender", "Z"), ("unity", "Y")])
def test_usd_says_which_way_is_up(run, thing, usd_judge, target, up):
    (told,) = usd_judge(run("export", format="usdc", target=target).path("model"))
    assert told["complaints"] == [] and told["up"] == up and told["metres"] == 1.0
    low, high = told["box"]
    assert high["XYZ".index(up)] == pytest.approx(1.0, abs=1e-5) and low["XYZ".index(up)] == pytest.approx(0, abs=1e-6)


def test_a_name_that_is_no_identifier_makes_a_root_all_the_same(run, thing, usd_judge):
    thing.name = "7 rote Äpfel: neu"
    (told,) = usd_judge(run("export", format="usdz").path("model"))
    assert told["complaints"] == [] and told["root"].isascii() and told["name"] == "7 rote Äpfel: neu"
