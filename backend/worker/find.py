# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends by name: one file each in `backend/backends`, its name is the id."""

from __future__ import annotations

import importlib
import pkgutil

from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec
from .execute import Backend


def load(step: str) -> Backend:
    """Import and make the backend; raises `UserError` where a library that it needs is not installed."""
    from .. import backends

    try:
        module = importlib.import_module(f"{backends.__name__}.{step}")
        made: Backend = module.Backend()
        return made
    except ModuleNotFoundError as error:
        if error.name and error.name.endswith(f".{step}"):
            raise UserError(f"There is no backend {step!r}. See `galatea backends`.", kind="usage") from None
        raise UserError(
            f"{step} needs {error.name}, which this Python lacks. Install the full environment "
            "(Preferences > Add-ons > Galatea, or `galatea env install`).",
            kind="environment",
        ) from None


def specs() -> list[BackendSpec]:
    """Of every backend file; imports them all, so only `describe` does this."""
    from .. import backends

    names = sorted(m.name for m in pkgutil.iter_modules(backends.__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"{backends.__name__}.{name}").Backend.spec for name in names]
