# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of the chosen backend, as seen from the window: what is here, and one helper process that fetches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..backend.protocol.catalog import catalog
from . import prefs
from .bridge import bridge
from .environment import Task, Told
from .windows import redraw

if TYPE_CHECKING:
    from ..backend.hub import Kept

work = Told()
"""Of the process that fetches, checks or deletes; one at a time."""
doing = ""
"""The backend whose weights it works on."""
_whole: dict[str, tuple[float, bool]] = {}


def whole(backend: str) -> bool:
    """All weights of this backend are here. Looked up at most every two seconds: panels ask while they draw."""
    asked, found = _whole.get(backend, (0.0, False))
    if time.monotonic() - asked > 2.0:
        found = all(each.whole for each in _kept(backend))
        _whole[backend] = (time.monotonic(), found)
    return found


def _kept(backend: str) -> list[Kept]:
    from ..backend.hub import Kept

    spec = catalog().get(backend)
    return [Kept(weights) for weights in spec.weights] if spec else []


def needed(settings: Any, step: str) -> bool:
    """This step cannot run before its weights are fetched."""
    own = getattr(getattr(settings.steps, step, None), "weights", "")
    return not own and not whole(step)


def look_again() -> None:
    _whole.clear()


def start(action: str, backend: str) -> None:
    """`action` of `galatea models`: pull, verify or remove. What was asked before, such as a licence, is agreed to."""
    global doing
    work.clear()
    doing = backend

    def listen(line: Any) -> None:
        if not isinstance(line, dict):
            return
        if line.get("event") == "progress":
            work.phase, work.fraction = str(line["phase"]), float(line["fraction"])
        elif line.get("event") == "log":
            work.said = str(line["text"])

    work.phase = "Starting"
    flags = ["--yes"] if action == "pull" else []
    task = _Task(work, ["models", action, backend, "--json", *flags], listen, prefs.full_python())
    bridge.tasks.append(task)
    bridge.wake()


class _Task(Task):
    def tick(self) -> bool:
        ended = super().tick()
        if ended:
            look_again()
        return ended


def stop() -> None:
    if work.task:
        bridge.tasks.remove(work.task)
        work.task.stop()
        work.phase, work.error = "", "The download was stopped. Download again: it goes on where it stopped."
    look_again()
    redraw()


def register() -> None:
    pass


def unregister() -> None:
    """As it was when Blender started. Its process is a task of the bridge, which ends it."""
    global doing
    work.clear()
    doing = ""
    look_again()
