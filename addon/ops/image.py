# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc,attr-defined"
# ruff: noqa: RUF012 - Blender wants mutable sets as class attributes
"""Choosing pictures: the photo to start from and the mask of what counts in it."""

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...backend.protocol.recipe import PRESETS
from .. import props
from ..bridge import bridge
from ..runs import Run
from ..settings import MASK
from .base import Conditional


class _FromFile:
    """The file browser, for pictures only."""

    filepath: StringProperty(subtype="FILE_PATH", options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    display_type: EnumProperty(items=[("THUMBNAIL", "Thumbnails", "", 3)], options={"HIDDEN", "SKIP_SAVE"})
    start = ""
    """The folder that the browser opens; empty for that of the photo there is."""

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self.filepath:
            return self.execute(context)
        photo = props.settings(context).image
        beside = f"{Path(bpy.path.abspath(photo.filepath)).parent}/" if photo and photo.filepath else ""
        self.filepath = self.start or beside
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        before = set(bpy.data.images)
        try:
            image = bpy.data.images.load(self.filepath, check_existing=True)
            if not (image.size[0] and image.size[1]):
                if image not in before:
                    bpy.data.images.remove(image)
                raise RuntimeError
        except RuntimeError:
            path = Path(self.filepath)
            wrong = f"Cannot read {path.name} as a picture" if path.is_file() else f"There is no file {path.name} here"
            wrong = "That is a folder" if path.is_dir() else wrong
            self.report({"ERROR"}, f"{wrong}. Choose a PNG, JPEG or WebP file")
            return {"CANCELLED"}
        setattr(props.settings(context), self.target, image)
        return {"FINISHED"}


class GALATEA_OT_choose_image(_FromFile, bpy.types.Operator):
    """Choose the photo to start from"""

    bl_idname = "galatea.choose_image"
    bl_label = "Choose an Image"
    bl_options = {"REGISTER", "UNDO"}
    target = "image"


class GALATEA_OT_choose_mask(_FromFile, bpy.types.Operator):
    """Choose a picture that is white where the object is, in place of the automatic cut-out"""

    bl_idname = "galatea.choose_mask"
    bl_label = "Choose a Mask"
    bl_options = {"REGISTER", "UNDO"}
    target = "mask"


class GALATEA_OT_example(_FromFile, bpy.types.Operator):
    """Start from one of the photos that come with Galatea"""

    bl_idname = "galatea.example"
    bl_label = "Example Photo"
    bl_options = {"REGISTER", "UNDO"}
    target = "image"

    start = f"{PRESETS / 'examples'}/"


class GALATEA_OT_edit_mask(Conditional, bpy.types.Operator):
    """Open the mask of the last cut-out beside the photo, a black one where nothing stood out. What you paint there is
    used by the next run"""

    bl_idname = "galatea.edit_mask"
    bl_label = "Edit the Mask"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def against(cls, context: bpy.types.Context) -> str:
        there = props.settings(context).mask or last_mask_run(context) or last_mask_run(context, "failed")
        return "" if there else "No mask yet: generate first, or choose a mask file"

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = props.settings(context)
        if settings.mask is None:
            run = last_mask_run(context)
            path = run.files(bridge.store).get("mask") if run else None
            if run and path is None:
                self.report({"ERROR"}, "The mask of the last run is gone. Generate again")
                return {"CANCELLED"}
            image = bpy.data.images.load(str(path)) if path else bpy.data.images.new("mask", *settings.image.size)
            image.name, image[MASK] = f"{run.title if run else Path(settings.image.name).stem} mask", True
            image.pack()  # a copy: what is painted must not change the finished job
            settings.mask = image
        if not bpy.app.background:
            _open_editor(context, settings.mask, settings.image)
        return {"FINISHED"}


class GALATEA_OT_clear_mask(bpy.types.Operator):
    """Use the automatic cut-out again"""

    bl_idname = "galatea.clear_mask"
    bl_label = "Automatic Mask"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        props.settings(context).mask = None
        return {"FINISHED"}


def last_mask_run(context: bpy.types.Context, state: str = "done") -> Run | None:
    """The newest run that cut something out of the present image, or failed to."""
    from .. import pictures  # loads numpy: not on register

    image = props.settings(context).image
    for run in bridge.runs:
        if image is None or "image" not in run.inputs or not pictures.may_be(image, Path(run.inputs["image"])):
            continue
        if any(stage["step"] == "cutout" and stage["state"] == state for stage in run.stages):
            return run
    return None


def _open_editor(context: bpy.types.Context, mask: bpy.types.Image, photo: bpy.types.Image | None) -> None:
    """A window with the photo beside the mask, for a mask alone does not say what is what; the one that is open already
    does.
    """
    if not any(space.image == mask for _, _, space in _editors()):
        bpy.ops.wm.window_new()
        window = context.window_manager.windows[-1]
        window.screen.areas[0].type = "IMAGE_EDITOR"
        with context.temp_override(window=window, area=window.screen.areas[0], screen=window.screen):
            bpy.ops.screen.area_split(direction="VERTICAL", factor=0.35)
        right, left = sorted(window.screen.areas, key=lambda area: -area.x)
        for area, image, mode in ((left, photo, "VIEW"), (right, mask, "PAINT")):
            area.spaces.active.image = image
            area.spaces.active.ui_mode = mode
            area.spaces.active.overlay.show_overlays = False  # the UV map of the active mesh would lie over it
        right.spaces.active.show_region_tool_header = True  # with the brush's two colours
        if bpy.app.version >= (4, 3):
            right.spaces.active.show_region_asset_shelf = False  # other brushes would lie over the mask's lower edge
        names = {image.name for image in (mask, photo) if image}
        bpy.app.timers.register(lambda: _fit(names), first_interval=0.2)  # parts have no size until they were drawn


def _fit(names: set[str]) -> None:
    """Show all of these images, with room for what lies over the edges."""
    for window, area, space in _editors():
        if space.image and space.image.name in names:
            region = next(region for region in area.regions if region.type == "WINDOW")
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.image.view_all(fit_view=True)
                space.zoom_percentage *= 0.75


def _editors() -> list[tuple[bpy.types.Window, bpy.types.Area, bpy.types.SpaceImageEditor]]:
    windows = bpy.context.window_manager.windows
    areas = ((window, area) for window in windows for area in window.screen.areas)
    return [(window, area, area.spaces.active) for window, area in areas if area.type == "IMAGE_EDITOR"]


CLASSES = (
    GALATEA_OT_choose_image,
    GALATEA_OT_choose_mask,
    GALATEA_OT_example,
    GALATEA_OT_edit_mask,
    GALATEA_OT_clear_mask,
)
