# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""The main panel: picture, choices, one button that names the next step, progress."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol.job import Failure
from ...backend.protocol.recipe import Recipe
from .. import environment, models, props, terms, wanted
from ..bridge import bridge
from . import draw, trouble
from .models import chooser

TALL = 1.6
"""The height of the main button, in rows."""


class GALATEA_PT_main(bpy.types.Panel):
    bl_label = "Galatea"
    bl_idname = "GALATEA_PT_main"
    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Galatea"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.operator("galatea.preferences", text="", icon="PREFERENCES", emboss=False)

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        recipe = wanted.recipe(settings)
        layout = self.layout
        layout.use_property_decorate = False
        if "image" in recipe.inputs:
            _picture(layout, settings)
        column = layout.column()
        column.use_property_split = True
        column.prop(settings, "recipe")
        if wanted.modelled(recipe):
            chooser(column, settings)
        column.prop(settings, "quality")
        _prompt(column, settings, recipe)
        row = column.row()
        row.active = wanted.chancy(settings, (step.do for step in recipe.steps))
        row.prop(settings, "seed")
        _button(layout, context, settings)
        told = at_top()
        if told:
            draw.failure(layout, context, told.message, told.hint)


def at_top() -> Failure | None:
    """What is told here. Why a part's job failed or was refused stands under its own button, which keeps its place."""
    return None if trouble.steps() else bridge.notice


def _picture(layout: Any, settings: Any) -> None:
    image = settings.image
    if image is not None and image.size[0] and image.preview and image.preview.icon_id:
        box = layout.box()
        box.template_icon(icon_value=image.preview.icon_id, scale=5.0)
    row = layout.row(align=True)
    row.template_ID(settings, "image", open="galatea.choose_image")
    row.operator("galatea.example", text="" if image else "Example", icon="ASSET_MANAGER")
    if image is not None:
        row = layout.row(align=True)
        row.operator("galatea.edit_mask", icon="BRUSH_DATA", depress=settings.mask is not None)
        row.operator("galatea.choose_mask", text="", icon="FILE_FOLDER")
        if settings.mask:
            row.operator("galatea.clear_mask", text="", icon="X")


def _prompt(layout: Any, settings: Any, recipe: Recipe) -> None:
    """What to make in words, and how many pictures of it, where the recipe reads any."""
    if recipe.reader:
        layout.prop(settings, "prompt")
    painter = wanted.painter(recipe)
    if painter:
        layout.prop(getattr(settings.steps, painter), "candidates", text="Pictures")


def next_step(settings: Any) -> tuple[str, str, str]:
    """Operator, text and icon of the main button."""
    recipe = wanted.recipe(settings)
    part = wanted.first_part(recipe)
    if "image" in recipe.inputs and settings.image is None:
        return "galatea.choose_image", "Choose an Image", "FILE_IMAGE"
    if terms.asking(settings, part):
        return "galatea.accept_terms", "Accept the Terms", "URL"
    if any(environment.needed(step.do) for step in part.steps):
        if environment.install.running:
            return "galatea.env_stop", "Stop the Installation", "CANCEL"
        state = environment.state()
        if state == "lost":
            return "galatea.preferences", "Choose the Worker Python", "PREFERENCES"
        return "galatea.env_install", "Install Environment" if state == "missing" else "Repair Environment", "IMPORT"
    if wanted.unfetched(settings, part):
        if models.work.running:
            return "galatea.models_stop", "Stop the Download", "CANCEL"
        return "galatea.models_pull", "Download Weights", "IMPORT"
    if wanted.painter(recipe):
        return "galatea.imagine", "Imagine", "IMAGE_REFERENCE"
    return "galatea.generate", "Generate", "PLAY"


def _button(layout: Any, context: bpy.types.Context, settings: Any) -> None:
    recipe = wanted.recipe(settings)
    lacking = wanted.lacking(settings, recipe)
    operator, text, icon = ("", "", "") if bridge.current else next_step(settings)
    row = layout.row(align=True)
    if bridge.current:
        _running(row, context, not lacking, "galatea.imagine" if wanted.painter(recipe) else "galatea.generate")
    else:
        row.scale_y = TALL
        row.operator(operator, text=text, icon=icon)
        if operator in ("galatea.imagine", "galatea.generate") and lacking:
            draw.text(layout, f"{lacking}.", context=context, icon="INFO")
    for step in recipe.steps:
        unfit = terms.verdict(settings, step.do)
        if unfit:
            icon = "QUESTION" if unfit.ask else "CANCEL"
            words = f"{wanted.short(step.do)} {unfit.clause}."
            draw.text(layout, words, context=context, icon=icon, alert=not unfit.ask)
            break
    if operator in ("galatea.env_install", "galatea.models_pull") and not bpy.app.online_access:
        draw.text(layout, wanted.ONLINE, context=context, icon="INTERNET_OFFLINE")
    if environment.install.running:
        installing(layout, context)
    elif operator == "galatea.models_stop":
        layout.progress(factor=models.work.fraction, text=f"{models.work.phase}  {models.work.fraction:.0%}")
    elif operator == "galatea.env_install" and environment.install.error:
        draw.text(layout, environment.install.error, context=context, icon="ERROR", alert=True)
    elif operator == "galatea.models_pull" and models.work.error and models.doing in {step.do for step in recipe.steps}:
        draw.text(layout, models.work.error, context=context, icon="ERROR", alert=True)


def installing(layout: Any, context: bpy.types.Context) -> None:
    """The installer's own progress."""
    told = environment.install
    layout.progress(factor=told.fraction, text=f"{told.phase}  {told.fraction:.0%}")


def _running(row: Any, context: bpy.types.Context, ready: bool, operator: str) -> None:
    """How far the job is, as tall as the button in whose place it stands: nothing below moves under the mouse."""
    live, left = bridge.live, bridge.seconds_left()
    column = row.column(align=True)
    bar, told = column.row(), column.row()
    bar.scale_y, told.scale_y = 0.6 * TALL, 0.4 * TALL
    bar.progress(factor=live.whole, text=draw.place())
    rest = [
        f"{live.fraction:.0%}",
        *([f"{draw.duration(left)} left"] if left is not None else []),
        *([f"{bridge.waiting} waiting"] if bridge.waiting else []),
    ]
    words, short = f"{live.phase} {', '.join(rest)}", ", ".join(rest)
    told.active = False
    told.label(text=words if draw.fits(words, context, 46 + 28 * (1 + ready)) else short)
    side = row.row(align=True)
    side.scale_y = TALL
    side.ui_units_x = 1.4 * (1 + ready)
    side.operator("galatea.cancel", text=" ", icon="CANCEL")  # with no text Blender draws the next button's name there
    if ready:
        side.operator(operator, text=" ", icon="ADD")


def away(self: Any, context: bpy.types.Context) -> None:
    """In the header, where the panel is out of sight: how far the job is, or that something went wrong."""
    if context.region.type != "HEADER":
        return  # the menu search reads the menus too, and warns of each setting in the panel
    sidebar = next(region for region in context.area.regions if region.type == "UI")
    if sidebar.width > 1 and sidebar.active_panel_category == GALATEA_PT_main.bl_category:
        return
    row = self.layout.row()
    if bridge.current:
        row.operator("galatea.panel", text=f"{bridge.current.title} {bridge.live.whole:.0%}", icon="SORTTIME")
    elif bridge.notice:
        row.alert = True
        row.operator("galatea.panel", text="Galatea", icon="ERROR")


CLASSES = (GALATEA_PT_main,)
