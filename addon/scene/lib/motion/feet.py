# SPDX-License-Identifier: GPL-3.0-or-later
"""Feet that stand where they stand: contacts found in the source, kept on the target by two-bone IK. numpy only.

Each foot has two points on its sole, the heel and the ball. While one of them is on the floor in the
source it stays on one spot in the target; where the next takes over, it is held where the first has brought it, so that
nothing jumps. Knees bend the way they bent, hips come down where a leg is too short.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import editing
from .contacts import POINTS, Contacts, Skin, holding_of, lowest, of, sides, soles, spans, tracked
from .limbs import blurred, smooth
from .parts import Body
from .take import Take, after, turned

Array = NDArray[Any]
_EASE = 0.2
"""Seconds over which a foot comes to and leaves its spot."""
_ROUNDS = 3
"""Hips that come down move the feet that are in the air, and toes that bend move the skin: so it is done again."""
_REACH = 0.9985
"""Of a leg's length: straighter it is not stretched, lest the knee snaps."""


def kept(
    take: Take,
    body: Body,
    contacts: Contacts,
    floor: float,
    skin: Skin | None = None,
    tick: Callable[[float], None] = lambda done: None,
) -> Take:
    """The take with feet that neither slide nor sink. `skin` is the sole's, where the body has one."""
    legs = sides(body, contacts)
    for turn in range(_ROUNDS):
        wanted = {}
        for side in legs:
            wanted[side] = _ankles(take, body, contacts, side, floor, skin or {})
            tick(turn / _ROUNDS)
        take = _lowered(take, body, wanted)
        for side in legs:
            tick((turn + 0.5) / _ROUNDS)
            take = _toes(_bent(take, body, side, wanted[side]), body, side, floor)
    return take


def _ankles(take: Take, body: Body, contacts: Contacts, side: str, floor: float, skin: Skin) -> Array:
    """Where the ankle must be (T, 3)."""
    points = tracked(take, body, side, floor)
    holding = holding_of(contacts, side)
    shift = np.zeros((len(take), 3))
    known = holding >= 0
    stands = spans(known)
    for start, end in stands:
        shift[start:end, :2] = _held({p: points[p][start:end, :2] for p in POINTS}, holding[start:end])
    low = lowest(take, body, side, floor, skin)
    shift[:, 2] = np.where(known, floor - low, 0.0)
    shift = _bridged(shift, stands, max(1, round(_EASE * take.fps)))
    shift[:, 2] = np.maximum(shift[:, 2], floor - low)
    heads, _ = take.joints()
    return np.asarray(heads[:, take.names.index(body.names[body.parts[of("foot", side)][0]])] + shift)


def _held(points: dict[str, Array], holding: Array) -> Array:
    """By how much (F, 2) the foot is moved for its held point to stay; over the whole stand as little as may be."""
    shift = np.zeros((len(holding), 2))
    spot = points[POINTS[holding[0]]][0]
    for frame, number in enumerate(holding):
        point = points[POINTS[number]][frame]
        if frame and number != holding[frame - 1]:
            spot = point + shift[frame - 1]
        shift[frame] = spot - point
    return shift - shift.mean(axis=0)


def _bridged(shift: Array, stands: list[tuple[int, int]], ease: int) -> Array:
    """Between stands the shift goes over smoothly: to nothing and back where there is time, else straight across."""
    out = shift.copy()
    count = len(shift)
    ends = [(None, 0), *stands, (count, None)]
    for (_, before), (after_, _) in itertools.pairwise(ends):
        a, b = int(before or 0), int(after_ if after_ is not None else count)
        gap = b - a
        if gap <= 0:
            continue
        first = shift[a - 1] if a > 0 else np.zeros(3)
        last = shift[b] if b < count else np.zeros(3)
        x = np.arange(1, gap + 1)
        width = min(ease, gap + 1) if (a > 0 and b < count) else ease
        fall, rise = smooth(1 - x / width), smooth(1 - (gap + 1 - x) / width)
        both = np.maximum(fall + rise, 1.0)
        out[a:b] = first * (fall / both)[:, None] + last * (rise / both)[:, None]
    return out


def _lowered(take: Take, body: Body, wanted: dict[str, Array]) -> Take:
    """Hips as much lower, softly, as the shorter of the two legs needs."""
    heads, _ = take.joints()
    need = np.zeros(len(take))
    for side, ankle in wanted.items():
        hip = heads[:, take.names.index(body.names[body.parts[of("thigh", side)][0]])]
        length = _REACH * _length(body, side)
        level = np.sum((hip - ankle)[:, :2] ** 2, axis=1)
        highest = ankle[:, 2] + np.sqrt(np.maximum(length**2 - level, 0.0))
        need = np.maximum(need, hip[:, 2] - highest)
    if need.max() <= 0:
        return take
    width = 0.08 * take.fps
    reach = int(np.ceil(2 * width))
    wide = np.max([np.roll(np.pad(need, reach, mode="edge"), k) for k in range(-reach, reach + 1)], axis=0)
    soft = blurred(wide[reach:-reach] if reach else wide, width)
    return replace(take, places=take.places - np.maximum(soft, need)[:, None] * [0.0, 0.0, 1.0])


def _length(body: Body, side: str) -> float:
    return float(sum(np.linalg.norm(body.end(of(p, side)) - body.start(of(p, side))) for p in ("thigh", "shin")))


def _bent(take: Take, body: Body, side: str, ankle: Array) -> Take:
    """Thigh and shin turned so that the ankle is where it must be; the knee stays on the side where it was."""
    joint = {part: take.names.index(body.names[body.parts[of(part, side)][0]]) for part in ("thigh", "shin", "foot")}
    heads, _ = take.joints()
    hip, knee, old = (heads[:, joint[part]] for part in ("thigh", "shin", "foot"))
    upper, lower = (float(np.linalg.norm(body.end(of(p, side)) - body.start(of(p, side)))) for p in ("thigh", "shin"))
    way = ankle - hip
    far = np.linalg.norm(way, axis=1, keepdims=True)
    near = np.clip(far, abs(upper - lower) * 1.001 + 1e-6, (upper + lower) * 0.9999)
    way = way / np.maximum(far, 1e-9)
    along = (near**2 + upper**2 - lower**2) / (2 * near)
    out = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    was = (old - hip) / np.maximum(np.linalg.norm(old - hip, axis=1, keepdims=True), 1e-9)
    bend = (knee - hip) - np.sum((knee - hip) * was, axis=1, keepdims=True) * was
    front = turned(take.turns[:, joint["thigh"]], np.cross(body.left(), [0.0, 0.0, 1.0]))
    pole = bend + 0.02 * (upper + lower) * front
    pole = pole - np.sum(pole * way, axis=1, keepdims=True) * way
    pole /= np.maximum(np.linalg.norm(pole, axis=1, keepdims=True), 1e-9)
    new = hip + along * way + out * pole
    turns = take.turns.copy()
    for part, change in (
        ("thigh", editing.arc(knee - hip, new - hip)),
        ("shin", editing.arc(old - knee, hip + near * way - new)),
    ):
        for each in body.parts[of(part, side)]:
            if body.names[each] in take.names:
                index = take.names.index(body.names[each])
                turns[:, index] = after(change, turns[:, index])
    return replace(take, turns=editing.continuous(turns))


def _toes(take: Take, body: Body, side: str, floor: float) -> Take:
    """Toes whose tips are in the floor are bent up until they are not."""
    if of("toe", side) not in body.parts:
        return take
    name, rest = soles(body, side, floor)["tip"]
    joint = take.names.index(name)
    heads, _ = take.joints()
    way = turned(take.turns[:, joint], rest - take.heads[joint])
    deep = heads[:, joint, 2] + way[:, 2] < floor - 1e-6
    length = np.linalg.norm(way, axis=1)
    height = np.clip(floor - heads[:, joint, 2], -length, length)
    level = way * [1.0, 1.0, 0.0]
    level *= (np.sqrt(np.maximum(length**2 - height**2, 0.0)) / np.maximum(np.linalg.norm(level, axis=1), 1e-9))[
        :, None
    ]
    level[:, 2] = height
    change = np.where(deep[:, None], editing.arc(way, level), [1.0, 0.0, 0.0, 0.0])
    turns = take.turns.copy()
    turns[:, joint] = after(change, turns[:, joint])
    return replace(take, turns=turns)
