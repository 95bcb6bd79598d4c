# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends of the user's own: files in the data folder, run only after a yes, and again asked for when they change.

<data>/backends/<id>.py       like a file of ours in backend/backends
                trusted.json  id -> the sha256 of the file when the user said yes, and its spec
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
        return hashlib.sha256(self.source).hexdigest()


def folder() -> Path:
    return data_folder() / "backends"


def scripts() -> Iterator[Script]:
    """All that lie there, whether or not they may run."""
    for path in sorted(folder().glob("*.py")):
        script = find(path.stem)
        if script:
            yield script


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
    if entry.get("sha256") != hashlib.sha256(source).hexdigest():
        return Script(step, path, source, "changed")
    try:
        spec = BackendSpec.from_json(entry["spec"]) if entry.get("spec") else None
    except (TypeError, KeyError, ValueError):
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
        data = json.loads((folder() / "trusted.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
