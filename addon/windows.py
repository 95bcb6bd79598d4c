# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's windows: when a result may come in, into which, and that panels are drawn anew."""

from __future__ import annotations

from collections.abc import Callable

import bpy

_BUSY = ("TRANSFORM_OT_", "SCULPT_OT_", "PAINT_OT_", "VIEW3D_OT_", "MESH_OT_", "OBJECT_OT_")
"""Modal operators in whose middle nothing may be brought into the file."""


def wake() -> None:
    """There is something to look at: the bridge is asked from now on. `timer` puts its own in this place."""


def redraw() -> None:
    """Have the panels drawn anew."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type in {"VIEW_3D", "PREFERENCES"}:
                area.tag_redraw()


def may_change_file() -> bool:
    """Not in the middle of the user's edit: edit mode has an undo of its own, and a drag must not lose its object."""
    if any(bpy.app.is_job_running(job) for job in ("RENDER", "OBJECT_BAKE")):
        return False  # it reads the file in another thread
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        if any(op.bl_idname.startswith(_BUSY) for op in getattr(window, "modal_operators", ())):
            return False
        obj = window.view_layer.objects.active
        if obj and obj.mode != "OBJECT":
            return False
    return True


def as_undo_step(change: Callable[[bpy.types.Context], None], scene: str, message: str) -> None:
    """Change the file through the window that shows the scene of this name, or any, as one undo step.

    What was painted on a packed picture, such as a mask, is packed before it: the undo may read it from there again.
    """
    manager = bpy.context.window_manager
    windows = list(manager.windows) if manager else []
    window = next((w for w in windows if w.scene.name == scene), windows[0] if windows else None)
    if bpy.app.background or window is None:
        change(bpy.context)
        return
    with bpy.context.temp_override(window=window):
        painted = [image for image in bpy.data.images if image.is_dirty and image.packed_file]
        for image in painted:
            image.pack()
        if painted:
            bpy.ops.ed.undo_push(message="Galatea: pictures as painted")
        change(bpy.context)
        bpy.ops.ed.undo_push(message=message)
