# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a verb. An operator reads settings, starts and returns; its docstring is its tooltip."""

from __future__ import annotations

import bpy

from . import confidence, environment, films, gallery, generate, image, jobs, menu, models, queue, scene, steps

CLASSES = (
    *image.CLASSES,
    *generate.CLASSES,
    *gallery.CLASSES,
    *steps.CLASSES,
    *scene.CLASSES,
    *films.CLASSES,
    *jobs.CLASSES,
    *queue.CLASSES,
    *confidence.CLASSES,
    *environment.CLASSES,
    *models.CLASSES,
    *menu.CLASSES,
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.VIEW3D_MT_object.append(menu.entry)
    bpy.app.handlers.undo_post.append(confidence.undone)


def unregister() -> None:
    bpy.app.handlers.undo_post.remove(confidence.undone)
    bpy.types.VIEW3D_MT_object.remove(menu.entry)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
