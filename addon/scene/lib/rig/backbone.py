# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of bodies of which no limb is known: a chain along the backbone (`soft`), or one bone (`prop`)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import parts
from . import spine
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
_STANDS = (3, 8)
"""Legs that a thing stands on."""
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


def furniture(shape: Shape, confidence: float) -> Skeleton:
    """A prop's bones, and one up each leg that it stands on: `leg.001.L` … from the front. The body faces -Y; nothing
    bends by itself, for motions turn the whole."""
    whole = prop(shape.surface)
    made, count = [], {"L": 0, "R": 0}
    for head, foot in sorted(_legs(shape), key=lambda leg: float(leg[1][1])):
        side = "L" if foot[0] >= 0 else "R"
        count[side] += 1
        made.append(Bone(f"leg.{count[side]:03d}.{side}", "body", head, foot, FRONT))
    return Skeleton("furniture", (*whole.bones, *made), confidence, whole.marks)


def _legs(shape: Shape) -> list[tuple[Array, Array]]:
    """Upper end and foot of each leg: what falls into as many slim parts, all of which stand on the floor, wherever it
    is cut up to there. None where these are not 3 to 8, or lower than a tenth of the height."""
    low, high, wide = float(shape.low[2]), shape.height, float(shape.size[:2].max())
    out: list[tuple[Array, Array]] = []
    for share in np.arange(0.05, 0.7, 0.05):
        cut = _standing(shape, low + float(share) * high)
        if not _STANDS[0] <= len(cut) <= _STANDS[1] or (out and len(cut) != len(out)):
            break
        if max(float(np.ptp(points[:, :2], axis=0).max()) for points in cut) > 0.3 * wide:
            break
        slab = max(0.05 * high, 2 * shape.cells.cell)
        ends = [(leg[leg[:, 2] > leg[:, 2].max() - slab], leg[leg[:, 2] < low + slab]) for leg in cut]
        feet = [np.array([*bottom[:, :2].mean(axis=0), low]) for _, bottom in ends]
        out = [(top.mean(axis=0), foot) for (top, _), foot in zip(ends, feet, strict=True)]
    return out if out and min(float(head[2]) for head, _ in out) > low + 0.1 * high else []


def _standing(shape: Shape, cut: float) -> list[Array]:
    """Cells (K, 3) of each part of the body below a height; empty where one of them does not reach the floor."""
    points, near = shape.points, shape.cells.near
    below = np.append(points[:, 2] < cut, False)
    one, other = np.nonzero(below[near] & below[:-1, None])
    pairs = np.stack([one, near[one, other], near[one, other]], axis=1).astype(np.int32)
    label = parts.label(pairs, len(points))[below[:-1]]
    found = [points[below[:-1]][label == name] for name in np.unique(label)]
    found = [part for part in found if len(part) > 3]
    floor = float(shape.low[2]) + 2 * shape.cells.cell
    return found if all(float(part[:, 2].min()) < floor for part in found) else []
