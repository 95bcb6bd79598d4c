# SPDX-License-Identifier: GPL-3.0-or-later
"""In the preferences: the weights of all models, what they weigh and on which terms; fetch, verify and delete them."""

from __future__ import annotations

import os
from typing import Any

import bpy

from .. import models
from . import draw

ICONS = {"installed": "CHECKMARK", "partial": "TIME", "absent": "IMPORT"}


def draw_weights(layout: Any, prefs: Any, context: bpy.types.Context) -> None:
    rows = models.rows()
    words = f"Models ({sum(row.state == 'installed' for row in rows)} of {len(rows)} installed)"
    head = layout.row()
    head.alignment = "LEFT"
    icon = "DOWNARROW_HLT" if prefs.show_models else "RIGHTARROW"
    head.prop(prefs, "show_models", text=words, icon=icon, emboss=False)
    work = models.work
    if work.running:
        layout.progress(factor=work.fraction, text=f"{work.phase}  {work.fraction:.0%}")
        layout.operator("galatea.models_stop", text="Stop", icon="CANCEL")
    elif work.error:
        draw.text(layout, work.error, context=context, icon="ERROR", alert=True)
    if not prefs.show_models:
        return
    named = layout.column()
    named.use_property_split = True
    named.use_property_decorate = False
    named.enabled = "GALATEA_WEIGHTS" not in os.environ  # which says it for all programs
    named.prop(prefs, "shared_weights")
    for row in rows:
        _row(layout.column(align=True), row, context)


def _row(column: Any, row: models.Row, context: bpy.types.Context) -> None:
    line = column.row(align=True)
    where = " in the shared folder" if row.shared and row.state == "installed" else ""
    line.label(text=f"{row.label}: {row.said}{where}", icon=ICONS[row.state])
    line.operator("wm.url_open", text="", icon="URL").url = row.page
    if row.state == "installed":
        line.operator("galatea.models_verify", text="", icon="VIEWZOOM").backend = row.backend
    else:
        fetch = line.row(align=True)
        fetch.operator_context = "INVOKE_DEFAULT"
        fetch.operator("galatea.models_pull", text="", icon="IMPORT").backend = row.backend
    if row.state != "absent" and not row.shared:
        gone = line.row(align=True)
        gone.operator_context = "INVOKE_DEFAULT"
        gone.operator("galatea.models_remove", text="", icon="TRASH").backend = row.backend
    terms = column.column(align=True)
    terms.active = False
    draw.text(terms, row.terms, context=context, icon="BLANK1")
    if row.gated and row.state != "installed":
        draw.text(terms, "Its owner wants the licence accepted on that page", context=context, icon="LOCKED")
