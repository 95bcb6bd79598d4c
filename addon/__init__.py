# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs in Blender. May import bpy; never imports torch or a model library.

Registering starts nothing: no process, no network, no look at the disk beyond the catalogue.
"""

from __future__ import annotations

import contextlib
import gc
import importlib

MODULES = ("preferences", "settings", "previews", "timer", "environment", "models", "ops", "ui", "headless")
"""In order; undone in reverse."""

_registered: list[str] = []


def register() -> None:
    collects = gc.isenabled()
    gc.disable()  # nothing made here is garbage, and looking for some costs a tenth of the whole
    try:
        for name in MODULES:
            importlib.import_module(f".{name}", __package__).register()
            _registered.append(name)
    except Exception:
        unregister()  # half an extension must not stay: the next attempt would trip over it
        raise
    finally:
        if collects:
            gc.enable()


def unregister() -> None:
    with contextlib.ExitStack() as undoing:  # where one of them fails, the others are undone all the same
        while _registered:
            undoing.callback(importlib.import_module(f".{_registered.pop(0)}", __package__).unregister)
