# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that begin with a mesh, each whole and small, by real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trimesh

pytest.importorskip("bpy")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def body(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two balls on a stick."""
    monkeypatch.setenv("GALATEA_HOME", str(home))
    parts = [trimesh.creation.icosphere(2, 0.3).apply_translation((0, 0, z)) for z in (0.3, 1.2)]
    parts.append(trimesh.creation.cylinder(0.12, 1.0).apply_translation((0, 0, 0.75)))
    path = home / "body.ply"
    if not path.exists():
        trimesh.util.concatenate(parts).export(path)
    return path


def galatea(*words: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "galatea.backend", *map(str, words), "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def test_finish_makes_an_asset(body: Path, tmp_path: Path) -> None:
    small = ["clean.faces=800", "unwrap.size=256", "bake.size=256"]
    data = galatea("finish", body, "--out", tmp_path, *[word for each in small for word in ("--set", each)])
    named = {item["role"]: item["path"] for item in data["outputs"]}
    assert {"model", "scene", "asset", "preview", "base_color", "normal"} <= set(named)
    mesh = trimesh.load(tmp_path / named["model"]).to_geometry()
    assert len(mesh.faces) > 100 and mesh.visual.uv is not None
    assert data["order"]["recipe"] == "mesh_to_asset" and data["order"]["inputs"] == {"model": str(body)}


def test_rig_and_animate_leave_a_skeleton_and_a_motion(body: Path, tmp_path: Path) -> None:
    galatea("rig", body, "--out", tmp_path / "rig", "--format", "glb")
    galatea("animate", body, "--out", tmp_path / "moving", "--format", "gltf")
    text = json.loads((tmp_path / "moving" / "mesh.gltf").read_text())
    assert text["animations"] and text["skins"][0]["joints"]
    assert b'"skins"' in (tmp_path / "rig" / "mesh.glb").read_bytes()


def test_export_writes_several_formats_of_a_mesh_and_of_a_blend(body: Path, tmp_path: Path) -> None:
    table = galatea("export", body, "--out", tmp_path / "many", "--format", "obj", "--format", "stl")
    assert [row["state"] for row in table["jobs"]] == ["done", "done"]
    assert (tmp_path / "many" / "obj" / "mesh.obj").is_file() and (tmp_path / "many" / "stl" / "mesh.stl").is_file()
    galatea("run", "mesh_to_model", "--mesh", body, "--out", tmp_path / "one", "--until", "load")
    blend = tmp_path / "one" / "scene.blend"
    galatea("export", blend, "--out", tmp_path / "again", "--target", "unity", "--format", "fbx")
    assert (tmp_path / "again" / "mesh.fbx").stat().st_size > 1000
