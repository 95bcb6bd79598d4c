# SPDX-License-Identifier: GPL-3.0-or-later
"""From a recipe to its files. The window's timer and the command line drive the same generator."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .protocol.catalog import spec_of
from .protocol.errors import UserError
from .protocol.event import Done, Event
from .protocol.job import Failure, JobState, Request, Result
from .protocol.recipe import Recipe
from .protocol.store import JobStore
from .runners import Runner


@dataclass(frozen=True)
class Stage:
    """A step that has ended. `cached` says that its result was there before."""

    step: str
    result: Result
    cached: bool


class StepFailed(Exception):
    """A step ended without what the next one needs; the stage says why."""

    def __init__(self, stage: Stage) -> None:
        failure = stage.result.failure
        super().__init__(f"{stage.step}: {failure.message if failure else 'cancelled'}")
        self.stage = stage


Walk = Generator[Request, Stage, dict[str, Path]]


def walk(recipe: Recipe, inputs: Mapping[str, Path], store: JobStore, *, seed: int = 0, blender: str = "") -> Walk:
    """Yield each request, receive the stage that it became, end with the files by role.

    `blender` names the Blender that runs the scene steps (`Runtimes.identity`): another one makes another result.

    Each step takes the files of the roles that it declares, from the user or from an earlier step.
    """
    files = {role: Path(path) for role, path in inputs.items()}
    for step in recipe.steps:
        spec = spec_of(step.do)
        roles = [role for role in spec.inputs + spec.optional if role in files]
        program = blender if spec.runtime == "blender" else ""
        given = {role: files[role] for role in roles}
        stage = yield Request.of(spec, given, step.params, seed=seed, program=program)
        if stage.result.state is not JobState.DONE:
            raise StepFailed(stage)
        files.update(store.files(stage.result))
    return files


class Drive:
    """Pushes a walk forward, one look at a time; `tick` never blocks.

    `on_event(step, event)` sees the events of the running job, `on_stage(stage)` each step that has ended.
    """

    def __init__(
        self,
        walk: Walk,
        store: JobStore,
        runner: Runner,
        *,
        on_event: Callable[[str, Event], None] = lambda step, event: None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
        cached: bool = True,
    ) -> None:
        self._walk, self._store, self._runner = walk, store, runner
        self._on_event, self._on_stage, self._use_cache = on_event, on_stage, cached
        self._request: Request | None = None
        self._begun = self._cancelled = False
        self.stages: list[Stage] = []
        self.files: dict[str, Path] | None = None

    @property
    def current(self) -> Request | None:
        return self._request

    def tick(self) -> bool:
        """True when the walk has ended, with `files` set; raises what ends it otherwise."""
        if not self._begun:
            self._begun = True
            if self._advance(None):
                return True
        for event in self._runner.poll():
            request = self._request
            if not request or event.job != request.id:
                continue
            self._on_event(request.backend, event)
            if isinstance(event, Done):
                result = self._store.result(request.id)
                if result is None and self._cancelled:
                    result = Result(request.id, JobState.CANCELLED, failure=Failure("Cancelled.", "cancelled"))
                if result is None:
                    message = f"No result could be written to {self._store.root}. Free some space and run again."
                    raise UserError(message, kind="output")
                if self._advance(Stage(request.backend, result, cached=False)):
                    return True
        return False

    def cancel(self) -> None:
        """Stop the running step; `tick` raises `StepFailed` with its cancelled stage when it has stopped."""
        if self._request:
            self._cancelled = True
            self._runner.cancel(self._request.id)

    def _advance(self, stage: Stage | None) -> bool:
        """Hand the stage to the walk and submit what it asks next; answers from the store cost no process."""
        while True:
            if stage:
                self.stages.append(stage)
                self._on_stage(stage)
            self._request = None
            try:
                request = self._walk.send(stage) if stage else next(self._walk)
            except StopIteration as end:
                self.files = end.value
                return True
            found = self._store.result(request.id) if self._use_cache else None
            if found and found.state is JobState.DONE:
                stage = Stage(request.backend, found, cached=True)
                continue
            if not self._use_cache:
                self._store.forget(request.id)
            self._request = request
            self._runner.submit(request)
            return False


def drive(drive: Drive, *, pause: float = 0.02) -> dict[str, Path]:
    """Run a walk to its end, blocking. For the command line; the window calls `tick` from a timer."""
    while not drive.tick():
        time.sleep(pause)
    assert drive.files is not None
    return drive.files
