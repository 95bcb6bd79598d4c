# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run, not run: steps, what the store has, memory, disk and time as past jobs took, licences."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ..hub import Kept
from ..protocol.catalog import spec_of
from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import JobState
from ..protocol.place import gigabytes
from ..protocol.provenance import licences
from ..protocol.spec import BackendSpec
from ..protocol.store import JobStore
from . import flags, outcome
from .errand import Errand
from .table import together

MOST = 2000
"""So many of the newest jobs are asked how long they took."""


@dataclass
class Past:
    """What a step took before, a number for each of its jobs."""

    seconds: list[float] = field(default_factory=list)
    disk: list[int] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)

    def usual(self) -> dict[str, Any]:
        """Medians of time and disk, the most of memory; None where it was never done."""
        return {
            "seconds": round(statistics.median(self.seconds), 1) if self.seconds else None,
            "disk": int(statistics.median(self.disk)) if self.disk else None,
            "peak_mb": max(self.peak_mb, default=None),
        }


def past(store: JobStore, steps: Iterable[str]) -> dict[str, Past]:
    """What these steps took in the jobs of the store that were done."""
    found = {step: Past() for step in steps}
    for job in islice(store.jobs(), MOST):
        step = job.rpartition("-")[0]
        result = store.result(job) if step in found else None
        if result and result.state is JobState.DONE:
            found[step].seconds.append(result.seconds)
            found[step].disk.append(sum(asset.size for asset in result.assets))
            found[step].peak_mb.append(result.peak_mb)
    return found


def run(errands: Sequence[Errand], options: argparse.Namespace, blender: str, wrong: Sequence[int] = ()) -> int:
    """Print the plan of each; of several that are alike the first in full, of the others what is to do.

    One that cannot be planned, as its photo is gone or its folder holds something else, has none. The exit code is that
    of the run: `wrong` has those of lines that are no errands."""
    store, runtimes = flags.store(), flags.runtimes(blender)
    known = past(store, {step.do for errand in errands for step in errand.recipe.steps})
    plans: list[dict[str, Any]] = []
    codes, alone = list(wrong), len(errands) == 1 and not wrong
    for errand in errands:
        try:
            outcome.possible(errand.out)
            if taken := errand.taken():
                raise taken
            lacks = errand.lacking(store, runtimes, runtimes.identity) if options.runner == "local" else None
            plan = _plan(errand, store, runtimes.identity, known)
            _prove(errand)
        except UserError as error:
            if alone:
                raise
            codes.append(_refused(errand, error))
            continue
        if options.json:
            sys.stdout.write(json.dumps(plan) + "\n")
        elif plans and _kind(plan) == _kind(plans[-1]):
            todo, length = len(plan["steps"]) - plan["cached"], len(plan["steps"])
            sys.stdout.write(f"{plan['out']}: as above, {todo} of {length} steps to do\n")
        else:
            _tell(plan)
        plans.append(plan)
        if lacks and alone:
            raise lacks
        codes.append(_refused(errand, lacks) if lacks else 0)
    if len(plans) > 1 and not options.json:
        _tell_all(plans)
    return together(codes)


def _refused(errand: Errand, error: UserError) -> int:
    sys.stderr.write(f"galatea: {errand.name or errand.out.name}: {error}\n")
    return EXIT_CODES[error.kind]


def _prove(errand: Errand) -> None:
    """Raise `UserError` where a picture or mesh that steps will read is none, by its header."""
    from .. import images
    from ..geometry import headers  # here, for numpy is not wanted before

    specs = [spec_of(step.do) for step in errand.recipe.steps]
    for role, path in errand.inputs.items():
        readers = {spec.runtime for spec in specs if role in spec.inputs + spec.optional}
        if role in ("image", "mask") and readers - {"blender"}:  # which reads pictures of more kinds
            images.prove(path)
        if role == "model" and "blender" in readers:
            try:
                headers.look(path)
            except ValueError as error:
                raise UserError(f"{path.name} cannot be read: {error}. Choose another file.") from None


def _plan(errand: Errand, store: JobStore, blender: str, known: dict[str, Past]) -> dict[str, Any]:
    """Walk as far as finished results lead; what comes after is known by its parameters alone."""
    rows: list[dict[str, Any]] = []
    done = len(errand.cached(store, blender))
    for number, step in enumerate(errand.recipe.steps):
        spec = spec_of(step.do)
        needs = [gb for _, gb in spec.memory]
        rows.append({
            "step": step.do,
            "runtime": spec.runtime,
            "license": spec.license,
            "licenses": list(licences(spec, step.params)),
            "params": spec.fill(step.params),
            "cached": number < done,
            "memory_gb": [min(needs), max(needs)] if needs else None,
            "past": known[step.do].usual(),
            "fetch": _absent(spec, step.params) if number >= done else [],
        })  # fmt: skip
    todo = [row for row in rows if not row["cached"]]
    took = [row["past"] for row in todo]
    return {
        "recipe": errand.recipe.name,
        "out": str(errand.out),
        "order": errand.order.document() if errand.order else None,
        "steps": rows,
        "cached": len(rows) - len(todo),
        "seconds": round(sum(each["seconds"] or 0.0 for each in took), 1),
        "disk": sum(each["disk"] or 0 for each in took),
        "disk_free": _free(store.root),
        "memory_gb": max((max(row["memory_gb"] or [0.0]) for row in todo), default=0.0),
        "never_done": [row["step"] for row in todo if row["past"]["seconds"] is None],
        "licenses": sorted({text for row in rows for text in row["licenses"]}),
    }


def _kind(plan: dict[str, Any]) -> Any:
    """What plans have in common that differ in their files alone, by which `bring` names the object."""
    steps = [(row["step"], {**row["params"], "name": ""}, row["fetch"]) for row in plan["steps"]]
    return plan["recipe"], steps


def _absent(spec: BackendSpec, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Weights that this step wants and that are not here, with the page of those that have to be asked for."""
    lacking = [] if params.get("weights") else [each for each in spec.weights if not Kept(each).whole]
    return [
        {"repository": each.repository, "amount": each.amount, "gated": each.gated, "page": each.page}
        for each in lacking
    ]


def _free(folder: Path) -> int:
    """Bytes free where the folder is or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _tell(plan: dict[str, Any]) -> None:
    sys.stdout.write(f"{plan['recipe']} -> {plan['out']}\n")
    for number, row in enumerate(plan["steps"], 1):
        params = " ".join(f"{key}={value}" for key, value in row["params"].items())
        state = "cached" if row["cached"] else "to do"
        took = row["past"]["seconds"]
        time = "" if row["cached"] else f"{took:.0f} s" if took is not None else "?"
        sys.stdout.write(f"{number:3} {row['step']:12} {state:7} {time:>6} {row['runtime']:8} {params}\n")
    known, disk = _reckoned([plan])
    if plan["cached"] == len(plan["steps"]):
        known, disk = "none, all is in the store", "none"
    sys.stdout.write(f"time      {known}\n")
    sys.stdout.write(f"disk      {disk}; {gigabytes(plan['disk_free'])} free\n")
    if plan["memory_gb"]:
        ways = [f"{row['step']} {' to '.join(f'{gb:g}' for gb in dict.fromkeys(row['memory_gb']))} GB"
                for row in plan["steps"] if row["memory_gb"] and not row["cached"]]  # fmt: skip
        sys.stdout.write(f"memory    {', '.join(ways)}\n")
    peak = max((row["past"]["peak_mb"] or 0 for row in plan["steps"] if not row["cached"]), default=0)
    if peak:
        sys.stdout.write(f"memory    at most {peak / 1000:.1f} GB of main memory in the past\n")
    for row in plan["steps"]:
        for each in row["fetch"]:
            gate = f", after you have accepted its licence on {each['page']}" if each["gated"] else ""
            what = f"{each['repository']}, {each['amount']}: galatea models pull {row['step']}{gate}"
            sys.stdout.write(f"to fetch  {what}\n")
    sys.stdout.write(f"licences  {', '.join(plan['licenses'])}\n")


def _tell_all(plans: Sequence[dict[str, Any]]) -> None:
    steps, cached = sum(len(plan["steps"]) for plan in plans), sum(plan["cached"] for plan in plans)
    known, disk = _reckoned(plans) if cached < steps else ("none, all is in the store", "none")
    sys.stdout.write(f"{len(plans)} orders, {steps - cached} of {steps} steps to do\n")
    sys.stdout.write(f"time      {known}{', one after the other' if known.startswith('about') else ''}\n")
    sys.stdout.write(f"disk      {disk}; {gigabytes(plans[0]['disk_free'])} free\n")


def _reckoned(plans: Sequence[dict[str, Any]]) -> tuple[str, str]:
    """Time and disk of what is to do; steps that were never done here have neither."""
    never = list(dict.fromkeys(step for plan in plans for step in plan["never_done"]))
    some = any(len(plan["never_done"]) < len(plan["steps"]) - plan["cached"] for plan in plans)
    more = f", and {', '.join(never)}, never done here" if never else ""
    time = f"about {_span(sum(plan['seconds'] for plan in plans))}{more}" if some else "not known"
    kept = sum(plan["disk"] for plan in plans)
    return time, f"{gigabytes(kept)} for what is {'known' if never else 'to do'}" if kept else "not known"


def _span(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
