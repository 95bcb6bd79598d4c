# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step tells while it runs, and the files that it leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..protocol import provenance
from ..protocol.errors import JobCancelled
from ..protocol.event import Event, Log, Progress
from ..protocol.job import Asset, sha256
from ..protocol.store import JobStore


def plain(value: Any) -> Any:
    """As JSON can hold it, numpy's numbers and rows as Python's, None for what is no number; raises `TypeError` here,
    where its line is known."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


class Report:
    """Handed to a step's `run`. `progress` is also the point where a cancel takes effect."""

    def __init__(self, store: JobStore, job: str, emit: Callable[[Event], None]) -> None:
        self._store, self._job, self._emit = store, job, emit
        self._folder = store.attempt(job)
        self._files: dict[str, tuple[Path, dict[str, Any]]] = {}
        self.metrics: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.device = "cpu"

    def progress(self, phase: str, fraction: float) -> None:
        """Say what is being done and how much of the whole job is done, 0 to 1; raises `JobCancelled`."""
        if self._store.cancelled(self._job):
            raise JobCancelled(self._job)
        self._emit(Progress(self._job, phase, float(min(max(fraction, 0.0), 1.0))))

    def file(self, role: str, name: str, **meta: Any) -> Path:
        """Where to write the asset of this role; it is checked and hashed when the step has ended."""
        path = self._folder / name
        self._files[role] = (path, {key: plain(value) for key, value in meta.items()})
        return path

    def keep(self, name: str) -> Path:
        """A folder that survives an interrupted attempt of the same job."""
        folder = self._store.keep(self._job) / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def warn(self, text: str) -> None:
        """Something that the user should know about a result that is good all the same."""
        self.warnings.append(text)
        self._emit(Log(self._job, text))

    def log(self, text: str) -> None:
        self._emit(Log(self._job, text))

    def steps(self, told: Iterable[provenance.Step] = ()) -> list[provenance.Step]:
        """All steps that led to this job, it included; `told` are those that its scene names."""
        return provenance.chain(self._store, self._job, told)

    def texts(self, steps: Iterable[provenance.Step]) -> dict[str, str]:
        """What the user typed for these steps."""
        return provenance.texts(self._store, steps)

    def metric(self, name: str, value: Any) -> None:
        self.metrics[name] = plain(value)

    def discard(self) -> None:
        """Take away what a failed attempt wrote; `keep` stays."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def assets(self, expected: tuple[str, ...]) -> tuple[Asset, ...]:
        """The files written, each proved to be there and not empty."""
        missing = set(expected) - set(self._files)
        if missing:
            raise RuntimeError(
                f"the step ended without its {', '.join(sorted(missing))}: it asked report.file for "
                f"{', '.join(sorted(self._files)) or 'none'}"
            )
        root = self._store.folder(self._job)
        found = []
        for role, (path, meta) in sorted(self._files.items()):
            if not path.is_file() or path.stat().st_size == 0:
                raise RuntimeError(f"the step promised {role} as {path.name}, but the file is missing or empty")
            name = path.relative_to(root).as_posix()
            found.append(Asset(role, name, path.stat().st_size, sha256(path), meta))
        return tuple(found)
