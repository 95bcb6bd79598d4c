# SPDX-License-Identifier: GPL-3.0-or-later
"""A backend in this process, with a real report on a real job store.

def test_something(run, tmp_path):
    done = run("relief", {"cutout": tmp_path / "photo.png"}, grid=96)
    np.load(done.path("mesh")), done.metrics, done.warnings
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.worker.find import load
from galatea.backend.worker.report import Report


@dataclass(frozen=True)
class Run:
    """What a backend left: files by role, proved to be there and not empty."""

    files: dict[str, Path]
    metrics: dict[str, Any]
    warnings: list[str]

    def path(self, role: str) -> Path:
        return self.files[role]


@pytest.fixture
def run(store: JobStore) -> Callable[..., Run]:
    """Run one backend as the worker does, its parameters checked and filled; what it raises is raised."""

    def go(step: str, /, files: Mapping[str, Path] | None = None, *, seed: int = 0, **params: Any) -> Run:
        backend = load(step)
        request = Request.of(backend.spec, files, params, seed=seed)
        report = Report(store, request.id, lambda event: None)
        backend.run(request, request.params, report)
        made = report.assets(backend.spec.outputs)
        return Run({each.role: store.folder(request.id) / each.path for each in made}, report.metrics, report.warnings)

    return go
