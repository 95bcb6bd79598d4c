# SPDX-License-Identifier: GPL-3.0-or-later
"""A program beside Blender that speaks JSON lines: the installer and the doctor. No bpy."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

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
        self._process = subprocess.Popen(
            [program or sys.executable, "-P", str(START), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**child_environment(), **env},
        )
        assert self._process.stdout
        threading.Thread(target=self._pump, args=(self._process.stdout,), daemon=True).start()

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

    def _pump(self, stdout: IO[str]) -> None:
        with contextlib.suppress(ValueError):
            for line in stdout:
                self._lines.put(line)
        self._lines.put(None)
