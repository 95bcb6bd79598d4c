# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc,attr-defined"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""The queue: pause, go on, earlier or later."""

import bpy
from bpy.props import BoolProperty, IntProperty

from ..bridge import bridge
from ..runs import Run
from .jobs import OnJob, slipped


class GALATEA_OT_pause(OnJob, bpy.types.Operator):
    """Let this job rest where it stands: a film after its frame. It can go on later, in another session too"""

    bl_idname = "galatea.pause"
    bl_label = "Pause"

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "" if bridge.active(run) else "This job does not run"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bridge.pause(self.which(context))
        return {"FINISHED"}


class GALATEA_OT_resume(OnJob, bpy.types.Operator):
    """Go on where this job stopped. Steps and frames that are done are not done again"""

    bl_idname = "galatea.resume"
    bl_label = "Resume"
    everything: BoolProperty(name="All", description="All that is paused", options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        if bridge.active(run):
            return "This job runs, or waits for its turn"
        return "This job is done" if run.state in ("done", "running") else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return slipped(self, self.which(context)) or self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        paused = [run for run in bridge.runs if run.state == "paused"]
        for run in paused if self.everything else [self.which(context)]:
            bridge.resume(run, context)
        return {"FINISHED"}


class GALATEA_OT_reorder(OnJob, bpy.types.Operator):
    """Let this job run earlier or later than others that wait"""

    bl_idname = "galatea.reorder"
    bl_label = "Move in the Queue"
    bl_options = {"INTERNAL"}
    way: IntProperty(default=-1, min=-1, max=1, options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "" if bridge.place(run) else "This job does not wait"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bridge.move(self.which(context), self.way)
        return {"FINISHED"}


class GALATEA_OT_prefer(OnJob, bpy.types.Operator):
    """Let this job run before all others that wait, or after them"""

    bl_idname = "galatea.prefer"
    bl_label = "Priority"
    bl_options = {"INTERNAL"}
    priority: IntProperty(default=1, min=-1, max=1, options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "" if bridge.place(run) else "This job does not wait"

    def execute(self, context: bpy.types.Context) -> set[str]:
        bridge.prefer(self.which(context), self.priority)
        return {"FINISHED"}


CLASSES = (GALATEA_OT_pause, GALATEA_OT_resume, GALATEA_OT_reorder, GALATEA_OT_prefer)
