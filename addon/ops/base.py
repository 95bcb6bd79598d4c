# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="attr-defined"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""What operators have in common: when they are grey, how they say what went wrong, how they start a run."""

import os
from collections.abc import Callable
from pathlib import Path

import bpy

from ...backend.protocol.errors import UserError
from ..bridge import bridge
from ..runs import Run

OBJECT_MODE = "Go to Object Mode first"
ONLINE = "Allow Online Access in Preferences > System first"


class Conditional:
    """Grey for the reason that `against` gives; Blender shows it."""

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        """Empty where nothing is against it."""
        return ""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.against(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason


def _part(operator: bpy.types.Operator) -> tuple[str, ...]:
    """The steps of an operator of a part of the panel, under whose button it stands why there is no job."""
    return getattr(operator, "steps", ())


class Trying:
    """What the user can mend when it is `done` is shown in the panel with its fix."""

    def done(self, context: bpy.types.Context) -> None:
        raise TypeError(f"{type(self).__name__} does nothing")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.done(context)
        except (UserError, OSError) as error:
            self.report({"ERROR"}, bridge.complain(error, _part(self)))
            return {"CANCELLED"}
        return {"FINISHED"}


def begin(
    operator: bpy.types.Operator, context: bpy.types.Context, make: Callable[[], Run | list[Run]], *, wait: bool
) -> set[str]:
    """Make a run or several and start them; what the user can mend is shown in the panel with its fix."""
    try:
        made = make()
        orders = made if isinstance(made, list) else [made]
        for run in orders:
            if wait:
                bridge.finish(run, context)
            else:
                bridge.start(run, context)
    except (UserError, OSError) as error:
        operator.report({"ERROR"}, bridge.complain(error, _part(operator)))
        return {"CANCELLED"}
    failed = [run for run in orders if run.ended == "failed"]
    for run in failed:
        whole = len(failed) == len(orders)
        operator.report({"ERROR" if whole else "WARNING"}, f"{run.failure['message']}")
    return {"CANCELLED"} if len(failed) == len(orders) else {"FINISHED"}


class Ordering:
    """An operator that starts the run which `order` makes: at once in the window, to its end in a script."""

    bl_options = set[str]()  # not REGISTER: Repeat Last would run it while the window waits

    def order(self, context: bpy.types.Context) -> Run | list[Run]:
        raise TypeError(f"{type(self).__name__} has no order")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=True)


def browse(operator: bpy.types.Operator, context: bpy.types.Context) -> set[str]:
    """The file browser, beside the open file; told nothing, Blender would propose that file's own name."""
    beside = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
    for name in ("filepath", "directory"):
        if hasattr(operator, name):
            setattr(operator, name, getattr(operator, name) or f"{beside}{os.sep}")
    context.window_manager.fileselect_add(operator)
    return {"RUNNING_MODAL"}


class Browsing(Ordering):
    """The same after the file browser, which calls `execute` in the window too."""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return browse(self, context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=bpy.app.background)


def open_outside(operator: bpy.types.Operator, path: Path) -> None:
    """In what the system opens such files with. Where there is nothing, Blender is silent: so the place is told."""
    operator.report({"INFO"}, f"Opening {path}")
    bpy.ops.wm.path_open(filepath=str(path))
