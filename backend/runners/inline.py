# SPDX-License-Identifier: GPL-3.0-or-later
"""Run in this very process: for tests, debuggers and code that already is the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..protocol.event import Event
from ..protocol.job import Request
from ..protocol.store import JobStore


class InlineRunner:
    """`poll` runs the next job to its end; of all runners only this one makes its caller wait."""

    def __init__(self, store: JobStore, load: Callable[[str], Any]) -> None:
        from ..worker.serve import Warm

        self._store, self._load = store, Warm(load)
        self._queue: list[str] = []

    def submit(self, request: Request, *, turn: int = 0) -> None:
        self._store.add(request)
        self._queue.append(request.id)

    def poll(self) -> list[Event]:
        from ..worker.execute import execute

        events: list[Event] = []
        if self._queue:
            execute(self._store, self._queue.pop(0), self._load, events.append)
        return events

    def cancel(self, job: str, *, gently: bool = False) -> None:
        self._store.cancel(job)

    def close(self) -> None:
        for job in self._queue:
            self._store.cancel(job)
        self._queue.clear()
