# SPDX-License-Identifier: GPL-3.0-or-later
"""A program beside Blender that speaks JSON lines: the installer and the doctor. No bpy."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..backend.protocol import child
from ..backend.runners.local import child_environment
from ..backend.runners.runtimes import START

Told = Callable[[Any], None]


class Child:
    """One process; `tick` hands each line to `told` and says whether it has ended. Never blocks."""

    def __init__(self, arguments: Sequence[str], told: Told, *, env: Mapping[str, str], program: str = "") -> None:
        """`program` is the Python that runs it, ours where it is empty."""
        self.code, self._told = -1, told
        self.last: deque[str] = deque(maxlen=20)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = child.start(
            [program or sys.executable, "-P", str(START), *arguments], stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT, env={**child_environment(), **env},
        )  # fmt: skip
        child.hear(self._process, self._lines.put)

    def tick(self) -> bool:
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return False
            if line is None:
                self.code = self._process.wait()
                return True
            try:
                self._told(json.loads(line))
            except ValueError:
                self.last.append(line.rstrip())

    def stop(self) -> None:
        """Ask it to end, then make it end."""
        with contextlib.suppress(OSError):
            self._process.terminate()
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
