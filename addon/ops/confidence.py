# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc,attr-defined"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""How sure the model was of each place of a mesh, as colours in the viewport."""

from typing import Any

import bpy
from bpy.props import StringProperty

from .. import objects
from ..bridge import bridge
from ..scene.lib.material import shading
from ..scene.work import ROLE
from .base import OBJECT_MODE, Conditional

MAP = "galatea_confidence_map"
"""Colour attribute that is there while the map is shown."""
BEFORE = "galatea_look"
"""Custom property of the screen, which undo leaves alone: the kind and colour of its viewport's shading before."""
GUESSED, SURE = (0.86, 0.22, 0.05), (0.05, 0.35, 0.80)
"""Linear colours; orange and blue are told apart by everybody."""


def body_of(run: str) -> bpy.types.Object | None:
    """The body of this run in the open file, where the model has said how sure it is."""
    asset = objects.found(run)
    inside = asset.all_objects if asset else ()
    return next((o for o in inside if o.get(ROLE) == "body" and shading.CONFIDENCE in o.data.attributes), None)


def paint(mesh: bpy.types.Mesh) -> None:
    """Add the map and make it the colour that the viewport shows."""
    import numpy as np

    sure = np.empty(len(mesh.vertices), np.float32)
    mesh.attributes[shading.CONFIDENCE].data.foreach_get("value", sure)
    part = sure.clip(0, 1)[:, None]
    colours = np.ones((len(sure), 4), np.float32)
    colours[:, :3] = np.array(GUESSED) * (1 - part) + np.array(SURE) * part
    layer = mesh.color_attributes.new(MAP, "BYTE_COLOR", "POINT")
    layer.data.foreach_set("color", colours.ravel())
    mesh.color_attributes.active_color = layer


def clear(mesh: bpy.types.Mesh) -> None:
    mesh.color_attributes.remove(mesh.color_attributes[MAP])


def _usual(screen: bpy.types.Screen) -> None:
    """The look of before for the viewport that showed the map."""
    before = screen.pop(BEFORE, "")
    for area in screen.areas if before else ():
        look = area.spaces.active.shading if area.type == "VIEW_3D" else None
        if look and look.color_type == "VERTEX":
            look.type, look.color_type = before.split()


@bpy.app.handlers.persistent
def undone(*_: Any) -> None:
    """Undo takes the map away, but no viewport's look."""
    if not any(MAP in mesh.color_attributes for mesh in bpy.data.meshes):
        for screen in bpy.data.screens:
            _usual(screen)


class GALATEA_OT_confidence(Conditional, bpy.types.Operator):
    """See how sure the model is of each place: blue is seen or likely, orange is a guess. Once more for the usual look.
    Where the back matters, try a photo from another side, or set Back to Mirror or Flat under Shape"""

    bl_idname = "galatea.confidence"
    bl_label = "Show the Confidence"
    bl_options = {"REGISTER", "UNDO"}

    run: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if context.mode == "OBJECT" else OBJECT_MODE

    def execute(self, context: bpy.types.Context) -> set[str]:
        chosen = bridge.chosen(context)
        body = body_of(self.run or (chosen.id if chosen else ""))
        if body is None:
            self.report({"WARNING"}, "This file has no mesh of the chosen job that says it. Show it in the scene first")
            return {"CANCELLED"}
        look = context.space_data.shading if context.area and context.area.type == "VIEW_3D" else None
        there = MAP in body.data.color_attributes
        if there and (look is None or BEFORE in context.screen):
            clear(body.data)
            _usual(context.screen)
        else:
            if not there:  # after a redo it is, and nobody sees it
                paint(body.data)
            if look:
                context.screen[BEFORE] = context.screen.get(BEFORE) or f"{look.type} {look.color_type}"
                look.type, look.color_type = "SOLID", "VERTEX"
        return {"FINISHED"}


CLASSES = (GALATEA_OT_confidence,)
