# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is at it: a file that names the process which works on what the file stands for. A dead one's does not count."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from pathlib import Path

FOREIGN_SECONDS, BEAT_SECONDS = 120.0, 10.0
"""A claim of another machine that has not been touched for so long is dead; every process touches its own so often."""


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
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def machine() -> str:
    """The name of this one."""
    import socket  # registering in Blender loads nothing that can wait

    return socket.gethostname()


def told(path: Path) -> str:
    """Who a claim names, in words."""
    try:
        data = json.loads(_read(path))
        return f"process {int(data['pid'])} on {str(data['host'])[:100]}"
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return "a process"


def claimant(path: Path, text: str | None = None) -> int | None:
    """The living process that a claim names; `text` is what was read of it."""
    text = _read(path) if text is None else text
    try:
        age = time.time() - path.stat().st_mtime
        data = json.loads(text)
        pid, host, born = int(data["pid"]), data["host"], data.get("born", "")
    except OSError:
        return None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0 if age < 5 else None  # just being written
    if not 0 < pid < 1 << 31:
        return None
    if host != machine():
        return pid if age < FOREIGN_SECONDS else None
    if pid == os.getpid() or not process_alive(pid):
        return None
    return pid if born == _born(pid) else None


def _drop(path: Path, text: str) -> None:
    """Remove a dead claim. Where another process has just claimed instead, its claim is put back."""
    grave = path.with_name(f"claim.{os.urandom(16).hex()}.part")
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
            if claimant(path, text) is not None:
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
    return json.dumps({"pid": os.getpid(), "born": _born(os.getpid()), "host": machine()})


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
