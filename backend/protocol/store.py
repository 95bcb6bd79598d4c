# SPDX-License-Identifier: GPL-3.0-or-later
"""Job folders: what is asked, what came out, and who is at it. Everything else is derived from the files.

<root>/<job id>/request.json     the order
                claim            the process that works on it
                cancel           somebody wants it stopped
                out-1/ out-2/    one folder an attempt; the result names the one that counts
                keep/            what survives an interrupted attempt, such as finished frames
                result.json      the end: appears whole or not at all
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import UserError
from .job import JobState, Request, Result

FOREIGN_SECONDS, BEAT_SECONDS = 120.0, 10.0
"""A claim of another machine that has not been touched for so long is dead; every process touches its own so often."""
_ID = re.compile(r"[a-z0-9_]+-[0-9a-f]{20}")


def publish(path: Path, data: dict[str, Any]) -> None:
    """Write JSON so that the file appears whole or not at all, even if the power goes."""
    os.replace(_written(path, data), path)


def publish_once(path: Path, data: dict[str, Any]) -> None:
    """As `publish`, and where the file is there already it stays. A disk without hard links replaces it."""
    part = _written(path, data)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    except OSError:
        os.replace(part, path)
    part.unlink(missing_ok=True)


def _written(path: Path, data: dict[str, Any]) -> Path:
    """Beside the path, under a name that no process of any machine has too."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return part


def _load(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        raise UserError(f"{path} is damaged. Delete its folder and run again.", kind="output") from None
    if not isinstance(data, dict):
        raise UserError(f"{path} is damaged. Delete its folder and run again.", kind="output")
    return data


def process_alive(pid: int) -> bool:
    if os.name == "nt":
        import ctypes

        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
        handle = kernel.OpenProcess(0x100000, False, pid)  # SYNCHRONIZE
        if not handle:
            return False
        running = kernel.WaitForSingleObject(handle, 0) == 0x102  # WAIT_TIMEOUT
        kernel.CloseHandle(handle)
        return bool(running)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Dead, but nobody has asked how it ended: in a container without an init that can last for ever."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _born(pid: int) -> str:
    """When the process began, as the system counts it: the same number after a reboot is another process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _claimant(path: Path, text: str) -> int | None:
    """The living process that a claim names."""
    try:
        age = time.time() - path.stat().st_mtime
        data = json.loads(text)
        pid, host, born = int(data["pid"]), data["host"], data.get("born", "")
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        return 0 if age < 5 else None  # just being written
    if host != socket.gethostname():
        return pid if age < FOREIGN_SECONDS else None
    if pid == os.getpid() or not process_alive(pid):
        return None
    return pid if born == _born(pid) else None


def _drop(path: Path, text: str) -> None:
    """Remove a dead claim. Where another process has just claimed instead, its claim is put back."""
    grave = path.with_name(f"claim.{uuid.uuid4().hex}.part")
    with contextlib.suppress(OSError):
        os.replace(path, grave)
        if _read(grave) != text:
            os.link(grave, path)
        grave.unlink()


def claim(path: Path) -> bool:
    """True if this process may work on what the claim file stands for. A claim whose process is gone does not count."""
    mine = _mine()
    for _ in range(3):
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            text = _read(path)
            if _claimant(path, text) is not None:
                return False
            _drop(path, text)
            continue
        with os.fdopen(handle, "w") as file:
            file.write(mine)
        _pulse.add(path)
        return True
    return False


def release(path: Path) -> None:
    """Take this process's claim away; that of another stays."""
    _pulse.drop(path)
    if _read(path) == _mine():
        path.unlink(missing_ok=True)


def _mine() -> str:
    """What stands in the claims of this process."""
    return json.dumps({"pid": os.getpid(), "born": _born(os.getpid()), "host": socket.gethostname()})


class _Pulse:
    """Touches the claims of this process for as long as it lives, for machines that cannot see it."""

    def __init__(self) -> None:
        self._held: set[Path] = set()
        self._thread: threading.Thread | None = None

    def add(self, path: Path) -> None:
        self._held.add(path)
        if not self._thread:
            self._thread = threading.Thread(target=self._beat, name="claims", daemon=True)
            self._thread.start()

    def drop(self, path: Path) -> None:
        self._held.discard(path)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            for path in tuple(self._held):
                with contextlib.suppress(OSError):
                    os.utime(path)


_pulse = _Pulse()


class JobStore:
    """All jobs below one folder. Several processes may use one store at once."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def folder(self, job: str) -> Path:
        if not _ID.fullmatch(job):
            raise UserError(f"{job!r} is not a job id. See `galatea jobs`.", kind="usage")
        return self.root / job

    def add(self, request: Request) -> None:
        """Take the order. A finished result stays and answers at once; a failed or cancelled one makes way."""
        folder = self.folder(request.id)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            result = self.result(request.id)
            if result and result.state is not JobState.DONE:
                (folder / "result.json").unlink(missing_ok=True)
            if self.claimant(request.id) is None:
                (folder / "cancel").unlink(missing_ok=True)
            publish(folder / "request.json", request.to_json())
        except OSError as error:
            raise UserError(
                f"Cannot write {folder}: {error.strerror}. Choose another data folder.", kind="output"
            ) from None

    def request(self, job: str) -> Request:
        data = _load(self.folder(job) / "request.json")
        if data is None:
            raise UserError(f"There is no job {job}. See `galatea jobs`.", kind="usage")
        return Request.from_json(data)

    def result(self, job: str) -> Result | None:
        """The published result. One that is damaged or whose files were deleted or cut short does not count."""
        folder = self.folder(job)
        try:
            data = _load(folder / "result.json")
            if data is None:
                return None
            result = Result.from_json(data)
        except (UserError, ValueError, TypeError, KeyError, AttributeError):
            return None  # cut by a crash, or written by another version
        for asset in result.assets:
            path = self.folder(job) / asset.path
            if not path.is_file() or path.stat().st_size != asset.size:
                return None
        return result

    def file(self, result: Result, role: str) -> Path:
        return self.folder(result.job) / result.asset(role).path

    def files(self, result: Result) -> dict[str, Path]:
        return {asset.role: self.folder(result.job) / asset.path for asset in result.assets}

    def publish(self, result: Result) -> None:
        """The first one counts: of two machines that did the same one was too late."""
        path = self.folder(result.job) / "result.json"
        if path.exists() and self.result(result.job) is None:
            path.unlink(missing_ok=True)  # damaged
        publish_once(path, result.to_json())

    def attempt(self, job: str) -> Path:
        """A new empty folder for one attempt."""
        number = 1
        while True:
            folder = self.folder(job) / f"out-{number}"
            try:
                folder.mkdir(parents=True)
                return folder
            except FileExistsError:
                number += 1

    def keep(self, job: str) -> Path:
        folder = self.folder(job) / "keep"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def cancel(self, job: str) -> None:
        (self.folder(job) / "cancel").touch()

    def cancelled(self, job: str) -> bool:
        return (self.folder(job) / "cancel").exists()

    def claim(self, job: str) -> bool:
        """True if this process may work on the job now. A claim whose process is gone does not count."""
        return claim(self.folder(job) / "claim")

    def release(self, job: str) -> None:
        release(self.folder(job) / "claim")

    def claimant(self, job: str) -> int | None:
        """The process that works on the job, here or on another machine; None where nobody does."""
        path = self.folder(job) / "claim"
        return _claimant(path, _read(path))

    def state(self, job: str) -> JobState:
        result = self.result(job)
        if result:
            return result.state
        if self.claimant(job) is not None:
            return JobState.RUNNING
        return JobState.ORPHAN if (self.folder(job) / "claim").exists() else JobState.QUEUED

    def jobs(self) -> Iterator[str]:
        """Ids, the newest first."""
        if not self.root.is_dir():
            return
        folders = [p for p in self.root.iterdir() if _ID.fullmatch(p.name) and (p / "request.json").is_file()]
        for folder in sorted(folders, key=lambda p: (-(p / "request.json").stat().st_mtime, p.name)):
            yield folder.name

    def orphans(self) -> list[str]:
        return [job for job in self.jobs() if self.state(job) is JobState.ORPHAN]

    def forget(self, job: str) -> None:
        """Drop the result and what was kept, so that the job is done afresh."""
        (self.folder(job) / "result.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder(job) / "keep", ignore_errors=True)

    def remove(self, job: str) -> None:
        shutil.rmtree(self.folder(job), ignore_errors=True)
