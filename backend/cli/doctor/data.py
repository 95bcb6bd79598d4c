# SPDX-License-Identifier: GPL-3.0-or-later
"""The data folder: may it be written, is there room, are weights whole, what failed of late."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ...hub import Kept
from ...protocol import policy
from ...protocol.errors import UserError
from ...protocol.job import JobState, Result
from ...protocol.place import data_folder
from ...protocol.store import JobStore
from ...protocol.weights import shared_folder, shared_told
from ..entries import entries
from .finding import Finding, finding

MOST = 300
"""So many of the newest jobs are asked how they ended."""
TELL = 5
LEAST_GB = 2.0


def folders() -> Iterator[Finding]:
    """Tried by writing: what a system says of permissions is not always so."""
    home = data_folder()
    fix = "Choose another with GALATEA_HOME or in the preferences, or mend its owner and permissions."
    for folder in (home, *(path for name in ("jobs", "weights") if (path := home / name).exists())):
        trouble = _trouble(folder)
        if trouble:
            yield finding("fail", "Data folder", f"{folder}: {trouble}", fix)
            return
    free = shutil.disk_usage(home).free / 1e9
    state = "ok" if free > LEAST_GB else "warn"
    yield finding(state, "Data folder", f"{home}, {free:.1f} GB free", "Free some space: `galatea jobs prune`.")
    temp = Path(tempfile.gettempdir())
    trouble = _trouble(temp)
    text = f"{temp}: {trouble}" if trouble else str(temp)
    yield finding("fail" if trouble else "ok", "Temporary folder", text, "Name another with TMPDIR.")


def allowed() -> Iterator[Finding]:
    """What may be used here: a file of the policy that nobody can read stops all other verbs."""
    try:
        told = policy.current()
    except UserError as error:
        yield finding("fail", "Policy", "not understood", str(error))
        return
    limits = ("commercial use" * told.commercial, told.territory, "offline" * told.offline)
    yield finding("ok", "Policy", ", ".join(filter(None, limits)) or "no limits")


def _trouble(folder: Path) -> str:
    """Why nothing can be written there; empty where something can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(".part", "doctor-", folder)
        os.close(handle)
        os.unlink(path)
    except OSError as error:
        return error.strerror or "cannot be written"
    return ""


def weights() -> Iterator[Finding]:
    from ...backends import cutout, lift

    try:
        cutout.weights()
        lift.weights()
        yield finding("ok", "Weights", "U2-Net-p, DINOv2 and Lift are whole")
    except UserError as error:
        yield finding("fail", "Weights", "damaged or missing", str(error))
    known = entries()
    whole = [entry.name for entry in known if Kept(entry.weights).whole]
    partial = [entry.name for entry in known if entry.name not in whole and Kept(entry.weights).here]
    names, begun = (", ".join(dict.fromkeys(some)) for some in (whole, partial))
    text = f"installed: {names or 'none'}{f'; begun: {begun}' if begun else ''}"
    fix = f"Go on with `galatea models pull {' '.join(dict.fromkeys(partial))}`, or remove them."
    yield finding("warn" if partial else "ok", "Models", text, fix)
    shared = shared_folder()
    if shared:
        yield finding("ok", "Shared weights", str(shared))
    elif shared_told():
        fix = "Connect its disk, or choose another with `galatea models folder DIR`, or in the preferences."
        yield finding("warn", "Shared weights", "the folder that is named for them is not there", fix)


def last_failures(store: JobStore) -> list[Result]:
    """Of the newest jobs those that failed, the newest first."""
    results = (store.result(job) for job in islice(store.jobs(), MOST))
    return list(islice((found for found in results if found and found.state is JobState.FAILED), TELL))


def failures(store: JobStore) -> Iterator[Finding]:
    found = last_failures(store)
    if not found:
        yield finding("ok", "Last failures", "none")
    for result in found:
        said = result.failure.message.strip().splitlines()[0] if result.failure and result.failure.message else "?"
        hint = f" {result.failure.hint}" if result.failure and result.failure.hint else ""
        fix = f"More: `galatea jobs log {result.job}`, or save a report in the preferences.{hint}"
        yield finding("warn", "Failed", f"{result.job}, {_ago(result.started)}: {said}", fix)


def _ago(then: float) -> str:
    hours = (time.time() - then) / 3600 if then else -1.0
    if hours < 2:
        return "at some time" if hours < 0 else f"{60 * hours:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"
