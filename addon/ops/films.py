# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,attr-defined,valid-type"
"""A film file made smoother and larger, or painted anew, in the background; the result is a film beside it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...backend.protocol.errors import UserError
from ...backend.protocol.recipe import Recipe, Step
from .. import plan, prefs, props, wanted
from ..runs import Run
from .base import Browsing, Conditional

KINDS = (*sorted(bpy.path.extensions_movie), ".zip")
"""How the names of films end, as Blender knows them, and of a zip of frames."""


def order(context: bpy.types.Context, path: Path, steps: tuple[str, ...], verb: str) -> Run:
    """The run of these steps on a film, with the panel's settings."""
    if path.suffix.lower() not in KINDS or not path.is_file():
        raise UserError("Choose a film: mp4, mov, webm or mkv, or a zip of its frames as PNG.")
    plain = Recipe(verb, tuple(Step(step, {}) for step in steps), ("film",))
    given = plan.chosen(props.settings(context), list(steps), plain)
    recipe = plain.merged(given)
    recipe.check()
    rows = [{"do": step.do, "params": step.params} for step in recipe.steps]
    run = Run(
        title=f"{path.stem}: {verb}", preset="", steps=rows, inputs={"film": str(path)}, settings=given, scene=False
    )
    run.preset = str(plan.write_recipe(recipe, prefs.runs_folder() / f"{run.id}.toml"))
    return run


class _OnFilm(Conditional, Browsing):
    steps: tuple[str, ...] = ()
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{kind}" for kind in KINDS), options={"HIDDEN"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        found = ((step, wanted.blocked_step(settings, step)) for step in cls.steps)
        reason = next((f"{wanted.short(step)} {reason}" for step, reason in found if reason), "")
        return reason.replace(wanted.PLACE, "under Models in the preferences")  # the panel has the recipe's models

    def order(self, context: bpy.types.Context) -> Run:
        return order(context, Path(bpy.path.abspath(self.filepath)), self.steps, self.bl_label)


class GALATEA_OT_enlarge_film(_OnFilm, bpy.types.Operator):
    """Draw frames in between and make each larger, of any film file, with the full environment"""

    bl_idname = "galatea.enlarge_film"
    bl_label = "Smooth and Enlarge"
    steps = ("interpolate", "upscale")


class GALATEA_OT_restyle_film(_OnFilm, bpy.types.Operator):
    """Paint any film file anew by words, with a video model and the full environment"""

    bl_idname = "galatea.restyle_film"
    bl_label = "Restyle"
    steps = ("restyle",)


CLASSES = (GALATEA_OT_enlarge_film, GALATEA_OT_restyle_film)
