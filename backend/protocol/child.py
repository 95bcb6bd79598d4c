# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of ours that speaks in lines, and one that ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any


def start(command: Sequence[str], **more: Any) -> subprocess.Popen[str]:
    """Its output is text to be read, its input to be written unless `more`, which is for Popen, says otherwise."""
    given = {"stdin": subprocess.PIPE, **more}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace", **given)


def hear(process: subprocess.Popen[str], told: Callable[[str | None], None]) -> None:
    """Each line of it is told in a thread of its own, and None when there are no more."""

    def listen() -> None:
        with contextlib.suppress(ValueError, OSError):  # it was closed
            for line in process.stdout or ():
                told(line)
        told(None)

    threading.Thread(target=listen, daemon=True).start()


def end(process: subprocess.Popen[str]) -> int:
    """At once, if it has not ended; its exit code."""
    process.kill()
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe:
                pipe.close()
    return code


def end_with(parent: int) -> None:
    """End this process when the one that started it is gone, killed without a word: whoever waits at a pipe or for
    calls would live on."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()
