# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report holds against a mesh: a row for each figure that falls short, with the button that mends it."""

from __future__ import annotations

from typing import Any

import bpy

from ...backend.protocol import gate
from ..bridge import bridge
from ..runs import Run, fixes
from . import draw


def rows(layout: Any, context: bpy.types.Context, run: Run) -> None:
    """Of a job whose mesh was measured, or held against a gate."""
    short = run.short
    if short is None:
        measured: dict[str, Any] = next((stage for stage in reversed(run.stages) if stage["step"] == "report"), {})
        if "watertight" in measured:
            closed = "watertight" if measured["watertight"] else "not watertight"
            words = f"{measured['faces']:,} faces, {closed}. More in mesh_report.json of its folder, or choose a gate"
            draw.text(layout, words, context=context, icon="INFO")
        return
    name = next(stage["gate"] for stage in reversed(run.stages) if stage.get("gate"))
    if not short:
        draw.text(layout, f"It passes the gate {name}", context=context, icon="CHECKMARK")
        return
    box = layout.box().column(align=True)
    draw.text(box, f"It falls short of the gate {name}:", context=context, icon="ERROR", alert=True)
    for row in short:
        told = gate.short([row]).removeprefix(f"{row['name']} ")
        draw.text(box, f"{row['label']}: {told}", context=context, icon="DOT")
        _mend(box, run, row["fix"])
        if not run.takes(row["fix"]):
            draw.text(box, _told(row["fix"]), context=context, icon="BLANK1")
    able = list(dict.fromkeys(row["fix"] for row in short if run.takes(row["fix"])))
    if len(able) > 1:
        _mend(box, run, " ".join(able), text="Mend All")


def _told(fix: str) -> str:
    """For people: flags are for another job's steps here, else there would be a button."""
    wanted = ", ".join(fixes(fix))
    return f"The job that made the mesh mends it, with {wanted}." if wanted else fix


def _mend(layout: Any, run: Run, fix: str, *, text: str = "") -> None:
    if run.takes(fix) and not bridge.active(run):
        button = layout.operator("galatea.fix", text=text or ", ".join(fixes(fix)), icon="TOOL_SETTINGS")
        button.run, button.fix = run.id, fix
