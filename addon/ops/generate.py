# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""The main button: start a run, or stop it."""

import bpy
from bpy.props import StringProperty

from .. import plan, props, wanted
from ..bridge import bridge
from ..runs import Run
from .base import Conditional, Ordering


class GALATEA_OT_generate(Conditional, Ordering, bpy.types.Operator):
    """Make a textured mesh of the photo or the words, in the background. Started again, it waits in the queue"""

    bl_idname = "galatea.generate"
    bl_label = "Generate"

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        recipe = wanted.recipe(settings)
        return wanted.lacking(settings, recipe) or wanted.blocked(settings, recipe)

    def order(self, context: bpy.types.Context) -> Run:
        return plan.generate(context)


class GALATEA_OT_cancel(Conditional, bpy.types.Operator):
    """Stop the job that runs, or the one that is meant. What its finished steps made is kept"""

    bl_idname = "galatea.cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    run: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if bridge.current or bridge.waiting else "No job is running"

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = bridge.find(self.run) if self.run else bridge.current
        if run:
            bridge.cancel(run)
        return {"FINISHED"}


CLASSES = (GALATEA_OT_generate, GALATEA_OT_cancel)
