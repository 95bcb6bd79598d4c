# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner that gives a film the frames which its parts made on other machines, and has the film done then."""

from __future__ import annotations

from ..protocol import parts
from ..protocol.catalog import spec_of
from ..protocol.event import Event
from ..protocol.job import JobState, Request
from ..protocol.store import JobStore
from ..runners import Runner


class Gathering:
    """Around another one. A part that nobody made is rendered with the film."""

    def __init__(self, runner: Runner, store: JobStore, count: int, *, program: str) -> None:
        self._runner, self._store, self._count, self._program = runner, store, count, program

    def submit(self, request: Request, *, turn: int = 0) -> None:
        spec = spec_of(request.backend)
        if self._count > 1 and parts.divisible(spec, request):
            for part in parts.requests(spec, request, self._count, program=self._program):
                result = self._store.result(part.id)
                if result and result.state is JobState.DONE:
                    parts.gather(self._store, request.id, part.id)
        self._runner.submit(request, turn=turn)

    def poll(self) -> list[Event]:
        return self._runner.poll()

    def cancel(self, job: str, *, gently: bool = False) -> None:
        self._runner.cancel(job, gently=gently)

    def close(self) -> None:
        self._runner.close()
