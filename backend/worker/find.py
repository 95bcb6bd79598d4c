# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends by name: one file each in `backend/backends` or in the user's data folder, its name is the id."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

from ..protocol import own
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec
from .execute import Backend

PACKAGE = f"{__package__.removesuffix('.worker')}.backends"


def load(step: str) -> Backend:
    """Import and make the backend; raises `UserError` where a library that it needs is not installed."""
    try:
        made: Backend = own.module(step, PACKAGE).Backend()
        return made
    except ModuleNotFoundError as error:
        raise UserError(
            f"{step} needs {error.name}, which this Python lacks. Install the full environment "
            "(Preferences > Add-ons > Galatea, or `galatea env install`).",
            kind="environment",
        ) from None


def specs() -> list[BackendSpec]:
    """Of every backend file of ours; imports them all, so only `describe` does this."""
    from .. import backends

    names = sorted(m.name for m in pkgutil.iter_modules(backends.__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"{PACKAGE}.{name}").Backend.spec for name in names]


def main(argv: list[str]) -> int:
    """`ID`: say its spec; what `galatea backends trust` asks a process of its own, for the file runs here."""
    sys.stdout.write(json.dumps(own.module(argv[0], PACKAGE).Backend.spec.to_json()) + "\n")
    return 0
