# SPDX-License-Identifier: GPL-3.0-or-later
"""pip in the environment's own Python, heard line by line. It ends when we end, however that happens."""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from ..protocol import child
from ..protocol.errors import UserError
from ..runners.local import child_environment

FETCHED = 0.7
"""Of a package's share of the progress, what fetching takes; unpacking is the rest."""

_PROGRAM = """
import os, runpy, sys, threading
def watch():  # nothing is ever written to this pipe: that it ends says that the installer is gone
    os.read(0, 1)
    os._exit(143)
threading.Thread(target=watch, daemon=True).start()
sys.argv = ["pip", *sys.argv[1:]]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""
_RAW = re.compile(r"Progress (\d+) of (\d+)")
_UNREACHABLE = ("NewConnectionError", "name resolution", "ConnectTimeoutError", "No route to host", "Max retries")
_ABSENT = ("No matching distribution", "Could not find a version")


class Pip:
    """The pip of one Python, told by events, stoppable."""

    def __init__(self, python: Path, options: Sequence[str] = ()) -> None:
        self._command = [str(python), "-I", "-u", "-c", _PROGRAM]
        self._options = list(options)
        self.bytes_told = True
        """This pip can say how much it has fetched (24.1 and later)."""

    def install(self, requirement: str, told: Callable[[str, float], None]) -> None:
        """Install this and nothing else; `told` hears the phase and how much of it all is done. Raises `UserError`."""
        arguments = ["install", "--no-deps", "--only-binary", ":all:", "--no-warn-script-location", *self._options]
        if self.bytes_told:
            arguments += ["--progress-bar", "raw"]
        tail: deque[str] = deque(maxlen=30)

        def line(text: str) -> None:
            match = _RAW.fullmatch(text)
            if match:
                told("Fetching", FETCHED * int(match[1]) / max(1, int(match[2])))
                return
            tail.append(text)
            if text.startswith("Installing"):
                told("Unpacking", FETCHED)

        told("Fetching", 0.0)
        if self._run([*arguments, requirement], line) != 0:
            raise explain(requirement, "\n".join(tail))

    def knows(self, name: str, version: str) -> bool:
        """True if one of pip's sources has this very version."""
        lines: list[str] = []
        code = self._run(["index", "versions", *self._options, name], lines.append)
        return code == 0 and version in re.split(r"[\s,()]+", " ".join(lines))

    def _run(self, arguments: list[str], line: Callable[[str], None]) -> int:
        environment = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_NO_COLOR": "1"}
        pip = child.start(
            [*self._command, *arguments], stderr=subprocess.STDOUT, env={**child_environment(), **environment}
        )
        try:
            for text in pip.stdout or ():
                line(text.strip())
            return pip.wait()
        finally:
            child.end(pip)


def explain(requirement: str, output: str) -> UserError:
    """Why pip failed, and what to do."""
    again = "then install again: it goes on where it stopped"
    if "No space left" in output or "Errno 28" in output:
        return UserError(f"The disk is full. Free some space, {again}.", kind="output", hint=output)
    if any(text in output for text in _UNREACHABLE):
        message = f"The package index cannot be reached. Check the network and its proxy, {again}."
        return UserError(message, kind="environment", hint=output)
    if any(text in output for text in _ABSENT):
        message = f"None of pip's sources has {requirement} for this system. Name one that has with --index."
        return UserError(message, kind="environment", hint=output)
    return UserError(
        f"pip could not install {requirement}. Look at the hint, {again}.", kind="environment", hint=output
    )
