# SPDX-License-Identifier: GPL-3.0-or-later
"""One job from request to result: the one place where errors of steps are caught."""

from __future__ import annotations

import errno
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol

from ..protocol.errors import JobCancelled, UserError
from ..protocol.event import Done, Event, Progress
from ..protocol.job import Asset, Failure, JobState, Request, Result
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
    result = _wait_for_claim(store, job, emit)
    if result is None:
        try:
            result = _attempt(store, job, load, emit)
            store.publish(result)
        finally:
            store.release(job)
    emit(Done(job))
    return result


def _wait_for_claim(store: JobStore, job: str, emit: Callable[[Event], None]) -> Result | None:
    """None when the job is ours to do; its result when somebody else has done it."""
    said = False
    while True:
        result = store.result(job)
        if result:
            return result
        if store.claim(job):
            return store.result(job)
        if not said:
            emit(Progress(job, "Waiting for another process that does the same", 0.0))
            said = True
        time.sleep(0.1)


def _attempt(store: JobStore, job: str, load: Load, emit: Callable[[Event], None]) -> Result:
    started, clock = time.time(), time.monotonic()
    state, failure, report = JobState.FAILED, None, None
    assets: tuple[Asset, ...] = ()
    try:
        report = Report(store, job, emit)
        request = store.request(job)
        report.progress("Loading", 0.0)
        backend = load(request.backend)
        backend.run(request, backend.spec.fill(request.params), report)
        assets = report.assets(backend.spec.outputs)
        state = JobState.DONE
    except JobCancelled:
        state, failure = JobState.CANCELLED, Failure("Cancelled.", "cancelled")
    except Exception as error:  # the one place: anything that a step raises ends here
        failure = explain(error)
    if report and state is not JobState.DONE:
        report.discard()
    return Result(
        job,
        state,
        assets,
        failure,
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        metrics=report.metrics if report else {},
        warnings=tuple(report.warnings) if report else (),
        versions=versions(),
        peak_mb=peak_mb(),
        device=report.device if report else "cpu",
    )


def explain(error: Exception) -> Failure:
    """The failure that a person can act upon."""
    if isinstance(error, UserError):
        return Failure(str(error), error.kind, error.hint)
    trace = "".join(traceback.format_exception(error))
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or os.strerror(errno.ENOSPC) in str(error):  # Blender's operators say it in words
        where = getattr(error, "filename", None) or "the data folder"
        return Failure(
            f"The disk is full ({where}). Free some space or choose another data folder.", "output", "", trace
        )
    if isinstance(error, PermissionError):
        return Failure(f"Cannot write {error.filename}. Check its permissions.", "output", "", trace)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the other one is torch's
        return Failure("Not enough memory. Choose a lower quality.", "device", "", trace)
    hint = "Run it again; if it fails again, report it with the trace."
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
