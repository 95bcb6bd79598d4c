# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes of the command line, and the fake step that they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PATIENCE = 300
"""Seconds until what does not end is said to hang; the machine may be loaded."""
RECIPE = 'version = 1\nname = "Wiring"\ninputs = []\n\n[[step]]\ndo = "fake"\n'


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "galatea.backend", *map(str, arguments)]


def galatea(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=PATIENCE, **more)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def wait_for(path: Path, text: str = "") -> None:
    end = time.monotonic() + PATIENCE
    while not (path.exists() and text in path.read_text(encoding="utf-8", errors="replace")):
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def left_behind(word: str) -> list[str]:
    """Processes whose command line or environment names this, after a moment."""
    end, found = time.monotonic() + PATIENCE, ["?"]
    while found and time.monotonic() < end:
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                told = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
                dead = (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if word.encode() in told and not dead and path.name != str(os.getpid()):
                found.append(path.name)
        time.sleep(0.05)
    return found
