# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea models list | pull | verify | remove`: the published weights; also what the panel's buttons start."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..env import python as environment_python
from ..env.command import end_on_signals, print_json
from ..hub import Kept, fetch, kept
from ..hub.remote import total
from ..protocol.catalog import catalog
from ..protocol.errors import JobCancelled, UserError
from ..protocol.event import Done, Log, Progress
from ..protocol.place import data_folder, gigabytes
from ..protocol.spec import Weights
from ..protocol.weights import latest, named
from ..runners.local import child_environment
from ..runners.runtimes import START
from . import terms
from .backends import agreed, memory

JOB = "models"
"""The job that the events speak of."""


def add_verbs(verbs: Any) -> None:
    models = verbs.add_parser("models", help="fetch, check or remove the weights of learned backends")
    models.add_argument("action", choices=("list", "pull", "verify", "remove"))
    models.add_argument("names", nargs="*", metavar="NAME", help="a backend, or owner/name[@revision] on the hub")
    models.add_argument("--yes", action="store_true", help="accept licences that have terms, without a question")
    models.add_argument("--unused", action="store_true", help="remove: what no backend of this version needs")
    terms.add_flags(models)
    models.add_argument("--json", action="store_true", help="one JSON object a line")
    models.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    models.set_defaults(call=_models)


@dataclass(frozen=True)
class Entry:
    """Weights under the name that a user gives them; `used` says that a backend of this version needs them."""

    name: str
    title: str
    territory: str
    memory: str
    weights: Weights
    used: bool = True

    @property
    def free(self) -> bool:
        return self.weights.free and self.territory == "worldwide"


def _models(options: argparse.Namespace, blender: str) -> int:
    actions: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "pull": _pull, "verify": _verify, "remove": _remove,
    }  # fmt: skip
    return actions[options.action](options)


def entries() -> list[Entry]:
    """Of all backends, then what lies in the data folder beside."""
    found = [
        Entry(spec.id, spec.label, spec.territory, memory(spec), weights)
        for spec in catalog().values()
        for weights in spec.weights
    ]
    roots = {Kept(entry.weights).root for entry in found}
    for record in sorted((data_folder() / "weights").glob("*/*/verified.json")):
        there = kept.kept_at(record.parent)
        if there and record.parent not in roots:
            found.append(_loose(there.weights))
    return found


def _loose(weights: Weights) -> Entry:
    return Entry(f"{weights.repository}@{weights.revision[:12]}", weights.repository, "worldwide", "", weights, False)


def _chosen(options: argparse.Namespace, *, fetching: bool = False) -> list[Entry]:
    known, found = entries(), []
    for name in options.names:
        mine = [entry for entry in known if name in (entry.name, entry.weights.repository)]
        repository = named(name)
        if not mine and repository and fetching:
            from ..hub.repository import look_up

            mine = [_loose(look_up(name))]
        elif not mine and repository:
            there = kept.kept_at(latest(*repository))
            mine = [_loose(there.weights)] if there else []
        if not mine:
            has = ", ".join(dict.fromkeys(entry.name for entry in known)) or "none"
            raise UserError(f"There are no weights {name!r}. There are: {has}; or name owner/name.", kind="usage")
        found += mine
    return found


def _list(options: argparse.Namespace) -> int:
    rows: list[dict[str, Any]] = []
    for entry in entries():
        there, weights = Kept(entry.weights), entry.weights
        state = "installed" if there.whole else "partial" if there.here else "absent"
        rows.append(
            {
                "name": entry.name, "repository": weights.repository, "revision": weights.revision, "state": state,
                "size": weights.size, "amount": weights.amount, "here": there.here, "license": weights.license,
                "territory": entry.territory, "free": entry.free, "gated": weights.gated, "page": weights.page,
                "folder": str(there.root), "used": entry.used,
            }
        )  # fmt: skip
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return 0
    for row in rows:
        amount = f"{gigabytes(row['here'])} of " if row["state"] == "partial" else ""
        what = f"{row['license']}, {row['territory']}  {row['repository']}"
        unused = "" if row["used"] else "  (no backend needs it)"
        sys.stdout.write(f"{row['name']:16} {row['state']:9} {amount}{row['amount']}  {what}{unused}\n")
    if not rows:
        sys.stdout.write("No backend needs weights from the hub.\n")
    return 0


def _pull(options: argparse.Namespace) -> int:
    if not options.names:
        raise UserError("Name a backend: galatea models pull NAME. See `galatea models list`.", kind="usage")
    for name in options.names:
        terms.refuse(name, agreed=options.yes)
    end_on_signals()
    if options.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    there = find_spec("huggingface_hub") is not None
    program = environment_python(data_folder())
    if there or not program:
        chosen = _chosen(options, fetching=True)
        _consent(chosen, options, telling=there)
        return _fetch(chosen, options)
    if not any(named(name) for name in options.names):  # else only the child can ask the hub for the licence
        _consent(_chosen(options), options)
        options.yes = True
    return _elsewhere(program, options)


def _consent(chosen: Sequence[Entry], options: argparse.Namespace, *, telling: bool = False) -> None:
    """Say what will come and on which terms; one that is not free wants a yes. `telling`: the hub can be asked."""
    for entry in chosen:
        weights = entry.weights
        needs = f" Memory: {entry.memory}." if entry.memory else ""
        amount = weights.amount if not telling or Kept(weights).whole else gigabytes(total(weights))
        _say(options, f"{entry.title}: {amount} from {weights.repository} at {weights.revision[:12]}.")
        _say(options, f"Licence: {weights.license}, {entry.territory}. {weights.page}{needs}")
    strict = [entry for entry in chosen if not entry.free and not Kept(entry.weights).whole]
    if not strict or options.yes or (not options.json and agreed("This licence has terms. Do you accept them?")):
        return
    names = "; ".join(f"{entry.weights.license}, {entry.territory}: {entry.weights.page}" for entry in strict)
    raise UserError(f"The licence has terms ({names}). Read them, then pull with --yes.", kind="usage")


def _say(options: argparse.Namespace, text: str) -> None:
    if options.json:
        print_json(Log(JOB, text))
    else:
        sys.stderr.write(text + "\n")


def _fetch(chosen: Sequence[Entry], options: argparse.Namespace) -> int:
    try:
        fetch.fetch([entry.weights for entry in chosen], _Teller(json=options.json))
    except (KeyboardInterrupt, JobCancelled):
        error = UserError("Cancelled. Pull again: it goes on where it stopped.", kind="cancelled")
    except UserError as trouble:
        error = trouble
    else:
        if options.json:
            print_json(Done(JOB))
        for entry in chosen if not options.json else ():
            sys.stdout.write(f"{Kept(entry.weights).root}\n")
        return 0
    if options.json:  # whoever reads the events need not read stderr too
        print_json(Log(JOB, str(error)))
    raise error


class _Teller:
    """Events, or for people a line when something else is done, and one in two seconds."""

    def __init__(self, *, json: bool) -> None:
        self._json, self._last, self._time = json, "", 0.0

    def __call__(self, phase: str, fraction: float) -> None:
        if self._json:
            print_json(Progress(JOB, phase, round(fraction, 4)))
            return
        what = phase.partition(",")[0]
        if what != self._last or time.monotonic() - self._time > 2:
            self._last, self._time = what, time.monotonic()
            sys.stderr.write(f"{fraction:4.0%} {phase}\n")


def _elsewhere(program: Path, options: argparse.Namespace) -> int:
    """The same order for the Python that has huggingface_hub; it ends when we end, however that happens."""
    flags = [flag for flag, on in (("--yes", options.yes), ("--json", options.json)) if on]
    flags += [word for name in options.accept for word in ("--accept", name)]
    command = [str(program), "-P", str(START), "models", "pull", *options.names, *flags, "--with-parent"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, env={**child_environment(), "GALATEA_HOME": str(data_folder())}
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()
    finally:
        if process.stdin:
            process.stdin.close()


def _end_with_parent() -> None:
    sys.stdin.read(1)  # nothing is ever written to this pipe: that it ends says that the parent is gone
    os._exit(143)


def _verify(options: argparse.Namespace) -> int:
    chosen = _chosen(options) if options.names else [e for e in entries() if Kept(e.weights).here]
    tell, bad = _Teller(json=options.json), []
    for entry in chosen:
        there = Kept(entry.weights)
        for file in entry.weights.files:
            tell(f"Proving {entry.weights.repository} {file.name}", 0.0)
            good = there.prove(file)
            if not good:
                there.distrust(file)
                bad.append(entry.name)
            state = "ok" if good else "wrong or damaged" if there.path(file).is_file() else "missing"
            _say(options, f"{state}: {there.path(file)}")
    if bad:
        names = " ".join(dict.fromkeys(bad))
        raise UserError(f"Not all weights are whole. Run `galatea models pull {names}`.", kind="weights")
    return 0


def _remove(options: argparse.Namespace) -> int:
    if bool(options.names) == options.unused:
        raise UserError("Name what to remove, or use --unused.", kind="usage")
    chosen = _chosen(options) if options.names else [e for e in entries() if not e.used]
    for entry in chosen:
        there = Kept(entry.weights)
        freed = there.here
        there.remove()
        _say(options, f"Removed {entry.weights.repository}, {gigabytes(freed)}.")
    return 0
