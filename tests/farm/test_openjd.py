# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of Open Job Description: checked and run by its own programs, in real sessions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import main
from galatea.backend.protocol.job import JobState
from galatea.backend.protocol.store import JobStore

OPENJD = Path(sys.executable).with_name("openjd")
GALATEA = Path(sys.executable).with_name("galatea")
PATIENCE = 900
WIRING = 'version = 1\nname = "Wiring"\ninputs = []\n\n[[step]]\ndo = "fake"\nseconds = %s\n'

pytestmark = pytest.mark.skipif(not OPENJD.exists(), reason="openjd-cli is not installed")


def order(folder: Path, recipe: str, name: str = "order.json", **more: object) -> Path:
    path = folder / name
    path.write_text(json.dumps({"recipe": recipe, **more}))
    return path


def wiring(folder: Path, seconds: float = 0.1) -> Path:
    (folder / "wiring.toml").write_text(WIRING % seconds)
    return order(folder, "wiring.toml")


def written(out: Path, *words: str | Path) -> dict[str, Any]:
    assert main(["farm", "openjd", *map(str, words), "--out", str(out)]) == 0
    found: dict[str, Any] = json.loads((out / "template.json").read_text())
    said = subprocess.run([OPENJD, "check", out / "template.json"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    return found


def command(out: Path, *more: str) -> list[str]:
    return [str(OPENJD), "run", str(out / "template.json"), "-p", f"Galatea={GALATEA}", *more]


def test_a_film_is_done_in_parts_that_come_together(tmp_path: Path, small_film: tuple[Path, Path]) -> None:
    out = tmp_path / "farm"
    made = written(out, order(tmp_path, "film.toml", inputs={"model": "cube.obj"}), "--parts", "2")
    assert [step["name"] for step in made["steps"]] == ["Finish", "Rig", "Frames", "Encode"]
    assert [step.get("dependencies", [{}])[0].get("dependsOn") for step in made["steps"]] == [
        None, "Finish", "Rig", "Frames",
    ]  # fmt: skip
    run = command(out, "--step", "Encode", "--run-dependencies")
    said = subprocess.run(run, capture_output=True, text=True, timeout=PATIENCE)
    assert said.returncode == 0, said.stdout[-3000:]
    result = json.loads((out / "out" / "1" / "result.json").read_text())
    assert result["status"] == "done" and (out / "out" / "1" / "film.mp4").stat().st_size > 0
    film = next(stage for stage in result["stages"] if stage["step"] == "film")
    assert film["metrics"]["frames"] == film["metrics"]["frames_kept"] == 4, "the encoder rendered none"
    store = JobStore(out / "home" / "jobs")
    parts = [store.request(job).params["part"] for job in store.jobs() if job.startswith("film-")]
    assert sorted(parts) == ["", "1/2", "2/2"]


def test_a_bundle_is_whole_wherever_it_is_taken(tmp_path: Path, small_film: tuple[Path, Path]) -> None:
    wiring(tmp_path, 0.5)
    (tmp_path / "elsewhere").mkdir()
    written(tmp_path / "farm", order(tmp_path, "wiring.toml", seed=7))
    shutil.move(tmp_path / "farm", tmp_path / "elsewhere" / "farm")
    (tmp_path / "wiring.toml").unlink()
    out = tmp_path / "elsewhere" / "farm"
    said = subprocess.run(command(out), capture_output=True, text=True, timeout=PATIENCE)
    assert said.returncode == 0, said.stdout[-3000:]
    assert "openjd_progress: 100.0" in said.stdout and "openjd_status: [1/1] fake" in said.stdout
    assert (out / "out" / "1" / "text.txt").read_text() == "hello 7\n"


def test_several_orders_are_tasks_of_one_template(tmp_path: Path) -> None:
    wiring(tmp_path)
    paths = [order(tmp_path, "wiring.toml", f"{n}.json", seed=n) for n in range(3)]
    out = tmp_path / "farm"
    made = written(out, *paths)
    assert made["steps"][0]["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1-3"
    said = subprocess.run(command(out), capture_output=True, text=True, timeout=PATIENCE)
    assert said.returncode == 0, said.stdout[-3000:]
    assert [(out / "out" / f"{n}" / "text.txt").read_text() for n in (1, 2, 3)] == [f"hello {n}\n" for n in range(3)]


def test_a_task_that_fails_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(WIRING % 0.1 + 'trouble = "user"\n')
    out = tmp_path / "farm"
    written(out, order(tmp_path, "bad.toml"))
    said = subprocess.run(command(out), capture_output=True, text=True, timeout=PATIENCE)
    assert said.returncode != 0
    assert "openjd_fail: This is what a wrong input looks like" in said.stdout


def test_sigterm_ends_the_task_and_its_job(tmp_path: Path) -> None:
    out = tmp_path / "farm"
    written(out, wiring(tmp_path, 600))
    going = subprocess.Popen(command(out), stdout=subprocess.PIPE, text=True, bufsize=1)
    assert going.stdout
    for line in going.stdout:
        if "fake: Waiting" in line:
            break
    going.send_signal(signal.SIGTERM)
    rest = going.stdout.read()
    assert going.wait(PATIENCE) != 0, rest[-2000:]
    store = JobStore(out / "home" / "jobs")
    end = time.monotonic() + PATIENCE
    while (states := [store.state(job) for job in store.jobs()]) != [JobState.CANCELLED]:
        assert time.monotonic() < end, states
        time.sleep(0.05)


def test_a_model_asks_for_a_card_and_a_step_of_blender_does_not(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"no matter")
    path = order(tmp_path, "photo_to_film", inputs={"image": "photo.png"}, backend="triposg")
    made = written(tmp_path / "farm", path)
    needs = {step["name"]: step.get("hostRequirements") for step in made["steps"]}
    amounts = {each["name"]: each["min"] for each in needs.pop("Generate")["amounts"]}
    assert amounts == {"amount.worker.gpu": 1, "amount.worker.gpu.memory": 2560}
    assert set(needs) == {"Finish", "Rig", "Frames", "Encode"} and not any(needs.values())
    assert all("{{" in value or value.startswith("-") or "/" not in value for step in made["steps"]
               for value in step["script"]["actions"]["onRun"]["args"]), "no path of this machine"  # fmt: skip


def test_orders_of_other_phases_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wiring(tmp_path)
    (tmp_path / "photo.png").write_bytes(b"no matter")
    photo = order(tmp_path, "photo_to_mesh", "photo.json", inputs={"image": "photo.png"})
    assert main(["farm", "openjd", str(tmp_path / "order.json"), str(photo), "--out", str(tmp_path / "farm")]) == 2
    assert "other phases" in capsys.readouterr().err
    missing = order(tmp_path, "photo_to_mesh", "missing.json", inputs={"image": "gone.png"})
    assert main(["farm", "openjd", str(missing), "--out", str(tmp_path / "farm")]) == 2


@pytest.mark.parametrize("part", ["0/2", "3/2", "2", "a/b", "1/99999999", "-1/2"])
def test_a_part_that_is_none_is_refused(tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["farm", "task", str(wiring(tmp_path)), f"--part={part}"]) == 2
    assert "is no part of a film" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--timeout=0", "--timeout=nan", "--parts=0"])
def test_numbers_that_mean_nothing_are_refused(tmp_path: Path, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["farm", "task", str(wiring(tmp_path)), flag]) == 2
    assert flag.partition("=")[0] in capsys.readouterr().err


def test_no_machine_of_ours_is_named(tmp_path: Path) -> None:
    out = tmp_path / "farm"
    written(out, wiring(tmp_path))
    text = "".join(path.read_text() for path in (out / "template.json", out / "orders" / "1.json"))
    assert str(tmp_path) not in text and os.path.expanduser("~") not in text
