# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program runs which runtime, and one runner that sends each request to the right one."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.event import Event
from ..protocol.job import Request
from ..protocol.place import data_folder
from ..protocol.store import JobStore
from .local import LocalRunner

START = Path(__file__).resolve().parents[1] / "__main__.py"
TOGETHER = 4
"""So many pictures go through the processes of models side by side, step by step: a model is loaded once for them and
can look at them at once. Blender does one after the other, for it has the scene of the first still open."""
SCENE_LIBRARIES = ("coacd", "fast_simplification", "xatlas")
"""What scene steps use where it is there, and do without else."""
PYTHON_LOADER, SCENE_LOADER = "backend.worker.find", "addon.scene.host"


def library_folders() -> list[str]:
    """Where this process finds the wheels, for a child that starts from scratch. Nothing is imported."""
    found = []
    for name in ("numpy", "PIL", "onnxruntime", *SCENE_LIBRARIES):
        spec = find_spec(name)
        if spec and spec.origin:
            folder = str(Path(spec.origin).parents[1])
            if folder not in found:
                found.append(folder)
    return found


def _which(blender: str) -> str:
    """The version of the bpy module, or what tells one Blender program from another without starting it."""
    if blender:
        with contextlib.suppress(OSError):
            program = Path(blender).resolve()
            return f"{program.name} {program.stat().st_size} {program.stat().st_mtime_ns}"
        return blender
    with contextlib.suppress(metadata.PackageNotFoundError):
        return f"bpy {metadata.version('bpy')}"
    return "bpy"


@dataclass(frozen=True)
class Runtimes:
    """The commands of the three runtimes; an empty one says that it is not there."""

    bundled: Sequence[str]
    blender: Sequence[str]
    full: Sequence[str] = ()
    identity: str = ""
    """Which Blender runs the scene steps, and which of SCENE_LIBRARIES it has: part of their jobs' ids."""

    @classmethod
    def here(cls, *, blender: str = "", full_python: str = "") -> Runtimes:
        """For this process. `blender` is the Blender that we run in; else `GALATEA_BLENDER`, else the bpy module."""
        sites = library_folders()
        own = sites if blender or not os.environ.get("GALATEA_BLENDER") else []  # another Blender has another Python
        blender = blender or os.environ.get("GALATEA_BLENDER", "")
        python = [sys.executable, "-P", str(START), "worker", "{store}"]
        scene = ["worker", "{store}", SCENE_LOADER, *own]
        if blender:
            program = [blender, "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(START)]
            scene = [*program, "--", *scene]
        else:
            scene = [sys.executable, "-P", str(START), *scene] if find_spec("bpy") else []
        full = [full_python, "-P", str(START), "worker", "{store}", PYTHON_LOADER] if full_python else []
        if not full and find_spec("torch"):
            full = [*python, PYTHON_LOADER]
        there = [name for name in SCENE_LIBRARIES if own and find_spec(name)]
        return cls([*python, PYTHON_LOADER, *sites], scene, full, ", ".join([_which(blender), *there]))

    def command(self, runtime: str) -> Sequence[str]:
        command: Sequence[str] = getattr(self, runtime)
        if command and runtime == "blender" and not shutil.which(command[0]):
            text = (
                f"There is no program {command[0]}. Check the path of Blender: in the preferences, or GALATEA_BLENDER."
            )
            raise UserError(text, kind="environment")
        if command:
            return command
        if runtime == "blender":
            raise UserError(
                "No Blender was found. Set GALATEA_BLENDER to the Blender program, or `pip install bpy`.",
                kind="environment",
            )
        raise UserError(
            "This backend needs the full environment. Install it in the preferences, or with `galatea env install`.",
            kind="environment",
        )

    def hand(self, runtime: str, *words: str) -> list[str]:
        """The command of a process that only answers: a module that has `main`, and its arguments."""
        command = self.command(runtime)
        return [*command[: command.index("worker")], "hand", *words]


class Dispatch:
    """A runner that keeps one child process a runtime, each started when first needed, with this `environment` too."""

    def __init__(
        self,
        store: JobStore,
        runtimes: Runtimes,
        *,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.runtimes = runtimes
        self._store, self._timeout = store, timeout
        self._environment = dict(environment or {})
        self._runners: dict[str, LocalRunner] = {}
        self._where: dict[str, str] = {}

    @property
    def blender(self) -> str:
        """Which Blender runs the scene steps; what `flow.walk` wants to know."""
        return self.runtimes.identity

    def submit(self, request: Request, *, turn: int = 0) -> None:
        runtime = spec_of(request.backend).runtime
        if runtime not in self._runners:
            command = self.runtimes.command(runtime)
            own = {**self._environment, "GALATEA_HOME": str(data_folder())}
            if runtime == "blender":  # a Blender of ours neither reads nor touches the user's settings and extensions
                own["BLENDER_USER_RESOURCES"] = str(self._store.root / "blender")
            self._runners[runtime] = LocalRunner(
                self._store, command, name=runtime, timeout=self._timeout, environment=own
            )
        self._where[request.id] = runtime
        if runtime == "blender" and "full" in self._runners:
            self._runners["full"].rest()  # Cycles renders on the same card
        self._runners[runtime].submit(request, turn=turn // (1 if runtime == "blender" else TOGETHER))

    def poll(self) -> list[Event]:
        return [event for runner in self._runners.values() for event in runner.poll()]

    def cancel(self, job: str, *, gently: bool = False) -> None:
        if job in self._where:
            self._runners[self._where[job]].cancel(job, gently=gently)

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()
        self._runners.clear()
