# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions and their F-curves the same way on every Blender, and shapes as they are at a frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...work import NAME
from ..mesh import meshes

FPS = 24
"""Frames a second of every film and motion of ours: one number, so that steps cannot disagree."""

Array = NDArray[Any]


def new_action(owner: bpy.types.ID, name: str) -> bpy.types.Action:
    """A fresh action, assigned to its owner; an older one of ours with this name on this owner is dropped."""
    data = owner.animation_data or owner.animation_data_create()
    old = data.action
    data.action = None
    if old and old.users == 0 and old.name.split(".")[0] == name:
        bpy.data.actions.remove(old)
    action = bpy.data.actions.new(name)
    action[NAME] = name
    data.action = action
    if hasattr(action, "slots"):  # 4.4 and later: curves live in a slot, and the owner must be bound to it
        slot = action.slots.new(id_type=owner.id_type, name=owner.name)
        data.action_slot = slot
    return action


def curve(owner: bpy.types.ID, path: str, index: int = 0, group: str = "") -> bpy.types.FCurve:
    """A new F-curve in the owner's action, which `new_action` made."""
    action = owner.animation_data.action
    if hasattr(action, "fcurves"):  # until 4.5; there an action has one slot, which we made
        return action.fcurves.new(path, index=index, action_group=group)
    return action.fcurve_ensure_for_datablock(owner, path, index=index, group_name=group)


def curves(owner: bpy.types.ID) -> list[bpy.types.FCurve]:
    """All F-curves that move the owner."""
    data = owner.animation_data
    if not data or not data.action:
        return []
    if hasattr(data.action, "fcurves"):  # until 4.5
        return list(data.action.fcurves)
    found: list[bpy.types.FCurve] = []
    for layer in data.action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(data.action_slot)
            found += list(bag.fcurves) if bag else []
    return found


def every_curve(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    """All F-curves of an action, whoever they move."""
    if hasattr(action, "fcurves"):  # until 4.5
        return list(action.fcurves)
    strips = [strip for layer in action.layers for strip in layer.strips]
    return [curve for strip in strips for bag in strip.channelbags for curve in bag.fcurves]


def set_keys(
    owner: bpy.types.ID,
    path: str,
    frames: Sequence[float] | Array,
    values: Array,
    *,
    interpolation: str = "BEZIER",
    group: str = "",
    cyclic: bool = False,
) -> None:
    """Key `values` (frames, components) at the frames; a cyclic curve repeats for ever and has smooth ends."""
    values = np.asarray(values, float).reshape(len(frames), -1)
    for index in range(values.shape[1]):
        fcurve = curve(owner, path, index, group)
        if cyclic:
            fcurve.modifiers.new("CYCLES")
        fill(fcurve, frames, values[:, index], interpolation=interpolation)


def fill(
    fcurve: bpy.types.FCurve,
    frames: Sequence[float] | Array,
    values: Sequence[float] | Array,
    *,
    interpolation: str = "BEZIER",
    handles: str = "AUTO",
) -> None:
    """Put keys on an empty curve."""
    fcurve.keyframe_points.add(len(frames))
    fcurve.keyframe_points.foreach_set("co", np.stack([frames, values], axis=1).ravel())
    for name, value in (
        ("interpolation", interpolation),
        ("handle_left_type", handles),
        ("handle_right_type", handles),
    ):
        number = bpy.types.Keyframe.bl_rna.properties[name].enum_items[value].value
        fcurve.keyframe_points.foreach_set(name, np.full(len(frames), number, np.int32))
    fcurve.update()


def set_range(action: bpy.types.Action, start: float, end: float, *, cyclic: bool) -> None:
    action.use_frame_range = True
    action.frame_start, action.frame_end, action.use_cyclic = start, end, cyclic


def points_at(obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph) -> Array:
    """World positions (V, 3) in metres of the object's vertices as modifiers and motion leave them."""
    shape = obj.evaluated_get(depsgraph)
    points = meshes.vertices_of(shape.to_mesh())
    shape.to_mesh_clear()
    return _placed(points, shape)


def sampled(scene: bpy.types.Scene, objects: Iterable[bpy.types.Object], frames: Iterable[int]) -> Iterator[Array]:
    """World positions (V, 3) of all the objects together, frame by frame. The scene's frame is put back."""
    things, before = list(objects), scene.frame_current
    try:
        for frame in frames:
            scene.frame_set(frame)
            depsgraph = bpy.context.evaluated_depsgraph_get()
            yield np.concatenate([points_at(obj, depsgraph) for obj in things])
    finally:
        scene.frame_set(before)


def rest_points(obj: bpy.types.Object) -> Array:
    """World positions (V, 3) in metres of the mesh itself, before modifiers, where the object stands now."""
    return _placed(meshes.vertices_of(obj.data), obj)


def _placed(points: Array, obj: bpy.types.Object) -> Array:
    matrix = np.array(obj.matrix_world)
    out: Array = points.astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
    return out


def motion_end() -> int:
    """Last frame of all keyed motion of the scene; three seconds' where nothing is keyed.

    A loop's last key is its first once more, which a film that is played again and again must not show twice.
    """
    actions = [obj.animation_data.action for obj in bpy.context.scene.objects if obj.animation_data]
    ends = [action.frame_range[1] - action.use_cyclic for action in actions if action]
    strips = [
        strip.frame_end
        for obj in bpy.context.scene.objects
        if obj.animation_data
        for track in obj.animation_data.nla_tracks
        for strip in track.strips
        if not track.mute
    ]
    return max(1, round(max(ends + strips))) if ends or strips else 3 * FPS
