# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of a plant: a trunk from the floor upwards, and branches where the body forks.

Distances through the body from its foot: their level sets are slices of trunk and branches (a Reeb graph).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs
from .backbone import FRONT, chain
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
_BRANCHES = 12


def look(shape: Shape) -> float:
    """How much it is like a plant, 0 to 1: a narrow foot below a wide, ragged crown."""
    points, low, high = shape.points, shape.low[2], shape.height
    wide = float(np.ptp(points[:, :2], axis=0).max())
    foot = points[points[:, 2] < low + 0.1 * high]
    narrow = 1 - float(np.ptp(foot[:, :2], axis=0).max()) / wide
    stem = points[np.abs(points[:, 2] - low - 0.2 * high) < 0.05 * high]
    slim = 1 - float(np.ptp(stem[:, :2], axis=0).max()) / wide if len(stem) else 0.0
    rim = np.linalg.norm(shape.cells.normals, axis=1)
    rim = rim[rim > 0]
    ragged = float(np.clip((0.9 - rim.mean()) / 0.2, 0, 1)) if len(rim) else 0.0
    if len(shape.limbs) < 7:  # few branches: then there must be a true stem, thin in both ways
        slab = np.bincount(((points[:, 2] - low) / (0.1 * high)).astype(int).clip(0, 9), minlength=10)
        narrow = min(narrow, 1 - float(min(slab[0], slab[1:3].mean()) / slab.max()) ** 0.5)
    many = float(np.clip((len(shape.limbs) - 3) / 5, 0, 1))
    flat = np.ptp(points[:, :2], axis=0)
    deep = float(np.clip((flat.min() / wide - 0.3) / 0.2, 0, 1))  # a relief is none
    tall = deep * float(np.clip((high / wide - 0.35) / 0.2, 0, 1))
    return float(tall * np.clip((narrow - 0.32) / 0.2, 0, 1) * min(1.0, 0.35 * (1 + slim + ragged) + 0.3 * many))


def skeleton(shape: Shape, bones: int, confidence: float) -> Skeleton:
    """`trunk.001` … upwards, and chains `branch.01.001` … that leave it."""
    points, cell = shape.points, shape.cells.cell
    foot = np.flatnonzero(points[:, 2] < shape.low[2] + max(2 * cell, 0.02 * shape.height))
    away = shape.cells.distances(foot)
    found = limbs.find(shape.cells, away, 0.12 * float(shape.size.max()))
    trunk = _trunk(shape)
    joints = limbs.along(trunk, np.linspace(0, 1, bones + 1))
    out = [root(joints[0], 0.25 * shape.height), *chain("trunk", joints, ROOT, FRONT)]
    heads = np.array([bone.head for bone in out[1:]])
    top = points[int(away.argmax())]
    number, branches = 0, []
    for limb in found:
        off = np.linalg.norm(trunk - limb.tip, axis=1).min()
        if np.abs(limb.tip - top).max() < 2 * cell or off < 0.12 * shape.height or number >= _BRANCHES:
            continue
        number += 1
        start = joints[int(np.linalg.norm(joints - limb.root, axis=1).argmin())]
        curve = np.concatenate([(0.5 * (limb.root + start))[None], limb.curve, limb.tip[None]])
        parts = limbs.along(limbs.smoothed(curve), np.linspace(0, 1, 3))
        parent = int(np.linalg.norm(heads - parts[0], axis=1).argmin())
        branches += chain(f"branch.{number:02d}", parts, out[1 + parent].name, FRONT)
    names = [bone.name for bone in out[1:]]
    marks = {"hips": (names[0],), "head": (names[-1],), "branches": tuple(bone.name for bone in branches)}
    bones_of: tuple[Bone, ...] = (*out, *branches)
    return Skeleton("plant", bones_of, confidence, marks)


def _trunk(shape: Shape) -> Array:
    """From the foot to the top: the middles of the stem's slices, and in the crown towards its middle."""
    points, cell = shape.points, shape.cells.cell
    top = points[:, 2] > shape.low[2] + 0.9 * shape.height
    goal = points[top].mean(axis=0)
    levels = np.linspace(shape.low[2], goal[2], 13)
    out: list[Array] = []
    for z in levels:
        near = points[np.abs(points[:, 2] - z) < max(1.5 * cell, 0.03 * shape.height)]
        last = out[-1] if out else (near.mean(axis=0) if len(near) else np.array([*goal[:2], z]))
        close = near[np.linalg.norm(near[:, :2] - last[:2], axis=1) < 0.2 * shape.height] if len(near) else near
        place = close.mean(axis=0) if len(close) else last
        out.append(np.array([*(0.5 * (place + last))[:2], z]))
    return limbs.smoothed(np.array(out), 2)
