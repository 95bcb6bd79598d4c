# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that work: run, generate, film."""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..env import python as environment_python
from ..flow import Drive, Stage, StepFailed, walk
from ..protocol.catalog import spec_of
from ..protocol.errors import EXIT_CODES, UserError
from ..protocol.job import Failure, JobState
from ..protocol.recipe import Recipe, load_quality, load_recipe, names, parse_settings
from ..protocol.store import JobStore
from ..runners.runtimes import Dispatch, Runtimes, data_folder
from ..worker.execute import explain
from . import outcome
from .progress import Printer


def add_verbs(verbs: Any) -> None:
    run = verbs.add_parser("run", help="run a recipe", description="Run a recipe from its inputs to its files.")
    run.add_argument("recipe", help=f"one of {', '.join(names('recipes'))}, or a .toml file")
    run.add_argument("--image", type=Path, help="the photo")
    run.add_argument("--mask", type=Path, help="white where the object is; replaces the automatic cut-out")
    run.add_argument("--mesh", type=Path, help="a mesh file, for recipes that begin with one")
    run.add_argument("--scene", type=Path, help="a .blend file with a body, for recipes that begin with one")
    run.add_argument("--until", metavar="STEP", help="end after this step")
    run.add_argument("--backend", metavar="ID", help="the model that makes the mesh (see `galatea backends`)")
    _shared(run)
    run.set_defaults(call=lambda options, blender: _run(options, blender, options.recipe))

    generate = verbs.add_parser("generate", help="photo to mesh", description="Make a textured mesh of a photo.")
    generate.add_argument("image", type=Path, metavar="IMAGE")
    generate.add_argument("--mask", type=Path, help="white where the object is; replaces the automatic cut-out")
    generate.add_argument("--backend", metavar="ID", help="the model that makes the mesh (see `galatea backends`)")
    generate.add_argument("--format", default="glb", metavar="F", help="of the mesh file: glb (default), obj, fbx …")
    _shared(generate)
    generate.set_defaults(call=lambda options, blender: _run(options, blender, "photo_to_mesh"))

    film = verbs.add_parser("film", help="mesh to film", description="Rig a mesh, move it and film it.")
    film.add_argument("mesh", type=Path, metavar="MESH", help="a glb, gltf, obj, fbx, usd, stl, ply or abc file")
    _shared(film)
    film.set_defaults(call=lambda options, blender: _run(options, blender, "mesh_to_film"))


def _shared(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files and result.json")
    verb.add_argument("--quality", default="medium", help=f"{', '.join(names('quality'))}, or a .toml file")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--set", action="append", default=[], metavar="STEP.PARAM=VALUE", dest="settings")
    verb.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a step that takes longer")
    verb.add_argument("--fresh", action="store_true", help="do every step again, whatever the cache holds")
    verb.add_argument("--overwrite", action="store_true", help="replace the result of another run in DIR")
    verb.add_argument("--dry-run", action="store_true", help="print what would be done and do nothing")
    verb.add_argument("--json", action="store_true", help="print result.json on stdout")
    verb.add_argument("--quiet", action="store_true", help="no progress on stderr")


def plan(options: argparse.Namespace, name: str) -> tuple[Recipe, dict[str, Path]]:
    """The recipe with all settings in it, and the inputs by role; raises `UserError` on anything unknown."""
    recipe = load_recipe(name)
    if getattr(options, "backend", None):
        recipe = recipe.with_backend(options.backend)
    if getattr(options, "until", None):
        recipe = recipe.until(options.until)
    recipe = recipe.with_quality(load_quality(options.quality))
    if getattr(options, "image", None) and any(step.do == "bring" for step in recipe.steps):
        recipe = recipe.merged({"bring": {"name": options.image.stem[:60].strip() or "Galatea"}})
    settings = parse_settings(options.settings)
    if getattr(options, "format", None):
        settings.setdefault("export", {}).setdefault("format", options.format)
    recipe = recipe.merged(settings)
    recipe.check()
    given = {"image": "image", "mask": "mask", "model": "mesh", "scene": "scene"}
    flags = {role: getattr(options, flag, None) for role, flag in given.items()}
    inputs = {role: Path(path) for role, path in flags.items() if path is not None}
    for role in recipe.inputs:
        if role not in inputs:
            raise UserError(f"{recipe.name} needs --{given.get(role, role)}. Give it one.", kind="usage")
    takes = {role for step in recipe.steps for role in spec_of(step.do).inputs + spec_of(step.do).optional}
    for role in inputs:
        if role not in takes:
            raise UserError(f"{recipe.name} takes no --{given[role]}.", kind="usage")
    return recipe, inputs


def _run(options: argparse.Namespace, blender: str, name: str) -> int:
    recipe, inputs = plan(options, name)
    if not 0 <= options.seed < 1 << 31:
        raise UserError("--seed takes 0 to 2147483647.", kind="usage")
    if options.timeout is not None and not options.timeout > 0:
        raise UserError("--timeout takes a number of seconds above 0.", kind="usage")
    store = JobStore(data_folder() / "jobs")
    if options.dry_run:
        return _dry_run(recipe, inputs, store, options, blender)
    identity = [
        recipe.name,
        [[s.do, s.params] for s in recipe.steps],
        {r: str(p) for r, p in inputs.items()},
        options.seed,
    ]
    run = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    out = options.out.expanduser()
    outcome.prepare(out, run, inputs, overwrite=options.overwrite)
    started = time.time()
    stages: list[Stage] = []
    outputs: list[dict[str, Any]] = []
    failure: Failure | None = None
    code = 0
    try:
        _drive(recipe, inputs, store, options, blender, stages)
    except StepFailed as error:
        failure = error.stage.result.failure or Failure("Cancelled.", "cancelled")
    except _Stopped as stop:
        failure, code = Failure("Cancelled.", "cancelled"), stop.code
    except Exception as error:  # whatever it is, result.json says it
        failure = explain(error)
    try:  # what was finished is delivered, however the run ended
        files = {role: path for stage in stages for role, path in store.files(stage.result).items()}
        outputs = outcome.deliver(files, inputs, out, overwrite=options.overwrite)
    except UserError as error:
        failure = failure or explain(error)
    if failure:
        code = code or EXIT_CODES[failure.kind]
    data = outcome.document(
        run=run, recipe=recipe.name, seed=options.seed, inputs=inputs, stages=stages, outputs=outputs,
        failure=failure, started=started,
    )  # fmt: skip
    data["exit_code"] = code
    try:
        outcome.write(out, data)
    except UserError as error:
        sys.stderr.write(f"galatea: {error}\n")
        code = code or EXIT_CODES[error.kind]
    _tell(data, out, options)
    return code


def _tell(data: dict[str, Any], out: Path, options: argparse.Namespace) -> None:
    if options.json:
        sys.stdout.write(json.dumps(data) + "\n")
    elif data["error"]:
        sys.stderr.write(f"galatea: {data['error']['message']}\n")
        if data["error"]["hint"]:
            sys.stderr.write(f"         {data['error']['hint']}\n")
    else:
        for item in data["outputs"]:
            sys.stdout.write(f"{out / item['path']}\n")
        sys.stdout.write(f"{out / 'result.json'}\n")
    sys.stdout.flush()


class _Stopped(Exception):
    """A signal ended the run; the code is what a shell expects of that signal."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying in the middle of a write."""
    caught: list[int] = []
    wanted = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, lambda got, frame: caught.append(got)) for number in wanted]
    except ValueError:  # not the main thread: the caller has its own way to stop us
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in zip(wanted, before, strict=True):
            # None: a handler that is not Python's, as in Blender; it cannot be put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _drive(
    recipe: Recipe,
    inputs: dict[str, Path],
    store: JobStore,
    options: argparse.Namespace,
    blender: str,
    stages: list[Stage],
) -> None:
    """Run to the end, or to the first failure or signal; the child processes are gone afterwards."""
    runtimes = _runtimes(blender)
    runner = Dispatch(store, runtimes, timeout=options.timeout)
    printer = Printer([step.do for step in recipe.steps], quiet=options.quiet)

    def ended(stage: Stage) -> None:
        stages.append(stage)
        printer.stage(stage)

    with _signals() as caught:
        drive = Drive(
            walk(recipe, inputs, store, seed=options.seed, blender=runtimes.identity), store, runner,
            on_event=printer.event, on_stage=ended, cached=not options.fresh,
        )  # fmt: skip
        try:
            while not drive.tick():
                if caught:
                    drive.cancel()
                if len(caught) > 1 or (caught and not drive.current):
                    raise _Stopped(128 + caught[0])
                time.sleep(0.02)
        except StepFailed as error:
            if caught and error.stage.result.state is JobState.CANCELLED:
                raise _Stopped(128 + caught[0]) from None
            raise
        finally:
            runner.close()


def _runtimes(blender: str) -> Runtimes:
    return Runtimes.here(blender=blender, full_python=str(environment_python(data_folder()) or ""))


def _dry_run(
    recipe: Recipe, inputs: dict[str, Path], store: JobStore, options: argparse.Namespace, blender: str
) -> int:
    """Walk as far as finished results lead; what comes after is known by its parameters alone."""
    plan: list[dict[str, Any]] = []
    steps = walk(recipe, inputs, store, seed=options.seed, blender=_runtimes(blender).identity)
    stage: Stage | None = None
    for step in recipe.steps:
        spec = spec_of(step.do)
        row: dict[str, Any] = {
            "step": step.do,
            "runtime": spec.runtime,
            "license": spec.license,
            "params": spec.fill(step.params),
        }
        if not plan or plan[-1]["cached"]:
            request = steps.send(stage) if stage else next(steps)
            result = None if options.fresh else store.result(request.id)
            stage = Stage(step.do, result, cached=True) if result and result.state is JobState.DONE else None
        plan.append({**row, "cached": stage is not None})
    if options.json:
        sys.stdout.write(json.dumps({"recipe": recipe.name, "out": str(options.out), "steps": plan}) + "\n")
        return 0
    sys.stdout.write(f"{recipe.name} -> {options.out}\n")
    for number, row in enumerate(plan, 1):
        params = " ".join(f"{key}={value}" for key, value in row["params"].items())
        state = "cached" if row["cached"] else "to do"
        sys.stdout.write(f"{number:3} {row['step']:10} {state:7} {row['runtime']:8} {params}\n")
    return 0
