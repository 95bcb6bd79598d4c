# SPDX-License-Identifier: GPL-3.0-or-later
"""The one timer of the window: it looks at the bridge while there is something to look at, and rests otherwise."""

from __future__ import annotations

import atexit
from typing import Any

import bpy

from . import settings, windows
from .bridge import bridge


def _pump() -> float | None:
    """It stops by itself when there is nothing to look at."""
    try:
        bridge.tick()
    except Exception as error:  # a timer that raises is dropped by Blender, and the queue would stand still
        bridge.complain(error)
    return None if bridge.idle else 0.1


def _wake(first: float = 0.01) -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=first, persistent=True)


@bpy.app.handlers.persistent
def _file_loaded(*_: Any) -> None:
    settings.settle()
    bridge.epoch += 1
    bridge.sync()


def register() -> None:
    windows.wake = _wake
    bpy.app.handlers.load_post.append(_file_loaded)
    atexit.register(bridge.close)
    _wake(first=0.5)  # the list of earlier runs, read when Blender has started


def unregister() -> None:
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    if _file_loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_file_loaded)
    atexit.unregister(bridge.close)
    bridge.close()
    bridge.forget()
