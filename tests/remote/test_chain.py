# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe with a remote model, through the command line: photo, server, mesh, scene."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from .conftest import PATIENCE, Comfy, Hunyuan, glb

bpy = pytest.importorskip("bpy")


def galatea(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "galatea.backend", *words]
    env = {**os.environ, "GALATEA_HOME": str(home)}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)


def photo(folder: Path) -> str:
    picture = Image.new("RGB", (128, 128), (245, 245, 245))
    ImageDraw.Draw(picture).ellipse((30, 16, 98, 112), fill=(190, 40, 30))
    picture.save(folder / "photo.png")
    return str(folder / "photo.png")


def test_from_a_photo_to_a_clean_scene(hunyuan: Hunyuan, tmp_path: Path) -> None:
    hunyuan.mesh = glb(picture=True)
    words = ["run", "photo_to_mesh", "--image", photo(tmp_path), "--backend", "hunyuan3d_server", "--until", "clean"]
    words += ["--set", f"hunyuan3d_server.url={hunyuan.url}", "--set", "hunyuan3d_server.texture=true", "--seed", "3"]
    done = galatea(tmp_path / "home", *words, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert hunyuan.bodies("/generate")[0]["seed"] == 3
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"), load_ui=False)
    source, body = (
        next(obj for obj in bpy.data.objects if obj.get("galatea_role") == role) for role in ("source", "body")
    )
    points = np.array([vertex.co for vertex in source.data.vertices])
    assert points[:, 2].min() == pytest.approx(0) and np.ptp(points, axis=0).argmax() == 2
    assert -points[:, 1].min() > 0 and any(image.packed_file for image in bpy.data.images)
    assert len(body.data.polygons) > 10 and max(body.dimensions) == pytest.approx(1, abs=0.1)
    again = galatea(tmp_path / "home", *words, "--out", str(tmp_path / "again"))
    assert again.returncode == 0 and len(hunyuan.bodies("/generate")) == 1, "what is here is not asked for again"


def test_a_server_that_is_not_there_ends_with_advice_and_its_code(comfy: Comfy, tmp_path: Path) -> None:
    workflow = tmp_path / "workflow.json"
    workflow.write_text(json.dumps({"1": {"class_type": "LoadImage", "inputs": {"image": "x"}}}))
    words = ["run", "photo_to_mesh", "--image", photo(tmp_path), "--backend", "comfyui", "--out", str(tmp_path / "out")]
    words += ["--accept", "comfyui", "--set", f"comfyui.workflow={workflow}", "--set"]
    done = galatea(tmp_path / "home", *words, "comfyui.url=http://127.0.0.1:9")
    assert done.returncode == 6 and "Nothing listens at 127.0.0.1:9. Start ComfyUI" in done.stderr
    done = galatea(tmp_path / "home", *words, f"comfyui.url={comfy.url}", "--until", "comfyui", "--overwrite")
    assert done.returncode == 0, done.stderr
    workflow.unlink()
    done = galatea(tmp_path / "home", *words, f"comfyui.url={comfy.url}", "--overwrite")
    assert done.returncode == 2 and "there is no file" in done.stderr
