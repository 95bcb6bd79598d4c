# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that the extension carries, proved before anything reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .errors import UserError


def read(path: Path, sha256: str, what: str) -> bytes:
    """The file; raises `UserError` where it is missing or not the one that was shipped. `what` begins the sentence."""
    try:
        data = path.read_bytes()
    except OSError:
        text = f"{what} ({path.name}) are missing. Install the extension again."
        raise UserError(text, kind="weights") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{what} ({path.name}) are damaged. Install the extension again.", kind="weights")
    return data
