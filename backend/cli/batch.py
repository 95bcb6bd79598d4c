# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders of the command line, one or many over the same processes, and the table of many.

Of several pictures each has its own folder below the given one, named after its file, with its own `result.json`;
`batch.json` lists them all. What fails, fails alone.
"""

from __future__ import annotations

import hashlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..flow import Drive, Drives, Stage, StepFailed, Walk, walk
from ..protocol import gate
from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import Failure, JobState
from ..protocol.recipe import Recipe
from ..protocol.store import JobStore
from ..runners.runtimes import Dispatch, Runtimes
from ..version import VERSION
from ..worker.execute import explain
from . import outcome
from .progress import Printer

TABLE = "batch.json"
SCHEMA = 1


class Stopped(Exception):
    """A signal ended the run; the code is what a shell expects of that signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


@dataclass
class Order:
    """A recipe, what it is given, where its files go; and how it ended. `name` is said in progress lines."""

    recipe: Recipe
    inputs: dict[str, Path]
    out: Path
    seed: int = 0
    overwrite: bool = False
    again: str = ""
    """The step from which on everything is made anew."""
    name: str = ""
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

    def walk(self, store: JobStore, blender: str) -> Walk:
        self.started = time.time()
        return (yield from walk(self.recipe, self.inputs, store, seed=self.seed, blender=blender))

    def settle(self, store: JobStore, error: Exception | None) -> None:
        """Deliver what was finished, however the run ended, and write how that was."""
        outputs: list[dict[str, Any]] = []
        failure = _failure(error) or _fallen_short(self.stages)
        try:
            files = {role: path for stage in self.stages for role, path in store.files(stage.result).items()}
            outputs = outcome.deliver(files, self.inputs, self.out, overwrite=self.overwrite)
        except UserError as trouble:
            failure = failure or explain(trouble)
        self._end(failure, error, outputs)
        try:
            outcome.write(self.out, self.data)
        except UserError as trouble:
            sys.stderr.write(f"galatea: {trouble}\n")
            self.code = self.code or EXIT_CODES[trouble.kind]

    def refuse(self, error: Exception) -> None:
        """It cannot be begun, and its folder is not ours to write to."""
        self._end(_failure(error), error, [])

    def _end(self, failure: Failure | None, error: Exception | None, outputs: list[dict[str, Any]]) -> None:
        self.code = error.code if isinstance(error, Stopped) else EXIT_CODES[failure.kind] if failure else 0
        self.data = outcome.document(
            run=self.run, recipe=self.recipe.name, seed=self.seed, inputs=self.inputs, stages=self.stages,
            outputs=outputs, failure=failure, started=self.started or time.time(),
        )  # fmt: skip
        self.data["exit_code"] = self.code

    @property
    def files(self) -> list[str]:
        """Names of what was delivered."""
        return [item["path"] for item in self.data.get("outputs", ())]

    def row(self) -> dict[str, Any]:
        """Its line of the table."""
        state = self.data["status"] if self.data else "running" if self.started else "queued"
        return {
            "image": str(self.inputs.get("image", "")),
            "folder": self.out.name,
            "state": state,
            "exit_code": self.code,
            "outputs": self.files,
            "seconds": self.data.get("seconds", 0.0),
            "error": (self.data.get("error") or {}).get("message", ""),
        }


def _failure(error: Exception | None) -> Failure | None:
    if isinstance(error, Stopped) or (isinstance(error, StepFailed) and not error.stage.result.failure):
        return Failure("Cancelled.", "cancelled")
    if isinstance(error, StepFailed):
        return error.stage.result.failure
    return explain(error) if error else None


def _fallen_short(stages: Sequence[Stage]) -> Failure | None:
    """What a report holds against the mesh, which is delivered all the same."""
    rows = [row for stage in stages for row in stage.result.metrics.get("short") or ()]
    if not rows:
        return None
    name = next(stage.result.metrics.get("gate") for stage in stages if stage.result.metrics.get("short"))
    fixes = dict.fromkeys(row["fix"] for row in rows)
    return Failure(f"The mesh falls short of the gate {name}: {gate.short(rows)}.", "gate", " ".join(fixes))


@contextmanager
def _signals() -> Iterator[list[int]]:
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
    orders: Sequence[Order],
    store: JobStore,
    runtimes: Runtimes,
    *,
    timeout: float | None = None,
    quiet: bool = False,
    ended: Callable[[Order], None] = lambda order: None,
) -> None:
    """Settle each order, at the latest after a signal; the child processes are gone afterwards."""
    runner = Dispatch(store, runtimes, timeout=timeout)
    of: dict[Drive, Order] = {}
    for turn, order in enumerate(orders):
        printer = Printer([step.do for step in order.recipe.steps], quiet=quiet, name=order.name)
        steps = order.walk(store, runtimes.identity)
        drive = Drive(
            steps, store, runner, on_event=printer.event, on_stage=_both(order, printer), again=order.again, turn=turn
        )
        of[drive] = order

    def settle(order: Order, error: Exception | None) -> None:
        order.settle(store, error)
        ended(order)

    with _signals() as caught:
        drives, trouble = Drives(of, runner), None
        try:
            while not drives.ended and len(caught) < 2:
                now = drives.tick()
                for drive, error in now:
                    cancelled = isinstance(error, StepFailed) and error.stage.result.state is JobState.CANCELLED
                    settle(of[drive], Stopped(caught[0]) if caught and cancelled else error)
                if caught:
                    drives.cancel()
                if not now:
                    time.sleep(0.02)
        except Exception as error:  # of the processes themselves
            trouble = error
        finally:
            runner.close()
        for order in orders:
            if order.code is None:
                settle(order, Stopped(caught[0]) if caught else trouble)


def _both(order: Order, printer: Printer) -> Callable[[Stage], None]:
    def ended(stage: Stage) -> None:
        order.stages.append(stage)
        printer.stage(stage)

    return ended


def folders(images: Iterable[Path]) -> list[str]:
    """A folder's name for each picture: that of its file without the ending, and a number where that is taken.

    Two that differ in case alone are one to some systems.
    """
    taken, found = {TABLE, "result.json"}, []
    for image in images:
        stem = image.stem if image.stem.strip(". ") else "image"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        found.append(name)
    return found


class Table:
    """`batch.json`: written anew whenever a picture has ended, so that it is true even after a crash."""

    def __init__(self, out: Path, orders: Sequence[Order]) -> None:
        self._out, self._orders, self._started = out, orders, time.time()
        self.code = 0

    def prepare(self, *, overwrite: bool) -> None:
        """Make the folder; raises `UserError` where it cannot be written or holds a `batch.json` that is not ours."""
        outcome.writable(self._out)
        path = self._out / TABLE
        if path.exists() and not overwrite and not str(_loaded(path).get("producer", "")).startswith("galatea "):
            text = f"{path} is there already, and not by Galatea. Choose another --out, or add --overwrite."
            raise UserError(text, kind="usage")

    def _data(self) -> dict[str, Any]:
        rows = [order.row() for order in self._orders]
        going = any(order.code is None for order in self._orders)
        counts = {state: sum(row["state"] == state for row in rows) for state in ("done", "failed", "cancelled")}
        ended = "done" if counts["done"] == len(rows) else "cancelled" if counts["cancelled"] else "failed"
        return {
            "schema": SCHEMA,
            "producer": f"galatea {VERSION}",
            "recipe": self._orders[0].recipe.name,
            "seed": self._orders[0].seed,
            "status": "running" if going else ended,
            **counts,
            "exit_code": None if going else self.code,
            "started": self._started,
            "seconds": round(time.time() - self._started, 3),
            "images": rows,
        }

    def write(self) -> dict[str, Any]:
        """What stands there now. The code is that of the first picture, as they were given, that is not done."""
        stopped = [order.code for order in self._orders if order.data and order.data["status"] == "cancelled"]
        self.code = next((code for code in (*stopped, *(order.code for order in self._orders)) if code), 0)
        data = self._data()
        try:
            outcome.write(self._out, data, TABLE)
        except UserError as error:
            self.code = self.code or EXIT_CODES[error.kind]
            sys.stderr.write(f"galatea: {error}\n")
        return data


def _loaded(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
