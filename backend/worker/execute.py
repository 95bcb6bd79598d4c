# SPDX-License-Identifier: GPL-3.0-or-later
"""One job from request to result: the one place where errors of steps are caught."""

from __future__ import annotations

import errno
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from ..protocol import own
from ..protocol.catalog import written
from ..protocol.errors import JobCancelled, UserError
from ..protocol.event import Done, Event, Progress
from ..protocol.job import Asset, Failure, JobState, Request, Result
from ..protocol.provenance import makers
from ..protocol.spec import BackendSpec
from ..protocol.store import JobStore
from .report import Report


class Backend(Protocol):
    """A step that can run: it loads what it needs in `__init__` and is kept warm between jobs."""

    spec: BackendSpec

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None: ...


Load = Callable[[str], Backend]


def execute(store: JobStore, job: str, load: Load, emit: Callable[[Event], None]) -> Result:
    """Run the job unless it has a result; always publish one and say `Done`. Never raises for a step's trouble."""
    with Attempt(store, job, emit) as attempt:
        if attempt.claim(wait=True):
            with attempt.guard():
                backend = attempt.begin(load)
                backend.run(attempt.request, attempt.params, attempt.report)
                attempt.done()
    assert attempt.result
    return attempt.result


class Attempt:
    """One job in this process: who has it, and how it ends. `result` is there as soon as it has ended."""

    def __init__(self, store: JobStore, job: str, emit: Callable[[Event], None]) -> None:
        self._store, self._job, self._emit = store, job, emit
        self._started, self._clock = time.time(), time.monotonic()
        self._claimed = False
        self.result: Result | None = None

    def __enter__(self) -> Attempt:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._claimed:
            self._store.release(self._job)

    def claim(self, *, wait: bool) -> bool:
        """True when the job is ours to do. `wait` until whoever has it has done it."""
        said = False
        while not (self._claimed or self._found()):
            self._claimed = self._store.claim(self._job)
            if self._claimed or not wait:
                break
            if not said:
                self._emit(Progress(self._job, "Waiting for another process that does the same", 0.0))
                said = True
            time.sleep(0.1)
        return self._claimed and not self._found()

    def _found(self) -> bool:
        """It has a result already."""
        if not self.result:
            self.result = self._store.result(self._job)
            if self.result:
                self._emit(Done(self._job))
        return self.result is not None

    def begin(self, load: Load) -> Backend:
        """What the step is to be given, and the step."""
        self._started, self._clock = time.time(), time.monotonic()
        self.report = Report(self._store, self._job, self._emit)
        self.request = self._store.request(self._job)
        self.report.progress("Loading", 0.0)
        self._backend = load(self.request.backend)
        self.params = self._backend.spec.fill(self.request.params)
        return self._backend

    @contextmanager
    def guard(self) -> Iterator[None]:
        """The one place where errors of steps are caught: anything that is raised in it ends this job, and only it."""
        try:
            yield
        except JobCancelled:
            self._end(JobState.CANCELLED, failure=Failure("Cancelled.", "cancelled"))
        except (Exception, SystemExit) as error:  # the process is ours to end, not a step's
            request: Request | None = getattr(self, "request", None)
            failure = explain(error, request.backend if request else "")
            hint = " ".join(filter(None, (failure.hint, self._before(failure))))
            self._end(JobState.FAILED, failure=replace(failure, hint=hint))

    def _before(self, failure: Failure) -> str:
        """Of a step of ours that does not like what it was given: the user's own step that this came from; of what ours
        did not foresee, that it went through."""
        request: Request | None = getattr(self, "request", None)
        if failure.kind not in ("input", "backend") or not request or written(request.backend):
            return ""
        before = [written(step) for step in makers(self._store, request)]
        mine = [each for each in (before if failure.kind == "backend" else before[-1:]) if each]
        return f"What it was given came through {mine[-1].path}: look there first." if mine else ""

    def done(self) -> None:
        self._end(JobState.DONE, self.report.assets(self._backend.spec.outputs))

    def _end(self, state: JobState, assets: tuple[Asset, ...] = (), failure: Failure | None = None) -> None:
        report: Report | None = getattr(self, "report", None)
        if report and failure:
            report.discard()
        self.result = Result(
            self._job,
            state,
            assets,
            failure,
            started=self._started,
            seconds=round(time.monotonic() - self._clock, 3),
            metrics=report.metrics if report else {},
            warnings=tuple(report.warnings) if report else (),
            versions=versions(),
            peak_mb=peak_mb(),
            device=report.device if report else "cpu",
        )
        self._store.publish(self.result)
        self._store.release(self._job)
        self._claimed = False
        self._emit(Done(self._job))


def explain(error: BaseException, step: str = "") -> Failure:
    """The failure that a person can act upon; of a step of the user's own it says where to mend that."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [each for each in frames if Path(each.filename).parent == own.folder()]
    place = f"{mine[-1].filename}, line {mine[-1].lineno}: {mine[-1].line}" if mine else ""
    if isinstance(error, UserError):
        asked = place and mine[-1] is not frames[-1]  # else the step refuses something itself
        return Failure(str(error), error.kind, error.hint or (f"Asked for in {place}" if asked else ""))
    trace = "".join(traceback.format_exception(error))
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or os.strerror(errno.ENOSPC) in str(error):  # Blender's operators say it in words
        where = getattr(error, "filename", None) or "the data folder"
        text = f"The disk is full ({where}). Free some space, as by `galatea jobs prune`, or choose another data folder"
        return Failure(f"{text} (GALATEA_HOME).", "output", "", trace)
    if isinstance(error, PermissionError):
        return Failure(f"Cannot write {error.filename}. Check its permissions.", "output", "", trace)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the other one is torch's
        return Failure("Not enough memory. Choose a lower quality.", "device", "", trace)
    script = written(step)
    hint = "Run it again; if it fails again, send what F3 and Save a Report, or `galatea doctor --bundle F.zip`, packs."
    if place:
        hint = f"Mend it in {place}"
    elif script:
        hint = f"Mend it in {script.path}."
    return Failure(f"{type(error).__name__}: {error}", "backend", hint, trace)


def versions() -> dict[str, str]:
    """Of what is loaded in this process; nothing is imported to find out."""
    found = {"python": platform.python_version()}
    for name in ("bpy", "numpy", "torch", "onnxruntime"):
        module = sys.modules.get(name)
        if module:
            app = getattr(module, "app", None)
            found[name] = str(getattr(app, "version_string", None) or getattr(module, "__version__", "?"))
    return found


def peak_mb() -> float:
    """Peak resident memory of this process in MB, 0 where it cannot be told."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)
