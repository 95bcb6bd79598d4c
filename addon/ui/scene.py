# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,attr-defined"
"""Sub-panel: a scene in words, the list that was read, and what is done with it."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol import scene
from .. import cast, props, wanted
from . import draw, trouble

ICONS = {
    "rigid_body": "RIGID_BODY", "soft_body": "MOD_SOFT", "fluid": "MOD_FLUIDSIM", "smoke": "MOD_FLUID",
    "cloth": "MOD_CLOTH", "passive": "MESH_PLANE", "animated": "ANIM", "force_field": "FORCE_WIND",
}  # fmt: skip
_FIRST = ("name", "count", "arrangement", "type")


class GALATEA_UL_cast(bpy.types.UIList):
    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: int, active: Any, name: str, index: int
    ) -> None:
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon=ICONS.get(item.type, "OBJECT_DATA"))
        side = row.row(align=True)
        side.alignment = "RIGHT"
        side.label(text=item.material.name or "usual material")
        side.label(text=f"× {item.count}" if item.count > 1 else "")


class GALATEA_PT_simulate(draw.Sub, bpy.types.Panel):
    bl_label = "Simulate"
    steps = ("build", "simulate")

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(settings, "prompt")
        layout.prop(settings, "parser")
        blocked = wanted.blocked_step(settings, settings.parser)
        if blocked:
            draw.text(layout, f"It {blocked}.", context=context, icon="ERROR")
        draw.params(layout, settings, settings.parser, skip=("prompt",))
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator("galatea.scene_read", icon="TEXT")
        row.operator("galatea.scene_open", text="", icon="FILE_FOLDER")
        row.operator("galatea.scene_save", text="", icon="FILE_TICK")
        _cast(layout, context, settings.cast)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.scale_y = 1.3
        row.operator("galatea.scene_build", icon="MESH_CUBE")
        row.operator("galatea.scene_bake", icon="PHYSICS")
        row.operator("galatea.scene_film", icon="RENDER_ANIMATION")
        if not draw.turn(column, lambda run: run.steps[0]["do"] in (settings.parser, "build")):
            hint = column.row()
            hint.active = False
            hint.label(text="Film builds and bakes by itself", icon="INFO")
            trouble.show(layout, context, trouble.of_words())
            draw.warnings(layout, context, draw.newest(lambda run: run.steps[0]["do"] == "build"))
        for step in self.steps:
            draw.params(layout, settings, step)


def _cast(layout: Any, context: bpy.types.Context, group: Any) -> None:
    row = layout.row()
    row.template_list("GALATEA_UL_cast", "", group, "objects", group, "active", rows=4)
    column = row.column(align=True)
    column.operator("galatea.scene_edit", text="", icon="ADD").verb = "add"
    column.operator("galatea.scene_edit", text="", icon="REMOVE").verb = "remove"
    if group.unplaced:
        words = ", ".join(group.unplaced.split("\n"))
        draw.text(layout, f"Not understood: {words}", context=context, icon="QUESTION")
    for note in group.notes.split("\n") if group.notes else ():
        draw.text(layout, note, context=context, icon="INFO")


class GALATEA_PT_simulate_object(draw.Sub, bpy.types.Panel):
    bl_label = "Object"
    bl_parent_id = "GALATEA_PT_simulate"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        group = props.settings(context).cast
        return 0 <= group.active < len(group.objects)

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        group = props.settings(context).cast
        item = group.objects[group.active]
        _fields(layout, item, scene.Item, first=_FIRST)
        for name, kind in (("relation", scene.Relation), ("material", scene.Material), ("mesh", scene.Mesh)):
            layout.label(text=props.title(name))
            _fields(layout, getattr(item, name), kind)


class GALATEA_PT_simulate_world(draw.Sub, bpy.types.Panel):
    bl_label = "World and Time"
    bl_parent_id = "GALATEA_PT_simulate"

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        group = props.settings(context).cast
        parts = (
            ("environment", scene.Environment), ("simulation", scene.Simulation), ("camera", scene.Camera),
        )  # fmt: skip
        for name, kind in parts:
            layout.label(text=props.title(name))
            _fields(layout, getattr(group, name), kind)
        layout.prop(group, "seed")
        lists = (("events", scene.Event), ("constraints", scene.Constraint))
        for name, row in lists:
            for number, each in enumerate(getattr(group, name), 1):
                box = layout.box()
                box.label(text=f"{props.title(name).removesuffix('s')} {number}")
                _fields(box, each, row)


def _fields(layout: Any, group: Any, kind: type, *, first: tuple[str, ...] = ()) -> None:
    """The plain fields of a group; what may be null has its switch before it."""
    fields = dict(cast.scalars(kind))
    column = layout.column(align=True)
    for name in (*first, *(name for name in fields if name not in first)):
        if not fields[name]:
            column.prop(group, name)
            continue
        row = column.row(heading=props.title(name))
        row.prop(group, cast.OWN + name, text="")
        value = row.row()
        value.active = getattr(group, cast.OWN + name)
        value.prop(group, name, text="")


CLASSES = (GALATEA_UL_cast, GALATEA_PT_simulate, GALATEA_PT_simulate_object, GALATEA_PT_simulate_world)
