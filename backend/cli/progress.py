# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress for people, on stderr: one line a phase, or one line that changes where there is a terminal."""

from __future__ import annotations

import sys
import time

from ..flow import Stage
from ..protocol.event import Event, Log, Progress


class Printer:
    def __init__(self, steps: list[str], *, quiet: bool, name: str = "") -> None:
        """`name` begins each line where there are several runs."""
        self._steps, self._quiet, self._name = steps, quiet, f"{name}: " if name else ""
        self._live = sys.stderr.isatty()
        self._last = ("", "")
        self._done = 0
        self._clock = time.monotonic()

    def event(self, step: str, event: Event) -> None:
        if self._quiet:
            return
        head = f"{self._name}[{self._done + 1}/{len(self._steps)}] {step}"
        if isinstance(event, Progress):
            line = f"{head}: {event.phase} {event.fraction:4.0%}"
            if self._live:
                sys.stderr.write(f"\r\x1b[2K{line[:110]}")
            elif (step, event.phase.split(" ")[0]) != self._last:
                self._last = (step, event.phase.split(" ")[0])
                sys.stderr.write(line + "\n")
        elif isinstance(event, Log):
            self._line(f"{head}: {event.text}")

    def stage(self, stage: Stage) -> None:
        self._done += 1
        if not self._quiet:
            how = "from the cache" if stage.cached else f"{stage.result.state} in {stage.result.seconds:.1f} s"
            self._line(f"{self._name}[{self._done}/{len(self._steps)}] {stage.step}: {how}")

    def _line(self, text: str) -> None:
        sys.stderr.write(("\r\x1b[2K" if self._live else "") + text + "\n")
