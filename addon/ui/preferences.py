# SPDX-License-Identifier: GPL-3.0-or-later
"""How the preferences look."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol import place
from .. import environment, terms
from . import draw
from .panel import installing
from .weights import draw_weights

STATES = {
    "ready": ("The full environment is installed", "CHECKMARK"),
    "incomplete": ("The full environment is incomplete. Repair it", "ERROR"),
    "own": ("Your own Worker Python is used. Check the Installation tells whether it fits", "INFO"),
    "lost": ("The Worker Python is not there. Choose another, or clear the field", "ERROR"),
    "missing": ("Not installed. The built-in models work without it", "INFO"),
}


def draw_preferences(prefs: Any, context: bpy.types.Context) -> None:
    layout = prefs.layout
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(prefs, "data_folder")
    _kept(column, context)
    column.prop(prefs, "worker_python")
    column.prop(prefs, "server")
    if prefs.server:
        column.prop(prefs, "server_key")
    column.prop(prefs, "at_cursor")
    _doctor(layout.box(), context)  # above what is long: what it found is in sight where F3 opened this page
    _policy(layout.box(), prefs, context)
    _environment(layout.box(), context)
    draw_weights(layout.box(), prefs, context)


def _kept(layout: Any, context: bpy.types.Context) -> None:
    words = f"Jobs and weights lie in {place.data_folder()} and stay there when Galatea is removed."
    draw.text(layout, words, context=context, icon="INFO")


def _policy(layout: Any, prefs: Any, context: bpy.types.Context) -> None:
    layout.label(text="What May Be Used (also by the command line)")
    if terms.fault():
        draw.text(layout, terms.fault(), context=context, icon="ERROR", alert=True)
        return
    for name in ("commercial", "offline", "territory"):
        layout.prop(prefs, name)
    if terms.refused:
        draw.text(layout, terms.refused, context=context, icon="ERROR", alert=True)
    column = layout.column(align=True)
    column.enabled = False
    for spec, verdict in terms.unfit():
        draw.text(
            column, f"{spec.label} {verdict.clause}", context=context, icon="QUESTION" if verdict.ask else "CANCEL"
        )


def _environment(layout: Any, context: bpy.types.Context) -> None:
    layout.label(text="Full Environment (PyTorch, for the published models)")
    told, state = environment.install, environment.state()
    if told.running:
        installing(layout, context)
        layout.operator("galatea.env_stop", icon="CANCEL")
        return
    text, icon = STATES[state]
    layout.label(text=text, icon=icon)
    if state in ("own", "lost"):
        return
    if told.error:
        draw.text(layout, told.error, context=context, icon="ERROR", alert=True)
    if not bpy.app.online_access:
        layout.label(text="Online Access is off: allow it in Preferences > System", icon="INTERNET_OFFLINE")
    names = {"ready": "Check and Repair", "incomplete": "Repair", "missing": "Install"}
    layout.operator("galatea.env_install", text=names[state], icon="IMPORT")


def _doctor(layout: Any, context: bpy.types.Context) -> None:
    row = layout.row()
    row.operator("galatea.doctor", icon="VIEWZOOM")
    row.operator("galatea.save_doctor", text="", icon="FILE_TICK")
    told = environment.doctor
    if told.findings:
        row.operator("galatea.copy_doctor", text="", icon="COPYDOWN")
    if told.running:
        layout.label(text="Checking", icon="TIME")
    if told.error:
        draw.text(layout, told.error, context=context, icon="ERROR", alert=True)
    elif told.said:
        draw.text(layout, told.said, context=context, icon="FILE_TICK")
    icons = {"ok": "CHECKMARK", "warn": "INFO", "fail": "ERROR"}
    for finding in told.findings:
        words = f"{finding['what']}: {finding['found']}"
        draw.text(layout, words, context=context, icon=icons.get(finding["state"], "NONE"))
        if finding.get("fix"):
            draw.text(layout, finding["fix"], context=context, icon="BLANK1")
