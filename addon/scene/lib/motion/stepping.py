# SPDX-License-Identifier: GPL-3.0-or-later
"""Where feet stand and when they step, for a way over the floor: planted feet do not move at all.

A gait is a duty factor (share of a stride that a foot is down) and the phase at which each foot lands, as measured on
animals (Hildebrand 1965). The length of a stride grows with the 0.6th power of the speed, lengths in legs and speeds in
√(g · leg), for small and large animals alike (Alexander 1976).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .anatomy import Body
from .limbs import blurred, smooth
from .ways import Way

Array = NDArray[Any]
GRAVITY = 9.81
_HEEL = 1.4
"""How far behind the ball the heel is, of the way from the ball to the ankle."""
_LAND, _RISE = 0.18, 0.45
"""Shares of a stance: until the sole is flat; from its end, while the heel rises."""


@dataclass(frozen=True)
class Gait:
    """`offsets`: phase (0 to 1) at which a leg lands, by leg; `clearance` in legs; `off` and `strike`: pitch of the
    sole when it leaves and when it lands, in radians; `narrow`: how much of its own width the feet keep."""

    duty: float
    offsets: Mapping[str, float]
    clearance: float = 0.1
    off: float = 0.6
    strike: float = 0.25
    stride: float = 1.0
    narrow: float = 0.8
    kick: float = 0.0


@dataclass(frozen=True)
class Span:
    """Frames `start` to `end` in which a gait is walked; `usual`: metres a second that are natural for it."""

    start: float
    end: float
    gait: Gait
    usual: float


@dataclass(frozen=True)
class Feet:
    """By leg: balls (T, 3), yaws, pitches of sole and toe (T,) radians, on the floor or not (T,).
    `phase` (T,) strides."""

    balls: dict[str, Array]
    yaws: dict[str, Array]
    pitches: dict[str, Array]
    toes: dict[str, Array]
    contacts: dict[str, Array]
    phase: Array
    vigour: Array
    """(T,) 0 standing, 1 at the gait's natural speed."""


@dataclass(frozen=True)
class _Step:
    lift: float
    land: float
    goal: Array
    yaw: float
    gait: Gait | None
    """None: the body carries the foot along, through the air or the water."""
    vigour: float = 0.0


def natural(body: Body, froude: float) -> float:
    """Metres a second at a Froude number: animals walk at 0.2, change to a trot at 0.5, to a gallop at 2.5."""
    return float(np.sqrt(froude * GRAVITY * body.leg))


def cadence(body: Body, gait: Gait, speed: Array) -> Array:
    """Strides a second at a speed in metres a second."""
    leg = body.leg
    relative = np.maximum(speed, 1e-6) / np.sqrt(GRAVITY * leg)
    out: Array = np.asarray(speed / (2.3 * gait.stride * leg * relative**0.6))
    return out


def feet(
    body: Body,
    way: Way,
    spans: Sequence[Span],
    fps: float,
    carried: Sequence[tuple[float, float]] = (),
) -> Feet:
    """Plan all steps, then follow them. `carried`: frames from and to which the feet go along with the body."""
    frames = len(way.headings)
    phase = np.zeros(frames)
    steps: dict[str, list[_Step]] = {leg: [] for leg in body.legs}
    vigour = np.zeros(frames)
    for run in _runs(spans):
        f = _rates(body, way, run, frames)
        gait = run[0].gait
        first = phase[min(max(int(run[0].start), 0), frames - 1)]
        lifted = gait.duty + min(gait.offsets.values(), default=0.0)
        start = np.ceil(first - lifted) + lifted
        ahead = np.concatenate([[0.0], np.cumsum(f[int(run[0].start) : -1])]) / fps
        phase[int(run[0].start) :] = start + ahead
        for span in run:
            on = slice(max(int(span.start), 0), int(span.end))
            vigour[on] = np.clip(way.speeds[on] / span.usual, 0.0, 1.6)
        for key in body.legs:
            steps[key] += _steps(body, key, way, run, phase, fps)
    for start, end in carried:
        for key, leg in body.legs.items():
            goal, yaw = way.at(end, leg.ball - way.home)
            steps[key] = sorted([*steps[key], _Step(start, end, goal, yaw, None)], key=lambda step: step.lift)
    followed = {key: _followed(body, key, way, steps[key], frames, fps) for key in body.legs}
    parts: list[dict[str, Array]] = [
        dict(zip(followed, column, strict=True)) for column in zip(*followed.values(), strict=True)
    ]
    balls, yaws, pitches, toes, contacts = parts
    return Feet(balls, yaws, pitches, toes, contacts, phase, vigour)


def _runs(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans that follow upon each other without a stop, together."""
    out: list[list[Span]] = []
    for span in spans:
        if out and span.start - out[-1][-1].end < 2:
            out[-1].append(span)
        else:
            out.append([span])
    return out


def _rates(body: Body, way: Way, run: Sequence[Span], frames: int) -> Array:
    """Strides a second (T,): never much slower than usual, so that no foot hangs in the air."""
    out = np.zeros(frames)
    for span in run:
        on = np.arange(frames) >= span.start
        f = cadence(body, span.gait, way.speeds)
        out[on] = np.maximum(f, 0.7 * float(cadence(body, span.gait, np.array(span.usual))))[on]
    return out


def _span(run: Sequence[Span], time: float) -> Span:
    return next((span for span in reversed(run) if time >= span.start), run[0])


def _offsets(run: Sequence[Span], key: str, time: Array, fps: float) -> Array:
    """Phase (T,) at which a foot lands; where one gait becomes another it shifts within half a second."""
    out = np.full(len(time), run[0].gait.offsets[key])
    for span in run[1:]:
        out[time >= span.start] = span.gait.offsets[key]
    return blurred(out, 0.2 * fps)


def _steps(body: Body, key: str, way: Way, run: Sequence[Span], phase: Array, fps: float) -> list[_Step]:
    """Steps of one foot. The last one brings it home, under the body that stands."""
    start, end, frames = run[0].start, run[-1].end, len(phase)
    time = np.arange(int(start), frames)
    own = np.maximum.accumulate(phase[int(start) :] - _offsets(run, key, time, fps))
    shortest = max(0.2 * fps * np.sqrt(max(body.leg, 0.02)), 2.0)
    out: list[_Step] = []
    home = False
    for k in range(int(np.floor(own[0])), int(own[-1]) + 2):
        span = _span(run, float(np.interp(k + 1.0, own, time)))
        duty = span.gait.duty
        lift, land, middle = (float(np.interp(k + p, own, time)) for p in (duty, 1.0, 1.0 + duty / 2))
        if own[-1] < k + duty or (home and lift > end):
            break
        if own[0] > k + 1.0 - 0.02:
            continue
        lift = max(lift, start, out[-1].land + 1.0 if out else start)
        land = max(land, lift + shortest)
        if own[-1] < k + 1.0 + duty / 2:
            middle = frames - 1.0
        home = middle >= end
        offset = (body.legs[key].ball - way.home) * [1.0 if home else span.gait.narrow, 1.0, 1.0]
        goal, yaw = way.at(middle, offset)
        speed = float(np.interp(middle, np.arange(frames), way.speeds))
        out.append(_Step(lift, land, goal, yaw, span.gait, float(np.clip(speed / span.usual, 0.25, 1.3))))
    return out


def _followed(
    body: Body, key: str, way: Way, steps: Sequence[_Step], frames: int, fps: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Place, yaw, pitch of the sole, pitch of the toe and contact of one foot at all frames."""
    leg, time = body.legs[key], np.arange(frames, dtype=float)
    place, yaw = way.at(0, leg.ball - way.home)
    balls, yaws = np.tile(place, (frames, 1)), np.full(frames, yaw)
    pitches, toes, contact = np.zeros(frames), np.zeros(frames), np.ones(frames, bool)
    long = _HEEL * float(np.linalg.norm((leg.ball - body.skeleton[leg.lower].tail)[:2])) if leg.foot else 0.0
    along = way.world(leg.ball - way.home)
    for number, step in enumerate(steps):
        gait, force = step.gait, min(step.vigour, 1.0)
        if gait is None:
            air, later = (time > step.lift) & (time < step.land), time >= step.land
            balls[air], yaws[air], contact[air] = along[air], way.headings[air], False
            pitches[air | later] = toes[air | later] = 0.0
            balls[later], yaws[later], contact[later] = step.goal, step.yaw, True
            place, yaw = step.goal, step.yaw
            continue
        s = (time - step.lift) / (step.land - step.lift)
        air, after = (s > 0) & (s < 1), s >= 1
        share = s[air]
        go = smooth(0.85 * share + 0.15 * share**2)
        arc = np.sin(np.pi * share**0.85) ** 1.3
        hop = gait.clearance * body.leg * (0.35 + 0.65 * step.vigour) * arc
        hop = hop + gait.kick * body.leg * step.vigour * np.sin(np.pi * share**0.7) ** 2
        balls[air] = place + (step.goal - place) * go[:, None] + hop[:, None] * [0, 0, 1.0]
        yaws[air] = yaw + (step.yaw - yaw) * go
        off, strike = gait.off * force, gait.strike * force
        lead = strike * smooth((share - 0.45) / 0.55)
        pitches[air] = off * (1 - smooth(share / 0.75)) - lead
        toes[air] = off * 0.6 * np.sin(np.pi * np.minimum(share / 0.75, 1)) - lead
        balls[air, 2] += long * np.sin(lead)
        balls[after], yaws[after] = step.goal, step.yaw
        pitches[after], toes[after], contact[air] = 0.0, 0.0, False
        following = steps[number + 1].lift if number + 1 < len(steps) else np.inf
        stance = min(following, frames + 99.0) - step.land
        flat = smooth((time[after] - step.land) / max(_LAND * min(stance, fps), 1e-6))
        down = strike * (1 - flat)
        pitches[after] -= down
        toes[after] -= down
        balls[after, 2] += long * np.sin(down)
        contact[after & (time < step.land + _LAND * min(stance, fps))] = False
        place, yaw = step.goal, step.yaw
    _rising(steps, time, pitches)
    return balls, yaws, pitches, toes, contact


def _rising(steps: Sequence[_Step], time: Array, pitches: Array) -> None:
    """The heel rises before each step, while the toes stay."""
    before = -np.inf
    for step in steps:
        if step.gait is None:
            before = step.land
            continue
        length = _RISE * min(step.lift - before, 1.4 * (step.land - step.lift))
        on = (time <= step.lift) & (time > step.lift - length)
        pitches[on] += (
            step.gait.off * min(step.vigour, 1.0) * smooth(1 - (step.lift - time[on]) / max(length, 1e-6)) ** 1.3
        )
        before = step.land
