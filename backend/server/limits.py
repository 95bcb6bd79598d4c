# SPDX-License-Identifier: GPL-3.0-or-later
"""How much the server takes: of one body, of one user, of all; and how it says that it is enough."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PRIORITIES = ("high", "normal", "low")


@dataclass(frozen=True)
class Limits:
    """`upload` and `document` in bytes, `pixels` of one picture, `rate` requests a second of one user."""

    upload: int = 256 << 20
    document: int = 1 << 20
    pixels: int = 50_000_000
    rate: float = 50.0
    jobs: int = 100
    """Of one user, waiting and running."""
    streams: int = 16
    """Open event streams of one user."""
    at_once: int = 4
    """Jobs under way at once; of those that wait, one goes first whose user has fewest under way."""
    free: int = 500 << 20
    """Bytes that must stay free on the disk."""
    drain: float = 60.0
    """s, so long running jobs may go on after SIGTERM."""
    step: float | None = None
    """s, the longest that one step may take."""
    stall: float = 30.0
    """s, so long a connection may keep the server waiting."""
    keep_days: float = 0.0
    """What nobody has used for so many days is removed; 0 keeps it."""

    def full(self, folder: Path) -> bool:
        """The disk of this folder."""
        return shutil.disk_usage(folder).free < self.free

    def prove_room(self, folder: Path) -> None:
        """Raise `Refusal` where the disk is almost full."""
        if self.full(folder):
            raise Refusal(507, "output", "The server's disk is almost full. Ask whoever runs it to free some space.")


class Refusal(Exception):
    """An answer that is no 2xx: status, what kind of trouble, the words, and when to come back in s."""

    def __init__(self, status: int, kind: str, message: str, *, later: float = 0.0, **more: Any):
        super().__init__(message)
        self.status, self.kind, self.message, self.later, self.more = status, kind, message, later, more


class Buckets:
    """Token buckets by name: `rate` a second on average, `burst` at once. Thread-safe."""

    MOST = 10_000

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._held: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, name: str) -> float:
        """0 where one may go on now, else the s until one may; what is refused costs nothing."""
        with self._lock:
            now = self._clock()
            level, seen = self._held.get(name, (self._burst, now))
            level = min(self._burst, level + (now - seen) * self._rate)
            if level < 1:
                return (1 - level) / self._rate
            if len(self._held) >= self.MOST and name not in self._held:
                full = [
                    each for each, (left, at) in self._held.items() if left + (now - at) * self._rate >= self._burst
                ]
                for each in full or list(self._held)[: self.MOST // 2]:
                    del self._held[each]
            self._held[name] = level - 1, now
            return 0.0
