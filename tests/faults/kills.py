# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes killed at random moments of real work, and what must be true after each. For Linux: it reads /proc.

Each kind is a place where orders are carried out, with somebody to kill. After a kill: the order ends, done or with the
reason; given again it is done; nothing that was finished is another or gone; no process is left without an asker.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from galatea.backend.protocol.job import JobState, sha256
from galatea.backend.protocol.store import JobStore

from .places import KINDS, Place, processes

PATIENCE = 300.0
"""s: what has not ended by then hangs; the machine may be loaded."""
MARK = "GALATEA_TORTURE"
"""In the environment of all processes that come of this one."""


@dataclass
class Count:
    """`mid`: kills while the order was under way; `failed`: orders that ended with the reason and were given again."""

    kills: int = 0
    mid: int = 0
    failed: int = 0
    kept: int = 0

    def row(self, kind: str, seconds: float) -> str:
        return f"| {kind} | {' | '.join(str(each) for each in asdict(self).values())} | {seconds:.0f} |"


class Ledger:
    """What is finished in a store: results with their files, and whole frames. It never changes."""

    def __init__(self, store: JobStore) -> None:
        self._store, self._seen = store, dict[str, tuple[int, int, int]]()

    def note(self) -> int:
        """How many files are finished by now."""
        self._seen |= self._files()
        return len(self._seen)

    def hold(self) -> None:
        """Raise `AssertionError` where something of it is gone, is another, or is not what its result says."""
        now = self._files()
        lost = [name for name, mark in self._seen.items() if now.get(name) != mark]
        assert not lost, f"finished, and no longer so: {lost}"
        for job in self._store.jobs():
            result = self._store.result(job)
            for asset in result.assets if result else ():
                path = self._store.folder(job) / asset.path
                assert ".part" not in asset.path and sha256(path) == asset.sha256, f"{path} is not what was published"
        self._seen |= now

    def _files(self) -> dict[str, tuple[int, int, int]]:
        found = []
        for job in self._store.jobs():
            folder, result = self._store.folder(job), self._store.result(job)
            if result and result.state is JobState.DONE:
                found += [folder / "result.json", *(folder / asset.path for asset in result.assets)]
            found += [path for path in folder.glob("keep/frames/*.png") if path.stem.isdigit()]
        stats = {str(path): path.stat() for path in found}
        return {name: (stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}


def torture(kind: str, kills: int, seed: int, home: Path, tell: Callable[[str], None]) -> Count:
    """So many kills of one kind; raises `AssertionError` at the first thing that is not as it must be."""
    draw, count = random.Random(f"{kind} {seed}"), Count()
    with _marked():
        place = KINDS[kind](home)
        ledger = Ledger(place.store)
        try:
            place.begin(0)
            began = time.monotonic()
            _until(place.look, "the first order")
            assert not place.failed, place.failed
            span = time.monotonic() - began
            while count.kills < kills:
                span = _strike(place, ledger, draw, count, span)
                tell(f"{kind}: {count.kills} of {kills} killed")
        finally:
            place.close()
        _until(lambda: not _left(os.getpid(), orphans=False), "the end of all processes")
    return count


def _strike(place: Place, ledger: Ledger, draw: random.Random, count: Count, span: float) -> float:
    """Give an order, kill somebody at a random moment of it, see what became of all, and give it again.

    `span` is about how long an order takes, in s; what is returned is that as it is seen now.
    """
    number, ended = count.kills + 1 + draw.randrange(1 << 20) * 1000, False
    place.begin(number)
    began = time.monotonic()
    at, pause = began + draw.uniform(0.0, span), draw.uniform(0.0, 0.3 * span)
    while not ended and time.monotonic() < at:
        ended = place.look()
        at = at if place.victims() else max(at, time.monotonic() + pause)  # who has just come has some time to live
        time.sleep(0.01)
    span = time.monotonic() - began if ended else span
    assert not place.failed, f"nobody was killed, and yet: {place.failed}"
    count.kept = ledger.note()
    struck = place.strike(draw)
    if not ended:
        _until(place.look, "the order whose process was killed")
        assert not (place.surely and place.failed), place.failed
    count.kills += struck
    count.mid += struck and not ended
    count.failed += bool(place.failed)
    ledger.hold()
    _until(lambda: not _left(os.getpid(), orphans=True), "the end of processes that nobody asks any more")
    place.begin(number)
    _until(place.look, "the order given again")
    assert not place.failed, f"given again: {place.failed}"
    ledger.hold()
    return span


def _until(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, f"{what} did not come in {PATIENCE:.0f} s: {_left(os.getpid(), orphans=False)}"
        time.sleep(0.02)


@contextlib.contextmanager
def _marked() -> Iterator[None]:
    os.environ[MARK] = uuid.uuid4().hex
    try:
        yield
    finally:
        del os.environ[MARK]


def _left(mine: int, *, orphans: bool) -> list[Any]:
    """Processes that came of this one; `orphans`: only those whose asker is gone."""
    alive, mark = processes(), f"{MARK}={os.environ[MARK]}".encode()
    found = []
    for pid in alive:
        with contextlib.suppress(OSError):
            if pid != mine and mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                above = pid
                while orphans and above in alive and above != mine:
                    above = alive[above][0]
                if above != mine:
                    found.append((pid, alive[pid][1]))
    return found
