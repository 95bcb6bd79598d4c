# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the panel holds to a run. Reads Blender; the only thing it writes are files in the data folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.protocol.catalog import catalog, spec_of
from ..backend.protocol.errors import UserError
from ..backend.protocol.recipe import Recipe, Step, load_quality, load_recipe
from . import prefs, props
from .runs import Run

if TYPE_CHECKING:
    from ..backend.protocol.store import JobStore

FILM = ("stage", "film")
LATER = ("export", *FILM)
"""Steps that a run in the window leaves out: the object goes into the file first, its film is a run of its own."""


def chosen(settings: Any, steps: list[str], base: Recipe) -> dict[str, dict[str, Any]]:
    """What the user changed: parameters that were set in the panel and differ from the recipe with its quality."""
    found: dict[str, dict[str, Any]] = {}
    given = {step.do: step.params for step in base.steps}
    for step in steps:
        group = getattr(settings.steps, step)
        for param in catalog()[step].params:
            value = props.value_of(group, param)
            usual = given.get(step, {}).get(param.name, param.default)
            if group.is_property_set(param.name) and value != usual:
                found.setdefault(step, {})[param.name] = value
    return found


def generate(context: bpy.types.Context) -> Run:
    """The run that the main button starts; raises `UserError` on what cannot be done."""
    settings = props.settings(context)
    image = settings.image
    if image is None:
        raise UserError("There is no image. Choose one.")
    preset, quality = settings.recipe or "photo_to_mesh", settings.quality or "medium"
    base = load_recipe(preset)
    if any(spec_of(step.do).task == "image-to-mesh" for step in base.steps):
        base = base.with_backend(settings.backend)
    base = base.with_quality(load_quality(quality))
    film = tuple(step for step in base.steps if step.do in FILM)
    base = replace(base, steps=tuple(step for step in base.steps if step.do not in LATER))
    steps = [step.do for step in base.steps]
    changes = chosen(settings, steps, base)
    if props.takes_prompt(settings.backend) and settings.prompt:
        changes.setdefault(settings.backend, {})["prompt"] = settings.prompt
    name = Path(bpy.path.display_name(image.name)).stem or "Galatea"
    if "bring" in steps:
        changes.setdefault("bring", {}).setdefault("name", name)
    inputs = {"image": image} | ({"mask": settings.mask} if settings.mask else {})
    run = _run(base.merged(changes), inputs, name, preset=preset, settings=settings, quality=quality, changes=changes)
    if film:
        later = Recipe("Film", film, ("scene",))
        wanted = chosen(settings, [step.do for step in film], later)
        later = later.merged(wanted)
        later.check()
        run.film = {"steps": _rows(later), "settings": wanted}
    return run


def film_of(run: Run, store: JobStore, folder: Path) -> Run:
    """The film of what a run made, as its recipe and the panel wanted it when the run was asked for."""
    files = run.files(store)
    if "scene" not in files:
        raise UserError("The files of this run are gone. Run it again.", kind="output")
    film = Run(
        title=f"{run.title}: Film",
        preset="",
        inputs={"scene": str(files["scene"])},
        quality=run.quality,
        seed=run.seed,
        scene=False,
        **run.film,
    )
    film.preset = str(write_recipe(film.recipe, folder / f"{film.id}.toml"))
    return film


def _rows(recipe: Recipe) -> list[dict[str, Any]]:
    return [{"do": step.do, "params": step.params} for step in recipe.steps]


def _run(
    recipe: Recipe,
    images: dict[str, bpy.types.Image],
    name: str,
    *,
    preset: str,
    settings: Any,
    quality: str,
    changes: dict[str, dict[str, Any]],
) -> Run:
    from . import pictures

    recipe.check()
    folder = prefs.data_folder() / "inputs"
    inputs = {role: str(pictures.as_file(image, folder)) for role, image in images.items()}
    return Run(
        title=name,
        preset=preset,
        steps=_rows(recipe),
        inputs=inputs,
        backend=settings.backend,
        quality=quality,
        settings=changes,
        seed=settings.seed,
        at=list(bpy.context.scene.cursor.location) if prefs.at_cursor() else [0.0, 0.0, 0.0],
    )


def on_object(context: bpy.types.Context, obj: bpy.types.Object, steps: list[str], *, verb: str, film: bool) -> Run:
    """A run of scene steps on a copy of an object of the open file; the object itself is not touched."""
    from . import exchange, objects

    settings = props.settings(context)
    quality = load_quality(settings.quality or "medium")
    base = Recipe(verb, tuple(Step(do, quality.get(do, {})) for do in steps), ("scene",))
    changes = chosen(settings, steps, base)
    recipe = base.merged(changes)
    recipe.check()
    path = exchange.write(context, obj, prefs.data_folder() / "inputs", source="bake" in steps)
    run = Run(
        title=f"{objects.plain(obj.name)}: {verb}",
        preset="",
        steps=_rows(recipe),
        inputs={"scene": str(path)},
        settings=changes,
        quality=settings.quality or "medium",
        seed=settings.seed,
        scene=not film,
        replaces=[] if film else [each.name for each in objects.parts(obj)],
    )
    run.preset = str(write_recipe(recipe, prefs.runs_folder() / f"{run.id}.toml"))
    return run


def write_recipe(recipe: Recipe, path: Path) -> Path:
    """The recipe as a file that the command line takes; parameters are given there by flags."""
    lines = ["version = 1", f"name = {_quoted(recipe.name)}", f"inputs = [{', '.join(map(_quoted, recipe.inputs))}]"]
    for step in recipe.steps:
        spec_of(step.do)
        lines += ["", "[[step]]", f"do = {_quoted(step.do)}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)
