# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of the user's own: files in the data folder, run only after a yes, and again asked for when they change.

<data>/backends/<id>.py       like a file of ours in backend/backends or, for the runtime blender, in addon/scene
                trusted.json  id -> the sha256 of the file when the user said yes, and its spec
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from . import whole
from .errors import UserError
from .job import hashed
from .place import data_folder
from .spec import BackendSpec
from .store import publish


@dataclass(frozen=True)
class Script:
    """`state` is new, changed (since the yes) or trusted; only of a trusted one the spec is known."""

    id: str
    path: Path
    source: bytes
    state: str
    spec: BackendSpec | None = None

    @property
    def sha256(self) -> str:
        return hashed(self.source)

    @property
    def is_scene(self) -> bool:
        """It has `SPEC` and `run`, as scene steps do, in place of a `Backend`."""
        return bool(re.search(rb"^SPEC\b", self.source, re.M))


STRAY = "no step, for it is empty or its name is no id such as my_model.py"
HIDDEN = "not used, for there is one of ours of that name"


def folder() -> Path:
    return data_folder() / "backends"


def scripts() -> Iterator[Script]:
    """All that lie there, whether or not they may run."""
    for path in sorted(folder().glob("*.py")):
        script = find(path.stem)
        if script:
            yield script


def strays() -> list[Path]:
    """What lies there and can be no step."""
    return [path for path in sorted(folder().glob("*.py")) if not find(path.stem)]


def find(step: str) -> Script | None:
    """Read once: what is hashed here is what runs."""
    path = folder() / f"{step}.py"
    try:
        source = path.read_bytes() if re.fullmatch("[a-z][a-z0-9_]*", step) else b""
    except OSError:
        return None
    if not source:
        return None
    entry = _trusted().get(step)
    if not isinstance(entry, dict):
        return Script(step, path, source, "new")
    if entry.get("sha256") != hashed(source):
        return Script(step, path, source, "changed")
    try:
        spec = BackendSpec.from_json(entry["spec"]) if entry.get("spec") else None
    except (TypeError, KeyError, ValueError, AttributeError):
        return Script(step, path, source, "changed")  # its spec was written by another version
    if spec:  # another text is another version: what the old one made is not taken for its own
        spec = replace(spec, version=int(entry["sha256"][:12], 16))
    return Script(step, path, source, "trusted", spec)


def trust(script: Script, spec: BackendSpec | None) -> None:
    """The user has said yes to these very bytes."""
    entry = {"sha256": script.sha256, "spec": spec.to_json() if spec else None}
    publish(folder() / "trusted.json", {**_trusted(), script.id: entry})


def distrust(step: str) -> None:
    publish(folder() / "trusted.json", {name: entry for name, entry in _trusted().items() if name != step})


def _trusted() -> dict[str, Any]:
    try:
        data = whole.read_json(folder() / "trusted.json")
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def module(step: str, package: str) -> ModuleType:
    """The file of a step: ours in this package, else the user's own, if they trusted these very bytes.

    It runs as a sibling of ours, so that `from ..protocol.spec import …` works as it does there.
    """
    name = f"{package}.{step}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    script = find(step)
    if script is None:
        raise UserError(f"There is no step {step!r}. See `galatea backends --all`.", kind="usage")
    if script.state != "trusted":
        text = f"{script.path} is not trusted, or has changed. Read it, then run `galatea backends trust {step}`."
        raise UserError(text, kind="usage")
    loader = _Proved(name, str(script.path))
    loader.source = script.source
    spec = importlib.util.spec_from_file_location(name, script.path, loader=loader)
    assert spec
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(made)
    except BaseException:
        del sys.modules[name]
        raise
    return made


class _Proved(importlib.machinery.SourceFileLoader):
    """Runs the bytes that were hashed, whatever the file, or bytecode beside it, holds by now."""

    source: bytes

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.source, self.path)
