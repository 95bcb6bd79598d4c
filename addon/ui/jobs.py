# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""The list of jobs and what can be done with the chosen one."""

from __future__ import annotations

from typing import Any

import bpy

from .. import objects, previews, runs
from ..bridge import bridge
from ..runs import Run
from . import draw, panel, report, trouble

ICONS = {
    "queued": "TIME",
    "paused": "PAUSE",
    "running": "PLAY",
    "done": "CHECKMARK",
    "failed": "ERROR",
    "cancelled": "X",
    "interrupted": "QUESTION",
}

PRIORITY = {1: "TRIA_UP_BAR", 0: "NONE", -1: "TRIA_DOWN_BAR"}

ROOM, PICTURE = 7.5, 3.0
"""In rows: what is told of a job together with its picture, so that panels below stay where they are whatever becomes
of it; and the least of the picture."""

GUESS = 0.55
"""Below this the back side is called a guess: most such backs of validation views were wrong (docs/model.md)."""


class GALATEA_UL_jobs(bpy.types.UIList):
    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: int, active: Any, name: str, index: int
    ) -> None:
        run = bridge.find(item.name)
        if run is None:
            return
        picture = previews.icon(run.id)
        row = layout.row(align=True)
        if picture:
            row.label(text=run.title, icon_value=picture)
        else:
            row.label(text=run.title, icon="IMAGE_DATA")
        side = row.row(align=True)
        side.alignment = "RIGHT"
        if run is bridge.current:
            side.label(text=f"{bridge.live.whole:.0%}")
        place = bridge.place(run)
        if place:
            side.label(text=f"{place}.", icon=PRIORITY[run.priority])
        side.label(text=draw.day(run.created) or draw.clock(run.created))
        side.label(text="", icon=ICONS["running" if run is bridge.current else run.state])

    def filter_items(self, context: Any, data: Any, name: str) -> tuple[list[int], list[int]]:
        """By their titles: the rows hold ids. The chosen one stays in sight: the buttons below are for it."""
        found = [bridge.find(row.name) for row in getattr(data, name)]
        word = self.filter_name
        match = bpy.types.UI_UL_list.filter_items_by_name
        flags = match(word, self.bitflag_filter_item, found, "title") if word else []
        if flags and 0 <= data.active < len(flags):
            flags[data.active] = 0 if self.use_filter_invert else self.bitflag_filter_item
        return flags, []


class GALATEA_MT_again(bpy.types.Menu):
    bl_label = "Again from Here"

    def draw(self, context: bpy.types.Context) -> None:
        run = bridge.chosen(context)
        for step in dict.fromkeys(step["do"] for step in run.steps) if run else ():
            self.layout.operator("galatea.again", text=runs.label(step)).step = step


class GALATEA_PT_jobs(draw.Sub, bpy.types.Panel):
    bl_label = "Jobs"
    bl_options = set[str]()

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        state = context.window_manager.galatea
        if not bridge.runs:
            draw.text(layout, "No jobs yet. What you start is listed here, and kept.", context=context, icon="INFO")
            return
        layout.template_list("GALATEA_UL_jobs", "", state, "jobs", state, "active", rows=3, maxrows=3)
        run = bridge.chosen(context)
        if run:
            _details(layout, context, run)


def _details(layout: Any, context: bpy.types.Context, run: Run) -> None:
    """The buttons first, at the same height for every job and state: what is said below them may be long or short."""
    grid = layout.column(align=True)
    first = grid.row(align=True)
    if bridge.active(run):
        first.operator("galatea.pause", icon="PAUSE")
        first.operator("galatea.cancel", icon="CANCEL").run = run.id
    else:
        _onward(first, run)
        first.operator("galatea.again", icon="FILE_REFRESH")
        first.menu("GALATEA_MT_again", text="", icon="DOWNARROW_HLT")
    second = grid.row(align=True)
    second.operator("galatea.copy_command", icon="COPYDOWN")
    second.operator("galatea.save_job_file", text="", icon="FILE_TEXT")
    second.operator("galatea.save_files", text="", icon="EXPORT")
    second.operator("galatea.open_folder", text="", icon="FILE_FOLDER")
    second.operator("galatea.forget", text="", icon="TRASH")
    _queue(grid, run)
    if run.state == "paused" and sum(each.state == "paused" for each in bridge.runs) > 1:
        grid.operator("galatea.resume", text="Resume All", icon="PLAY").everything = True
    room = ROOM - _state(layout, context, run)
    layout.template_icon(icon_value=previews.icon(run.id), scale=min(max(room, PICTURE), ROOM))


def _onward(row: Any, run: Run) -> None:
    """The next thing to do with a job that does not run: the same row for all, so that nothing below moves."""
    if run.state in ("paused", "interrupted", "failed", "cancelled"):
        row.operator("galatea.resume", text="Resume" if run.state == "paused" else "Go On", icon="PLAY")
    elif run.scene:
        row.operator("galatea.show", icon="HIDE_OFF")
    elif run.filmed:
        if run.state == "done":  # else it would open another job's
            row.operator("galatea.open_film", icon="PLAY")
    elif run.saved:
        row.operator("galatea.open_folder", text="Open Folder", icon="FILE_FOLDER")
    elif not run.gallery:
        row.operator("galatea.save_files", icon="EXPORT")


def _queue(layout: Any, run: Run) -> None:
    """What can be done with a job that waits."""
    if not bridge.active(run) or not bridge.place(run):
        return
    row = layout.row(align=True)
    for way, icon in ((-1, "TRIA_UP"), (1, "TRIA_DOWN")):
        row.operator("galatea.reorder", text="", icon=icon).way = way
    for priority, icon in PRIORITY.items():
        button = row.operator(
            "galatea.prefer", text="", icon=icon if priority else "REMOVE", depress=run.priority == priority
        )
        button.priority = priority


def _state(layout: Any, context: bpy.types.Context, run: Run) -> float:
    """How it is with the job; returns how tall that is, in rows."""
    tall = 0.0
    if not run.failure:
        tall += draw.text(layout, *_said(run), context=context)
    elif not panel.at_top() or trouble.job() is not run:
        tall += draw.failure(layout, context, run.failure["message"], run.failure.get("hint", ""))
    if run.saved:
        tall += draw.text(layout, f"Saved in {run.saved}", context=context, icon="FILE_FOLDER")
    _back(layout, run)
    tall += _colours(layout, context, run)
    report.rows(layout, context, run)
    return tall + sum(draw.text(layout, warning, context=context, icon="INFO") for warning in run.warnings)


def _said(run: Run) -> tuple[str, str]:
    """Its state in words, and their icon."""
    asked = f"{draw.day(run.created).replace('Y', 'y') or 'today'} at {draw.clock(run.created)}"
    if run.state in ("paused", "cancelled"):
        return f"{run.state.capitalize()}. Asked {asked}. Finished steps and frames are kept.", "INFO"
    if run.state == "interrupted":
        return "Blender ended while it ran. Go on: finished steps and frames are kept.", "INFO"
    if bridge.active(run):
        where = "goes to the Gallery" if run.gallery else "comes into the scene" if run.scene else "is kept with it"
        return f"Asked {asked}. You can work on meanwhile; what it makes {where}.", "SORTTIME"
    if run.state in runs.ACTIVE:
        where = f"It is, or was, run by another program on {run.owner[0]}."
        return f"{where} Run it again here, or take it off the list.", "INFO"
    if bridge.held(run):
        return "Ready. It comes into the scene when you are back in Object Mode.", "INFO"
    seconds = run.took or sum(stage["seconds"] for stage in run.stages if not stage["cached"])  # of an old record
    cached = sum(1 for stage in run.stages if stage["cached"])
    kept = f", {cached} of {len(run.stages)} steps were there already" if cached else ""
    return f"Done in {draw.duration(seconds)}{kept}. Asked {asked}", "CHECKMARK"


def _back(layout: Any, run: Run) -> None:
    """How sure the model was of the back side; the button shows it place by place, and its tooltip says what helps."""
    sure = run.back_confidence
    if run.state == "done" and sure is not None:
        guess = sure < GUESS
        words = f"Back side: a guess ({sure:.0%})" if guess else f"Back side: likely ({sure:.0%})"
        layout.operator("galatea.confidence", text=words, icon="QUESTION" if guess else "CHECKMARK").run = run.id
    else:
        layout.label(text="")  # its room


def _colours(layout: Any, context: bpy.types.Context, run: Run) -> float:
    """Below the button that changes the viewport's look, or it would move under the mouse; returns how tall it is."""
    look = getattr(context.space_data, "shading", None)
    plain = look and look.type == "SOLID" and look.color_type != "TEXTURE"
    if not plain or run.state != "done" or not objects.found(run.id):
        return 0.0
    return draw.text(layout, "Z, then Material Preview, shows its colours.", context=context, icon="SHADING_TEXTURE")


CLASSES = (GALATEA_UL_jobs, GALATEA_MT_again, GALATEA_PT_jobs)
