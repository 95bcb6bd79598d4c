# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea doctor --bundle F.zip`: what whoever helps wants to read, and nothing of what was made or of its prompts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...protocol import whole
from ...protocol.catalog import catalog
from ...protocol.errors import UserError
from ...protocol.job import Request, Result
from ...protocol.place import data_folder
from ...protocol.policy import NAME as POLICY
from ...protocol.store import JobStore
from ...protocol.weights import SHARED
from .data import last_failures
from .finding import Finding
from .redact import Redact

LOGS = 3
LINES = 300
ABOUT = """Made by `galatea doctor --bundle`.

findings.*     what was looked at, and what mends what is not well
environment    variables that Galatea and its libraries read
jobs/          the last jobs that failed: why, and with which parameters; words and names of files are left out
logs/          the end of what the last processes wrote
*.toml, *.json what the data folder says of policy, shared weights and the full environment

Secrets, names of people and of this machine, and home folders were replaced. Pictures, meshes and prompts are not in
it. Read it before you send it all the same.
"""
_GIVEN = re.compile(r"(\binputs[/\\]).+?(-[0-9a-f]{12}\.\w+)")
"""What the window wrote for a step, called as the user's object."""
_VARIABLES = ("GALATEA_", "HF_", "CUDA_", "PYTORCH_", "ONEDNN_", "OMP_", "OCIO", "DISPLAY", "LIBGL_", "MESA_", "EGL_")


def check(path: Path) -> None:
    """Raise `UserError` for what cannot be written, before anything is looked at."""
    if path.suffix.lower() != ".zip":
        raise UserError(f"{path.name} is no name for a zip. Take one such as doctor.zip.", kind="usage")
    if path.exists():
        raise UserError(f"{path} is there already. Delete it, or choose another name.", kind="output")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent}. Make it, or choose another place.", kind="output")


def write(path: Path, findings: Sequence[Finding], lines: str, store: JobStore) -> None:
    """Whole or not at all; every text in it went through `Redact`, names of entries too."""
    redact = Redact(_inputs(store))
    try:
        with whole.part(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", ABOUT)
            archive.writestr("findings.txt", redact(lines))
            archive.writestr("findings.json", json.dumps(redact.deep(list(findings)), indent=1))
            for name, text in (*_texts(), *_jobs(store, redact), *_logs(store)):
                archive.writestr(redact(name), redact(text))
            archive.writestr("environment.json", json.dumps(redact.deep(_variables()), indent=1))
    except OSError as error:
        text = f"Cannot write {path}: {error.strerror}. Free some space, or choose another place."
        raise UserError(text, kind="output") from None


def _variables() -> dict[str, str]:
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(_VARIABLES)}


def _texts() -> Iterator[tuple[str, str]]:
    for name in (POLICY, SHARED, "env/installed.json"):
        path = data_folder() / name
        if path.is_file() and path.stat().st_size < 1 << 20:
            yield name, path.read_text(encoding="utf-8", errors="replace")


def _failed(store: JobStore) -> Iterator[tuple[Result, Request]]:
    for result in last_failures(store):
        with contextlib.suppress(UserError, TypeError, KeyError):  # of another version
            yield result, store.request(result.job)


def _inputs(store: JobStore) -> Iterator[str]:
    """Paths and names of the user's own files, which messages name too."""
    for _, request in _failed(store):
        for path in map(Path, request.inputs.values()):
            if not path.is_relative_to(store.root):
                yield from (str(path), path.name)


def _jobs(store: JobStore, redact: Redact) -> Iterator[tuple[str, str]]:
    for result, request in _failed(store):
        told: dict[str, Any] = {
            "params": _plain(request.backend, request.params),
            "inputs": {role: f"<file>{Path(path).suffix}" for role, path in request.inputs.items()},
            "seed": request.seed,
            "seconds": result.seconds,
            "device": result.device,
            "peak_mb": result.peak_mb,
            "versions": result.versions,
            "warnings": result.warnings,
            "failure": asdict(result.failure) if result.failure else None,
        }
        yield f"jobs/{result.job}.json", json.dumps(redact.deep(told), indent=1)


def _plain(step: str, params: dict[str, Any]) -> dict[str, Any]:
    """Numbers and choices as they are; of words only how many, of files only the kind."""
    spec = catalog().get(step)
    kinds = {param.name: param.kind for param in spec.params} if spec else {}
    found: dict[str, Any] = {}
    for name, value in params.items():
        kind = kinds.get(name, "str")
        if kind in ("int", "float", "bool", "choice") or not value:
            found[name] = value
        elif kind in ("file", "libraries", "weights"):
            found[name] = f"<{kind}>{Path(str(value)).suffix}"
        else:
            found[name] = f"<{len(str(value))} letters>"
    return found


def _logs(store: JobStore) -> Iterator[tuple[str, str]]:
    logs = sorted((store.root / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
    for path in logs[-LOGS:]:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - (1 << 20)))
            lines = file.read().decode(errors="replace").splitlines()[-LINES:]
        yield f"logs/{path.name}", _GIVEN.sub(r"\1<file>\2", "\n".join(lines)) + "\n"
