# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""The main button: start a run, or stop it."""

from collections.abc import Callable

import bpy
from bpy.props import StringProperty

from ...backend.protocol.errors import UserError
from .. import plan, props, wanted
from ..bridge import bridge
from ..runs import Run


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
        operator.report({"ERROR"}, bridge.complain(error))
        return {"CANCELLED"}
    failed = [run for run in orders if run.ended == "failed"]
    for run in failed:
        whole = len(failed) == len(orders)
        operator.report({"ERROR" if whole else "WARNING"}, f"{run.failure['message']}")
    return {"CANCELLED"} if len(failed) == len(orders) else {"FINISHED"}


class Ordering:
    """An operator that starts the run which `order` makes: at once in the window, to its end in a script."""

    def order(self, context: bpy.types.Context) -> Run | list[Run]:
        raise TypeError(f"{type(self).__name__} has no order")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=False)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=True)


class Browsing(Ordering):
    """The same after the file browser, which calls `execute` in the window too."""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return begin(self, context, lambda: self.order(context), wait=bpy.app.background)


class GALATEA_OT_generate(Ordering, bpy.types.Operator):
    """Make a textured mesh of the photo or the words, in the background. Started again, it waits in the queue"""

    bl_idname = "galatea.generate"
    bl_label = "Generate"
    bl_options = set[str]()  # not REGISTER: Repeat Last would run it while the window waits

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        settings = props.settings(context)
        recipe = wanted.recipe(settings)
        reason = wanted.lacking(settings, recipe) or wanted.blocked(settings, recipe)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def order(self, context: bpy.types.Context) -> Run:
        return plan.generate(context)


class GALATEA_OT_cancel(bpy.types.Operator):
    """Stop the job that runs, or the one that is meant. What its finished steps made is kept"""

    bl_idname = "galatea.cancel"
    bl_label = "Cancel"
    bl_options = {"REGISTER"}

    run: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if bridge.current or bridge.waiting:
            return True
        cls.poll_message_set("No job is running")
        return False

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = bridge.find(self.run) if self.run else bridge.current
        if run:
            bridge.cancel(run)
        return {"FINISHED"}


CLASSES = (GALATEA_OT_generate, GALATEA_OT_cancel)
