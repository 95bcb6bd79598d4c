# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea models pull`: the terms first, then the bytes, by the Python that has huggingface_hub."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..env import python as environment_python
from ..env.command import end_on_signals
from ..hub import Kept, fetch
from ..hub.remote import total
from ..protocol.errors import UserError
from ..protocol.place import data_folder, gigabytes
from ..protocol.weights import named
from ..runners.local import child_environment
from ..runners.runtimes import START
from . import terms
from .entries import Entry, chosen, follow, say


def pull(options: argparse.Namespace) -> int:
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
        found = chosen(options, fetching=True)
        consent(found, options, telling=there)
        return _fetch(found, options)
    if not any(named(name) for name in options.names):  # else only the child can ask the hub for the licence
        consent(chosen(options), options)
        options.yes = True
    return _elsewhere(program, options)


def consent(wanted: Sequence[Entry], options: argparse.Namespace, *, telling: bool = False) -> None:
    """Say what will come and on which terms; one that is not free wants a yes. `telling`: the hub can be asked."""
    for entry in wanted:
        weights = entry.weights
        needs = f" Memory: {entry.memory}." if entry.memory else ""
        amount = weights.amount if not telling or Kept(weights).whole else gigabytes(total(weights))
        say(options, f"{entry.title}: {amount} from {weights.repository} at {weights.revision[:12]}.")
        say(options, f"Licence: {weights.license}, {entry.territory}. {weights.page}{needs}")
    strict = [entry for entry in wanted if not entry.free and not Kept(entry.weights).whole]
    if not strict or options.yes or (not options.json and terms.agreed("This licence has terms. Do you accept them?")):
        return
    names = "; ".join(f"{entry.weights.license}, {entry.territory}: {entry.weights.page}" for entry in strict)
    verb = options.action
    raise UserError(f"The licence has terms ({names}). Read them, then {verb} with --yes.", kind="usage")


def _fetch(wanted: Sequence[Entry], options: argparse.Namespace) -> int:
    several = [entry.weights for entry in wanted]
    follow(options, lambda tell: fetch.fetch(several, tell), "Pull again: it goes on where it stopped.")
    for weights in several if not options.json else ():
        sys.stdout.write(f"{Kept(weights).root}\n")
    return 0


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
