# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/backends.md and docs/recipes.md, drawn from the catalogue and presets/recipes by tools/documents.py."""

from __future__ import annotations

import re
from collections.abc import Iterable

from galatea.backend.protocol.catalog import bundled
from galatea.backend.protocol.recipe import Recipe, load_recipe, names
from galatea.backend.protocol.spec import BackendSpec, Param

BACKENDS = """# Backends and steps

Made by `python tools/documents.py` from `backend/catalog.json`; do not edit.

A *step* does one thing: a model, a change of pictures, or one of the Blender scene. A [recipe](recipes.md) is
a list of them. `--set STEP.PARAMETER=VALUE` sets a parameter, and the panel shows the same ones. `galatea backends
--all` prints this page's facts.

**Where a step runs.** *bundled*: in Blender's own Python with what the zip brings. *full*: in the full environment
(`galatea env install`), with weights that `galatea models pull ID` fetches. *blender*: in a Blender in the background.
**Memory** is what it takes beside what is there already, the best way first; the first that fits is taken.
"""
RECIPES = """# Recipes

Made by `python tools/documents.py` from `presets/recipes`; do not edit.

A recipe is a TOML file with steps in order. Take one by its name, or copy one, change it, and give its path. What each
[step](backends.md) takes is set by `--set STEP.PARAMETER=VALUE`, else by the recipe itself, else by the quality. What
was made before is not made again: the second run of an order is instant.

| Recipe | From | Ends in |
|---|---|---|
{rows}
"""
PHASES = {
    "Pictures": ("text-to-image", "images-to-image", "image-to-cutout", "image-to-depth"),
    "Models: picture or words to mesh": ("image-to-mesh", "text-to-mesh"),
    "Words to scenes": ("words-to-scene", "scene-from-spec", "scene-to-physics"),
    "From mesh to asset": ("mesh-to-scene", "depth-to-scene", "scene-to-scene", "scene-to-report", "model-to-findings"),
    "Bones and motion": ("scene-to-rig", "rig-to-skin", "rig-to-controls", "rig-to-motion"),
    "Stage, camera, film": ("scene-to-stage", "scene-to-camera", "scene-to-film", "film-to-film", "video-diffusion"),
    "Out, and looked at": ("scene-to-model", "model-to-page", "scene-to-views", "mesh-to-scores"),
    "For trying things out": ("check",),
}
"""Tasks in the order of a reader; what is of none of them comes last."""
GIVEN = {
    "image": "--image photo.jpg", "mesh": "--mesh mesh.glb", "model": "--mesh mesh.glb", "scene": "--scene my.blend",
    "motion": "--motion walk.bvh", "film": "--film film.mp4", "spec": "--spec scene.json",
}  # fmt: skip
"""The flag of `galatea run` for what a recipe begins with; the others have no need of one."""
KINDS = {
    "int": "whole number", "float": "number", "bool": "true or false", "str": "text", "choice": "choice",
    "file": "file", "libraries": "folders and .blend files", "weights": "weights",
}  # fmt: skip


def backends() -> str:
    parts, left = [BACKENDS], dict(bundled())
    for title, tasks in PHASES.items():
        mine = sorted((spec for spec in left.values() if spec.task in tasks), key=lambda spec: tasks.index(spec.task))
        parts.append(f"\n## {title}\n")
        parts += [_step(left.pop(spec.id)) for spec in mine]
    return "".join([*parts, "\n## Others\n", *map(_step, left.values())] if left else parts)


def _step(spec: BackendSpec) -> str:
    facts = [f"*{spec.runtime}*", f"task `{spec.task}`", f"version {spec.version}", spec.license]
    if spec.territory != "worldwide":
        facts.append(f"territory: {spec.territory}")
    if spec.seeded != "always":
        facts.append("the seed does nothing" if spec.seeded == "never" else f"seed: only with `{spec.seeded}`")
    takes = [_list(spec.inputs), _list(spec.optional) and f"where given {_list(spec.optional)}"]
    makes = _list(spec.outputs)
    lines = [f"### `{spec.id}`", f"**{spec.label}.** {spec.help.rstrip('.')}.", " · ".join(facts)]
    lines.append(f"Reads {', '.join(filter(None, takes)) or 'no file'}; makes {makes or 'a change of the scene'}.")
    lines += [
        f"Weights: [{weights.repository}]({weights.page}), {weights.amount}, {weights.license}"
        f"{', to be accepted there first' if weights.gated else ''}."
        for weights in spec.weights
    ]
    if spec.memory:
        lines.append("Memory: " + ", ".join(f"{gigabytes:g} GB ({way})" for way, gigabytes in spec.memory) + ".")
    if spec.params:
        rows = "\n".join(map(_param, spec.params))
        lines.append(f"| Parameter | Takes | Default | |\n|---|---|---|---|\n{rows}")
    return "\n" + "\n\n".join(lines) + "\n"


def _param(param: Param) -> str:
    unit = f" {param.unit}" if param.unit else ""
    kind = f"{KINDS[param.kind]}{', ' if param.span else ''}{param.span}{unit}"
    span = ", ".join(f"`{choice}`" if choice else "empty" for choice in param.choices) or kind
    default = (
        f"`{str(param.default).lower() if param.kind == 'bool' else param.default}`" if param.default != "" else ""
    )
    return f"| `{param.name}` | {span} | {default} | {_cell(param.help)} |"


def recipes() -> str:
    every = {name: load_recipe(name) for name in names("recipes")}
    rows = "\n".join(f"| [`{name}`](#{name}) | {_from(recipe)} | {_makes(recipe)} |" for name, recipe in every.items())
    return RECIPES.format(rows=rows) + "".join(_recipe(name, recipe) for name, recipe in every.items())


def _recipe(name: str, recipe: Recipe) -> str:
    given = [GIVEN[role] for role in recipe.inputs if role in GIVEN]
    words = ["--prompt 'WORDS'"] if recipe.reader and not given else []
    steps = "\n".join(f"{number}. {_shown(step.do, step.params)}" for number, step in enumerate(recipe.steps, 1))
    command = " ".join(["galatea run", name, *given, *words, "--out FOLDER"])
    return f"\n## `{name}`\n\n{recipe.name}: `{command}`\n\n{steps}\n"


def _shown(do: str, params: dict[str, object]) -> str:
    known = bundled()[do]
    sets = ", ".join(f"`{key} = {value if value != '' else repr('')}`" for key, value in params.items())
    return f"[`{do}`](backends.md#{do}) {known.label}" + (f"; {sets}" if sets else "")


def _from(recipe: Recipe) -> str:
    return _list(recipe.inputs) or ("words" if recipe.reader else "nothing")


def _makes(recipe: Recipe) -> str:
    """The files of the last step that makes any."""
    made = [bundled()[step.do].outputs for step in recipe.steps]
    return _list(next((roles for roles in reversed(made) if roles), ()))


def _list(words: Iterable[str]) -> str:
    """Each once, those that are numbered as one."""
    return ", ".join(f"`{word}`" for word in dict.fromkeys(re.sub(r"(?<=_)\d\d$", "NN", word) for word in words))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
