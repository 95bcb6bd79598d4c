# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends by name: one file each in `backend/backends` or in the user's data folder, its name is the id."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys

from ..protocol import own
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec
from .execute import Backend

PACKAGE = f"{__package__.removesuffix('.worker')}.backends"
TAKES = {"run": "request", "read": "request", "look": "read", "make": "found"}


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


def _spec(backend: type[Backend]) -> BackendSpec:
    """What the backend says of itself; it is to have the methods by which it is called."""
    spec = backend.spec
    for name in ("run", "read", "look", "make") if spec.batch > 1 else ("run",):
        method = inspect.getattr_static(backend, name, None)
        if method is None:
            many = " (batch is above 1)" if name != "run" else ""
            raise TypeError(f"Backend has no {name}{many}")
        bound = () if isinstance(method, staticmethod | classmethod) else (None,)
        try:
            inspect.signature(getattr(backend, name)).bind(*bound, None, None, None)
        except TypeError as error:
            raise TypeError(f"{name}(self, {TAKES[name]}, params, report) is what is called: {error}") from None
    return spec


def main(argv: list[str]) -> int:
    """`ID`: say its spec; what `galatea backends trust` asks a process of its own, for the file runs here."""
    sys.stdout.write(json.dumps(_spec(own.module(argv[0], PACKAGE).Backend).to_json()) + "\n")
    return 0
