# SPDX-License-Identifier: GPL-3.0-or-later
"""Run on a Ray cluster: jobs go to places of work (`ray_place`), which Ray puts where there is room.

A place is an actor with warm child processes. It does one job at a time, gets the next one of a recipe if it made the
one before, is made anew after `RECYCLE` jobs, and made anew elsewhere when its machine is lost: its job is then done
again under the same id, and of two results the first counts. Where a machine does not see our folder of jobs, files go
through Ray (`ray_parcel`).
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..protocol.catalog import spec_of
from ..protocol.event import Done, Event, Log, Progress, decode
from ..protocol.job import Failure, JobState, Request, Result
from ..protocol.place import data_folder
from ..protocol.store import JobStore
from . import Runner, ray_cluster
from .apart import Apart
from .ray_hand import Hand, Task, alike, best
from .ray_share import Shares
from .runtimes import START, Runtimes

RECYCLE = 100
"""Jobs after which a place of work is made anew."""
LOSSES = 5
"""So many machines may be lost under one job, or places fail to open in a row, before that is given up."""
PAUSE, LONGEST = 1.0, 60.0
"""s after which a machine that could not work is tried again while others do, twice as many each time."""
_LOOK = 0.05
_CLOSE_SECONDS = 8.0
_WAIT_SECONDS = 3.0
"""After so long without a place of work a job says that it waits for one."""
_PASSED = ("GALATEA_COMMERCIAL", "GALATEA_TERRITORY", "GALATEA_OFFLINE")
"""What is said here of what may be used counts over there."""


def make(
    store: JobStore,
    runtimes: Runtimes,
    *,
    address: str = "",
    workers: int = 0,
    timeout: float | None = None,
    transport: str = "auto",
    recycle: int = RECYCLE,
) -> Runner:
    """A runner over the Ray at this address, or over one of its own; raises `UserError` where Ray is not installed.

    `workers` is how many jobs are done at once, 0 what suits the machines. `timeout` in seconds ends a step. Files
    travel by the folder of jobs where a machine sees it (`auto`), or always through Ray (`objects`).
    """
    ray_cluster.check()
    return Apart(
        store,
        lambda: RayRunner(store, runtimes, address, workers, timeout, transport, recycle),
        name="ray",
    )  # fmt: skip


class RayRunner:
    """Its methods may wait for Ray; `make` puts it into a thread of its own."""

    def __init__(
        self, store: JobStore, runtimes: Runtimes, address: str = "", workers: int = 0, timeout: float | None = None,
        transport: str = "auto", recycle: int = RECYCLE,
    ) -> None:  # fmt: skip
        from ..version import VERSION

        self.store, self._workers, self._recycle = store, workers, recycle
        self.ray = ray_cluster.connect(address, workers)
        self._probe = "" if transport == "objects" else f".probe-{uuid.uuid4().hex}"
        if self._probe:
            store.root.mkdir(parents=True, exist_ok=True)
            (store.root / self._probe).write_text(self._probe, encoding="utf-8")
        self._offer = {
            "store": str(store.root.resolve()),
            "probe": self._probe,
            "home": str(data_folder()),
            "start": str(START),
            "version": VERSION,
            "timeout": timeout,
            "environment": {name: os.environ[name] for name in _PASSED if name in os.environ},
            "runtimes": asdict(runtimes),
        }
        self._hands: list[Hand] = []
        self._tasks: dict[str, Task] = {}
        """Jobs that have not ended, in the order in which they came."""
        self._shares = Shares(self, runtimes.identity)
        self._asked: dict[Any, tuple[Hand, Callable[[Any], None]]] = {}
        self._events: list[Event] = []
        self._failures = 0
        self._pause, self._rests = 0.0, 0.0
        """Since a place could not work; no further one is opened for what others can do until then."""
        self._machines, self._known = ray_cluster.machines(self.ray), time.monotonic()

    def submit(self, request: Request, *, turn: int = 0) -> None:
        wants = ray_cluster.needs(spec_of(request.backend), request, self._machines)
        self._tasks.setdefault(request.id, Task(request, turn, wants))

    def cancel(self, job: str, *, gently: bool = False) -> None:
        task = self._tasks.get(job)
        if not task:
            return
        task.cancelled = True
        self._shares.cancel(task, gently)
        if task.hand and task.sent:
            task.hand.tell("cancel", job, gently)
        elif not task.hand and not task.parts:
            self.finish(task, Failure("Cancelled.", "cancelled"))

    def poll(self) -> list[Event]:
        self._hear()
        self._place()
        for task in list(self._tasks.values()):
            if task.settles and time.monotonic() >= task.settles:
                self.ended(task)
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        for task in list(self._tasks.values()):
            task.cancelled = True
        closing = [closed for hand in self._hands if (closed := hand.end())]
        if closing:
            self.ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS)
        for hand in self._hands:
            hand.kill()
        for task in list(self._tasks.values()):
            self.finish(task, Failure("Cancelled.", "cancelled"))
        if self._probe:
            for path in self.store.root.glob(f"{self._probe}*"):
                path.unlink(missing_ok=True)
        ray_cluster.disconnect(self.ray)

    def ask(self, hand: Hand, reference: Any, then: Callable[[Any], None]) -> None:
        """Hear what becomes of a call; where its machine is gone, `hand` is lost."""
        self._asked[reference] = (hand, then)

    def _hear(self) -> None:
        if not self._asked:
            return
        ready, _ = self.ray.wait(list(self._asked), num_returns=1, timeout=_LOOK)
        if ready:
            ready, _ = self.ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
        for reference in ready:
            hand, then = self._asked.pop(reference, (None, None))
            if not hand or not then or hand.gone:
                continue
            try:
                said = self.ray.get(reference)
            except self.ray.exceptions.RayTaskError as error:  # raised over there: the job's trouble, if it has one
                hand.troubled(error)
                continue
            except self.ray.exceptions.RayError as error:
                self.lost(hand, error)
                continue
            then(said)

    def said(self, lines: list[str]) -> None:
        """By a place of work."""
        for event in map(decode, lines):
            task = self._tasks.get(event.job)
            if task and isinstance(event, Done):
                task.hand.collect(task) if task.hand else self.ended(task)
            elif task and isinstance(event, Progress | Log):
                self._events += self._shares.heard(task, event)

    def opened(self, hand: Hand, said: dict[str, Any]) -> None:
        """A place of work says what it is."""
        if not said["trouble"]:
            self._failures, self._pause, hand.ready, hand.shared = 0, 0.0, True, said["shared"]
            hand.look()
            return
        hand.kill()
        self._hands.remove(hand)
        failure = Failure(f"A machine of the cluster cannot work ({said['host']}): {said['trouble']}", "environment")
        self._fail_to_open(failure)

    def lost(self, hand: Hand, error: Exception) -> None:
        """Its machine, or its process, is gone: what it had in hand is done elsewhere."""
        if hand.gone:
            return
        hand.kill()
        self._hands.remove(hand)
        if not hand.ready:
            why = (str(error).strip().splitlines() or ["no reason given"])[0]
            self._fail_to_open(Failure(f"Ray opens no place of work: {why}", "environment", "Look at `ray status`."))
        for task in hand.tasks:
            task.release()
            if task.cancelled:
                self.finish(task, Failure("Cancelled.", "cancelled"))
            elif task.losses >= LOSSES:
                text = f"{task.losses} machines were lost under this job. Run it again."
                self.finish(task, Failure(text, "backend", "Too little memory on them is the usual reason."))
            elif (result := self.store.result(task.job)) and _by_runner(
                result
            ):  # its process was killed with all there
                (self.store.folder(task.job) / "result.json").unlink(missing_ok=True)
            if task.job in self._tasks:
                self._events += self._shares.heard(task, Log(task.job, "A machine was lost; the job goes to another."))

    def _fail_to_open(self, failure: Failure) -> None:
        self._failures += 1
        self._pause = min(2 * self._pause, LONGEST) or PAUSE
        self._rests = time.monotonic() + self._pause
        if self._failures >= LOSSES:
            self._failures = 0
            for task in [task for task in self._tasks.values() if not task.hand and not task.parts]:
                if not any(hand.ready and task.needs.covered_by(hand.has) for hand in self._hands):
                    self.finish(task, failure)

    def ended(self, task: Task) -> None:
        """The job has its result, or never will."""
        result = self.store.result(task.job)
        if result and _by_runner(result) and task.hand and not task.settles:
            task.settles = time.monotonic() + 2.0  # the process was killed: by itself, or did all of the machine go?
            return
        if result is None and task.patience():
            return  # on its way through a shared disk
        self._close(task)

    def finish(self, task: Task, failure: Failure) -> None:
        """Publish how the job ended, unless it has a result."""
        if not self.store.result(task.job):
            state = JobState.CANCELLED if failure.kind == "cancelled" else JobState.FAILED
            with contextlib.suppress(OSError):  # the asker is told so by the missing result
                self.store.publish(Result(task.job, state, failure=failure, started=time.time()))
        self._close(task)

    def _close(self, task: Task) -> None:
        self._tasks.pop(task.job, None)
        hand = task.hand
        if hand:
            hand.done(task)
            if hand.served >= self._recycle and not hand.tasks:
                self._hands.remove(hand)
                hand.end()
        if not self._shares.ended(task):
            self._events.append(Done(task.job))

    def add(self, task: Task) -> None:
        """A part of another job."""
        self._tasks.setdefault(task.job, task)

    def _place(self) -> None:
        """Give what waits to who is free, the lowest turn first, and open more places where there is room."""
        waiting = [task for task in self._tasks.values() if not task.hand and not task.parts]
        if not waiting:
            return
        if time.monotonic() - self._known > 2.0:
            self._machines, self._known = ray_cluster.machines(self.ray), time.monotonic()
        most = self._machines.places(self._workers)
        waiting.sort(key=lambda task: task.turn)
        left: list[Task] = []
        for task in waiting:
            if task.hand:
                continue  # went along with another
            if self.store.result(task.job) and not task.parts:
                self._close(task)
                continue
            if self._shares.share_out(task, most - sum(bool(hand.tasks) for hand in self._hands), len(waiting)):
                continue
            hand = best(self._hands, task, waiting, self.store)
            if hand:
                hand.take([task, *alike(task, waiting)])
            else:
                left.append(task)
        self._open(left, most)
        for task in left:
            if not task.told and time.monotonic() - task.since > _WAIT_SECONDS:
                task.told = True
                self._events += self._shares.heard(
                    task, Progress(task.job, "Waiting for a machine of the cluster", 0.0)
                )

    def _open(self, left: list[Task], most: int) -> None:
        rests = time.monotonic() < self._rests
        for task in left:
            if rests and any(hand.ready and task.needs.covered_by(hand.has) for hand in self._hands):
                continue
            opening = [hand for hand in self._hands if not hand.ready and task.needs.covered_by(hand.has)]
            if len(opening) >= len(left):
                return
            if len(self._hands) >= most:
                idle = [hand for hand in self._hands if hand.ready and not hand.tasks]
                if not idle or any(task.needs.covered_by(hand.has) for hand in self._hands):
                    continue
                self._hands.remove(idle[0])
                idle[0].end()
            self._hands.append(Hand(self, self._offer, task.needs, self._machines.share(most)))


def _by_runner(result: Result) -> bool:
    """The step did not say how it ended: its process did not live to."""
    return result.state is JobState.FAILED and not result.versions and result.failure is not None and (
        result.failure.kind == "backend"
    )  # fmt: skip
