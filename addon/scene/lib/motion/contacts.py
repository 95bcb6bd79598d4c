# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet stand in a motion, and how far those that stand slide and sink. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs
from .parts import Body
from .take import Take, inverse, turned

Array = NDArray[Any]
Skin = Mapping[str, tuple[Array, Array]]
"""By side the points (P, 3) of the sole at rest, and how much of each (P, 3) shin, foot and toes carry."""
CARRY = ("shin", "foot", "toe")
POINTS = ("heel", "ball")
_ENTER, _LEAVE = (0.45, 0.075), (0.9, 0.13)
"""Speed in leg lengths a second and height in leg lengths, below which a point stands and above which it has left."""
_HEEL = 0.25
"""How far a heel is behind the ankle, as a share of the way from there to the ball."""


@dataclass(frozen=True)
class Contacts:
    """(T,) bool by side and point, such as `L`, `heel`."""

    on: dict[tuple[str, str], Array]

    @property
    def frames(self) -> int:
        """In how many frames some foot stands."""
        return int(np.any(list(self.on.values()), axis=0).sum()) if self.on else 0


def spans(on: Array) -> list[tuple[int, int]]:
    """First frames of what is true (T,), and the ones after the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def of(part: str, side: str) -> str:
    """The key of a part of a leg; four-legged bodies have the sides `front L` and `front R` too."""
    return f"front_{part}.{side[-1]}" if side.startswith("front") else f"{part}.{side}"


def sides(body: Body, contacts: Contacts | None = None) -> list[str]:
    """Those that have a whole leg, and of which the contacts are known."""
    every = ("L", "R", "front L", "front R")
    whole = [side for side in every if all(of(part, side) in body.parts for part in ("thigh", "shin", "foot"))]
    return [side for side in whole if contacts is None or (side, POINTS[0]) in contacts.on]


def soles(body: Body, side: str, floor: float) -> dict[str, tuple[str, Array]]:
    """The points of a foot at rest: the part that carries each, and where it is (3,) on the floor."""
    foot = body.parts[of("foot", side)][-1]
    ankle = body.start(of("foot", side)) * [1.0, 1.0, 0.0] + [0.0, 0.0, floor]
    ball = body.end(of("foot", side)) * [1.0, 1.0, 0.0] + [0.0, 0.0, floor]
    heel = ankle + _HEEL * (ankle - ball)
    found = {"heel": (body.names[foot], heel), "ball": (body.names[foot], ball)}
    if of("toe", side) in body.parts:
        toe = body.parts[of("toe", side)][-1]
        found["tip"] = (body.names[toe], body.tails[toe] * [1.0, 1.0, 0.0] + [0.0, 0.0, floor])
    return found


def tracked(take: Take, body: Body, side: str, floor: float) -> dict[str, Array]:
    """Where the points of a foot are (T, 3)."""
    heads, _ = take.joints()
    out = {}
    for point, (name, place) in soles(body, side, floor).items():
        joint = take.names.index(name)
        out[point] = heads[:, joint] + turned(take.turns[:, joint], place - take.heads[joint])
    return out


def lowest(take: Take, body: Body, side: str, floor: float, skin: Skin) -> Array:
    """The height (T,) of the lowest point of a sole: of the skin where it is known, else of heel and ball."""
    if side not in skin:
        points = tracked(take, body, side, floor)
        return np.asarray(np.minimum(points["heel"][:, 2], points["ball"][:, 2]))
    places, shares = skin[side]
    heads, _ = take.joints()
    height = np.zeros((len(take), len(places)))
    for part, share in zip(CARRY, shares.T, strict=True):
        if share.any():
            joint = take.names.index(body.names[body.parts[of(part, side)][-1]])
            up = turned(inverse(take.turns[:, joint]), np.array([0.0, 0.0, 1.0]))  # as the joint sees it
            height += share * (heads[:, joint, None, 2] + up @ (places - take.heads[joint]).T)
    return np.asarray(height.min(axis=1))


def found(take: Take, body: Body, floor: float, rest_floor: float) -> Contacts:
    """Where the feet stand in a motion over `floor`, whose rest pose stands on `rest_floor`, in metres."""
    leg = body.leg()
    on: dict[tuple[str, str], Array] = {}
    for side in sides(body):
        points = tracked(take, body, side, rest_floor)
        for point in POINTS:
            place = limbs.blurred(points[point], 0.02 * take.fps)
            speed = (
                np.linalg.norm(np.gradient(place, axis=0), axis=1) * take.fps / leg if len(take) > 1 else np.zeros(1)
            )
            height = (place[:, 2] - floor) / leg
            near = (speed < _ENTER[0]) & (height < _ENTER[1])
            far = (speed > _LEAVE[0]) | (height > _LEAVE[1])
            on[side, point] = _hysteresis(near, far, shortest=max(2, round(0.06 * take.fps)))
    return Contacts(on)


def _hysteresis(near: Array, far: Array, shortest: int) -> Array:
    out, now = np.zeros(len(near), bool), False
    for frame in range(len(near)):
        now = bool(near[frame]) or (now and not far[frame])
        out[frame] = now
    for start, end in spans(out):
        if end - start < shortest:
            out[start:end] = False
    return out


def measured(take: Take, body: Body, contacts: Contacts, floor: float, skin: Skin | None = None) -> dict[str, float]:
    """How far feet that stand slide, in mm a frame and in metres a metre of way, and how deep they sink, in mm."""
    slides, deepest = [np.zeros(0)], 0.0
    for side in sides(body, contacts):
        points = tracked(take, body, side, floor)
        deepest = max(deepest, float(floor - lowest(take, body, side, floor, skin or {}).min()))
        holding = holding_of(contacts, side)
        step = {p: np.linalg.norm(np.diff(points[p][:, :2], axis=0), axis=1) for p in POINTS}
        for number, point in enumerate(POINTS):
            held = (holding[1:] == number) & (holding[:-1] == number)
            slides.append(step[point][held])
    every = np.concatenate(slides)
    way = float(np.linalg.norm(np.diff(limbs.blurred(take.places[:, :2], 0.1 * take.fps), axis=0), axis=1).sum())
    return {
        "slide_mm": round(1000 * float(every.mean()), 3) if len(every) else 0.0,
        "slide_max_mm": round(1000 * float(every.max()), 3) if len(every) else 0.0,
        "slide_per_m": round(float(every.sum()) / way, 4) if way > 0.05 else 0.0,
        "sunk_mm": round(1000 * deepest, 3),
    }


def holding_of(contacts: Contacts, side: str) -> Array:
    """(T,) which point the foot is held by: -1 none, 0 the heel, 1 the ball. Whichever came first, until it leaves."""
    heel, ball = contacts.on[side, "heel"], contacts.on[side, "ball"]
    out = np.full(len(heel), -1)
    now = -1
    for frame in range(len(heel)):
        on = (bool(heel[frame]), bool(ball[frame]))
        if now < 0 or not on[now]:
            now = 1 if on[1] else (0 if on[0] else -1)
        out[frame] = now
    return out
