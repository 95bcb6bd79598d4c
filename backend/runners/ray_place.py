# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives in a Ray actor: a place of work with its own child processes, on whatever machine Ray found for it.

It works in the asker's own folder of jobs where that can be seen from here, and else in one of its own, which is gone
with it. The models are in the child processes, so a model that crashes takes one job along and not the place. Ray is
not imported here: what goes in and out is text, bytes and numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..protocol import whole
from ..protocol.claims import process_alive
from ..protocol.event import encode
from ..protocol.job import Request
from ..protocol.store import JobStore
from .apart import Apart
from .runtimes import Dispatch, Runtimes

_PREFIX = "galatea-ray-"
_GATHER_SECONDS = 0.05
"""What is said within so short a time goes out together."""


class Place:
    """Made by `offer`, which the asker sends; `hello` says what became of it. What a method raises is the place's
    trouble, such as a full disk, and not the job's."""

    def __init__(self, offer: dict[str, Any]) -> None:
        self._own: Path | None = None
        self.shared = _seen(Path(offer["store"]), offer["probe"])
        if not self.shared:
            self._own = _folder()
        self._store = JobStore(Path(offer["store"]) if self.shared else self._own or Path())
        self._trouble, environment = "", dict(offer["environment"])
        if self.shared:
            environment["GALATEA_HOME"] = offer["home"]
        os.environ.update(environment)  # what may be used here is asked in this process too
        runtimes = self._runtimes(offer)
        self._runner = Apart(
            self._store,
            lambda: Dispatch(self._store, runtimes, timeout=offer["timeout"], environment=environment),
            name="place",
        )

    def _runtimes(self, offer: dict[str, Any]) -> Runtimes:
        """The asker's own programs where they lie here too; else those of this machine, if they are the same."""
        from ..version import VERSION

        given = Runtimes(**offer["runtimes"])
        commands = [command for command in (given.bundled, given.blender, given.full) if command]
        if all(shutil.which(command[0]) for command in commands) and Path(offer["start"]).is_file():
            return given
        here = Runtimes.here(blender=os.environ.get("GALATEA_BLENDER", ""))
        if offer["version"] != VERSION:
            self._trouble = f"It has Galatea {VERSION}, and {offer['version']} is asked for. Install the same there."
        elif here.identity != given.identity:
            self._trouble = f"It has {here.identity}, and {given.identity} is asked for. Install the same there."
        return here

    def hello(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "pid": os.getpid(), "shared": self.shared, "trouble": self._trouble}

    def look(self, seconds: float) -> list[str]:
        """What was said since the last call, as lines; waits so long for the first."""
        events = self._runner.wait(seconds)
        if events:
            time.sleep(_GATHER_SECONDS)
            events += self._runner.poll()
        return [encode(event) for event in events]

    def submit(self, request: str, turn: int) -> None:
        asked = Request.from_json(json.loads(request))
        if not self.shared:
            inputs = {role: str(self._store.root / path) for role, path in asked.inputs.items()}
            params = {name: _here(value, self._store.root) for name, value in asked.params.items()}
            asked = Request(**{**asked.to_json(), "inputs": inputs, "params": params})
            (self._store.folder(asked.id) / "result.json").unlink(missing_ok=True)  # what the asker knows counts
        self._runner.submit(asked, turn=turn)

    def cancel(self, job: str, gently: bool) -> None:
        self._runner.cancel(job, gently=gently)

    def lacks(self, files: Sequence[tuple[str, int]]) -> list[str]:
        """Which of these, paths below the folder of jobs and their sizes, are not here."""
        return [name for name, size in files if not _is(self._path(name), size)]

    def put(self, name: str, sha256: str, *pieces: bytes) -> None:
        """Take a file in; raises `OSError` where it is not what was meant."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with whole.part(path) as part:
            with part.open("wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    file.write(piece)
            if sha256 and digest.hexdigest() != sha256:
                raise OSError(f"{name} did not arrive whole")
            if path.name == "request.json":
                root = json.dumps(f"{self._store.root.resolve()}/")[1:-1]
                part.write_text(part.read_text(encoding="utf-8").replace(f'"{HERE}', f'"{root}'), encoding="utf-8")

    def made(self, job: str, kept: bool) -> dict[str, Any]:
        """The result, and the files that go with it: path below the job's folder, and size; `kept` frames too."""
        result = self._store.result(job)
        if result is None:
            return {"result": None, "files": []}
        folder = self._store.folder(job)
        names = [asset.path for asset in result.assets]
        if kept and (folder / "keep").is_dir():
            names += [p.relative_to(folder).as_posix() for p in sorted((folder / "keep").rglob("*")) if p.is_file()]
        return {"result": result.to_json(), "files": [(name, (folder / name).stat().st_size) for name in names]}

    def piece(self, job: str, name: str, start: int, size: int) -> bytes:
        with self._path(f"{job}/{name}").open("rb") as file:
            file.seek(start)
            return file.read(size)

    def close(self) -> None:
        self._runner.close()
        if self._own:
            shutil.rmtree(self._own, ignore_errors=True)

    def _path(self, name: str) -> Path:
        path = (self._store.root / name).resolve()
        if not path.is_relative_to(self._store.root.resolve()):
            raise OSError(f"{name} is not below the folder of jobs")
        return path


def _seen(store: Path, probe: str) -> bool:
    """The asker left a file with its own name in it: it is the same folder if we can read that and answer beside it."""
    try:
        same = (store / probe).read_text(encoding="utf-8") == probe if probe else False
        if same:
            (store / f"{probe}.{os.getpid()}").touch()
    except OSError:
        return False
    return same


def _folder() -> Path:
    """For one process, below the machine's folder for such things; those of dead ones are swept away."""
    parent = Path(tempfile.gettempdir())
    for path in parent.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not process_alive(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _is(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


HERE = "galatea:"
"""Begins the value of a parameter that is a file which travelled along."""


def _here(value: Any, root: Path) -> Any:
    return str(root / value.removeprefix(HERE)) if isinstance(value, str) and value.startswith(HERE) else value
