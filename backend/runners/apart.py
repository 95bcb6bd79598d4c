# SPDX-License-Identifier: GPL-3.0-or-later
"""Any runner in a thread of its own: whatever it takes its time for, nobody waits for it."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable

from ..protocol.errors import UserError
from ..protocol.event import Done, Event
from ..protocol.job import Failure, JobState, Request, Result
from ..protocol.store import JobStore
from . import Runner

_LOOK = 0.02
_CLOSE_SECONDS = 15.0
_Said = Callable[[Runner], None]


class Apart:
    """`make` is called in the thread. Where that, or the runner, fails, each job ends with the reason."""

    def __init__(self, store: JobStore, make: Callable[[], Runner], *, name: str) -> None:
        self._store, self._make = store, make
        self._asked: queue.Queue[_Said | None] = queue.Queue()
        self._events: queue.Queue[Event] = queue.Queue()
        self._open: dict[str, None] = {}
        """Jobs that have been asked for and have not ended."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._begun = False

    def submit(self, request: Request, *, turn: int = 0) -> None:
        self._store.add(request)
        if not self._begun:
            self._begun = True
            self._thread.start()

        def go(runner: Runner) -> None:
            self._open[request.id] = None
            try:
                runner.submit(request, turn=turn)
            except UserError as error:
                self._fail(request.id, Failure(str(error), error.kind, error.hint))

        self._asked.put(go)

    def poll(self) -> list[Event]:
        events = []
        while not self._events.empty():
            events.append(self._events.get_nowait())
        return events

    def wait(self, seconds: float) -> list[Event]:
        """As `poll`, but where nothing was said it waits so long for the first word."""
        try:
            first = self._events.get(timeout=seconds)
        except queue.Empty:
            return []
        return [first, *self.poll()]

    def cancel(self, job: str, *, gently: bool = False) -> None:
        self._asked.put(lambda runner: runner.cancel(job, gently=gently))

    def close(self) -> None:
        """Waits for what the runner has to clear away, seconds at most."""
        self._asked.put(None)
        if self._begun:
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        runner: Runner | None = None
        try:
            runner = self._make()
            self._serve(runner)
        except Exception as error:
            self._refuse(error)
        finally:
            if runner:
                runner.close()

    def _serve(self, runner: Runner) -> None:
        while True:
            for said in self._heard(wait=not self._open):
                if said is None:
                    return
                said(runner)
            for event in runner.poll():
                self._tell(event)
            time.sleep(_LOOK)

    def _heard(self, *, wait: bool) -> list[_Said | None]:
        """What was asked since the last call; `wait` where there is nothing to look after until then."""
        found = [self._asked.get()] if wait else []
        while not self._asked.empty():
            found.append(self._asked.get_nowait())
        return found

    def _refuse(self, error: Exception) -> None:
        """All that is asked for, now and later, fails with this."""
        known = isinstance(error, UserError)
        text = str(error) if known else f"{type(error).__name__}: {error}. Run it again."
        failure = Failure(text, getattr(error, "kind", "backend") if known else "backend", getattr(error, "hint", ""))
        refusal = _Refusal(lambda job: self._fail(job, failure))
        for job in tuple(self._open):
            self._fail(job, failure)
        while (said := self._asked.get()) is not None:
            said(refusal)

    def _fail(self, job: str, failure: Failure) -> None:
        with contextlib.suppress(OSError):  # whoever asked is told so by the missing result
            if not self._store.result(job):
                self._store.publish(Result(job, JobState.FAILED, failure=failure, started=time.time()))
        self._tell(Done(job))

    def _tell(self, event: Event) -> None:
        if isinstance(event, Done):
            self._open.pop(event.job, None)
        self._events.put(event)


class _Refusal:
    """What stands in for a runner that is not there."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail

    def submit(self, request: Request, *, turn: int = 0) -> None:
        self._fail(request.id)

    def poll(self) -> list[Event]:
        return []

    def cancel(self, job: str, *, gently: bool = False) -> None:
        """It has ended."""

    def close(self) -> None:
        """There is nothing."""
