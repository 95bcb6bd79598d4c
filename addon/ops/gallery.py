# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Fill the gallery, and take one thing out of it."""

import bpy
from bpy.props import StringProperty

from ...backend.protocol.errors import UserError
from .. import bridge as bridges
from .. import gallery, plan, props, wanted
from ..bridge import bridge
from ..runs import Run
from .base import OBJECT_MODE, Conditional, Ordering, Trying, begin, open_outside


class GALATEA_OT_imagine(Conditional, Ordering, bpy.types.Operator):
    """Paint pictures of the words. They come to the Gallery, where you take the one to go on with"""

    bl_idname = "galatea.imagine"
    bl_label = "Imagine"

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        recipe = wanted.recipe(settings)
        if not wanted.painter(recipe):
            return "Choose a recipe that begins with words"
        part = wanted.first_part(recipe)
        return wanted.lacking(settings, part) or wanted.blocked(settings, part)

    def order(self, context: bpy.types.Context) -> Run:
        return plan.imagine(context)


class GALATEA_OT_compare(Conditional, Ordering, bpy.types.Operator):
    """Make a mesh of the photo with each ticked model and look at them side by side in the Gallery, with scores.
    Nothing comes into the file until you keep one"""

    bl_idname = "galatea.compare"
    bl_label = "Compare"

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        if settings.image is None:
            return "Choose an image first"
        return "" if wanted.compared(settings) else "Tick one or more models that can run here"

    def order(self, context: bpy.types.Context) -> list[Run]:
        return plan.compare(context)


class _OnItem:
    item: StringProperty(options={"SKIP_SAVE"})

    def which(self) -> gallery.Item:
        bridge.history()
        item = bridge.item(self.item)
        if item is None or not item.picture.is_file():
            raise UserError("It is no longer in the gallery: its files are gone. Make it again.", kind="output")
        return item


class GALATEA_OT_use(_OnItem, Conditional, bpy.types.Operator):
    """Take this one. A picture goes on to a mesh with the chosen model, and nothing is painted again;
    a result of a comparison comes into the scene"""

    bl_idname = "galatea.use"
    bl_label = "Use"
    bl_options = {"INTERNAL"}  # a result that comes in makes its own undo step

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if context.mode == "OBJECT" else OBJECT_MODE

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.take(context, wait=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.take(context, wait=True)

    def take(self, context: bpy.types.Context, *, wait: bool) -> set[str]:
        try:
            item = self.which()
            if item.number is None:
                bridges.keep(item.run, context.scene.name)
                return {"FINISHED"}
            number = item.number
        except (UserError, OSError) as error:
            self.report({"ERROR"}, bridge.complain(error))
            return {"CANCELLED"}
        return begin(self, context, lambda: plan.go_on(context, item.run, number), wait=wait)


class GALATEA_OT_look(_OnItem, Trying, bpy.types.Operator):
    """See this picture large, in the system's viewer"""

    bl_idname = "galatea.look"
    bl_label = "See It Large"
    bl_options = {"INTERNAL"}

    def done(self, context: bpy.types.Context) -> None:
        open_outside(self, self.which().picture)


CLASSES = (GALATEA_OT_imagine, GALATEA_OT_compare, GALATEA_OT_use, GALATEA_OT_look)
