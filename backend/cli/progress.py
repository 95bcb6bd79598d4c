# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run tells what it does: lines for people on stderr, or lines for programs on stdout.

plain    one line a phase and a tenth of its way, or one line that changes where there is a terminal
jsonl    one JSON object a line: progress, log, stage, end
openjd   what the sessions of Open Job Description read: openjd_progress, openjd_status, openjd_fail
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from ..flow import Stage
from ..protocol.event import Event, Log, Progress
from ..protocol.job import JobState

STYLES = ("plain", "jsonl", "openjd")
LEVELS = ("error", "warning", "info", "debug")
OFTEN = 0.2
"""Programs are told no more often than once in so many seconds, unless something else is done."""


def tell(stream: TextIO, text: str) -> None:
    """Telling never ends the work: where nobody reads any more, or a log's disk is full, the rest is told to nobody."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):  # what is still in the buffer goes there too, or Python ends with 120
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


@dataclass
class Tellers:
    """The tellers of `runs` that go on at once; `level` is how much people are told."""

    style: str = "plain"
    level: str = "info"
    runs: int = 1
    _shares: dict[str, float] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    _told: tuple[float, str] = (-1.0, "")

    def of(self, name: str, steps: Sequence[str]) -> Teller:
        """`name` begins each line where there are several runs."""
        return {"plain": Plain, "jsonl": Lines, "openjd": OpenJobDescription}[self.style](self, name, list(steps))

    def shows(self, level: str) -> bool:
        return LEVELS.index(level) <= LEVELS.index(self.level)

    def share(self, name: str, done: float) -> float:
        """How much of all runs is done when this much of one is, 0 to 1."""
        self._shares[name] = max(done, self._shares.get(name, 0.0))
        return sum(self._shares.values()) / max(self.runs, len(self._shares))

    def over(self, name: str) -> float:
        """A run has ended, or had before; returns how much of all is done."""
        self._over.add(name)
        return self.share(name, 1.0)

    def ended(self, name: str, row: dict[str, Any], error: dict[str, Any] | None) -> None:
        """A run has ended; its `row` is as in the table of many, `error` as in its result.json."""
        share, message = self.over(name), error["message"] if error else ""
        if self.style == "jsonl":
            self.line({"event": "end", "run": name, **row})
        elif self.style == "openjd":
            if not error:
                tell(sys.stdout, f"openjd_progress: {100 * share:.1f}\n")
            self.refused(message)
        if error:
            head = f"{name}: " if name else ""
            tell(sys.stderr, f"galatea: {head}{message}\n" + (f"         {error['hint']}\n" if error["hint"] else ""))
        elif self.shows("info") and name and self.style == "plain":
            tell(sys.stderr, f"{name}: {row['state']} in {row['seconds']:.1f} s, {len(self._over)} of {self.runs}\n")

    def refused(self, message: str) -> None:
        """Something failed: a session of Open Job Description is told why."""
        if self.style == "openjd" and message:
            tell(sys.stdout, f"openjd_fail: {_one(message)}\n")

    def line(self, data: dict[str, Any]) -> None:
        tell(sys.stdout, json.dumps(data) + "\n")

    def due(self, what: str) -> bool:
        """Nothing was told for a while, or it was something else."""
        now = time.monotonic()
        if what == self._told[1] and now - self._told[0] < OFTEN:
            return False
        self._told = (now, what)
        return True


class Teller:
    """Of one run. `event` hears the running step, `stage` each that has ended."""

    def __init__(self, all: Tellers, name: str, steps: list[str]) -> None:
        self._all, self._name, self._steps = all, name, steps
        self._done = 0

    def event(self, step: str, event: Event) -> None:
        if isinstance(event, Progress):
            share = (self._done + event.fraction) / max(len(self._steps), 1)
            self.progress(step, event, self._all.share(self._name, share))
        elif isinstance(event, Log) and self._all.shows("warning"):
            self.log(step, event.text)

    def stage(self, stage: Stage) -> None:
        self._done += 1
        self.ended(stage, self._all.share(self._name, self._done / max(len(self._steps), 1)))

    def progress(self, step: str, event: Progress, share: float) -> None: ...

    def log(self, step: str, text: str) -> None: ...

    def ended(self, stage: Stage, share: float) -> None: ...

    def _head(self, number: int, step: str) -> str:
        return f"{self._name}: " * bool(self._name) + f"[{number}/{len(self._steps)}] {step}"


class Plain(Teller):
    """A line a phase for people; on a terminal one that moves."""

    def __init__(self, all: Tellers, name: str, steps: list[str]) -> None:
        super().__init__(all, name, steps)
        self._live = sys.stderr.isatty()
        self._last = ("", "", 0)

    def progress(self, step: str, event: Progress, share: float) -> None:
        if not self._all.shows("info"):
            return
        line = f"{self._head(self._done + 1, step)}: {event.phase} {event.fraction:4.0%}"
        if self._live:
            tell(sys.stderr, f"\r\x1b[2K{line[:110]}")
        elif (now := (step, event.phase.split(" ")[0], int(10 * event.fraction))) != self._last:
            self._last = now
            tell(sys.stderr, line + "\n")

    def log(self, step: str, text: str) -> None:
        self._line(f"{self._head(self._done + 1, step)}: {text}")

    def ended(self, stage: Stage, share: float) -> None:
        head, result = self._head(self._done, stage.step), stage.result
        if self._all.shows("info"):
            self._line(f"{head}: {'from the store' if stage.cached else f'{result.state} in {result.seconds:.1f} s'}")
        if self._all.shows("debug"):
            self._line(f"{head}: job {result.job}, on {result.device}, {result.peak_mb:.0f} MB at most")
            if result.failure and result.failure.trace:
                self._line(result.failure.trace.rstrip())

    def _line(self, text: str) -> None:
        tell(sys.stderr, ("\r\x1b[2K" if self._live else "") + text + "\n")


class Lines(Teller):
    """A JSON object a line for programs."""

    def progress(self, step: str, event: Progress, share: float) -> None:
        if self._all.due(f"{self._name} {step} {event.phase}"):
            told = {"phase": event.phase, "fraction": round(event.fraction, 4), "all": round(share, 4)}
            self._all.line({"event": "progress", "run": self._name, "step": step, **told})

    def log(self, step: str, text: str) -> None:
        self._all.line({"event": "log", "run": self._name, "step": step, "text": text})

    def ended(self, stage: Stage, share: float) -> None:
        result = stage.result
        told = {"job": result.job, "state": str(result.state), "cached": stage.cached, "seconds": result.seconds}
        self._all.line({"event": "stage", "run": self._name, "step": stage.step, **told, "all": round(share, 4)})


class OpenJobDescription(Teller):
    """How jobs run, "Stdout/Stderr Messages": a fraction of 100, and a status of one line."""

    def progress(self, step: str, event: Progress, share: float) -> None:
        what = f"{self._head(self._done + 1, step)}: {event.phase}"
        if self._all.due(what):
            tell(sys.stdout, f"openjd_progress: {100 * share:.1f}\nopenjd_status: {_one(what)}\n")

    def log(self, step: str, text: str) -> None:
        tell(sys.stdout, f"{self._head(self._done + 1, step)}: {_one(text)}\n")

    def ended(self, stage: Stage, share: float) -> None:
        if stage.result.state is JobState.DONE:
            tell(sys.stdout, f"openjd_progress: {100 * share:.1f}\n")


def _one(text: str) -> str:
    """One line, whatever stands in it."""
    return " ".join(text.split())
