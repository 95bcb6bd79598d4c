# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea jobs`: what the data folder keeps, told and removed; never what runs, and never much without a yes."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from galatea.backend.cli import main
from galatea.backend.protocol.job import Asset, Failure, JobState, Request, Result
from galatea.backend.protocol.store import JobStore

from .processes import RECIPE, galatea

DAY = 86400.0


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobStore:
    """Five jobs of 1 MB, one a day old, the next two … The third failed."""
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    store = JobStore(tmp_path / "jobs")
    for number in range(5):
        job = f"fake-{number:020x}"
        store.add(Request(job, "fake", {}, {"text": "hello"}, number))
        path = store.attempt(job) / "text.txt"
        path.write_bytes(b"x" * 1_000_000)
        failure = Failure("It broke.", trace="Traceback: here") if number == 2 else None
        state = JobState.FAILED if failure else JobState.DONE
        assets = () if failure else (Asset("text", "out-1/text.txt", 1_000_000, "0" * 64),)
        store.publish(Result(job, state, assets, failure, seconds=number + 0.5, warnings=("It was cold.",)))
        when = time.time() - (number + 1) * DAY
        os.utime(store.folder(job) / "request.json", (when, when))
    return store


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["jobs", *words]) == code
    out, err = capsys.readouterr()
    return out if not code else err


def test_list_show_and_log(kept: JobStore, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(told(capsys, "--json", "--limit", "2"))
    assert [row["job"][-1] for row in rows] == ["0", "1"] and rows[0]["size"] > 1_000_000
    assert "5 jobs, 5 MB in " in told(capsys)
    assert told(capsys, "--state", "queued").startswith("None of 5 jobs, 5 MB in ")
    assert told(capsys, "remove", f"fake-{4:020x}", "--dry-run").endswith(" 1 job.\n")
    assert [row["state"] for row in json.loads(told(capsys, "list", "--state", "failed", "--json"))] == ["failed"]
    text = told(capsys, "show", f"fake-{3:020x}")
    assert "output    text out-1/text.txt 1 MB" in text and "warning   It was cold." in text
    assert json.loads(told(capsys, "show", f"fake-{3:020x}", "--json"))["request"]["seed"] == 3
    (kept.root / "logs").mkdir()
    (kept.root / "logs" / "bundled-1.log").write_text("the last words\n")
    text = told(capsys, "log", f"fake-{2:020x}")
    assert "It broke." in text and "Traceback: here" in text and "the last words" in text


def test_a_log_is_of_the_process_that_did_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALATEA_HOME", str(tmp_path))
    (tmp_path / "wiring.toml").write_text(RECIPE)
    for name, trouble in (("quiet", "user"), ("loud", "noise")):
        galatea("run", tmp_path / "wiring.toml", "--out", tmp_path / name, "--set", f"fake.trouble={trouble}")
    jobs = [json.loads((tmp_path / name / "result.json").read_text())["stages"][0]["job"] for name in ("quiet", "loud")]
    quiet, loud = (galatea("jobs", "log", job).stdout for job in jobs)
    assert "the end of" in loud and "the end of" not in quiet and quiet.strip()


def test_a_beginning_is_enough_where_it_means_one(kept: JobStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert "5 jobs begin with 'fake-'" in told(capsys, "show", "fake-", code=2)
    assert "There is no job 'fakes'" in told(capsys, "show", "fakes", code=2)
    assert "Name a job" in told(capsys, "show", code=2)
    assert "takes no id" in told(capsys, "prune", "fake-", code=2)
    assert "There is no job" in told(capsys, "remove", "../../etc", code=2)
    for flag in ("--older", "--max-gb", "--limit"):
        assert f"{flag}: takes a number from 0 on" in told(capsys, "prune", flag, "-1", "--yes", code=2)


def test_remove_takes_what_is_named_and_never_what_runs(kept: JobStore, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [f"fake-{number:020x}" for number in range(5)]
    told(capsys, "remove", jobs[0], jobs[1], "--dry-run")
    assert len(list(kept.jobs())) == 5
    told(capsys, "remove", jobs[0], jobs[1])
    assert list(kept.jobs()) == jobs[2:]
    (kept.root / "logs").mkdir()
    (kept.root / "logs" / "blender-1.log").write_text("old words")
    (kept.folder(jobs[2]) / "claim").write_text(json.dumps({"pid": 1, "host": "another", "born": ""}))
    assert "is running, by process 1 on another. Cancel its run, or " in told(capsys, "remove", jobs[2], code=2)
    assert "running   by process 1 on another\n" in told(capsys, "show", jobs[2])
    told(capsys, "prune", "--older", "0", "--dry-run")
    told(capsys, "prune", "--older", "0", "--state", "failed", "--yes")
    assert (kept.root / "logs" / "blender-1.log").exists()
    told(capsys, "prune", "--older", "0", "--yes")
    assert list(kept.jobs()) == [jobs[2]] and not any((kept.root / "logs").iterdir())


def test_prune_asks_and_keeps_the_newest(kept: JobStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Say what to prune" in told(capsys, "prune", code=2)
    assert "Nothing was removed: this would be 2 of 5 jobs" in told(capsys, "prune", "--older", "3.5", code=2)
    assert len(list(kept.jobs())) == 5
    assert json.loads(told(capsys, "prune", "--older", "3.5", "--json", "--yes"))["jobs"] == [
        f"fake-{number:020x}" for number in (3, 4)
    ]
    told(capsys, "prune", "--max-gb", "0.00205", "--yes")
    assert [job[-1] for job in kept.jobs()] == ["0", "1"]
    told(capsys, "prune", "--state", "failed", "--yes")
    assert len(list(kept.jobs())) == 2


def test_what_cannot_be_removed_is_said_and_not_counted(
    kept: JobStore, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def clear(folder: str | Path, **_: object) -> None:  # as where another user made the first two
        if Path(folder).name[-1] not in "01":
            real(folder)

    real = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", clear)
    assert main(["jobs", "prune", "--older", "0", "--yes"]) == 7
    out, err = capsys.readouterr()
    assert out.endswith(" 3 jobs.\n") and out.count("\n") == 4
    assert f"Could not remove 2 jobs: fake-{0:020x}, fake-{1:020x}. Check whose files they are" in err
    assert main(["jobs", "remove", f"fake-{0:020x}", "--json"]) == 7
    assert json.loads(capsys.readouterr().out) == {"jobs": [], "bytes": 0, "removed": True}
