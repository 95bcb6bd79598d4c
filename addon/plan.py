# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the panel holds to a run. Reads Blender; the only thing it writes are files in the data folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.protocol.catalog import catalog, spec_of
from ..backend.protocol.errors import UserError
from ..backend.protocol.gate import gated
from ..backend.protocol.recipe import Recipe, Step, load_quality, short_name
from ..backend.protocol.whole import write
from . import prefs, props, wanted
from .runs import Run

if TYPE_CHECKING:
    from ..backend.protocol.store import JobStore

FILM = ("stage", "camera", "film")
LATER = ("export", "viewer", *FILM)
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
    whole = wanted.recipe(settings)
    inputs, gate = _inputs(settings, whole), wanted.gate(settings)
    return _order(settings, whole, inputs, preset=settings.recipe or "photo_to_mesh", gate=gate)


def imagine(context: bpy.types.Context) -> Run:
    """The beginning of a recipe that paints first: its pictures go to the gallery."""
    settings = props.settings(context)
    whole = wanted.recipe(settings)
    if not wanted.painter(whole):
        raise UserError(f"{whole.name} paints no pictures. Choose a recipe that begins with words.")
    part = wanted.first_part(whole)
    run = _order(settings, part, _inputs(settings, part), preset=settings.recipe)
    return _for_gallery(run, run.id, "Pictures", scene=False)


def go_on(context: bpy.types.Context, painted: Run, number: int) -> Run:
    """The rest of the recipe with one picture of a gallery; what was painted answers from the store.

    The recipe and the model are the panel's, so that one picture can go on to several.
    """
    settings = props.settings(context)
    done = [step["do"] for step in painted.steps]
    preset, whole = settings.recipe, wanted.recipe(settings)
    if [step.do for step in whole.steps[: len(done)]] != done:
        preset, whole = painted.preset, wanted.fitted(wanted.preset(painted.preset), settings.backend)
    reason = wanted.blocked(settings, replace(whole, steps=whole.steps[len(done) :]))
    if reason:
        raise UserError(f"{reason}.", kind="environment")
    fixed = {step["do"]: spec_of(step["do"]).fill(step["params"]) for step in painted.steps}
    fixed[wanted.picker(whole)] = {"choose": str(number)}
    inputs = {role: Path(path) for role, path in painted.inputs.items()}
    words = str(fixed.get(whole.reader, {}).get("prompt", ""))
    gate = wanted.gate(settings)
    return _order(settings, whole, inputs, preset=preset, words=words, fixed=fixed, seed=painted.seed, gate=gate)


def compare(context: bpy.types.Context) -> list[Run]:
    """A run for each model that is ticked and can run here; their results go to one gallery."""
    settings = props.settings(context)
    backends = wanted.compared(settings)
    if not backends:
        raise UserError("No model is chosen that can run here. Tick one or more under Compare.")
    found: list[Run] = []
    for backend in backends:
        whole = wanted.fitted(wanted.preset(wanted.COMPARED), backend)
        run = _order(settings, whole, _inputs(settings, whole), preset=wanted.COMPARED, backend=backend)
        found.append(_for_gallery(run, (found or [run])[0].id, wanted.short(backend), scene=True))
    return found


def _for_gallery(run: Run, gallery: str, what: str, *, scene: bool) -> Run:
    run.gallery, run.scene, run.film = gallery, scene, {}
    run.title = f"{run.title}: {what}"
    return run


def _inputs(settings: Any, recipe: Recipe) -> dict[str, Path]:
    """The picture and its mask as files, where the recipe begins with one and the panel has it."""
    from . import pictures

    if "image" not in recipe.inputs:
        return {}
    folder = prefs.data_folder() / "inputs"
    given = {"image": settings.image, "mask": settings.mask}
    return {role: pictures.as_file(image, folder) for role, image in given.items() if image}


def _order(
    settings: Any,
    recipe: Recipe,
    inputs: dict[str, Path],
    *,
    preset: str,
    backend: str = "",
    words: str = "",
    fixed: dict[str, dict[str, Any]] | None = None,
    seed: int | None = None,
    gate: str = "",
) -> Run:
    """A run of the recipe with what the panel holds; `fixed` are parameters that it has no say in.

    `gate` is held against what it makes, where that is a scene.
    """
    quality = settings.quality or "medium"
    words = words or wanted.words(settings, recipe)
    _check_given(recipe, inputs, words)
    base = recipe.with_quality(load_quality(quality))
    film = tuple(step for step in base.steps if step.do in FILM)
    base = replace(base, steps=tuple(step for step in base.steps if step.do not in LATER))
    changes = chosen(settings, [step.do for step in base.steps], base)
    if base.reader and words:
        changes.setdefault(base.reader, {})["prompt"] = words
    name = short_name(words) if "image" not in inputs else _photo_name(settings)
    if any(step.do == "bring" for step in base.steps):
        changes.setdefault("bring", {}).setdefault("name", name)
    changes |= {do: _unlike(base, do, params) for do, params in (fixed or {}).items()}
    whole = base.merged(changes)
    gate = gate if any("scene" in spec_of(step.do).outputs for step in whole.steps) else ""
    if gate:
        whole = gated(whole, gate)
    whole.check()
    return Run(
        title=name,
        preset=preset,
        steps=rows_of(whole),
        inputs={role: str(path) for role, path in inputs.items()},
        backend=(backend or settings.backend) if wanted.modelled(recipe) else "",
        quality=quality,
        settings={do: params for do, params in changes.items() if params},
        seed=settings.seed if seed is None else seed,
        at=list(bpy.context.scene.cursor.location) if prefs.at_cursor() else [0.0, 0.0, 0.0],
        film=_film(settings, film),
        gate=gate,
    )


def _check_given(recipe: Recipe, inputs: dict[str, Path], words: str) -> None:
    if "image" in recipe.inputs and "image" not in inputs:
        raise UserError("There is no image. Choose one.")
    if not recipe.inputs and recipe.reader and not words:
        raise UserError(f"{recipe.name} needs words. Say in the prompt what to make.")


def _photo_name(settings: Any) -> str:
    return Path(bpy.path.display_name(settings.image.name)).stem or "Galatea"


def _unlike(base: Recipe, do: str, params: dict[str, Any]) -> dict[str, Any]:
    """Those of the parameters that the recipe does not give by itself."""
    own = next(step.params for step in base.steps if step.do == do)
    usual = spec_of(do).fill(own)
    return {name: value for name, value in params.items() if usual[name] != value}


def _film(settings: Any, steps: tuple[Step, ...]) -> dict[str, Any]:
    """The film that a recipe goes on to, which is a run of its own."""
    if not steps:
        return {}
    later = Recipe("Film", steps, ("scene",))
    changes = chosen(settings, [step.do for step in steps], later)
    later = later.merged(changes)
    later.check()
    return {"steps": rows_of(later), "settings": changes}


def film_of(run: Run, store: JobStore, folder: Path) -> Run:
    """The film of what a run made, as its recipe and the panel wanted it when the run was asked for."""
    files = run.files(store)
    if "scene" not in files:
        raise UserError("The files of this run are gone. Run it again.", kind="output")
    film = Run(
        title=f"{run.title}: Film",
        preset="",
        inputs={**_beside(run, files), "scene": str(files["scene"])},
        quality=run.quality,
        seed=run.seed,
        scene=False,
        **run.film,
    )
    film.preset = str(write_recipe(film.recipe, folder / f"{film.id}.toml"))
    return film


def _beside(run: Run, files: Mapping[str, Path]) -> dict[str, str]:
    """Photo and mask that the body was made of, for a film before its own photo."""
    known = {**run.inputs, **{role: str(path) for role, path in files.items()}}
    return {role: known[role] for role in ("image", "mask") if role in known}


def rows_of(recipe: Recipe) -> list[dict[str, Any]]:
    return [{"do": step.do, "params": step.params} for step in recipe.steps]


def on_object(
    context: bpy.types.Context,
    obj: bpy.types.Object,
    steps: list[str],
    *,
    verb: str,
    scene: bool,
    given: dict[str, dict[str, Any]] | None = None,
    files: dict[str, str] | None = None,
) -> Run:
    """A run of scene steps on a copy of an object of the open file; the object itself is not touched.

    `scene`: it ends in an object for the file. `given` are parameters that the panel has no say in, `files` what the
    steps read beside the object, by role.
    """
    from . import exchange, objects

    settings = props.settings(context)
    quality = load_quality(settings.quality or "medium")
    base = Recipe(verb, tuple(Step(do, quality.get(do, {})) for do in steps), ("scene", *(files or {})))
    changes = chosen(settings, steps, base)
    for do, params in (given or {}).items():
        changes[do] = {**changes.get(do, {}), **params}
    recipe = base.merged(changes)
    recipe.check()
    path = exchange.write(context, obj, prefs.data_folder() / "inputs", source="bake" in steps)
    run = Run(
        title=f"{objects.plain(obj.name)}: {verb}",
        preset="",
        steps=rows_of(recipe),
        inputs={"scene": str(path), **(files or {})},
        settings=changes,
        quality=settings.quality or "medium",
        seed=settings.seed,
        scene=scene,
        replaces=_replaced(context, obj) if scene else [],
    )
    return written(run, recipe)


def _replaced(context: bpy.types.Context, obj: bpy.types.Object) -> list[str]:
    """Names of what is hidden when the result comes: the object, and its armature, which comes back with it."""
    from . import objects

    rig = objects.armature(context, obj)
    return list(dict.fromkeys(each.name for each in [*objects.parts(obj), *([rig] if rig else [])]))


def written(run: Run, recipe: Recipe) -> Run:
    """The run with its recipe as a file, which the command line takes."""
    run.preset = str(write_recipe(recipe, prefs.runs_folder() / f"{run.id}.toml"))
    return run


_OF_THE_SCENE = (
    "device", "first", "last", "step", "frames", "format", "transparent", "passes", "audio", "processes", "watermark",
)  # fmt: skip
"""Settings of the film that the panel has a say in where a scene is rendered as it is."""


def render_scene(context: bpy.types.Context) -> Run:
    """A run that renders the open file as its own settings say, from a saved copy, so that the artist works on."""
    from . import exchange

    if not context.scene.camera:
        raise UserError("The scene has no camera. Add one: Add > Camera.")
    step = Step("film", {"engine": "scene"})
    own = chosen(props.settings(context), ["film"], Recipe("Render", (step,), ("scene",))).get("film", {})
    given = {"engine": "scene", **{name: value for name, value in own.items() if name in _OF_THE_SCENE}}
    recipe = Recipe("Render", (replace(step, params=given),), ("scene",))
    recipe.check()
    path = exchange.write_all(prefs.data_folder() / "inputs")
    name = Path(bpy.data.filepath).stem or context.scene.name
    run = Run(
        title=f"{name}: Render",
        preset="",
        steps=rows_of(recipe),
        inputs={"scene": str(path)},
        settings={"film": given},
        scene=False,
    )
    return written(run, recipe)


def write_recipe(recipe: Recipe, path: Path) -> Path:
    """The recipe as a file that the command line takes; parameters are given there by flags."""
    lines = ["version = 1", f"name = {_quoted(recipe.name)}", f"inputs = [{', '.join(map(_quoted, recipe.inputs))}]"]
    for step in recipe.steps:
        spec_of(step.do)
        lines += ["", "[[step]]", f"do = {_quoted(step.do)}"]
    write(path, ("\n".join(lines) + "\n").encode())
    return path


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)
