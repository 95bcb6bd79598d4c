# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of long bodies without legs: snakes along any bends, and fish with their fins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs
from .backbone import UP, chain
from .limbs import Limb
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]


@dataclass(frozen=True)
class Line:
    """`curve` (C, 3) from the head to the tail with `radii` (C,); `score` 0 to 1."""

    curve: Array
    radii: Array
    score: float


def snake(shape: Shape) -> Line:
    """The way through the body from one of its ends to the other, which the snake is if it is long and round."""
    cells = shape.cells
    first = int(shape.far.argmax())
    away = cells.distances(np.array([int(cells.distances(np.array([first])).argmax())]))
    every = np.arange(len(shape.points))
    curve, radii = limbs.slices(cells, away, every, 0.0)
    radius = float(np.median(radii))
    slenderness = limbs.length(curve) / (2 * radius)
    bins = np.clip((away / (1.5 * cells.cell)).astype(int), 0, len(curve) - 1)
    spread = np.linalg.norm(shape.points - curve[bins], axis=1)
    tight = float(np.clip((2.2 - np.quantile(spread, 0.95) / radius) / 0.6, 0, 1))
    lies = float(np.clip((0.75 - shape.size[2] / shape.size[:2].max()) / 0.3, 0, 1))
    score = tight * lies * float(np.clip((slenderness - 7) / 4, 0, 1))
    ends = max(2, len(curve) // 8)
    if radii[-ends:].mean() > radii[:ends].mean():  # the tail tapers
        curve, radii = curve[::-1], radii[::-1]
    return Line(limbs.smoothed(curve, 3), radii, score)


def fish(shape: Shape) -> tuple[Line, Shape]:
    """A lying body without legs, slim from side to side, thinnest before its tail; and its shape facing the head."""
    long, wide, high = (float(shape.size[k]) for k in (1, 0, 2))
    bins = np.linspace(shape.low[1], shape.low[1] + long, 31)
    number = np.clip(np.digitize(shape.points[:, 1], bins) - 1, 0, 29)
    count = np.maximum(np.bincount(number, minlength=30), 1)
    area = np.convolve(np.bincount(number, minlength=30), [0.25, 0.5, 0.25], "same") * shape.cells.cell**2
    z = np.bincount(number, shape.points[:, 2], 30) / count
    x = np.bincount(number, shape.points[:, 0], 30) / count
    y = (bins[:-1] + bins[1:]) / 2
    front, rear = area[2:12].min(), area[18:28].min()
    facing = shape
    if front < (0.7 if shape.frame.angle == 0 else 1.0) * rear:
        facing, x, y, z, area = shape.turned(np.pi), -x[::-1], -y[::-1], z[::-1], area[::-1]
    waist = area[18:28].min() / area.max()
    slim = float(np.clip((0.75 - wide / long) / 0.25, 0, 1) * np.clip((0.9 - high / long) / 0.25, 0, 1))
    score = slim * float(np.clip((0.3 - waist) / 0.12, 0, 1)) * shape.symmetry
    score *= float(np.clip((long / max(wide, 1e-9) - 1.3) / 0.8, 0, 1))
    thick = np.flatnonzero(area > 0.15 * area.max())
    score *= float(np.clip((len(thick) / 30 - 0.4) / 0.2, 0, 1))  # a body, not a ball with a stick
    low = [x for x in shape.limbs if x.tip[2] - shape.low[2] < 0.1 * high and x.length > 0.25 * high]
    score *= 0.6 ** len(low)
    curve = limbs.smoothed(np.stack([0 * x, y, z], axis=1), 3)
    return Line(curve, np.sqrt(area / np.pi), score), facing


def snake_skeleton(shape: Shape, line: Line, bones: int, confidence: float) -> Skeleton:
    """One chain from the head to the tail's tip: as many bones as asked for, more where it is long and thin."""
    many = int(np.clip(limbs.length(line.curve) / (5 * max(float(np.median(line.radii)), 1e-9)), bones, 24))
    joints = limbs.along(line.curve, np.linspace(0, 1, many + 1))
    return _chained("snake", shape, joints, confidence, [])


def fish_skeleton(shape: Shape, line: Line, bones: int, confidence: float) -> Skeleton:
    """One chain from the nose to the tail fin, and a bone for each fin that sticks out."""
    joints = limbs.along(line.curve, np.linspace(0, 1, max(bones, 5) + 1))
    joints[0, 1], joints[-1, 1] = shape.low[1], shape.low[1] + shape.size[1]
    long = float(shape.size[1])
    fins = [x for x in shape.limbs if abs(x.tip[1] - shape.low[1] - long / 2) < 0.33 * long and x.length > 0.07 * long]
    return _chained("fish", shape, joints, confidence, fins)


def _chained(kind: str, shape: Shape, joints: Array, confidence: float, fins: list[Limb]) -> Skeleton:
    middle = joints[len(joints) // 2]
    out = [root(middle, 0.2 * float(shape.size.max())), *chain("spine", joints, ROOT, UP)]
    names = [bone.name for bone in out[1:]]
    heads = np.array([bone.head for bone in out[1:]])
    added: list[Bone] = []
    count = {"L": 0, "R": 0, "": 0}
    for limb in fins:
        side = "" if abs(limb.tip[0]) < 0.05 * shape.size[1] else "L" if limb.tip[0] > 0 else "R"
        count[side] += 1
        start = limb.curve[np.linalg.norm(limb.curve - limb.tip, axis=1).argmax()]
        start = start + 0.4 * (limb.tip - start)
        parent = names[int(np.linalg.norm(heads - start, axis=1).argmin())]
        added.append(Bone(".".join(filter(None, ("fin", side, f"{count[side]:03d}"))), parent, start, limb.tip, UP))
    marks = {
        "head": (names[0],),
        "hips": (names[0],),
        "tail": tuple(names[1:]),
        "fins": tuple(bone.name for bone in added),
    }
    return Skeleton(kind, (*out, *added), confidence, marks)
