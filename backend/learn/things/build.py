# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea data build`, first part: packages become Things in a folder, with a record of each object."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import card as cards
from . import filters, shape, thing
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


def sweep(data: Path) -> None:
    """Leave out copies and what is near the hold-out, over all sources built so far, in the order of `SOURCES`."""
    by_source = {name: list(records(_log(data, name))) for name in SOURCES}
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
    return [record for name in SOURCES for record in records(_log(data, name))]


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
        "sha256": fetched.sha256,
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
    part = log.with_suffix(".part")
    part.write_text("".join(json.dumps(record, sort_keys=True) + "\n" for record in found), encoding="utf-8")
    os.replace(part, log)
