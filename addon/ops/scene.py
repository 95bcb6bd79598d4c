# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,attr-defined,valid-type"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""A scene in words: read it, look at it and change it, build it, let physics move it, film it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...backend.protocol import scene
from .. import cast, plan, props, wanted
from ..runs import Run
from .base import Conditional, Ordering, Trying

PART = ("build",)
"""Under whose buttons it stands why words or a document were refused."""


class GALATEA_OT_scene_read(Conditional, Ordering, bpy.types.Operator):
    """Make a list of objects, materials and forces of the words; nothing is built before you say so"""

    bl_idname = "galatea.scene_read"
    bl_label = "Read"
    steps = PART

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        settings = props.settings(context)
        if not settings.prompt.strip():
            return "Say in the prompt what is there and what happens"
        blocked = wanted.blocked_step(settings, settings.parser)
        return f"{wanted.short(settings.parser)} {blocked}" if blocked else ""

    def order(self, context: bpy.types.Context) -> Run:
        return cast.reading(context)


class _OnScene(Conditional, Ordering):
    """Steps on the document that the panel holds."""

    steps: tuple[str, ...] = ()
    scene = True

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if props.settings(context).cast.objects else "There is no scene yet. Write a prompt and read it"

    def order(self, context: bpy.types.Context) -> Run:
        return cast.run_of(context, list(self.steps), verb=self.bl_label, shown=self.scene)


class GALATEA_OT_scene_build(_OnScene, bpy.types.Operator):
    """Make and place the objects of the list, with their materials; nothing moves yet"""

    bl_idname = "galatea.scene_build"
    bl_label = "Build"
    steps = ("build",)


class GALATEA_OT_scene_bake(_OnScene, bpy.types.Operator):
    """Build the scene and let physics move it: what comes into the file is plain keys, which play from any frame"""

    bl_idname = "galatea.scene_bake"
    bl_label = "Bake"
    steps = ("build", "simulate")


class GALATEA_OT_scene_film(_OnScene, bpy.types.Operator):
    """Build, bake, light and film the scene in the background"""

    bl_idname = "galatea.scene_film"
    bl_label = "Film"
    steps = ("build", "simulate", *plan.FILM)
    scene = False


class GALATEA_OT_scene_edit(bpy.types.Operator):
    """Add an object to the list, or take the chosen one away"""

    bl_idname = "galatea.scene_edit"
    bl_label = "Edit the List"
    bl_options = {"UNDO", "INTERNAL"}
    verb: StringProperty(default="add", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        group = props.settings(context).cast
        rows = group.objects
        if self.verb == "add":
            cast.load(rows.add(), scene.Item(name="ball"))
            group.active = len(rows) - 1
        elif 0 <= group.active < len(rows):
            rows.remove(group.active)
            group.active = max(0, min(group.active, len(rows) - 1))
        return {"FINISHED"}


class _File(Trying):
    steps = PART
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = self.filepath or "scene.json"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class GALATEA_OT_scene_open(_File, bpy.types.Operator):
    """Take a scene.json in place of words"""

    bl_idname = "galatea.scene_open"
    bl_label = "Open scene.json"
    bl_options = {"UNDO"}

    def done(self, context: bpy.types.Context) -> None:
        cast.load(props.settings(context).cast, scene.read(Path(self.filepath)))


class GALATEA_OT_scene_save(_File, bpy.types.Operator):
    """Write the scene as scene.json, for the command line and for others"""

    bl_idname = "galatea.scene_save"
    bl_label = "Save scene.json"
    bl_options = set[str]()

    def done(self, context: bpy.types.Context) -> None:
        cast.write(props.settings(context).cast, Path(self.filepath))


CLASSES = (
    GALATEA_OT_scene_read,
    GALATEA_OT_scene_build,
    GALATEA_OT_scene_bake,
    GALATEA_OT_scene_film,
    GALATEA_OT_scene_edit,
    GALATEA_OT_scene_open,
    GALATEA_OT_scene_save,
)
