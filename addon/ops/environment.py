# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc,valid-type"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Install the full environment, and ask the doctor."""

from pathlib import Path

import bpy
from bpy.props import StringProperty

from .. import environment
from .base import ONLINE, Conditional


class GALATEA_OT_env_install(Conditional, bpy.types.Operator):
    """Download PyTorch and what belongs to it into the data folder, in the background. Continues where it stopped"""

    bl_idname = "galatea.env_install"
    bl_label = "Install Environment"
    bl_options = set[str]()

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        if environment.install.running:
            return "The installation is running"
        return "" if bpy.app.online_access else ONLINE

    def execute(self, context: bpy.types.Context) -> set[str]:
        environment.start_install(*(["--verify"] if environment.state() == "ready" else []))
        return {"FINISHED"}


class GALATEA_OT_env_stop(Conditional, bpy.types.Operator):
    """Stop the installation. What was downloaded is kept"""

    bl_idname = "galatea.env_stop"
    bl_label = "Stop the Installation"
    bl_options = {"REGISTER"}

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if environment.install.running else "Nothing is being installed"

    def execute(self, context: bpy.types.Context) -> set[str]:
        environment.stop_install()
        return {"FINISHED"}


class _Checking(Conditional):
    bl_options = set[str]()

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "The check is running" if environment.doctor.running else ""

    @staticmethod
    def start(context: bpy.types.Context, bundle: str = "") -> set[str]:
        """The preferences show what is found, so they are opened where it was asked for elsewhere."""
        environment.start_doctor(bundle)
        if context.window and not (context.area and context.area.type == "PREFERENCES"):
            bpy.ops.galatea.preferences()
        return {"FINISHED"}


class GALATEA_OT_doctor(_Checking, bpy.types.Operator):
    """Check this installation; each finding comes with its fix"""

    bl_idname = "galatea.doctor"
    bl_label = "Check the Installation"

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context)


class GALATEA_OT_copy_doctor(bpy.types.Operator):
    """Copy the findings, for a report. They hold no secrets"""

    bl_idname = "galatea.copy_doctor"
    bl_label = "Copy the Findings"
    bl_options = {"REGISTER", "INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        rows = environment.doctor.findings
        context.window_manager.clipboard = "\n".join(f"{r['state']:5} {r['what']}: {r['found']}" for r in rows)
        self.report({"INFO"}, "The findings are in the clipboard")
        return {"FINISHED"}


class GALATEA_OT_save_doctor(_Checking, bpy.types.Operator):
    """Check the installation and save a zip for whoever helps: findings, why jobs failed, logs. Secrets, names and
    pictures are left out"""

    bl_idname = "galatea.save_doctor"
    bl_label = "Save a Report"
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.zip", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.filepath = str(Path.home() / "galatea-doctor.zip")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.start(context, bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".zip"))


class GALATEA_OT_preferences(bpy.types.Operator):
    """Open the preferences of Galatea"""

    bl_idname = "galatea.preferences"
    bl_label = "Preferences"
    bl_options = set[str]()

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..prefs import ROOT

        if "addon_show" in dir(bpy.ops.preferences):
            bpy.ops.preferences.addon_show(module=ROOT)  # opens; a second time it stays open
            return {"FINISHED"}
        bpy.ops.screen.userpref_show()
        context.preferences.active_section = "ADDONS"
        context.window_manager.addon_search = "Galatea"
        return {"FINISHED"}


class GALATEA_OT_panel(Conditional, bpy.types.Operator):
    """Open Galatea's tab in the sidebar of the 3D View"""

    bl_idname = "galatea.panel"
    bl_label = "Show the Panel"
    bl_options = set[str]()

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        return "" if context.area and context.area.type == "VIEW_3D" else "Go to a 3D View first"

    def execute(self, context: bpy.types.Context) -> set[str]:
        context.space_data.show_region_ui = True
        sidebar = next(region for region in context.area.regions if region.type == "UI")
        looks = iter(range(20))

        def turn() -> float | None:
            try:
                sidebar.active_panel_category = "Galatea"
            except (TypeError, AttributeError):  # its tabs come with its first drawing
                return None if next(looks, None) is None else 0.05
            sidebar.tag_redraw()
            return None

        bpy.app.timers.register(turn)
        return {"FINISHED"}


CLASSES = (
    GALATEA_OT_env_install,
    GALATEA_OT_env_stop,
    GALATEA_OT_doctor,
    GALATEA_OT_copy_doctor,
    GALATEA_OT_save_doctor,
    GALATEA_OT_preferences,
    GALATEA_OT_panel,
)
