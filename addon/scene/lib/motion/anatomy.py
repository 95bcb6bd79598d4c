# SPDX-License-Identifier: GPL-3.0-or-later
"""What a skeleton's bones are for a motion: trunk, legs, arms, wings, tail, wheels, found by names, marks and links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rig.skeleton import KINDS, Skeleton
from .limbs import FORWARD, Y

Array = NDArray[Any]
_LEGS = (("", False), ("front_", True))
_ARM = ("shoulder", "upper_arm", "forearm", "hand")
_TAILED = ("biped", "quadruped", "bird")
_STRAIGHT = 0.02
"""A leg bent by less than this share of its length does not tell which way its knee goes; none goes inwards."""


@dataclass(frozen=True)
class Leg:
    """`upper` and `lower` reach for the end of `lower`; `foot` and `toe` may be empty. `pole` (3,): to the knee."""

    upper: str
    lower: str
    foot: str
    toe: str
    lengths: tuple[float, float]
    pole: Array
    ball: Array
    """(3,) where it stands at rest: the end of the foot."""
    front: bool = False


@dataclass(frozen=True)
class Body:
    """A skeleton and its parts; names of bones. `size` is the longest side in metres, `leg` the height of the hips."""

    skeleton: Skeleton
    trunk: tuple[str, ...]
    chest: int
    """Index in the trunk of the bone that carries arms, front legs or wings; what comes after it is neck and head."""
    legs: Mapping[str, Leg]
    arms: Mapping[str, tuple[str, ...]]
    wings: Mapping[str, tuple[str, ...]]
    tail: tuple[str, ...]
    wheels: tuple[str, ...]
    low: Array
    high: Array
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return self.skeleton.kind

    @property
    def size(self) -> float:
        return float(max(np.ptp(np.stack([self.low, self.high]), axis=0).max(), 1e-3))

    @property
    def leg(self) -> float:
        """Metres from the floor to the hips of the legs; what is no walker has a third of its size."""
        tall = [float(self.skeleton[leg.upper].head[2] - leg.ball[2]) for leg in self.legs.values()]
        return max(float(np.mean(tall)), 0.02 * self.size) if tall else 0.35 * self.size

    @property
    def walks(self) -> bool:
        return len(self.legs) >= 2


def known(skeleton: Skeleton) -> Skeleton:
    """A skeleton of somebody else's is what its limbs say."""
    names = {bone.name for bone in skeleton.bones}
    if skeleton.kind in KINDS and skeleton.kind != "prop":
        return skeleton
    four, two = {"front_thigh.L", "thigh.L"} <= names, {"thigh.L", "thigh.R", "upper_arm.L"} <= names
    many = sum(bone.deform for bone in skeleton.bones) > 1 and skeleton.kind == "prop" and "body" not in names
    return replace(skeleton, kind="quadruped" if four else "biped" if two else "soft" if many else "prop")


def body(skeleton: Skeleton) -> Body:
    """The parts of a skeleton."""
    bones = {bone.name: bone for bone in skeleton.bones}
    children: dict[str, list[str]] = {name: [] for name in bones}
    for bone in skeleton.bones:
        if bone.parent:
            children[bone.parent].append(bone.name)
    legs = {
        f"{prefix}{side}": leg
        for prefix, front in _LEGS
        for side in ("L", "R")
        if (leg := _leg(bones, prefix, side, front))
    }
    arms = {side: arm for side in ("L", "R") if (arm := tuple(n for p in _ARM if (n := f"{p}.{side}") in bones))}
    arms = {side: arm for side, arm in arms.items() if f"upper_arm.{side}" in arm}
    trunk = _trunk(skeleton, children)
    carried = {_carrier(bones, arm[0], trunk) for arm in arms.values()}
    carried |= {_carrier(bones, leg.upper, trunk) for leg in legs.values() if leg.front}
    wings = _wings(skeleton, children, arms)
    carried |= {_carrier(bones, wing[0], trunk) for wing in wings.values()}
    at = [trunk.index(name) for name in carried if name in trunk]
    chest = max(at) if at else max(0, round(0.6 * (len(trunk) - 1)))
    ends = np.array(
        [p for bone in skeleton.bones if bone.deform for p in (bone.head, bone.tail)] or [np.array([0, 0, 0.5])]
    )
    marks = skeleton.marks
    tail = marks.get("tail", ()) or tuple(n for n in bones if n.split(".")[0] == "tail")
    return Body(
        skeleton,
        trunk,
        chest,
        legs,
        arms,
        wings,
        tuple(name for name in tail if name in bones and name not in trunk),
        tuple(name for name in marks.get("wheels", ()) if name in bones),
        np.minimum(ends.min(axis=0), 0.0 * ends[0]) if len(ends) else np.zeros(3),
        ends.max(axis=0),
        {name: tuple(names) for name, names in children.items()},
    )


def _carrier(bones: Mapping[str, Any], name: str, trunk: tuple[str, ...]) -> str:
    """The bone of the trunk that a limb hangs on."""
    while name and name not in trunk:
        name = bones[name].parent
    return name


def _trunk(skeleton: Skeleton, children: Mapping[str, list[str]]) -> tuple[str, ...]:
    """From the hips to the head: along `spine` names where there are, else always the child with the longest chain."""
    first = skeleton.bones[0].name
    starts = children[first] if not skeleton.bones[0].deform or len(children[first]) == 1 else [first]
    if not starts:
        return (first,)

    tail = {n for n in children if n.split(".")[0] == "tail"}
    if skeleton.kind in _TAILED:
        tail |= set(skeleton.marks.get("tail", ()))

    def depth(name: str) -> int:
        return 1 + max((depth(child) for child in children[name]), default=0)

    def best(names: list[str]) -> str:
        return max(names, key=lambda n: (n.split(".")[0] == "spine", not n.endswith((".L", ".R")), depth(n)))

    chain = [best(starts)]
    while children[chain[-1]]:
        going = [n for n in children[chain[-1]] if n not in tail and not n.endswith((".L", ".R"))]
        if not going:
            break
        chain.append(best(going))
    return tuple(chain)


def _leg(bones: Mapping[str, Any], prefix: str, side: str, front: bool) -> Leg | None:
    upper, lower, foot, toe = (f"{prefix}{part}.{side}" for part in ("thigh", "shin", "foot", "toe"))
    if upper not in bones or lower not in bones:
        return None
    hip, knee, ankle = bones[upper].head, bones[lower].head, bones[lower].tail
    line = ankle - hip
    aside = knee - hip - line * ((knee - hip) @ line) / max(line @ line, 1e-12)
    pole = -FORWARD if front else FORWARD
    if abs(aside[1]) > _STRAIGHT * np.linalg.norm(line):
        pole = np.array([0.0, aside[1], aside[2]])
    outwards = np.sign(hip[0]) * 0.12 * np.linalg.norm(pole)
    pole = pole + np.array([outwards, 0.0, 0.0])
    pole = pole / np.linalg.norm(pole)
    lengths = (float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee)))
    ball = bones[foot].tail if foot in bones else ankle
    return Leg(upper, lower, foot * (foot in bones), toe * (toe in bones), lengths, pole, ball, front)


def _wings(
    skeleton: Skeleton, children: Mapping[str, list[str]], arms: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Chains of bones of each wing, from the shoulder out."""
    marked = [n for n in skeleton.marks.get("wings", ()) if n in children]
    names = marked or [bone.name for bone in skeleton.bones if bone.name.split(".")[0] in ("wing", "fin_side")]
    if not names and skeleton.kind == "bird":
        return {side: tuple(n for n in arm if not n.startswith("shoulder")) for side, arm in arms.items()}
    middle = {n: (skeleton[n].head + skeleton[n].tail)[0] / 2 - skeleton.bones[0].head[0] for n in names}
    sides = {"L": [n for n in names if middle[n] >= 0], "R": [n for n in names if middle[n] < 0]}
    return {side: tuple(found) for side, found in sides.items() if found}


def along(body: Body) -> dict[str, float]:
    """Where each bone that moves the skin lies from the front (0) to the back (1) of the body."""
    bones = [bone for bone in body.skeleton.bones if bone.deform]
    middles = np.array([(bone.head + bone.tail) @ Y / 2 for bone in bones])
    ends = np.array([[bone.head @ Y, bone.tail @ Y] for bone in bones])
    low, high = ends.min(), ends.max()
    return {bone.name: float((m - low) / max(high - low, 1e-9)) for bone, m in zip(bones, middles, strict=True)}
