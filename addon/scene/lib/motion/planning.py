# SPDX-License-Identifier: GPL-3.0-or-later
"""When each part of a motion begins and ends, how fast it goes and which way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .....backend.protocol.errors import UserError
from . import stepping, ways
from .anatomy import Body
from .library import Clip, clips, usual
from .words import Part

FPS = 24
_SETTLE = 1.0
"""Seconds of standing after the last way, in which the feet come together."""
_LONGEST = 1200.0


@dataclass(frozen=True)
class Wish:
    """`seconds` of what has no length of its own; `pace` and `strength` of all, 1 the usual; the seed's own dice.

    `own`: a clip of the user's, beside those that there are.
    """

    seconds: float = 4.0
    pace: float = 1.0
    strength: float = 1.0
    seed: int = 0
    fps: float = FPS
    own: Clip | None = None


@dataclass(frozen=True)
class Item:
    """A clip on the timeline, in seconds. `speed`: metres a second that it goes at when it goes."""

    clip: Clip
    part: Part
    start: float
    end: float
    speed: float = 0.0
    leg: ways.Leg | None = None

    @property
    def span(self) -> float:
        return self.end - self.start


def speed(body: Body, clip: Clip, pace: float) -> float:
    """Metres a second at which this body does this clip."""
    numbers = clip.numbers
    if clip.maker.gait and body.walks:
        return stepping.natural(body, numbers["froude"]) * pace
    return numbers.get("speed", 0.6 if clip.maker.gait else 0.0) * body.size * pace


def stays(item: Item) -> bool:
    standing = item.leg is None or (item.leg.length == 0 and item.leg.face == 0)
    return standing and item.clip.maker.lasts is None and item.part.count is None


def plan(body: Body, parts: Sequence[Part], wish: Wish) -> list[Item]:
    """When each part begins and ends. What is done over another one, or over nothing, has a clip to stand on."""
    own, now = clips(body.kind, wish.own), 0.0
    out: list[Item] = []
    idle = own.get("idle")
    single = len([part for part in parts if not part.over]) == 1
    for part in parts:
        clip = (
            own["walk" if part.motion == "turn" and "walk" in own else "idle"]
            if part.motion == "turn" and idle
            else None
        )
        clip = clip or own.get(part.motion) or own.get(usual(body.kind)) or next(iter(own.values()))
        item = _item(body, clip, part, wish, now, single)
        if clip.maker.over and part.over and out:
            base = next(i for i in reversed(out) if not i.clip.maker.over)
            start = base.start + max(0.0, min(0.4, 0.5 * (base.span - item.span)))
            out.append(replace(item, start=start, end=start + item.span))
            now = max(now, out[-1].end)
            continue
        if part.over and out:
            item = replace(item, start=max(item.start - 1e-9, 0.0))
        if clip.maker.over and idle:
            standing = Item(idle, Part("idle"), item.start, item.end)
            out += [standing, replace(item, part=part)]
        else:
            out.append(item)
        now = item.end
    return _settled(body, out, idle)


def _item(body: Body, clip: Clip, part: Part, wish: Wish, now: float, single: bool) -> Item:
    pace, numbers = part.pace * wish.pace, clip.numbers
    if part.count is not None and "count" in numbers:
        numbers = {**numbers, "count": float(part.count)}
    if part.count is not None and "turns" in numbers:
        numbers = {**numbers, "turns": float(part.count)}
    clip = replace(clip, numbers=numbers)
    strength = part.strength * wish.strength
    lasts = clip.maker.lasts
    own = (lasts(body, numbers, strength) if lasts else clip.seconds) / math.sqrt(pace if lasts else 1.0)
    seconds = part.seconds if part.seconds is not None else wish.seconds if single and not lasts else own
    going = clip.maker.travels and not part.spot and part.motion != "turn"
    if part.motion == "turn":
        seconds = part.seconds if part.seconds is not None else 0.5 + abs(part.face) / 2.2 / pace
    if not going and not part.face:
        return Item(clip, part, now, now + seconds)
    fast, ramp = speed(body, clip, pace), 0.5
    length = part.metres if part.metres is not None else 0.0
    if going and part.metres is None:
        circle = abs(part.arc) * (2.0 * body.leg if body.walks else 0.9 * body.size)
        length = circle if part.arc and part.seconds is None else fast * max(seconds - ramp, 0.5 * seconds)
        if single and part.seconds is None and not part.arc:
            length = fast * max(seconds - _SETTLE - ramp, 0.3 * seconds)
    if not going:
        length = 0.0
    elif part.seconds is None or part.metres is not None:
        seconds = length / max(fast, 1e-6) + ramp
        if part.seconds is not None:
            seconds = part.seconds
    seconds = min(max(seconds, 0.3), 600.0)
    leg = ways.Leg(now, now + seconds, length, part.arc, part.face, aside=part.aside)
    return Item(clip, part, now, now + seconds, fast, leg)


def _settled(body: Body, items: list[Item], idle: Clip | None) -> list[Item]:
    """Ways that follow upon each other do not stop in between; after the last one the body comes to stand."""
    if items[-1].end > _LONGEST:
        minutes = items[-1].end / 60
        raise UserError(f"That would last {minutes:.0f} minutes, {_LONGEST / 60:.0f} are the most. Ask for less way.")
    base = [i for i, item in enumerate(items) if not item.clip.maker.over]
    for a, b in itertools.pairwise(base):
        one, two = items[a].leg, items[b].leg
        if one and two and one.length and two.length and one.aside == two.aside and abs(two.face) < 2.0:
            items[a] = replace(items[a], leg=replace(one, stops=False))
            items[b] = replace(items[b], leg=replace(two, starts=False))
    last = items[base[-1]]
    end = max(item.end for item in items)
    moving = last.leg is not None and (last.leg.length or last.leg.face)
    if idle and (moving or (len(items) > 1 and last.clip.name != idle.name)):
        items.append(Item(idle, Part("idle"), end, end + (_SETTLE if body.walks else 0.6)))
    elif idle and end > last.end:
        items.append(Item(idle, Part("idle"), last.end, end + 0.3))
    return items
