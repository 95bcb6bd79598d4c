# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea models`: the published weights. What the panel's buttons start, too."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..env.command import end_on_signals
from ..hub import Kept, bundle
from ..hub.fetch import Bar
from ..protocol.errors import UserError
from ..protocol.place import data_folder, gigabytes
from ..protocol.weights import SHARED, share, shared_folder, shared_told
from . import terms
from .entries import Entry, Teller, chosen, entries, entry_of, follow, say
from .pull import consent, pull

ABOUT = """What each action does:
  list [NAME]      what there is: installed or not, size, licence, territory
  pull NAME        fetch, from where it stopped the last time; HF_ENDPOINT names a mirror, HF_TOKEN a login
  verify [NAME]    read every byte and compare it with its hash
  remove NAME      delete; --unused: what no backend of this version needs
  export NAME      one zip for machines without a network: --out FILE
  import FILE      the same zip there; what is not proved by its sha256 is not taken
  folder [DIR]     where they lie; DIR: look in this shared folder too, which is only read; --none: no longer"""


def add_verbs(verbs: Any) -> None:
    models = verbs.add_parser(
        "models",
        help="fetch, check, move or remove the weights of learned backends",
        description="Fetch, check, move or remove the weights of learned backends. Each is pinned to a revision,\n"
        "and its files count only when their sha256 is proved.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    models.add_argument("action", nargs="?", choices=tuple(ACTIONS), default="list", metavar="ACTION",
                        help=", ".join(ACTIONS).replace("list", "list (default)"))  # fmt: skip
    models.add_argument("names", nargs="*", metavar="NAME", help="a backend, or owner/name[@revision] on the hub")
    models.add_argument("--yes", action="store_true", help="accept licences that have terms, without a question")
    models.add_argument("--unused", action="store_true", help="remove: what no backend of this version needs")
    models.add_argument("--out", type=Path, metavar="FILE", help="export: the zip to write")
    models.add_argument("--none", action="store_true", help="folder: use no shared folder any more")
    terms.add_flags(models)
    models.add_argument("--json", action="store_true", help="tell it as JSON; what takes a while as an object a line")
    models.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    models.set_defaults(call=_models)


def _models(options: argparse.Namespace, blender: str) -> int:
    for flag, action in (("unused", "remove"), ("out", "export"), ("none", "folder")):
        if getattr(options, flag) and options.action != action:
            raise UserError(f"--{flag} is for `galatea models {action}`. Leave it out.", kind="usage")
    return ACTIONS[options.action](options)


def _row(entry: Entry) -> dict[str, Any]:
    there, weights = Kept(entry.weights), entry.weights
    state = "installed" if there.whole else "partial" if there.here else "absent"
    return {
        "name": entry.name, "repository": weights.repository, "revision": weights.revision, "state": state,
        "size": weights.size, "amount": weights.amount, "here": there.here, "license": weights.license,
        "territory": entry.territory, "free": entry.free, "gated": weights.gated, "page": weights.page,
        "folder": str(there.root), "used": entry.used, "shared": there.shared, "memory": entry.memory,
    }  # fmt: skip


def _list(options: argparse.Namespace) -> int:
    rows = [_row(entry) for entry in (chosen(options) if options.names else entries())]
    if options.json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return 0
    for row in rows:
        amount = f"{gigabytes(row['here'])} of " if row["state"] == "partial" else ""
        what = f"{row['license']}, {row['territory']}  {row['repository']}"
        more = "" if row["used"] else "  (no backend needs it)"
        more += "  (shared)" if row["shared"] else ""
        more += f"  (gated: accept it on {row['page']})" if row["gated"] and row["state"] != "installed" else ""
        sys.stdout.write(f"{row['name']:16} {row['state']:9} {amount}{row['amount']}  {what}{more}\n")
    if not rows:
        sys.stdout.write("No backend needs weights from the hub.\n")
    return 0


def _verify(options: argparse.Namespace) -> int:
    wanted = chosen(options) if options.names else [e for e in entries() if Kept(e.weights).here]
    bar, bad = Bar(Teller(json=options.json), lambda: False), []
    if not wanted:
        say(options, "Nothing to prove: no weights lie here.")
    bar.total = max(1, sum(Kept(entry.weights).here for entry in wanted))
    for entry in wanted:
        there = Kept(entry.weights)
        for file in entry.weights.files:
            bar.say(f"Proving {entry.weights.repository} {file.name}")
            good = there.prove(file, bar.add)
            if not good:
                there.distrust(file)
                bad.append(entry.name)
            state = "ok" if good else "wrong or damaged" if there.path(file).is_file() else "missing"
            say(options, f"{state}: {there.path(file)}")
    if bad:
        names = " ".join(dict.fromkeys(bad))
        raise UserError(f"Not all weights are whole. Run `galatea models pull {names}`.", kind="weights")
    return 0


def _remove(options: argparse.Namespace) -> int:
    if bool(options.names) == options.unused:
        raise UserError("Name what to remove, or use --unused.", kind="usage")
    wanted = chosen(options) if options.names else [e for e in entries() if not e.used and not Kept(e.weights).shared]
    for entry in wanted:
        there = Kept(entry.weights)
        freed = there.here
        there.remove()
        what = f"Removed {entry.weights.repository}, {gigabytes(freed)}." if freed else "Nothing of {} lies here."
        say(options, what.format(entry.weights.repository))
    if not wanted:
        say(options, "Nothing was removed: each is used.")
    return 0


def _export(options: argparse.Namespace) -> int:
    if not options.names or not options.out:
        raise UserError("Name what and whereto: galatea models export NAME --out weights.zip.", kind="usage")
    end_on_signals()
    several, out = [Kept(entry.weights) for entry in chosen(options)], options.out.expanduser().absolute()
    found: list[str] = []
    follow(options, lambda tell: found.append(bundle.export(several, out, tell)), "Nothing was written.")
    say(options, f"sha256 {found[0]}")
    if not options.json:
        sys.stdout.write(f"{out}\n")
    return 0


def _import(options: argparse.Namespace) -> int:
    if len(options.names) != 1:
        raise UserError("Name one bundle: galatea models import weights.zip.", kind="usage")
    end_on_signals()
    path = Path(options.names[0]).expanduser().absolute()
    several = bundle.look(path)
    wanted = [entry_of(weights) for weights in several]
    for entry in wanted:
        terms.refuse(entry.name, agreed=options.yes)
    consent(wanted, options)
    follow(options, lambda tell: bundle.bring(path, several, tell), "Import again: whole files are kept.")
    for weights in several if not options.json else ():
        sys.stdout.write(f"{Kept(weights).root}\n")
    return 0


def _folder(options: argparse.Namespace) -> int:
    if len(options.names) > 1 or (options.names and options.none):
        raise UserError("Name one shared folder, or say --none.", kind="usage")
    if options.none:
        share(None)
    for name in options.names:
        share(Path(name).expanduser().absolute())
    mine, shared = data_folder() / "weights", shared_folder()
    named, told = shared_told(), "GALATEA_WEIGHTS" if os.environ.get("GALATEA_WEIGHTS") else SHARED
    absent = f"none: {named}, by {told}, is not there" if named and not Path(named).expanduser().is_dir() else "none"
    if options.json:
        rows = {"own": str(mine), "shared": str(shared or ""), "told_by": told if shared else ""}
        sys.stdout.write(json.dumps(rows) + "\n")
        return 0
    sys.stdout.write(f"own     {mine}\nshared  {f'{shared}, by {told}' if shared else absent}\n")
    return 0


ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list, "pull": pull, "verify": _verify, "remove": _remove,
    "export": _export, "import": _import, "folder": _folder,
}  # fmt: skip
