# SPDX-License-Identifier: GPL-3.0-or-later
"""Errands: orders that are being carried out, one or many over the same processes. What fails, fails alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..flow import Drive, Drives, Stage, StepFailed, Walk, held_against, walk
from ..hub import lacking
from ..protocol.catalog import spec_of
from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import Failure, JobState
from ..protocol.order import Order
from ..protocol.recipe import Recipe
from ..protocol.spec import BackendSpec
from ..protocol.store import JobStore
from ..runners import Runner
from ..runners.runtimes import Dispatch, Runtimes
from ..worker.execute import explain
from . import outcome
from .progress import Tellers


class Stopped(Exception):
    """A signal ended the run; the code is what a shell expects of that signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@dataclass
class Errand:
    """A recipe, what it is given, where its files go; and how it ended. `name` is said in progress lines."""

    recipe: Recipe
    inputs: dict[str, Path]
    out: Path
    seed: int = 0
    overwrite: bool = False
    again: str = ""
    """The step from which on everything is made anew."""
    name: str = ""
    order: Order | None = None
    """What was asked for; it is kept beside the files, so that a run that was cut off can be resumed."""
    on_gpu: bool = False
    """It failed where a step that can use a graphics card was done by the processor."""
    stages: list[Stage] = field(default_factory=list)
    started: float = 0.0
    code: int | None = None
    """Of the end, None before."""
    data: dict[str, Any] = field(default_factory=dict)
    """What its result.json holds."""

    @property
    def run(self) -> str:
        """Tells one run from another, for the folder that they go to."""
        steps = [[step.do, step.params] for step in self.recipe.steps]
        identity = [self.recipe.name, steps, {role: str(path) for role, path in self.inputs.items()}, self.seed]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]

    def prepare(self) -> None:
        outcome.prepare(self.out, self.run, self.inputs, overwrite=self.overwrite)
        if self.order:
            outcome.keep(self.order.into(self.out), self.out, overwrite=self.overwrite)

    def taken(self) -> UserError | None:
        """Why `prepare` would refuse the folder for what it holds."""
        return None if self.overwrite else outcome.taken(self.out, self.run, self.order)

    def kept(self) -> dict[str, Any] | None:
        """The result.json that its folder holds of this very order, unless it is to be made anew."""
        return None if self.again else outcome.settled(self.out, self.run, self.inputs)

    def walk(self, store: JobStore, blender: str) -> Walk:
        self.started = time.time()
        return (yield from walk(self.recipe, self.inputs, store, seed=self.seed, blender=blender))

    def cached(self, store: JobStore, blender: str) -> list[Stage]:
        """What the store has of it, as far as finished results lead."""
        steps = self.walk(store, blender)
        found: list[Stage] = []
        for step in self.recipe.steps:
            request = steps.send(found[-1]) if found else next(steps)
            result = None if step.do == self.again else store.result(request.id)
            if result is None or result.state is not JobState.DONE:
                break
            found.append(Stage(step.do, result, cached=True))
        return found

    def lacking(self, store: JobStore, runtimes: Runtimes, blender: str) -> UserError | None:
        """Why a step that is to be done can never run on this machine as it is, known before the time of those before
        it is spent. What the store has is delivered all the same."""
        steps = self.recipe.steps
        wanting = {each.do: why for each in steps if (why := _wanting(spec_of(each.do), each.params, runtimes))}
        if not wanting:
            return None
        try:
            done = self.cached(store, blender)
        except UserError as error:
            return error
        found = next((wanting[each.do] for each in steps[len(done) :] if each.do in wanting), None)
        self.stages = done if found else []
        return found

    def settle(self, store: JobStore, error: Exception | None) -> None:
        """Deliver what was finished, however the run ended, and write how that was; nothing beside the files of another
        order that was begun there meanwhile."""
        if self.order and (other := outcome.given_away(self.order.into(self.out), self.out)):
            return self.refuse(error or other)
        outputs: list[dict[str, Any]] = []
        failure = _failure(error) or (_by_processor(self.stages) if self.on_gpu else None) or held_against(self.stages)
        try:
            files = {role: path for stage in self.stages for role, path in store.files(stage.result).items()}
            outputs = outcome.deliver(self.run, files, self.inputs, self.out, overwrite=self.overwrite)
        except UserError as trouble:
            failure = failure or explain(trouble)
        self._end(failure, error, outputs)
        self._write()

    def lose(self, error: Exception) -> None:
        """It was not begun, or its process is gone: nobody else will write how it ended."""
        self.refuse(error)
        self._write()

    def refuse(self, error: Exception) -> None:
        """It cannot be begun, and its folder is not ours to write to."""
        self._end(_failure(error), error, [])

    def _write(self) -> None:
        try:
            outcome.write(self.out, self.data)
        except UserError as trouble:
            sys.stderr.write(f"galatea: {trouble}\n")
            self.code = self.code or EXIT_CODES[trouble.kind]

    def _end(self, failure: Failure | None, error: Exception | None, outputs: list[dict[str, Any]]) -> None:
        self.code = error.code if isinstance(error, Stopped) else EXIT_CODES[failure.kind] if failure else 0
        self.data = outcome.document(
            run=self.run, recipe=self.recipe.name, seed=self.seed, inputs=self.inputs, stages=self.stages,
            outputs=outputs, failure=failure, started=self.started or time.time(),
        )  # fmt: skip
        self.data["exit_code"] = self.code
        self.data["order"] = self.order.into(self.out).document() if self.order else None

    @property
    def files(self) -> list[str]:
        """Names of what was delivered."""
        return [item["path"] for item in self.data.get("outputs", ())]

    @property
    def source(self) -> str:
        """What it begins with: its first file, or the words."""
        return str(next(iter(self.inputs.values()), "")) or (self.order.prompt if self.order else "")

    def row(self) -> dict[str, Any]:
        """How it ended, for the table."""
        error = self.data["error"] or {}
        told = {name: self.data[name] for name in ("exit_code", "seconds", "device", "peak_mb")}
        return {**told, "state": self.data["status"], "outputs": self.files, "error": error.get("message", "")}


def _wanting(spec: BackendSpec, params: Mapping[str, Any], runtimes: Runtimes) -> UserError | None:
    try:
        runtimes.command(spec.runtime)
    except UserError as error:
        return error
    return lacking(spec, params)


def _failure(error: Exception | None) -> Failure | None:
    if isinstance(error, Stopped) or (isinstance(error, StepFailed) and not error.stage.result.failure):
        return Failure("Cancelled.", "cancelled")
    if isinstance(error, StepFailed):
        return error.stage.result.failure
    return explain(error) if error else None


def left(out: Path, failure: Failure, code: int) -> None:
    """Write the result.json of what is no order."""
    data = outcome.document(
        run="", recipe="", seed=0, inputs={}, stages=(), outputs=(), failure=failure, started=time.time()
    )
    data |= {"exit_code": code, "order": None}
    with contextlib.suppress(UserError):
        outcome.writable(out)
        outcome.write(out, data)


def _by_processor(stages: Sequence[Stage]) -> Failure | None:
    """What a run that wants a graphics card holds against steps that could have used one."""
    slow = [stage.step for stage in stages if takes_device(stage.step) and stage.result.device == "cpu"]
    if not slow:
        return None
    return Failure(
        f"{', '.join(slow)} ran on the processor, and --require-gpu was given.", "device", no_gpu("--require-gpu")
    )


def no_gpu(said: str) -> str:
    """What to do where there is no graphics card, and these flags want one."""
    return f"Look at `galatea doctor` for what this machine has, or leave {said} out."


def takes_device(step: str) -> bool:
    """It can be told what it runs on."""
    return any(param.name == "device" and param.choices for param in spec_of(step).params)


@contextmanager
def caught_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying in the middle of a write."""
    caught: list[int] = []
    wanted = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, lambda got, frame: caught.append(got)) for number in wanted]
    except ValueError:  # not the main thread: the caller has its own way to stop us
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in zip(wanted, before, strict=True):
            # None: a handler that is not Python's, as in Blender; it cannot be put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def carry_out(
    errands: Sequence[Errand],
    store: JobStore,
    runner: Runner,
    tellers: Tellers,
    *,
    blender: str,
    ahead: int = 16,
    keep: bool = False,
    ended: Callable[[Errand], bool] = lambda errand: True,
) -> None:
    """Settle each errand, at the latest after a signal; the runner is closed afterwards, unless it is to be `kept`.

    `blender` is the identity of what runs scene steps. `ended` hears of each, and says whether to go on.
    """
    of: dict[Drive, Errand] = {}
    hopeless: list[tuple[Errand, UserError]] = []
    for turn, errand in enumerate(errands):
        lacks = errand.lacking(store, runner.runtimes, blender) if isinstance(runner, Dispatch) else None
        if lacks:
            hopeless.append((errand, lacks))
            continue
        teller = tellers.of(errand.name, [step.do for step in errand.recipe.steps])
        steps = errand.walk(store, blender)
        hears = _both(errand, teller.stage)
        drive = Drive(steps, store, runner, on_event=teller.event, on_stage=hears, again=errand.again, turn=turn)
        of[drive] = errand
    enough = False

    def settle(errand: Errand, error: Exception | None) -> None:
        nonlocal enough
        errand.settle(store, error)
        enough = not ended(errand) or enough

    with caught_signals() as caught:
        drives, trouble = Drives(of, runner, ahead=ahead), None
        try:
            for errand, lacks in hopeless:
                settle(errand, lacks)
            while not drives.ended and len(caught) < 2:
                now = drives.tick()
                for drive, error in now:
                    cancelled = isinstance(error, StepFailed) and error.stage.result.state is JobState.CANCELLED
                    settle(of[drive], Stopped(caught[0]) if caught and cancelled else error)
                if caught or enough:
                    drives.cancel()
                if not now:
                    time.sleep(0.02)
        except Exception as error:  # of the processes themselves
            trouble = error
        finally:
            if not keep or caught or trouble:
                runner.close()
        for errand in errands:
            if errand.code is None:
                settle(errand, Stopped(caught[0] if caught else signal.SIGINT) if caught or enough else trouble)


def _both(errand: Errand, told: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def ended(stage: Stage) -> None:
        errand.stages.append(stage)
        told(stage)

    return ended
