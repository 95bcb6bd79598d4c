# SPDX-License-Identifier: GPL-3.0-or-later
"""What a body with limbs does on the spot: it stands and breathes, waves, nods, looks around, jumps, dances."""

from __future__ import annotations

import numpy as np

from .anatomy import Body
from .clip import TAU, Array, Maker, Moment, Params, slow_noise
from .limbs import smooth
from .posing import Controls
from .stepping import GRAVITY

_LEAVE, _TOUCH = 0.36, 0.68
"""Shares of a jump's time at which the feet leave the floor and meet it again."""


def idle(m: Moment) -> Controls:
    """Breathing, weight from one leg to the other, a look here and there. Arms hang."""
    p, leg, s = m.params, m.body.leg, m.strength
    breath = np.sin(m.cycles(p["breath"]))
    late = np.sin(m.cycles(p["breath"]) - 0.7)
    shift = slow_noise(m, 0.12, 1) * p["shift"] * s
    look = np.tanh(1.6 * slow_noise(m, 0.1, 2)) * np.radians(p["look"]) * s
    low = 0.012 * leg * np.abs(shift) + 0.003 * leg * (1 - breath)
    out = {
        "hips.shift": m.vectors(0.045 * leg * shift, 0, -low - 0.004 * leg),
        "hips": m.vectors(0, 0.05 * shift, 0.04 * shift),
        "chest": m.vectors(-0.022 * s * breath, -0.045 * shift, -0.03 * shift + 0.1 * look),
        "head": m.vectors(0.02 * s * late + 0.05 * look, 0.06 * shift, 0.9 * look),
        "tail": m.vectors(0.04 * late, 0, p["tail"] * s * np.sin(m.cycles(0.5) + 0.6)),
    }
    for side, sign in (("L", 1.0), ("R", -1.0)):
        hang = 0.03 * late * s + 0.03 * sign * shift
        out[f"arm.{side}"] = m.vectors(0.17 + 0.012 * breath * s, -0.02 - hang, -1.0)
        out[f"fore.{side}"] = m.vectors(0.08, -0.2 - 1.4 * hang, -1.0)
        out[f"shoulder.{side}"] = m.vectors(0, -0.025 * s * breath, 0)
    return out


def wave(m: Moment) -> Controls:
    """The right arm goes up and out, the forearm swings, the hand is late; the head leans to it."""
    p, s = m.params, m.strength
    on, count = m.within(0.42), max(1.0, p["count"])
    time = np.clip((m.t - 0.3) / max(m.span - 0.6, 0.1), 0.0, 1.0)
    swing = np.sin(TAU * count * time) * smooth(time * 8) * smooth((1 - time) * 8)
    late = np.sin(TAU * count * time - 0.9) * on
    wide = np.radians(p["width"]) * s * swing
    return {
        "over:arm.R": m.vectors(0.92, -0.28, 0.1 + 0.12 * np.sin(np.pi * time)),
        "over:fore.R": m.vectors(0.28 + np.sin(wide), -0.32, np.cos(wide)),
        "over:hand.R": m.vectors(0, 0.35 * late, 0),
        "shoulder.R": m.vectors(0, -0.22, 0) * on[:, None],
        "weight": m.vectors(on, on, on),
        "chest": m.vectors(0, -0.05 - 0.02 * swing, -0.06) * on[:, None],
        "head": m.vectors(-0.06, 0.09, -0.05) * on[:, None],
        "hips.shift": m.vectors(0.02 * m.body.leg * on, 0, 0),
    }


def nod(m: Moment) -> Controls:
    """The head goes down and up so many times, the first time deepest. `shake` turns it from side to side instead."""
    p = m.params
    time = np.clip(m.t / m.span, 0, 1)
    on = m.within(0.2)
    wave = np.sin(TAU * p["count"] * time) * (1 - 0.35 * time) * on
    if p["shake"] > 0:
        turn = np.radians(p["angle"]) * m.strength * wave
        return {"head": m.vectors(0, 0.1 * turn, turn), "chest": m.vectors(0, 0, 0.12 * turn)}
    down = np.radians(p["angle"]) * m.strength * (0.5 - 0.5 * np.cos(TAU * p["count"] * time)) * (1 - 0.3 * time) * on
    return {"head": m.vectors(down - 0.15 * np.radians(p["angle"]) * wave, 0, 0), "chest": m.vectors(0.12 * down, 0, 0)}


def look(m: Moment) -> Controls:
    """To one side, a halt, to the other, a halt, back; the chest follows the head, the eyes' height changes."""
    p = m.params
    side = 1.0 if m.dice(1, 7)[0] >= 0.5 else -1.0
    time = np.clip(m.t / m.span, 0, 1)
    turn = smooth((time - 0.02) / 0.16) - 2 * smooth((time - 0.38) / 0.22) + smooth((time - 0.8) / 0.18)
    late = smooth((time - 0.06) / 0.2) - 2 * smooth((time - 0.43) / 0.24) + smooth((time - 0.8) / 0.2)
    lift = np.sin(np.pi * time) * np.cos(2.2 * np.pi * time)
    angle = side * np.radians(p["angle"]) * m.strength
    return {
        "head": m.vectors(-0.1 * lift * m.strength, 0.08 * angle * turn, angle * turn),
        "chest": m.vectors(0, 0, 0.3 * angle * late),
        "hips": m.vectors(0, 0, 0.1 * angle * late),
    }


def jump(m: Moment) -> Controls:
    """Down, up, a flight by gravity, landing and settling; so many times."""
    p, leg = m.params, m.body.leg
    count = max(1, round(p["count"]))
    each = m.span / count
    local = np.where((m.t >= 0) & (m.t < m.span), m.t % each, 0.0) / each
    high = p["height"] * leg * m.strength
    crouch, push, fly, land = _jump_shape(local)
    z = high * fly - p["crouch"] * leg * (crouch + 0.8 * land) + 0.05 * leg * push
    foot = high * fly
    tuck = 0.18 * leg * np.sqrt(np.maximum(fly, 0)) * min(1.0, p["height"] * 3)
    bend = crouch + 0.7 * land
    out = {
        "hips.shift": m.vectors(0, 0.10 * leg * bend, z),
        "hips": m.vectors(0.28 * bend, 0, 0),
        "chest": m.vectors(0.5 * bend - 0.12 * fly, 0, 0),
        "head": m.vectors(0.1 * bend - 0.15 * fly, 0, 0),
        "tail": m.vectors(0.4 * fly - 0.3 * bend, 0, 0),
    }
    for key in m.body.legs:
        out[f"foot.{key}"] = m.vectors(0, 0.25 * tuck, foot + tuck)
        out[f"sole.{key}"] = m.vectors(0.65 * np.sqrt(np.maximum(fly, 0)) * (local < 0.62), 0, 0)
    raised = smooth((local - 0.17) / 0.3) * (1 - smooth((local - 0.48) / 0.34))
    angle = -0.8 * smooth(local / 0.2) * (1 - smooth((local - 0.18) / 0.2)) + 2.0 * raised - 0.3 * land
    for side in m.body.arms:
        out[f"arm.{side}"] = m.vectors(0.2 + 0.35 * raised, -np.sin(angle), -np.cos(angle))
        fore = angle + 0.35 + 0.3 * crouch
        out[f"fore.{side}"] = m.vectors(0.12 + 0.3 * raised, -np.sin(fore), -np.cos(fore))
    return out


def _jump_shape(x: Array) -> tuple[Array, Array, Array, Array]:
    """By the share of a jump's time: how deep it crouches, pushes, flies (0 to 1, a parabola) and gives in landing."""
    leave, touch = _LEAVE, _TOUCH
    crouch = smooth(x / 0.22) * (1 - smooth((x - 0.22) / (leave - 0.22)))
    push = smooth((x - 0.26) / (leave - 0.26)) * (1 - smooth((x - leave) / 0.1))
    air = np.clip((x - leave) / (touch - leave), 0, 1)
    land = smooth((x - touch) / 0.09) * (1 - smooth((x - touch - 0.09) / (1.0 - touch - 0.09)))
    return crouch, push, 4 * air * (1 - air), land


def dance(m: Moment) -> Controls:
    """Bounce on the beat, hips from side to side, arms that answer, steps in place; a variation by the seed."""
    p, leg, s = m.params, m.body.leg, m.strength
    beat = 4 * m.cycles(p["beats"] / 240)  # whole bars, so that a loop closes
    half, quarter = beat / 2, beat / 4
    style = m.dice(4, 11)
    down = 0.5 + 0.5 * np.cos(beat)
    side = np.sin(half)
    flair = 0.5 + 0.5 * np.sin(quarter)
    out = {
        "hips.shift": m.vectors(0.075 * leg * side * s, 0.02 * leg * np.cos(beat), -(0.045 + 0.05 * down) * leg * s),
        "hips": m.vectors(0.05 * down, 0.13 * side * s, 0.16 * np.sin(half - 0.5) * s),
        "chest": m.vectors(0.1 * down * s - 0.04, -0.15 * np.sin(half - 0.35) * s, -0.22 * np.sin(half - 0.7) * s),
        "head": m.vectors(0.14 * np.cos(beat - 0.5) * s, 0.1 * np.sin(half - 0.9) * s, 0.12 * np.sin(half - 1.0)),
        "tail": m.vectors(0, 0, 0.4 * np.sin(half - 0.6) * s),
    }
    for number, (leg_key, _) in enumerate(m.body.legs.items()):
        up = np.maximum(0.0, np.sin(half + (np.pi if number % 2 == 0 else 0.0))) ** 1.5
        out[f"foot.{leg_key}"] = m.vectors(0, 0, 0.11 * leg * up * s)
        out[f"sole.{leg_key}"] = m.vectors(0.5 * up * s, 0, 0)
    for number, arm in enumerate(m.body.arms):
        sign = 1.0 if number == 0 else -1.0
        swing = np.sin(half + sign * (0.4 + 0.5 * style[0]))
        high = 0.35 + (0.75 + 0.5 * style[1]) * flair * s
        upper = high + 0.35 * s * sign * swing
        out[f"arm.{arm}"] = m.vectors(0.55 + 0.25 * flair, -np.sin(upper), -np.cos(upper))
        fore = upper + 1.1 + 0.45 * s * np.sin(beat + sign * 0.5)
        out[f"fore.{arm}"] = m.vectors(0.15 + 0.25 * sign * swing, -np.sin(fore), -np.cos(fore))
        out[f"hand.{arm}"] = m.vectors(0.25 * np.sin(beat - 0.9), 0, 0)
    return out


def peck(m: Moment) -> Controls:
    """The head goes quickly down to the floor, picks twice, comes up and looks."""
    time = np.clip(m.t / m.span, 0, 1)
    down = smooth((time - 0.12) / 0.16) * (1 - smooth((time - 0.68) / 0.14))
    pick = down * np.maximum(0, np.sin(TAU * m.params["count"] * np.clip((time - 0.25) / 0.42, 0, 1))) ** 2
    turn = np.sin(TAU * time) * (1 - down) * 0.4 * m.within(0.2)
    angle = np.radians(m.params["angle"]) * m.strength
    return {
        "hips": m.vectors(0.45 * angle * down, 0, 0),
        "chest": m.vectors(angle * (0.8 * down + 0.12 * pick), 0, 0.3 * turn),
        "head": m.vectors(angle * (down + 0.3 * pick), 0, turn),
        "tail": m.vectors(-0.3 * down, 0, 0),
    }


def _jump_lasts(body: Body, p: Params, strength: float) -> float:
    """So long that gravity makes the flight."""
    flight = 2 * np.sqrt(2 * max(p["height"] * strength, 0.02) * body.leg / GRAVITY)
    return float(max(1.0, round(p["count"])) * np.clip(flight / (_TOUCH - _LEAVE), 0.5, 4.0))


def _wave_lasts(body: Body, p: Params, strength: float) -> float:
    return 0.9 + 0.45 * max(1.0, p["count"])


def _nod_lasts(body: Body, p: Params, strength: float) -> float:
    return 0.3 + 0.6 * max(1.0, p["count"])


MAKERS = {
    "stand": Maker(idle),
    "wave": Maker(wave, over=True, lasts=_wave_lasts),
    "nod": Maker(nod, over=True, lasts=_nod_lasts),
    "look": Maker(look, over=True),
    "peck": Maker(peck, over=True),
    "jump": Maker(jump, lasts=_jump_lasts),
    "dance": Maker(dance),
}
