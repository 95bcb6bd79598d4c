# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts become one take: the way over the floor, the steps on it, and soft changes between clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from . import posing, sides, stepping, ways
from .anatomy import Body
from .clip import Array, Moment
from .limbs import blurred, smooth
from .planning import Item, Wish, plan, speed, stays
from .posing import HANGING
from .take import Take, turned
from .words import Part

_PAD = 48
"""Frames computed before the first and after the last, so that what is late or averaged has something there."""
_FADE = 0.35
"""Seconds over which one clip becomes the next."""
_REACH = 0.992
"""Share of its length that a standing leg is stretched to at most."""
_AROUND = np.array([0.55, -0.45, 0.0])
"""An arm that is raised goes out and forward on its way, not through itself."""
_DEEPEST = 0.2
"""Legs by which the hips come down at most for a foot that is too far away; beyond that it is dragged."""


@dataclass(frozen=True)
class Made:
    """The take without the root bone, the root's way, `air` (T,): metres its lowest point shall be over the floor;
    `free` (T,) 0 to 1: it flies or swims, and only has to stay above the floor."""

    take: Take
    root: tuple[Array, Array]
    air: Array
    free: Array
    items: tuple[Item, ...]
    loop: bool
    travel: float
    slide: float
    """Metres that a foot on the floor moves in a frame at most."""


def make(body: Body, parts: Sequence[Part], wish: Wish) -> Made:
    """One take of all parts. A single clip that stays where it is comes round to its first frame."""
    items = plan(body, parts, wish)
    over = [item for item in items if item.clip.maker.over]
    loop = len(items) == 1 and not over and stays(items[0])
    return _loop(body, items[0], wish) if loop else _film(body, items, wish)


def _film(body: Body, items: list[Item], wish: Wish) -> Made:
    fps = wish.fps
    frames = max(2, round(max(item.end for item in items) * fps) + 1)
    total = frames + 2 * _PAD
    home = np.array([*body.skeleton.bones[0].head[:2], 0.0])
    legs = [replace(i.leg, start=i.leg.start * fps, end=i.leg.end * fps) for i in items if i.leg]
    way = ways.lay(legs, total, home, fps, _PAD)
    spans = [_span(body, item, fps) for item in items if item.leg and item.clip.maker.gait and body.walks]
    feet = _feet(body, way, spans, fps, items)
    seconds = (np.arange(total) - _PAD) / fps
    gone = np.concatenate([[0.0], np.cumsum(way.speeds[:-1])]) / fps
    weights = _weights([item for item in items if not item.clip.maker.over], seconds)
    mixed: dict[str, Array] = {}
    for number, item in enumerate(items):
        moment = _moment(body, item, seconds, way, feet, gone, wish, loop=False)
        controls = sides.meant(item.clip.maker.controls(moment), item.clip.side, item.part.hand)
        if item.clip.maker.over:
            _lay_over(mixed, controls, total)
        else:
            base = [i for i in items[: number + 1] if not i.clip.maker.over]
            _mix(mixed, controls, weights[len(base) - 1])
    return _posed(body, mixed, way, feet, slice(_PAD, _PAD + frames), items, fps, loop=False)


def _loop(body: Body, item: Item, wish: Wish) -> Made:
    """The same on a straight way at an even speed, with a whole number of strides; the way is taken off again."""
    fps = wish.fps
    frames = max(2, round(item.span * fps))
    span = frames / fps
    total = frames + 2 * _PAD
    home = np.array([*body.skeleton.bones[0].head[:2], 0.0])
    fast = speed(body, item.clip, item.part.pace * wish.pace) if item.clip.maker.travels else 0.0
    way = ways.straight(fast, total, home, fps)
    spans, numbers = [], dict(item.clip.numbers)
    gait = item.clip.maker.gait
    if gait and body.walks:
        rate = float(stepping.cadence(body, gait(body, numbers), np.array(fast)))
        numbers["stride"] *= rate / (max(1, round(rate * span)) / span)
        item = replace(item, clip=replace(item.clip, numbers=numbers))
        spans = [stepping.Span(0, total, gait(body, numbers), fast)]
    item = replace(item, start=0.0, end=span)
    feet = _feet(body, way, spans, fps, [item])
    seconds = (np.arange(total) - _PAD) / fps
    moment = _moment(body, item, seconds, way, feet, fast * (seconds + _PAD / fps), wish, loop=True)
    mixed = dict(item.clip.maker.controls(moment))
    made = _posed(body, mixed, way, feet, slice(_PAD, _PAD + frames), [item], fps, loop=True)
    back = (way.places - home)[_PAD : _PAD + frames]
    take = replace(made.take, places=made.take.places - back, loop=True)
    return replace(made, take=take, root=(made.root[0] - back, made.root[1]), travel=0.0)


def _span(body: Body, item: Item, fps: float) -> stepping.Span:
    assert item.clip.maker.gait
    gait = item.clip.maker.gait(body, item.clip.numbers)
    return stepping.Span(item.start * fps + _PAD, item.end * fps + _PAD, gait, speed(body, item.clip, 1.0))


def _feet(
    body: Body, way: ways.Way, spans: list[stepping.Span], fps: float, items: Sequence[Item]
) -> stepping.Feet | None:
    if not body.walks:
        return None
    flown = [i for i in items if i.clip.maker.travels and not i.clip.maker.gait]
    carried = [(i.start * fps + _PAD, i.end * fps + _PAD) for i in flown if i.leg]
    if flown and not carried:
        carried = [(-1.0, float(len(way.headings)))]
    return stepping.feet(body, way, spans, fps, carried)


def _moment(
    body: Body,
    item: Item,
    seconds: Array,
    way: ways.Way,
    feet: stepping.Feet | None,
    gone: Array,
    wish: Wish,
    loop: bool,
) -> Moment:
    numbers, t = item.clip.numbers, seconds - item.start
    if feet is not None:
        phase, vigour = feet.phase, feet.vigour
    else:
        fast = max(speed(body, item.clip, 1.0), 1e-6)
        vigour = way.speeds / fast
        rate = np.maximum(way.speeds / (numbers.get("cycle", 1.0) * body.size), numbers.get("rest", 0.5))
        if loop:
            rate = np.full_like(rate, max(1, round(float(rate[0]) * item.span)) / item.span)
        phase = np.cumsum(rate) / wish.fps
    return Moment(
        body,
        t,
        item.span,
        way,
        phase,
        vigour,
        gone,
        numbers,
        item.part.strength * wish.strength,
        item.part.pace * wish.pace,
        wish.seed,
        loop,
    )


def _weights(items: Sequence[Item], seconds: Array) -> list[Array]:
    """How much each clip counts (T,); they sum to 1. The first and the last go on for ever."""
    out = []
    for number, item in enumerate(items):
        rise = smooth((seconds - item.start + _FADE / 2) / _FADE) if number else np.ones_like(seconds)
        last = number == len(items) - 1
        fall = np.zeros_like(seconds) if last else smooth((seconds - item.end + _FADE / 2) / _FADE)
        out.append(rise * (1 - fall))
    return out


def _mix(mixed: dict[str, Array], controls: Mapping[str, Array], weight: Array) -> None:
    """Add a clip; arms that no clip speaks of hang."""
    for name, values in controls.items():
        usual = HANGING if name.startswith(("arm.", "fore.")) else np.zeros(3)
        if name not in mixed:
            mixed[name] = np.tile(usual, (len(weight), 1))
        mixed[name] = mixed[name] + weight[:, None] * (values - usual)


def _lay_over(mixed: dict[str, Array], controls: Mapping[str, Array], total: int) -> None:
    """Turns are added, directions of arms take the place of what the arms did."""
    weight = controls.get("weight", np.ones((total, 3)))
    for name, values in controls.items():
        if name.startswith("over:"):
            arm = name.split(":")[1]
            usual = HANGING if arm.startswith(("arm.", "fore.")) else np.zeros(3)
            before = mixed.get(arm, np.tile(usual, (total, 1)))
            around = 4 * weight * (1 - weight) * _AROUND
            mixed[arm] = before * (1 - weight) + values * weight + around
        elif name != "weight":
            mixed[name] = mixed.get(name, np.zeros((total, 3))) + values


def _posed(
    body: Body,
    controls: dict[str, Array],
    way: ways.Way,
    feet: stepping.Feet | None,
    cut: slice,
    items: Sequence[Item],
    fps: float,
    loop: bool,
) -> Made:
    take, root = posing.pose(body, controls, way, feet, fps)
    if feet is not None:
        low = _lowered(body, take, feet)
        if low.max() > 0:
            shift = controls.get("hips.shift", np.zeros((len(low), 3)))
            controls["hips.shift"] = shift - low[:, None] * [0, 0, 1.0]
            take, root = posing.pose(body, controls, way, feet, fps)
    air, free = (controls.get(name, np.zeros((len(way.headings), 3)))[cut, 2] for name in ("air", "free"))
    contacts = {name: on[cut] for name, on in take.contacts.items()}
    aloft = np.zeros(len(air), bool)
    for key in body.legs:
        aloft |= (
            np.abs(controls.get(f"foot.{key}", np.zeros((len(way.headings), 3)))[cut]).max(axis=1) > 1e-6 * body.leg
        )
    if aloft.any():
        contacts = {name: on & ~aloft for name, on in contacts.items()}
    stretch = None if take.stretch is None else take.stretch[cut]
    take = replace(take, turns=take.turns[cut], places=take.places[cut], stretch=stretch, contacts=contacts)
    path = root[0][cut]
    travel = float(np.linalg.norm(np.diff(way.places[cut], axis=0), axis=1).sum())
    return Made(take, (path, root[1][cut]), air, free, tuple(items), loop, travel, slide(take))


def slide(take: Take) -> float:
    """Metres that a foot on the floor moves in a frame at most."""
    tails, worst = take.joints()[1], 0.0
    for name, on in take.contacts.items():
        step = np.linalg.norm(np.diff(tails[:, take.names.index(name)], axis=0), axis=1)
        worst = max(worst, float(step[on[1:] & on[:-1]].max(initial=0.0)))
    return worst


def _lowered(body: Body, take: Take, feet: stepping.Feet) -> Array:
    """By how much (T,) the hips must come down for every leg to reach where its foot is; softly over time."""
    heads, tails = take.joints()
    index = {name: number for number, name in enumerate(take.names)}
    need = np.zeros(len(take))
    for leg in body.legs.values():
        start = heads[:, index[leg.upper]]
        end = tails[:, index[leg.lower]] if not leg.foot else None
        goal = end if end is not None else heads[:, index[leg.foot]]
        goal = goal if leg.foot == "" else _ankle(body, take, feet, leg.foot, index)
        away = np.sum((start - goal)[:, :2] ** 2, axis=1)
        high = np.sqrt(np.maximum((sum(leg.lengths) * _REACH) ** 2 - away, 0.0))
        need = np.maximum(need, np.where(start[:, 2] > goal[:, 2], start[:, 2] - goal[:, 2] - high, 0.0))
    wide = np.max([np.roll(need, k) for k in range(-3, 4)], axis=0)
    return blurred(np.clip(wide, 0.0, _DEEPEST * body.leg), 1.5)


def _ankle(body: Body, take: Take, feet: stepping.Feet, foot: str, index: Mapping[str, int]) -> Array:
    """Where the ankle is wanted (T, 3): the foot's place and turn are as planned even where the leg did not reach."""
    key = next(key for key, leg in body.legs.items() if leg.foot == foot)
    leg = body.legs[key]
    ball = feet.balls[key]
    return ball + turned(take.turns[:, index[foot]], body.skeleton[leg.lower].tail - leg.ball)
