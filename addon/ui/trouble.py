# SPDX-License-Identifier: GPL-3.0-or-later
"""Under which button stands why something failed, or was refused: that of the part in which it was asked for."""

from __future__ import annotations

from typing import Any

import bpy

from ..bridge import bridge
from ..runs import Run
from . import draw

HERE = {"scene", "spec", "film"}
"""What jobs of parts work on; those of the main button begin with a photo or with words."""


def job() -> Run | None:
    """The one whose failure is told; None where something could not even be started."""
    told = bridge.notice.message if bridge.notice else None
    return next((run for run in bridge.runs if run.failure and run.failure["message"] == told), None)


def steps() -> tuple[str, ...]:
    """Those that were asked for in a part of the panel; empty where it was the main button."""
    run = job()
    if bridge.refused or run is None:
        return bridge.refused if bridge.notice else ()
    mine = "image" not in run.inputs and (run.reads or HERE & set(run.inputs))
    return tuple(row["do"] for row in run.steps) if mine else ()


def of_words() -> bool:
    """It was asked for where a scene in words is made."""
    told, run = steps(), job()
    return bool(told) and (told[0] == "build" or bool(run and run.reads and not bridge.refused))


def of(part: tuple[str, ...]) -> bool:
    """It was asked for in the part that has these steps."""
    return not of_words() and bool(set(steps()[-1:]) & set(part))


def show(layout: Any, context: bpy.types.Context, there: bool) -> None:
    """The reason and what to do, `there` where this is the part."""
    if there and bridge.notice:
        draw.failure(layout, context, bridge.notice.message, bridge.notice.hint)
