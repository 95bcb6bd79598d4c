# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Blenders at the frames of one film: started, watched, replaced when they die, ended with us."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

from .....backend.protocol import child
from .....backend.protocol.errors import JobCancelled, UserError

_START = Path(__file__).resolve().parents[4] / "backend" / "__main__.py"
_MODULE = "addon.scene.lib.render.hand"
_LOOK = 0.2
_DEATHS = 5
"""So many deaths without a new frame between them, and the film is given up."""


def command(order: Path, module: str = _MODULE) -> list[str]:
    """The program that this process is, as a hand: `module` is what it does."""
    words = ["hand", module, str(order)]
    if not bpy.app.binary_path:
        return [sys.executable, "-P", str(_START), *words]
    program = [bpy.app.binary_path, "--background", "--factory-startup", "--python-exit-code", "1"]
    return [*program, "--python", str(_START), "--", *words]


class Hands:
    """`tell` hears what they say, a word each: `device`, `warning`. `there` counts the frames that are finished."""

    def __init__(self, order: Path, count: int, threads: int, there: Callable[[], int], tell: Callable[..., None]):
        self._command, self._count, self._there, self._tell = command(order), count, there, tell
        own = {"LP_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        self._environment = {**os.environ, **own}
        self._hands: list[subprocess.Popen[str]] = []
        self._said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._deaths = self._known = 0

    @property
    def pids(self) -> list[int]:
        return [hand.pid for hand in self._hands]

    def work(self, whole: int, beat: Callable[[int], None]) -> None:
        """Until so many frames are there; `beat` hears how many, five times a second, and may raise `JobCancelled`."""
        self._known = self._there()
        try:
            while (done := self._there()) < whole:
                beat(done)
                self._look(done, whole)
                time.sleep(_LOOK)
        except JobCancelled:
            self._rest()
            raise
        finally:
            self._hear(strict=False)
            self.end()

    def _look(self, done: int, whole: int) -> None:
        if done > self._known:
            self._known, self._deaths = done, 0
        dead = [hand for hand in self._hands if hand.poll() is not None]
        self._hear(strict=True)
        for hand in dead:
            self._hands.remove(hand)
            self._deaths += hand.returncode != 0
            if self._deaths >= _DEATHS:
                raise RuntimeError(f"a renderer ended with exit code {hand.returncode}, {_DEATHS} times in one frame")
        while len(self._hands) < min(self._count, whole - done):
            self._start()

    def _start(self) -> None:
        hand = child.start(self._command, env=self._environment)
        self._hands.append(hand)
        child.hear(hand, self._note)

    def _note(self, line: str | None) -> None:
        with contextlib.suppress(ValueError):  # Blender says things too
            self._said.put(dict(json.loads(line or "")))

    def _hear(self, *, strict: bool) -> None:
        while not self._said.empty():
            said = self._said.get()
            if "error" in said and strict:
                raise UserError(said["error"], kind=said["kind"]) if said["kind"] else RuntimeError(said["error"])
            self._tell(**said)

    def _rest(self) -> None:
        """Let each finish its frame. Who cannot wait for that kills us, and them with us."""
        for hand in self._hands:
            with contextlib.suppress(OSError):
                assert hand.stdin
                hand.stdin.write("stop\n")
                hand.stdin.flush()
        for hand in self._hands:
            hand.wait()

    def end(self) -> None:
        """At once."""
        for hand in self._hands:
            child.end(hand)
        self._hands.clear()
