# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of bodies of which no limb is known: a chain along the backbone (`soft`), or one bone (`prop`)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import spine
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
UP, FRONT = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])


def chain(name: str, joints: Array, parent: str, z: Array, first: int = 1) -> list[Bone]:
    """Bones `name.001` … through joints (J, 3), each connected with the one before."""
    out: list[Bone] = []
    for number, (head, tail) in enumerate(itertools.pairwise(joints), first):
        out.append(Bone(f"{name}.{number:03d}", out[-1].name if out else parent, head, tail, z, bool(out)))
    return out


def soft(vertices: Array, triangles: Array, bones: int, axis: str) -> tuple[Skeleton, bool]:
    """One chain upwards from the floor, or two from the middle of a lying body outwards; and whether it is upright."""
    found = spine.find(vertices, triangles, bones, axis)
    joints, z = found.joints, FRONT if found.upright else UP
    start = 0 if found.upright else (bones + 1) // 2
    out = [root(joints[start], 0.25 * found.length), *chain("spine", joints[start:], ROOT, z)]
    out += chain("back", joints[start::-1], ROOT, z) if start else []
    names = [bone.name for bone in out if bone.name.startswith("spine")]
    marks = {"hips": tuple(names[:1]), "head": tuple(names[-1:])}
    return Skeleton("soft", tuple(out), 0.5, marks), found.upright


def prop(vertices: Array) -> Skeleton:
    """The root and one bone through the body from its base to its top."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    foot, size = np.array([*(low + high)[:2] / 2, low[2]]), high - low
    top = foot + np.array([0.0, 0.0, max(float(size[2]), 0.02 * float(size.max()))])
    body = Bone("body", ROOT, foot, top, FRONT)
    return Skeleton("prop", (root(foot, 0.5 * float(size.max())), body), 1.0, {"hips": ("body",)})
