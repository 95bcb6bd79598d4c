# SPDX-License-Identifier: GPL-3.0-or-later
"""From a recipe to its files. The window's timer and the command line drive the same generator."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .protocol import gate, policy
from .protocol.catalog import spec_of
from .protocol.errors import UserError
from .protocol.event import Done, Event
from .protocol.job import Failure, JobState, Request, Result, prove_file
from .protocol.recipe import Recipe
from .protocol.store import JobStore
from .runners import Runner

INTERNAL = ("mesh", "albedo")
"""Roles that only the next step reads; of a recipe all others are delivered."""


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

    Each step takes the files of the roles that it declares, from the user or from an earlier step. A recipe that the
    policy does not allow is not begun, nor one whose file, of a parameter too, is gone: the time of the steps before
    would be lost.
    """
    policy.current().check(recipe)
    files = {role: Path(path) for role, path in inputs.items()}
    for path in files.values():
        prove_file(path)
    for step in recipe.steps:
        spec = spec_of(step.do)
        spec.files(spec.fill(step.params))
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

    `on_event(step, event)` sees the events of the running job, `on_stage(stage)` each step that has ended. From the
    step `again` on nothing is taken from the store: it is made anew, and its result replaces the one that is there. Of
    several over one runner those with a lower `turn` go first.
    """

    def __init__(
        self,
        walk: Walk,
        store: JobStore,
        runner: Runner,
        *,
        on_event: Callable[[str, Event], None] = lambda step, event: None,
        on_stage: Callable[[Stage], None] = lambda stage: None,
        again: str = "",
        turn: int = 0,
    ) -> None:
        self._walk, self._store, self._runner = walk, store, runner
        self._on_event, self._on_stage, self._again, self._turn = on_event, on_stage, again, turn
        self._request: Request | None = None
        self._begun = self._cancelled = self._anew = False
        self.stages: list[Stage] = []
        self.files: dict[str, Path] | None = None

    @property
    def current(self) -> Request | None:
        """What runs, or waits for its turn."""
        return self._request

    def tick(self) -> bool:
        """True when the walk has ended, with `files` set; raises what ends it otherwise."""
        return self.begin() or self.hear(self._runner.poll())

    def begin(self) -> bool:
        """Ask for the first step, once. True when the store had all of them."""
        if self._begun:
            return False
        self._begun = True
        return self._advance(None)

    def hear(self, events: Iterable[Event]) -> bool:
        """As `tick`, of what the runner said; events of the jobs of others mean nothing here."""
        for event in events:
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

    def cancel(self, *, gently: bool = False) -> None:
        """Stop the running step, `gently` at a place where nothing is lost, such as the end of a frame.

        `tick` raises `StepFailed` with its cancelled stage when it has stopped.
        """
        if self._request:
            self._cancelled = True
            self._runner.cancel(self._request.id, gently=gently)

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
            self._anew = self._anew or request.backend == self._again
            found = None if self._anew else self._store.result(request.id)
            if found and found.state is JobState.DONE:
                stage = Stage(request.backend, found, cached=True)
                continue
            if self._anew:
                self._store.forget(request.id)
            self._request = request
            self._runner.submit(request, turn=self._turn)
            return False


class Drives:
    """Several walks over one runner: asked once, and each walk hears what it said.

    Where their steps run in different programs they run at the same time: Blender bakes the first picture while the
    model works on the second. At most `ahead` are under way, so that of very many the first are done before the last
    have begun, and yet enough wait for a step that takes several at once.
    """

    def __init__(self, drives: Iterable[Drive], runner: Runner, *, ahead: int = 16) -> None:
        self._waiting, self._runner, self._ahead = deque(drives), runner, ahead
        self._live: list[Drive] = []

    @property
    def ended(self) -> bool:
        return not (self._waiting or self._live)

    def add(self, drive: Drive) -> None:
        """One more, behind those that wait."""
        self._waiting.append(drive)

    def drop(self, drive: Drive) -> None:
        """Hear no more of it. Its step is stopped, unless another one waits for the same."""
        wanted = {other.current.id for other in self._live if other is not drive and other.current}
        if drive in self._live and drive.current and drive.current.id not in wanted:
            drive.cancel()
        self._live = [other for other in self._live if other is not drive]
        self._waiting = deque(other for other in self._waiting if other is not drive)

    def tick(self) -> list[tuple[Drive, Exception | None]]:
        """Those that ended, each with what ended it before its files were there. None of them stops the others."""
        ended = self._push(self._live, lambda drive: drive.hear(events)) if (events := self._runner.poll()) else []
        if self._waiting and len(self._live) < self._ahead:
            ended += self._push([self._waiting.popleft()], Drive.begin)
        return ended

    def _push(self, drives: list[Drive], push: Callable[[Drive], bool]) -> list[tuple[Drive, Exception | None]]:
        ended: list[tuple[Drive, Exception | None]] = []
        going = []
        for drive in drives:
            try:
                if push(drive):
                    ended.append((drive, None))
                else:
                    going.append(drive)
            except Exception as error:  # whatever it is, it is this one's trouble
                ended.append((drive, error))
        self._live = [drive for drive in self._live if drive not in drives] + going
        return ended

    def cancel(self) -> None:
        """Begin no more, stop what runs. To be called until all have ended, for a step may just have gone over."""
        self._waiting.clear()
        for drive in self._live:
            drive.cancel()


def held_against(stages: Sequence[Stage]) -> Failure | None:
    """What a report, or a studio's rules, hold against the mesh, which is delivered all the same."""
    rows = [row for stage in stages for row in stage.result.metrics.get("short") or ()]
    findings = [each for stage in stages for each in stage.result.metrics.get("findings") or ()]
    broken = {each["rule"]: each["fix"] for each in findings if each["state"] == "fail"}
    if broken and not rows:
        mended = " ".join(dict.fromkeys(filter(None, broken.values())))
        return Failure(f"The asset breaks rules: {', '.join(broken)}.", "studio", mended)
    if not rows:
        return None
    name = next(stage.result.metrics.get("gate") for stage in stages if stage.result.metrics.get("short"))
    fixes = dict.fromkeys(row["fix"] for row in rows)
    return Failure(f"The mesh falls short of the gate {name}: {gate.short(rows)}.", "gate", " ".join(fixes))


def drive(drive: Drive) -> dict[str, Path]:
    """Run a walk to its end, blocking. For the command line; the window calls `tick` from a timer."""
    while not drive.tick():
        time.sleep(0.02)
    assert drive.files is not None
    return drive.files
