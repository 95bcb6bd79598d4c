# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from galatea.backend.protocol import claims
from galatea.backend.protocol.claims import FOREIGN_SECONDS
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Asset, Failure, JobState, Request, Result
from galatea.backend.protocol.spec import BackendSpec
from galatea.backend.protocol.store import JobStore

SPEC = BackendSpec(id="demo", label="", task="check", help="")


@pytest.fixture
def job(store: JobStore) -> str:
    request = Request.of(SPEC)
    store.add(request)
    return request.id


def done(store: JobStore, job: str) -> Result:
    path = store.attempt(job) / "a.txt"
    path.write_text("made")
    name = path.relative_to(store.folder(job)).as_posix()
    result = Result(job, JobState.DONE, (Asset("text", name, 4, "0"),))
    store.publish(result)
    return result


def test_state_is_derived_from_files(store: JobStore, job: str) -> None:
    assert store.state(job) is JobState.QUEUED
    result = done(store, job)
    assert store.result(job) == result
    assert store.state(job) is JobState.DONE
    assert store.file(result, "text").read_text() == "made"
    assert store.files(result) == {"text": store.file(result, "text")}


def test_done_afresh_nothing_is_kept(store: JobStore, job: str) -> None:
    done(store, job)
    (store.keep(job) / "frame.png").write_text("drawn")
    store.forget(job)
    assert store.state(job) is JobState.QUEUED and not list(store.keep(job).iterdir())
    assert list(store.jobs()) == [job]
    store.remove(job)
    assert list(store.jobs()) == []


def test_a_result_whose_file_was_cut_does_not_count(store: JobStore, job: str) -> None:
    result = done(store, job)
    store.file(result, "text").write_text("ma")
    assert store.result(job) is None
    store.file(result, "text").unlink()
    assert store.state(job) is JobState.QUEUED


def test_asking_again_keeps_what_is_done_and_drops_what_failed(store: JobStore, job: str) -> None:
    request = store.request(job)
    store.publish(Result(job, JobState.FAILED, failure=Failure("no")))
    store.cancel(job)
    assert store.cancelled(job)
    store.add(request)
    assert store.state(job) is JobState.QUEUED and not store.cancelled(job)
    done(store, job)
    store.add(request)
    assert store.state(job) is JobState.DONE


def test_a_half_written_result_is_ignored(store: JobStore, job: str) -> None:
    (store.folder(job) / "result.json.123.part").write_text('{"job": ')
    assert store.result(job) is None


@pytest.mark.parametrize("path", ["../other/a.txt", "/etc/hostname", "out-1/../../a"])
def test_a_result_names_no_file_outside_its_folder(store: JobStore, job: str, path: str) -> None:
    told = {**done(store, job).to_json(), "assets": [{"role": "text", "path": path, "size": 4, "sha256": "0"}]}
    (store.folder(job) / "result.json").write_text(json.dumps(told))
    assert store.result(job) is None


@pytest.mark.parametrize("text", ['{"job": ', "[]", '{"job": "x"}', '{"state": "dancing", "assets": []}'])
def test_a_damaged_or_foreign_result_does_not_count(store: JobStore, job: str, text: str) -> None:
    (store.folder(job) / "result.json").write_text(text)
    assert store.result(job) is None
    assert store.state(job) is JobState.QUEUED


def test_of_two_results_the_first_counts_unless_it_is_damaged(store: JobStore, job: str) -> None:
    first = Result(job, JobState.CANCELLED, failure=Failure("Cancelled.", "cancelled"))
    (store.folder(job) / "result.json").write_text('{"job": ')
    store.publish(first)
    store.publish(Result(job, JobState.FAILED, failure=Failure("too late")))
    assert store.result(job) == first
    assert [path.name for path in store.folder(job).glob("result*")] == ["result.json"]


def test_each_attempt_has_its_own_folder(store: JobStore, job: str) -> None:
    assert [store.attempt(job).name for _ in range(3)] == ["out-1", "out-2", "out-3"]


def test_only_one_of_two_processes_gets_the_job(store: JobStore, job: str) -> None:
    code = (
        "import sys, time; from pathlib import Path; from galatea.backend.protocol.store import JobStore;"
        "print(JobStore(Path(sys.argv[1])).claim(sys.argv[2]), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root), job], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout and other.stdout.readline() == "True\n"
    assert not store.claim(job)
    assert store.state(job) is JobState.RUNNING
    other.kill()
    other.wait()
    assert store.state(job) is JobState.ORPHAN
    assert store.claim(job), "the claim of a dead process does not count"


def test_a_claim_of_another_machine_is_respected(store: JobStore, job: str) -> None:
    path = store.folder(job) / "claim"
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    assert not store.claim(job)
    long_ago = time.time() - FOREIGN_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert store.state(job) is JobState.ORPHAN
    assert store.claim(job), "silent for too long"


def test_a_claim_of_a_number_that_was_given_again_does_not_count(store: JobStore, job: str) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = Path(f"/proc/{other.pid}/stat").read_text().split()[21]
    claim = {"pid": other.pid, "born": born, "host": socket.gethostname()}
    (store.folder(job) / "claim").write_text(json.dumps(claim))
    assert not store.claim(job)
    (store.folder(job) / "claim").write_text(json.dumps({**claim, "born": "an earlier life"}))
    assert store.claim(job)
    other.communicate(b"\n")


def test_a_claim_of_nobody_who_lives_does_not_count(store: JobStore, job: str) -> None:
    path, host = store.folder(job) / "claim", socket.gethostname()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (0, -1, 1 << 31, 1 << 70, dead.pid):
        path.write_text(json.dumps({"pid": pid, "host": host}))
        assert store.state(job) is JobState.ORPHAN, pid
    zombie = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path.write_text(json.dumps({"pid": zombie.pid, "born": claims._born(zombie.pid), "host": host}))
    assert store.state(job) is JobState.RUNNING
    zombie.kill()  # and nobody asks how it ended
    end = time.monotonic() + 120
    while store.state(job) is not JobState.ORPHAN:
        assert time.monotonic() < end
        time.sleep(0.01)
    zombie.communicate()


def test_a_process_of_somebody_else_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert claims.process_alive(1)


def test_what_this_process_left_undone_it_may_begin_again(store: JobStore, job: str) -> None:
    path = store.folder(job) / "claim"
    assert store.claim(job) and path in claims._pulse._held
    assert store.claim(job), "its own claim is in nobody's way"
    store.release(job)
    assert path not in claims._pulse._held and [*store.folder(job).glob("claim*")] == []


def test_who_drops_a_dead_claim_drops_no_other(store: JobStore, job: str) -> None:
    path = store.folder(job) / "claim"
    path.write_text("of one who came meanwhile")
    claims._drop(path, "of one who is dead")
    assert path.read_text() == "of one who came meanwhile"
    claims._drop(path, "of one who came meanwhile")
    assert [*store.folder(job).glob("claim*")] == []


@pytest.mark.parametrize("text", ["", "\0", '{"pid": 1e999, "host": "x"}', "[" * 5000])
def test_a_claim_that_is_being_written_is_respected_and_rubbish_is_not(store: JobStore, job: str, text: str) -> None:
    path = store.folder(job) / "claim"
    path.write_text(text)
    assert not store.claim(job)
    os.utime(path, (time.time() - 10,) * 2)
    assert store.claim(job)


def test_a_claim_that_is_held_is_touched(store: JobStore, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    path = store.folder(job) / "claim"
    path.touch()
    os.utime(path, (0, 0))
    pulse, before = claims._Pulse(), threading.active_count()
    for _ in range(2):
        pulse.add(path)
    assert threading.active_count() == before + 1, "one beats for all"
    end = time.monotonic() + 60
    while path.stat().st_mtime == 0:
        assert time.monotonic() < end
        time.sleep(0.01)
    pulse.drop(path)


def test_only_the_owner_releases(store: JobStore, job: str) -> None:
    path = store.folder(job) / "claim"
    path.write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    store.release(job)
    assert path.exists()
    path.unlink()
    assert store.claim(job)
    store.release(job)
    assert not path.exists()


@pytest.mark.parametrize("job", ["../../etc", "demo-../..", "", "demo-zz", "/etc/passwd"])
def test_an_id_never_leaves_the_store(store: JobStore, job: str) -> None:
    with pytest.raises(UserError, match="not a job id"):
        store.folder(job)


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file, where a folder should be")
    with pytest.raises(UserError, match="Choose another data folder") as caught:
        JobStore(tmp_path / "jobs").add(Request.of(SPEC))
    assert caught.value.kind == "output"
