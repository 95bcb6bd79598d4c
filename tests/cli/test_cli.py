# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as a script sees it: files, exit codes, result.json. Recipes of the wiring check keep it fast."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import main
from galatea.backend.cli.outcome import JOB, RESULT, prepare
from galatea.backend.protocol.errors import UserError

from .processes import PATIENCE, RECIPE, command, galatea, left_behind, read


def outcome(out: Path) -> dict[str, Any]:
    return dict(read(out / "result.json"))


def test_a_run_leaves_its_files_and_a_result(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out with spaces 'and quotes' é"
    done = galatea("run", recipe, "--out", out, "--seed", 7, "--set", "fake.text=hello there")
    assert done.returncode == 0, done.stderr
    assert (out / "text.txt").read_text() == "hello there 7\n"
    data = outcome(out)
    assert data["status"] == "done" and data["exit_code"] == 0 and data["error"] is None
    assert data["stages"][0]["step"] == "fake" and data["stages"][0]["cached"] is False
    assert data["outputs"] == [{"role": "text", "path": "text.txt", "size": 14, "sha256": data["outputs"][0]["sha256"]}]
    assert str(out / "text.txt") in done.stdout


def test_the_second_run_comes_from_the_cache(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert galatea("run", recipe, "--out", out).returncode == 0
    (out / "text.txt").unlink()
    assert galatea("run", recipe, "--out", out).returncode == 0
    assert outcome(out)["stages"][0]["cached"] is True
    assert (out / "text.txt").exists()
    assert galatea("run", recipe, "--out", out, "--fresh").returncode == 0
    assert outcome(out)["stages"][0]["cached"] is False


@pytest.mark.parametrize(
    ("trouble", "code", "kind"),
    [("user", 3, "input"), ("memory", 5, "device"), ("bug", 6, "backend"), ("kill", 6, "backend")],
)
def test_failure_has_its_exit_code_and_its_result(
    recipe: Path, tmp_path: Path, trouble: str, code: int, kind: str
) -> None:
    out = tmp_path / "out"
    done = galatea("run", recipe, "--out", out, "--set", f"fake.trouble={trouble}")
    assert done.returncode == code
    data = outcome(out)
    assert data["status"] == "failed" and data["error"]["kind"] == kind and data["exit_code"] == code
    assert data["error"]["message"] in done.stderr


def test_a_failed_run_never_passes_off_an_older_result(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert galatea("run", recipe, "--out", out).returncode == 0
    assert galatea("run", recipe, "--out", out, "--overwrite", "--set", "fake.trouble=bug").returncode == 6
    assert outcome(out)["status"] == "failed" and outcome(out)["outputs"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--log-level", "debug", "run"], "--log-level stands before the verb; write galatea VERB --log-level"),
        (["--log-level=debug", "run"], "--log-level=debug stands before the verb"),
        (["farm", "--json", "status"], "--json stands before the verb; write galatea farm VERB --json"),
        (["genrate"], "There is no verb 'genrate'. Did you mean 'generate'?"),
        (["carried"], "There are: generate, "),
        (["generate", "a.jpg", "--qualty", "draft"], "Did you mean --quality? See `galatea generate --help`"),
        (["run", "photo_to_mesh", "--format", "glb"], "Did you mean --set export.format=FORMAT or --set film."),
        (["simulate", "a ball", "--frmo", "a.json"], "Did you mean --from?"),
        (["serve", "token", "add", "ada", "--hihg"], "Unknown to galatea serve: --hihg. See `galatea serve --help`"),
        (["run", "photo_to_flim", "--out", "x"], "Did you mean 'photo_to_film'?"),
        (["run", "dance", "--out", "x"], "There is no recipe 'dance'"),
        (["run", "photo_to_film", "--out", "x"], "needs --image"),
        (["run", "{recipe}", "--out", "x", "--image", "{recipe}"], "takes no --image: none of its steps reads it"),
        (["run", "{recipe}", "--out", "x", "--set", "fake.colour=1"], "no parameter 'colour'"),
        (["run", "{recipe}", "--out", "x", "--set", "dance.colour=1"], "There is no step 'dance'"),
        (["run", "{recipe}", "--out", "x", "--set", "relief.grid=128"], "has no step 'relief'"),
        (["run", "{recipe}", "--out", "x", "--set", "colour"], "not of the form step.param=value"),
        (["run", "{recipe}", "--out", "x", "--quality", "best"], "There is no quality 'best'"),
        (["run", "{recipe}", "--out", "x", "--gate", "game"], "--gate is for a mesh, and Wiring makes none"),
        (["generate", "x.jpg", "--out", "x", "--backend", "clean"], "clean is a step of the scene, no backend. Write"),
        (["run", "{recipe}", "--out", "x", "--backend", "fakes"], "There is no step 'fakes'"),
        (["generate", "x.jpg", "--out", "x", "--backend", "qq"], "'qq'. There are: comfyui, depth_relief, hunyuan3d_"),
        (["generate", "photo.jpg", "--out", "x", "--set", "clean.faces=1"], "clean.faces takes 100 to 1000000, not 1."),
        (["run", "{recipe}", "--out", "x", "--seed", "-1"], "--seed takes"),
        (["run", "{recipe}", "--out", "x", "--timeout", "0"], "--timeout: takes a number above 0"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_there_is(
    recipe: Path, tmp_path: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([argument.format(recipe=recipe) for argument in arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x").exists(), "nothing is made for an order that cannot be carried out"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version = 1\nname = 'x'\n[[step]]\ndo = 'dance'\n", "bad.toml: There is no step 'dance'"),
        ("version = 1\nname = 'x'\n[[step]]\ndo = 'fake'\ncolour = 1\n", "bad.toml: fake has no parameter 'colour'"),
        ("version = 1\nname = 'x'\n", "is no recipe"),
        ("version = 1\nname = 'x'\ninputs = 'image'\n[[step]]\ndo = 'cutout'\n", '`inputs` as a list such as ["im'),
        ("name = 'x'\n", "has no `version = 1`"),
        ("version = 1\nname = 'x'\n[[step]]\ndo = 'bind'\n", "needs 'scene', and no earlier step makes it. Before it"),
        ("version = 1\nname = 'x'\n[[steps]]\ndo = 'cutout'\n", "steps is no field. Did you mean 'step'?"),
        ("version = 1\nname = 'x'\nauthor = 'I'\n", "author is no field. There are: version, name, inputs, step."),
        ("not toml at all [", "Cannot read"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(tmp_path: Path, home: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    done = galatea("run", path, "--out", tmp_path / "x")
    assert done.returncode == 2 and says in done.stderr


def test_a_recipe_of_the_data_folder_is_known_by_its_name(recipe: Path, home: Path, tmp_path: Path) -> None:
    (home / "recipes").mkdir(parents=True)
    recipe.rename(home / "recipes" / "mine.toml")
    assert galatea("run", "mine", "--out", tmp_path / "out").returncode == 0
    assert "Did you mean 'mine'?" in galatea("run", "mime", "--out", tmp_path / "x").stderr


def test_an_output_folder_of_another_run_is_not_touched(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert galatea("run", recipe, "--out", out).returncode == 0
    before = (out / "result.json").read_bytes()
    done = galatea("run", recipe, "--out", out, "--seed", 5)
    assert done.returncode == 2 and "--overwrite" in done.stderr
    assert (out / "result.json").read_bytes() == before
    assert galatea("run", recipe, "--out", out, "--seed", 5, "--overwrite").returncode == 0
    assert outcome(out)["seed"] == 5


def test_a_run_that_made_nothing_holds_no_folder(tmp_path: Path) -> None:
    out, told = tmp_path / "out", {"run": "mistyped", "status": "failed", "outputs": []}
    out.mkdir()
    for name in (RESULT, JOB):
        (out / name).write_text(json.dumps(told))
    prepare(out, "mended", {}, overwrite=False)
    assert not list(out.iterdir())
    for more in ({"outputs": [{"path": "mesh.glb"}]}, {"status": "cancelled"}):
        (out / RESULT).write_text(json.dumps({**told, **more}))
        with pytest.raises(UserError, match="another run"):
            prepare(out, "mended", {}, overwrite=False)


def test_a_name_that_the_terminal_has_no_letters_for_is_told(recipe: Path, tmp_path: Path) -> None:
    """Bytes that are no UTF-8 come out as they are, other letters by their numbers; the run is done either way."""
    for name, told in ((b"caf\xe9", b"/caf\xe9/text.txt"), ("\u65e5".encode(), b"/\\u65e5/text.txt")):
        out = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
        done = subprocess.run(command("run", recipe, "--out", out), capture_output=True, env=ascii_only)
        assert done.returncode == 0 and told in done.stdout, done


def test_an_output_folder_that_cannot_be_written(recipe: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = galatea("run", recipe, "--out", blocked / "out")
    assert done.returncode == 7 and "Choose another folder with --out" in done.stderr


def test_an_input_in_the_output_folder_is_never_touched(tmp_path: Path, home: Path) -> None:
    """A delivered file, changed by the user and given back, with the folder written again."""
    out, recipe = tmp_path / "out", tmp_path / "cut.toml"
    recipe.write_text('version = 1\nname = "Cut-out"\n\n[[step]]\ndo = "cutout"\n')
    photo = Path(__file__).resolve().parents[2] / "presets" / "examples" / "earth.png"
    assert galatea("run", recipe, "--image", photo, "--out", out).returncode == 0
    from PIL import Image

    Image.new("L", Image.open(photo).size, 255).save(out / "mask.png")
    mine = (out / "mask.png").read_bytes()
    done = galatea("run", recipe, "--image", photo, "--mask", out / "mask.png", "--out", out, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert (out / "mask.png").read_bytes() == mine


def test_a_file_that_is_not_ours_is_not_replaced(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "text.txt").write_text("my own notes")
    done = galatea("run", recipe, "--out", out)
    assert done.returncode == 2 and "is there already" in done.stderr
    assert (out / "text.txt").read_text() == "my own notes"
    assert galatea("run", recipe, "--out", out, "--overwrite").returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="needs pipes of Unix")
@pytest.mark.parametrize("gone", ["stdout=jsonl", "stdout=openjd", "stderr=plain", "both=plain"])
def test_the_work_goes_on_where_nobody_reads_what_is_told(gone: str, recipe: Path, tmp_path: Path) -> None:
    stream, _, style = gone.partition("=")
    reader, writer = os.pipe()
    os.close(reader)
    told = {"stdout": writer, "stderr": writer} if stream == "both" else {stream: writer}
    words = command("run", recipe, "--out", tmp_path / "out", "--progress", style)
    done = subprocess.run(words, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **told})
    os.close(writer)
    assert done.returncode == 0 and not (done.stderr or b"").count(b"Error")
    assert outcome(tmp_path / "out")["status"] == "done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
@pytest.mark.parametrize("where", ["2>/dev/full", ">&- 2>&-"])
def test_a_log_that_takes_nothing_ends_no_run(where: str, recipe: Path, tmp_path: Path) -> None:
    words = " ".join(map(shlex.quote, map(str, command("run", recipe, "--out", tmp_path / "out"))))
    assert subprocess.run(f"exec {words} {where}", shell=True).returncode == 0
    assert outcome(tmp_path / "out")["status"] == "done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_under_what_is_told_is_said(recipe: Path, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        words = command("run", recipe, "--out", tmp_path / "out")
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 7 and done.stderr.endswith("galatea: The disk is full. Free some space and run again.\n")


def test_a_full_data_disk_is_said(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        monkeypatch.setenv("GALATEA_HOME", str(small / "home"))
        recipe.write_text(RECIPE + f'text = "{"x" * 100_000}"\n')
        done = galatea("run", recipe, "--out", tmp_path / "out")
        assert done.returncode == 7, done.stderr
        assert "Free some space" in outcome(tmp_path / "out")["error"]["message"]
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_full_disk_is_said_and_the_finished_step_is_kept(recipe: Path, tmp_path: Path, home: Path) -> None:
    """A real full disk: a file system of 64 KiB."""
    out = tmp_path / "small"
    out.mkdir()
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(out)], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    try:
        (out / "filler").write_bytes(b"\0" * (150 << 10))
        text = "x" * (120 << 10)
        path = tmp_path / "long.toml"
        path.write_text(RECIPE + f'text = "{text}"\n')
        done = galatea("run", path, "--out", out)
        assert done.returncode == 7, done.stderr
        assert "No space left" in done.stderr and "Free some space" in done.stderr
        assert not list(out.glob("*.part")) and not (out / "text.txt").exists()
        (out / "filler").unlink()
        assert galatea("run", path, "--out", out).returncode == 0
        assert outcome(out)["stages"][0]["cached"] is True
    finally:
        subprocess.run(["umount", str(out)], check=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("trouble", ["none", "hang"])
def test_signals_end_the_run_cleanly(recipe: Path, tmp_path: Path, number: int, code: int, trouble: str) -> None:
    out = tmp_path / "out"
    seconds = 600 if trouble == "none" else 0  # of 0 s it hangs as soon as it has said that it waits
    words = ["run", recipe, "--out", out, "--set", f"fake.seconds={seconds}", "--set", f"fake.trouble={trouble}"]
    process = subprocess.Popen(command(*words), stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while "Waiting" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(PATIENCE) == code
    data = outcome(out)
    assert data["status"] == "cancelled" and data["exit_code"] == code
    assert not left_behind(str(tmp_path / "home"))


def test_dry_run_tells_the_plan_and_does_nothing(recipe: Path, tmp_path: Path, home: Path) -> None:
    done = galatea("run", recipe, "--out", tmp_path / "x", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert [(step["step"], step["cached"]) for step in plan["steps"]] == [("fake", False)]
    assert not (tmp_path / "x").exists() and not home.exists()
    assert galatea("run", recipe, "--out", tmp_path / "x").returncode == 0
    done = galatea("run", recipe, "--out", tmp_path / "x", "--dry-run")
    assert "cached" in done.stdout and "disk      none" in done.stdout


def test_json_on_stdout_is_the_result_file(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = galatea("run", recipe, "--out", out, "--json", "--quiet")
    assert json.loads(done.stdout) == outcome(out) and done.stderr == ""


def test_jobs_lists_what_was_done(recipe: Path, tmp_path: Path) -> None:
    assert "No jobs" in galatea("jobs").stdout
    galatea("run", recipe, "--out", tmp_path / "a")
    galatea("run", recipe, "--out", tmp_path / "b", "--set", "fake.trouble=user")
    rows = json.loads(galatea("jobs", "--json").stdout)
    assert sorted(row["state"] for row in rows) == ["done", "failed"]
    assert any("wrong input" in (row["error"] or "") for row in rows)


def test_backends_and_doctor_answer(home: Path) -> None:
    listed = json.loads(galatea("backends", "--json").stdout)
    assert {"cutout", "lift", "relief", "fake"} <= {spec["id"] for spec in listed}
    done = galatea("doctor", "--json")
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert findings["Weights"]["state"] == "ok" and findings["Blender"]["state"] == "ok"
    assert all(finding["fix"] for finding in findings.values() if finding["state"] != "ok")


def test_help_and_version(home: Path) -> None:
    assert "run" in galatea("--help").stdout
    assert galatea("--version").stdout.startswith("galatea ")


def test_the_catalogue_is_true() -> None:
    done = galatea("describe", "--check")
    assert done.returncode == 0, done.stderr
