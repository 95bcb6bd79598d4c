# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of a bird: a backbone from the tail to the beak, two wings, and two legs where it stands on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs
from .backbone import FRONT, UP, chain
from .joints import even
from .limbs import Limb
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
Pair = tuple[Limb, Limb]


@dataclass(frozen=True)
class Bird:
    """`wings` where they are spread, `legs` where it stands; `shape` faces its head."""

    shape: Shape
    wings: Pair | None
    legs: Pair | None
    score: float


def look(shape: Shape) -> Bird:
    """How much it is like a bird: wings to both sides of a lying body, or that body on two thin legs."""
    long, wide, high = (float(shape.size[k]) for k in (1, 0, 2))
    floor = shape.low[2]
    low = [x for x in shape.limbs if x.tip[2] - floor < 0.12 * high and 0.12 * high < x.length]
    legs = shape.pair([x for x in low if abs(x.tip[0]) < 0.4 * wide or wide < 0.5 * high], 0.02 * high)
    feet = [] if legs is None else [legs[0].tip, legs[1].tip]
    rest = [x for x in shape.limbs if all(np.abs(x.tip - foot).max() > 1e-9 for foot in feet)]
    wings = shape.pair([x for x in rest if abs(x.tip[0]) > 0.3 * wide], 0.6 * wide) if wide > 0.7 * long else None
    score = 0.0
    if wings is not None:
        spread = float(np.clip((wide / long - 0.6) / 0.5, 0, 1))
        thin = max(wing.radius / max(wing.length, 1e-9) for wing in wings[:2])
        spread *= float(np.clip((0.22 - thin) / 0.07, 0, 1))
        flat = float(np.clip((0.75 - high / wide) / 0.25, 0, 1))
        score = wings[2] * spread * flat * _lies(shape, [*wings[:2], *(legs or ())[:2]]) * shape.symmetry
    elif legs is not None:
        both = (legs[0].radius + legs[1].radius) / 2
        thin = float(np.clip((0.14 - both / high) / 0.05, 0, 1))
        lean = float(np.clip((long / high - 0.5) / 0.25, 0, 1))
        off = abs((legs[0].tip[1] + legs[1].tip[1]) / 2 - shape.points[:, 1].mean()) / long
        under = float(np.clip(1.6 - 2.2 * off, 0, 1))
        score = legs[2] * thin * lean * under * shape.symmetry * 0.5 ** max(0, len(low) - 2)
    return Bird(shape, wings[:2] if wings else None, legs[:2] if legs else None, min(1.0, score))


def _lies(shape: Shape, some: list[Limb]) -> float:
    """0 to 1: the trunk is longer than high."""
    trunk = np.ones(len(shape.points), bool)
    for limb in some:
        trunk[limb.cells] = False
    points = shape.points[trunk & (np.abs(shape.points[:, 0]) < 0.25 * shape.size[0])]
    if len(points) < 20:
        return 0.0
    deep, high = points[:, 1:].std(axis=0)
    return float(np.clip((deep / high - 0.9) / 0.4, 0, 1))


def skeleton(bird: Bird, confidence: float) -> tuple[Skeleton, Shape]:
    """And the shape it is in, which faces its head."""
    bird = _facing(bird)
    shape = bird.shape
    back = _back(bird)
    names = ("spine", "spine.001", "spine.002", "spine.003", "spine.004")
    hips = back[2]
    out = [root(hips, 0.3 * float(shape.size.max()))]
    for k, name in enumerate(names):
        out.append(Bone(name, names[k - 1] if k else ROOT, back[k + 2], back[k + 3], UP, k > 0))
    out += chain("tail", back[2::-1], "spine", UP)
    wings = _wings(bird, back)
    for side, joints in zip("LR", wings, strict=True):
        out += chain(f"wing.{side}", joints, "spine.002", UP)
    if bird.legs:
        legs = even((_leg(shape, limb, back) for limb in bird.legs), 0.15 * shape.height)
        for side, joints in zip("LR", legs, strict=True):
            parent = "spine"
            for k, name in enumerate(("thigh", "shin", "foot")):
                out.append(Bone(f"{name}.{side}", parent, joints[k], joints[k + 1], FRONT, k > 0))
                parent = out[-1].name
    marks = {
        "hips": ("spine",),
        "neck": ("spine.003",),
        "head": ("spine.004",),
        "tail": ("tail.001", "tail.002"),
        "wings": tuple(bone.name for bone in out if bone.name.startswith("wing")),
        "feet": ("foot.L", "foot.R") if bird.legs else (),
    }
    return Skeleton("bird", tuple(out), confidence, marks), shape


def _facing(bird: Bird) -> Bird:
    """Turned so that the head is in front: the higher end of a standing one, the thicker end of a flying one."""
    shape = bird.shape
    y = shape.points[:, 1]
    low, high = np.quantile(y, (0.06, 0.94))
    front, rear = shape.points[y < low], shape.points[y > high]
    if bird.legs:
        gain = float(rear[:, 2].max() - front[:, 2].max()) / shape.height
    else:
        flat = [float(np.ptp(end[:, 0]) / max(np.ptp(end[:, 2]), shape.cells.cell)) for end in (front, rear)]
        gain = 0.1 * (flat[0] - flat[1])  # a tail is flat
    if gain <= (0.25 if shape.frame.angle == 0 else 0.0):
        return bird
    half = np.array([-1.0, -1.0, 1.0])

    def turned(pair: Pair | None) -> Pair | None:
        if pair is None:
            return None
        a, b = (Limb(x.tip * half, x.length, x.level, x.cells, x.curve * half, x.radii) for x in pair)
        return b, a

    return Bird(shape.turned(np.pi), turned(bird.wings), turned(bird.legs), bird.score)


def _back(bird: Bird) -> Array:
    """Joints (8, 3) from the tail's tip over the hips (index 2) to the beak, on the middle plane."""
    shape = bird.shape
    trunk = np.ones(len(shape.points), bool)
    for limb in (*(bird.wings or ()), *(bird.legs or ())):
        trunk[limb.cells] = False
    trunk &= np.abs(shape.points[:, 0]) < 0.3 * min(shape.size[0], shape.size[1])
    cells = np.flatnonzero(trunk)
    rear = cells[shape.points[cells, 1].argmax()]
    away = shape.cells.distances(np.array([rear]), trunk)
    cells = cells[np.isfinite(away[cells])]
    curve, _ = limbs.slices(shape.cells, away, cells, 0.0)
    curve[:, 0] = 0.0
    return limbs.along(limbs.smoothed(curve, 4), np.array([0.0, 0.16, 0.32, 0.46, 0.6, 0.74, 0.86, 1.0]))


def _wings(bird: Bird, back: Array) -> tuple[Array, Array]:
    """Joints (4, 3) of each, from the shoulder to the tip; along the flanks where they are folded."""
    shape, shoulder = bird.shape, back[5]
    if bird.wings:
        return even((_wing(shape, limb, shoulder) for limb in bird.wings), 0.05 * float(shape.size[0]))
    half = 0.5 * float(shape.size[0])
    near = np.abs(shape.points[:, 1] - back[4, 1]) < 0.1 * shape.size[1]
    half = min(half, float(np.abs(shape.points[near, 0]).max())) if near.any() else half
    line = np.stack([back[5], back[4], back[3], back[1]])
    out = np.array([0.85, 0.95, 0.85, 0.4]) * half
    left = line + np.stack([out, 0 * out, 0 * out], axis=1)
    return left, left * np.array([-1.0, 1.0, 1.0])


def _wing(shape: Shape, limb: Limb, shoulder: Array) -> Array:
    side = np.sign(limb.tip[0])
    start = np.array([side * 0.08 * shape.size[0], shoulder[1], shoulder[2]])
    curve = limb.curve[limb.curve[:, 0] * side > abs(start[0]) + 2 * shape.cells.cell]
    whole = np.concatenate([start[None], curve, limb.tip[None]])
    return limbs.along(limbs.smoothed(whole), np.array([0.0, 0.33, 0.66, 1.0]))


def _leg(shape: Shape, limb: Limb, back: Array) -> Array:
    """Hip, knee, heel and toes (4, 3)."""
    floor = shape.low[2]
    hip = np.array([0.9 * limb.root[0], limb.root[1], 0.5 * (limb.root[2] + max(back[2, 2], limb.root[2]))])
    curve = np.concatenate([hip[None], limb.curve])
    knee, heel = limbs.along(curve, 0.42), limbs.along(curve, 0.88)
    heel[2] = max(heel[2], floor + 0.03 * shape.height)
    toe = np.array([limb.tip[0], min(limb.tip[1], heel[1] - 0.05 * shape.height), floor])
    return np.stack([hip, knee, heel, toe])
