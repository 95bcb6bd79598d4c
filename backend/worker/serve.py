# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker's loop: a job id a line comes in, events go out, the end of input is the end.

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
from .execute import Backend, Load, execute


def take_pipe() -> TextIO:
    """Keep stdout for events alone: whoever prints from now on, in Python or in C, prints to the log.

    Must run before anything heavy is imported.
    """
    pipe = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def cached(load: Load) -> Load:
    """Each backend is made once and kept warm."""
    warm: dict[str, Backend] = {}

    def get(step: str) -> Backend:
        if step not in warm:
            warm[step] = load(step)
        return warm[step]

    return get


def serve(root: Path, load: Load, pipe: TextIO) -> None:
    store, load = JobStore(root), cached(load)

    def emit(event: Event) -> None:
        with contextlib.suppress(BrokenPipeError):  # the asker is gone; the result can be fetched by id
            pipe.write(encode(event) + "\n")

    for line in sys.stdin:
        execute(store, line.strip(), load, emit)


def main(argv: list[str]) -> int:
    """`STORE LOADER [SITE …]`: the folder of the jobs, the module whose `load` finds the steps, library folders.

    The Python worker is started with `backend.worker.find`, the Blender that runs scene steps with
    `addon.scene.host`, so that this side need not know Blender.
    """
    pipe = take_pipe()
    store, loader, *sites = argv
    sys.path.extend(site for site in sites if site not in sys.path)
    root = __package__.removesuffix(".backend.worker")
    serve(Path(store), importlib.import_module(f"{root}.{loader}").load, pipe)
    return 0
