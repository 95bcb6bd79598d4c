# SPDX-License-Identifier: GPL-3.0-or-later
"""A photo becomes a mesh with nothing but what the zip brought: no network, no torch, Blender's own Python."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import MODULE, ROOT, Host

PHOTO = ROOT / "presets" / "examples" / "toad.jpg"


def test_a_photo_becomes_a_mesh_without_a_network(without_network: Host, tmp_path: Path) -> None:
    host = without_network
    before = sorted(path.name for site in host.site_packages for path in site.iterdir())
    arguments = ["generate", str(PHOTO), "--out", str(tmp_path / "out"), "--quality", "draft"]
    run = host.call("--background", "--python-exit-code", "1", "--command", "galatea", *arguments)
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["status"] == "done", run.stderr
    assert {stage["state"] for stage in result["stages"]} == {"done"}
    assert result["versions"]["onnxruntime"], "the cut-out came from the network in the zip"
    assert "torch" not in result["versions"]

    unwrap = next(stage for stage in result["stages"] if stage["step"] == "unwrap")
    assert unwrap["metrics"]["method"] == "merged", "Smart UV cuts where there is no xatlas"

    import trimesh

    scene = trimesh.load(tmp_path / "out" / "mesh.glb")
    mesh = max(scene.geometry.values(), key=lambda item: len(item.faces))
    assert len(mesh.faces) > 500
    assert mesh.visual.uv is not None
    assert mesh.visual.material.baseColorTexture.size[0] >= 256

    after = sorted(path.name for site in host.site_packages for path in site.iterdir())
    assert after == before, "a child Blender took the user's wheels away"
    assert host.inside("result = list(bpy.context.preferences.addons.keys())").count(MODULE) == 1


def test_a_file_that_is_no_picture_ends_with_the_exit_code_of_bad_input(app: Host, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_text("this is no picture")
    arguments = ["generate", str(tmp_path / "no.png"), "--out", str(tmp_path / "out"), "--quality", "draft"]
    run = app.call("--background", "--command", "galatea", *arguments, check=False)
    assert run.returncode == 3, run.stderr
