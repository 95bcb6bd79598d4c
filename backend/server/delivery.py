# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a job is handed out, and the document of its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..flow import INTERNAL, Stage, held_against
from ..protocol.errors import UserError
from ..protocol.job import Failure
from ..protocol.store import JobStore
from .jobs import Asset, Job
from .storage import Storage

TRIES = 3


def deliver(
    job: Job, stages: Sequence[Stage], failure: Failure | None, store: JobStore, storage: Storage
) -> dict[str, Any]:
    """Put the files where they are kept; returns what result.json holds. Runs in a thread of its own."""
    assets: list[Asset] = []
    if not (failure and failure.kind == "cancelled"):
        try:
            assets = _kept(job, stages, store, storage)
        except (UserError, OSError) as error:
            failure = failure or Failure(f"The files cannot be stored ({error}). Give the order again.", "output")
        except Exception as error:  # an object store has its own kinds
            text = f"The files cannot be stored ({type(error).__name__}: {str(error)[:200]}). Give the order again."
            failure = failure or Failure(text, "output")
    failure = failure or held_against(stages)
    state = "done" if failure is None or failure.kind in ("gate", "studio") else failure.kind
    results = [stage.result for stage in stages]
    return {
        "schema": 1,
        "state": state if state in ("done", "cancelled") else "failed",
        "error": failure and {"kind": failure.kind, "message": failure.message, "hint": failure.hint},
        "progress": round(job.progress, 4),
        "assets": [asdict(asset) for asset in assets],
        "stages": [
            {"step": stage.step, "state": str(stage.result.state), "cached": stage.cached, "job": stage.result.job,
             "seconds": stage.result.seconds, "device": stage.result.device, "peak_mb": stage.result.peak_mb,
             "metrics": stage.result.metrics}
            for stage in stages
        ],
        "warnings": [text for result in results for text in result.warnings],
        "versions": {name: text for result in results for name, text in result.versions.items()},
        "ended": round(time.time(), 3),
        "seconds": round(time.time() - job.created, 3),
    }  # fmt: skip


def _kept(job: Job, stages: Sequence[Stage], store: JobStore, storage: Storage) -> list[Asset]:
    """The last file of each role, under a name of its own; of a step those too that only the next one reads."""
    chosen = {}
    for stage in stages:
        for asset in stage.result.assets:
            if job.kind == "step" or asset.role not in INTERNAL:
                chosen[asset.role] = (stage.result, asset)
    found: list[Asset] = []
    taken: set[str] = set()
    for role, (result, asset) in chosen.items():
        source = store.folder(result.job) / asset.path
        name = source.name
        if name in taken:
            name = f"{role}-{name}"
        taken.add(name)
        _put(storage, source, f"{job.id}/{name}")
        found.append(Asset(name, role, asset.size, asset.sha256, f"{job.id}/{name}", asset.meta))
    return found


def _put(storage: Storage, source: Any, key: str) -> None:
    """Networks stumble: more than one try, and the last one's trouble is told."""
    for attempt in range(TRIES):
        try:
            storage.put(source, key)
            return
        except Exception:
            if attempt == TRIES - 1:
                raise
            time.sleep(0.5 * 2**attempt)
