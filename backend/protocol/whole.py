# SPDX-License-Identifier: GPL-3.0-or-later
"""Files whole or not at all: how each is written, and how JSON that somebody else may have written is read."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST = 1 << 26
"""Bytes of JSON that are read; a file with more is none of ours."""


def write(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, even if the power goes; folders that are missing are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with part(path) as begun:
        begun.write_bytes(data)


@contextlib.contextmanager
def part(path: Path) -> Iterator[Path]:
    """As `write`, for what a library writes or what comes piece by piece: the path to write to instead, a name that no
    process of any machine has too. Where the block raises, nothing is left, and `path` stays as it was."""
    begun = path.with_name(f"{path.name}.{os.urandom(16).hex()}.part")
    try:
        yield begun
        with begun.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(begun, path)
    finally:
        with contextlib.suppress(OSError):
            begun.unlink(missing_ok=True)


def read_json(path: Path, most: int = MOST) -> Any:
    """What stands in it; raises `OSError` where it cannot be read, `ValueError` in words where it is damaged."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it is longer than {most} bytes")
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
