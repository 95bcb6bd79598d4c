# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner in a thread of its own: whatever becomes of it, each job ends with the reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from galatea.backend.backends.fake import Backend
from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.event import Done, Event, Progress
from galatea.backend.protocol.job import Failure, JobState, Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import Runner
from galatea.backend.runners.apart import Apart
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.runners.runtimes import Dispatch, Runtimes
from galatea.backend.worker.find import load

PATIENCE = 300  # seconds; the machine may be loaded


def fake(**params: object) -> Request:
    return Request.of(Backend.spec, params=params)


def until(runner: Apart, true: Callable[[list[Event]], bool]) -> list[Event]:
    events: list[Event] = []
    end = time.monotonic() + PATIENCE
    while not true(events):
        assert time.monotonic() < end, f"it never came: {events[-3:]}"
        events += runner.wait(0.1)
    return events


def do(runner: Apart, *asked: Request) -> list[str]:
    """Ask, wait for the last end, close; all ends that were said."""
    for request in asked:
        runner.submit(request)
    jobs = {request.id for request in asked}
    events = until(runner, lambda events: {event.job for event in events if isinstance(event, Done)} >= jobs)
    runner.close()
    return [event.job for event in [*events, *runner.poll()] if isinstance(event, Done)]


def failure(store: JobStore, request: Request) -> Failure:
    result = store.result(request.id)
    assert result and result.state is JobState.FAILED and result.failure
    return result.failure


@pytest.mark.parametrize(
    ("error", "kind", "says", "hint"),
    [
        (UserError("There is none.", kind="environment", hint="Look."), "environment", "There is none.", "Look."),
        (ZeroDivisionError("a bug"), "backend", "ZeroDivisionError: a bug. Run it again.", ""),
    ],
)
def test_where_none_can_be_made_all_that_is_asked_for_fails_with_the_reason(
    store: JobStore, error: Exception, kind: str, says: str, hint: str
) -> None:
    def make() -> Runner:
        raise error

    done, *asked = (fake(text=text) for text in "abc")
    inline = InlineRunner(store, load)
    inline.submit(done)
    inline.poll()
    runner = Apart(store, make, name="test")
    runner.submit(asked[0])
    until(runner, lambda events: any(isinstance(event, Done) for event in events))
    assert do(runner, asked[1], done) == [asked[1].id, done.id], "asked for when that was known"
    for request in asked:
        told = failure(store, request)
        assert (told.kind, told.hint) == (kind, hint) and says in told.message
    assert store.state(done.id) is JobState.DONE, "what has its result keeps it"


def test_a_runner_that_breaks_ends_what_it_had_in_hand(store: JobStore) -> None:
    class Breaks(InlineRunner):
        closed = False

        def poll(self) -> list[Event]:
            if store.result(good.id):
                raise OSError("no space")
            return super().poll()

        def close(self) -> None:
            Breaks.closed = True

    good, bad = fake(), fake(text="bad")
    runner = Apart(store, lambda: Breaks(store, load), name="test")
    runner.submit(good)
    until(runner, lambda events: Done(good.id) in events)
    assert do(runner, bad) == [bad.id], "what had ended is not said again"
    assert "OSError: no space" in failure(store, bad).message and Breaks.closed


def test_a_job_that_is_not_taken_fails_alone(store: JobStore, tmp_path: Path) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0\n")
    scene, good = Request.of(spec_of("load"), {"model": tmp_path / "a.obj"}), fake()
    here = Runtimes.here()
    runner = Apart(store, lambda: Dispatch(store, Runtimes(here.bundled, ())), name="test")
    assert sorted(do(runner, scene, good)) == sorted([scene.id, good.id])
    assert failure(store, scene).kind == "environment" and store.state(good.id) is JobState.DONE


def test_a_cancel_goes_through_and_close_waits_for_the_end(store: JobStore) -> None:
    made: list[Dispatch] = []

    def make() -> Dispatch:
        made.append(Dispatch(store, Runtimes.here()))
        return made[0]

    runner, long, hangs = Apart(store, make, name="test"), fake(seconds=600.0), fake(trouble="hang")
    runner.submit(long)
    until(runner, lambda events: any(isinstance(event, Progress) for event in events))
    runner.cancel(long.id)
    until(runner, lambda events: any(isinstance(event, Done) for event in events))
    assert store.state(long.id) is JobState.CANCELLED
    runner.submit(hangs)
    until(runner, lambda events: any(isinstance(event, Progress) and event.phase == "Waiting" for event in events))
    pid = made[0]._runners["bundled"].pid
    assert pid
    runner.close()
    assert not process_alive(pid) and store.state(hangs.id) is JobState.CANCELLED
