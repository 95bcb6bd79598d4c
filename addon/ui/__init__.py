# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels and lists: they draw what is known and decide nothing. Reading the disk while drawing is forbidden."""

from __future__ import annotations

import bpy

from . import gallery, jobs, models, panel, scene, steps

CLASSES = (*panel.CLASSES, *models.CLASSES, *gallery.CLASSES, *jobs.CLASSES, *steps.CLASSES, *scene.CLASSES)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
