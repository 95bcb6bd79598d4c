# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes in real trouble: each job ends in a result, and the next one runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.event import Done, Event, Progress, decode
from galatea.backend.protocol.job import JobState, Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import local
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.backend.worker.find import load

PATIENCE = 300  # seconds; the machine may be loaded


def fake(**params: object) -> Request:
    return Request.of(Backend.spec, params=params)


def finish(runner: LocalRunner | Dispatch | InlineRunner, *jobs: str) -> list[Event]:
    events, end = list[Event](), time.monotonic() + PATIENCE
    while {event.job for event in events if isinstance(event, Done)} < set(jobs):
        assert time.monotonic() < end, f"no end: {events[-3:]}"
        events += runner.poll()
        time.sleep(0.01)
    return events


def do(runner: LocalRunner | Dispatch | InlineRunner, *asked: Request) -> list[Event]:
    for request in asked:
        runner.submit(request)
    return finish(runner, *(request.id for request in asked))


def wait_for_progress(runner: LocalRunner, job: str, phase: str = "") -> None:
    end = time.monotonic() + PATIENCE
    while not any(isinstance(event, Progress) and event.job == job and phase in event.phase for event in runner.poll()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_job_runs_in_another_process(runner: LocalRunner, store: JobStore) -> None:
    request = fake(text="hi", seconds=0.2)
    events = do(runner, request)
    result = store.result(request.id)
    assert result and result.state is JobState.DONE
    assert store.file(result, "text").read_text() == "hi 0\n"
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions) and len(fractions) > 3
    assert runner.pid and runner.pid != os.getpid()


def test_the_worker_stays_warm(runner: LocalRunner) -> None:
    pids = set()
    for text in "abc":
        request = fake(text=text)
        do(runner, request)
        pids.add(runner.pid)
    assert len(pids) == 1


@pytest.mark.parametrize(("name", "order"), [("bundled", "acb"), ("blender", "abc")])
def test_what_is_loaded_goes_first_where_a_model_is(store: JobStore, tmp_path: Path, name: str, order: str) -> None:
    """Blender loads none: there whoever waits longest is next, or films would go before meshes for ever."""
    (tmp_path / "no.png").write_bytes(b"no picture")
    other = Request.of(spec_of("cutout"), {"image": tmp_path / "no.png"})
    asked = {"a": fake(text="a"), "b": other, "c": fake(text="c")}
    runner = LocalRunner(store, Runtimes.here().bundled, name=name)
    try:
        ended = [event.job for event in do(runner, *asked.values()) if isinstance(event, Done)]
    finally:
        runner.close()
    assert ended == [asked[letter].id for letter in order]


@pytest.mark.parametrize(
    ("trouble", "kind", "says"),
    [
        ("user", "input", "This is what a wrong input looks like"),
        ("bug", "backend", "ZeroDivisionError: a bug in a backend"),
        ("memory", "device", "Not enough memory"),
        ("kill", "backend", "The process that did Wiring check ended with exit code -9"),
        ("exit", "backend", "exit code 3"),
        ("lie", "backend", "promised text as text.txt, but the file is missing"),
    ],
)
def test_trouble_becomes_a_failed_job_and_the_next_job_runs(
    runner: LocalRunner, store: JobStore, trouble: str, kind: str, says: str
) -> None:
    bad, good = fake(trouble=trouble), fake()
    do(runner, bad, good)
    failed = store.result(bad.id)
    assert failed and failed.state is JobState.FAILED and failed.failure
    assert failed.failure.kind == kind and says in failed.failure.message
    assert ("Too little memory is the usual reason" in failed.failure.hint) == (trouble == "kill")
    assert failed.seconds > 0 or trouble not in ("kill", "exit"), "a process that is gone tells no time: we do"
    assert store.state(good.id) is JobState.DONE


def test_what_another_program_set_for_its_own_python_does_not_reach_the_worker(
    runner: LocalRunner, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    request = fake()
    do(runner, request)
    assert store.state(request.id) is JobState.DONE


def test_what_libraries_print_never_reaches_the_protocol(runner: LocalRunner, store: JobStore) -> None:
    request = fake(trouble="noise")
    do(runner, request)
    assert store.state(request.id) is JobState.DONE
    assert "C code writes to stdout" in runner.log_path.read_text(errors="replace")


@pytest.mark.parametrize("before", [signal.SIGKILL, signal.SIGSTOP])
def test_an_idle_worker_that_dies_harms_nobody(runner: LocalRunner, store: JobStore, before: signal.Signals) -> None:
    """Neither when it is dead before the next job is asked for, nor when it dies before it has read of it."""
    first, *second = fake(text="1"), fake(text="2"), fake(text="2", trouble="user")
    do(runner, first)
    pid = runner.pid
    assert pid
    os.kill(pid, before)
    for request in second:
        runner.submit(request)
    runner.poll()
    if before == signal.SIGSTOP:
        os.kill(pid, signal.SIGKILL)
    events = finish(runner, *(request.id for request in second))
    assert [store.state(request.id) for request in second] == [JobState.DONE, JobState.FAILED]
    assert [event.job for event in events if isinstance(event, Done)] == [request.id for request in second], "in turn"
    assert runner.pid != pid


def test_an_idle_worker_that_hangs_costs_no_more_than_the_time_of_a_job(runner: LocalRunner, store: JobStore) -> None:
    first, second = fake(text="1"), fake(text="2")
    do(runner, first)
    assert runner.pid
    os.kill(runner.pid, signal.SIGSTOP)
    runner.submit(second)
    runner.poll()
    runner._timeout = 1e-9  # time is up, however fast this machine is
    assert runner.poll() == [Done(second.id)]
    result = store.result(second.id)
    assert result and result.failure and result.failure.kind == "timeout" and runner.pid is None


def test_each_job_of_a_line_has_its_own_time(store: JobStore) -> None:
    """One of two is waited for, for another process works on it, and the other is done by then."""
    works, runner = (LocalRunner(store, Runtimes.here().bundled, name=name) for name in ("one", "two"))
    held, free = (
        Request.of(Backend.spec, params={"seconds": 1.0, "trouble": "hang", "only": 0}, seed=n) for n in (0, 1)
    )
    works.submit(held)
    wait_for_progress(works, held.id)
    for request in (held, free):
        runner.submit(request)
    runner.poll()
    end = time.monotonic() + PATIENCE
    while not any(line and free.id in line and isinstance(decode(line), Done) for _, line in list(runner._lines.queue)):
        assert time.monotonic() < end
        time.sleep(0.01)
    runner._timeout, runner._started, pid = PATIENCE, runner._started - 2 * PATIENCE, runner.pid
    events = runner.poll()
    assert [event.job for event in events if isinstance(event, Done)] == [free.id] and runner.pid == pid
    for each in (runner, works):
        each.close()


def test_cancel_is_heard_at_the_next_progress(
    runner: LocalRunner, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "CANCEL_GRACE_SECONDS", PATIENCE)
    request = fake(seconds=600)
    runner.submit(request)
    wait_for_progress(runner, request.id)
    pid = runner.pid
    runner.cancel(request.id)
    finish(runner, request.id)
    assert store.state(request.id) is JobState.CANCELLED
    assert runner.pid == pid, "a worker that listens is not killed"


def test_cancel_kills_a_worker_that_does_not_listen(runner: LocalRunner, store: JobStore) -> None:
    request = fake(trouble="hang")
    runner.submit(request)
    wait_for_progress(runner, request.id, "Waiting")  # and now it hangs: nothing comes between
    pid = runner.pid
    assert pid
    runner.cancel(request.id)
    finish(runner, request.id)
    result = store.result(request.id)
    assert result and result.state is JobState.CANCELLED and result.seconds > 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("gently", [(True, False), (False, True)])
def test_whoever_asked_gently_may_insist_and_that_stays(
    runner: LocalRunner, store: JobStore, gently: tuple[bool, bool]
) -> None:
    request = fake(trouble="hang")
    runner.submit(request)
    wait_for_progress(runner, request.id, "Waiting")
    for each in gently:
        runner.cancel(request.id, gently=each)
    finish(runner, request.id)
    assert store.state(request.id) is JobState.CANCELLED and runner.pid is None


def test_a_waiting_job_is_cancelled_at_once(runner: LocalRunner, store: JobStore) -> None:
    long, waiting = fake(seconds=600), fake()
    runner.submit(long)
    runner.submit(waiting)
    wait_for_progress(runner, long.id)
    runner.cancel(waiting.id)
    finish(runner, waiting.id)
    assert store.state(waiting.id) is JobState.CANCELLED
    runner.cancel(long.id)
    finish(runner, long.id)


def test_a_job_that_was_asked_for_again_while_it_runs_is_stopped_all_the_same(
    runner: LocalRunner, store: JobStore
) -> None:
    request = fake(seconds=600)
    runner.submit(request)
    wait_for_progress(runner, request.id, "Waiting")
    runner.submit(request)
    runner.cancel(request.id)
    finish(runner, request.id)
    assert store.state(request.id) is JobState.CANCELLED


def test_a_job_past_its_time_is_ended(store: JobStore) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled", timeout=2)
    request = fake(seconds=600)
    do(runner, request)
    runner.close()
    result = store.result(request.id)
    assert result and result.failure and result.failure.kind == "timeout"


@pytest.mark.parametrize("program", ["/nowhere/python", "/", "/etc/hostname"])
def test_a_program_that_cannot_be_started_is_said(store: JobStore, program: str) -> None:
    runner = LocalRunner(store, [program, "{store}"], name="full")
    request = fake()
    do(runner, request)
    result = store.result(request.id)
    assert result and result.failure and result.failure.kind == "environment"
    assert f"Cannot start {program}" in (said := result.failure.message) and "GALATEA_BLENDER" in said


def test_asking_twice_does_the_work_once(runner: LocalRunner, store: JobStore) -> None:
    request = fake()
    for _ in range(2):
        do(runner, request)
    assert [path.name for path in store.folder(request.id).glob("out-*")] == ["out-1"]


def test_what_is_done_needs_no_process(runner: LocalRunner, store: JobStore) -> None:
    request = fake()
    do(runner, request)
    other = LocalRunner(store, Runtimes.here().bundled, name="other")
    assert do(other, request) == [Done(request.id)] and other.pid is None


def test_the_asker_dies_and_the_work_is_found_again(store: JobStore) -> None:
    """Whoever asked is killed in mid job; the worker goes on, publishes and ends."""
    code = f"""
import sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Runtimes
runner = LocalRunner(JobStore(Path({str(store.root)!r})), Runtimes.here().bundled, name="bundled")
runner.submit(Request.of(Backend.spec, params={{"seconds": 3.0}}))
while True:
    for event in runner.poll():
        print(runner.pid, flush=True)
    time.sleep(0.01)
"""
    asker = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert asker.stdout
    worker = int(asker.stdout.readline())
    asker.kill()
    asker.wait()
    job = fake(seconds=3.0).id
    end = time.monotonic() + PATIENCE
    while not store.result(job):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert store.state(job) is JobState.DONE
    while process_alive(worker):
        assert time.monotonic() < end, "the worker must end when nobody can ask it any more"
        time.sleep(0.05)


def test_two_runners_share_a_store_and_do_a_job_once(store: JobStore) -> None:
    command = Runtimes.here().bundled
    runners = [LocalRunner(store, command, name=name) for name in ("one", "two")]
    request = fake(seconds=1.0)
    for runner in runners:
        runner.submit(request)
    for runner in runners:
        finish(runner, request.id)
        runner.close()
    assert store.state(request.id) is JobState.DONE
    assert len(list(store.folder(request.id).glob("out-*"))) == 1


def test_cancelling_the_one_that_waits_leaves_the_one_that_works(store: JobStore) -> None:
    command = Runtimes.here().bundled
    works, waits = (LocalRunner(store, command, name=name) for name in ("one", "two"))
    request = fake(seconds=600)
    works.submit(request)
    wait_for_progress(works, request.id)
    waits.submit(request)
    wait_for_progress(waits, request.id, "another process")
    waits.cancel(request.id)
    finish(waits, request.id)
    works.poll()
    for _ in range(3):  # said after that: whoever is asked to stop says nothing more
        wait_for_progress(works, request.id, "Waiting")
    assert store.state(request.id) is JobState.RUNNING and not store.cancelled(request.id)
    works.close()
    waits.close()


def test_close_never_throws_away_what_is_done(store: JobStore) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    request = fake()
    runner.submit(request)
    runner.poll()
    end = time.monotonic() + PATIENCE
    while not store.result(request.id):
        assert time.monotonic() < end
        time.sleep(0.01)
    runner.close()  # before its `Done` was read
    assert store.state(request.id) is JobState.DONE


def test_a_failed_attempt_leaves_no_files(runner: LocalRunner, store: JobStore) -> None:
    request = fake(trouble="bug")
    do(runner, request)
    assert not list(store.folder(request.id).glob("out-*"))


def test_inline_gives_the_same_result(store: JobStore) -> None:
    runner = InlineRunner(store, load)
    good, bad = fake(text="here"), fake(trouble="bug")
    events = do(runner, good, bad)
    assert [event.job for event in events if isinstance(event, Done)] == [good.id, bad.id]
    result = store.result(good.id)
    assert result and store.file(result, "text").read_text() == "here 0\n"
    assert store.state(bad.id) is JobState.FAILED


def test_inline_is_cancelled_too(store: JobStore) -> None:
    runner, first, second = InlineRunner(store, load), fake(text="1"), fake(text="2")
    runner.submit(first)
    runner.cancel(first.id)
    finish(runner, first.id)
    assert store.state(first.id) is JobState.CANCELLED
    runner.submit(second)
    runner.close()
    assert store.cancelled(second.id) and not runner.poll()


def test_close_while_working_leaves_a_cancelled_job_and_no_process(store: JobStore) -> None:
    runner = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    request = fake(seconds=600)
    runner.submit(request)
    runner.submit(fake(text="waits"))
    wait_for_progress(runner, request.id)
    pid = runner.pid
    assert pid
    runner.close()
    assert store.state(request.id) is JobState.CANCELLED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert runner.poll() == [Done(request.id)] and runner.pid is None, "nothing begins any more"
