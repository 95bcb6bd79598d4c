# SPDX-License-Identifier: GPL-3.0-or-later
"""The full environment and the doctor, as seen from the window: two helper processes and what they told last."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import bpy

from ..backend.protocol.catalog import catalog
from . import prefs
from .helper import Helper, Told
from .windows import redraw

install = Told()
doctor = Told()
_state: tuple[float, str] = (0.0, "")


def state() -> str:
    """missing, incomplete or ready; of a Python of the user's own: own or lost.

    Looked up at most every two seconds: panels ask while they draw.
    """
    global _state
    if time.monotonic() - _state[0] > 2.0:
        _state = (time.monotonic(), _look())
    return _state[1]


def look_again() -> None:
    global _state
    _state = (0.0, "")


def needed(backend: str) -> bool:
    """Whether this backend cannot run before the full environment is installed."""
    spec = catalog().get(backend)
    return bool(spec and spec.runtime == "full" and state() not in ("ready", "own"))


def _look() -> str:
    own = prefs.own_python()
    if own:
        return "own" if own.is_file() else "lost"
    if prefs.full_python():
        return "ready"
    from ..backend.env.place import Place

    return "missing" if Place(prefs.data_folder()).state() == "absent" else "incomplete"


def start_install(*arguments: str) -> None:
    install.clear()
    install.phase = "Starting"
    Helper(install, ["env", "install", "--json", *arguments], install.listen, look_again, renews=True)


def stop_install() -> None:
    if install.task:
        install.task.stop()
        install.phase, install.error = "", "The installation was stopped. Install again: what was downloaded is kept."
    redraw()


def start_doctor(bundle: str = "") -> None:
    """`bundle` is a zip to write beside, for whoever helps."""
    doctor.clear()

    def listen(line: Any) -> None:
        if isinstance(line, list):
            doctor.findings = line

    def ended() -> None:
        if doctor.findings and bundle and Path(bundle).is_file():
            doctor.said = f"Saved {bundle}"
        look_again()

    from ..backend.runners.runtimes import library_folders

    # it must see the libraries that this Blender sees
    env = {"PYTHONPATH": os.pathsep.join(library_folders()), "GALATEA_BLENDER": bpy.app.binary_path}
    env |= {"GALATEA_WORKER_PYTHON": str(own)} if (own := prefs.own_python()) else {}
    more = ["--bundle", bundle] if bundle else []
    Helper(doctor, ["doctor", "--json", *more], listen, ended, **env)


def register() -> None:
    pass


def unregister() -> None:
    """As it was when Blender started. The bridge ends its processes."""
    install.clear()
    doctor.clear()
    look_again()
