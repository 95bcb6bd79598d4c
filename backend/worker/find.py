# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends by name: one file each in `backend/backends` or in the user's data folder, its name is the id."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import pkgutil
import sys
from types import ModuleType

from ..protocol import own
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec
from .execute import Backend


def load(step: str) -> Backend:
    """Import and make the backend; raises `UserError` where a library that it needs is not installed."""
    try:
        made: Backend = module_of(step).Backend()
        return made
    except ModuleNotFoundError as error:
        raise UserError(
            f"{step} needs {error.name}, which this Python lacks. Install the full environment "
            "(Preferences > Add-ons > Galatea, or `galatea env install`).",
            kind="environment",
        ) from None


def module_of(step: str) -> ModuleType:
    """Of ours, else of the user's own, if they trusted this very file."""
    from .. import backends

    name = f"{backends.__name__}.{step}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    script = own.find(step)
    if script is None:
        raise UserError(f"There is no backend {step!r}. See `galatea backends`.", kind="usage")
    if script.state != "trusted":
        text = f"{script.path} is not trusted, or has changed. Read it, then run `galatea backends trust {step}`."
        raise UserError(text, kind="usage")
    return _run(name, script)


class _Proved(importlib.abc.SourceLoader):
    """Hands out the bytes that were hashed, whatever the file holds by now."""

    def __init__(self, script: own.Script) -> None:
        self._script = script

    def get_filename(self, fullname: str) -> str:
        return str(self._script.path)

    def get_data(self, path: bytes | str) -> bytes:
        return self._script.source


def _run(name: str, script: own.Script) -> ModuleType:
    """As a sibling of our backends, so that `from ..protocol.spec import …` works as it does there."""
    spec = importlib.util.spec_from_loader(name, _Proved(script), origin=str(script.path))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def specs() -> list[BackendSpec]:
    """Of every backend file of ours; imports them all, so only `describe` does this."""
    from .. import backends

    names = sorted(m.name for m in pkgutil.iter_modules(backends.__path__) if not m.name.startswith("_"))
    return [importlib.import_module(f"{backends.__name__}.{name}").Backend.spec for name in names]
