# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons made by hand, and bodies of tubes around them: what rigs are tested on without finding joints first."""

from __future__ import annotations

import bmesh
import bpy
import numpy as np
from mathutils import Matrix, Vector

from galatea.addon.scene.lib.rig.skeleton import Bone, Skeleton, root

_UP, _FRONT, _BACK = np.array([0, 0, 1.0]), np.array([0, -1.0, 0]), np.array([0, 1.0, 0])


def _chain(names, joints, parent, z):
    out = []
    for number, name in enumerate(names):
        head, tail = (np.array(joints[number + k], float) for k in range(2))
        out.append(Bone(name, out[-1].name if out else parent, head, tail, z, connect=number > 0))
    return out


def _mirrored(bones):
    """The same on the right side."""
    flip = np.array([-1.0, 1, 1])

    def name(text):
        return text.removesuffix(".L") + ".R" if text.endswith(".L") else text

    return [Bone(name(b.name), name(b.parent), b.head * flip, b.tail * flip, b.z, b.connect, b.deform) for b in bones]


def person() -> Skeleton:
    """1.8 m tall, arms held off, with the bones of Rigify's basic human."""
    spine = ["spine", *(f"spine.{n:03}" for n in range(1, 7))]
    heights = (0.95, 1.08, 1.2, 1.35, 1.5, 1.56, 1.62, 1.8)
    bones = [root(np.zeros(3), 0.4), *_chain(spine, [(0, 0.01, z) for z in heights], "root", _FRONT)]
    left = [Bone("shoulder.L", "spine.003", np.array([0.02, 0, 1.45]), np.array([0.16, 0, 1.47]), _UP)]
    arm = [(0.18, 0.01, 1.47), (0.38, 0.03, 1.25), (0.56, 0.0, 1.05), (0.62, -0.02, 0.98)]
    left += _chain(["upper_arm.L", "forearm.L", "hand.L"], arm, "shoulder.L", _BACK)
    leg = [(0.1, 0, 0.92), (0.1, -0.03, 0.5), (0.1, 0.01, 0.09), (0.1, -0.1, 0.02), (0.1, -0.17, 0.02)]
    left += _chain(["thigh.L", "shin.L"], leg[:3], "spine", _FRONT)
    left += _chain(["foot.L", "toe.L"], leg[2:], "shin.L", _UP)
    left += [Bone("heel.02.L", "foot.L", np.array([0.06, 0.05, 0]), np.array([0.14, 0.05, 0]), _UP, deform=False)]
    marks = {"hips": ("spine",), "head": ("spine.006",), "feet": ("foot.L", "foot.R")}
    return Skeleton("biped", tuple(bones + left + _mirrored(left)), marks=marks)


def beast() -> Skeleton:
    """A four-legged animal 1.4 m long without a tail, with the bones of Rigify's basic quadruped."""
    back = [f"spine.{n:03}" for n in range(4, 12)]
    joints = [(0, 0.45, 0.8), (0, 0.35, 0.81), (0, 0.18, 0.78), (0, 0.03, 0.77), (0, -0.1, 0.79), (0, -0.36, 0.84),
              (0, -0.43, 0.88), (0, -0.49, 0.94), (0, -0.7, 1.0)]  # fmt: skip
    bones = [root(np.zeros(3), 0.4), *_chain(back, joints, "root", _UP)]
    hind = [(0.12, 0.34, 0.74), (0.12, 0.27, 0.47), (0.11, 0.47, 0.25), (0.11, 0.41, 0.04), (0.11, 0.3, 0.01)]
    fore = [(0.12, -0.32, 0.69), (0.12, -0.22, 0.44), (0.11, -0.24, 0.17), (0.11, -0.26, 0.04), (0.11, -0.37, 0.01)]
    left = _chain([f"{n}.L" for n in ("thigh", "shin", "foot", "toe")], hind, "spine.005", _FRONT)
    left += [Bone("shoulder.L", "spine.008", np.array([0.06, -0.26, 0.88]), np.array([0.12, -0.34, 0.72]), _FRONT)]
    left += _chain([f"front_{n}.L" for n in ("thigh", "shin", "foot", "toe")], fore, "shoulder.L", _FRONT)
    marks = {
        "hips": ("spine.004",),
        "head": ("spine.011",),
        "feet": ("front_foot.L", "front_foot.R", "foot.L", "foot.R"),
    }
    return Skeleton("quadruped", tuple(bones + left + _mirrored(left)), marks=marks)


def figure_of(work, bones: Skeleton, radius: float = 0.04) -> bpy.types.Object:
    """A body with a tube along each bone that moves skin."""
    bm = bmesh.new()
    for bone in bones.bones:
        if not bone.deform:
            continue
        along = Vector(bone.tail - bone.head)
        turn = Vector((0, 0, 1)).rotation_difference(along).to_matrix().to_4x4()
        place = Matrix.Translation((bone.head + bone.tail) / 2) @ turn
        bmesh.ops.create_cone(
            bm, cap_ends=True, segments=10, radius1=radius, radius2=radius, depth=along.length, matrix=place
        )
    bmesh.ops.triangulate(bm, faces=bm.faces[:])
    mesh = bpy.data.meshes.new("Figure")
    bm.to_mesh(mesh)
    bm.free()
    return work.add("body", bpy.data.objects.new("Figure", mesh))
