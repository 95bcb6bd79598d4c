# SPDX-License-Identifier: GPL-3.0-or-later
"""`resume` by the id of a job: what was cut off is done under the same id, and what changed since is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from galatea.backend.cli import main, outcome
from galatea.backend.protocol.job import JobState
from galatea.backend.protocol.store import JobStore

from .processes import RECIPE


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return JobStore(tmp_path / "home" / "jobs")


@pytest.fixture
def cut_off(tmp_path: Path, store: JobStore) -> str:
    """A job that a time-out ended half-way."""
    (tmp_path / "wiring.toml").write_text(RECIPE + "seconds = 3.0\n")
    assert main(["run", "wiring.toml", "--out", "out", "--seed", "4", "--timeout", "0.3", "--quiet"]) == 124
    [job] = store.jobs()
    return job


def test_a_job_that_was_cut_off_is_done_under_its_id(
    cut_off: str, store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store.state(cut_off) is JobState.FAILED
    assert main(["resume", cut_off[:12], "--quiet"]) == 0
    assert list(store.jobs()) == [cut_off] and store.state(cut_off) is JobState.DONE
    paths = [Path(line) for line in capsys.readouterr().out.split()]
    assert [path.name for path in paths] == ["text.txt", "result.json"]
    assert paths[0].read_text() == "hello 4\n" and paths[0].is_relative_to(store.folder(cut_off))
    assert main(["resume", cut_off, "--out", "again", "--quiet"]) == 0
    told = json.loads((tmp_path / "again" / "result.json").read_text())
    assert [stage["cached"] for stage in told["stages"]] == [True], "it was there"
    assert (tmp_path / "again" / "text.txt").read_text() == "hello 4\n"
    assert main(["resume", "out", "--quiet"]) == 0, "a folder is meant where there is one"


def test_what_a_killed_run_had_delivered_is_its_own_and_a_strangers_file_is_not(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kill came after the files and before result.json."""
    (tmp_path / "wiring.toml").write_text(RECIPE)
    words = ["run", "wiring.toml", "--out", "out", "--quiet"]
    assert main(words) == 0
    for again in (words, ["resume", "out", "--quiet"]):
        (tmp_path / "out" / "result.json").unlink()
        assert main(again) == 0, capsys.readouterr().err
    (tmp_path / "out" / "result.json").unlink()
    (tmp_path / "out" / "text.txt").write_text("mine")
    assert main(words) == 2 and "text.txt is there already, and not by Galatea" in capsys.readouterr().err
    assert (tmp_path / "out" / "text.txt").read_text() == "mine"


def test_the_same_run_beside_us_is_no_stranger(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of one order at the same time, such as of one batch given twice: the bytes of a render may differ."""
    (tmp_path / "wiring.toml").write_text(RECIPE)
    words = ["run", "wiring.toml", "--out", "out", "--quiet"]
    assert main(words) == 0
    (tmp_path / "out" / "text.txt").write_text("as the other made it")
    monkeypatch.setattr(outcome, "prepare", lambda *_, **__: None)  # the other ended after we had looked
    assert main([*words, "--fresh"]) == 0
    assert (tmp_path / "out" / "text.txt").read_text() != "as the other made it"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fake", "--seed", "5"], "Leave --seed out"),
        (["fake", "--set", "fake.text=other"], "Leave --set out"),
        (["fake", "--workers", "2"], "--workers is of a batch"),
        (["nothing-like-it"], "There is no folder and no job nothing-like-it. Name the --out"),
        (["no/folder"], "There is no job.json"),
        (["home"], "There is no job.json"),
    ],
)
def test_what_cannot_be_resumed_is_said(
    cut_off: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["resume", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_job_whose_input_changed_is_another(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.toml").write_text('version = 1\nname = "Cut"\n\n[[step]]\ndo = "cutout"\n')
    Image.new("RGBA", (64, 64), (9, 9, 9, 0)).save(tmp_path / "photo.png")
    assert main(["run", "cut.toml", "--image", "photo.png", "--out", "out", "--quiet"]) == 3, "nothing is on it"
    [job] = store.jobs()
    assert main(["resume", job, "--quiet"]) == 3, "the same trouble"
    Image.new("RGBA", (64, 64), (9, 9, 9, 255)).save(tmp_path / "photo.png")
    assert main(["resume", job, "--quiet"]) == 2
    assert "is no longer the same" in capsys.readouterr().err
    shutil.rmtree(store.folder(job))
    assert main(["resume", job]) == 2
