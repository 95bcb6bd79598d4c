# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step is told about weights: the official ones, a file or folder of the user's, a repository, or a seed.

They lie in the data folder. A folder that many share may stand beside it, which is only read: `GALATEA_WEIGHTS` names
it, else `weights.toml` of the data folder (`galatea models folder DIR`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import whole
from .errors import UserError
from .place import data_folder

if TYPE_CHECKING:
    from .spec import BackendSpec

REPOSITORY = r"[\w-][\w.-]*/[\w-][\w.-]*"
RANDOM = "random:"
"""`random:7` is weights from the seed 7, for tests and measurements."""
SHARED = "weights.toml"
BUNDLED = Path(__file__).resolve().parents[1] / "weights"
"""Beside the weights of a step that `galatea release` replaces lies a card of the step's name with their hashes."""
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


def own_folder(repository: str, revision: str) -> Path:
    """Where the files of a repository are written, whether or not they are there."""
    return data_folder() / "weights" / repository.replace("/", "--") / revision


def shared_told() -> str:
    """How the folder that many share is named, whether or not it is there; empty where none is."""
    told = os.environ.get("GALATEA_WEIGHTS", "")
    if told:
        return told
    import tomllib

    try:
        noted = tomllib.loads((data_folder() / SHARED).read_text(encoding="utf-8")).get("shared")
    except (OSError, ValueError):
        return ""
    return noted if isinstance(noted, str) else ""


def shared_folder() -> Path | None:
    """The one that many share; None where there is none, or it cannot be looked into."""
    told = shared_told()
    path = Path(told).expanduser()
    return path if told and path.is_dir() and path != data_folder() / "weights" else None


def share(folder: Path | None) -> None:
    """From now on weights are looked for there too, or in its folder `weights`; None for no longer. Raises `UserError`
    where there are none."""
    path = data_folder() / SHARED
    if folder is None:
        path.unlink(missing_ok=True)
        return
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Choose another, or connect its disk first.", kind="usage")
    folder = folder / "weights" if (folder / "weights").is_dir() else folder
    if not any(folder.glob("*/*/verified.json")):
        import shlex  # here, for each start of Blender would pay for it

        home = shlex.quote(str(folder.parent if folder.name == "weights" else folder))
        text = f"{folder} holds no weights. Fill it first, where it can be written:"
        raise UserError(f"{text} GALATEA_HOME={home} galatea models pull NAME", kind="weights")
    whole.write(path, f"shared = {json.dumps(str(folder), ensure_ascii=False)}\n".encode())  # JSON is TOML here


def folder_of(repository: str, revision: str) -> Path:
    """Where the files of a repository are read: one's own, else those of the shared folder."""
    mine, shared = own_folder(repository, revision), shared_folder()
    theirs = shared / mine.parent.name / revision if shared else mine
    return theirs if (theirs / "verified.json").is_file() and not (mine / "verified.json").is_file() else mine


def latest(repository: str, revision: str = "") -> Path:
    """The folder of this revision, which may be the beginning of one, else of the one that was fetched last."""
    mine, shared = own_folder(repository, ""), shared_folder()
    places = [mine, shared / mine.name] if shared else [mine]
    there = [p for place in places for p in place.glob(f"{revision}*") if (p / "verified.json").is_file()]
    there.sort(key=lambda path: (path / "verified.json").stat().st_mtime_ns)
    return there[-1] if there else folder_of(repository, revision or "main")


def identity(spec: BackendSpec, params: dict[str, Any]) -> list[Any]:
    """What tells these weights from others: revisions and hashes, or size and time of files. Empty where none are."""
    card = BUNDLED / f"{spec.id}.json"
    found: list[Any] = [card.read_text(encoding="utf-8", errors="replace")] if card.is_file() else []
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
