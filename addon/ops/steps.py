# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,attr-defined,valid-type"
"""Rig, move, film, check, export any mesh: the object goes out as a copy, what becomes of it comes back beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ...backend.protocol.errors import UserError
from ...backend.protocol.recipe import find
from .. import objects, plan, props, wanted
from ..bridge import bridge
from ..runs import Run
from .base import Browsing, Conditional, Ordering, browse


class _OnObject(Conditional, Ordering):
    """Steps on the active object, as a run of their own."""

    steps: tuple[str, ...] = ()
    scene = True
    """It ends in an object for the file."""

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        obj = objects.subject(context)
        if obj is None:
            return "Select a mesh object first"
        linked = obj.library or obj.override_library
        return "The object is linked from another file. Make it local first" if linked else ""

    def order(self, context: bpy.types.Context) -> Run:
        obj = objects.subject(context)
        assert obj
        if not obj.data.polygons:
            raise UserError(f"{obj.name} has no faces. Choose another object.")
        run = plan.on_object(
            context, obj, self.wanted(obj), verb=self.bl_label, scene=self.scene, given=self.given(context),
            files=self.files(),
        )  # fmt: skip
        return self.finished(run)

    def given(self, context: bpy.types.Context) -> dict[str, dict[str, Any]]:
        """Parameters that the panel has no say in."""
        return {}

    def files(self) -> dict[str, str]:
        """What the steps read beside the object, by role."""
        return {}

    def finished(self, run: Run) -> Run:
        """The order with what is said only of such."""
        return run

    def wanted(self, obj: bpy.types.Object) -> list[str]:
        return list(self.steps)


class GALATEA_OT_clean(_OnObject, bpy.types.Operator):
    """Mend the active mesh and bring it down to the budget of faces; the full mesh is kept to bake from"""

    bl_idname = "galatea.clean"
    bl_label = "Clean"
    steps = ("clean",)


class GALATEA_OT_texture(_OnObject, bpy.types.Operator):
    """Unwrap the active mesh into a new UV map and bake its colours, normals and roughness into textures"""

    bl_idname = "galatea.texture"
    bl_label = "Unwrap and Bake Textures"
    steps = ("unwrap", "bake", "material")


class GALATEA_OT_rig(_OnObject, bpy.types.Operator):
    """Fit a skeleton to the active mesh and bind the skin to it"""

    bl_idname = "galatea.rig"
    bl_label = "Rig"
    steps = ("skeleton", "bind")


class GALATEA_OT_skeleton(_OnObject, bpy.types.Operator):
    """Fit a skeleton to the active mesh and stop: move its joints in edit mode where they are amiss, then bind"""

    bl_idname = "galatea.skeleton"
    bl_label = "Skeleton Only"
    steps = ("skeleton",)


class _OnSkeleton(_OnObject):
    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        obj = objects.subject(context)
        there = obj and objects.armature(context, obj)
        lacking = "" if there else "Make a skeleton first, or select an armature together with the mesh"
        return super().against(context) or lacking


class GALATEA_OT_bind(_OnSkeleton, bpy.types.Operator):
    """Bind the active mesh to its skeleton, with the joints where you put them"""

    bl_idname = "galatea.bind"
    bl_label = "Bind"
    steps = ("bind",)


class GALATEA_OT_controls(_OnSkeleton, bpy.types.Operator):
    """Put Rigify's IK and FK controls over the skeleton of a biped or quadruped"""

    bl_idname = "galatea.controls"
    bl_label = "Controls"
    steps = ("controls",)


class _Moving(_OnObject):
    """The last step alone where there is a rig."""

    def wanted(self, obj: bpy.types.Object) -> list[str]:
        return list(self.steps[-1:] if objects.part(obj, "armature") else self.steps)


class GALATEA_OT_move(_Moving, bpy.types.Operator):
    """Let the active mesh move as the words say, or as is usual for its kind. It is rigged first where it has no rig"""

    bl_idname = "galatea.move"
    bl_label = "Move"
    steps = ("skeleton", "bind", "move")


class GALATEA_OT_retarget(Browsing, _Moving, bpy.types.Operator):
    """Put a motion file (BVH, FBX, glTF, AMASS poses) on the active mesh. It is rigged first where it has no rig"""

    bl_idname = "galatea.retarget"
    bl_label = "Motion from a File"
    steps = ("skeleton", "bind", "retarget")
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.bvh;*.fbx;*.glb;*.gltf;*.npz", options={"HIDDEN"})

    def files(self) -> dict[str, str]:
        if not Path(self.filepath).is_file():
            raise UserError("Choose a motion file: BVH, FBX, glTF or AMASS poses (npz).")
        return {"motion": self.filepath}


class GALATEA_OT_drop(_OnObject, bpy.types.Operator):
    """Let the active mesh fall to the floor as a rigid body"""

    bl_idname = "galatea.drop"
    bl_label = "Drop"
    steps = ("drop",)


class GALATEA_OT_film(_OnObject, bpy.types.Operator):
    """Light the active mesh, move a camera and render a film, on a copy and in the background"""

    bl_idname = "galatea.film"
    bl_label = "Film"
    steps = ("stage", "camera", "film")
    scene = False


class GALATEA_OT_render_scene(Conditional, Ordering, bpy.types.Operator):
    """Render the animation of this scene as it is, in a second Blender on a saved copy: work on meanwhile"""

    bl_idname = "galatea.render_scene"
    bl_label = "Render This Scene"
    steps = ("film",)

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if context.scene.camera else "The scene has no camera. Add one"

    def order(self, context: bpy.types.Context) -> Run:
        return plan.render_scene(context)


class GALATEA_OT_asset(_OnObject, bpy.types.Operator):
    """Make levels of detail, collision hulls and an entry of the Asset Browser of the active mesh"""

    bl_idname = "galatea.asset"
    bl_label = "Asset"
    steps = ("lod", "collide", "asset")

    def order(self, context: bpy.types.Context) -> Run:
        library = props.settings(context).steps.asset.library
        if library in props.libraries(context):  # Blender lists one in each fresh profile, and makes it when it saves
            Path(library).mkdir(parents=True, exist_ok=True)
        return super().order(context)


class GALATEA_OT_check(_OnObject, bpy.types.Operator):
    """Measure the active mesh and hold it against the gate. The job shows where it falls short, and what mends it"""

    bl_idname = "galatea.check"
    bl_label = "Report"
    steps = ("report",)
    scene = False

    def given(self, context: bpy.types.Context) -> dict[str, dict[str, Any]]:
        gate = wanted.gate(props.settings(context))
        return {"report": {"gate": str(find("gates", gate).absolute()) if gate else ""}}


class _ToFolder(Browsing, _OnObject):
    """What is written goes into a folder of the user's."""

    scene = False
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Where the last went; the first beside the open file."""
        last = next((run.folder for run in bridge.runs if run.folder and Path(run.folder).is_dir()), "")
        self.directory = self.directory or last
        return browse(self, context)

    def finished(self, run: Run) -> Run:
        if not Path(self.directory).is_dir() or not self.directory:
            raise UserError("Choose a folder that exists.")
        run.folder = self.directory
        return run


class GALATEA_OT_export_object(_ToFolder, bpy.types.Operator):
    """Write the active mesh for other programs, with its textures and where it comes from, into a folder of yours"""

    bl_idname = "galatea.export_object"
    bl_label = "Export"
    steps = ("export",)


class GALATEA_OT_page(_ToFolder, bpy.types.Operator):
    """Write a web page that shows the active mesh in 3D, moving, into a folder of yours; it needs no network"""

    bl_idname = "galatea.page"
    bl_label = "Viewer Page"
    steps = ("export", "viewer")

    def given(self, context: bpy.types.Context) -> dict[str, dict[str, Any]]:
        return {"export": {"format": "glb", "target": "none", "draco": False}}


CLASSES = (
    GALATEA_OT_clean,
    GALATEA_OT_texture,
    GALATEA_OT_rig,
    GALATEA_OT_skeleton,
    GALATEA_OT_bind,
    GALATEA_OT_controls,
    GALATEA_OT_move,
    GALATEA_OT_retarget,
    GALATEA_OT_drop,
    GALATEA_OT_film,
    GALATEA_OT_render_scene,
    GALATEA_OT_asset,
    GALATEA_OT_check,
    GALATEA_OT_export_object,
    GALATEA_OT_page,
)
