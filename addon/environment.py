# SPDX-License-Identifier: GPL-3.0-or-later
"""The full environment and the doctor, as seen from the window: two helper processes and what they told last."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bpy

from ..backend.protocol.catalog import catalog
from . import prefs
from .bridge import bridge
from .windows import redraw


@dataclass
class Told:
    """What the installer said last: its own words and numbers."""

    phase: str = ""
    fraction: float = 0.0
    said: str = ""
    """The last thing beside its progress; of an installation that failed, why."""
    error: str = ""
    findings: list[dict[str, str]] = field(default_factory=list)
    task: Task | None = None

    def clear(self) -> None:
        for name, value in vars(Told()).items():
            setattr(self, name, value)

    @property
    def running(self) -> bool:
        return self.task is not None

    def listen(self, line: Any) -> None:
        """One line of a child that reports progress."""
        event = line.get("event") if isinstance(line, dict) else ""
        if event == "progress":
            self.phase, self.fraction = str(line["phase"]), float(line["fraction"])
        elif event == "log":
            self.said = str(line["text"])


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


class Task:
    """A child that the bridge looks at."""

    def __init__(
        self, told: Told, arguments: list[str], listen: Callable[[Any], None], program: str = "", **env: str
    ) -> None:
        from .child import Child  # loads what starts processes: not on register

        env["GALATEA_HOME"] = str(prefs.data_folder())
        self._told, self._child = told, Child(arguments, listen, env=env, program=program)
        told.task = self

    def tick(self) -> bool:
        ended = self._child.tick()
        redraw()
        if ended:
            self._told.task = None
            look_again()
            if self._told is install:
                bridge.renew()
            if self._child.code and not self._told.findings:
                words = " ".join(line.strip().removeprefix("galatea: ") for line in list(self._child.last)[-2:])
                self._told.error = (
                    self._told.said or words or f"It ended with exit code {self._child.code}. Run it again."
                )
        return ended

    def stop(self) -> None:
        self._child.stop()
        self._told.task = None


def start_install(*arguments: str) -> None:
    install.clear()
    install.phase = "Starting"
    bridge.tasks.append(Task(install, ["env", "install", "--json", *arguments], install.listen))
    bridge.wake()


def stop_install() -> None:
    if install.task:
        bridge.tasks.remove(install.task)
        install.task.stop()
        install.phase, install.error = "", "The installation was stopped. Install again: what was downloaded is kept."
    redraw()


def start_doctor(bundle: str = "") -> None:
    """`bundle` is a zip to write beside, for whoever helps."""
    doctor.clear()

    def listen(line: Any) -> None:
        if isinstance(line, list):
            doctor.findings = line

    from ..backend.runners.runtimes import library_folders

    # it must see the libraries that this Blender sees
    env = {"PYTHONPATH": os.pathsep.join(library_folders()), "GALATEA_BLENDER": bpy.app.binary_path}
    more = ["--bundle", bundle] if bundle else []
    bridge.tasks.append(Task(doctor, ["doctor", "--json", *more], listen, **env))
    bridge.wake()


def register() -> None:
    pass


def unregister() -> None:
    """As it was when Blender started. Its processes are tasks of the bridge, which ends them."""
    install.clear()
    doctor.clear()
    look_again()
