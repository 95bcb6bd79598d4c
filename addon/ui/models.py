# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""Sub-panel: what the models of the recipe are, on which terms, what they need, and why one cannot run."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol.catalog import catalog
from ...backend.protocol.place import gigabytes
from ...backend.protocol.spec import TENSORS, BackendSpec, Weights
from .. import models, props, terms, wanted
from . import draw


class GALATEA_MT_backend(bpy.types.Menu):
    """The models that make a mesh; one that may not be used here is grey, with the clause."""

    bl_label = "Backend"
    bl_description = "The model that makes the mesh"

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        layout = self.layout
        layout.operator_context = "EXEC_DEFAULT"
        for spec in props.backends():
            unfit = terms.verdict(settings, spec.id)
            row = layout.row()
            row.enabled = not unfit or unfit.ask
            words = f"{spec.label}: {unfit.clause}" if unfit else spec.label
            icon = "RADIOBUT_ON" if spec.id == settings.backend else "RADIOBUT_OFF" if row.enabled else "CANCEL"
            row.operator("galatea.choose_backend", text=words, icon=icon).backend = spec.id


def chooser(layout: Any, settings: Any) -> None:
    """The menu, as a line of a panel that looks like the others."""
    split = layout.split(factor=0.4)
    name = split.row()
    name.alignment = "RIGHT"
    name.label(text="Backend")
    spec = catalog().get(settings.backend)
    split.menu("GALATEA_MT_backend", text=spec.label if spec else settings.backend)


class GALATEA_PT_models(draw.Sub, bpy.types.Panel):
    bl_label = "Model"

    def draw_header_preset(self, context: bpy.types.Context) -> None:
        self.layout.operator("galatea.backends_renew", text="", icon="FILE_REFRESH", emboss=False)

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        recipe = wanted.recipe(settings)
        chosen = [step.do for step in recipe.steps if catalog()[step.do].weights or step.do == settings.backend]
        if not chosen:
            self.layout.label(text=f"{recipe.name} needs no model", icon="INFO")
        if settings.parser not in chosen and wanted.blocked_step(settings, settings.parser):
            chosen.append(settings.parser)  # what Simulate lacks is had here too
        for step in chosen:
            _model(self.layout.box() if len(chosen) > 1 else self.layout, context, catalog()[step])


def _model(layout: Any, context: bpy.types.Context, spec: BackendSpec) -> None:
    column = layout.column(align=True)
    column.label(text=spec.label, icon="OUTLINER_DATA_MESH" if "mesh" in spec.outputs else "IMAGE_DATA")
    draw.text(column, f"Licence: {spec.license}", context=context)
    if spec.territory != "worldwide":
        draw.text(column, f"Where it may be used: {spec.territory}", context=context, icon="WORLD")
    if spec.memory:
        ways = ", ".join(f"{way} {needed:g} GB" for way, needed in spec.memory)
        draw.text(column, f"Memory: {ways}", context=context)
    reason = wanted.blocked_step(props.settings(context), spec.id)
    if reason:
        draw.text(column, f"It {reason}.", context=context, icon="ERROR")
    if terms.verdict(props.settings(context), spec.id).ask:
        column.operator_context = "INVOKE_DEFAULT"
        column.operator("galatea.accept_terms", icon="URL").backend = spec.id
    if spec.weights:
        _weights(layout, context, spec)
    else:
        column.label(text="Nothing to download", icon="CHECKMARK")


def _files(layout: Any, context: bpy.types.Context, weights: Weights) -> None:
    """What is large among the files, and whether its size and hash are known before the hub is asked."""
    column = layout.column(align=True)
    column.active = False
    for file in weights.files:
        if file.name.endswith(TENSORS):
            size = gigabytes(file.size) if file.size else "size not known yet"
            proof = "" if file.sha256 else ", proved by the hub's hash"
            part = file.name.rpartition("/")[0] or file.name
            draw.text(column, f"{part}: {size}{proof}", context=context)


def _weights(layout: Any, context: bpy.types.Context, spec: BackendSpec) -> None:
    for weights in spec.weights:
        row = layout.row(align=True)
        row.label(text=weights.repository)
        row.operator("wm.url_open", text="", icon="URL").url = weights.page
        draw.text(layout, f"To download: {weights.amount}", context=context)
        _files(layout, context, weights)
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
        row.operator("galatea.models_verify", text="Verify", icon="VIEWZOOM").backend = spec.id
        row.operator("galatea.models_remove", text="Delete", icon="TRASH").backend = spec.id
        return
    layout.operator_context = "INVOKE_DEFAULT"
    layout.operator("galatea.models_pull", text="Download", icon="IMPORT").backend = spec.id


CLASSES = (GALATEA_MT_backend, GALATEA_PT_models)
