# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that work: run, generate, film."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..env import python as environment_python
from ..flow import Stage, walk
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.gate import gated
from ..protocol.job import JobState
from ..protocol.recipe import Recipe, load_quality, load_recipe, names, parse_settings
from ..protocol.store import JobStore
from ..runners.runtimes import Runtimes, data_folder
from . import batch, terms


class _Pictures(argparse.Action):
    """`image` is the first, `images` are all of them."""

    def __call__(self, parser: Any, options: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        options.images = [*getattr(options, "images", ()), *(values if isinstance(values, list) else [values])]
        options.image = next(iter(options.images), None)


def add_verbs(verbs: Any) -> None:
    run = verbs.add_parser("run", help="run a recipe", description="Run a recipe from its inputs to its files.")
    run.add_argument("recipe", help=f"one of {', '.join(names('recipes'))}, or a .toml file")
    run.add_argument("--image", type=Path, action=_Pictures, help="the photo; several times for several of them")
    run.add_argument("--prompt", metavar="TEXT", help="what to make, for recipes that begin with words")
    run.add_argument("--mask", type=Path, help="white where the object is; replaces the automatic cut-out")
    run.add_argument("--mesh", type=Path, help="a mesh file, for recipes that begin with one")
    run.add_argument("--scene", type=Path, help="a .blend file with a body, for recipes that begin with one")
    run.add_argument("--motion", type=Path, help="a motion file: bvh, fbx, glb, gltf or AMASS npz")
    run.add_argument("--film", type=Path, help="a film, or a zip of its frames as PNG, for recipes that begin with one")
    run.add_argument("--spec", type=Path, help="a scene.json, for recipes that begin with one")
    run.add_argument("--until", metavar="STEP", help="end after this step")
    run.add_argument("--backend", metavar="ID", help="the model that makes the mesh (see `galatea backends`)")
    shared(run)
    run.set_defaults(call=lambda options, blender: perform(options, blender, options.recipe))

    generate = verbs.add_parser(
        "generate", help="photo or words to mesh", description="Make a textured mesh of a photo, or of words."
    )
    generate.add_argument(
        "image", type=Path, metavar="IMAGE", nargs="*", action=_Pictures,
        help="the photo; of several each has its own folder in DIR; none where words are given",
    )  # fmt: skip
    generate.add_argument("--prompt", metavar="TEXT", help="what to make, or what the photo shows where a model reads")
    generate.add_argument("--mask", type=Path, help="white where the object is; replaces the automatic cut-out")
    generate.add_argument("--backend", metavar="ID", help="the model that makes the mesh (see `galatea backends`)")
    generate.add_argument("--format", default="glb", metavar="F", help="of the mesh file: glb (default), obj, fbx …")
    shared(generate)
    generate.set_defaults(call=lambda options, blender: perform(options, blender, _recipe_of(options)))

    film = verbs.add_parser("film", help="mesh to film", description="Rig a mesh, move it and film it.")
    film.add_argument("mesh", type=Path, metavar="MESH", help="a glb, gltf, obj, fbx, usd, stl, ply or abc file")
    film.add_argument("--motion", type=Path, help="let it move as a motion file says: bvh, fbx, glb, gltf, npz")
    shared(film)
    film.set_defaults(
        call=lambda options, blender: perform(options, blender, "motion_to_film" if options.motion else "mesh_to_film")
    )


def shared(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files and result.json")
    verb.add_argument("--quality", default="medium", help=f"{', '.join(names('quality'))}, or a .toml file")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--set", action="append", default=[], metavar="STEP.PARAM=VALUE", dest="settings")
    verb.add_argument(
        "--gate",
        metavar="NAME",
        help=f"hold the mesh against {', '.join(names('gates'))}, or a .toml file; ends with 9",
    )
    terms.add_flags(verb)
    verb.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a step that takes longer")
    again = verb.add_mutually_exclusive_group()
    again.add_argument("--fresh", action="store_true", help="do every step again, whatever the cache holds")
    again.add_argument("--from", metavar="STEP", dest="again", default="", help="do this step and all after it again")
    verb.add_argument("--overwrite", action="store_true", help="replace the result of another run in DIR")
    verb.add_argument("--dry-run", action="store_true", help="print what would be done and do nothing")
    verb.add_argument("--json", action="store_true", help="print result.json on stdout")
    verb.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _recipe_of(options: argparse.Namespace) -> str:
    """What `generate` means: of a photo, or of words by way of a painted picture where the model takes no words."""
    if options.image:
        return "photo_to_mesh"
    if options.prompt is None:
        raise UserError('Give a photo, or words: galatea generate --prompt "a red armchair".', kind="usage")
    direct = options.backend and spec_of(options.backend).task == "text-to-mesh"
    return "words_to_shape" if direct else "words_to_mesh"


def plan(options: argparse.Namespace, name: str) -> tuple[Recipe, dict[str, Path]]:
    """The recipe with all settings in it, and the inputs by role; raises `UserError` on anything unknown."""
    recipe = load_recipe(name)
    if getattr(options, "backend", None):
        recipe = recipe.with_backend(options.backend)
    if getattr(options, "until", None):
        recipe = recipe.until(options.until)
    if getattr(options, "gate", None):
        recipe = gated(recipe, options.gate)
    recipe = recipe.with_quality(load_quality(options.quality))
    if getattr(options, "image", None) and any(step.do == "bring" for step in recipe.steps):
        recipe = recipe.merged({"bring": {"name": options.image.stem[:60].strip() or "Galatea"}})
    if getattr(options, "prompt", None) is not None:
        recipe = recipe.with_prompt(options.prompt.strip())
    settings = parse_settings(options.settings)
    if getattr(options, "format", None):
        settings.setdefault("export", {}).setdefault("format", options.format)
    recipe = recipe.merged(settings)
    recipe.check()
    _check_words(recipe)
    terms.check(recipe)
    given = {
        "image": "image",
        "mask": "mask",
        "model": "mesh",
        "scene": "scene",
        "motion": "motion",
        "film": "film",
        "spec": "spec",
    }
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


def _check_words(recipe: Recipe) -> None:
    """What begins with words must have some."""
    said = next((step.params.get("prompt", "") for step in recipe.steps if step.do == recipe.reader), "")
    if recipe.reader and not recipe.inputs and not str(said).strip():
        raise UserError(f'{recipe.name} needs words. Say what to make: --prompt "a red armchair".', kind="usage")


def _each(options: argparse.Namespace) -> list[argparse.Namespace]:
    """The options of each picture; of several each has a folder of its own in that of all."""
    images: list[Path] = getattr(options, "images", [])
    if len(images) < 2:
        return [options]
    if options.mask:
        raise UserError("--mask belongs to one picture. Give one image, or none.", kind="usage")
    outs = [options.out / folder for folder in batch.folders(images)]
    pairs = zip(images, outs, strict=True)
    return [argparse.Namespace(**{**vars(options), "image": image, "out": out}) for image, out in pairs]


def again(recipe: Recipe, options: argparse.Namespace) -> str:
    """The step from which on the store is not asked; raises `UserError` where the recipe has it not."""
    if options.fresh:
        return recipe.steps[0].do
    return recipe.steps[recipe.index(options.again)].do if options.again else ""


def check(options: argparse.Namespace) -> None:
    """Raise `UserError` for what argparse lets through."""
    if not 0 <= options.seed < 1 << 31:
        raise UserError("--seed takes 0 to 2147483647.", kind="usage")
    if options.timeout is not None and not options.timeout > 0:
        raise UserError("--timeout takes a number of seconds above 0.", kind="usage")


def worker(options: argparse.Namespace, blender: str) -> Callable[..., None]:
    """What carries out orders as these options say."""
    return partial(
        batch.carry_out, store=_store(), runtimes=_runtimes(blender), timeout=options.timeout,
        quiet=options.quiet,
    )  # fmt: skip


def perform(options: argparse.Namespace, blender: str, name: str) -> int:
    """Carry out a recipe with these options; returns the exit code."""
    options.out = options.out.expanduser()
    each = _each(options)
    plans = [plan(one, name) for one in each]
    check(options)
    if options.dry_run:
        return max(dry_run(*plan, one, blender) for plan, one in zip(plans, each, strict=True))
    go = worker(options, blender)
    orders = [
        batch.Order(*plan, one.out, options.seed, options.overwrite, again(plan[0], options))
        for plan, one in zip(plans, each, strict=True)
    ]
    if len(orders) > 1:
        return _many(orders, options, go)
    orders[0].prepare()
    go(orders)
    _tell(orders[0].data, orders[0].out, options)
    return orders[0].code or 0


def _many(orders: list[batch.Order], options: argparse.Namespace, go: Callable[..., None]) -> int:
    """Each picture by itself, and the table of all."""
    table = batch.Table(options.out, orders)
    table.prepare(overwrite=options.overwrite)

    def ended(order: batch.Order) -> None:
        table.write()
        error = order.data["error"]
        if error:
            sys.stderr.write(f"galatea: {order.name}: {error['message']}\n")
        elif not options.quiet:
            sys.stderr.write(f"{order.name}: done in {order.data['seconds']:.1f} s\n")

    for order in orders:
        order.name = order.out.name
        try:
            order.prepare()
        except UserError as error:
            order.refuse(error)
            ended(order)
    go([order for order in orders if order.code is None], ended=ended)
    data = table.write()
    if options.json:
        sys.stdout.write(json.dumps(data) + "\n")
    else:
        paths = [order.out / name for order in orders for name in order.files]
        sys.stdout.writelines(f"{path}\n" for path in [*paths, options.out / batch.TABLE])
    sys.stdout.flush()
    return table.code


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


def _runtimes(blender: str) -> Runtimes:
    return Runtimes.here(blender=blender, full_python=str(environment_python(data_folder()) or ""))


def _store() -> JobStore:
    return JobStore(data_folder() / "jobs")


def dry_run(recipe: Recipe, inputs: dict[str, Path], options: argparse.Namespace, blender: str) -> int:
    """Walk as far as finished results lead; what comes after is known by its parameters alone."""
    plan: list[dict[str, Any]] = []
    store = _store()
    steps = walk(recipe, inputs, store, seed=options.seed, blender=_runtimes(blender).identity)
    stage: Stage | None = None
    anew, first = False, again(recipe, options)
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
            anew = anew or step.do == first
            result = None if anew else store.result(request.id)
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
