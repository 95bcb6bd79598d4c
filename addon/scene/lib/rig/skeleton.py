# SPDX-License-Identifier: GPL-3.0-or-later
"""A skeleton as plain data, and the armature that is made of it. Metres, Z up, the body faces -Y, its left is +X.

Bones of bodies with limbs have the names of Rigify's metarigs (basic human, basic quadruped): `spine` is the hips,
`spine.001` … go up to the head, then `shoulder upper_arm forearm hand` and `thigh shin foot toe` with `.L` and `.R`;
four-legged ones have `front_thigh front_shin front_foot front_toe` too. `root` stands on the floor below all of them
and moves no skin. So motions, controls and names for export need one table each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from ...work import Work
from ..mesh.selection import editing

Array = NDArray[Any]
ROOT = "root"
KINDS = ("biped", "quadruped", "bird", "fish", "snake", "plant", "furniture", "vehicle", "soft", "prop")
"""From most to least that is known of a body. `soft` is a thing without limbs that sways about its backbone."""
KIND = "galatea_kind"
"""Custom property of the armature: its kind, one of `KINDS`."""
MARKS = "galatea_marks"
"""Custom property of the armature: names of bones by what they do, such as `wheels` or `head`, for motions."""

CONTROLS = "galatea_controls"
"""Custom property of an armature with Rigify's controls: JSON, the parent of each bone of the plain skeleton below."""


@dataclass(frozen=True)
class Bone:
    """From `head` to `tail` (3,) in metres of the world; `z` (3,) is where its own Z axis looks, as near as may be."""

    name: str
    parent: str
    head: Array
    tail: Array
    z: Array | None = None
    connect: bool = False
    deform: bool = True

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.tail - self.head))


@dataclass(frozen=True)
class Skeleton:
    """Bones, parents before their children, the first of them `root`. `confidence` is 0 to 1."""

    kind: str
    bones: tuple[Bone, ...]
    confidence: float = 1.0
    marks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known: set[str] = set()
        for bone in self.bones:
            if bone.parent not in known and bone.parent:
                raise ValueError(f"{bone.name} comes before its parent {bone.parent!r}")
            known.add(bone.name)

    def __getitem__(self, name: str) -> Bone:
        return next(bone for bone in self.bones if bone.name == name)


def root(place: Array, length: float) -> Bone:
    """The bone that carries all: at `place` (3,) on the floor, upwards."""
    foot = np.array([place[0], place[1], 0.0])
    return Bone(ROOT, "", foot, foot + np.array([0.0, 0.0, length]), np.array([0.0, -1.0, 0.0]), deform=False)


def build(work: Work, skeleton: Skeleton, name: str = "Rig") -> bpy.types.Object:
    """The armature at the world's origin; all bones turn by quaternions."""
    data = bpy.data.armatures.new(name)
    data.display_type = "OCTAHEDRAL" if len(skeleton.bones) < 3 else "STICK"
    armature = work.add("armature", bpy.data.objects.new(name, data))
    armature.show_in_front = True
    armature[KIND] = skeleton.kind
    armature[MARKS] = {key: ",".join(names) for key, names in skeleton.marks.items()}
    bpy.context.view_layer.update()
    layer = bpy.context.view_layer
    layer.objects.active = layer.objects.active or armature
    with editing(armature):  # the only way to new bones
        _add(data, skeleton.bones)
    for bone in armature.pose.bones:
        bone.rotation_mode = "QUATERNION"
    return armature


def _add(data: bpy.types.Armature, bones: Iterable[Bone]) -> None:
    for bone in bones:
        new = data.edit_bones.new(bone.name)
        new.head, new.tail = Vector(bone.head), Vector(bone.tail)
        new.parent = data.edit_bones.get(bone.parent)
        new.use_connect, new.use_deform = bone.connect, bone.deform
        if bone.z is not None:
            new.align_roll(Vector(bone.z))


def read(armature: bpy.types.Object) -> Skeleton:
    """The skeleton of an armature as it stands now, whoever made or edited it. A foreign one has the kind `prop`.

    Of one with controls it is the plain skeleton below them; `controls.control_of` tells which bone to key.
    """
    matrix = np.array(armature.matrix_world)
    bones = []
    for name, parent, bone, deform in _plain(armature):  # parents come first
        head, tail = (matrix[:3, :3] @ np.array(p) + matrix[:3, 3] for p in (bone.head_local, bone.tail_local))
        z = matrix[:3, :3] @ np.array(bone.matrix_local)[:3, 2]  # not z_axis: that is in the parent's space
        bones.append(Bone(name, parent, head, tail, z, bone.use_connect, deform))
    return Skeleton(str(armature.get(KIND, "prop")), tuple(bones), marks=marks(armature))


def _plain(armature: bpy.types.Object) -> list[tuple[str, str, bpy.types.Bone, bool]]:
    """Name, parent's name, the bone that stands there, and whether it moves skin."""
    every = armature.data.bones
    if CONTROLS not in armature:
        return [(bone.name, bone.parent.name if bone.parent else "", bone, bone.use_deform) for bone in every]
    stored = json.loads(armature[CONTROLS])
    found = [(name, parent, every.get(f"ORG-{name}") or every.get(name)) for name, parent in stored.items()]
    return [(name, parent, bone, f"DEF-{name}" in every) for name, parent, bone in found if bone]


def marks(armature: bpy.types.Object) -> dict[str, tuple[str, ...]]:
    """Names of bones by what they do."""
    stored = armature.get(MARKS)
    return {key: tuple(filter(None, str(names).split(","))) for key, names in dict(stored or {}).items()}


def deforming(armature: bpy.types.Object) -> list[str]:
    """Names of the bones that move the skin."""
    return [bone.name for bone in armature.data.bones if bone.use_deform]
