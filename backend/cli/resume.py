# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb resume: go on with a run that was cut off, named by its folder; or with one job of the data folder, by its
id."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.recipe import Recipe, Step
from . import dry, flags, outcome, run, terms
from .errand import Errand
from .jobs import whole_ids
from .table import TABLE

CHANGES = ("quality", "seed", "settings", "gate", "device", "job_file")
"""Flags that would make another job of it: its id is the fingerprint of all that it was asked for."""


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(
        "resume", help="go on with a run that was cut off",
        description="Go on with a run that was cut off: steps that are done answer from the store, finished frames "
        "are kept. A batch goes on when it is given again. With a job's id only that step is done; its files stay in "
        "the data folder, and are delivered too where --out is given.",
    )  # fmt: skip
    verb.add_argument("run", metavar="DIR|ID", help="the --out of that run; or a job's id, as `galatea jobs` lists it")
    flags.shared(verb)
    verb.set_defaults(call=_resume)


def _resume(options: argparse.Namespace, blender: str) -> int:
    folder = Path(options.run).expanduser()
    if (folder / outcome.JOB).is_file():
        options.out = options.out or folder
        return run.perform(options, blender, str(folder / outcome.JOB))
    if folder.exists() or folder.name != options.run:
        text = f"There is no {outcome.JOB} in {folder}. Name the --out of the run, or a job's id."
        if (folder / TABLE).is_file():
            text = f"{folder} holds several runs. Give the command again that made it, or name one folder in it."
        raise UserError(text, kind="usage")
    if not any(job.startswith(options.run) for job in flags.store().jobs()):
        text = f"There is no folder and no job {options.run}. Name the --out of the run, or an id of `galatea jobs`."
        raise UserError(text, kind="usage")
    return _job(options, blender)


def _job(options: argparse.Namespace, blender: str) -> int:
    """One job of the data folder: a recipe of one step."""
    flags.check(options)
    changed = [name for name in CHANGES if getattr(options, name)]
    if changed:
        flag = {"settings": "set"}.get(changed[0], changed[0].replace("_", "-"))
        raise UserError(f"A job is what its id says. Leave --{flag} out, or run the recipe anew.", kind="usage")
    store = flags.store()
    [job] = whole_ids(store, [options.run])
    request = store.request(job)
    recipe = Recipe(spec_of(request.backend).label, (Step(request.backend, request.params),), tuple(request.inputs))
    terms.check(recipe)
    inputs = {role: Path(path) for role, path in request.inputs.items()}
    _same(request, inputs, flags.runtimes(blender).identity)
    with tempfile.TemporaryDirectory(prefix="galatea-") as folder:
        out = options.out.expanduser() if options.out else Path(folder)
        again = flags.again(recipe, options)
        errand = Errand(recipe, inputs, out, request.seed, options.overwrite, again, on_gpu=options.require_gpu)
        if options.dry_run:
            return dry.run([errand], options, blender)
        errand.prepare()
        run.worker(options, blender, 1)([errand])
        if not options.out:
            errand.out = store.folder(job)
            errand.data["outputs"] = [
                {**item, "path": asset.path}
                for item in errand.data["outputs"]
                for asset in errand.stages[-1].result.assets
                if asset.role == item["role"]
            ]
        run.tell(errand, options)
        return errand.code or 0


def _same(request: Request, inputs: dict[str, Path], blender: str) -> None:
    """Raise `UserError` where what was asked for then would be another job now."""
    spec = spec_of(request.backend)
    program = blender if spec.runtime == "blender" else ""
    if Request.of(spec, inputs, request.params, seed=request.seed, program=program).id != request.id:
        text = f"{request.id} is no longer the same: its inputs, the step or Blender changed since. Run its recipe anew"
        raise UserError(f"{text}; what is still the same comes from the store.", kind="usage")
