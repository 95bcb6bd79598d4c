# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel's settings mean: which recipe with which model, and what must be there before it can run.

Panels and polls ask while Blender draws, so nothing is read from the disk here but what is read once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import bpy

from ..backend.protocol.catalog import catalog, spec_of
from ..backend.protocol.recipe import Recipe, load_recipe
from . import environment, models, props, terms

MESH = "image-to-mesh"
COMPARED = "photo_to_views"
"""The recipe whose results are compared."""
PLACE = "under Model"
"""The part of the panel where a model's terms are accepted and its weights fetched."""
ONLINE = "Allow Online Access in Preferences > System first."


@cache
def preset(name: str) -> Recipe:
    return load_recipe(name)


def fitted(recipe: Recipe, backend: str) -> Recipe:
    """With this model, where the recipe makes a mesh of a picture at all."""
    return recipe.with_backend(backend) if backend and modelled(recipe) else recipe


def modelled(recipe: Recipe) -> bool:
    return any(spec_of(step.do).task == MESH for step in recipe.steps)


def recipe(settings: Any) -> Recipe:
    return fitted(preset(settings.recipe or "photo_to_mesh"), settings.backend)


def painter(recipe: Recipe) -> str:
    """The step that fills a gallery for the artist to choose from; empty where none does."""
    return next((step.do for step in recipe.steps if "gallery" in spec_of(step.do).outputs), "")


def picker(recipe: Recipe) -> str:
    """The step that takes one picture out of the gallery."""
    return next((step.do for step in recipe.steps if "gallery" in spec_of(step.do).inputs), "")


def first_part(recipe: Recipe) -> Recipe:
    """What the main button does: up to the gallery, where there is one to look at."""
    return recipe.until(painter(recipe)) if painter(recipe) else recipe


def second_part(recipe: Recipe) -> Recipe:
    """What follows when a picture of the gallery was taken."""
    return replace(recipe, steps=recipe.steps[len(first_part(recipe).steps) :])


def chancy(settings: Any, steps: Iterable[str]) -> bool:
    """Another seed may give another result of these steps."""
    return any(
        spec.heeds({param.name: getattr(getattr(settings.steps, spec.id), param.name) for param in spec.params})
        for spec in map(spec_of, steps)
    )


def words(settings: Any, recipe: Recipe) -> str:
    """What the artist said, for the step that reads."""
    own = getattr(getattr(settings.steps, recipe.reader, None), "prompt", "") if recipe.reader else ""
    return str(settings.prompt.strip() or own.strip())


def gate(settings: Any) -> str:
    """What new meshes are held against: a preset, else a file of the artist's own; empty for nothing."""
    own = bpy.path.abspath(settings.steps.report.gate)
    return own if settings.gate in ("", "none") else str(settings.gate)


def lacking(settings: Any, recipe: Recipe) -> str:
    """What the artist has not given yet, as the next move."""
    if "image" in recipe.inputs and settings.image is None:
        return "Choose an image first"
    if not recipe.inputs and recipe.reader and not words(settings, recipe):
        return "Say in the prompt what to make"
    return ""


def blocked(settings: Any, recipe: Recipe) -> str:
    """Why a step of the recipe cannot run on this machine as it is, with the next move."""
    found = ((step.do, blocked_step(settings, step.do)) for step in recipe.steps)
    return next((f"{short(step)} {reason}" for step, reason in found if reason), "")


def blocked_step(settings: Any, step: str) -> str:
    """What stands against it or what it still needs, said of it; empty where it can run."""
    unfit = terms.verdict(settings, step)
    if unfit:
        return f"{unfit.clause}. Accept its terms {PLACE}" if unfit.ask else unfit.clause
    if environment.needed(step):
        if environment.state() == "lost":
            return "needs a Worker Python that is there. Choose another in the preferences"
        return "needs the full environment. Install it in the preferences"
    if models.needed(settings, step):
        away = "" if bpy.app.online_access else f". {ONLINE.removesuffix('.')}"
        return f"needs its weights. Download them {PLACE}{away}"
    return ""


def unfetched(settings: Any, recipe: Recipe) -> str:
    """The first step whose weights are not here."""
    return next((step.do for step in recipe.steps if models.needed(settings, step.do)), "")


def short(step: str) -> str:
    """The label without what stands in brackets behind it."""
    spec = catalog().get(step)
    return spec.label.partition(" (")[0] if spec else step


def compared(settings: Any) -> list[str]:
    """The models that are ticked for a comparison and can run here."""
    ticked = [spec.id for spec in props.backends() if getattr(settings.compare, spec.id)]
    return [backend for backend in ticked if not blocked_step(settings, backend)]
