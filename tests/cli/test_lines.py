# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea batch`: one line a job. A bad line fails alone, what is done is not done twice, nothing is left behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.cli import lines
from galatea.backend.protocol.errors import UserError

from .processes import PATIENCE, RECIPE, command, galatea, left_behind, read, wait_for

BAD = [
    "no json",
    '{"reciep": 1}',
    '{"recipe": "wiring.toml", "recipe": "wiring.toml"}',
    "[1, 2]",
    '{"recipe": "photo_to_mesh", "inputs": {"image": "nothing.png"}}',
]


pytestmark = pytest.mark.usefixtures("recipe")


def line(seed: int, out: str = "", **params: Any) -> str:
    return json.dumps({"recipe": "wiring.toml", "seed": seed, "out": out, "settings": {"fake": params}})


def jobs(folder: Path, *lines: str) -> Path:
    (folder / "jobs.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "jobs.jsonl"


def states(out: Path) -> dict[str, tuple[str, int | None]]:
    return {row["folder"]: (row["state"], row["exit_code"]) for row in read(out / "batch.json")["jobs"]}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_bad_line_fails_alone_and_all_have_a_result(tmp_path: Path, workers: int) -> None:
    hostile = "<script>alert(1)</script>"
    lines = [
        line(1, "a"),
        *BAD,
        line(2, "../../b", text=hostile),
        line(3, f"/x/{hostile}", trouble="user"),
        line(4, "a"),
    ]
    done = galatea("batch", jobs(tmp_path, *lines), "--out", tmp_path / "out", "--workers", workers, cwd=tmp_path)
    assert done.returncode == 11, done.stderr
    found = states(tmp_path / "out")
    assert list(found.values()) == [
        ("done", 0), *[("failed", 2)] * 4, ("failed", 3), ("done", 0), ("failed", 3), ("done", 0)
    ]  # fmt: skip
    assert next(iter(found)) == "a" and list(found)[-1] == "a-2" and "b" in found and "nothing" in found
    for row in read(tmp_path / "out" / "batch.json")["jobs"]:
        result = read(tmp_path / "out" / row["folder"] / "result.json")
        assert (result["status"], result["exit_code"]) == (row["state"], row["exit_code"])
        assert (result["error"] or {"message": ""})["message"] == row["error"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "jobs.jsonl", "out", "wiring.toml"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page and page.count("<li>") == 9
    assert "Did you mean 'recipe'?" in done.stderr and "stands twice" in done.stderr and "6 failed" in done.stdout
    assert not left_behind(str(tmp_path / "home"))


def test_killed_in_the_middle_it_does_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = jobs(tmp_path, *[line(seed, f"j{seed}", seconds=0.0 if seed < 3 else 600.0) for seed in range(5)])
    run = subprocess.Popen(command("batch", file, "--out", out, "--workers", 2, "--quiet"), start_new_session=True)
    for name in ("j0", "j1", "j2"):
        wait_for(out / name / "result.json")
        wait_for(out / "batch.json", f'"{name}"')
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not left_behind(str(tmp_path / "home")), "the others see that who asked is gone"
    assert not (out / "j4" / "text.txt").exists()
    before = {name: (out / name / "text.txt").stat().st_mtime_ns for name in ("j0", "j1", "j2")}
    jobs(tmp_path, *[line(seed, f"j{seed}", seconds=0.0) for seed in range(5)])
    done = galatea("batch", file, "--out", out, "--workers", 2, "--overwrite")
    assert done.returncode == 0, done.stderr
    assert states(out) == {f"j{seed}": ("done", 0) for seed in range(5)}
    rows = {row["folder"]: row for row in read(out / "batch.json")["jobs"]}
    assert [name for name, row in rows.items() if row.get("kept")] == ["j0", "j1", "j2"]
    assert ", 3 of them kept from before. " in (tmp_path / "out" / "report.html").read_text()
    assert before == {name: (out / name / "text.txt").stat().st_mtime_ns for name in before}, "not even touched"


def test_what_was_changed_or_lost_is_done_again(tmp_path: Path) -> None:
    file = jobs(tmp_path, line(1, "a"), line(2, "b"), line(3, "c"))
    assert galatea("batch", file, "--out", tmp_path / "out").returncode == 0
    assert read(tmp_path / "out" / "batch.json")["workers"] == 1, "where none were asked for"
    (tmp_path / "out" / "a" / "text.txt").write_text("cut")
    (tmp_path / "out" / "b" / "result.json").unlink()
    (tmp_path / "out" / "b" / "text.txt").unlink()
    (tmp_path / "wiring.toml").write_text(RECIPE + 'text = "other"\n')
    done = galatea("batch", file, "--out", tmp_path / "out", "--overwrite")
    assert done.returncode == 0, done.stderr
    made = [(tmp_path / "out" / name / "text.txt").read_text() for name in "abc"]
    assert made == ["other 1\n", "other 2\n", "other 3\n"]
    assert not any(row.get("kept") for row in read(tmp_path / "out" / "batch.json")["jobs"])


@pytest.mark.parametrize("workers", [1, 2])
def test_fail_fast_stops_and_limit_does_a_few(tmp_path: Path, workers: int) -> None:
    out = tmp_path / "out"
    lines = [line(0, "bad", trouble="user"), *[line(seed, f"j{seed}", seconds=600.0) for seed in range(1, 4)]]
    done = galatea("batch", jobs(tmp_path, *lines), "--out", out, "--fail-fast", "--workers", workers)
    assert done.returncode == 3, done.stderr
    assert states(out) == {"bad": ("failed", 3), **{f"j{seed}": ("skipped", None) for seed in range(1, 4)}}
    file = jobs(tmp_path, *[line(seed, f"k{seed}") for seed in range(4)])
    for _ in range(2):
        assert galatea("batch", file, "--out", tmp_path / "few", "--limit", 2, "--workers", workers).returncode == 0
    assert [state for state, _ in states(tmp_path / "few").values()] == ["done"] * 4, "two, then the other two"


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = jobs(tmp_path, line(1, "slow", seconds=4.0), line(2, "long", seconds=4.0), line(3, "last"))
    run = subprocess.Popen(command("batch", file, "--out", out, "--workers", 2), stderr=subprocess.PIPE, text=True)
    assert run.stderr
    for text in run.stderr:
        if "slow: [1/1] fake: Waiting" in text:
            break
    children = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(children[0]), signal.SIGKILL)
    run.stderr.read()
    assert run.wait(PATIENCE) == 0
    assert states(out) == {"slow": ("done", 0), "long": ("done", 0), "last": ("done", 0)}


def two_at_work(file: Path, out: Path) -> subprocess.Popen[str]:
    """A batch of two workers, each of which has an order in hand."""
    run = subprocess.Popen(command("batch", file, "--out", out, "--workers", 2), stderr=subprocess.PIPE, text=True)
    assert run.stderr
    waits: set[str] = set()
    while len(waits) < 2:
        text = run.stderr.readline()
        assert text, "it ended"
        waits |= {text.partition(":")[0]} if "Waiting" in text else set()
    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("trouble", ["none", "hang"])
def test_a_signal_ends_all_workers(tmp_path: Path, number: int, code: int, trouble: str) -> None:
    out = tmp_path / "out"
    params = {"seconds": 600.0} if trouble == "none" else {"trouble": "hang"}
    file = jobs(tmp_path, *[line(seed, f"j{seed}", **params) for seed in range(3)])
    run = two_at_work(file, out)
    run.send_signal(number)
    run.send_signal(number)
    run.communicate()
    assert run.wait(PATIENCE) == code
    assert set(states(out).values()) == {("cancelled", code)}
    assert all(read(out / name / "result.json")["status"] == "cancelled" for name in states(out))
    assert not left_behind(str(tmp_path / "home"))


def test_given_again_after_a_signal_it_does_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = jobs(tmp_path, *[line(seed, f"j{seed}", seconds=4.0) for seed in range(4)])
    run = two_at_work(file, out)
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.wait(PATIENCE) == 130 and states(out)["j3"] == ("cancelled", 130)
    told = read(out / "j3" / "result.json")
    assert told["order"]["seed"] == told["seed"] == 3 and told["run"], "also of one that was not begun"
    done = galatea("batch", file, "--out", out, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert states(out) == {f"j{seed}": ("done", 0) for seed in range(4)}


def test_workers_that_are_slow_to_hear_two_signals_still_end_what_hangs(tmp_path: Path) -> None:
    """As on a machine that is short of time: killed at once, they could not stop what they had started."""
    file = jobs(tmp_path, *[line(seed, f"j{seed}", trouble="hang") for seed in range(2)])
    run = two_at_work(file, tmp_path / "out")
    workers = [int(pid) for pid in Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()]
    assert len(workers) == 2
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    run.send_signal(signal.SIGTERM)
    time.sleep(0.5)  # two that wait would be one
    run.send_signal(signal.SIGTERM)
    time.sleep(1.0)
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    run.communicate()
    assert run.wait(PATIENCE) == 143
    assert not left_behind(str(tmp_path / "home"))


def test_a_table_and_a_folder_are_orders_too(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(
        "recipe,seed,out,fake.text,image\nwiring.toml,4,first,hello,\nwiring.toml,5,,,\nwiring.toml,x,third,,\n"
        "wiring.toml,6,fourth\n"
    )
    done = galatea("batch", tmp_path / "jobs.csv", "--out", tmp_path / "out", "--set", "fake.text=flag")
    assert done.returncode == 11, done.stderr
    assert states(tmp_path / "out") == {
        "first": ("done", 0), "line-3": ("done", 0), "third": ("failed", 2), "line-5": ("failed", 2)
    }  # fmt: skip
    assert (tmp_path / "out" / "first" / "text.txt").read_text() == "hello 4\n", "the line counts"
    assert (tmp_path / "out" / "line-3" / "text.txt").read_text() == "flag 5\n", "then the flag"
    folder = tmp_path / "things"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps({"recipe": "../wiring.toml", "seed": 8}))
    (folder / "b.json").write_text("{")
    (folder / "notes.txt").write_text("not a job")
    (folder / "c.png").write_bytes(b"no picture")
    done = galatea("batch", folder, "--out", tmp_path / "more", "--backend", "relief", "--until=x")
    assert done.returncode == 2, "--until is not a flag of a batch"
    done = galatea("batch", folder, "--out", tmp_path / "more", "--dry-run")
    assert done.returncode == 11 and not (tmp_path / "more").exists()
    done = galatea("batch", folder, "--out", tmp_path / "more")
    assert {name: code for name, (_, code) in states(tmp_path / "more").items()} == {"a": 0, "b": 2, "c": 3}


def test_of_a_folder_hidden_files_count_for_nothing_and_the_rest_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("._a.png", ".b.json", "b.gif", "-rf c.png", "c.heic", "d.txt", "e.psd", "f.mov"):
        (folder / name).write_bytes(b"no picture")
    done = galatea("batch", folder, "--out", tmp_path / "out")
    assert list(states(tmp_path / "out")) == ["rf c", "b"], "no folder's name begins as a flag does"
    assert "galatea: No photo, mesh or job file, so left out: c.heic, d.txt, e.psd and 1 more.\n" in done.stderr
    assert "left out" not in galatea("batch", folder, "--out", tmp_path / "out", "--quiet").stderr
    for name in ("shot010", "shot020", ".git", "out"):
        (folder / name).mkdir()
    (folder / "gone.png").symlink_to("nowhere.png")
    done = galatea("batch", folder, "--out", folder / "out", "--limit", 1)
    assert "left out: c.heic, d.txt, e.psd and 2 more.\n" in done.stderr, "a link to nothing is none"
    assert "galatea: Folders are not looked into, so left out: shot010, shot020.\n" in done.stderr


def test_a_line_that_comes_or_goes_moves_no_other(tmp_path: Path) -> None:
    file, out = jobs(tmp_path, line(1, "a"), line(2, "a")), tmp_path / "out"
    assert galatea("batch", file, "--out", out).returncode == 0
    jobs(tmp_path, line(3, "a"), line(2, "a"), line(1, "a"))
    assert galatea("batch", file, "--out", out).returncode == 0
    jobs(tmp_path, line(3, "a"))
    assert galatea("batch", file, "--out", out).returncode == 0
    assert [row.get("kept") for row in read(out / "batch.json")["jobs"]] == [True]
    made = {path.parent.name: path.read_text() for path in out.glob("*/text.txt")}
    assert made == {"a": "hello 1\n", "a-2": "hello 2\n", "a-3": "hello 3\n"}


def test_a_plan_tells_of_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["run", tmp_path / "wiring.toml", "--out", out / "a"]
    assert galatea(*words).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (out / "a").iterdir()}
    assert galatea(*words, "--dry-run").returncode == 0, "its own"
    for seed, more, code in ((5, (), 2), (5, ("--overwrite",), 0)):
        done = galatea(*words, "--seed", seed, "--dry-run", *more)
        assert done.returncode == code and ("holds the result of another run" in done.stderr) == bool(code)
    done = galatea("batch", jobs(tmp_path, line(7, "a", text="x"), line(8, "b")), "--out", out, "--dry-run")
    assert done.returncode == 11 and "galatea: a: " in done.stderr and f"{out / 'b'}\n" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in (out / "a").iterdir()}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nothing.jsonl", "--out", "x"], "There is no file"),
        (["wiring.toml", "--out", "x"], "is no .jsonl or .csv file"),
        (["empty.jsonl", "--out", "x"], "There is nothing to do in empty.jsonl. Put photos"),
        (["odd.csv", "--out", "x"], "'colour' is no column"),
        (["empty.jsonl"], "--out DIR"),
        (["empty.jsonl", "--out", "x", "--workers", "0"], "--workers: takes a number above 0"),
        (["empty.jsonl", "--out", "x", "--job-file", "y"], "is one order"),
    ],
)
def test_wrong_usage_makes_nothing(tmp_path: Path, words: list[str], says: str) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")
    (tmp_path / "odd.csv").write_text("recipe,colour\nx,y\n")
    done = galatea("batch", *words, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr
    assert not (tmp_path / "x").exists()


def test_as_many_lines_as_are_allowed_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST", 3)
    assert len(list(lines._jsonl(io.BytesIO(b"{}\n" * 3)))) == 3
    with pytest.raises(UserError, match="more than 3 lines"):
        list(lines._jsonl(io.BytesIO(b"{}\n" * 4)))


@pytest.mark.parametrize("comma", [";", "\t"])
def test_a_table_of_another_country_is_read_too(comma: str, tmp_path: Path) -> None:
    text = 'recipe;seed;out;fake.text\r\nwiring.toml;4;first;"a, b"\r\n'.replace(";", comma)
    (tmp_path / "jobs.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    done = galatea("batch", tmp_path / "jobs.csv", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "first" / "text.txt").read_text() == "a, b 4\n"


def test_a_plan_of_many_is_what_then_happens(tmp_path: Path) -> None:
    """A photo that is gone leaves the plans of the others, and `--limit` counts what is missing, as in the run."""
    (tmp_path / "jobs.csv").write_text(
        "recipe,seed,out,image\nphoto_to_mesh,,gone,none.jpg\nwiring.toml,1,a,\nwiring.toml,2,b,\nwiring.toml,3,c,\n"
    )
    words = ["batch", tmp_path / "jobs.csv", "--out", tmp_path / "out"]
    done = galatea(*words, "--dry-run", "--json")
    assert done.returncode == 11 and "galatea: gone: There is no file" in done.stderr
    assert [Path(json.loads(each)["out"]).name for each in done.stdout.splitlines()] == ["a", "b", "c"]
    assert galatea(*words, "--limit", 2).returncode == 11
    ended = {"gone": ("failed", 3), "a": ("done", 0), "b": ("skipped", None), "c": ("skipped", None)}
    assert states(tmp_path / "out") == ended
    done = galatea(*words, "--limit", 2, "--dry-run", "--json")
    assert [Path(json.loads(each)["out"]).name for each in done.stdout.splitlines()] == ["a", "b"]
