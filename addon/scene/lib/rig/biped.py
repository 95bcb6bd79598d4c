# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of an upright body with two arms and two legs, in any pose in which arms and legs can be told apart.

Shares of heights and lengths follow the anthropometry of Drillis and Contini (1966), checked against scanned rigs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.posing import POINTS
from . import limbs
from .joints import even, hinge
from .limbs import Limb
from .shape import Shape
from .sight import Sight
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
_FRONT, _UP, _BACK = np.array([0.0, -1.0, 0.0]), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
_SPINE = (0.0, 0.227, 0.436, 0.703, 1.0)
"""Shares between hips and neck where the bones of Rigify's human spine end."""
_THEIRS = 0.4
"""How far joints are drawn towards those that the network sees: the best of 0 to 1 on four bodies of `anny`."""
_HAND, _SKULL = 0.54, 0.38
"""The middle of the hand beyond the wrist, in forearms; the base of the skull between those of neck and crown."""


@dataclass(frozen=True)
class Landmarks:
    """Joints in metres. `leg`: hip, knee, ankle, ball, toe (5, 3); `arm`: shoulder, elbow, wrist, hand (4, 3)."""

    legs: tuple[Array, Array]
    arms: tuple[Array, Array]
    spine: Array
    head: Array


@dataclass(frozen=True)
class Person:
    """Left and right; None where nothing sticks out, so that the joints go by the usual proportions."""

    legs: tuple[Limb, Limb] | None
    arms: tuple[Limb, Limb] | None


def look(shape: Shape) -> tuple[float, Person]:
    """How much it is like one, 0 to 1; and its legs and arms."""
    high, floor = shape.height, shape.low[2]
    low = [limb for limb in shape.limbs if limb.tip[2] - floor < 0.16 * high and limb.length > 0.12 * high]
    legs = shape.pair(low, 0.05 * high)
    if legs is None:
        return 0.0, Person(None, None)
    more = [limb for limb in low if min(np.abs(limb.tip - leg.tip).max() for leg in legs[:2]) > 1e-9]
    rest = [
        limb
        for limb in shape.limbs
        if limb.length > 0.08 * high
        and limb.tip[2] - floor > 0.2 * high
        and min(np.abs(limb.tip - leg.tip).max() for leg in legs[:2]) > 1e-9
    ]
    arms = shape.pair([limb for limb in rest if limb.tip[2] - floor < 0.82 * high], 0.2 * high)
    arms = arms or shape.pair(rest, 0.2 * high)
    trunk = limbs.trunk(shape.points, [*legs[:2], *(_trimmed(shape, arm) for arm in (arms or ())[:2])])
    crotch = (legs[0].root[2] + legs[1].root[2]) / 2 - floor
    deep, width = np.ptp(shape.points[trunk][:, 1]), shape.size[0]
    score = legs[2] * float(np.clip((shape.symmetry - 0.2) / 0.5, 0, 1))
    score *= float(np.clip((crotch / high - 0.08) / 0.12, 0, 1))  # legs of some length
    score *= float(np.clip((0.9 * high - deep) / (0.35 * high), 0, 1)) * 0.45 ** len(more)  # upright, on two feet
    if arms is None:  # they lie on the trunk: then all the rest must be as people are
        human = np.clip((0.55 - width / high) / 0.1, 0, 1) * np.clip((crotch / high - 0.28) / 0.1, 0, 1)
        score *= 0.7 * float(human) * _necked(shape)
    else:
        score *= 1.15 * arms[2]
    return float(min(1.0, score)), Person(legs[:2], arms[:2] if arms else None)


def _necked(shape: Shape) -> float:
    """0 to 1: the body is much thinner somewhere below its top than further down, and wider above."""
    top = shape.low[2] + shape.height
    levels = top - np.linspace(0.03, 0.3, 28) * shape.height
    width = np.array([_width(shape, z) for z in levels])
    neck = int(width[6:20].argmin()) + 6
    return float(
        np.clip((0.62 - width[neck] / width[neck:].max()) / 0.15, 0, 1) * (width[:neck].max() > 1.1 * width[neck])
    )


def _width(shape: Shape, z: float) -> float:
    near = np.abs(shape.points[:, 2] - z) < 1.2 * shape.cells.cell
    return float(np.ptp(shape.points[near, 0])) + shape.cells.cell if near.any() else shape.cells.cell


def _trimmed(shape: Shape, limb: Limb) -> Limb:
    """Without what is so thick that it is the trunk."""
    usual = float(np.median(limb.radii[len(limb.radii) // 2 :]))
    thick = np.flatnonzero(limb.radii > 2.2 * usual)
    if not len(thick) or thick[-1] + 3 >= len(limb.radii):
        return limb
    return shape.cut(limb, limb.level + 1.5 * shape.cells.cell * (int(thick[-1]) + 1))


def landmarks(shape: Shape, found: Person) -> Landmarks:
    high = shape.height
    arms_of = tuple(_trimmed(shape, limb) for limb in found.arms or ())
    trunk = limbs.trunk(shape.points, [*(found.legs or ()), *arms_of])
    legs = even(_legs(shape, found), 0.03 * high)
    hips = (legs[0][0] + legs[1][0]) / 2
    wide = _half_width(shape, trunk, float(hips[2]))
    if arms_of:
        arms = even((_arm(shape, limb, wide) for limb in arms_of), 0.03 * high)
    else:
        arms = even((_hanging(shape, side, wide) for side in (1, -1)), 0.03 * high)
    shoulders = float((arms[0][0, 2] + arms[1][0, 2]) / 2)
    neck, skull, crown = _head(shape, shoulders)
    middle = np.array([0.5 * (arms[0][0, 0] + arms[1][0, 0]), 0, 0])
    share = np.array(_SPINE)[:, None]
    spine = (1 - share) * hips + share * neck
    spine[1:-1, 1] = [_depth(shape, trunk, z, middle[0], 0.5 * spine[i + 1, 1]) for i, z in enumerate(spine[1:-1, 2])]
    spine[:, 0] = np.linspace(hips[0], neck[0], len(spine))
    return Landmarks(legs, arms, limbs.smoothed(spine, 1), np.stack([neck, skull, crown]))


def _legs(shape: Shape, found: Person) -> tuple[Array, Array]:
    if found.legs:
        return _leg(shape, found.legs[0]), _leg(shape, found.legs[1])
    high, floor = shape.height, np.array([0.0, float(shape.points[:, 1].mean()), shape.low[2]])
    shares = np.array(
        [[0.055, 0, 0.53], [0.055, 0, 0.285], [0.055, 0, 0.043], [0.055, -0.06, 0.01], [0.055, -0.1, 0.01]]
    )
    left = floor + shares * high
    return left, floor + shares * [-1, 1, 1] * high


def _hanging(shape: Shape, side: int, wide: float) -> Array:
    """An arm that lies on the trunk: at the usual heights, within the outermost of the body."""
    high, floor = shape.height, shape.low[2]
    joints = []
    for z in (0.8, 0.625, 0.475, 0.41):
        near = shape.points[np.abs(shape.points[:, 2] - floor - z * high) < 0.02 * high]
        outer = float(np.quantile(near[:, 0] * side, 0.98)) if len(near) else wide
        x = min(0.75 * wide, outer - 0.04 * high) if z == 0.8 else outer - 0.03 * high
        here = near[np.abs(near[:, 0] * side - x) < 0.03 * high]
        joints.append([side * x, here[:, 1].mean() if len(here) else 0.0, floor + z * high])
    return np.array(joints)


def _leg(shape: Shape, limb: Limb) -> Array:
    """Hip, knee, ankle, ball and tip of the toes."""
    high = shape.height
    hip = limb.root + np.array([0.0, 0.0, 0.048 * high])
    curve = np.concatenate([hip[None], limb.curve, limb.tip[None]])
    foot = shape.points[limb.cells]
    foot = foot[foot[:, 2] < foot[:, 2].min() + 0.035 * high]
    heights = curve[:, 2] - foot[:, 2].min()
    under = np.flatnonzero(heights < 0.05 * high)
    cut = int(under[0]) if len(under) else len(curve) - 1
    tipped = foot[:, 1].max() - foot[:, 1].min() < 0.07 * high
    if tipped or foot[:, 2].min() > shape.low[2] + 0.03 * high:  # its tip may be far below the ankle
        rest = np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1)[::-1])[::-1]
        cut = int(np.argmax(rest < 0.2 * rest[0]))
    ankle = curve[cut].copy()
    ankle[2] = max(ankle[2], foot[:, 2].min() + 0.04 * high)
    toe = foot[(foot @ _FRONT).argmax()]
    toe = np.array(
        [foot[foot @ _FRONT > (toe @ _FRONT) - 2 * shape.cells.cell][:, 0].mean(), toe[1], foot[:, 2].mean()]
    )
    ball = 0.4 * ankle + 0.6 * toe
    ball[2] = toe[2]
    knee = hinge(np.concatenate([curve[:cut], ankle[None]]), 0.495, 0.38, 0.6)
    return np.stack([hip, knee, ankle, ball, toe])


def _half_width(shape: Shape, trunk: Array, hips: float) -> float:
    """Half of the chest's width, arms left out."""
    low, top = hips, shape.low[2] + shape.height
    band = trunk & (np.abs(shape.points[:, 2] - (low + 0.4 * (top - low))) < 0.06 * shape.height)
    return float(np.quantile(np.abs(shape.points[band, 0]), 0.97)) if band.any() else 0.1 * shape.height


def _arm(shape: Shape, limb: Limb, wide: float) -> Array:
    """Shoulder, elbow, wrist and the middle of the hand."""
    high, side = shape.height, np.sign(limb.tip[0])
    x = side * min(0.75 * wide, abs(float(limb.root[0])) + 0.01 * high, 0.2 * high)
    column = shape.points[np.abs(shape.points[:, 0] - x) < 1.5 * shape.cells.cell]
    top = column[:, 2].max() if len(column) else limb.root[2]
    # A hanging arm leaves the body below its joint, a spread one beside it.
    down = limb.curve[min(4, len(limb.curve) - 1)] - limb.curve[0]
    hangs = float(np.clip(-down[2] / max(float(np.linalg.norm(down)), 1e-9), 0, 1))
    reach = (0.01 + 0.5 * float(np.clip((hangs - 0.3) / 0.25, 0, 1))) * high
    z = min(top - 0.035 * high, limb.root[2] + reach, _thinnest(shape, float(limb.root[2])))
    beside = column[np.abs(column[:, 2] - z) < 0.05 * high] if len(column) else limb.root[None]
    shoulder = np.array([x, beside[:, 1].mean(), z])
    reach = np.linalg.norm(limb.curve - limb.tip, axis=1) < np.linalg.norm(shoulder - limb.tip)
    away = np.linalg.norm(limb.curve - shoulder, axis=1) > 0.06 * high
    curve = np.concatenate([shoulder[None], limb.curve[reach & away], limb.tip[None]])
    elbow = hinge(curve, 0.365, 0.34, 0.48)
    wrist, hand = limbs.along(curve, 0.7), limbs.along(curve, 0.88)
    return np.stack([shoulder, elbow, wrist, hand])


def _head(shape: Shape, shoulders: float) -> tuple[Array, Array, Array]:
    """Base of the neck, base of the skull and crown, on the middle plane."""
    high, cell = shape.height, shape.cells.cell
    top = shape.low[2] + high
    middle = shape.points[np.abs(shape.points[:, 0]) < 0.14 * high]
    thin = _thinnest(shape, shoulders)
    near = middle[np.abs(middle[:, 2] - thin) < 2 * cell]
    back = (float(near[:, 1].mean()) if len(near) else 0.0) + 0.012 * high
    heights = thin - 0.02 * high, thin + 0.3 * (top - thin), top
    base, skull, crown = (np.array([0.0, back, z]) for z in heights)
    return base, skull, crown


def _thinnest(shape: Shape, shoulders: float) -> float:
    """Height of the neck: where the body is thinnest around its middle, somewhere above the shoulders."""
    top = float(shape.points[:, 2].max())
    middle = shape.points[np.abs(shape.points[:, 0]) < 0.14 * shape.height]
    levels = np.arange(shoulders + 0.02 * shape.height, shoulders + 0.6 * (top - shoulders), shape.cells.cell)
    area = [int((np.abs(middle[:, 2] - z) < shape.cells.cell).sum()) for z in levels]
    return float(levels[int(np.argmin(area))]) if len(levels) else shoulders + 0.3 * (top - shoulders)


def _depth(shape: Shape, trunk: Array, z: float, x: float, other: float) -> float:
    """Middle of the trunk at a height, from front to back."""
    near = trunk & (np.abs(shape.points[:, 2] - z) < 0.03 * shape.height) & (np.abs(shape.points[:, 0] - x) < 0.1)
    return float(shape.points[near, 1].mean()) if near.any() else other


def sighted(shape: Shape, sight: Sight) -> Landmarks:
    """As the network saw them, in the body's axes."""
    at = dict(zip(POINTS, shape.frame.to_body(sight.points), strict=True))
    legs, arms = [], []
    for side in "LR":
        ankle = at[f"ankle.{side}"]
        toe = at[f"toe.{side}"] if np.isfinite(at[f"toe.{side}"]).all() else ankle + 0.09 * shape.height * _FRONT
        legs.append(np.stack([at[f"hip.{side}"], at[f"knee.{side}"], ankle, 0.4 * ankle + 0.6 * toe, toe]))
        legs[-1][3, 2] = toe[2]
        elbow, wrist = at[f"elbow.{side}"], at[f"wrist.{side}"]
        arms.append(np.stack([at[f"shoulder.{side}"], elbow, wrist, wrist + _HAND * (wrist - elbow)]))
    hips, shoulders = ((at[f"{name}.L"] + at[f"{name}.R"]) / 2 for name in ("hip", "shoulder"))
    base = at["neck"] if np.isfinite(at["neck"]).all() else shoulders
    up = base - hips
    crown = at["crown"] if np.isfinite(at["crown"]).all() else base + 0.4 * up
    share = np.array(_SPINE)[:, None]
    head = np.stack([base, base + _SKULL * (crown - base), crown])
    return Landmarks((legs[0], legs[1]), (arms[0], arms[1]), (1 - share) * hips + share * base, head)


def apart(ours: Landmarks, theirs: Landmarks) -> float:
    """The largest distance of two skeletons' joints of arms and legs, in metres."""
    pairs = [(a[:3], b[:3]) for a, b in zip(ours.legs + ours.arms, theirs.legs + theirs.arms, strict=True)]
    return max(float(np.linalg.norm(a - b, axis=1).max()) for a, b in pairs)


def between(ours: Landmarks, theirs: Landmarks) -> Landmarks:
    """Our joints of arms and legs drawn towards theirs: each is off in its own way, so that the mean is off less."""

    def joined(a: Array, b: Array) -> Array:
        out = a.copy()
        out[:3] += _THEIRS * (b[:3] - a[:3])
        return out

    legs, arms = ([joined(a, b) for a, b in zip(*pair, strict=True)] for pair in
                  ((ours.legs, theirs.legs), (ours.arms, theirs.arms)))  # fmt: skip
    return replace(ours, legs=(legs[0], legs[1]), arms=(arms[0], arms[1]))


def skeleton(shape: Shape, marks_of: Landmarks, confidence: float) -> Skeleton:
    """Named as in Rigify's basic human, without breasts and pelvis."""
    out = [root(marks_of.spine[0], 0.25 * shape.height)]
    out += _column(marks_of)
    for name, arm, leg in zip("LR", marks_of.arms, marks_of.legs, strict=True):
        out += _limbs(name, arm, leg, marks_of.head[0], shape.height)
    marks = {
        "hips": ("spine",),
        "head": ("spine.006",),
        "neck": ("spine.004", "spine.005"),
        "hands": ("hand.L", "hand.R"),
        "feet": ("foot.L", "foot.R"),
    }
    return Skeleton("biped", tuple(out), confidence, marks)


def _column(found: Landmarks) -> list[Bone]:
    """From the hips to the crown."""
    base, skull, crown = found.head
    joints = [*found.spine, (base + skull) / 2, skull, crown]
    out: list[Bone] = []
    for number, (head, tail) in enumerate(itertools.pairwise(joints)):
        name = "spine" if not number else f"spine.{number:03d}"
        out.append(Bone(name, out[-1].name if out else ROOT, head, tail, _FRONT, number not in (0, 4)))
    return out


def _limbs(side: str, arm: Array, leg: Array, neck: Array, high: float) -> list[Bone]:
    """One arm with its shoulder, one leg with its heel. Knees bend forwards, elbows backwards."""
    shoulder, elbow, wrist, hand = arm
    hip, knee, ankle, ball, toe = leg
    start = 0.88 * np.array([neck[0], shoulder[1], shoulder[2]]) + 0.12 * shoulder
    end = 0.2 * start + 0.8 * shoulder
    heel = np.array([ankle[0], ankle[1] + 0.025 * high, toe[2] * 0.5])
    half = np.array([0.02 * high, 0.0, 0.0])
    names = [f"{name}.{side}" for name in ("shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")]
    return [
        Bone(names[0], "spine.003", start, end, _UP),
        Bone(names[1], names[0], shoulder, elbow, _BACK),
        Bone(names[2], names[1], elbow, wrist, _BACK, True),
        Bone(names[3], names[2], wrist, hand, _BACK, True),
        Bone(names[4], "spine", hip, knee, _FRONT),
        Bone(names[5], names[4], knee, ankle, _FRONT, True),
        Bone(names[6], names[5], ankle, ball, _UP, True),
        Bone(names[7], names[6], ball, toe, _UP, True),
        Bone(f"heel.02.{side}", names[6], heel - half, heel + half, _UP, deform=False),
    ]
