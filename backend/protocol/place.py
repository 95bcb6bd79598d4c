# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the data of one user lies: jobs, weights, the full environment, backends of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_chosen: Path | None = None


def choose(folder: Path | None) -> None:
    """From now on this folder is meant in this process; None for the usual one."""
    global _chosen
    _chosen = folder


def data_folder() -> Path:
    """The chosen one, `GALATEA_HOME`, or the place where this system keeps an application's data."""
    if _chosen:
        return _chosen
    if os.environ.get("GALATEA_HOME"):
        return Path(os.environ["GALATEA_HOME"]).expanduser().resolve()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData/Local")) / "Galatea"
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/Galatea"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share")) / "galatea"


def gigabytes(size: float) -> str:
    """A number of bytes for people."""
    for unit, digits, name in ((1e9, 1, "GB"), (1e6, 0, "MB"), (1e3, 0, "kB")):
        if size >= unit:
            return f"{size / unit:.{digits}f} {name}"
    return f"{size:.0f} bytes"
