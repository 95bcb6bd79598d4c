# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: a queue, the processes that do its steps, and how far the running one is. Knows no window."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.flow import Drive, Stage, StepFailed, walk
from ..backend.protocol.event import Event, Log, Progress
from ..backend.protocol.job import Failure, JobState
from ..backend.protocol.store import JobStore
from . import prefs, runs, terms
from .runs import Run

if TYPE_CHECKING:
    from ..backend.runners.http import HttpRunner
    from ..backend.runners.runtimes import Dispatch


FRAME = 2.0
"""s that a frame takes until one was rendered here: one of *medium* on two cores (README)."""
SLIP = 0.7
"""s after a run's end in which a click on what took the place of its buttons is taken for a late or double one."""


@dataclass
class Live:
    """Where the running run is: measured, never simulated."""

    step: str = ""
    index: int = 0
    total: int = 1
    phase: str = ""
    fraction: float = 0.0
    since: float = 0.0
    log: str = ""
    counted: tuple[float, float] = (0.0, 0.0)
    """When a phase began that counts, such as frames, and the fraction then: what was kept took no time."""
    shares: tuple[float, ...] = ()
    """How many seconds each step takes; nothing where none is known."""
    whole: float = 0.0
    """How much of all steps is shown as done."""
    reckoned: float = 0.0
    """`done` as it was then."""

    def seconds(self) -> float:
        """How many seconds the running step takes altogether, by what it says itself; 0 where that is not enough."""
        began, first = self.counted
        now = time.monotonic()
        if began:
            enough = self.fraction - first > 0.01 and now - began >= 1.0
            return (now - began) / (self.fraction - first) if enough else 0.0
        return (now - self.since) / self.fraction if self.fraction >= 0.1 and now - self.since >= 1.0 else 0.0

    @property
    def done(self) -> float:
        """How much of all steps is done, by what is known now. It falls where a step takes longer than was thought."""
        shares = self.shares or (1.0,) * self.total
        return (sum(shares[: self.index]) + shares[self.index] * self.fraction) / sum(shares)

    def advance(self) -> None:
        """What is shown never goes back: of what it leaves it does as great a part as is done of what is left."""
        done = self.done
        if self.reckoned < done:
            self.whole += (1.0 - self.whole) * (done - self.reckoned) / (1.0 - self.reckoned)
        self.reckoned = done


class Engine:
    """`changed` is told what the panel should know (the run too, where it is worth writing down), `ended` the end.
    `known` are all runs, of which some say how long a step takes."""

    def __init__(
        self,
        changed: Callable[[Run | None], None],
        ended: Callable[[Run, str], None],
        known: Callable[[], list[Run]],
    ):
        self._changed, self._ended, self._known = changed, ended, known
        self.live = Live()
        self.current: Run | None = None
        self.queue: list[Run] = []
        self._took: dict[str, float] = {}
        self.runner: Dispatch | HttpRunner | None = None
        self._drive: Drive | None = None
        self._began = 0.0
        self._left: tuple[str, float] = ("", 0.0)
        self._cancelling = self._pausing = self._outdated = self._online = False

    @property
    def busy(self) -> bool:
        return bool(self._drive or self.queue)

    def left(self, run: Run) -> bool:
        """It ended a moment ago: a click now was meant for the button that stood there while it ran."""
        return self._left[0] == run.id and time.monotonic() - self._left[1] < SLIP

    def tick(self, store: JobStore) -> None:
        """One look at the running run; the next one is begun where none runs."""
        if not self._drive and self.queue:
            run = self.waiting[0]
            self.queue.remove(run)
            self._begin(run, store)
        if self._drive and self.current:
            self._push(self.current, self._drive)

    def cancel(self, run: Run) -> None:
        if run in self.queue:
            self.queue.remove(run)
            self._end(run, None, "cancelled")
        elif run is self.current and self._drive:
            self._cancelling = True
            self.live.phase = "Cancelling"
            self._drive.cancel()

    def pause(self, run: Run) -> None:
        """Take it out of the queue; the running one ends after its frame, or at its step's next sign of life."""
        if run in self.queue:
            self.queue.remove(run)
            self._rest(run)
        elif run is self.current and self._drive and not self._cancelling:
            self._pausing = True
            self.live.phase = "Pausing"
            self._drive.cancel(gently=True)

    @property
    def waiting(self) -> list[Run]:
        """In the order in which they will run."""
        return sorted(self.queue, key=lambda run: run.turn)

    @property
    def job(self) -> str:
        """The job that runs; empty where none does."""
        request = self._drive.current if self._drive else None
        return request.id if request else ""

    def renew(self) -> None:
        """The next run gets new processes."""
        self._outdated = True

    def close(self) -> list[Run]:
        """End all processes; returns the runs that did not come to their end."""
        self._drop_runner()
        left = [run for run in (self.current, *self.queue) if run and not run.ended]
        self._drive = self.current = None
        self._cancelling = self._pausing = False
        self.queue.clear()
        return left

    def seconds_left(self) -> float | None:
        """Known only where each step that is to come was measured before at this quality, or the running one says
        enough itself; of one that is to stop nothing is told.
        """
        run, live = self.current, self.live
        if not run or self._cancelling or self._pausing:
            return None
        usual = self._usual(run)
        later = [step["do"] for step in run.steps[live.index + 1 :]]
        if any(step not in usual for step in later):
            return None
        if seconds := live.seconds():
            left = seconds * (1 - live.fraction)
        elif live.step in usual:
            left = max(usual[live.step] - (time.monotonic() - live.since), 0.0)
        else:
            return None
        return left + sum(usual[step] for step in later)

    def _usual(self, run: Run) -> dict[str, float]:
        return runs.usual_seconds(each for each in self._known() if each.quality == run.quality)

    def _drop_runner(self) -> None:
        if self.runner:
            self.runner.close()
        self.runner = None

    def _begin(self, run: Run, store: JobStore) -> None:
        online = bpy.app.online_access and not terms.get("offline")
        if self._outdated or self._online != online:
            self._drop_runner()
        if not self.runner:
            from ..backend.runners.runtimes import Dispatch, Runtimes

            program = bpy.app.binary_path
            runtimes = Runtimes.here(blender=program, full_python=prefs.full_python())
            self._outdated, self._online = False, online
            here = Dispatch(store, runtimes, environment={} if self._online else {"GALATEA_OFFLINE": "1"})
            self.runner = _with_server(here, store, offline=not online)
        inputs = {role: Path(path) for role, path in run.inputs.items()}
        steps = walk(run.recipe, inputs, store, seed=run.seed, blender=self.runner.blender)
        self.current, self._began = run, time.monotonic()
        self._step(run)
        self._drive = Drive(steps, store, self.runner, on_event=self._event, on_stage=self._stage, again=run.redone)

    def _push(self, run: Run, drive: Drive) -> None:
        try:
            ended = drive.tick()
            if self._cancelling and not ended:
                drive.cancel()  # again: the step may have ended before it looked, and another one begun
            elif self._pausing and not ended:
                drive.cancel(gently=True)
        except StepFailed as error:
            result = error.stage.result
            failed = result.state is not JobState.CANCELLED
            if self._pausing and not (failed or self._cancelling):
                self._rest(run)
                return
            self._end(run, result.failure, "failed" if failed else "cancelled")
        except Exception as error:  # a bad input, a full disk: the run ends and says why
            self._end(run, explain(error), "failed")
        else:
            if ended:
                self._end(run, None, "done")

    def _rest(self, run: Run) -> None:
        run.paused = True
        self._let_go(run)
        self._changed(run)

    def _let_go(self, run: Run) -> None:
        self._left = (run.id, time.monotonic())
        if run is self.current:
            run.took = time.monotonic() - self._began
            self._drive = self.current = None
            self._cancelling, self._pausing, self.live = False, False, Live()

    def _end(self, run: Run, failure: Failure | None, state: str) -> None:
        self._let_go(run)
        run.fail(failure, state)
        self._ended(run, state)

    def _step(self, run: Run) -> None:
        index = min(len(run.stages), len(run.steps) - 1)
        step = run.steps[index]["do"]
        phase = "Cancelling" if self._cancelling else "Pausing" if self._pausing else "Starting"
        self.live = replace(
            self.live, step=step, index=index, total=len(run.steps), phase=phase, fraction=0.0, since=time.monotonic(),
            counted=(0.0, 0.0),
        )  # fmt: skip
        self._took = self._usual(run)
        self.live.shares = self._shares(run)
        self.live.advance()

    def _shares(self, run: Run) -> tuple[float, ...]:
        """What was done took what it took, and nothing where it was kept from before. The running step takes what it
        says itself; what is to come as long as the last time, and what nobody knows the mean of the others."""
        usual, live = self._took, self.live
        took = [0.0 if stage["cached"] else stage["seconds"] for stage in run.stages[: live.index]]
        come = [usual.get(each["do"]) or _first(each, run) for each in run.steps[live.index :]]
        come[0] = live.seconds() or come[0]
        known = [seconds for seconds in (*took, *come) if seconds]
        mean = sum(known) / len(known) if known else 1.0
        return (*took, *(seconds or mean for seconds in come))

    def _event(self, step: str, event: Event) -> None:
        if isinstance(event, Progress) and not (self._cancelling or self._pausing):
            counts = "/" in event.phase
            if counts and not ("/" in self.live.phase and self.live.counted[0]):
                self.live.counted = (time.monotonic(), event.fraction)
            elif not counts:
                self.live.counted = (0.0, 0.0)
            self.live.phase, self.live.fraction = event.phase, event.fraction
            if self.current:
                self.live.shares = self._shares(self.current)
                self.live.advance()
        elif isinstance(event, Log):
            self.live.log = event.text
        self._changed(None)

    def _stage(self, stage: Stage) -> None:
        if self.current:
            self.current.add(stage)
            self._step(self.current)
        self._changed(self.current)


def _first(step: dict[str, Any], run: Run) -> float:
    """About how many seconds a step takes that was never done; 0 where nothing says it. A film is long against all
    that comes before it."""
    if step["do"] != "film":
        return 0.0
    length = next((each["params"].get("seconds") for each in run.steps if each["do"] == "camera"), 0.0)
    return FRAME * (step["params"].get("frames") or 24.0 * (length or 3.0))


def _with_server(here: Dispatch, store: JobStore, *, offline: bool) -> Dispatch | HttpRunner:
    """The same, with models on the server that the preferences name."""
    url, key = prefs.server()
    if not url:
        return here
    from ..backend.runners.http import HttpRunner

    return HttpRunner(store, here, url, key=key, offline=offline)


def explain(error: Exception) -> Failure:
    from ..backend.worker.execute import explain as told  # only when something went wrong: it loads much

    return told(error)
