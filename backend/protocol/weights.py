# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step is told about weights: the official ones, a file or folder of the user's, a repository, or a seed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError
from .place import data_folder

if TYPE_CHECKING:
    from .spec import BackendSpec

REPOSITORY = r"[\w-][\w.-]*/[\w-][\w.-]*"
RANDOM = "random:"
"""`random:7` is weights from the seed 7, for tests and measurements."""
MOST = 10_000
"""Files of a folder that are looked at; a folder with more holds something else."""


def seed_of(value: str) -> int | None:
    """The seed of `random:SEED`; None where it is no such text."""
    if not value.startswith(RANDOM):
        return None
    if not re.fullmatch(r"\d{1,18}", value.removeprefix(RANDOM)):
        raise UserError(f"{value!r} is not of the form random:SEED, such as random:0.", kind="usage")
    return int(value.removeprefix(RANDOM))


def named(value: str) -> tuple[str, str] | None:
    """Repository and revision of `owner/name` or `owner/name@revision`, where no such file lies here."""
    found = re.fullmatch(rf"({REPOSITORY})(?:@(\w[\w.-]*))?", value)
    return (found[1], found[2] or "") if found and not Path(value).exists() else None


def absolute(value: str) -> str:
    """A path that every process understands; all else as it is."""
    if not value or seed_of(value) is not None or named(value):
        return value
    return str(Path(os.path.abspath(Path(value).expanduser())))


def folder_of(repository: str, revision: str) -> Path:
    """Where the files of a repository lie, whether or not they are there."""
    return data_folder() / "weights" / repository.replace("/", "--") / revision


def latest(repository: str, revision: str = "") -> Path:
    """The folder of this revision, which may be the beginning of one, else of the one that was fetched last."""
    there = [p for p in folder_of(repository, "").glob(f"{revision}*") if (p / "verified.json").is_file()]
    there.sort(key=lambda path: (path / "verified.json").stat().st_mtime_ns)
    return there[-1] if there else folder_of(repository, revision or "main")


def identity(spec: BackendSpec, params: dict[str, Any]) -> list[Any]:
    """What tells these weights from others: revisions and hashes, or size and time of files. Empty where none are."""
    found: list[Any] = []
    for param in spec.params:
        if param.kind != "weights":
            continue
        value = params[param.name]
        if value:
            found.append([param.name, *_seen(value)])
        elif param.name == "weights":
            found.append([[w.repository, w.revision, [[f.name, f.sha256] for f in w.files]] for w in spec.weights])
    return found


def _seen(value: str) -> Iterator[Any]:
    if seed_of(value) is not None:
        return
    repository = named(value)
    if repository:
        yield latest(*repository).name
        return
    path = Path(value)
    if not path.exists():
        raise UserError(f"There are no weights at {path}. Choose another file or folder.", kind="weights")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    if len(files) > MOST:
        raise UserError(f"{path} holds {len(files)} files. Choose the folder of the model alone.", kind="weights")
    for file in files:
        stat = file.stat()
        yield [file.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns]
