# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea data build`, first part: packages become Things in a folder, with a record of each object."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...protocol import whole
from ...protocol.errors import UserError
from . import card as cards
from . import filters, folder, shape, thing
from .catalogues.entry import Entry
from .sources import SOURCES, Fetched, fetch

Record = dict[str, Any]


def build(
    data: Path,
    sources: Sequence[str],
    report: Callable[[str, float], None],
    limit: int | None = None,
    cache: Path | None = None,
) -> None:
    """Make what is not there yet of `DATA/things/<split>/<key>.npz` from `sources`, names of `SOURCES`.

    An object that fails is recorded and left out. `report` gets a line and the share done, 0..1, and may raise to
    stop; the next call goes on from there. At the end copies are swept out and `DATA/card.json` and `card.md` are
    written. `limit`: at most so many objects of each source. `cache`: where packages are kept, else `DATA/cache`.
    """
    for number, name in enumerate(sources):
        report(f"{name}: fetching", number / len(sources))
        fetched = fetch(SOURCES[name], cache or data / "cache")
        listed = list(SOURCES[name].entries(name, fetched.root))[:limit]
        log = _log(data, name)
        done = {record["key"]: record for record in records(log)}
        log.parent.mkdir(parents=True, exist_ok=True)
        _write(log, list(done.values()))
        with log.open("a", encoding="utf-8") as stream:
            for i, entry in enumerate(listed):
                if entry.key in done:
                    continue
                stream.write(json.dumps(_make(data, name, fetched, entry), sort_keys=True) + "\n")
                stream.flush()
                report(f"{name}: {entry.name}", (number + (i + 1) / len(listed)) / len(sources))
    report("looking for copies", 1.0)
    sweep(data)
    cards.write(data, everything(data))


def own(data: Path, meshes: Path, report: Callable[[str, float], None], up: str = "auto") -> None:
    """The same of the meshes below a folder: what is new or changed is made, what is gone leaves.

    One that may not be for validation, since it is broken or like one of training, trains; another takes its place.
    """
    log = _log(data, folder.NAME)
    fetched = Fetched(meshes, "own meshes", "")
    while True:
        before = {record["key"]: record for record in records(log)}
        listed = list(folder.entries(meshes, {key for key, old in before.items() if old.get("trains")}, up))
        if not listed:
            raise UserError(f"There is no mesh in {meshes}. Formats: {', '.join(folder.FORMATS)}.")
        log.parent.mkdir(parents=True, exist_ok=True)
        wanted = {entry.key: (entry.sha256, entry.split) for entry in listed}
        done = {
            key: old
            for key, old in before.items()
            if "like" not in old and wanted.get(key) == (old["sha256"], old["split"])
        }
        for key in before.keys() - done.keys():
            place(data, before[key]).unlink(missing_ok=True)
        _write(log, list(done.values()))
        with log.open("a", encoding="utf-8") as stream:
            for i, entry in enumerate(listed):
                if entry.key not in done:
                    kept = {"trains": True} if before.get(entry.key, {}).get("trains") else {}
                    done[entry.key] = {**_make(data, folder.NAME, fetched, entry), **kept}
                    stream.write(json.dumps(done[entry.key], sort_keys=True) + "\n")
                    stream.flush()
                report(f"{folder.NAME}: {entry.name}", (i + 1) / len(listed))
        _write(log, [done[entry.key] for entry in listed])
        sweep(data)
        found = records(log)
        again = [record for record in found if record["split"] == "val" and record["status"] != "kept"]
        if not again:
            break
        for record in again:
            record["trains"] = True
        _write(log, found)
    cards.write(data, everything(data))
    if not any(record["status"] == "kept" for record in found):
        first = f"{found[0]['name']}: {found[0]['reason']}"
        raise UserError(f"None of the {len(found)} meshes in {meshes} can be learned from. {first}.")


def sweep(data: Path) -> None:
    """Leave out copies and what is near the hold-out, over all sources built so far, in the order of `SOURCES`."""
    by_source = {name: list(records(_log(data, name))) for name in (*SOURCES, folder.NAME)}
    kept = [record for found in by_source.values() for record in found if record["status"] == "kept"]
    if not kept:
        return
    prints = np.array([record["print"] for record in kept], np.float32)
    dropped = filters.copies(prints, [record["split"] for record in kept])
    for i, (like, why) in dropped.items():
        kept[i].update(status="rejected", reason=why, like=kept[like]["key"])
    for name, found in by_source.items():
        if found:
            _write(_log(data, name), found)
    for i in dropped:
        place(data, kept[i]).unlink(missing_ok=True)


def place(data: Path, record: Record) -> Path:
    """Where the Thing of a record is."""
    return data / "things" / str(record["split"]) / f"{record['key']}.npz"


def records(log: Path) -> list[Record]:
    """What was written so far; a last line cut off by a crash is left out."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def everything(data: Path) -> list[Record]:
    """The records of all sources."""
    return [record for name in (*SOURCES, folder.NAME) for record in records(_log(data, name))]


def card(data: Path) -> str:
    """The card of what is there now, as Markdown."""
    return cards.markdown(cards.card(everything(data)))


def _make(data: Path, source: str, fetched: Fetched, entry: Entry) -> Record:
    record: Record = {
        "key": entry.key,
        "name": entry.name,
        "category": entry.category,
        "licence": entry.licence,
        "author": entry.author,
        "package": fetched.label,
        "sha256": entry.sha256 if isinstance(entry, folder.Own) else fetched.sha256,
        "source": source,
        "split": entry.split,
    }
    meta = {name: record[name] for name in ("name", "category", "licence", "author", "split")}
    path = place(data, record)
    try:
        made = shape.thing(entry.key, entry.read(), {**meta, "source": fetched.label})
        if reason := filters.flaw(made):
            path.unlink(missing_ok=True)
            return {**record, "status": "rejected", "reason": reason}
        thing.save(path, made)
        prints = [round(float(value), 4) for value in filters.fingerprint(made)]
    except Exception as error:
        return {**record, "status": "rejected", "reason": f"broken: {type(error).__name__}: {error}"}
    textured = any(picture is not None for picture in made.textures)
    return {**record, "status": "kept", "faces": len(made.faces), "textured": textured, "print": prints}


def _log(data: Path, source: str) -> Path:
    return data / "records" / f"{source}.jsonl"


def _write(log: Path, found: list[Record]) -> None:
    whole.write(log, "".join(json.dumps(record, sort_keys=True) + "\n" for record in found).encode())
