# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons that others made: which one a file's meshes hang on, what kind it is, and what its bones do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import bpy

from ..motion import animation, names
from .skeleton import KIND, MARKS

_LIMBS = ("upper_arm", "forearm", "thigh", "shin")
_MARKS = {"hips": ("hips",), "neck": ("neck",), "head": ("head",), "hands": ("hand",), "feet": ("foot", "front_foot")}


def of(parts: Iterable[bpy.types.Object]) -> bpy.types.Object | None:
    """The armature that most of these meshes' points hang on; the only one of the file where none does."""
    held: Counter[str] = Counter()
    for obj in parts:
        rig = obj.find_armature() or (obj.parent if obj.parent and obj.parent.type == "ARMATURE" else None)
        if rig and len(rig.data.bones):
            held[rig.name] += len(obj.data.vertices)
    if held:
        return bpy.data.objects[held.most_common(1)[0][0]]
    every = [obj for obj in bpy.context.scene.objects if obj.type == "ARMATURE" and len(obj.data.bones)]
    return every[0] if len(every) == 1 else None


def rested(armature: bpy.types.Object) -> None:
    """Meshes are as they were bound, whatever the file's pose is; no mesh stands for a bone."""
    armature.data.pose_position = "REST"
    for bone in armature.pose.bones:
        bone.custom_shape = None


def weighed(obj: bpy.types.Object, armature: bpy.types.Object) -> None:
    """A part that hangs on one bone as a whole gets that bone's weight; it would lose it when it is joined."""
    if obj.parent == armature and obj.parent_type == "BONE" and obj.parent_bone in armature.data.bones:
        group = obj.vertex_groups.get(obj.parent_bone) or obj.vertex_groups.new(name=obj.parent_bone)
        group.add(range(len(obj.data.vertices)), 1.0, "REPLACE")


def taken(armature: bpy.types.Object, moved: frozenset[str]) -> None:
    """Make it one of ours; its bones and its motions stay as they are. `moved`: bones that the skin has weights of."""
    armature.data.pose_position = "POSE"
    if moved:
        for bone in armature.data.bones:
            bone.use_deform = bone.name in moved
    known = names.meanings(bone.name for bone in armature.data.bones)
    armature[KIND] = kind({part for part, _ in known})
    bones = [bone.name for bone in armature.data.bones]
    armature[MARKS] = {
        mark: ",".join(bone for bone, (part, _) in zip(bones, known, strict=True) if part in parts)
        for mark, parts in _MARKS.items()
    }
    for action in bpy.data.actions:
        action.use_fake_user = True  # a file has several, the armature plays one


def kind(parts: set[str]) -> str:
    """Of a skeleton whose bones mean these parts of a body."""
    if {"front_thigh", "thigh", "front_shin", "shin"} <= parts:
        return "quadruped"
    return "biped" if set(_LIMBS) <= parts and parts & {"hips", "spine"} else "prop"


def freed(armature: bpy.types.Object) -> bpy.types.Object:
    """What moves it from now on: itself, or an empty where it has keys of its own. All other parents are left."""
    bpy.context.view_layer.update()
    world, basis = armature.matrix_world.copy(), armature.matrix_basis.copy()
    armature.parent = None
    if all(curve.data_path.startswith("pose.") for curve in animation.curves(armature)):
        armature.matrix_world = world
        return armature
    carrier = bpy.data.objects.new(f"{armature.name} place", None)
    bpy.context.scene.collection.objects.link(carrier)
    carrier.matrix_world = world @ basis.inverted_safe()
    armature.parent = carrier
    armature.matrix_parent_inverse.identity()
    return carrier
