# SPDX-License-Identifier: GPL-3.0-or-later
"""Movements of a camera as plain data: few keys a channel, and words for several in a row.

Angles in degrees, azimuth 0 sees the front, a quarter turn the body's left, +X. Times are 0 to 1 of a shot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .....backend.protocol.errors import UserError

STILL = "galatea_still"
"""Custom property of the scene: the frame that shows the body best."""
PHOTO = "galatea_photo_side"
"""Custom property of a body that was turned after a model made it of a photo: the azimuth that this showed, degrees."""
THREE_QUARTER = 24.0
Keys = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Wish:
    """What the user wants of a shot; `arc` 0 is as the path has it, `azimuth` None too.

    `shown`: the side of the body that a photo showed, where shots begin that name no side; None for the front.
    """

    path: str
    seconds: float
    arc: float = 0.0
    smooth: bool = True
    lens: float = 60.0
    elevation: float = 12.0
    margin: float = 0.09
    azimuth: float | None = None
    shown: float | None = None


@dataclass(frozen=True)
class Shot:
    """Keys (time, value) of each channel. `far` is 1 where the body just fits; `aside` is in sizes of the body.

    `closes`: the frame after the last equals the first. `lit`: the light goes around with the camera. `along`: the
    camera turns with the way that the body goes. `shakes`: degrees. `tight`: the distance is what each lens needs.
    """

    azimuth: Keys
    elevation: Keys
    far: Keys = ((0.0, 1.0),)
    aside: Keys = ((0.0, 0.0),)
    lens: Keys = ((0.0, 60.0),)
    smooth: bool = True
    closes: bool = False
    lit: bool = False
    along: bool = False
    shakes: float = 0.0
    tight: bool = False
    margin: float = 0.09


def plan(wish: Wish) -> Shot:
    """The keys of a wish."""
    shot = PATHS[wish.path](wish)
    lens = shot.lens if shot.tight else ((0.0, wish.lens),)
    smooth = wish.smooth and not shot.lit
    return replace(shot, lens=lens, smooth=smooth, margin=wish.margin)


def _from(wish: Wish, usual: float = -THREE_QUARTER) -> float:
    if wish.azimuth is not None:
        return wish.azimuth
    return usual if wish.shown is None else wish.shown


def _still(wish: Wish, usual: float = -THREE_QUARTER) -> Shot:
    return Shot(((0, _from(wish, usual)),), ((0, wish.elevation),))


def _swing(wish: Wish) -> Shot:
    arc = wish.arc or 80.0
    first = (wish.azimuth or 0.0) - arc / 2
    last = first + arc
    if wish.azimuth is None and wish.shown is not None:
        # from what the photo showed over the front; beyond it, what is seen is more and more a guess
        first = wish.shown
        last = max(first - arc, -arc / 2) if first > 0 else min(first + arc, arc / 2)
    return replace(_still(wish), azimuth=((0, first), (0.5, last), (1, first)), closes=True)


def _orbit(wish: Wish) -> Shot:
    first = _from(wish)
    return replace(_still(wish), azimuth=((0, first), (1, first + (wish.arc or 360.0))), closes=True)


def _spiral(wish: Wish) -> Shot:
    first, high = _from(wish), min(wish.elevation + 42.0, 75.0)
    ways = ((0, first - (wish.arc or 360.0)), (1, first))
    return Shot(ways, ((0, high), (1, wish.elevation)), far=((0, 1.7), (1, 1.0)))


def _dolly(wish: Wish) -> Shot:
    return replace(_still(wish), far=((0, 1.45), (1, 1.0)))


def _push(wish: Wish) -> Shot:
    first = _from(wish)
    ways, heights = ((0, first), (1, 0.5 * first)), ((0, wish.elevation + 9), (1, wish.elevation))
    return Shot(ways, heights, far=((0, 2.4), (1, 1.0)))


def _truck(wish: Wish) -> Shot:
    return replace(_still(wish, -0.4 * THREE_QUARTER), aside=((0, -0.35), (1, 0.35)))


def _crane(wish: Wish) -> Shot:
    return replace(_still(wish), elevation=((0, 2.0), (1, max(48.0, wish.elevation))), far=((0, 1.0), (1, 1.2)))


def _follow(wish: Wish) -> Shot:
    return replace(_still(wish, 1.6 * THREE_QUARTER), along=True)


def _handheld(wish: Wish) -> Shot:
    first = _from(wish)
    return replace(_still(wish), azimuth=((0, first - 5), (1, first + 6)), far=((0, 1.05), (1, 1.0)), shakes=1.0)


def _vertigo(wish: Wish) -> Shot:
    return replace(_still(wish), lens=((0, 20.0), (1, 120.0)), tight=True)


PATHS: Mapping[str, Callable[[Wish], Shot]] = {
    "swing": _swing,
    "orbit": _orbit,
    "turntable": lambda wish: replace(_orbit(wish), lit=True),
    "spiral": _spiral,
    "dolly": _dolly,
    "truck": _truck,
    "crane": _crane,
    "push": _push,
    "follow": _follow,
    "handheld": _handheld,
    "vertigo": _vertigo,
    "static": _still,
}
_SIZES = ("wide", "full", "close")
_MARGINS = {"wide": 0.27, "close": 0.015}
_LENSES = {"wide": 35.0, "close": 100.0}
_SIDES = {"front": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}
_HEIGHTS = {"low": 1.0, "high": 40.0}
LIMIT = 60
"""Shots in one film at most."""


def parse(text: str, usual: Wish) -> list[Wish]:
    """Wishes of a list such as `wide 2s; low orbit 3s; close left 1s`; raises `UserError` naming the part at fault."""
    parts = [part.split() for part in re.split(r"[;\n]", text.lower()) if part.strip()]
    if not parts or len(parts) > LIMIT:
        raise UserError(f"camera.shots takes 1 to {LIMIT} shots, not {len(parts)}. Part them with ;.", kind="usage")
    return [_one(words, usual) for words in parts]


def _one(words: list[str], usual: Wish) -> Wish:
    wish = replace(usual, path="", seconds=0.0)
    for word in words:
        time = re.fullmatch(r"(\d+(?:\.\d+)?)s", word)
        if time:
            wish = replace(wish, seconds=float(time[1]))
        elif word in PATHS:
            wish = replace(wish, path=word)
        elif word in _SIZES:
            wish = replace(wish, lens=_LENSES.get(word, wish.lens), margin=_MARGINS.get(word, wish.margin))
        elif word in _SIDES:
            wish = replace(wish, azimuth=_SIDES[word])
        elif word in _HEIGHTS:
            wish = replace(wish, elevation=_HEIGHTS[word])
        else:
            known = ", ".join([*PATHS, *_SIZES, *_SIDES, *_HEIGHTS])
            raise UserError(f"camera.shots: {word!r} is not known. Use {known}, and a time such as 2s.", kind="usage")
    if not 0.04 <= wish.seconds <= 600:
        raise UserError(f"camera.shots: {' '.join(words)!r} needs a time from 0.04s to 600s, such as 2s.", kind="usage")
    return replace(wish, path=wish.path or "static")
