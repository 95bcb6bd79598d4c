# SPDX-License-Identifier: GPL-3.0-or-later
"""Several jobs of one step with the same parameters: looked at in one forward, each with a result of its own."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Protocol, cast

from ..protocol.errors import JobCancelled
from ..protocol.event import Event
from ..protocol.job import Request
from ..protocol.store import JobStore
from .execute import Attempt, Backend, Load, execute
from .report import Report

Asked = list[tuple[Attempt, Any]]
"""Jobs, each with what was read for it."""


class Batched(Backend, Protocol):
    """A step whose `BackendSpec.batch` is above 1. Its `run` is these three for one job."""

    def read(self, request: Request, params: dict[str, Any], report: Report) -> Any:
        """What is looked at: the inputs of one job."""

    def look(self, read: Sequence[Any], params: dict[str, Any], report: Report) -> Iterable[Any]:
        """What the model says of each, in order and as soon as it is known: on a GPU all in one forward, on a CPU,
        where that gains nothing, one after the other. The same as if each were looked at alone, on a CPU to the bit."""

    def make(self, found: Any, params: dict[str, Any], report: Report) -> None:
        """The files of one job."""


class Shared(Report):
    """The reports of jobs that are looked at in one go, as one. Whoever is cancelled drops out, the others go on."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self._attempts = attempts

    @property
    def _left(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts if not attempt.result]

    def progress(self, phase: str, fraction: float) -> None:
        for attempt in self._left:
            with attempt.guard():
                attempt.report.progress(phase, fraction)
        if not self._left:
            raise JobCancelled

    def warn(self, text: str) -> None:
        for attempt in self._left:
            attempt.report.warn(text)

    def log(self, text: str) -> None:
        for attempt in self._left:
            attempt.report.log(text)

    def metric(self, name: str, value: Any) -> None:
        for attempt in self._left:
            attempt.report.metric(name, value)

    @property
    def device(self) -> str:
        return self._attempts[0].report.device

    @device.setter
    def device(self, name: str) -> None:
        for attempt in self._left:
            attempt.report.device = name


def execute_together(store: JobStore, jobs: Sequence[str], load: Load, emit: Callable[[Event], None]) -> None:
    """Give each of the jobs its result and say its `Done`. Those that other processes are at are waited for last."""
    if len(jobs) > 1:
        with ExitStack() as claims:
            attempts = [claims.enter_context(Attempt(store, job, emit)) for job in jobs]
            _run([attempt for attempt in attempts if attempt.claim(wait=False)], load)
        jobs = [job for job, attempt in zip(jobs, attempts, strict=True) if not attempt.result]
    for job in jobs:
        execute(store, job, load, emit)


def _run(attempts: list[Attempt], load: Load) -> None:
    portions: list[Asked] = [[]]
    for attempt in attempts:
        with attempt.guard():
            backend = cast(Batched, attempt.begin(load))
            portions[0].append((attempt, backend.read(attempt.request, attempt.params, attempt.report)))
    while portions:
        asked = [(attempt, read) for attempt, read in portions.pop(0) if not attempt.result]
        if not asked:
            continue
        _make(backend, asked)
        left = [(attempt, read) for attempt, read in asked if not attempt.result]
        half = (len(left) + 1) // 2
        portions[:0] = [part for part in (left[:half], left[half:]) if part]


def _each(asked: int, looked: Iterable[Any]) -> Iterator[Any]:
    """What is said of each; raises `ValueError` where it is said of fewer."""
    told = 0
    for found in looked:
        yield found
        told += 1
    if told < asked:
        raise ValueError(f"look told of {told} where {asked} were read")


def _make(backend: Batched, asked: Asked) -> None:
    """Look at all of them and make each. Where looking at several fails, those not made are left to be asked in halves:
    memory that does not do for all may do for some, and what is at fault in itself ends up alone and fails alone."""
    first, shared = asked[0][0], Shared([attempt for attempt, _ in asked])
    try:
        looked = backend.look([read for _, read in asked], first.params, shared)
        for (attempt, _), found in zip(asked, _each(len(asked), looked), strict=True):
            with attempt.guard():
                if not attempt.result:
                    backend.make(found, first.params, attempt.report)
                    attempt.done()
    except JobCancelled:  # of the last one that was left
        for attempt, _ in asked:
            with attempt.guard():
                if not attempt.result:
                    raise
    except Exception as error:
        if len(asked) > 1:
            shared.log(f"Looking at {len(asked)} at once failed ({type(error).__name__}); now at fewer.")
        elif not first.result:
            with first.guard():
                raise
        traceback.clear_frames(error.__traceback__)  # what they hold may be what filled the memory
    else:
        return
    from ..hub.device import let_go

    let_go()
