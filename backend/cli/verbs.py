# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs that work, each a recipe by another name: generate, finish, rig, animate, film, export, run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..protocol.catalog import catalog, spec_of
from ..protocol.errors import UserError
from ..protocol.order import Order
from ..protocol.recipe import names
from . import run
from .flags import but, order_of, shared

MESHES = "a glb, gltf, obj, fbx, usd, stl, ply or abc file"
MOTIONS = "a motion file: bvh, fbx, glb, gltf or AMASS npz"


class Pictures(argparse.Action):
    """`image` is the first, `images` are all of them."""

    def __call__(self, parser: Any, options: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        options.images = [*getattr(options, "images", ()), *(values if isinstance(values, list) else [values])]
        options.image = next(iter(options.images), None)


def add_verbs(verbs: Any) -> None:
    _generate(verbs)
    _of_mesh(verbs, "finish", "mesh to finished asset", "Clean a mesh, unwrap it, bake its colours, and make levels of "
             "detail and collision hulls.", lambda options: "mesh_to_asset")  # fmt: skip
    rig = _of_mesh(verbs, "rig", "mesh to rigged mesh", "Give a mesh a skeleton and skin weights.",
                   lambda options: "mesh_to_controls" if options.controls else "mesh_to_rig")  # fmt: skip
    rig.add_argument("--controls", action="store_true", help="Rigify's controls too, in scene.blend")
    animate = _of_mesh(verbs, "animate", "mesh to moving mesh", "Rig a mesh and let it move.",
                       lambda options: "motion_to_animation" if options.motion else "mesh_to_animation")  # fmt: skip
    film = _of_mesh(verbs, "film", "mesh to film", "Rig a mesh, move it and film it.",
                    lambda options: "motion_to_film" if options.motion else "mesh_to_film", format=False)  # fmt: skip
    for verb in (animate, film):
        moves = verb.add_mutually_exclusive_group()
        moves.add_argument("--motion", type=Path, metavar="FILE", help=f"let it move as this says: {MOTIONS}")
        moves.add_argument("--prompt", metavar="TEXT", dest="moves", help="how it moves, in words")
    _export(verbs)
    _run(verbs)


def _generate(verbs: Any) -> None:
    verb = verbs.add_parser(
        "generate", help="photo or words to mesh", description="Make a textured mesh of a photo, or of words."
    )
    verb.add_argument(
        "image", type=Path, metavar="IMAGE", nargs="*", action=Pictures,
        help="the photo; of several each has its own folder in DIR; none where words are given",
    )  # fmt: skip
    verb.add_argument(
        "--prompt", metavar="TEXT", help="what to make; beside a photo what it shows, for models that read"
    )
    verb.add_argument(
        "--mask", type=Path, metavar="FILE", help="white where the object is; replaces the automatic cut-out"
    )
    _model(verb)
    _format(verb)
    shared(verb)
    verb.set_defaults(call=lambda options, blender: run.perform(options, blender, _recipe_of(options)))


def _recipe_of(options: argparse.Namespace) -> str:
    """What `generate` means: of a photo, or of words by way of a painted picture where the model takes no words."""
    if options.image:
        return "photo_to_mesh"
    if options.prompt is None:
        raise UserError('Give a photo, or words: galatea generate --prompt "a red armchair".', kind="usage")
    direct = options.backend and spec_of(options.backend).task == "text-to-mesh"
    return "words_to_shape" if direct else "words_to_mesh"


def _of_mesh(
    verbs: Any, name: str, help: str, description: str, recipe: Callable[[argparse.Namespace], str], *,
    format: bool = True,
) -> argparse.ArgumentParser:  # fmt: skip
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=help, description=description)
    verb.add_argument("mesh", type=Path, metavar="MESH", help=MESHES)
    if format:
        _format(verb)
    shared(verb)
    verb.set_defaults(call=lambda options, blender: run.perform(options, blender, recipe(options)))
    return verb


def _model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--backend", metavar="ID", help="the model that makes the mesh (see `galatea backends`)")
    verb.add_argument("--weights", metavar="W", help="its weights: a file, a folder, owner/name, or random:SEED")


def _format(verb: argparse.ArgumentParser) -> None:
    choices = next(param.choices for param in catalog()["export"].params if param.name == "format")
    verb.add_argument("--format", choices=choices, metavar="F", help=f"of the mesh file: {', '.join(choices)}")


def _export(verbs: Any) -> None:
    params = {param.name: param for param in catalog()["export"].params}
    verb = verbs.add_parser(
        "export", help="mesh or .blend to another format",
        description="Write a mesh, or the body of a .blend of ours, for other programs.",
    )  # fmt: skip
    verb.add_argument("asset", type=Path, metavar="ASSET", help=f"{MESHES}, or a .blend")
    verb.add_argument("--format", action="append", choices=params["format"].choices, metavar="F",
                      help="glb (default), obj, fbx …; of several each has its own folder in DIR")  # fmt: skip
    verb.add_argument("--target", choices=params["target"].choices, help="the program that reads it: axes and unit")
    shared(verb)
    verb.set_defaults(call=_exported)


def _exported(options: argparse.Namespace, blender: str) -> int:
    formats = list(dict.fromkeys(options.format or ["glb"]))
    if len(formats) > 1 and options.job_file:
        raise UserError("A job file is one order. Give one --format.", kind="usage")
    blend = options.asset.suffix.lower() == ".blend"
    orders: list[Order] = []
    for each in formats:
        out = run.needed(options.out) / each if len(formats) > 1 else options.out
        settings = [*options.settings, *([f"export.target={options.target}"] if options.target else [])]
        role = {"scene" if blend else "mesh": options.asset}
        one = but(options, out=out, format=each, settings=settings, **role)
        orders.append(order_of(one, "scene_to_model" if blend else "mesh_to_model"))
    return run.work(options, blender, orders)


def _run(verbs: Any) -> None:
    verb = verbs.add_parser(
        "run", help="run a recipe or a job file", description="Run a recipe from its inputs to its files, or the order "
        "that a job file holds; flags that are given too change the order.",
    )  # fmt: skip
    verb.add_argument(
        "recipe", metavar="RECIPE", help=f"{', '.join(names('recipes'))}; or a .toml file; or a .json job file"
    )
    verb.add_argument(
        "--image", type=Path, metavar="FILE", action=Pictures, help="the photo; several times for several of them"
    )
    verb.add_argument("--prompt", metavar="TEXT", help="what to make, for recipes that begin with words")
    verb.add_argument(
        "--mask", type=Path, metavar="FILE", help="white where the object is; replaces the automatic cut-out"
    )
    verb.add_argument("--mesh", type=Path, metavar="FILE", help="a mesh file, for recipes that begin with one")
    verb.add_argument(
        "--scene", type=Path, metavar="FILE", help="a .blend file with a body, for recipes that begin with one"
    )
    verb.add_argument("--motion", type=Path, metavar="FILE", help=MOTIONS)
    verb.add_argument(
        "--film", type=Path, metavar="FILE",
        help="a film, or a zip of its frames as PNG, for recipes that begin with one",
    )  # fmt: skip
    verb.add_argument("--spec", type=Path, metavar="FILE", help="a scene.json, for recipes that begin with one")
    verb.add_argument("--until", metavar="STEP", help="end after this step")
    _model(verb)
    shared(verb)
    verb.set_defaults(call=lambda options, blender: run.perform(options, blender, options.recipe))
