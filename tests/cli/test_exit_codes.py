# SPDX-License-Identifier: GPL-3.0-or-later
"""Every exit code by a real process, each with the result.json or the words that go with it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.errors import EXIT_CODES

from .processes import PATIENCE, command, galatea, left_behind, read

FAKE: dict[str, tuple[int, list[str]]] = {
    "input": (3, ["--set", "fake.trouble=user"]),
    "device": (5, ["--set", "fake.trouble=memory"]),
    "backend": (6, ["--set", "fake.trouble=bug"]),
    "timeout": (124, ["--set", "fake.trouble=hang", "--timeout", "1"]),
}


pytestmark = pytest.mark.usefixtures("recipe")


def wiring(tmp_path: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return galatea("run", tmp_path / "wiring.toml", "--out", tmp_path / "out", *more)


def test_the_table_is_whole_and_no_code_stands_for_two_things() -> None:
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES) and 0 not in EXIT_CODES.values()
    tested = {*FAKE, "usage", "weights", "output", "environment", "gate", "policy", "batch", "studio", "cancelled"}
    assert tested == set(EXIT_CODES), "a new one wants a test here"


@pytest.mark.parametrize("kind", FAKE)
def test_of_a_step_that_fails(tmp_path: Path, kind: str) -> None:
    code, more = FAKE[kind]
    done = wiring(tmp_path, *more)
    assert done.returncode == code == EXIT_CODES[kind], done.stderr
    data = read(tmp_path / "out" / "result.json")
    assert data["status"] == "failed" and data["exit_code"] == code and data["error"]["kind"] == kind
    assert data["error"]["message"] in done.stderr and data["outputs"] == []
    assert data["order"]["recipe"] == str(tmp_path / "wiring.toml") and data["stages"][0]["step"] == "fake"
    assert set(data) >= {"versions", "device", "peak_mb", "inputs", "trace", "started", "seconds", "warnings"}


def test_0_is_done(tmp_path: Path) -> None:
    assert wiring(tmp_path).returncode == 0
    assert read(tmp_path / "out" / "result.json")["exit_code"] == 0


def test_2_is_usage(tmp_path: Path) -> None:
    assert wiring(tmp_path, "--colour", "red").returncode == 2 == EXIT_CODES["usage"]
    assert not (tmp_path / "out").exists()


def test_3_is_a_scene_that_blender_does_not_open(tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    (tmp_path / "mesh.glb").write_bytes(b"glTF\x02\0\0\0")
    done = galatea("run", "scene_to_model", "--scene", tmp_path / "mesh.glb", "--out", tmp_path / "out")
    assert done.returncode == 3 == EXIT_CODES["input"], done.stderr
    assert "mesh.glb cannot be opened: " in done.stderr and "Choose a .blend file" in done.stderr


def test_4_is_weights_that_are_missing(tmp_path: Path) -> None:
    (tmp_path / "triposr.toml").write_text(
        'version = 1\nname = "x"\n[[step]]\ndo = "cutout"\n[[step]]\ndo = "triposr"\n'
    )
    photo = Path(__file__).resolve().parents[2] / "presets" / "examples" / "earth.png"
    words = ["run", tmp_path / "triposr.toml", "--image", photo, "--out", tmp_path / "out"]
    done = galatea(*words, "--set", f"triposr.weights={tmp_path / 'none.safetensors'}")
    assert done.returncode == 4 == EXIT_CODES["weights"], done.stderr
    assert read(tmp_path / "out" / "result.json")["error"]["kind"] == "weights"


def test_7_is_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    assert wiring(tmp_path).returncode == 7 == EXIT_CODES["output"]


def test_8_is_an_environment_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_BLENDER", str(tmp_path / "no blender"))
    (tmp_path / "box.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    done = galatea("export", tmp_path / "box.obj", "--out", tmp_path / "out")
    assert done.returncode == 8 == EXIT_CODES["environment"], done.stderr
    photo = Path(__file__).resolve().parents[2] / "presets" / "examples" / "earth.png"
    assert galatea("generate", photo, "--out", tmp_path / "mesh").returncode == 8
    assert not read(tmp_path / "mesh" / "result.json")["stages"], "told before the steps that need no Blender"
    for program in ("true", "false"):
        monkeypatch.setenv("GALATEA_BLENDER", f"/bin/{program}")
        done = galatea("export", tmp_path / "box.obj", "--out", tmp_path / program)
        assert done.returncode == 8, done.stderr
        assert f"/bin/{program} ended with exit code" in done.stderr and "GALATEA_BLENDER" in done.stderr


def test_9_and_12_are_what_a_gate_and_a_studio_hold_against_it(tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    (tmp_path / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (tmp_path / "closed.toml").write_text("version = 1\n[watertight]\nis = true\n")
    words = ["export", tmp_path / "flat.obj", "--out", tmp_path / "out", "--gate", tmp_path / "closed.toml"]
    done = galatea(*words)
    assert done.returncode == 9 == EXIT_CODES["gate"], done.stderr
    assert (tmp_path / "out" / "mesh.glb").is_file(), "delivered all the same"
    done = galatea("validate", tmp_path / "flat.obj", "--json")
    assert done.returncode == 12 == EXIT_CODES["studio"], done.stderr
    assert json.loads(done.stdout)["error"]["kind"] == "studio"


def test_10_is_a_licence_that_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not opened")
    words = ["generate", tmp_path / "a.png", "--backend", "hunyuan3d_server", "--territory", "DE"]
    done = galatea(*words, "--out", tmp_path / "out")
    assert done.returncode == 10 == EXIT_CODES["policy"], done.stderr
    assert not (tmp_path / "out").exists()


def test_11_is_a_batch_in_part(tmp_path: Path) -> None:
    bad = {"fake": {"trouble": "bug"}}
    orders: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2, "settings": bad}]
    lines = [json.dumps({"recipe": "wiring.toml", **order}) for order in orders]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    assert galatea("batch", tmp_path / "jobs.jsonl", "--out", tmp_path / "out").returncode == 11 == EXIT_CODES["batch"]
    (tmp_path / "jobs.jsonl").write_text(lines[1])
    assert galatea("batch", tmp_path / "jobs.jsonl", "--out", tmp_path / "one").returncode == 6, "all failed alike"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("times", [1, 2])
def test_130_and_143_are_signals(tmp_path: Path, number: int, code: int, times: int) -> None:
    """A step that does not listen: it is killed, and all is cleaned up."""
    words = ["run", tmp_path / "wiring.toml", "--out", tmp_path / "out", "--set", "fake.trouble=hang"]
    run = subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True)
    assert run.stderr
    while "Waiting" not in run.stderr.readline():
        assert run.poll() is None
    for _ in range(times):
        run.send_signal(number)
        time.sleep(0.05)
    assert run.wait(PATIENCE) == code
    data = read(tmp_path / "out" / "result.json")
    assert (data["status"], data["exit_code"], data["error"]["kind"]) == ("cancelled", code, "cancelled")
    assert not left_behind(str(tmp_path / "home")) and not list((tmp_path / "out").glob("*.part"))


def test_what_was_there_before_a_signal_does_not_pass_as_new(tmp_path: Path) -> None:
    assert wiring(tmp_path).returncode == 0
    slow = ["--set", "fake.seconds=600", "--overwrite"]
    run = subprocess.Popen(
        command("run", tmp_path / "wiring.toml", "--out", tmp_path / "out", *slow), stderr=subprocess.PIPE, text=True
    )
    assert run.stderr
    while "Waiting" not in run.stderr.readline():
        assert run.poll() is None
    assert not (tmp_path / "out" / "text.txt").exists() and not (tmp_path / "out" / "result.json").exists()
    run.kill()
    run.wait()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["job.json"], "and nothing claims to be done"
    assert galatea("resume", tmp_path / "out", "--set", "fake.seconds=0").returncode == 2, "that is another order"
    done = galatea("resume", tmp_path / "out", "--set", "fake.seconds=0", "--overwrite")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "text.txt").is_file()
