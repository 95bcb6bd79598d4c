# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights that `galatea models` speaks of under the names that users give them, and how it tells what it does."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..env.command import print_json
from ..hub import Kept, kept
from ..protocol.catalog import catalog
from ..protocol.errors import JobCancelled, UserError
from ..protocol.event import Done, Log, Progress
from ..protocol.place import data_folder
from ..protocol.spec import Weights
from ..protocol.weights import latest, named, shared_folder
from .backends import memory

JOB = "models"
"""The job that the events speak of."""


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


def entries() -> list[Entry]:
    """Of all backends, then what lies in the data folder and the shared one beside."""
    found = [
        Entry(spec.id, spec.label, spec.territory, memory(spec), weights)
        for spec in catalog().values()
        for weights in spec.weights
    ]
    roots = {Kept(entry.weights).root for entry in found}
    for place in filter(None, (data_folder() / "weights", shared_folder())):
        for record in sorted(place.glob("*/*/verified.json")):
            there = kept.kept_at(record.parent)
            if there and there.root not in roots:
                roots.add(there.root)
                found.append(loose(there.weights))
    return found


def loose(weights: Weights) -> Entry:
    return Entry(f"{weights.repository}@{weights.revision[:12]}", weights.repository, "worldwide", "", weights, False)


def entry_of(weights: Weights) -> Entry:
    """Under the name of the backend that needs this revision, if there is one."""
    same = (weights.repository, weights.revision)
    mine = (each for each in entries() if each.used and (each.weights.repository, each.weights.revision) == same)
    found = next(mine, None)
    return Entry(found.name, found.title, found.territory, found.memory, weights) if found else loose(weights)


def chosen(options: argparse.Namespace, *, fetching: bool = False) -> list[Entry]:
    """What the names mean, on the hub too with `fetching`; raises `UserError` for one that means nothing."""
    known, found = entries(), []
    for name in options.names:
        mine = [entry for entry in known if name in (entry.name, entry.weights.repository)]
        repository = named(name)
        if not mine and repository and fetching:
            from ..hub.repository import look_up

            mine = [loose(look_up(name))]
        elif not mine and repository:
            there = kept.kept_at(latest(*repository))
            mine = [loose(there.weights)] if there else []
        if not mine and Path(name).expanduser().is_dir():
            text = f"{name} is a folder. Name a backend or owner/name; `galatea models folder` says where weights lie."
            raise UserError(text, kind="usage")
        if not mine:
            has = ", ".join(dict.fromkeys(entry.name for entry in known)) or "none"
            raise UserError(f"There are no weights {name!r}. There are: {has}; or name owner/name.", kind="usage")
        found += mine
    return found


def say(options: argparse.Namespace, text: str) -> None:
    if options.json:
        print_json(Log(JOB, text))
    else:
        sys.stderr.write(text + "\n")


class Teller:
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


def follow(options: argparse.Namespace, work: Callable[[Teller], object], cancelled: str) -> None:
    """Do it, and tell its end as an event too: whoever reads those need not read stderr."""
    try:
        work(Teller(json=options.json))
    except (KeyboardInterrupt, JobCancelled):
        error = UserError(f"Cancelled. {cancelled}", kind="cancelled")
    except UserError as trouble:
        error = trouble
    else:
        if options.json:
            print_json(Done(JOB))
        return
    if options.json:
        print_json(Log(JOB, str(error)))
    raise error
