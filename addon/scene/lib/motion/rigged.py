# SPDX-License-Identifier: GPL-3.0-or-later
"""What a motion must know of the rig that it is put on: its body, its floor, its soles, where it is by then."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...work import Work
from ..mesh import selection
from ..rig import controls, skeleton
from ..rig import skin as binding
from . import animation, contacts, editing, parts
from .parts import Body

_SOLE = 400
"""Points of each sole that are kept above the floor."""


def target(work: Work, armature: bpy.types.Object, own: dict[str, list[str]]) -> tuple[Body, float]:
    """The rig's body, and the height in metres of the floor that it stands on."""
    bones = skeleton.read(armature).bones
    index = {bone.name: number for number, bone in enumerate(bones)}
    parents = np.array([index.get(bone.parent, -1) for bone in bones])
    heads, tails = np.array([bone.head for bone in bones]), np.array([bone.tail for bone in bones])
    body = parts.find(tuple(index), parents, heads, tails, own)
    lows = [float(animation.rest_points(obj)[:, 2].min()) for obj in work.objects("body") if obj.data.vertices]
    feet_ = [joint for key, chain in body.parts.items() if key.split(".")[0] in ("foot", "toe") for joint in chain]
    lowest = float(np.concatenate([heads[feet_], tails[feet_]])[:, 2].min()) if feet_ else 0.0
    floor = lows[0] if lows else lowest
    return body, floor if abs(lowest - floor) < 0.25 * max(body.leg(), 1e-6) else lowest


def by_then(armature: bpy.types.Object, body: Body, frame: int) -> tuple[Any, float]:
    """How far (3,) over the floor the rig's hips are from their rest at a frame, and how far they are turned."""
    scene, now = bpy.context.scene, bpy.context.scene.frame_current
    scene.frame_set(frame)
    name = body.names[body.parts["hips"][0]]
    bone = armature.pose.bones[controls.rest_of(armature, name).name]
    pose, rest = armature.matrix_world @ bone.matrix, armature.matrix_world @ bone.bone.matrix_local
    turn = pose.to_quaternion() @ rest.to_quaternion().inverted()
    away = np.array(pose.translation - rest.translation) * [1.0, 1.0, 0.0]
    scene.frame_set(now)
    return away, float(editing.heading(np.array([turn]))[0])


def skin(work: Work, body: Body, floor: float) -> dict[str, tuple[Any, Any]]:
    """The lowest skin of each foot, and what carries it."""
    out: dict[str, tuple[Any, Any]] = {}
    obj = next(work.objects("body"), None)
    for side in contacts.sides(body) if obj else ():
        points = animation.rest_points(obj)
        chains = [
            [body.names[joint] for joint in body.parts.get(contacts.of(part, side), ())] for part in contacts.CARRY
        ]
        chains = [[*names, *(f"DEF-{name}" for name in names)] for names in chains]  # as Rigify calls them
        table = np.stack([binding.read(obj, names)[0].sum(axis=1) for names in chains], axis=1)
        all_ = table.sum(axis=1)
        ankle = float(body.start(contacts.of("foot", side))[2])
        sole = np.flatnonzero((all_ > 0.8) & (points[:, 2] < floor + 0.35 * (ankle - floor)))
        sole = sole[np.argsort(points[sole, 2])][:_SOLE]
        if len(sole):
            out[side] = points[sole], table[sole] / all_[sole, None]
    return out


def loosen(armature: bpy.types.Object, name: str) -> None:
    """The bone to be keyed for this one: where it is joined to its parent it cannot move, so they are parted."""
    name = controls.control_of(armature, name)
    if not armature.data.bones[name].use_connect:
        return
    with selection.editing(armature):
        armature.data.edit_bones[name].use_connect = False
