# SPDX-License-Identifier: GPL-3.0-or-later
"""Several pictures on one command line: a folder each, one table, and each fails by itself."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from galatea.backend.cli import main
from galatea.backend.cli.table import folders
from galatea.backend.protocol.store import JobStore

from .processes import PATIENCE, command, galatea, left_behind

RECIPE = """
version = 1
name = "Flat body"

[[step]]
do = "cutout"

[[step]]
do = "relief"
grid = 64
"""
LONG = """
version = 1
name = "Long"

[[step]]
do = "cutout"

[[step]]
do = "fake"
seconds = 600.0
"""


@pytest.fixture
def recipe(tmp_path: Path, home: Path) -> Path:
    path = tmp_path / "flat.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Two things with one name in two folders, with a file between them that is no picture."""
    found = []
    for folder, colour in (("one", (200, 40, 40)), ("two", (40, 40, 200))):
        picture = Image.new("RGB", (160, 120), (240, 240, 240))
        ImageDraw.Draw(picture).ellipse((30, 20, 120, 100), colour)
        (tmp_path / folder).mkdir()
        picture.save(tmp_path / folder / "vase.png")
        found.append(tmp_path / folder / "vase.png")
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    return [found[0], bad, found[1]]


def several(recipe: Path, pictures: list[Path]) -> list[object]:
    return ["run", recipe, *[word for picture in pictures for word in ("--image", picture)]]


def table(out: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((out / "batch.json").read_text())
    return data


def rows(out: Path, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in table(out)["jobs"]]


def test_each_picture_has_its_folder_and_one_that_is_bad_fails_alone(
    recipe: Path, pictures: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = galatea(*several(recipe, pictures), "--out", out)
    assert done.returncode == 11, done.stderr
    ended = [
        line.split(", ")[-1] for line in done.stderr.splitlines() if line.startswith(("vase: done", "vase-2: done"))
    ]
    assert len(ended) == 2 and ended[0] < ended[1] and set(ended) < {"1 of 3", "2 of 3", "3 of 3"}
    assert rows(out, "folder", "state", "exit_code") == [
        ("vase", "done", 0),
        ("bad", "failed", 3),
        ("vase-2", "done", 0),
    ]
    assert rows(out, "source") == [(str(picture),) for picture in pictures]
    for row in table(out)["jobs"]:
        result = json.loads((out / row["folder"] / "result.json").read_text())
        assert result["status"] == row["state"] and result["exit_code"] == row["exit_code"]
        assert result["inputs"]["image"]["path"] == row["source"]
        assert row["outputs"] == [item["path"] for item in result["outputs"]]
        assert all((out / row["folder"] / name).is_file() for name in row["outputs"])
        assert row["seconds"] == result["seconds"] > 0
    data = table(out)
    assert data["exit_code"] == 11 and data["status"] == "failed"
    assert (data["done"], data["failed"], data["cancelled"]) == (2, 1, 0)
    assert "is not a picture" in data["jobs"][1]["error"] and f"bad: {data['jobs'][1]['error']}" in done.stderr
    assert (out / "vase" / "cutout.png").read_bytes() != (out / "vase-2" / "cutout.png").read_bytes()
    for name in ("vase", "bad", "vase-2"):
        assert f"{name}: [1/2] cutout" in done.stderr, "each line says whose it is"
    assert str(out / "vase-2" / "cutout.png") in done.stdout and str(out / "batch.json") in done.stdout


def test_run_again_it_goes_on_where_it_stood(recipe: Path, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, bad, second = pictures
    assert galatea(*several(recipe, [first, bad]), "--out", out).returncode == 11
    ImageDraw.Draw(image := Image.new("RGB", (90, 90), "white")).rectangle((20, 20, 70, 80), "green")
    image.save(bad, "PNG")
    done = galatea(*several(recipe, [first, bad, second]), "--out", out)
    assert done.returncode == 0, done.stderr
    cached = {
        name: [stage["cached"] for stage in json.loads((out / name / "result.json").read_text())["stages"]]
        for name in ("vase", "bad", "vase-2")
    }
    assert cached == {"vase": [True, True], "bad": [False, False], "vase-2": [False, False]}
    assert table(out)["status"] == "done" and table(out)["exit_code"] == 0


def test_one_picture_is_as_ever(recipe: Path, pictures: list[Path], tmp_path: Path) -> None:
    done = galatea(*several(recipe, pictures[:1]), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "result.json").is_file() and (tmp_path / "out" / "cutout.png").is_file()
    assert not (tmp_path / "out" / "batch.json").exists() and not (tmp_path / "out" / "vase").exists()


def test_the_same_picture_twice_is_done_once(recipe: Path, pictures: list[Path], tmp_path: Path, home: Path) -> None:
    out = tmp_path / "out"
    done = galatea(*several(recipe, [pictures[0], pictures[0]]), "--out", out, "--json", "--fresh")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [row["folder"] for row in data["jobs"]] == ["vase", "vase-2"] and data == table(out)
    assert len(list(JobStore(home / "jobs").jobs())) == 2


def test_a_folder_that_holds_another_result_is_left_alone(recipe: Path, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert galatea(*several(recipe, pictures[:1]), "--out", out / "vase", "--seed", 5).returncode == 0
    before = (out / "vase" / "result.json").read_bytes()
    done = galatea(*several(recipe, [pictures[0], pictures[2]]), "--out", out)
    assert done.returncode == 11 and "holds the result of another run" in done.stderr
    assert rows(out, "state", "exit_code") == [("failed", 2), ("done", 0)]
    assert (out / "vase" / "result.json").read_bytes() == before
    assert galatea(*several(recipe, [pictures[0], pictures[2]]), "--out", out, "--overwrite").returncode == 0


def test_a_table_of_another_batch_is_not_replaced(recipe: Path, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert galatea(*several(recipe, [pictures[0], pictures[2]]), "--out", out).returncode == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = galatea(*several(recipe, [pictures[0], pictures[2]]), "--out", out, "--seed", 5)
    assert done.returncode == 2 and "holds the results of another batch" in done.stderr
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert (
        galatea(*several(recipe, [pictures[0], pictures[2]]), "--out", out, "--seed", 5, "--overwrite").returncode == 0
    )
    assert table(out)["seed"] == 5


def test_a_table_of_somebody_else_is_not_replaced(recipe: Path, pictures: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "batch.json").write_text('["mine"]')
    done = galatea(*several(recipe, pictures), "--out", out)
    assert done.returncode == 2 and "not by Galatea" in done.stderr
    assert (out / "batch.json").read_text() == '["mine"]' and len(list(out.iterdir())) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_of_them(pictures: list[Path], tmp_path: Path, home: Path, number: int, code: int) -> None:
    (tmp_path / "long.toml").write_text(LONG)
    out, store = tmp_path / "out", JobStore(home / "jobs")
    run = subprocess.Popen(
        command(*several(tmp_path / "long.toml", pictures), "--out", out), stderr=subprocess.PIPE, text=True
    )
    assert run.stderr
    for line in run.stderr:
        if "fake: Waiting" in line:
            break
    run.send_signal(number)
    run.stderr.read()
    assert run.wait(PATIENCE) == code
    states = rows(out, "state", "exit_code")
    assert states[1] in (("failed", 3), ("cancelled", code)) and {states[0], states[2]} == {("cancelled", code)}
    assert table(out)["exit_code"] == code
    assert all((out / name / "result.json").is_file() for name in ("vase", "bad", "vase-2"))
    assert not any(store.state(job) == "running" for job in store.jobs())
    assert not left_behind(str(home))


def test_generate_takes_several(pictures: list[Path], home: Path, tmp_path: Path, capsys: Any) -> None:
    plain = [str(picture) for picture in pictures]
    assert main(["generate", *plain, "--out", str(tmp_path / "out"), "--dry-run", "--json"]) == 11, "as the run"
    plans = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(plan["out"]).name for plan in plans] == ["vase", "vase-2"]
    names = [step["params"]["name"] for plan in plans for step in plan["steps"] if step["step"] == "bring"]
    assert names == ["vase", "vase"] and not (tmp_path / "out").exists()
    assert main(["generate", *plain, "--out", str(tmp_path / "out"), "--dry-run"]) == 11
    out, err = capsys.readouterr()
    told = out.splitlines()
    assert "galatea: bad: bad.jpg is not a picture that can be read." in err
    assert sum(" 1 cutout" in line for line in told) == 1 and told[-3] == "2 orders, 16 of 16 steps to do"
    assert told[-2] == "time      not known" and told[-1].startswith("disk      not known; ")
    assert told[-4] == f"{tmp_path / 'out' / 'vase-2'}: as above, 8 of 8 steps to do"
    assert main(["generate", *plain, "--mask", plain[0], "--out", str(tmp_path / "out")]) == 2
    assert "--mask belongs to one picture" in capsys.readouterr().err


def test_folders_are_named_after_files_each_its_own_and_none_outside() -> None:
    given = ["a/x.png", "b/x.jpg", "b/X.jpg", "x-2.png", "batch.json.png", "..", ".", "/", " .png", ".hidden"]
    found = folders(map(Path, given))
    assert found[:4] == ["x", "x-2", "X-3", "x-2-2"]
    assert len({name.casefold() for name in found}) == len(given)
    assert all(name.strip(". ") and "/" not in name and name not in ("batch.json", "result.json") for name in found)
