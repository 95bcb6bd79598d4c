# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Small things that several panels draw."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import bpy

from ...backend.protocol.catalog import catalog
from .. import objects, runs
from ..bridge import bridge
from ..runs import Run

LINE = 0.85
"""How tall a line of a text is, in rows."""


class Sub:
    """A part of the panel, closed until it is wanted."""

    bl_space_type, bl_region_type, bl_category = "VIEW_3D", "UI", "Galatea"
    bl_parent_id = "GALATEA_PT_main"
    bl_options = {"DEFAULT_CLOSED"}
    steps: tuple[str, ...] = ()
    """Whose settings it shows."""


def text(layout: Any, words: str, icon: str = "NONE", *, context: bpy.types.Context, alert: bool = False) -> float:
    """A text of several lines, for Blender's labels do not wrap; returns how tall it is, in rows."""
    import textwrap

    column = layout.column(align=True)
    column.alert = alert
    column.scale_y = LINE
    letters = max(16, int(_width(context) / 5))
    while letters > 16 and not all(fits(line, context, 92) for line in textwrap.wrap(words, letters)):
        letters -= 1  # by the letters that there are: those of a path are wide
    lines = textwrap.wrap(words, letters) or [""]
    for number, line in enumerate(lines):
        column.label(text=line, icon=icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE"))
    return LINE * len(lines)


def fits(words: str, context: bpy.types.Context, beside: float) -> bool:
    """Whether a label shows these words whole, where so much of the panel's width is not its own."""
    import blf

    scale = _scale(context)
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    return bool(blf.dimensions(0, words)[0] <= (_width(context) - beside) * scale)


def _width(context: bpy.types.Context) -> float:
    """Of the panel, where the interface has its usual size."""
    return (context.region.width if context.region else 300) / _scale(context)


def _scale(context: bpy.types.Context) -> float:
    return context.preferences.system.ui_scale or 1.0  # 0 without a window


def failure(layout: Any, context: bpy.types.Context, message: str, hint: str) -> float:
    """What went wrong, and what to do; returns how tall it is, in rows."""
    box = layout.box()
    rows = text(box, message, context=context, icon="ERROR", alert=True)
    return rows + (text(box, hint, context=context, icon="INFO") if hint else 0.0) + 0.5


def progress(layout: Any) -> None:
    """How far the running job's step is."""
    layout.progress(factor=bridge.live.fraction, text=f"{place()}  {bridge.live.fraction:.0%}")


def turn(layout: Any, own: Callable[[Run], bool]) -> bool:
    """How far the job of a part is, or that it waits, for the top of the panel, where all jobs say so, may be out of
    sight; False where there is none."""
    if bridge.current and own(bridge.current):
        progress(layout)
    elif any(map(own, bridge.engine.waiting)):
        hint = layout.row()
        hint.active = False
        hint.label(text="Waits for its turn", icon="TIME")
    else:
        return False
    return True


def newest(own: Callable[[Run], bool]) -> Run | None:
    """The last job that was asked for, where a part asked for it; what was undone tells nothing."""
    run = next(filter(own, bridge.runs[:1]), None)
    return None if run and run.scene and run.state == "done" and not objects.found(run.id) else run


def warnings(layout: Any, context: bpy.types.Context, run: Run | None) -> None:
    for warning in run.warnings if run else ():
        text(layout, warning, context=context, icon="INFO")


def place() -> str:
    """Which step of how many runs."""
    live = bridge.live
    return f"{live.index + 1} of {live.total}: {runs.label(live.step)}"


def params(layout: Any, settings: Any, step: str, *, skip: tuple[str, ...] = ()) -> None:
    """The settings of a step, as the catalogue lists them, their names before them."""
    column = _split(layout)
    for param in catalog()[step].params:
        if param.name not in skip:
            column.prop(getattr(settings.steps, step), param.name)


def field(layout: Any, settings: Any, name: str) -> None:
    """One of the settings of all steps, as those of a step are drawn."""
    _split(layout).prop(settings, name)


def _split(layout: Any) -> Any:
    column = layout.column(align=True)
    column.use_property_split = True
    column.use_property_decorate = False
    return column


def duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def day(when: float) -> str:
    """The day of a moment, for people; empty for today."""
    passed = (time.mktime(time.localtime()[:3] + (0,) * 5 + (-1,)) - when) / 86400
    return "" if passed <= 0 else "Yesterday" if passed <= 1 else time.strftime("%d %b", time.localtime(when))


def clock(when: float) -> str:
    return time.strftime("%H:%M", time.localtime(when))
