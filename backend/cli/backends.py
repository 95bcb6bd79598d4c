# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea backends`: what there is, with licence, weights and memory; and the yes to backends of the user's own."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..hub import Kept
from ..protocol import own, policy
from ..protocol.catalog import bundled, catalog
from ..protocol.errors import UserError
from ..protocol.place import data_folder, gigabytes
from ..protocol.spec import BackendSpec
from ..runners.local import child_environment
from ..runners.runtimes import library_folders
from . import flags, terms

SCENE = Path(__file__).resolve().parents[2] / "addon" / "scene"


def add_verbs(verbs: Any) -> None:
    backends = verbs.add_parser(
        "backends",
        help="list the models and steps, or trust one of your own",
        description="List the models and steps with their parameters, licences, weights and memory, "
        "or let a file of your own run (docs/extending.md).",
    )
    backends.add_argument("action", nargs="?", choices=("list", "trust"), default="list", metavar="ACTION",
                          help="list (default), or trust: let a file of your own run")  # fmt: skip
    backends.add_argument(
        "file", nargs="?", default="", metavar="FILE", help="of your own, in the folder backends of the data folder"
    )
    backends.add_argument("--all", action="store_true", help="the scene steps too")
    backends.add_argument("--yes", action="store_true", help="answer trust's question with yes")
    backends.add_argument("--json", action="store_true", help="their specs as one JSON list")
    backends.set_defaults(call=_backends)


def _backends(options: argparse.Namespace, blender: str) -> int:
    if options.action == "list":
        return _list(options)
    if not options.file:
        raise UserError("Name a file: galatea backends trust FILE.", kind="usage")
    return _trust(_script(options.file), blender, yes=options.yes)


def _list(options: argparse.Namespace) -> int:
    shown = [spec for spec in catalog().values() if options.all or spec.runtime != "blender"]
    if options.json:
        sys.stdout.write(json.dumps([spec.to_json() for spec in shown]) + "\n")
        return 0
    for spec in shown:
        sys.stdout.write("\n".join(lines(spec)) + "\n")
    for path in own.strays():
        sys.stdout.write(f"{path.stem:10} {path}: {own.STRAY}\n")
    for script in own.scripts():
        if script.id in bundled():
            sys.stdout.write(f"{script.id:10} {script.path}: {own.HIDDEN}\n")
        elif script.state != "trusted":
            why = "changed since you trusted it" if script.state == "changed" else "not trusted yet"
            sys.stdout.write(f"{script.id:10} {script.path}: {why}. `galatea backends trust {script.id}`\n")
    return 0


def lines(spec: BackendSpec) -> Iterator[str]:
    """All that a person wants to know before the first run."""
    yield f"{spec.id:10} {spec.label}: {spec.help}"
    makes = f"{', '.join((*spec.inputs, *(f'[{role}]' for role in spec.optional)))} -> {', '.join(spec.outputs)}"
    yield f"{'':10} {spec.task} ({makes}), runs in {spec.runtime}, {spec.license}, {spec.territory}"
    found = policy.current().verdict(spec)
    if found:
        yield f"{'':10} NOT ALLOWED HERE: it {found.clause}"
    for weights in spec.weights:
        kept = Kept(weights)
        state = "installed" if kept.whole else f"{gigabytes(kept.here)} here" if kept.here else "not fetched"
        gate = ", gated" if weights.gated else ""
        size = f"{weights.amount}, {weights.license}{gate}, {state}"
        yield f"{'':10} weights {weights.repository}: {size}. {weights.page}"
    if spec.memory:
        yield f"{'':10} memory {memory(spec)}"
    if spec.axes:
        yield f"{'':10} axes {spec.axes}"
    for param in spec.params:
        what = " | ".join(param.choices) or " ".join(filter(None, (param.kind, param.span, param.unit)))
        yield f"{'':12} {spec.id}.{param.name}={param.default}  ({what})  {param.help}"


def memory(spec: BackendSpec) -> str:
    return ", ".join(f"{way} {needed:g} GB" for way, needed in spec.memory)


def _script(name: str) -> own.Script:
    """By its id or its path; it must lie in the folder, where a change of it is seen."""
    path = Path(name).expanduser()
    if path.suffix == ".py" and path.resolve().parent != own.folder().resolve():
        raise UserError(f"Copy {path} to {own.folder()} first; backends of your own run from there.", kind="usage")
    script = own.find(path.stem)
    if script is None:
        raise UserError(
            f"{own.folder() / path.stem}.py is not there, is empty or has a name that is no id such as my_model.py.",
            kind="usage",
        )
    shared = script.is_scene and any((SCENE / f"{script.id}{end}").exists() for end in ("", ".py"))
    if script.id in bundled() or shared:
        what = f"backend {script.id}" if script.id in bundled() else f"part {script.id} of addon/scene"
        raise UserError(f"There is a {what} of ours. Give your file another name.", kind="usage")
    return script


def _trust(script: own.Script, blender: str, *, yes: bool) -> int:
    sys.stderr.write(
        f"{script.path}, sha256 {script.sha256}\n"
        "It is a program: what it does, it does with all your rights. Read it, or trust who wrote it.\n"
    )
    if not yes and not terms.agreed("Let it run?"):
        raise UserError("It was not trusted. With --yes it is, without a question.", kind="usage")
    own.trust(script, None)
    try:
        spec = _ask(script, blender)
    except UserError:
        own.distrust(script.id)
        raise
    own.trust(script, spec)
    catalog.cache_clear()
    sys.stdout.write("\n".join(lines(spec)) + "\n")
    return 0


def _ask(script: own.Script, blender: str) -> BackendSpec:
    """The spec of a file, loaded in a process of its own."""
    if not re.search(rb"\b(Backend|SPEC)\b", script.source):
        text = f"{script.path} is no step (it has neither Backend nor SPEC). Look at docs/extending.md for one that is."
        raise UserError(text, kind="usage")
    there = flags.runtimes(blender)
    if script.is_scene:
        command = there.hand("blender", "addon.scene.host", script.id)
    else:
        command = there.hand("full" if there.full else "bundled", "backend.worker.find", script.id)
    env = {**child_environment(), "GALATEA_HOME": str(data_folder())}
    if command[0] == sys.executable:
        env["PYTHONPATH"] = os.pathsep.join(library_folders())
    run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env)
    said = run.stderr.strip()
    told = [line for line in run.stdout.splitlines() if line.startswith("{")]
    try:
        if run.returncode or not told:
            raise ValueError(said.splitlines()[-1] if said else "it ended before it said its spec")
        spec = BackendSpec.from_json(json.loads(told[-1]))
        if spec.id != script.id:
            raise ValueError(f"its id is {spec.id}, and its file is {script.path.name}")
        if (spec.runtime == "blender") != script.is_scene:
            raise ValueError(f"its runtime is {spec.runtime}, and only what has SPEC and run is of the runtime blender")
        if not spec.outputs:
            raise ValueError('it has no outputs, so that nothing of it would be kept: outputs=("mesh",) or ("scene",)')
    except (ValueError, KeyError, TypeError) as error:
        text = f"{script.path} is no step ({error}). Look at docs/extending.md for one that is."
        _, here, below = said.partition(f'  File "{script.path}"')  # what called it is no concern of who wrote it
        raise UserError(text, kind="usage", hint=(here + below)[:1500]) from None
    return spec
