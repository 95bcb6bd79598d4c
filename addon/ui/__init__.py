# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels and lists: they draw what is known and decide nothing. Reading the disk while drawing is forbidden."""

from __future__ import annotations

import bpy

from . import gallery, jobs, models, panel, scene, steps

_FILM = steps.CLASSES.index(steps.GALATEA_PT_film)
CLASSES = (
    *panel.CLASSES, *models.CLASSES, *gallery.CLASSES, *jobs.CLASSES,
    *steps.CLASSES[:_FILM], *scene.CLASSES, *steps.CLASSES[_FILM:],
)  # fmt: skip
"""As they stand: what makes things, what sets them in motion, what films them, what gives them away."""


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.VIEW3D_MT_editor_menus.append(panel.away)  # at the header's right end it would push Blender's own buttons


def unregister() -> None:
    bpy.types.VIEW3D_MT_editor_menus.remove(panel.away)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
