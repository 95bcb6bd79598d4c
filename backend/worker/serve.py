# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's loop: a line of job ids comes in, events go out, the end of input is the end.

The same loop serves the Python worker and the Blender that runs scene steps; they differ in what `load` finds.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path
from typing import TextIO

from ..protocol.event import Event, encode
from ..protocol.store import JobStore
from .execute import Backend, Load
from .together import execute_together


def take_pipes() -> tuple[TextIO, TextIO]:
    """Keep stdin for orders and stdout for events alone: who reads from now on finds the end, and who prints, in Python
    or in C, prints to the log.

    Must run before anything heavy is imported.
    """
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    events = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, events


class Warm:
    """Each backend is made once and kept; of those that hold a learned model one at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._kept: dict[str, Backend] = {}

    def __call__(self, step: str) -> Backend:
        if step not in self._kept:
            self.let_go()
            self._kept[step] = self._load(step)
        return self._kept[step]

    def let_go(self) -> None:
        """Drop the learned models, so that their memory is free for others: the next model, Cycles."""
        big = [step for step, backend in self._kept.items() if backend.spec.runtime == "full"]
        for step in big:
            del self._kept[step]
        if big:
            from ..hub.device import let_go

            let_go()


def serve(root: Path, load: Load, orders: TextIO, events: TextIO) -> None:
    """A line holds the id of a job, or of several to be done together; an empty one asks to let go of models."""
    store, warm = JobStore(root), Warm(load)

    def emit(event: Event) -> None:
        with contextlib.suppress(BrokenPipeError):  # the asker is gone; the result can be fetched by id
            events.write(encode(event) + "\n")

    for line in orders:
        if line.strip():
            execute_together(store, line.split(), warm, emit)
        else:
            warm.let_go()


def main(argv: list[str]) -> int:
    """`STORE LOADER [SITE …]`: the folder of the jobs, the module whose `load` finds the steps, library folders.

    The Python worker is started with `backend.worker.find`, the Blender that runs scene steps with
    `addon.scene.host`, so that this side need not know Blender.
    """
    orders, events = take_pipes()
    store, loader, *sites = argv
    sys.path.extend(site for site in sites if site not in sys.path)
    root = __package__.removesuffix(".backend.worker")
    serve(Path(store), importlib.import_module(f"{root}.{loader}").load, orders, events)
    return 0
