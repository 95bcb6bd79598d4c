# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of a four-legged animal that stands. Named and ordered as Rigify's basic quadruped.

There `spine.004` is the hips, the numbers above go on to the head (`spine.011`), those below back to the tail's tip
(`spine`). A body without a tail has no bones of one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs
from .joints import even, hinge
from .limbs import Limb
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
_FRONT, _UP, _BACK = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
_HIND, _FORE = (0.31, 0.6, 0.9), (0.31, 0.66, 0.9)
"""Of the way from hip or shoulder down to the floor: knee, hock and ball; elbow, wrist and ball. Between those of
Rigify's quadruped and of a horse."""
_THIGH = 0.05
"""Of the body's length: how far the hip lies in front of where the hind leg leaves the body."""
_SURE = 2.5
"""How much more must stick out behind than in front of a body that faces -Y, before it is taken to face +Y."""
Legs = tuple[Limb, Limb, Limb, Limb]


@dataclass(frozen=True)
class Stand:
    """`legs`: fore left and right, hind left and right, in `shape`, which faces its head."""

    shape: Shape
    legs: Legs
    score: float


def look(shape: Shape) -> Stand | None:
    """The four legs, if it has them, and how much it is like one, 0 to 1."""
    floor, long = shape.low[2], float(shape.size[1])
    low = [
        limb for limb in shape.limbs if limb.tip[2] - floor < 0.15 * shape.height and limb.length > 0.1 * shape.height
    ]
    best: tuple[float, Stand] | None = None
    for cut in sorted({limb.tip[1] for limb in low}):
        ahead, behind = [x for x in low if x.tip[1] < cut], [x for x in low if x.tip[1] >= cut]
        fore, hind = shape.pair(ahead, 0.02 * long), shape.pair(behind, 0.02 * long)
        if fore is None or hind is None:
            continue
        apart = (hind[0].tip[1] + hind[1].tip[1] - fore[0].tip[1] - fore[1].tip[1]) / 2
        score = (fore[2] * hind[2]) ** 0.5 * float(np.clip(apart / (0.25 * long), 0, 1))
        if best is None or score > best[0]:
            best = score, Stand(shape, (*fore[:2], *hind[:2]), score)
    if best is None:
        return None
    stand = _facing(best[1])
    return Stand(stand.shape, stand.legs, stand.score * _headed(stand))


def _headed(stand: Stand) -> float:
    """0 to 1: a head sticks out in front of the legs, in the middle, and they stand farther behind each other than
    beside each other: neither is so with tables and chairs."""
    shape, trunk = stand.shape, limbs.trunk(stand.shape.points, stand.legs)
    fore, wide = stand.legs[:2], stand.legs[0].tip[0] - stand.legs[1].tip[0]
    line = min(limb.curve[len(limb.curve) // 2, 1] for limb in fore)
    over = shape.points[:, 2] > max(limb.root[2] for limb in fore) - 0.05 * shape.height
    over |= trunk
    side = np.abs(shape.points[:, 0])
    middle, outer = over & (side < max(0.3 * wide, 2 * shape.cells.cell)), over & (side > 0.45 * wide)
    reach = line - float(shape.points[middle, 1].min()) if middle.any() else 0.0
    beside = line - float(shape.points[outer, 1].min()) if outer.any() else 0.0
    apart = stand.legs[2].tip[1] + stand.legs[3].tip[1] - fore[0].tip[1] - fore[1].tip[1]
    square = (wide + stand.legs[2].tip[0] - stand.legs[3].tip[0]) / max(float(apart), 1e-9)
    own = np.clip((reach - max(0.0, 0.9 * beside)) / (0.12 * shape.size[1]), 0, 1)
    out = own * np.clip((reach / shape.size[1] - 0.1) / 0.12, 0, 1) * np.clip((0.95 - square) / 0.15, 0, 1)
    return float(out**0.5)


def _facing(stand: Stand) -> Stand:
    """The same, turned so that the head is in front: the end with more of the body, and the higher one."""
    shape, legs = stand.shape, stand.legs
    trunk = limbs.trunk(shape.points, legs)
    ends = [(legs[0].tip[1] + legs[1].tip[1]) / 2, (legs[2].tip[1] + legs[3].tip[1]) / 2]
    belly = np.mean([leg.root[2] for leg in legs])
    ahead, behind = trunk & (shape.points[:, 1] < ends[0]), trunk & (shape.points[:, 1] > ends[1])

    def weight(some: Array) -> float:
        over = np.clip(shape.points[some, 2] - 0.6 * belly, 0, None)
        return float(over.sum() * over.max() ** 2) if len(over) else 0.0

    front, back = weight(ahead), weight(behind)
    if back > (_SURE if shape.frame.angle == 0 else 1.0) * front:
        other = shape.turned(np.pi)
        return Stand(other, tuple(_turned(legs[k]) for k in (3, 2, 1, 0)), stand.score)  # type: ignore[arg-type]
    return stand


def _turned(limb: Limb) -> Limb:
    half = np.array([-1.0, -1.0, 1.0])
    return Limb(limb.tip * half, limb.length, limb.level, limb.cells, limb.curve * half, limb.radii)


def skeleton(stand: Stand, confidence: float) -> Skeleton:
    shape = stand.shape
    trunk = limbs.trunk(shape.points, stand.legs)
    long = float(shape.size[1])
    fore = even((_leg(shape, limb, trunk, _FORE) for limb in stand.legs[:2]), 0.04 * long)
    hind = even((_leg(shape, limb, trunk, _HIND) for limb in stand.legs[2:]), 0.04 * long)
    hips, withers = (hind[0][0] + hind[1][0]) / 2, (fore[0][0] + fore[1][0]) / 2
    back = _back(shape, trunk, float(hips[1]), float(withers[1]))
    neck = _neck(shape, trunk, back[-1])
    tail = _tail(shape, back[0], float(hips[1]), stand.legs)
    out = [root((hips + withers) / 2, 0.25 * long), *_column(back, neck, tail)]
    for side, front, rear in zip("LR", fore, hind, strict=True):
        out += _bones(side, front, rear, back[-1])
    marks = {
        "hips": ("spine.004",),
        "neck": ("spine.009", "spine.010"),
        "head": ("spine.011",),
        "tail": ("spine.003", "spine.002", "spine.001", "spine") if tail is not None else (),
        "feet": ("front_foot.L", "front_foot.R", "foot.L", "foot.R"),
    }
    return Skeleton("quadruped", tuple(out), confidence, marks)


def _leg(shape: Shape, limb: Limb, trunk: Array, shares: tuple[float, ...]) -> Array:
    """Hip, knee, hock, ball and tip of the toes (5, 3); or the same of a fore leg."""
    floor = float(shape.points[limb.cells, 2].min())
    upper = limb.curve[: max(2, len(limb.curve) // 3)].mean(axis=0)
    over = trunk & (np.abs(shape.points[:, 1] - upper[1]) < 0.04 * shape.size[1])
    over &= shape.points[:, 0] * np.sign(limb.tip[0]) > -shape.cells.cell
    top = float(np.quantile(shape.points[over, 2], 0.98)) if over.any() else limb.root[2] * 1.2
    hind = shares is _HIND
    rise = (0.65 if hind else 0.5) * max(top - limb.root[2], 0.0)
    ahead = _THIGH * float(shape.size[1]) if hind else 0.0
    hip = np.array([upper[0], 0.5 * (upper[1] + limb.root[1]) - ahead, limb.root[2] + rise])
    curve = np.concatenate([hip[None], limb.curve[limb.curve[:, 2] < hip[2]], limb.tip[None]])
    heights = np.minimum.accumulate(curve[:, 2])
    wanted = hip[2] - np.array(shares) * (hip[2] - floor)
    places = [np.array([np.interp(-z, -heights, curve[:, k]) for k in range(2)] + [z]) for z in wanted]
    if hind:
        places[0][1] = min(places[0][1], hip[1] + 0.3 * (places[1][1] - hip[1]))
    foot = shape.points[limb.cells]
    foot = foot[foot[:, 2] < floor + 0.06 * (hip[2] - floor) + shape.cells.cell]
    tips = foot[foot[:, 1] < foot[:, 1].min() + 2 * shape.cells.cell]
    toe = np.array([tips[:, 0].mean(), foot[:, 1].min(), floor])
    ball = places[2]
    least = 0.25 * (hip[2] - floor) * 0.3
    toe[1] = min(toe[1], ball[1] - least)
    return np.stack([hip, *places, toe])


def _back(shape: Shape, trunk: Array, hips: float, withers: float) -> Array:
    """Joints (6, 3) from the rump over the hips to the chest, somewhat above the middle of the trunk."""
    step = (hips - withers) / 3.6
    ys = np.linspace(hips + 0.5 * step, withers - 0.2 * step, 6)
    out = []
    for y in ys:
        near = trunk & (np.abs(shape.points[:, 1] - y) < max(0.25 * step, 1.5 * shape.cells.cell))
        near &= np.abs(shape.points[:, 0]) < 0.35 * shape.size[0]
        column = shape.points[near]
        if not len(column):
            column = np.array([[0.0, y, 0.7 * shape.height]])
        z = column[:, 2].mean()
        out.append([0.0, y, z + 0.3 * (np.quantile(column[:, 2], 0.95) - z)])
    back = np.array(out)
    # A head or a tail that rises over an end of the back lifts its mean there; the back itself is nearly level.
    line = np.polyval(np.polyfit(ys[1:4], back[1:4, 2], 1), ys)
    bound = 0.12 * shape.height
    back[:, 2] = np.clip(back[:, 2], line - bound, line + bound)
    return limbs.smoothed(back, 1)


def _neck(shape: Shape, trunk: Array, chest: Array) -> Array:
    """Joints (4, 3): chest, middle and end of the neck, snout."""
    front = trunk & (shape.points[:, 1] < chest[1])
    middle = front & (np.abs(shape.points[:, 0]) < 0.08 * shape.size[1])
    if middle.sum() < 4:
        straight: Array = np.linspace(chest, chest + 0.15 * shape.size[1] * _FRONT, 4)
        return straight
    cells = shape.points[middle]
    snout = cells[cells[:, 1] < cells[:, 1].min() + 2 * shape.cells.cell].mean(axis=0)
    snout[0] = 0.0
    away = shape.cells.distances(np.array([shape.cells.nearest(chest)]))
    reach = away[shape.cells.nearest(snout)]
    way = np.flatnonzero(front & (away < reach) & (away > 0.1 * reach))
    curve = np.stack([chest, snout])
    if len(way) > 10 and np.isfinite(reach):
        inner, _ = limbs.slices(shape.cells, away, way, 0.0)
        inner[:, 0] = 0.0
        curve = np.concatenate([chest[None], inner, snout[None]])
    share = np.linalg.norm(hinge(curve, 0.58, 0.4, 0.72) - chest)
    whole = np.linalg.norm(curve - chest, axis=1)
    at = float(np.clip(np.interp(share, np.maximum.accumulate(whole), np.linspace(0, 1, len(curve))), 0.35, 0.75))
    out: Array = limbs.along(curve, np.array([0.0, at / 2, at, 1.0]))
    return out


def _tail(shape: Shape, rump: Array, hips: float, legs: Legs) -> Array | None:
    """Joints (5, 3) from the rump to the tip, or None where no tail sticks out."""
    long = float(shape.size[1])
    for limb in shape.limbs:
        if limb.tip[1] < hips + 0.04 * long or abs(limb.tip[0]) > 0.15 * long or limb.length < 0.08 * long:
            continue
        if any(np.abs(limb.tip - leg.tip).max() < 2 * shape.cells.cell for leg in legs):
            continue
        start = shape.cells.nearest(rump)
        away = shape.cells.distances(np.array([start]))
        curve = limbs.path(shape.cells, away, shape.cells.nearest(limb.tip))[::-1]
        curve = np.concatenate([rump[None], curve[1:]]) * [0.5, 1.0, 1.0]
        if limbs.length(curve) > 0.12 * long:
            return limbs.along(limbs.smoothed(curve), np.linspace(0, 1, 5))
    return None


def _column(back: Array, neck: Array, tail: Array | None) -> list[Bone]:
    """`spine.004` and what grows from it both ways, in Rigify's order."""
    joints = [*back, *neck[1:]]
    column = [
        Bone(
            f"spine.{number:03d}",
            f"spine.{number - 1:03d}" if number > 4 else ROOT,
            head,
            end,
            _UP,
            number not in (4, 9),
        )
        for number, (head, end) in enumerate(itertools.pairwise(joints), 4)
    ]
    if tail is None:
        return column
    names = ("spine.003", "spine.002", "spine.001", "spine")
    parents = ("spine.004", *names[:3])
    rear = [Bone(n, p, tail[k], tail[k + 1], _UP, k > 0) for k, (n, p) in enumerate(zip(names, parents, strict=True))]
    return [column[0], *rear, *column[1:]]


def _bones(side: str, fore: Array, hind: Array, chest: Array) -> list[Bone]:
    """A shoulder blade, a fore leg and a hind leg. Knees bend forwards, elbows and hocks backwards."""
    start = np.array([0.5 * fore[0][0], fore[0][1] + 0.3 * (chest[1] - fore[0][1]), max(chest[2], fore[0][2])])
    start[2] = max(start[2], fore[0][2] + 0.25 * (fore[0][2] - fore[1][2]))
    shoulder = Bone(f"shoulder.{side}", "spine.008", start, fore[0] + 0.1 * (start - fore[0]), _UP)
    out = [shoulder]
    for prefix, joints, parent in (("front_", fore, shoulder.name), ("", hind, "spine.005")):
        names = [f"{prefix}{name}.{side}" for name in ("thigh", "shin", "foot", "toe")]
        facing = (_BACK if prefix else _FRONT, _BACK if prefix else _FRONT, _FRONT, _UP)
        for k, name in enumerate(names):
            out.append(Bone(name, parent, joints[k], joints[k + 1], facing[k], k > 0))
            parent = name
    return out
