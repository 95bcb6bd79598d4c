# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch weights: what is missing, from where it stopped, each file counted only when its hash is proved."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ..protocol.errors import JobCancelled, UserError
from ..protocol.place import gigabytes
from ..protocol.spec import BackendSpec, File, Weights
from .kept import Kept
from .lock import alone
from .remote import Cancel, Remote, ask, copy, proved
from .troubles import can_fetch

Progress = Callable[[str, float], None]
SPARE = 200_000_000
"""Bytes of the disk that stay free."""


def pull(spec: BackendSpec, progress: Progress, cancel: Cancel = lambda: False) -> None:
    """Fetch all weights of a backend; raises `UserError` that says what to do, or `JobCancelled`.

    A later call goes on where this one stopped, even if its process was killed.
    """
    fetch(spec.weights, progress, cancel)


def fetch(several: Sequence[Weights], progress: Progress, cancel: Cancel = lambda: False) -> None:
    """The same for weights that may belong to no backend."""
    bar = Bar(progress, cancel)
    kept = [each for each in (_ours(weights, bar) for weights in several) if not each.whole]
    if not kept:
        return
    with ExitStack() as stack:
        for root in {each.root for each in kept}:
            stack.enter_context(alone(root))
        try:
            _all(kept, bar, cancel)
        except OSError as error:
            where = error.filename or kept[0].root
            message = f"Cannot write {where}: {error.strerror}. Free some space, then fetch again."
            raise UserError(message, kind="output") from None
    progress("Installed", 1.0)


def _ours(weights: Weights, bar: Bar) -> Kept:
    """Where it can be written, unless the shared folder has it whole."""
    kept = Kept(weights)
    if kept.shared:
        bar.say("Proving the shared folder")
        with contextlib.suppress(OSError):  # one that cannot be read does not count
            if all(kept.prove(file, bar.look) for file in kept.missing()):
                return kept
    return Kept(weights, own=True)


class Bar:
    """One bar for all files, by bytes; tells at most five times a second. Also where a cancel takes effect."""

    def __init__(self, progress: Progress, cancel: Cancel) -> None:
        self._progress, self._cancel = progress, cancel
        self._last = 0.0
        self.done, self.total, self.phase = 0, 1, ""

    def say(self, phase: str) -> None:
        self.phase, self._last = phase, 0.0
        self.add(0)

    def add(self, count: int) -> None:
        self.done += count
        self.look()
        if time.monotonic() - self._last > 0.2:
            self._last = time.monotonic()
            amount = f", {gigabytes(self.done)} of {gigabytes(self.total)}" if self.total > 1 else ""
            self._progress(self.phase + amount, min(0.99, self.done / self.total))

    def look(self, count: int = 0) -> None:
        if self._cancel():
            raise JobCancelled


def _all(kept: Sequence[Kept], bar: Bar, cancel: Cancel) -> None:
    bar.say("Looking at what is here")
    wanted = [(each, file) for each in kept for file in each.missing() if not each.prove(file, bar.look)]
    if wanted:
        can_fetch()
    bar.say("Asking the hub")
    order = [(each, file, ask(each.weights, file, cancel)) for each, file in wanted]
    _check_disk(order)
    bar.total = max(1, sum(remote.size for _, _, remote in order))
    for number, (each, file, remote) in enumerate(order, 1):
        bar.say(f"Fetching {file.name} ({number} of {len(order)})")
        _one(each, file, remote, bar, cancel)


def _check_disk(order: Sequence[tuple[Kept, File, Remote]]) -> None:
    needed = sum(remote.size for _, _, remote in order)
    for each, file, _ in order:
        with contextlib.suppress(OSError):
            needed -= each.part(file).stat().st_size
    if order:
        enough(order[0][0].root, needed)


def enough(folder: Path, needed: int) -> None:
    """Raise `UserError` where a folder has less free than this many bytes and what should stay."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        text = f"The weights need {gigabytes(needed)} of disk, {folder} has {gigabytes(free)} free."
        raise UserError(f"{text} Free some space or choose another folder.", kind="output")


def _one(kept: Kept, file: File, remote: Remote, bar: Bar, cancel: Cancel) -> None:
    """Fetch, prove, and only then give it its name."""
    part, before = kept.part(file), bar.done
    resumed = part.is_file()
    while True:
        copy(kept.weights, file, remote, part, bar.add, cancel)
        bar.say(f"Proving {file.name}")
        sha256 = proved(part, remote, bar.look)
        if sha256:
            break
        part.unlink()
        if not resumed:
            text = f"{file.name} of {kept.weights.repository} arrived with another hash than it should have, and was"
            text += " deleted. Something between here and the hub changes it: check the proxy and HF_ENDPOINT."
            raise UserError(text, kind="weights")
        resumed, bar.done = False, before  # its beginning was from another time: once more, from the first byte
        bar.say(f"Fetching {file.name} again")
    with part.open("rb+") as written:
        os.fsync(written.fileno())
    os.replace(part, kept.path(file))
    kept.note(file, sha256)
