# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Sub-panel: what the chosen backend is, on which terms, what it needs, and whether its weights are here."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol.catalog import catalog
from ...backend.protocol.spec import BackendSpec
from .. import models, props
from . import draw


class GALATEA_PT_models(bpy.types.Panel):
    bl_label = "Model"
    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Galatea"
    bl_parent_id = "GALATEA_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        spec = catalog().get(props.settings(context).backend)
        if spec is None:
            return
        column = self.layout.column(align=True)
        draw.text(column, f"Licence: {spec.license}", context=context)
        if spec.territory != "worldwide":
            draw.text(column, f"Where it may be used: {spec.territory}", context=context, icon="WORLD")
        if spec.memory:
            ways = ", ".join(f"{way} {needed:g} GB" for way, needed in spec.memory)
            draw.text(column, f"Memory: {ways}", context=context)
        if spec.weights:
            _weights(self.layout, context, spec)
        else:
            column.label(text="Nothing to download", icon="CHECKMARK")


def _weights(layout: Any, context: bpy.types.Context, spec: BackendSpec) -> None:
    for weights in spec.weights:
        row = layout.row(align=True)
        row.label(text=f"{weights.repository}, {weights.amount}")
        row.operator("wm.url_open", text="", icon="URL").url = weights.page
        if weights.license != spec.license:
            draw.text(layout, f"Licence of the weights: {weights.license}", context=context)
        if weights.gated:
            draw.text(layout, "Its owner wants the licence accepted on that page", context=context, icon="LOCKED")
    mine = models.doing == spec.id
    if models.work.running and mine:
        layout.progress(factor=models.work.fraction, text=f"{models.work.phase}  {models.work.fraction:.0%}")
        layout.operator("galatea.models_stop", text="Stop", icon="CANCEL")
        return
    if models.work.error and mine:
        draw.text(layout, models.work.error, context=context, icon="ERROR", alert=True)
    if models.whole(spec.id):
        layout.label(text="Installed", icon="CHECKMARK")
        row = layout.row(align=True)
        row.operator("galatea.models_verify", icon="VIEWZOOM").backend = spec.id
        row.operator("galatea.models_remove", icon="TRASH").backend = spec.id
        return
    if not bpy.app.online_access:
        words = "Allow Online Access in Preferences > System first."
        draw.text(layout, words, context=context, icon="INTERNET_OFFLINE")
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator("galatea.models_pull", text="Download", icon="IMPORT").backend = spec.id


CLASSES = (GALATEA_PT_models,)
