# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Sub-panels: the models to compare, and the gallery of what was painted or compared."""

from __future__ import annotations

from typing import Any

import bpy

from .. import gallery, objects, previews, props, wanted
from ..bridge import bridge
from ..gallery import Item
from ..runs import Run
from . import draw

CELL = 90
"""px at scale 1, the least width of a candidate."""
UNIT = 20.0
"""px at scale 1 of one step of an icon's scale."""
MARGIN = 46
"""px at scale 1 that panels and boxes take of the region's width."""


class GALATEA_PT_compare(draw.Sub, bpy.types.Panel):
    bl_label = "Compare"
    steps = ("views",)

    def draw(self, context: bpy.types.Context) -> None:
        settings = props.settings(context)
        column = self.layout.column(align=True)
        reasons: dict[str, list[str]] = {}
        for spec in props.backends():
            reason = wanted.blocked_step(settings, spec.id)
            row = column.row()
            row.enabled = not reason
            row.prop(settings.compare, spec.id)
            if reason:
                reasons.setdefault(reason, []).append(spec.label)
        hint = self.layout.column()
        hint.active = False
        for reason, names in reasons.items():
            each = "each " if len(names) > 1 else ""
            draw.text(hint, f"{', '.join(names)}: {each}{reason}.", context=context, icon="INFO")
        if any(wanted.PLACE in reason for reason in reasons):
            words = "Model shows the one that is chosen as Backend."
            draw.text(hint, words, context=context, icon="BLANK1")
        column = self.layout.column(align=True)
        row = column.row()
        row.scale_y = 1.3
        row.operator("galatea.compare", icon="CAMERA_STEREO")
        if not draw.turn(column, lambda run: bool(run.gallery) and run.scene):
            hint = column.row()
            hint.active = False
            hint.label(text="Results go to the Gallery", icon="INFO")
        for step in self.steps:
            self.layout.label(text=wanted.short(step))
            draw.params(self.layout, settings, step)


class GALATEA_PT_gallery(draw.Sub, bpy.types.Panel):
    bl_label = "Gallery"
    bl_options = set[str]()

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return bool(bridge.on_show(context))

    def draw(self, context: bpy.types.Context) -> None:
        layout, members = self.layout, bridge.on_show(context)
        layout.label(text=members[0].title.rpartition(": ")[0], icon="IMAGE_REFERENCE")
        items = [item for run in members for item in bridge.shown.get(run.id, ())]
        best = gallery.best(items)
        for run in members:
            mine = bridge.shown.get(run.id, ())
            if not mine:
                _unfinished(layout, context, run)
        painted = [item for item in items if item.number is not None]
        if painted:
            _candidates(layout, context, painted)
        for item in items:
            if item.number is None:
                _result(layout, context, item, star=item is best)
        if best:
            hint = layout.column()
            hint.active = False
            words = "The star goes by the side that the photo shows: look at the others yourself."
            draw.text(hint, words, context=context, icon="INFO")


def _width(context: bpy.types.Context) -> float:
    """px at scale 1 that a panel can draw on."""
    region = context.region.width if context.region else 300
    return max(float(region / context.preferences.system.ui_scale) - MARGIN, float(CELL))


def _candidates(layout: Any, context: bpy.types.Context, items: list[Item]) -> None:
    settings = props.settings(context)
    whole = wanted.recipe(settings)
    if not wanted.painter(whole):
        whole = wanted.fitted(wanted.preset(items[0].run.preset), settings.backend)
    rest = wanted.second_part(whole)
    reason = wanted.blocked(settings, rest)
    columns = min(len(items), max(1, int(_width(context) // CELL)))
    grid = layout.grid_flow(row_major=True, columns=columns, even_columns=True, even_rows=True, align=False)
    for item in items:
        cell = grid.column(align=True)
        _picture(cell, item, (_width(context) - 8 * columns) / columns)
        row = cell.row(align=True)
        side = row.row(align=True)
        side.enabled = not reason
        side.operator("galatea.use", text=item.title, icon="CHECKMARK").item = item.key
        row.operator("galatea.look", text="", icon="VIEWZOOM").item = item.key
    hint = layout.column()
    hint.active = False
    words = (
        f"{reason}."
        if reason
        else f"Click a seed: {wanted.short(settings.backend)} makes the mesh, nothing is painted again."
    )
    draw.text(hint, words, context=context, icon="INFO")


def _result(layout: Any, context: bpy.types.Context, item: Item, *, star: bool) -> None:
    box = layout.box().column(align=True)
    box.label(text=item.title, icon="SOLO_ON" if star else "MESH_DATA")
    _picture(box, item, _width(context))
    for line in item.words:
        draw.text(box, line, context=context)
    row = box.row(align=True)
    kept = objects.found(item.run.id)
    row.operator("galatea.use", text="Select" if kept else "Keep", icon="CHECKMARK").item = item.key
    row.operator("galatea.look", text="", icon="VIEWZOOM").item = item.key


def _picture(layout: Any, item: Item, width: float) -> None:
    icon = previews.icon(item.key)
    if icon:
        layout.template_icon(icon_value=icon, scale=max(3.0, width / UNIT))
    else:
        layout.label(text="", icon="IMAGE_DATA")


def _unfinished(layout: Any, context: bpy.types.Context, run: Run) -> None:
    """Why a run has nothing to show, or how far it is."""
    name = gallery.what(run)
    if run is bridge.current:
        live = bridge.live
        layout.progress(factor=live.whole, text=f"{name}  {live.phase}  {live.whole:.0%}")
    elif bridge.active(run):
        layout.label(text=f"{name}: waiting", icon="SORTTIME")
    elif run.failure:
        words = f"{name}: {run.failure['message']} {run.failure.get('hint', '')}".strip()
        draw.text(layout, words, context=context, icon="ERROR", alert=True)
    elif run.state == "done":
        draw.text(layout, f"{name}: the files are gone. Make it again.", context=context, icon="INFO")
    else:
        again = "Resume it" if run.state == "paused" else "Run it again"
        draw.text(layout, f"{name}: {run.state}. {again} in the list of jobs.", context=context, icon="INFO")


CLASSES = (GALATEA_PT_compare, GALATEA_PT_gallery)
