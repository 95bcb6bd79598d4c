# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="misc"
"""Object > Galatea: every verb once more, so that F3 finds it, the keyboard reaches it and a shortcut can be given."""

from __future__ import annotations

from typing import Any

import bpy

from . import confidence, environment, films, gallery, generate, image, jobs, models, queue, scene, steps

PARTS = {
    "Photo": (image, generate, gallery),
    "Mesh": (steps,),
    "Film from a File": (films,),
    "Simulate": (scene,),
    "Job": (jobs, queue, confidence),
    "Setup": (environment, models),
}
"""What each menu holds; what is INTERNAL needs to be told what it is for, and is only in panels."""


def _menu(title: str, modules: tuple[Any, ...]) -> type:
    verbs = [cls.bl_idname for module in modules for cls in module.CLASSES if "INTERNAL" not in cls.bl_options]

    def draw(self: Any, context: bpy.types.Context) -> None:
        for verb in verbs:
            self.layout.operator(verb)

    name = f"GALATEA_MT_{title.lower().replace(' ', '_')}"
    return type(name, (bpy.types.Menu,), {"bl_label": title, "draw": draw})


MENUS = [_menu(title, modules) for title, modules in PARTS.items()]


class GALATEA_MT_main(bpy.types.Menu):
    bl_label = "Galatea"

    def draw(self, context: bpy.types.Context) -> None:
        for menu in MENUS:
            self.layout.menu(menu.__name__)


def entry(self: Any, context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu("GALATEA_MT_main", icon="MESH_MONKEY")


CLASSES = (*MENUS, GALATEA_MT_main)
