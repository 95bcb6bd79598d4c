# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper processes of the window, such as the installer: which run, and what they told last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import prefs, windows


@dataclass
class Told:
    """What a helper said last: its own words and numbers."""

    phase: str = ""
    fraction: float = 0.0
    said: str = ""
    """The last thing beside its progress; of an installation that failed, why."""
    error: str = ""
    findings: list[dict[str, str]] = field(default_factory=list)
    task: Helper | None = None

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


class Helper:
    """A child that the bridge looks at, until `tick` says that it has ended; then `ended` is called."""

    def __init__(
        self,
        told: Told,
        arguments: list[str],
        listen: Callable[[Any], None],
        ended: Callable[[], None],
        *,
        program: str = "",
        renews: bool = False,
        **env: str,
    ) -> None:
        """`renews`: what it changes is only seen by processes that are started after it."""
        from .child import Child  # loads what starts processes: not on register

        env["GALATEA_HOME"] = str(prefs.data_folder())
        self.renews = renews
        self._told, self._ended, self._child = told, ended, Child(arguments, listen, env=env, program=program)
        told.task = self
        running.append(self)
        windows.wake()

    def tick(self) -> bool:
        ended = self._child.tick()
        if ended:
            self._leave()
            if self._child.code and not self._told.findings:
                words = " ".join(line.strip().removeprefix("galatea: ") for line in list(self._child.last)[-2:])
                self._told.error = (
                    self._told.said or words or f"It ended with exit code {self._child.code}. Run it again."
                )
        windows.redraw()
        return ended

    def stop(self) -> None:
        self._child.stop()
        self._leave()

    def _leave(self) -> None:
        running.remove(self)
        self._told.task = None
        self._ended()


running: list[Helper] = []
