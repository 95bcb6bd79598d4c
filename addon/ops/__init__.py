# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a verb. An operator reads settings, starts and returns; its docstring is its tooltip."""

from __future__ import annotations

import bpy

from . import confidence, environment, films, gallery, generate, image, jobs, models, queue, scene, steps

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
)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)


def unregister() -> None:
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
