# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc,attr-defined"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""What can be done with a job of the list."""

from math import radians
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty
from mathutils import Euler

from ...backend.protocol.errors import UserError
from .. import bridge as bridges
from ..bridge import bridge
from ..runs import Run, copy, fixes
from ..scene.lib.physics.thing import ITEM
from .base import OBJECT_MODE, Conditional, Ordering, Trying, browse, open_outside


class OnJob(Conditional):
    """On the job of this id, else on the one chosen in the list."""

    bl_options = {"REGISTER"}
    run: StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        run = bridge.chosen(context)
        return cls.refuse(run) if run else "Choose a job in the list first"

    @classmethod
    def refuse(cls, run: Run) -> str:
        return ""

    def which(self, context: bpy.types.Context) -> Run:
        run = bridge.find(self.run) if self.run else bridge.chosen(context)
        if run is None:
            raise UserError("There is no such job. Choose one in the list.")
        return run


def slipped(operator: bpy.types.Operator, run: Run) -> set[str]:
    """What a click ends with that was meant for *Cancel* or *Pause*; empty for all others."""
    if not bridge.engine.left(run):
        return set()
    operator.report({"INFO"}, "It has just ended. Click again to let it run")
    return {"CANCELLED"}


class GALATEA_OT_show(OnJob, Trying, bpy.types.Operator):
    """Select what this job made and look at its front; brings it in where this file does not have it"""

    bl_idname = "galatea.show"
    bl_label = "Show in Scene"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def refuse(cls, run: Run) -> str:
        if not run.scene:
            if run.gallery:
                return "Pictures: use one in the Gallery"
            return "A film is no object: open it instead" if run.filmed else "It made files: save them instead"
        if run.state != "done":
            return "This job has no result"
        return "" if bpy.context.mode == "OBJECT" else OBJECT_MODE

    def done(self, context: bpy.types.Context) -> None:
        bridges.show(context, self.which(context))
        if context.area and context.area.type == "VIEW_3D":
            region = next(region for region in context.area.regions if region.type == "WINDOW")
            _face(context.space_data.region_3d, context.view_layer.objects.active)
            with context.temp_override(region=region):
                bpy.ops.view3d.view_selected()


def _face(view: Any, obj: Any) -> None:
    """Turn the view to the front of the object, a little from the side and from above."""
    view.view_perspective = "PERSP" if view.view_perspective == "CAMERA" else view.view_perspective
    heading = obj.matrix_world.to_euler().z if obj and ITEM not in obj else 0.0  # a scene's as it was built
    view.view_rotation = Euler((radians(75.0), 0.0, heading + radians(20.0))).to_quaternion()


class GALATEA_OT_again(OnJob, Ordering, bpy.types.Operator):
    """Run the same order again. Steps that are done are not done twice, but for those that you want again"""

    bl_idname = "galatea.again"
    bl_label = "Run Again"
    bl_options = set[str]()  # not REGISTER: Repeat Last would run it while the window waits
    step: StringProperty(name="From", description="This step and all after it are done again", options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "This job has not ended" if bridge.active(run) else ""

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        after = "Do this step of the same order again, and all that come after it. Those before are kept"
        return after if properties.step else ""  # that of the class

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return slipped(self, self.which(context)) or super().invoke(context, event)

    def order(self, context: bpy.types.Context) -> Run:
        return bridge.again(self.which(context), self.step)


class GALATEA_OT_fix(OnJob, Ordering, bpy.types.Operator):
    """Run the job again with the setting that mends this. Only what depends on it is done again"""

    bl_idname = "galatea.fix"
    bl_label = "Mend"
    bl_options = {"INTERNAL"}
    fix: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "This job has not ended" if bridge.active(run) else ""

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        return f"Run the job again with {', '.join(fixes(properties.fix))}. Only what depends on it is done again"

    def order(self, context: bpy.types.Context) -> Run:
        return bridge.fixed(self.which(context), self.fix)


class GALATEA_OT_copy_command(OnJob, bpy.types.Operator):
    """Copy the command line that does the same without a window"""

    bl_idname = "galatea.copy_command"
    bl_label = "Copy as Command"

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = self.which(context)
        context.window_manager.clipboard = run.command(bridge.folder / "out" / run.id, program())
        self.report({"INFO"}, "The command is in the clipboard")
        return {"FINISHED"}


class GALATEA_OT_save_job_file(OnJob, Trying, bpy.types.Operator):
    """Save what this job was asked for as a file that the command line, a server and a farm take"""

    bl_idname = "galatea.save_job_file"
    bl_label = "Save Job File"
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        run = self.which(context)
        self.run, self.filepath = run.id, f"{bpy.path.clean_name(run.title)}.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def done(self, context: bpy.types.Context) -> None:
        run, path = self.which(context), Path(bpy.path.ensure_ext(self.filepath, ".json"))
        run.order(bridge.folder / "out" / run.id).save(path)
        self.report({"INFO"}, f"Saved {path.name}: galatea run {path.name}")


class GALATEA_OT_open_film(OnJob, bpy.types.Operator):
    """Open the film of the job chosen in the list, or else the newest, in the system's player"""

    bl_idname = "galatea.open_film"
    bl_label = "Open the Film"

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if bridge.film(context) else "No film is finished yet"

    def which(self, context: bpy.types.Context) -> Run:
        return (None if self.run else bridge.film(context)) or super().which(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        files = self.which(context).files(bridge.store)
        path = next((files[role] for role in ("video", "film", "movie") if role in files), None)
        if path is None:
            self.report({"ERROR"}, "The film is gone. Run it again")
            return {"CANCELLED"}
        open_outside(self, path)
        return {"FINISHED"}


class GALATEA_OT_open_folder(OnJob, bpy.types.Operator):
    """Open the folder that this job's files were saved in, or else that of its last step"""

    bl_idname = "galatea.open_folder"
    bl_label = "Open the Folder"

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "" if run.stages else "This job has made no files yet"

    def execute(self, context: bpy.types.Context) -> set[str]:
        run = self.which(context)
        saved = run.saved and Path(run.saved).is_dir()
        open_outside(self, Path(run.saved) if saved else bridge.store.folder(run.stages[-1]["job"]))
        return {"FINISHED"}


class GALATEA_OT_save_files(OnJob, Trying, bpy.types.Operator):
    """Save the files that this job made in a folder of yours"""

    bl_idname = "galatea.save_files"
    bl_label = "Save the Files"
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "" if run.state == "done" else "This job has no result"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.run = self.which(context).id
        return browse(self, context)

    def done(self, context: bpy.types.Context) -> None:
        folder = Path(self.directory)
        files = self.which(context).files(bridge.store)
        if not folder.is_dir():
            raise UserError("Choose a folder that exists.")
        if not files:
            raise UserError("The files of this job are gone. Run it again.")
        self.report({"INFO"}, f"Saved {len(files)} files in {copy(files, folder)}")


class GALATEA_OT_forget(OnJob, bpy.types.Operator):
    """Take this job off the list. Objects in the scene stay"""

    bl_idname = "galatea.forget"
    bl_label = "Remove from the List"

    @classmethod
    def refuse(cls, run: Run) -> str:
        return "Cancel the job first" if bridge.active(run) else ""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        run = self.which(context)
        self.run = run.id  # the one that is named, whatever is chosen meanwhile
        told = f"Remove “{run.title}”? Undo does not bring it back."
        return context.window_manager.invoke_confirm(self, event, title=self.bl_label, message=told)

    def execute(self, context: bpy.types.Context) -> set[str]:
        bridge.remove(self.which(context))
        return {"FINISHED"}


def program() -> tuple[str, ...]:
    """What starts the command line on this machine: the program of that name, else this Blender."""
    import shutil

    if shutil.which("galatea") or not bpy.app.binary_path:
        return ("galatea",)
    return (bpy.app.binary_path, "--background", "--command", "galatea")


CLASSES = (
    GALATEA_OT_show,
    GALATEA_OT_again,
    GALATEA_OT_fix,
    GALATEA_OT_copy_command,
    GALATEA_OT_save_job_file,
    GALATEA_OT_open_film,
    GALATEA_OT_open_folder,
    GALATEA_OT_save_files,
    GALATEA_OT_forget,
)
