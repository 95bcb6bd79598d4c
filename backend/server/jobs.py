# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the server: each a folder, its state read from the files in it, so that a kill at any moment loses none.

<root>/<id>/order.json      who asked for what, and when; written before the answer
            events.jsonl    what was said, one line each, numbered from 1
            cancel          somebody wants it stopped
            result.json     the end: appears whole or not at all
            assets/         the files, where they are kept here
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..protocol.store import publish

ID = re.compile(r"[js][0-9a-f]{20}")
SAY_SECONDS = 0.2
"""Progress of one job is written down at most so often."""


@dataclass(frozen=True)
class Asset:
    """A file of a job's; `key` is its place in the storage."""

    name: str
    role: str
    size: int
    sha256: str
    key: str
    meta: dict[str, Any] = field(default_factory=dict)


class Job:
    """One order and how far it is. The engine's thread alone changes it; others read."""

    def __init__(self, folder: Path, order: dict[str, Any]) -> None:
        self.folder, self.id = folder, folder.name
        self.user: str = order["user"]
        self.kind: str = order["kind"]
        """`job` for a recipe, `step` for one step."""
        self.task: str = order.get("task", "")
        self.document: dict[str, Any] = order["document"]
        self.priority: int = order["priority"]
        self.created: float = order["created"]
        self.running = False
        self.total: int = order.get("steps", 1)
        self.step, self.index, self.phase, self.fraction = "", 0, "", 0.0
        self.result = _read(folder / "result.json")
        self.events: list[dict[str, Any]] = []
        self._said = 0.0

    @property
    def state(self) -> str:
        """queued, running, done, failed or cancelled."""
        if self.result:
            return str(self.result["state"])
        return "running" if self.running else "queued"

    @property
    def ended(self) -> bool:
        return self.result is not None

    @property
    def cancelled(self) -> bool:
        return (self.folder / "cancel").exists()

    @property
    def order(self) -> tuple[int, float]:
        """Those with a lower one go first."""
        return self.priority, self.created

    @property
    def progress(self) -> float:
        """Share of the steps that are done, the running one by its own measure."""
        if self.result:
            return 1.0 if self.state == "done" else float(self.result.get("progress", 0.0))
        return min((self.index + self.fraction) / max(self.total, 1), 1.0)

    @property
    def assets(self) -> list[Asset]:
        return [Asset(**each) for each in (self.result or {}).get("assets", ())]

    def load(self) -> None:
        """The events that were written; a last line that was cut off is taken away."""
        path = self.folder / "events.jsonl"
        self.events, good = _events(path)
        if path.exists() and good != path.stat().st_size:
            with path.open("r+b") as file:
                file.truncate(good)

    def past(self) -> list[dict[str, Any]]:
        """All events. Those of a job that has ended are read each time, for they would fill the memory in the end."""
        return self.events or _events(self.folder / "events.jsonl")[0]

    def say(self, event: str, **more: Any) -> None:
        """Number an event and write it down. Never the reason that a job fails: a full disk loses the line alone."""
        told = {"id": len(self.events) + 1, "event": event, "time": round(time.time(), 3), **more}
        try:
            with (self.folder / "events.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        except OSError:
            pass
        self.events.append(told)

    def move(self, step: str, phase: str, fraction: float) -> bool:
        """Take the progress of the running step; True when it was said too."""
        changed = (step, phase) != (self.step, self.phase)
        self.step, self.phase, self.fraction = step, phase, min(max(fraction, 0.0), 1.0)
        now = time.monotonic()
        if not changed and now - self._said < SAY_SECONDS:
            return False
        self._said = now
        self.say("progress", step=step, phase=phase, fraction=round(self.fraction, 4), progress=round(self.progress, 4))
        return True

    def end(self, result: dict[str, Any]) -> None:
        """Publish how it ended, then say so. Raises OSError where that cannot be written."""
        publish(self.folder / "result.json", result)
        self.result = result
        self.say("end", state=result["state"], error=result.get("error"))
        self.running = False


class Ledger:
    """All jobs there are. Thread-safe; `heard(job)` is called when a job has changed."""

    def __init__(self, root: Path, heard: Callable[[Job], None] = lambda job: None) -> None:
        self._root, self.heard = root, heard
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._open: dict[str, Job] = {}
        root.mkdir(parents=True, exist_ok=True)
        for folder in root.iterdir():
            order = _read(folder / "order.json") if ID.fullmatch(folder.name) else None
            if order:
                job = Job(folder, order)
                if not job.ended:
                    job.load()
                    self._open[job.id] = job
                self._jobs[job.id] = job

    def get(self, id: str) -> Job | None:
        return self._jobs.get(id)

    def all(self) -> list[Job]:
        with self._lock:
            return list(self._jobs.values())

    def of(self, user: str) -> Iterator[Job]:
        return (job for job in self.all() if job.user == user)

    def open(self) -> list[Job]:
        """Those that have not ended."""
        with self._lock:
            return list(self._open.values())

    def close(self, job: Job) -> None:
        """It has ended, and what was said of it is on the disk."""
        with self._lock:
            self._open.pop(job.id, None)
        job.events = []

    def renew(self, job: Job) -> Job:
        """The same order once more, in place of one that ended."""
        with self._lock:
            for name in ("result.json", "cancel", "events.jsonl"):
                (job.folder / name).unlink(missing_ok=True)
            fresh = Job(job.folder, _read(job.folder / "order.json") or {})
            self._jobs[job.id] = self._open[job.id] = fresh
            fresh.say("queued")
            return fresh

    def add(
        self, user: str, kind: str, document: dict[str, Any], *, id: str = "", task: str = "", priority: int = 1,
        steps: int = 1,
    ) -> Job:  # fmt: skip
        """Written down before anybody is told its id. An `id` that is there already gives the job that is there."""
        id = id or f"j{secrets.token_hex(10)}"
        with self._lock:
            if id in self._jobs:
                return self._jobs[id]
        order = {"schema": 1, "user": user, "kind": kind, "task": task, "document": document}
        order |= {"priority": priority, "created": time.time(), "steps": steps}
        folder = self._root / id
        folder.mkdir(exist_ok=True)
        publish(folder / "order.json", order)  # of two at once with one id either will do
        job = Job(folder, order)
        with self._lock:
            if id in self._jobs:
                return self._jobs[id]
            self._jobs[id] = job
            job.say("queued")
            self._open[id] = job
            return job

    def remove(self, job: Job) -> None:
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _events(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Those that were written whole, and the bytes that they take."""
    found: list[dict[str, Any]] = []
    good = 0
    try:
        with path.open("rb") as file:
            for line in file:
                event = _line(line)
                if event is None or event.get("id") != len(found) + 1:
                    break
                found.append(event)
                good += len(line)
    except FileNotFoundError:
        pass
    return found, good


def _line(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return data if isinstance(data, dict) else None
