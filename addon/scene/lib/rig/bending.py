# SPDX-License-Identifier: GPL-3.0-or-later
"""How well a skin bends: every main joint is bent, one at a time, and what becomes of edges and volume is measured.

Linear blending as Blender's modifier does it without preserving volume. numpy, and Blender's tree of points.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from mathutils import Matrix, Vector
from mathutils.kdtree import KDTree
from numpy.typing import NDArray

from .skeleton import Skeleton

Array = NDArray[Any]
DEGREES = 60.0
_JOINTS = 24
"""Joints that are bent at most, those of the longest bones."""
_SHORT = 0.02
"""Of the body's size: shorter bones, such as those of fingers, are no main joints."""
_SAMPLES = 4000
_SIDES = (re.compile(r"^(.*[._ -])([lr])(\d*)$", re.I), re.compile(r"^()(left|right)(.*)$", re.I))


def measured(
    points: Array, edges: Array, faces: Array, table: Array, names: list[str], bones: Skeleton
) -> dict[str, Any]:
    """Numbers for a report. `stretch` of an edge is its length, posed by rest, in the worst pose; 1 is none.

    `volume_change` is the largest share of the volume that a pose loses or wins.
    """
    rest = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    good = rest > 1e-9
    worst, change, count = np.ones(len(edges)), 0.0, 0
    volume = _volume(points, faces)
    for name in main_joints(points, names, bones):
        posed = bent(points, table, names, bones, name)
        length = np.linalg.norm(posed[edges[:, 0]] - posed[edges[:, 1]], axis=1)
        worst[good] = np.maximum(worst[good], length[good] / rest[good])
        if abs(volume) > 1e-12:
            change = max(change, abs(_volume(posed, faces) / volume - 1))
        count += 1
    out: dict[str, Any] = {"joints_bent": count}
    if count and len(edges):
        out |= {
            "stretch_p95": round(float(np.percentile(worst, 95)), 3),
            "stretch_max": round(float(worst.max()), 2),
            "volume_change": round(change, 4),
        }
    sides = asymmetry(points, table, names)
    return out if sides is None else {**out, "asymmetry": round(sides, 4)}


def main_joints(points: Array, names: list[str], bones: Skeleton) -> list[str]:
    """Bones that turn against another bone that moves skin, the longest first."""
    size, known = float(np.ptp(points, axis=0).max()), set(names)
    found = [each for each in bones.bones if each.name in known and each.parent in known]
    found = [each for each in found if each.length > _SHORT * size]
    return [each.name for each in sorted(found, key=lambda each: -each.length)[:_JOINTS]]


def bent(points: Array, table: Array, names: list[str], bones: Skeleton, name: str) -> Array:
    """The points (V, 3) when one bone is turned about its own X axis, and all that hangs on it with it."""
    below = {name}
    for each in bones.bones:
        if each.parent in below:
            below.add(each.name)
    bone = bones[name]
    along = bone.tail - bone.head
    axis = Vector(np.cross(along, bone.z)) if bone.z is not None else Vector((1, 0, 0))
    turn = np.array(Matrix.Rotation(np.radians(DEGREES), 3, axis))
    share = table[:, [b for b, each in enumerate(names) if each in below]].sum(axis=1)
    moved = (points - bone.head) @ turn.T + bone.head
    return np.asarray(points + share[:, None] * (moved - points))


def asymmetry(points: Array, table: Array, names: list[str]) -> float | None:
    """0 where left and right are moved alike, 1 where by quite other bones; None where there are no two sides.

    Compared are points and those that lie mirrored in x, where there are any.
    """
    other = _mirrored(names)
    if all(a == b for a, b in enumerate(other)) or not len(points):
        return None
    used = np.linspace(0, len(points) - 1, min(_SAMPLES, len(points))).astype(int)
    tree = KDTree(len(points))
    for number, point in enumerate(points.tolist()):
        tree.insert(point, number)
    tree.balance()
    middle = (points[:, 0].min() + points[:, 0].max()) / 2
    near = 0.01 * float(np.linalg.norm(np.ptp(points, axis=0)))
    found = [tree.find((2 * middle - x, y, z)) for x, y, z in points[used].tolist()]
    pairs = np.array([(here, hit[1]) for here, hit in zip(used, found, strict=True) if hit[2] <= near])
    if len(pairs) < 0.2 * len(used):
        return None
    return float(np.abs(table[pairs[:, 0]] - table[pairs[:, 1]][:, other]).sum(axis=1).mean() / 2)


def _mirrored(names: list[str]) -> list[int]:
    """The number of each bone's counterpart on the other side, its own where it has none."""
    swap = {"l": "r", "r": "l", "left": "right", "right": "left"}
    index = {name.lower(): number for number, name in enumerate(names)}
    out = []
    for number, name in enumerate(names):
        hit = next((match for each in _SIDES if (match := each.match(name.split(":")[-1]))), None)
        twin = f"{hit[1]}{swap[hit[2].lower()]}{hit[3]}".lower() if hit else ""
        before = name.lower()[: len(name) - len(name.split(":")[-1])]
        out.append(index.get(before + twin, number))
    return out


def _volume(points: Array, faces: Array) -> float:
    a, b, c = (points[faces[:, k]] - points.mean(axis=0) for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)
