# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion in FBX and glTF, by way of Blender's importers: brought in, sampled, and taken out again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ......backend.protocol.errors import UserError
from .. import parts
from ..take import Take

Array = NDArray[Any]
MOST_FRAMES = 36_000
_KINDS = (
    "objects",
    "armatures",
    "actions",
    "meshes",
    "materials",
    "images",
    "collections",
    "cameras",
    "lights",
    "scenes",
)
_SCENE = ("frame_start", "frame_end", "frame_current")
_BROKEN = (RuntimeError, ValueError, KeyError, TypeError, IndexError, AttributeError, OSError, AssertionError,
           MemoryError, ArithmeticError, LookupError, NotImplementedError, SystemError, ImportError)  # fmt: skip
"""The readers raise whatever the broken file drives them into; `struct.error` and `zlib.error` are added below."""


def read(path: Path, clip: str, *, warn: Callable[[str], None], tick: Callable[[float], None]) -> Take:
    with _guest() as new:
        _import(path)
        tick(0.3)
        armatures = [obj for obj in new("objects") if obj.type == "ARMATURE"]
        if not armatures:
            raise UserError(f"{path.name} holds no skeleton. Export it with its armature, or choose another file.")
        armature = max(armatures, key=lambda obj: len(obj.data.bones))
        if len(armatures) > 1:
            warn(f"{path.name} holds {len(armatures)} skeletons. The one with the most bones is used.")
        action = _chosen(path, armature, list(new("actions")), clip)
        start, end = (float(each) for each in action.frame_range)
        count = round(end - start) + 1
        if not 1 <= count <= MOST_FRAMES:
            raise UserError(
                f"{path.name} holds {count} frames; 1 to {MOST_FRAMES} can be read. Cut it to what you need."
            )
        _assign(armature, action)
        return _sampled(armature, start, count, lambda done: tick(0.3 + 0.7 * done))


@contextmanager
def _guest() -> Iterator[Callable[[str], list[Any]]]:
    """What is imported inside leaves no trace, and the scene's own frames and rate are put back."""
    scene = bpy.context.scene
    before = {kind: set(getattr(bpy.data, kind)) for kind in _KINDS}
    kept = {name: getattr(scene, name) for name in _SCENE}
    rate = scene.render.fps, scene.render.fps_base
    active = bpy.context.view_layer.objects.active
    chosen = [obj for obj in bpy.context.view_layer.objects if obj.select_get()]

    def new(kind: str) -> list[Any]:
        return [each for each in getattr(bpy.data, kind) if each not in before[kind]]

    try:
        yield new
    finally:
        bpy.data.batch_remove([each for kind in _KINDS for each in new(kind)])
        scene.render.fps, scene.render.fps_base = rate
        for name, value in kept.items():
            setattr(scene, name, value)
        scene.frame_set(kept["frame_current"])
        for obj in chosen:
            obj.select_set(True)
        bpy.context.view_layer.objects.active = active


def _import(path: Path) -> None:
    import struct
    import zlib

    ops = bpy.ops
    try:
        if path.suffix.lower() != ".fbx":
            ops.import_scene.gltf(filepath=str(path))
        elif hasattr(ops.wm, "fbx_import") and bpy.app.version >= (4, 5):
            ops.wm.fbx_import(filepath=str(path))
        else:
            ops.import_scene.fbx(filepath=str(path))
    except (*_BROKEN, struct.error, zlib.error) as error:
        words = str(error).strip().splitlines()
        raise UserError(
            f"{path.name} cannot be read: {words[-1][:200] if words else 'damaged'}. Choose another file."
        ) from None


def _chosen(path: Path, armature: bpy.types.Object, actions: list[bpy.types.Action], clip: str) -> bpy.types.Action:
    """The clip of this name or number, else the only one or the one that the file shows."""
    bones = {bone.name for bone in armature.data.bones}
    moving = [action for action in actions if bones & set(_bones(action))]
    if not moving:
        raise UserError(f"{path.name} holds a skeleton that does not move. Export it with its animation.")
    moving.sort(key=lambda action: action.name)
    if not clip.strip():
        own = armature.animation_data.action if armature.animation_data else None
        return own if own in moving else moving[0]
    wanted = clip.strip()
    found = [action for action in moving if wanted.lower() in (action.name.lower(), _short(action, armature).lower())]
    if not found and wanted.isdigit() and 1 <= int(wanted) <= len(moving):
        return moving[int(wanted) - 1]
    if not found:
        listed = ", ".join(_short(action, armature) for action in moving[:20])
        raise UserError(f"{path.name} has no clip {wanted!r}. It has: {listed}.", kind="usage")
    return found[0]


def _short(action: bpy.types.Action, armature: bpy.types.Object) -> str:
    """Its name without that of the skeleton, which importers put before or behind it, and without Blender's numbers."""
    name, owner = (re.sub(r"\.\d{3}$", "", each) for each in (action.name, armature.name))
    return re.sub(r"\.\d{3}$", "", name.removesuffix(f"_{owner}").rpartition("|")[2])


def _bones(action: bpy.types.Action) -> Iterator[str]:
    if hasattr(action, "layers") and len(action.layers):
        curves = [
            c for layer in action.layers for strip in layer.strips for bag in strip.channelbags for c in bag.fcurves
        ]
    else:
        curves = list(getattr(action, "fcurves", ()))
    for curve in curves:
        if curve.data_path.startswith('pose.bones["'):
            yield curve.data_path.split('"')[1]


def _assign(armature: bpy.types.Object, action: bpy.types.Action) -> None:
    data = armature.animation_data or armature.animation_data_create()
    for track in data.nla_tracks:
        track.mute = True
    data.action = action
    if hasattr(data, "action_slot") and data.action_slot is None:
        slots = [slot for slot in action.slots if slot.target_id_type in ("OBJECT", "UNSPECIFIED")]
        if slots:
            data.action_slot = slots[0]
    armature.data.pose_position = "POSE"


def _sampled(armature: bpy.types.Object, start: float, count: int, tick: Callable[[float], None]) -> Take:
    """Each frame of the scene's rate as it shows in the world, from the hips on: what is below them only carries them.

    Where the object itself moves, its first frame is its rest.
    """
    scene = bpy.context.scene
    scene.frame_set(round(start))
    bones = _wanted(armature)
    index = {bone.name: joint for joint, bone in enumerate(bones)}
    parents = np.array([-1, *(index[bone.parent.name] for bone in bones[1:])])
    world = armature.matrix_world.copy()
    heads = np.array([world @ bone.head_local for bone in bones])
    tails = np.array([world @ bone.tail_local for bone in bones])
    rests = [(world @ bone.matrix_local).to_quaternion().inverted() for bone in bones]
    turns, places = np.empty((count, len(bones), 4)), np.empty((count, 3))
    for frame in range(count):
        scene.frame_set(round(start) + frame)
        world = armature.matrix_world
        for joint, bone in enumerate(bones):
            turns[frame, joint] = (world @ armature.pose.bones[bone.name].matrix).to_quaternion() @ rests[joint]
        places[frame] = world @ armature.pose.bones[bones[0].name].head
        tick((frame + 1) / count)
    rate = scene.render.fps / scene.render.fps_base
    return Take(tuple(index), parents, heads, tails, turns, places, rate)


def _wanted(armature: bpy.types.Object) -> list[bpy.types.Bone]:
    bones = list(armature.data.bones)
    index = {bone.name: joint for joint, bone in enumerate(bones)}
    parents = np.array([index[bone.parent.name] if bone.parent else -1 for bone in bones])
    heads, tails = (np.array([tuple(getattr(bone, end)) for bone in bones]) for end in ("head_local", "tail_local"))
    return [bones[joint] for joint in parts.carried(tuple(index), parents, heads, tails)]
