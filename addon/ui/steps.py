# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,attr-defined"
"""Sub-panels: the settings of each part of the chain, with a button that does that part alone."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol.catalog import catalog
from ...backend.protocol.recipe import Recipe
from .. import objects, props, wanted
from ..runs import Run
from . import draw, gallery, report, scene, trouble


class _Sub(draw.Sub):
    verb: tuple[str, str] | None = None
    """The operator of the button at the top, and its icon."""

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        if self.verb:
            _verb(self.layout, context, *self.verb, self.steps)
            trouble.show(self.layout, context, trouble.of(self.steps))
        self.head(self.layout, context, settings)
        for step in self.steps:
            if len(self.steps) > 1:
                self.layout.label(text=catalog()[step].label)
            draw.params(self.layout, settings, step)
            if wanted.chancy(settings, (step,)):
                draw.field(self.layout, settings, "seed")

    def head(self, layout: Any, context: bpy.types.Context, settings: Any) -> None:
        """Above the settings: what else can be done at once."""


def _verb(layout: Any, context: bpy.types.Context, operator: str, icon: str, steps: tuple[str, ...]) -> None:
    """The button, and on what; in the place of that how far its job is. What has come of that stands there too."""

    def own(run: Run) -> bool:
        return "scene" in run.inputs and run.steps[-1]["do"] in steps

    obj = objects.subject(context)
    column = layout.column(align=True)
    row = column.row(align=True)
    row.scale_y = 1.3
    row.operator(operator, icon=icon)
    if draw.turn(column, own):
        return
    run = draw.newest(own)
    hint = column.row()
    hint.active = False
    hint.label(text=f"On {obj.name}" if obj else "Select a mesh object first", icon="OBJECT_DATA" if obj else "INFO")
    if run and run.saved:
        draw.text(layout, f"Saved in {run.saved}", context=context, icon="CHECKMARK")
    if run and run.shelved:
        draw.text(layout, run.shelved, context=context, icon="CHECKMARK")
    draw.warnings(layout, context, run)
    if run:
        report.rows(layout, context, run)


def shaping(recipe: Recipe) -> list[str]:
    """The steps whose settings no other panel shows, ours and the user's own; of pictures the gallery chooses."""
    elsewhere = {step for cls in (*gallery.CLASSES, *scene.CLASSES, *CLASSES) for step in getattr(cls, "steps", ())}
    return [step.do for step in recipe.steps if step.do not in {*elsewhere, wanted.picker(recipe)}]


class GALATEA_PT_shape(draw.Sub, bpy.types.Panel):
    bl_label = "Shape"

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        for step in shaping(wanted.recipe(settings)):
            self.layout.label(text=catalog()[step].label)
            draw.params(self.layout, settings, step, skip=("prompt",))


class GALATEA_PT_clean(_Sub, bpy.types.Panel):
    bl_label = "Mesh"
    steps = ("clean",)
    verb = ("galatea.clean", "MOD_REMESH")


class GALATEA_PT_texture(_Sub, bpy.types.Panel):
    bl_label = "Texture"
    steps = ("unwrap", "bake", "material")
    verb = ("galatea.texture", "TEXTURE")


class GALATEA_PT_rig(_Sub, bpy.types.Panel):
    bl_label = "Rig"
    steps = ("skeleton", "bind", "controls")
    verb = ("galatea.rig", "ARMATURE_DATA")

    def head(self, layout: Any, context: bpy.types.Context, settings: Any) -> None:
        row = layout.row(align=True)
        row.operator("galatea.skeleton", text="Skeleton", icon="BONE_DATA")
        row.operator("galatea.bind", icon="MOD_ARMATURE")
        layout.operator("galatea.controls", icon="POSE_HLT")


class GALATEA_PT_move(_Sub, bpy.types.Panel):
    bl_label = "Motion"
    steps = ("move",)
    verb = ("galatea.move", "ANIM")


class GALATEA_PT_retarget(_Sub, bpy.types.Panel):
    bl_label = "From a File"
    bl_parent_id = "GALATEA_PT_move"
    steps = ("retarget",)
    verb = ("galatea.retarget", "FILEBROWSER")


class GALATEA_PT_physics(_Sub, bpy.types.Panel):
    bl_label = "Physics"
    steps = ("drop",)
    verb = ("galatea.drop", "RIGID_BODY")


class GALATEA_PT_film(_Sub, bpy.types.Panel):
    bl_label = "Film"
    steps = ("stage", "camera", "film")
    verb = ("galatea.film", "RENDER_ANIMATION")

    def head(self, layout: Any, context: bpy.types.Context, settings: Any) -> None:
        column = layout.column(align=True)
        column.operator("galatea.render_scene", icon="SCENE")
        column.operator("galatea.open_film", icon="PLAY")


class GALATEA_PT_film_file(_Sub, bpy.types.Panel):
    bl_label = "Of a Film File"
    bl_parent_id = "GALATEA_PT_film"
    steps = ("interpolate", "upscale", "restyle")

    def head(self, layout: Any, context: bpy.types.Context, settings: Any) -> None:
        column = layout.column(align=True)
        column.operator("galatea.enlarge_film", icon="FULLSCREEN_ENTER")
        column.operator("galatea.restyle_film", icon="BRUSH_DATA")
        trouble.show(layout, context, trouble.of(self.steps))


class GALATEA_PT_asset(_Sub, bpy.types.Panel):
    bl_label = "Asset"
    steps = ("lod", "collide", "asset")
    verb = ("galatea.asset", "ASSET_MANAGER")


class GALATEA_PT_report(_Sub, bpy.types.Panel):
    bl_label = "Quality Report"
    steps = ("report",)
    verb = ("galatea.check", "CHECKBOX_HLT")

    def head(self, layout: Any, context: bpy.types.Context, settings: Any) -> None:
        draw.field(layout, settings, "gate")


class GALATEA_PT_export(_Sub, bpy.types.Panel):
    bl_label = "Export"
    steps = ("export",)
    verb = ("galatea.export_object", "EXPORT")


class GALATEA_PT_page(_Sub, bpy.types.Panel):
    bl_label = "Viewer Page"
    bl_parent_id = "GALATEA_PT_export"
    steps = ("viewer",)
    verb = ("galatea.page", "URL")


CLASSES = (
    GALATEA_PT_shape,
    GALATEA_PT_clean,
    GALATEA_PT_texture,
    GALATEA_PT_rig,
    GALATEA_PT_move,
    GALATEA_PT_retarget,
    GALATEA_PT_physics,
    GALATEA_PT_film,
    GALATEA_PT_film_file,
    GALATEA_PT_asset,
    GALATEA_PT_report,
    GALATEA_PT_export,
    GALATEA_PT_page,
)
