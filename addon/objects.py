# SPDX-License-Identifier: GPL-3.0-or-later
"""What the objects of the open file are to us. Reads only, and cheaply: panels ask while they draw."""

from __future__ import annotations

import re

import bpy

from .scene.lib.physics.thing import ITEM
from .scene.work import ROLE

RUN = "galatea_run"
"""Custom property of a collection: the id of the run that it came from."""


def asset_of(obj: bpy.types.Object) -> bpy.types.Collection | None:
    """The collection of ours that holds the object."""
    return next((c for c in obj.users_collection if c.get(ROLE) == "asset"), None)


def part(obj: bpy.types.Object, role: str) -> bpy.types.Object | None:
    """What stands beside the object in its asset with this role."""
    return next((each for each in parts(obj) if each.get(ROLE) == role), None)


def parts(obj: bpy.types.Object) -> list[bpy.types.Object]:
    """The objects that belong together with this one: those of its asset, else itself."""
    asset = asset_of(obj)
    return list(asset.all_objects) if asset else [obj]


def subject(context: bpy.types.Context) -> bpy.types.Object | None:
    """The mesh that is meant: the active one, the body of the asset that the active object belongs to, or the skin of
    the active armature.
    """
    obj = context.active_object
    if obj is None:
        return None
    body = part(obj, "body") if asset_of(obj) else None
    if body or obj.type == "MESH":
        return body or obj
    if obj.type != "ARMATURE":
        return None
    near = [*obj.children_recursive, *context.selected_objects]
    return next((each for each in near if each.type == "MESH"), None)


def armature(context: bpy.types.Context, obj: bpy.types.Object) -> bpy.types.Object | None:
    """What moves a mesh, or shall: its own armature, else the one that is selected with it."""
    found = part(obj, "armature") or obj.find_armature()
    if found or asset_of(obj):
        return found
    return next((each for each in context.selected_objects if each.type == "ARMATURE"), None)


def built(scene: bpy.types.Scene) -> list[str]:
    """Names of what scenes in words have in this file and is not hidden."""
    return [obj.name for obj in scene.objects if ITEM in obj and not obj.hide_get()]


def plain(name: str) -> str:
    """Without the number that Blender put behind it."""
    return re.sub(r"\.\d{3,}$", "", name)


def found(run: str) -> bpy.types.Collection | None:
    """The collection of this run in the open file."""
    return next((c for c in bpy.data.collections if c.get(RUN) == run and c.get(ROLE) == "asset"), None)
