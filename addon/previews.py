# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the job list. Loaded when a job ends, never while drawing; freed on unregister."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews

_pictures: Any = None


def show(run: str, path: Path | None) -> None:
    """Let the run have this picture from now on."""
    global _pictures
    if path is None or bpy.app.background:
        return
    if _pictures is None:
        _pictures = bpy.utils.previews.new()
    if run in _pictures:
        del _pictures[run]
    _pictures.load(run, str(path), "IMAGE")


def icon(run: str) -> int:
    """0 where there is no picture."""
    if _pictures is None or run not in _pictures:
        return 0
    return int(_pictures[run].icon_id)


def register() -> None:
    pass


def unregister() -> None:
    global _pictures
    if _pictures is not None:
        bpy.utils.previews.remove(_pictures)
        _pictures = None
