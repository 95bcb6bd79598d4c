# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time. The system lets go of the lock when its process ends, however that happens."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from ..protocol.errors import UserError


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else works in this folder meanwhile; raises `UserError` where somebody does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    except OSError as error:
        message = f"Cannot write to {folder}: {error.strerror}. Choose another data folder."
        raise UserError(message, kind="output") from None
    try:
        try:
            _lock(handle)
        except OSError:
            message = f"Another process is working in {folder}. Wait for it, or end it."
            raise UserError(message, kind="weights") from None
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
