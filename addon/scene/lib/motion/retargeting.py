# SPDX-License-Identifier: GPL-3.0-or-later
"""A take of one skeleton onto another: its directions, not its angles: they stand differently at rest. numpy only.

Limbs: the target is first posed into the source's rest pose, from the trunk outwards and by the smallest turns, and
what the source's joint does is done on top; so a bone points at each frame where the source's does, its twist kept.
Trunk, shoulders and head keep their own shape at rest. Feet are only turned to the same side, lest soles tilt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import editing, limbs
from .contacts import of
from .names import CENTRE, FINGERS
from .parts import LITERAL, Body, ancestors
from .take import Take, after, inverse, turned

Array = NDArray[Any]
STILL = np.array([1.0, 0.0, 0.0, 0.0])
_BENT = np.radians(15)
"""A trunk that leans by more than this at rest is righted first."""
_FLAT = 0.85
"""A foot that points down no steeper than this (sine) stands on its sole at rest."""
SWAPPED = {"L": "R", "R": "L"}


def swapped(body: Body) -> Body:
    """Left and right named the other way round."""
    parts = {
        (f"{stem}.{SWAPPED[side]}" if side in SWAPPED else key): chain
        for key, chain in body.parts.items()
        for stem, _, side in [key.rpartition(".")]
        if not (key.startswith(LITERAL) and side in SWAPPED)
    }
    return replace(body, parts=parts)


def faced(take: Take, source: Body, target: Body) -> Take:
    """The take with its rest pose turned to look where the target looks."""
    a, b = source.left(), target.left()
    angle = float(np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0]))
    return editing.moved(take, editing.yaw(angle))


def begun(take: Take, place: Array, angle: float) -> Take:
    """The motion turned and moved over the floor: it begins at `place` (3,) and looks `angle` from its rest."""
    turn = editing.yaw(angle - float(editing.heading(take.turns[:1, 0])[0]))
    return editing.redirected(take, turn, (place - turned(turn, take.places[0])) * [1.0, 1.0, 0.0])


def stood(take: Take, body: Body, rest: str) -> Take:
    """With a rest pose that stands: that of the file, or where it lies or is folded, the first frame.

    `rest` is auto, file or first.
    """
    upright = True
    if "hips" in body.parts and "foot.L" in body.parts and "head" in body.parts:
        hips, up = body.start("hips"), body.start("head") - body.start("hips")
        down = hips - body.start("foot.L")
        upright = up[2] > 0.7 * np.linalg.norm(up) and down[2] > 0.7 * np.linalg.norm(down)
    if rest == "file" or (rest == "auto" and upright):
        return take
    heads, tails = take.joints()
    turns = after(take.turns, inverse(take.turns[:1]))
    return replace(take, heads=heads[0], tails=tails[0], turns=turns)


def floor_of(take: Take, source: Body) -> float:
    """How high the floor is that the source stands on: that of the lowest sole, but for the deepest fiftieth."""
    heads, tails = take.joints()
    levels = []
    for side in "LR":
        for part, tip in (("foot", False), ("toe", False)):
            if f"{part}.{side}" in source.parts:
                joint = source.parts[f"{part}.{side}"][0]
                above = source.heads[joint, 2] - sole(source, side)
                levels.append((tails if tip else heads)[:, joint, 2] - above)
    if not levels:
        return float(np.minimum(heads, tails)[..., 2].min())
    return float(np.quantile(np.min(levels, axis=0), 0.02))


def sole(body: Body, side: str) -> float:
    """Height of the sole at rest: that of the lowest point of the foot."""
    chain = [j for part in ("foot", "toe") for j in body.parts.get(of(part, side), ())]
    return float(min(body.heads[chain, 2].min(), body.tails[chain, 2].min()))


def scale_of(source: Body, target: Body) -> float:
    """By what ways over the floor are multiplied: the legs' lengths, without legs the bodies' sizes."""
    if source.leg() > 1e-6 and target.leg() > 1e-6:
        return target.leg() / source.leg()
    sizes = [float(np.ptp(np.concatenate([b.heads, b.tails]), axis=0).max()) for b in (target, source)]
    return sizes[0] / max(sizes[1], 1e-9)


def retargeted(take: Take, source: Body, target: Body, floor: float = 0.0) -> Take:
    """On the bones of the target that the source has too, from the hips on. The target stands on `floor` (metres)."""
    shared = [part for part in target.parts if part in source.parts]
    if "hips" in shared:
        shared = [part for part in shared if not part.startswith(LITERAL) or _below(target, part)]
    aligned = _alignments(source, target, shared)
    turns: dict[int, Array] = {}
    for part in shared:
        values = _along(take, source, target, part)
        for number, joint in enumerate(target.parts[part]):
            turns[joint] = after(values[number], aligned[part])
    joints = sorted(turns)
    if "hips" in shared:
        joints = [joint for joint in joints if joint == target.parts["hips"][0] or _carried(target, joint)]
    else:
        joints = [j for j in joints if j == joints[0] or joints[0] in ancestors(j, target.parents)]
    place = {joint: number for number, joint in enumerate(joints)}
    parents = [next((place[a] for a in ancestors(joint, target.parents) if a in place), -1) for joint in joints]
    all_turns = np.stack([editing.continuous(turns[joint]) for joint in joints], axis=1)
    names = tuple(target.names[joint] for joint in joints)
    moved = Take(
        names, np.array(parents), target.heads[joints], target.tails[joints], all_turns, np.zeros((len(take), 3)),
        take.fps, take.loop,
    )  # fmt: skip
    return replace(moved, places=_ways(take, source, target, joints[0], floor))


def _ways(take: Take, source: Body, target: Body, first: int, floor: float) -> Array:
    """Where the target's first bone is (T, 3): ways over the floor scaled, heights so that legs are as bent."""
    scale = scale_of(source, target)
    key = "hips" if "hips" in source.parts and "hips" in target.parts else ""
    joint = source.parts["hips"][0] if key else 0
    heads, _ = take.joints()
    way = heads[:, joint] - source.heads[joint]
    out = target.heads[first] + scale * way
    if key and source.leg() > 1e-6 and target.leg() > 1e-6:
        height = heads[:, joint, 2] - floor_of(take, source) - _ankle(source) - _hip_height(source)
        # the hips' own bone lies more or less high above the legs' beginnings, in each body its own way
        out[:, 2] = _ankle(target, floor) + floor + scale * height + _hip_height(target)
    return out


def _ankle(body: Body, floor: float | None = None) -> float:
    """How high the ankles are at rest above the floor, or where it is not known above the lowest points of the feet."""
    sides = [side for side in "LR" if f"foot.{side}" in body.parts]
    return float(np.mean([body.start(f"foot.{s}")[2] - (sole(body, s) if floor is None else floor) for s in sides]))


def _hip_height(body: Body) -> float:
    """How far the hips' bone lies above the legs' beginnings."""
    sides = [side for side in "LR" if f"thigh.{side}" in body.parts]
    return float(body.start("hips")[2] - np.mean([body.start(f"thigh.{side}")[2] for side in sides]))


def _along(take: Take, source: Body, target: Body, part: str) -> Array:
    """The source's turns (N, T, 4) at the N joints of the target's chain: by the share of its length, interpolated."""
    chain, wanted = source.parts[part], target.parts[part]
    if len(chain) == 1 or part == "hips":
        return np.stack([take.turns[:, chain[0]]] * len(wanted))
    if len(chain) == len(wanted):
        return np.stack([take.turns[:, joint] for joint in chain])
    have, want = _shares(source, part), _shares(target, part)
    out = []
    for share in want:
        high = int(np.clip(np.searchsorted(have, share), 1, len(have) - 1))
        mix = float(np.clip((share - have[high - 1]) / max(have[high] - have[high - 1], 1e-9), 0.0, 1.0))
        turns = take.turns[:, chain[high - 1]], take.turns[:, chain[high]]
        out.append(editing.between(*turns, np.full(len(take), mix)))
    return np.stack(out)


def _shares(body: Body, part: str) -> Array:
    """The middles (N,) of a chain's bones as shares of its length."""
    points = [*(body.heads[joint] for joint in body.parts[part]), body.end(part)]
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    ends = np.cumsum(lengths)
    return np.asarray((ends - lengths / 2) / max(ends[-1], 1e-9))


def _alignments(source: Body, target: Body, shared: list[str]) -> Mapping[str, Array]:
    """For each part the turn (4,) that brings the target's rest pose into the source's."""
    trunk = STILL
    if "spine" in shared:
        ways = [
            body.end("spine") - body.start("hips" if "hips" in body.parts else "spine") for body in (target, source)
        ]
        turn = editing.arc(ways[0], ways[1])
        trunk = turn if 2 * np.arccos(min(abs(turn[0]), 1.0)) > _BENT else STILL
    out: dict[str, Array] = {}
    for part in shared:
        stem, _, side = part.partition(".")
        if part == "hips":
            out[part] = STILL
        elif stem in CENTRE or stem == "shoulder" or part.startswith(LITERAL):
            out[part] = trunk
    for stem, above in (
        ("upper_arm", "shoulder"), ("forearm", "upper_arm"), ("hand", "forearm"), *((f, "hand") for f in FINGERS),
        ("thigh", "hips"), ("shin", "thigh"), ("front_thigh", "shoulder"), ("front_shin", "front_thigh"),
        ("front_foot", "front_shin"), ("front_toe", "front_foot"), ("foot", "shin"), ("toe", "foot"),
    ):  # fmt: skip
        for side in "LR":
            part = f"{stem}.{side}"
            if part in shared:
                under = out.get(f"{above}.{side}", STILL if above == "hips" else trunk)
                out[part] = _aligned(source, target, part, under)
    return {part: out.get(part, trunk) for part in shared}


def _aligned(source: Body, target: Body, part: str, under: Array) -> Array:
    stem, _, side = part.partition(".")
    if stem == "hand":
        knuckle = next((f"{f}.{side}" for f in ("f_middle", "f_index", "f_ring")
                        if f"{f}.{side}" in source.parts and f"{f}.{side}" in target.parts), "")  # fmt: skip
        if not knuckle:
            return under  # where a hand ends is a guess of its file
        ways = [body.start(knuckle) - body.start(part) for body in (target, source)]
    else:
        ways = [body.end(part) - body.start(part) for body in (target, source)]
    lengths = [float(np.linalg.norm(way)) for way in ways]
    if min(lengths) < 1e-9:
        return under
    if stem in ("toe", "front_toe"):
        return under
    if stem in ("foot", "front_foot") and all(
        abs(way[2]) < _FLAT * length for way, length in zip(ways, lengths, strict=True)
    ):
        return editing.arc(ways[0] * [1.0, 1.0, 0.0], ways[1] * [1.0, 1.0, 0.0])
    return after(editing.arc(turned(under, ways[0]), ways[1]), under)


def _carried(body: Body, joint: int) -> bool:
    return body.parts["hips"][0] in ancestors(joint, body.parents)


def _below(body: Body, part: str) -> bool:
    return all(_carried(body, joint) for joint in body.parts[part])


def reduced(target: Body, take: Take) -> Body:
    """The target with those parts alone that a take moves."""
    moving = set(take.names)
    parts = {key: chain for key, chain in target.parts.items() if {target.names[j] for j in chain} <= moving}
    return replace(target, parts=parts)


def on_spot(take: Take, places: Array) -> Take:
    """The motion without its way over the floor (T, 3); its turns are left in."""
    return replace(take, places=take.places - (places - take.heads[0]) * [1.0, 1.0, 0.0])


def path_of(take: Take, way: Array | None = None) -> tuple[Array, Array]:
    """Where a root below the first joint would walk (T, 3) and look (T, 4): the first joint's way over the floor, calm.

    Of a loop, whose one round leads by `way` (3,), it is straight and even.
    """
    count = len(take)
    if way is not None:
        places = take.places[:1] + np.arange(count)[:, None] / count * way
        middle = (take.places - places).mean(axis=0)
        places, angle = places + middle, np.zeros(count)
    else:
        places = limbs.blurred(take.places, 0.25 * take.fps, onward=True)
        angle = limbs.blurred(editing.heading(take.turns[:, 0])[:, None], 0.25 * take.fps, onward=True)[:, 0]
    places = places * [1.0, 1.0, 0.0]
    return places, editing.yaw(angle)
