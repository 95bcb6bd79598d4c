# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of published weights in the data folder, or in one that many share. A file counts only when its hash was
proved.

<data>/weights/<owner>--<name>/<revision>/verified.json   which files were proved: size, time, sha256
                                          <files>
                                          <file>.part     the beginning of one that is being fetched
<data>/weights-proved/…/verified.json                     what was proved here of files of the shared folder

The shared folder has the same files in the same folders. It is only read: whoever looks after it fills it as the data
folder of nobody, with `GALATEA_HOME=/srv/galatea galatea models pull NAME`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol.catalog import catalog
from ..protocol.errors import UserError
from ..protocol.place import data_folder, gigabytes
from ..protocol.spec import BackendSpec, File, Weights
from ..protocol.store import publish
from ..protocol.weights import folder_of, latest, named, own_folder, seed_of
from .lock import alone

if TYPE_CHECKING:
    from ..worker.report import Report

Told = Callable[[int], None]
"""Hears of bytes done since the last call; raises to stop."""


class Kept:
    """What is here of one repository at one revision; with `own` only what is not shared, which can be written."""

    def __init__(self, weights: Weights, *, own: bool = False) -> None:
        mine = own_folder(weights.repository, weights.revision)
        self.weights, self.root = weights, mine if own else folder_of(weights.repository, weights.revision)
        self.shared = self.root != mine
        self._record = data_folder() / "weights-proved" / mine.parent.name / mine.name if self.shared else mine

    def path(self, file: File) -> Path:
        return self.root / file.name

    def part(self, file: File) -> Path:
        return self.root / f"{file.name}.part"

    def sha256(self, file: File) -> str:
        """What was proved of this file; empty where nothing was, or where the file is no longer the same."""
        known = self._proofs().get(file.name, {})
        try:
            stat = self.path(file).stat()
            same = known["size"] == stat.st_size and known["mtime_ns"] == stat.st_mtime_ns
            digest = str(known["sha256"])
        except (OSError, KeyError, TypeError):
            return ""
        return digest if same and digest == (file.sha256 or digest) else ""

    def missing(self) -> list[File]:
        return [file for file in self.weights.files if not self.sha256(file)]

    @property
    def whole(self) -> bool:
        return bool(self.weights.files) and not self.missing()

    @property
    def present(self) -> bool:
        """All its files are here, proved or not."""
        return bool(self.weights.files) and all(self.path(file).is_file() for file in self.weights.files)

    @property
    def here(self) -> int:
        """Bytes on the disk, begun files too."""
        paths = (path for file in self.weights.files for path in (self.path(file), self.part(file)))
        return sum(path.stat().st_size for path in paths if path.is_file())

    def prove(self, file: File, told: Told = lambda count: None) -> bool:
        """Hash a file that is here; True if that is the pinned hash, or the one that was proved once."""
        wanted = file.sha256 or self._proofs().get(file.name, {}).get("sha256", "")
        path = self.path(file)
        if not wanted or not path.is_file() or (file.size and path.stat().st_size != file.size):
            return False
        if digest(path, told) != wanted:
            return False
        self.note(file, wanted)
        return True

    def note(self, file: File, sha256: str) -> None:
        """From here on the file counts."""
        stat = self.path(file).stat()
        self._write(file, {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": sha256})

    def distrust(self, file: File) -> None:
        """It no longer counts, though size and time are as they were."""
        known = self._proofs().get(file.name)
        if known:
            self._write(file, {**known, "mtime_ns": 0})

    def _write(self, file: File, proof: dict[str, Any]) -> None:
        files = {**_files(self._record), file.name: proof}
        self._record.mkdir(parents=True, exist_ok=True)
        publish(self._record / "verified.json", {"weights": asdict(self.weights), "files": files})

    def remove(self) -> None:
        """Delete these files; what other weights have of the same revision stays."""
        if self.shared:
            text = f"{self.weights.repository} lies in the shared folder, {self.root}, which is only read."
            raise UserError(f"{text} Ask who looks after it.", kind="output")
        if not self.root.exists():
            return
        with alone(self.root):  # raises where somebody fetches
            for file in self.weights.files:
                for path in (self.path(file), self.part(file)):
                    try:
                        path.unlink(missing_ok=True)
                    except OSError as error:
                        message = f"{path} is in use ({error.strerror}). Close what runs, then remove it again."
                        raise UserError(message, kind="output") from None
        left = [p for p in self.root.rglob("*") if p.is_file() and p.name not in ("verified.json", "lock")]
        if not left:
            shutil.rmtree(self.root, ignore_errors=True)
            with contextlib.suppress(OSError):
                self.root.parent.rmdir()  # other revisions keep it

    def _proofs(self) -> dict[str, Any]:
        return {**_files(self.root), **_files(self._record)}


def _read(root: Path) -> dict[str, Any]:
    try:
        data = json.loads((root / "verified.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _files(root: Path) -> dict[str, Any]:
    files = _read(root).get("files")
    return files if isinstance(files, dict) else {}


def kept_at(root: Path) -> Kept | None:
    """What a folder holds, by its own record; None where it has none."""
    try:
        return Kept(Weights.from_json(_read(root)["weights"]))
    except (KeyError, TypeError, ValueError):
        return None


def digest(path: Path, told: Told = lambda count: None) -> str:
    """The sha256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            found.update(block)
            told(len(block))
    return found.hexdigest()


def locate(weights: Weights, report: Report) -> Path:
    """The folder that holds all of these files, each proved; raises `UserError` that says what to fetch."""
    kept = Kept(weights)
    for file in kept.missing():
        done = 0

        def told(count: int, file: File = file) -> None:
            nonlocal done
            done += count
            report.progress(f"Checking {file.name}, {gigabytes(done)}", 0.0)

        if not kept.prove(file, told):
            raise _absent(weights)
    return kept.root


def lacking(spec: BackendSpec, params: Mapping[str, Any]) -> UserError | None:
    """What `source` is sure to say for want of the published weights, known without reading any of them."""
    if params.get("weights") or not spec.weights or any(Kept(each).present for each in spec.weights):
        return None
    return _absent(spec.weights[0])


def source(spec: BackendSpec, params: Mapping[str, Any], report: Report) -> Path | int:
    """What the parameter `weights` means: a folder or file to load, or the seed of random weights.

    Empty is the folder of the first official repository; where a backend has several it asks `locate` for the others.
    """
    value = str(params["weights"])
    seed = seed_of(value)
    if seed is not None:
        return seed
    if not value:
        return locate(spec.weights[0], report)
    repository = named(value)
    if repository:
        kept = kept_at(latest(*repository))
        if kept is None:
            raise UserError(f"{value} is not here. Run `galatea models pull {value}`.", kind="weights")
        return locate(kept.weights, report)
    if not Path(value).exists():
        raise UserError(f"There are no weights at {value}. Choose another file or folder.", kind="weights")
    return Path(value)


def _absent(weights: Weights) -> UserError:
    spec = next((spec for spec in catalog().values() if weights in spec.weights), None)
    name, verb = (spec.label, spec.id) if spec else (weights.repository, f"{weights.repository}@{weights.revision}")
    what = f"{weights.amount} of weights" if weights.sized else "weights"
    return UserError(
        f"{name} needs {what} ({weights.license}). Run `galatea models pull {verb}`, "
        f"or click Download in the panel.{f' Accept the licence on {weights.page} first.' if weights.gated else ''}",
        kind="weights",
    )
