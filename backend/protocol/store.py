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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import claims, whole
from .errors import UserError
from .job import JobState, Request, Result

_ID = re.compile(r"[a-z0-9_]+-[0-9a-f]{20}")


def publish(path: Path, data: dict[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    whole.write(path, json.dumps(data, indent=1).encode())


def publish_once(path: Path, data: dict[str, Any]) -> None:
    """As `publish`, and where the file is there already it stays. A disk without hard links replaces it."""
    fresh = path.with_name(f"{path.name}.{os.urandom(16).hex()}.part")
    publish(fresh, data)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    except OSError:
        os.replace(fresh, path)
    fresh.unlink(missing_ok=True)


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
        path = self.folder(job) / "request.json"
        try:
            return Request.from_json(whole.read_json(path))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"There is no job {job}. See `galatea jobs`.", kind="usage") from None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise UserError(f"{path} is damaged. Delete its folder and run again.", kind="output") from None

    def result(self, job: str) -> Result | None:
        """The published result. One that is damaged or whose files were deleted or cut short does not count."""
        folder = self.folder(job)
        try:
            result = Result.from_json(whole.read_json(folder / "result.json"))
            there = all((folder / asset.path).stat().st_size == asset.size for asset in result.assets)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # none yet, cut by a crash, or written by another version
        return result if there else None

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
        return claims.claim(self.folder(job) / "claim")

    def release(self, job: str) -> None:
        claims.release(self.folder(job) / "claim")

    def claimant(self, job: str) -> int | None:
        """The process that works on the job, here or on another machine; None where nobody does."""
        return claims.claimant(self.folder(job) / "claim")

    def worker(self, job: str) -> str:
        """That process in words."""
        return claims.told(self.folder(job) / "claim")

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

    def forget(self, job: str) -> None:
        """Drop the result and what was kept, so that the job is done afresh."""
        (self.folder(job) / "result.json").unlink(missing_ok=True)
        _clear(self.folder(job) / "keep")

    def remove(self, job: str) -> bool:
        """Whether it is gone: what belongs to another user stays."""
        _clear(self.folder(job))
        return not self.folder(job).exists()

    def remove_logs(self, before: float) -> None:
        """Those that nobody has written to since this time."""
        for log in (self.root / "logs").glob("*.log"):
            with contextlib.suppress(OSError):  # another removed it meanwhile, or has it open on Windows
                if log.stat().st_mtime < before:
                    log.unlink()


def _clear(folder: Path) -> None:
    import shutil  # registering in Blender loads nothing that can wait

    shutil.rmtree(folder, ignore_errors=True)
