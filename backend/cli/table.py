# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of many errands: each has its own folder below the given one; `batch.json` lists them all."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..protocol.errors import EXIT_CODES, UserError
from ..version import VERSION
from . import outcome
from .errand import Errand

TABLE, REPORT = "batch.json", "report.html"
SCHEMA = 2
STATES = ("done", "failed", "cancelled")
OFTEN = 1.0
"""A table of very many is not written more often than once in so many seconds."""

Row = dict[str, Any]


def row(name: str, source: str = "", **more: Any) -> Row:
    """A line of the table before its errand has ended; `source` is what it begins with, a file or words."""
    told: Row = {"folder": name, "source": source, "state": "queued", "exit_code": None, "outputs": [], "seconds": 0.0}
    return {**told, "error": "", **more}


def folders(images: Iterable[Path], kept: Mapping[int, str] | None = None) -> list[str]:
    """A folder's name for each picture: that of its file without the ending, and a number where that is taken.

    Two that differ in case alone are one to some systems. Those in `kept`, by their place, have a name already.
    """
    kept = kept or {}
    taken = {TABLE, REPORT, outcome.RESULT, outcome.JOB, *(name.casefold() for name in kept.values())}
    found: list[str] = []
    for place, image in enumerate(images):
        if place in kept:
            found.append(kept[place])
            continue
        stem = image.stem if image.stem.strip(". ") else "image"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        found.append(name)
    return found


def code_of(rows: Iterable[Row]) -> int:
    """0 where all are done; that of a signal; theirs where all failed alike; else the one of a batch in part."""
    rows = list(rows)
    codes = [row["exit_code"] for row in rows if row["exit_code"] is not None]
    stopped = [row["exit_code"] for row in rows if row["state"] == "cancelled" and row["exit_code"]]
    return int(stopped[0]) if stopped else together(codes)


def together(codes: Sequence[int]) -> int:
    """0 where all are; theirs where all failed alike; else the one of a batch in part."""
    if not any(codes):
        return 0
    return codes[0] if len(set(codes)) == 1 else EXIT_CODES["batch"]


def refuse(out: Path, errands: Sequence[Errand], *, overwrite: bool) -> None:
    """Raise `UserError` where the folder holds a `batch.json` that is not ours or of others: where every errand is
    refused, the table would tell of nothing else."""
    path = out / TABLE
    if path.exists() and not overwrite and not str(_loaded(path).get("producer", "")).startswith("galatea "):
        text = f"{path} is there already, and not by Galatea. Choose another --out, or add --overwrite."
        raise UserError(text, kind="usage")
    if path.exists() and errands and all(errand.taken() for errand in errands):
        text = f"{out} holds the results of another batch. Choose another --out, or add --overwrite."
        raise UserError(text, kind="usage")


class Table:
    """`batch.json`: written anew when an errand has ended, so that it is true even after a crash."""

    def __init__(self, out: Path, rows: list[Row], **about: Any) -> None:
        self._out, self.rows, self._about = out, rows, about
        self._started, self._written = time.time(), 0.0
        self._trouble = 0

    def prepare(self, errands: Sequence[Errand], *, overwrite: bool) -> None:
        """Make the folder; raises `UserError` where it cannot be written, or is refused."""
        outcome.writable(self._out)
        refuse(self._out, errands, overwrite=overwrite)

    def set(self, index: int, **told: Any) -> None:
        """What is known now of an errand."""
        self.rows[index] |= told
        if time.monotonic() - self._written >= OFTEN or len(self.rows) < 50:
            self.write()

    @property
    def code(self) -> int:
        return code_of(self.rows) or self._trouble

    def write(self) -> dict[str, Any]:
        """What stands there now."""
        self._written = time.monotonic()
        counts = {state: sum(row["state"] == state for row in self.rows) for state in STATES}
        going = any(row["exit_code"] is None and row["state"] != "skipped" for row in self.rows)
        ended = "cancelled" if counts["cancelled"] else "failed" if counts["failed"] else "done"
        data = {
            "schema": SCHEMA,
            "producer": f"galatea {VERSION}",
            **self._about,
            "status": "running" if going else ended,
            **counts,
            "exit_code": None if going else self.code,
            "started": self._started,
            "seconds": round(time.time() - self._started, 3),
            "jobs": self.rows,
        }
        try:
            outcome.write(self._out, data, TABLE)
        except UserError as error:
            self._trouble = EXIT_CODES[error.kind]
            sys.stderr.write(f"galatea: {error}\n")
        return data


def _loaded(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
