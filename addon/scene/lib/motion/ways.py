# SPDX-License-Identifier: GPL-3.0-or-later
"""The way that a body takes over the floor: where it is, where it looks, how fast it goes, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .limbs import FORWARD, blurred, heading, smooth
from .take import turned

Array = NDArray[Any]


@dataclass(frozen=True)
class Leg:
    """A stretch of way from frame `start` to `end`: `length` metres along an arc that turns by `turn` radians in all.

    `face` is the turn on the spot, made while it sets out. `starts` and `stops`: softly, from and to standing.
    """

    start: float
    end: float
    length: float = 0.0
    turn: float = 0.0
    face: float = 0.0
    starts: bool = True
    stops: bool = True
    aside: float = 0.0
    """Where it goes, in radians against where it looks: half a turn is backwards."""


@dataclass(frozen=True)
class Way:
    """`places` (T, 3) on the floor, `headings` (T,) radians, 0 faces -Y and a quarter turn +X; `home`: its rest."""

    places: Array
    headings: Array
    speeds: Array
    home: Array

    def world(self, offset: Array) -> Array:
        """Where a place (…, 3) that is so far from `home` in the body's axes is, at each frame."""
        return self.places + turned(heading(self.headings), offset)

    def at(self, time: float, offset: Array) -> tuple[Array, float]:
        """The same at one time between frames, and the heading."""
        time = float(np.clip(time, 0, len(self.headings) - 1))
        frames = np.arange(len(self.headings))
        place = np.array([np.interp(time, frames, self.places[:, k]) for k in range(3)])
        angle = float(np.interp(time, frames, self.headings))
        return place + turned(heading(np.array(angle)), offset), angle


def lay(legs: Sequence[Leg], frames: int, home: Array, fps: float, pad: int) -> Way:
    """Walk the legs one after another; `pad` frames of standing come before frame 0."""
    rate = 8  # steps of integration a frame
    time = (np.arange((frames + 1) * rate) / rate) - pad
    heading_rate, speed, aside = np.zeros(len(time)), np.zeros(len(time)), np.zeros(len(time))
    for leg in legs:
        on = (time >= leg.start) & (time < leg.end)
        if not on.any():
            continue
        share = (time[on] - leg.start) / max(leg.end - leg.start, 1e-9)
        profile = _profile(share, leg, fps)
        speed[on] = leg.length * profile / max(profile.sum(), 1e-9)
        aside[on] = leg.aside
        bend = leg.turn * profile / max(profile.sum(), 1e-9)
        width = min(0.8, 0.6 * fps / max(leg.end - leg.start, 1) + 0.15)
        spin = np.sin(np.pi * np.clip(share / width, 0, 1)) ** 2
        heading_rate[on] = bend + leg.face * spin / max(spin.sum(), 1e-9)
    width = 0.08 * fps * rate
    speed, heading_rate = blurred(speed, width), blurred(heading_rate, width)
    angle = np.cumsum(heading_rate)
    course = angle + aside
    step = speed[:, None] * np.stack([np.sin(course), -np.cos(course), np.zeros(len(course))], -1)
    places = home + np.cumsum(step, axis=0)
    places, angle, speed = places[::rate][:frames], angle[::rate][:frames], speed[::rate][:frames] * rate * fps
    return Way(places, angle, speed, home)


def _profile(share: Array, leg: Leg, fps: float) -> Array:
    """Relative speed over a leg: a soft start and a soft stop of about half a second."""
    ramp = min(0.45, 0.5 * fps / max(leg.end - leg.start, 1.0))
    rise = smooth(share / ramp) if leg.starts else 1.0
    fall = smooth((1 - share) / ramp) if leg.stops else 1.0
    return rise * fall * np.ones_like(share) + 1e-9


def straight(speed: float, frames: int, home: Array, fps: float) -> Way:
    """Forward for ever at an even speed, for loops on the spot: the way is taken off again afterwards."""
    places = home + np.outer(np.arange(frames) * speed / fps, FORWARD)
    return Way(places, np.zeros(frames), np.full(frames, speed), home)
