# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb jobs: what the data folder keeps of all that was done, and how to be rid of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..protocol.catalog import catalog
from ..protocol.errors import UserError
from ..protocol.job import JobState, Result
from ..protocol.place import gigabytes
from ..protocol.store import JobStore
from . import flags, terms

LINES = 40


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(
        "jobs",
        help="list, show or remove what the data folder keeps",
        description="List, show or remove the jobs of the data folder, the newest first. Each is one step with its "
        "files: a run that asks for the same again gets it from here, so what is removed is only made anew.",
    )
    verb.add_argument(
        "action", nargs="?", choices=("list", "show", "log", "remove", "prune"), default="list", metavar="ACTION",
        help="list (default); show or log of one; remove some; prune what is old or too much",
    )  # fmt: skip
    verb.add_argument("ids", nargs="*", metavar="ID", help="as list tells them; the beginning is enough")
    verb.add_argument(
        "--limit", type=flags.from_zero(int), default=20, metavar="N", help="tell of so many (default 20)"
    )
    verb.add_argument("--state", choices=[str(state) for state in JobState], help="list, prune: only such")
    verb.add_argument(
        "--older", type=flags.from_zero(float), metavar="DAYS", help="prune: those asked for longer ago, and such logs"
    )
    verb.add_argument(
        "--max-gb", type=flags.from_zero(float), metavar="GB", help="prune: the oldest, until the rest takes no more"
    )
    verb.add_argument("--dry-run", action="store_true", help="remove, prune: only say what would go")
    verb.add_argument("--yes", action="store_true", help="prune: without a question")
    verb.add_argument("--json", action="store_true", help="tell it as JSON")
    verb.set_defaults(call=_jobs)


def _jobs(options: argparse.Namespace, blender: str) -> int:
    actions: dict[str, Callable[[argparse.Namespace, JobStore], None]] = {
        "list": _list, "show": _show, "log": _log, "remove": _remove, "prune": _prune,
    }  # fmt: skip
    wants = options.action in ("show", "log", "remove")
    if wants != bool(options.ids):
        text = f"Name a job: galatea jobs {options.action} ID." if wants else f"{options.action} takes no id."
        raise UserError(text, kind="usage")
    actions[options.action](options, flags.store())
    return 0


def _row(store: JobStore, job: str) -> dict[str, Any]:
    result = store.result(job)
    return {
        "job": job,
        "state": str(store.state(job)),
        "seconds": result.seconds if result else None,
        "asked": (store.folder(job) / "request.json").stat().st_mtime,
        "size": _size(store.folder(job)),
        "error": result.failure.message if result and result.failure else None,
    }


def _rows(store: JobStore, state: str | None) -> Iterator[dict[str, Any]]:
    for job in store.jobs():
        if not state or str(store.state(job)) == state:
            try:
                yield _row(store, job)
            except FileNotFoundError:  # removed by another process meanwhile
                continue


def _size(folder: Path) -> int:
    """Bytes on the disk, of what is still there when it is asked."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except OSError:
            continue
    return total


def _list(options: argparse.Namespace, store: JobStore) -> None:
    rows: list[dict[str, Any]] = []
    for row in _rows(store, options.state):
        if len(rows) >= max(options.limit, 0):
            break
        rows.append(row)
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    for row in rows:
        sys.stdout.write(_line(row) + "\n")
    if number := sum(1 for _ in store.jobs()):
        none = "" if rows else "None of "
        sys.stdout.write(f"{none}{_counted(number)}, {gigabytes(_size(store.root))} in {store.root}\n")
    else:
        sys.stdout.write(f"No jobs in {store.root}.\n")


def _counted(number: int) -> str:
    return f"{number} job{'s' * (number != 1)}"


def _line(row: dict[str, Any]) -> str:
    seconds = f"{row['seconds']:7.1f} s" if row["seconds"] is not None else f"{'':9}"
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["asked"]))
    text = f"{row['job']:32} {row['state']:9} {seconds} {gigabytes(row['size']):>8}  {when}  {row['error'] or ''}"
    return text.rstrip()


def whole_ids(store: JobStore, ids: list[str]) -> list[str]:
    """Whole ids of these beginnings."""
    known, found = list(store.jobs()), []
    for each in ids:
        mine = [job for job in known if job == each] or [job for job in known if job.startswith(each)]
        if len(mine) != 1:
            what = "There is no job" if not mine else f"{len(mine)} jobs begin with"
            raise UserError(f"{what} {each!r}. See `galatea jobs`.", kind="usage")
        found += mine
    return list(dict.fromkeys(found))


def _show(options: argparse.Namespace, store: JobStore) -> None:
    for job in whole_ids(store, options.ids):
        result, request = store.result(job), store.request(job)
        if options.json:
            told = {"request": request.to_json(), "result": result.to_json() if result else None}
            sys.stdout.write(json.dumps({**_row(store, job), "folder": str(store.folder(job)), **told}) + "\n")
            continue
        sys.stdout.write(f"{_line(_row(store, job))}\nfolder    {store.folder(job)}\n")
        for role, path in request.inputs.items():
            sys.stdout.write(f"input     {role} {path}\n")
        sys.stdout.write(f"settings  {' '.join(f'{k}={v}' for k, v in request.params.items())} seed={request.seed}\n")
        sys.stdout.writelines(f"{line}\n" for line in (_ended(result) if result else ()))
        if store.claimant(job) is not None:
            sys.stdout.write(f"running   by {store.worker(job)}\n")


def _ended(result: Result) -> Iterator[str]:
    for asset in result.assets:
        yield f"output    {asset.role} {asset.path} {gigabytes(asset.size)} sha256 {asset.sha256}"
    for name, value in result.metrics.items():
        yield f"metric    {name} {str(value)[:100]}"
    for text in result.warnings:
        yield f"warning   {text}"
    yield f"ran       on {result.device}, {result.peak_mb:.0f} MB at most, {result.seconds:.1f} s"
    if result.failure:
        yield f"failed    {result.failure.kind}: {result.failure.message} {result.failure.hint}"


def _log(options: argparse.Namespace, store: JobStore) -> None:
    """What its failure tells, then the end of the log that its process wrote at that time."""
    for job in whole_ids(store, options.ids):
        result, spec = store.result(job), catalog().get(job.rpartition("-")[0])
        if result:
            sys.stdout.writelines(f"{text}\n" for text in result.warnings)
            if result.failure:
                sys.stdout.write(f"{result.failure.message}\n{result.failure.trace}".rstrip() + "\n")
        began = result.started if result else 0.0
        logs = list((store.root / "logs").glob(f"{spec.runtime if spec else '*'}-*.log"))
        mine = sorted((path.stat().st_mtime, path) for path in logs if path.stat().st_mtime >= began)
        for _, path in mine[:1] if began else mine[-1:]:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES:]
            if lines:
                sys.stdout.write(f"--- the end of {path}\n" + "".join(f"{line}\n" for line in lines))


def _remove(options: argparse.Namespace, store: JobStore) -> None:
    jobs = whole_ids(store, options.ids)
    for job in jobs:
        if store.claimant(job) is not None:
            text = (
                f"{job} is running, by {store.worker(job)}. Cancel its run, or end that process where its run is gone."
            )
            raise UserError(text, kind="usage")
    _gone(options, store, [_row(store, job) for job in jobs])


def _prune(options: argparse.Namespace, store: JobStore) -> None:
    if options.older is None and options.max_gb is None and not options.state:
        raise UserError("Say what to prune: --older DAYS, --max-gb GB or --state failed.", kind="usage")
    rows = [row for row in _rows(store, None) if store.claimant(row["job"]) is None]
    fits = [row for row in rows if options.state in (None, row["state"])]
    gone: list[dict[str, Any]] = []
    if options.older is not None or options.max_gb is None:
        before = time.time() - (options.older or 0.0) * 86400
        gone = [row for row in fits if row["asked"] <= before]
    if options.max_gb is not None:
        left = sum(row["size"] for row in rows) - sum(row["size"] for row in gone)
        for row in reversed([row for row in fits if row not in gone]):
            if left <= options.max_gb * 1e9:
                break
            gone.append(row)
            left -= row["size"]
    what = f"{len(gone)} of {_counted(len(rows))}, {gigabytes(sum(row['size'] for row in gone))}, of {store.root}"
    if gone and not (options.dry_run or options.yes or (not options.json and terms.agreed(f"Remove {what}?"))):
        raise UserError(f"Nothing was removed: this would be {what}. Say --yes, or look with --dry-run.", kind="usage")
    if options.older is not None and not options.state and not options.dry_run:
        store.remove_logs(before)
    _gone(options, store, gone)


def _gone(options: argparse.Namespace, store: JobStore, rows: list[dict[str, Any]]) -> None:
    gone = [row for row in rows if options.dry_run or store.remove(row["job"])]
    freed = sum(row["size"] for row in gone)
    if options.json:
        told = {"jobs": [row["job"] for row in gone], "bytes": freed, "removed": not options.dry_run}
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        sys.stdout.writelines(_line(row) + "\n" for row in gone[: options.limit])
        if len(gone) > options.limit:
            sys.stdout.write(f"… and {len(gone) - options.limit} more\n")
        sys.stdout.write(f"{'Would free' if options.dry_run else 'Freed'} {gigabytes(freed)}, {_counted(len(gone))}.\n")
    if stayed := [row["job"] for row in rows if row not in gone]:
        which = ", ".join(stayed[:3]) + ", …" * (len(stayed) > 3)
        text = f"Could not remove {_counted(len(stayed))}: {which}. Check whose files they are, in {store.root}."
        raise UserError(text, kind="output")
