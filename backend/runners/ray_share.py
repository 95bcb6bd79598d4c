# SPDX-License-Identifier: GPL-3.0-or-later
"""One film on many machines: shared out in parts where places of work would else stand idle, and put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..protocol import parts
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.event import Event, Log, Progress
from ..protocol.job import Failure, JobState
from .ray_hand import Task

if TYPE_CHECKING:
    from .ray import RayRunner

_SHARE = 0.9
"""Of the whole film's progress."""


class Shares:
    def __init__(self, runner: RayRunner, program: str) -> None:
        self._runner, self._program = runner, program

    def share_out(self, task: Task, free: int, waiting: int) -> bool:
        """True where the job is done in parts from now on."""
        spec = spec_of(task.request.backend)
        if waiting > 1 or free < 2 or task.shared_out or task.whole or not parts.divisible(spec, task.request):
            return False
        task.shared_out = True
        try:
            asked = parts.requests(spec, task.request, free, program=self._program)
            for request in asked:
                self._runner.store.add(request)
        except UserError:
            return False  # whoever does the whole says what is wrong
        for request in asked:
            task.parts[request.id] = 0.0
            self._runner.add(Task(request, task.turn, task.needs, whole=task))
        return True

    def heard(self, task: Task, event: Progress | Log) -> list[Event]:
        """What the asker is told."""
        whole = task.whole
        if not whole:
            return [event]
        if isinstance(event, Log):
            return [Log(whole.job, event.text)]
        whole.parts[task.job] = event.fraction
        done = sum(whole.parts.values()) / len(whole.parts)
        return [Progress(whole.job, f"Rendering on {len(whole.parts)} machines", _SHARE * done)]

    def cancel(self, task: Task, gently: bool) -> None:
        for job in list(task.parts):
            self._runner.cancel(job, gently=gently)

    def ended(self, task: Task) -> bool:
        """True for a part, of which nobody else needs to know."""
        whole = task.whole
        if not whole:
            return False
        if task.job not in whole.parts:
            return True
        result = self._runner.store.result(task.job)
        if result and result.state is JobState.DONE:
            whole.parts[task.job] = 1.0
            if all(self._over(job) for job in whole.parts):
                for job in whole.parts:  # on a shared disk another may be over that has not been heard of yet
                    parts.gather(self._runner.store, whole.job, job)
                whole.parts = {}
            return True
        failure = result.failure if result else None
        others, whole.parts = list(whole.parts), {}
        for job in others:
            if job != task.job:
                self._runner.cancel(job)
        self._runner.finish(whole, failure or Failure("Cancelled.", "cancelled"))
        return True

    def _over(self, job: str) -> bool:
        result = self._runner.store.result(job)
        return bool(result and result.state is JobState.DONE)
