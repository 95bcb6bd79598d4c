# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb batch: many orders, one a line; each has a folder of its own below DIR and fails alone.

Given again it does what is missing: a folder that holds the result of the very same order is kept as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import Failure
from ..worker.execute import explain
from . import dry, flags, lines, run, sheet
from .crew import Crew
from .errand import Errand, left
from .table import REPORT, TABLE, Table, refuse, row

SHOWN = 40
"""So many lines of the table go to the terminal; batch.json and report.html have all."""


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(
        "batch",
        help="many orders, each with its own folder and result",
        description="Carry out many orders: lines of JSON as in job files (.jsonl), a table (.csv) whose columns are "
        "fields, roles and step.param, or a folder of photos, meshes and job files. Flags count where a line says "
        "nothing. A line that is wrong fails alone; given again, only what is missing is done.",
    )
    verb.add_argument("jobs", metavar="JOBS", help="a .jsonl or .csv file, a folder, or - for lines on stdin")
    verb.add_argument("--recipe", metavar="NAME", help="for lines without; else photo_to_mesh, mesh_to_asset")
    verb.add_argument("--backend", metavar="ID", help="the model that makes the mesh, for lines without")
    verb.add_argument(
        "--limit", type=flags.above(int), metavar="N", help="do at most so many of those that are missing"
    )
    verb.add_argument("--fail-fast", action="store_true", help="stop at the first that fails")
    flags.shared(verb)
    verb.set_defaults(call=_batch)


@dataclass
class Item:
    """A line: its errand, or why there is none."""

    number: int
    name: str
    errand: Errand | None = None
    error: Exception | None = None


def _batch(options: argparse.Namespace, blender: str) -> int:
    flags.check(options)
    out = run.needed(options.out)
    if options.job_file:
        raise UserError("A job file is one order. Leave --job-file out.", kind="usage")
    items = [_item(line, options, out) for line in lines.read(options, Path.cwd())]
    errands = [item.errand for item in items if item.errand]
    if options.dry_run:
        refuse(out, errands, overwrite=options.overwrite)
        wrong = [item for item in items if item.error]
        for item in wrong:
            sys.stderr.write(f"galatea: {item.name}: {item.error}\n")
        codes = [EXIT_CODES[explain(item.error).kind] for item in wrong if item.error]
        return dry.run(_limited(errands, options.limit), options, blender, codes)
    rows = [row(item.name, item.errand.source if item.errand else "", line=item.number) for item in items]
    workers = options.workers or (1 if options.runner == "local" else None)
    table = Table(out, rows, jobs_from=str(options.jobs), workers=workers)
    table.prepare(errands, overwrite=options.overwrite)
    _Batch(items, table, options).go(blender)
    return _tell(table, out, options)


def _limited(errands: list[Errand], limit: int | None) -> list[Errand]:
    """Those that a run with `--limit` comes to: what is done already, and so many of what is missing."""
    found, room = [], limit or len(errands)
    for errand in errands:
        missing = errand.kept() is None
        room -= missing
        if room >= 0 or not missing:
            found.append(errand)
    return found


def _item(line: lines.Line, options: argparse.Namespace, out: Path) -> Item:
    item = Item(line.number, line.name)
    try:
        if line.error:
            raise line.error
        assert line.order
        item.errand = run.errand(line.order.into(out / line.name), options, line.name)
    except UserError as error:
        item.error = error
    return item


class _Batch:
    """The items on their way into the table."""

    def __init__(self, items: list[Item], table: Table, options: argparse.Namespace) -> None:
        self._items, self._table, self._options = items, table, options
        self._place = {item.name: place for place, item in enumerate(items)}
        self._told = flags.tellers(options, len(items))
        self._failed = False

    def go(self, blender: str) -> None:
        todo = [errand for item in self._items if (errand := self._begun(item))]
        for errand in todo[self._options.limit or len(todo) :]:
            self._table.set(self._place[errand.name], state="skipped")
        todo = todo[: self._options.limit]
        ready = [errand for errand in todo if self._prepared(errand)]
        if self._failed and self._options.fail_fast:
            for errand in ready:
                self._table.set(self._place[errand.name], state="skipped")
        elif (self._options.workers or 1) > 1 and self._options.runner == "local" and ready:
            Crew(self._options, blender, self._told).carry_out(ready, self._row)
        elif ready:
            ahead = max(16, 2 * (self._options.workers or 0))
            work = run.worker(self._options, blender, len(self._items), ahead=ahead)
            work(ready, ended=lambda errand: self._row(errand.name, errand.row(), errand.data["error"]))

    def _begun(self, item: Item) -> Errand | None:
        """The errand that is to be done; of one that cannot be, or is done already, the table is told."""
        if item.error or not item.errand:
            failure = explain(item.error or UserError("It is empty.", kind="usage"))
            self._left(item.name, failure)
            return None
        errand = item.errand
        found = errand.kept()
        if found is None:
            return errand
        errand.data = found
        self._table.set(self._place[item.name], **{**errand.row(), "kept": True})
        self._told.over(item.name)
        return None

    def _prepared(self, errand: Errand) -> bool:
        try:
            errand.prepare()
        except UserError as error:
            errand.refuse(error)
            self._row(errand.name, errand.row(), errand.data["error"])
            return False
        return True

    def _left(self, name: str, failure: Failure) -> None:
        """What could not be begun has a result all the same, unless its folder holds that of another."""
        out, code = self._options.out.expanduser() / name, EXIT_CODES[failure.kind]
        if not out.exists():
            left(out, failure, code)
        told = {"state": "failed", "exit_code": code, "error": failure.message}
        self._row(name, {"seconds": 0.0, **told}, {"message": failure.message, "hint": failure.hint})

    def _row(self, name: str, told: dict[str, Any], error: dict[str, Any] | None) -> bool:
        """Note how one ended; False where no more are to be begun."""
        if self._failed and self._options.fail_fast and told["state"] == "cancelled":
            told = {**told, "state": "skipped", "exit_code": None}
        else:
            self._told.ended(name, told, error)
        self._table.set(self._place[name], **told)
        self._failed = self._failed or told["state"] == "failed"
        return not (self._failed and self._options.fail_fast)


def _tell(table: Table, out: Path, options: argparse.Namespace) -> int:
    data = table.write()
    sheet.write(out, data)
    if options.json:
        sys.stdout.write(json.dumps(data) + "\n")
    elif options.progress == "plain":
        wide = max(len(each["folder"]) for each in table.rows[:SHOWN])
        for each in table.rows[:SHOWN]:
            what = each["error"] or ("kept" if each.get("kept") else ", ".join(each["outputs"]))
            what = shorten(what, 100, placeholder=" …")
            sys.stdout.write(f"{each['state']:10}{each['seconds']:8.1f} s  {each['folder']:{wide}}  {what}\n")
        if len(table.rows) > SHOWN:
            sys.stdout.write(f"… and {len(table.rows) - SHOWN} more\n")
        counts = {state: sum(each["state"] == state for each in table.rows) for state in sheet.STATES}
        sys.stdout.write(", ".join(f"{number} {state}" for state, number in counts.items() if number) + "\n")
        sys.stdout.writelines(f"{out / name}\n" for name in (TABLE, REPORT))
    sys.stdout.flush()
    return table.code
