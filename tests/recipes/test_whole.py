# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job, whole, at small settings: a real photo, real child processes, a real Blender, a film at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

pytest.importorskip("bpy")
ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "presets" / "examples" / "toad.jpg"
SMALL = [
    *("lift.grid=64", "clean.faces=1500", "unwrap.size=256", "bake.size=256", "camera.seconds=0.5"),
    *("camera.width=96", "camera.height=64", "film.samples=1"),
]


def command(recipe: str, out: Path, *more: str, settings: list[str] = SMALL) -> list[str]:
    words = [sys.executable, "-m", "galatea.backend", "run", recipe, "--image", str(PHOTO), "--out", str(out)]
    return [*words, *more, *[word for setting in settings for word in ("--set", setting)]]


def result(out: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((out / "result.json").read_text())
    return data


def steps(out: Path) -> dict[str, dict[str, Any]]:
    return {stage["step"]: stage for stage in result(out)["stages"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def data_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(home))


@pytest.fixture(scope="module")
def film(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output folder of one whole run."""
    out = tmp_path_factory.mktemp("film")
    env = {**os.environ, "GALATEA_HOME": str(home)}
    done = subprocess.run(command("photo_to_film", out), env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return out


def test_everything_that_was_promised_is_there(film: Path) -> None:
    data = result(film)
    assert data["status"] == "done" and data["error"] is None
    named = {item["path"] for item in data["outputs"]}
    assert {"film.mp4", "still.png", "contact.png", "mesh.glb", "scene.blend", "cutout.png", "mask.png"} <= named
    for item in data["outputs"]:
        assert (film / item["path"]).stat().st_size == item["size"] > 0
    assert data["versions"]["bpy"] and data["peak_mb"] > 0


def test_the_mesh_is_whole_textured_and_stands_on_the_ground(film: Path) -> None:
    scene = trimesh.load(film / "mesh.glb")
    mesh = scene.to_geometry()
    assert 500 < len(mesh.faces) <= 1530
    extent = mesh.bounds[1] - mesh.bounds[0]
    assert extent.max() == pytest.approx(1.0, abs=0.08), "one metre along the longest side"
    assert mesh.bounds[0][1] == pytest.approx(0.0, abs=0.02), "glTF's up is Y: the base is on the ground"
    material = next(iter(scene.geometry.values())).visual.material
    assert material.baseColorTexture is not None and material.normalTexture is not None
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0


def test_the_film_has_its_frames_and_something_moves(film: Path) -> None:
    import bpy

    clip = bpy.data.movieclips.load(str(film / "film.mp4"))
    assert clip.frame_duration == 12 and tuple(clip.size) == (96, 64)
    bpy.data.movieclips.remove(clip)
    sheet = np.asarray(Image.open(film / "contact.png").convert("RGB")).astype(int)
    assert sheet.std() > 8, "not an empty picture"


def test_the_second_run_does_nothing_again(film: Path, tmp_path: Path) -> None:
    subprocess.run(command("photo_to_film", tmp_path / "again"), check=True, capture_output=True, timeout=900)
    assert all(stage["cached"] for stage in steps(tmp_path / "again").values())
    assert (tmp_path / "again" / "film.mp4").read_bytes() == (film / "film.mp4").read_bytes()


def test_a_changed_step_runs_from_its_cached_input(film: Path, tmp_path: Path) -> None:
    settings = [*SMALL, "camera.path=static"]
    subprocess.run(
        command("photo_to_film", tmp_path / "a", settings=settings), check=True, capture_output=True, timeout=900
    )
    cached = {name for name, stage in steps(tmp_path / "a").items() if stage["cached"]}
    model = {"cutout", "lift", "bring", "clean", "unwrap", "bake", "material", "export"}
    assert cached == model | {"skeleton", "bind", "move", "stage"}


def test_the_drop_recipe_makes_a_film_that_falls(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "drop"
    subprocess.run(command("photo_to_drop", out), check=True, capture_output=True, timeout=900)
    import bpy

    bpy.ops.wm.open_mainfile(filepath=str(out / "scene.blend"), load_ui=False)
    scene = bpy.context.scene
    body = next(obj for obj in scene.objects if obj.get("galatea_role") == "body")
    scene.frame_set(scene.frame_start)
    first = np.array(body.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation)
    scene.frame_set(scene.frame_end)
    last = np.array(body.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation)
    assert last[2] < first[2] - 0.1


def test_a_killed_blender_fails_one_run_and_loses_no_frame(film: Path, home: Path, tmp_path: Path) -> None:
    settings = [*SMALL, "camera.seconds=4.0", "film.samples=2"]
    out = tmp_path / "killed"
    process = subprocess.Popen(
        command("photo_to_film", out, settings=settings), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr

    def frames() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in home.glob("jobs/film-*/keep/frames/*.png")}

    before, end = len(frames()), time.monotonic() + 900
    while len(frames()) < before + 6:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    pattern = f"{home}.*addon.scene.host"
    victims = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout.split()
    assert victims
    for pid in victims:
        os.kill(int(pid), signal.SIGKILL)
    process.communicate(timeout=900)
    assert process.returncode == 6
    data = result(out)
    assert "exit code -9" in data["error"]["message"]
    assert "mesh.glb" in {item["path"] for item in data["outputs"]}, "what was finished is delivered all the same"
    kept = frames()
    done = subprocess.run(command("photo_to_film", out, settings=settings), capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    after = frames()
    assert sum(after.get(path) == when for path, when in kept.items()) >= before + 5, "finished frames are kept"
