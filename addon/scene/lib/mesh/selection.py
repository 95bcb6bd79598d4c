# SPDX-License-Identifier: GPL-3.0-or-later
"""For the operators that need a selection, an active object or edit mode: set it, and leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import bpy


@contextmanager
def alone(*objects: bpy.types.Object) -> Iterator[None]:
    """Only these objects are selected, the first is active, and all of them are visible and rendered."""
    layer = bpy.context.view_layer
    selected, active = list(layer.objects.selected), layer.objects.active
    hidden = [(obj, obj.hide_viewport, obj.hide_render) for obj in objects]
    for obj in objects:
        obj.hide_viewport = obj.hide_render = False
    layer.update()
    for obj in list(layer.objects):
        obj.select_set(obj in objects)
    layer.objects.active = objects[0]
    try:
        yield
    finally:
        for obj in list(layer.objects):
            obj.select_set(obj in selected)
        layer.objects.active = active
        for obj, viewport, render in hidden:
            obj.hide_viewport, obj.hide_render = viewport, render


@contextmanager
def editing(obj: bpy.types.Object) -> Iterator[None]:
    """Edit mode of an object that is the active one meanwhile; back to object mode in the end, whatever happens."""
    objects = bpy.context.view_layer.objects
    active, objects.active = objects.active, obj
    with bpy.context.temp_override(active_object=obj, object=obj, edit_object=None):
        bpy.ops.object.mode_set(mode="EDIT")
    try:
        yield
    finally:
        bpy.ops.object.mode_set(mode="OBJECT")
        objects.active = active


@contextmanager
def linked(data: bpy.types.Mesh | bpy.types.Armature) -> Iterator[bpy.types.Object]:
    """An object of this data in the scene; gone afterwards, with whatever data it has by then."""
    obj = bpy.data.objects.new(data.name, data)
    bpy.context.scene.collection.objects.link(obj)
    try:
        yield obj
    finally:
        bpy.data.batch_remove([obj, obj.data])
