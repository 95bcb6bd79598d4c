# SPDX-License-Identifier: GPL-3.0-or-later
"""The full environment: a Python of our own with torch, in the user's data folder, made by a process of its own.

`command` is `galatea env install | status | remove`; `python` is what everybody else asks for.
"""

from __future__ import annotations

from pathlib import Path

from .place import Place


def python(data_folder: Path) -> Path | None:
    """The interpreter of the full environment; None unless its installation came to its end."""
    return Place(data_folder).python()
