# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights in one zip, for machines that no network reaches: `bundle.json`, which names each file with its sha256, and
the files as they lie in the data folder. Nothing else may be in it, and what is in it decides no path by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..protocol import whole
from ..protocol.catalog import catalog
from ..protocol.errors import UserError
from ..protocol.place import gigabytes
from ..protocol.spec import File, Weights
from .fetch import Bar, Progress, enough
from .kept import Kept, digest
from .lock import alone
from .remote import Cancel
from .repository import odd, select

LIST = "bundle.json"
SCHEMA = 1
MOST_LIST = 8 << 20
"""Bytes of `bundle.json`."""
BLOCK = 1 << 22
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError)
"""What zipfile raises over files that are none, are cut off, or want a password."""


def export(several: Sequence[Kept], out: Path, progress: Progress) -> str:
    """Write the bundle, whole or not at all; its sha256. Files are hashed once more on their way into it."""
    listed = _listed(several)
    size = sum(weights.size for weights in listed)
    if out.exists():
        raise UserError(f"{out} is there already. Delete it, or choose another name.", kind="output")
    bar = Bar(progress, lambda: False)
    bar.total = max(1, 2 * size)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        enough(out.parent, size)
        with whole.part(out) as part:
            with zipfile.ZipFile(part, "w") as archive:
                told = {"schema": SCHEMA, "weights": [asdict(weights) for weights in listed]}
                archive.writestr(zipfile.ZipInfo(LIST), json.dumps(told, indent=1))
                for weights in listed:
                    for file in weights.files:
                        _put(archive, weights, file, bar)
            bar.say("Proving the bundle")
            found = digest(part, bar.add)
    except OSError as error:
        where = error.filename or out
        text = f"Cannot write {where}: {error.strerror}. Free some space, or choose another place with --out."
        raise UserError(text, kind="output") from None
    progress("Exported", 1.0)
    return found


def _listed(several: Sequence[Kept]) -> list[Weights]:
    """One entry a revision, sizes and hashes as they were proved here."""
    found: dict[tuple[str, str], Weights] = {}
    for kept in several:
        weights = kept.weights
        if not kept.whole:
            text = f"{weights.repository} is not whole here. Pull or verify it first, then export it."
            raise UserError(text, kind="weights")
        files = [File(file.name, kept.path(file).stat().st_size, kept.sha256(file)) for file in weights.files]
        key = (weights.repository, weights.revision)
        before = found[key].files if key in found else ()
        found[key] = replace(weights, files=tuple({file.name: file for file in (*before, *files)}.values()))
    return list(found.values())


def _entry(weights: Weights, file: File) -> str:
    return f"{weights.repository.replace('/', '--')}/{weights.revision}/{file.name}"


def _put(archive: zipfile.ZipFile, weights: Weights, file: File, bar: Bar) -> None:
    bar.say(f"Packing {file.name}")
    found = hashlib.sha256()
    info = zipfile.ZipInfo(_entry(weights, file))  # no time of day: the same weights make the same bundle
    path = Kept(weights).path(file)
    with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
        while block := source.read(BLOCK):
            found.update(block)
            target.write(block)
            bar.add(len(block))
    if found.hexdigest() != file.sha256:
        text = f"{path} is no longer what it was. Run `galatea models verify`, pull it again, then export it."
        raise UserError(text, kind="weights")


def look(path: Path) -> list[Weights]:
    """What a bundle holds, its list held against its entries and against what is known here. Nothing is written."""
    with _opened(path) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos]
        (size,) = [info.file_size for info in infos if info.filename == LIST] or [0]
        if not 0 < size <= MOST_LIST:
            raise ValueError(f"it has no {LIST}")
        with archive.open(LIST) as file:
            several = _read(file.read(MOST_LIST + 1))
        wanted = {_entry(weights, file): file.size for weights in several for file in weights.files}
        if len(set(names)) != len(names) or set(names) != {LIST, *wanted}:
            strange = next((name for name in names if name not in wanted and name != LIST), "")
            missing = next((f"it lacks {name}" for name in wanted if name not in names), "a name is in it twice")
            raise ValueError(f"{strange!r} is not on its list" if strange else missing)
        for info in infos:
            if info.filename != LIST and (info.file_size != wanted[info.filename] or info.flag_bits & 1):
                raise ValueError(f"{info.filename} is not as its list says")
    return [_known(weights) for weights in several]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) if path.is_file() else _nothing(path) as archive:
            yield archive
    except _DAMAGED as error:
        text = f"{path} is no bundle of weights, or damaged ({error}). Copy it again, or make it again with"
        raise UserError(f"{text} `galatea models export`.", kind="weights") from None


def _nothing(path: Path) -> zipfile.ZipFile:
    raise UserError(f"There is no file {path}. Choose one that `galatea models export` made.")


def _read(text: bytes) -> list[Weights]:
    """Of `bundle.json`; raises ValueError for all that is not as we write it."""
    try:
        data = json.loads(text)
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']!r}; update Galatea")
        several = [Weights.from_json(each) for each in data["weights"]]
        for weights in several:
            _check(weights)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{LIST} cannot be understood: {type(error).__name__}") from None
    if not several or len({(each.repository, each.revision) for each in several}) != len(several):
        raise ValueError(f"{LIST} names nothing, or something twice")
    return several


def _check(weights: Weights) -> None:
    words: list[Any] = [weights.license, weights.page, weights.repository, weights.revision]
    if not all(isinstance(text, str) and len(text) < 1000 and text.isprintable() for text in words):
        raise ValueError("its words are not for reading")
    if odd(weights.revision):
        raise ValueError(f"{weights.revision!r} is no revision")
    if not weights.page.startswith(("https://", "http://")) or not isinstance(weights.gated, bool):
        raise ValueError("its page is none")
    names = [file.name.lower() for file in weights.files]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"{weights.repository} has no files, or one twice")
    for file in weights.files:
        if odd(file.name):
            raise ValueError(f"{file.name!r} is no name for a file")
        if type(file.size) is not int or file.size < 0 or not file.sha256:
            raise ValueError(f"{file.name} has no size or no sha256")


def _known(weights: Weights) -> Weights:
    """With the licence that is known here; raises `UserError` for a file that is not the pinned one, or no weights."""
    mine = [each for spec in catalog().values() for each in spec.weights if each.repository == weights.repository]
    pins = {file.name: file for each in mine if each.revision == weights.revision for file in each.files}
    for file in weights.files:
        pin = pins.get(file.name, file)
        if pin.sha256 not in ("", file.sha256) or pin.size not in (0, file.size):
            text = f"The bundle's {file.name} of {weights.repository} is not the one that is known here, and was not"
            raise UserError(f"{text} taken. Make the bundle again from weights that `verify` proves.", kind="weights")
    rest = [file for file in weights.files if file.name not in pins]
    strange = {file.name for file in rest} - {file.name for file in select(weights.files)}
    if strange:
        text = f"{min(strange)} of {weights.repository} is nothing that is loaded here, and the bundle was not taken."
        raise UserError(f"{text} Make it again with `galatea models export`.", kind="weights")
    if not mine:
        return weights
    return replace(weights, license=mine[0].license, page=mine[0].page, gated=mine[0].gated)


def bring(path: Path, several: Sequence[Weights], progress: Progress, cancel: Cancel = lambda: False) -> None:
    """Unpack what `look` found and is not here, each file counted only when its hash is proved."""
    bar = Bar(progress, cancel)
    kept = [Kept(weights, own=True) for weights in several if not Kept(weights).whole]
    with ExitStack() as stack:
        for each in kept:
            stack.enter_context(alone(each.root))
        try:
            bar.say("Looking at what is here")
            wanted = [(each, file) for each in kept for file in each.missing() if not each.prove(file, bar.look)]
            bar.total = max(1, sum(file.size for _, file in wanted))
            if wanted:
                enough(wanted[0][0].root, bar.total)
            with _opened(path) as archive:
                for each, file in wanted:
                    _take(archive, each, file, bar)
        except OSError as error:
            where = error.filename or path
            text = f"Cannot write {where}: {error.strerror}. Free some space, then import again."
            raise UserError(text, kind="output") from None
    progress("Installed", 1.0)


def _take(archive: zipfile.ZipFile, kept: Kept, file: File, bar: Bar) -> None:
    bar.say(f"Unpacking {file.name}, {gigabytes(file.size)}")
    found, size = hashlib.sha256(), 0
    kept.path(file).parent.mkdir(parents=True, exist_ok=True)
    with whole.part(kept.path(file)) as part:
        with archive.open(_entry(kept.weights, file)) as source, part.open("wb") as target:
            while (block := source.read(BLOCK)) and size <= file.size:
                size += len(block)
                found.update(block)
                target.write(block)
                bar.add(len(block))
        if found.hexdigest() != file.sha256:
            raise zipfile.BadZipFile(f"{file.name} has another hash than its list says")
    kept.note(file, file.sha256)
