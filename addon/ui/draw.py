# SPDX-License-Identifier: GPL-3.0-or-later
"""Small things that several panels draw."""

from __future__ import annotations

import textwrap
from typing import Any

import bpy

from ...backend.protocol.catalog import catalog

PANEL = {"bl_space_type": "VIEW_3D", "bl_region_type": "UI", "bl_category": "Galatea"}


def text(layout: Any, words: str, *, context: bpy.types.Context, icon: str = "NONE", alert: bool = False) -> None:
    """A text of several lines: Blender's labels do not wrap."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = (context.region.width if context.region else 300) / scale - 60
    column = layout.column(align=True)
    column.alert = alert
    column.scale_y = 0.85
    for number, line in enumerate(textwrap.wrap(words, max(16, int(width / 6.4))) or [""]):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))


def params(layout: Any, settings: Any, step: str, *, skip: tuple[str, ...] = ()) -> None:
    """The settings of a step, as the catalogue lists them."""
    spec = catalog().get(step)
    group = getattr(settings.steps, step, None)
    if spec is None or group is None:
        return
    column = layout.column(align=True)
    for param in spec.params:
        if param.name not in skip:
            column.prop(group, param.name)


def duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"
