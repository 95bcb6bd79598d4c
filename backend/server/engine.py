# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that does the jobs: it alone drives steps, and no request waits for it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..flow import Drive, Drives, Stage, StepFailed, Walk, walk
from ..protocol.event import Event, Log, Progress
from ..protocol.job import Failure, JobState, Request
from ..protocol.store import JobStore
from ..runners.runtimes import Dispatch
from ..worker.execute import explain
from .delivery import deliver
from .jobs import Job, Ledger
from .limits import Limits
from .storage import Storage
from .tasks import Desk

_log = logging.getLogger("galatea.server")
PAUSE, REST = 0.02, 0.5
"""s between two looks while something runs, and while nothing does."""
AGAIN = 3
"""So often a job goes on after somebody else stopped its step."""


def one(request: Request, store: JobStore) -> Generator[Request, Stage, dict[str, Path]]:
    """The walk of a single step."""
    stage = yield request
    if stage.result.state is not JobState.DONE:
        raise StepFailed(stage)
    return store.files(stage.result)


class Engine(threading.Thread):
    """Begins what is queued, hears what runs, delivers what has ended. `done` is set when it has drained."""

    def __init__(
        self,
        ledger: Ledger,
        desk: Desk,
        store: JobStore,
        runner: Dispatch,
        storage: Storage,
        limits: Limits,
        *,
        on_end: Callable[[Job], None] = lambda job: None,
        sweep: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(name="engine", daemon=True)
        self._ledger, self._desk, self._store, self._runner = ledger, desk, store, runner
        self._storage, self._limits, self._on_end, self._sweep = storage, limits, on_end, sweep
        self._drives = Drives([], runner, ahead=limits.at_once)
        self._jobs: dict[Drive, Job] = {}
        self._stages: dict[str, list[Stage]] = {}
        self._again: Counter[str] = Counter()
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._delivering: dict[str, Future[dict[str, Any]]] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="deliver")
        self._until: float | None = None
        self._swept = time.monotonic()
        self.beat = time.monotonic()
        self.done = threading.Event()

    # what others ask: none of it waits

    def wake(self) -> None:
        """There is something new."""
        self._asked.put("")

    def cancel(self, job: Job) -> None:
        (job.folder / "cancel").touch()
        self._asked.put(job.id)

    def drain(self, seconds: float) -> None:
        """Begin nothing more; what runs may go on for so long and is then left for the next start."""
        self._until = time.monotonic() + seconds
        self.wake()

    @property
    def draining(self) -> bool:
        return self._until is not None

    @property
    def well(self) -> bool:
        """It is not stuck."""
        return self.is_alive() and time.monotonic() - self.beat < 30

    def using(self) -> set[str]:
        """The steps of what is under way. For this thread."""
        return {stage.result.job for stages in self._stages.values() for stage in stages}

    def run(self) -> None:
        try:
            while not self._drained():
                self._listen()
                try:
                    self._look()
                except Exception:  # of the processes themselves; the jobs are on the disk, the next look may work
                    _log.exception("the engine stumbled")
                    time.sleep(1.0)
                self.beat = time.monotonic()
        finally:
            try:
                self._runner.close()
                self._pool.shutdown(wait=True)
                self._collect()
            except Exception:  # whoever waits for the end does not care how
                _log.exception("the engine stumbled at its end")
            self.done.set()

    def _drained(self) -> bool:
        if self._until is None:
            return False
        return not (self._jobs or self._delivering) or time.monotonic() > self._until

    def _listen(self) -> None:
        """Take what was asked, at once where nothing runs."""
        wait = PAUSE if self._jobs or self._delivering else REST
        try:
            while True:
                id = self._asked.get(timeout=wait)
                wait = 0.0
                job = self._ledger.get(id) if id else None
                if job and not job.ended and id not in self._delivering:
                    self._stop(job)
        except queue.Empty:
            return

    def _look(self) -> None:
        self._begin()
        for drive, error in self._drives.tick():
            self._settle(drive, error)
        self._collect()
        if time.monotonic() - self._swept > 600:
            self._swept = time.monotonic()
            self._sweep()

    def _begin(self) -> None:
        """Of those that wait: by priority, then those of whom fewest run, then as they came."""
        if self.draining or len(self._jobs) >= self._limits.at_once:
            return
        running = {job.id for job in self._jobs.values()} | set(self._delivering)
        waiting = [job for job in self._ledger.open() if job.id not in running]
        shares = Counter(job.user for job in self._jobs.values())
        while waiting and len(self._jobs) < self._limits.at_once:
            job = min(waiting, key=lambda job: (job.priority, shares[job.user], job.created))
            waiting.remove(job)
            if job.cancelled:
                self._finish(job, Failure("Cancelled.", "cancelled"))
                continue
            shares[job.user] += 1
            self._start(job)

    def _start(self, job: Job) -> None:
        self._stages[job.id] = []
        job.running, job.index, job.fraction, job.phase = True, 0, 0.0, "Starting"

        def event(step: str, told: Event) -> None:
            if isinstance(told, Progress) and job.move(step, told.phase, told.fraction):
                self._ledger.heard(job)
            elif isinstance(told, Log):
                job.say("log", step=step, text=told.text[:1000])
                self._ledger.heard(job)

        def stage(told: Stage) -> None:
            self._stages[job.id].append(told)
            job.index, job.fraction = len(self._stages[job.id]), 0.0
            job.step, job.phase = "", "Waiting for its turn"  # until the next one says something
            result = told.result
            job.say("stage", step=told.step, state=str(result.state), cached=told.cached, seconds=result.seconds)
            self._ledger.heard(job)

        try:
            drive = Drive(self._walk(job), self._store, self._runner, on_event=event, on_stage=stage, turn=job.priority)
        except Exception as error:  # what it was planned with is there no more
            self._finish(job, explain(error))
            return
        self._jobs[drive] = job
        self._drives.add(drive)
        job.say("running")
        self._ledger.heard(job)

    def _walk(self, job: Job) -> Walk:
        if job.kind == "step":
            return one(self._desk.request(job.document), self._store)
        recipe, inputs = self._desk.plan(self._desk.order(job.document))
        return walk(recipe, inputs, self._store, seed=job.document["seed"], blender=self._runner.blender)

    def _stop(self, job: Job) -> None:
        drive = next((drive for drive, each in self._jobs.items() if each is job), None)
        if drive:
            self._drives.drop(drive)
            del self._jobs[drive]
        self._finish(job, Failure("Cancelled.", "cancelled"))

    def _settle(self, drive: Drive, error: Exception | None) -> None:
        job = self._jobs.pop(drive, None)
        if job is None:
            return
        failure = explain(error) if error and not isinstance(error, StepFailed) else None
        if isinstance(error, StepFailed):
            failure = error.stage.result.failure or Failure("Cancelled.", "cancelled")
            self._again[job.id] += 1
            if failure.kind == "cancelled" and not job.cancelled and self._again[job.id] <= AGAIN:
                job.running = False  # another job, or another program, stopped the step that both had asked for
                return
        self._finish(job, failure)

    def _finish(self, job: Job, failure: Failure | None) -> None:
        stages = self._stages.setdefault(job.id, [])
        job.running, job.phase = True, "Delivering"
        self._delivering[job.id] = self._pool.submit(deliver, job, stages, failure, self._store, self._storage)

    def _collect(self) -> None:
        """Publish what was delivered. What cannot be written now is tried again."""
        for id, future in list(self._delivering.items()):
            job = self._ledger.get(id)
            if not future.done() or job is None:
                continue
            del self._delivering[id]
            self._again.pop(id, None)
            self._stages.pop(id, None)
            try:
                job.end(future.result())
            except OSError as error:
                _log.error("the end of %s cannot be written: %s", id, error)
                job.running = False
                time.sleep(0.5)
                continue
            self._ledger.close(job)
            self._on_end(job)
            self._ledger.heard(job)
