# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies without legs: soft ones sway and hop, fish swim, snakes slither, birds fly, plants stand in the wind."""

from __future__ import annotations

import numpy as np

from .anatomy import Body, along
from .clip import TAU, Array, Maker, Moment, Params, slow_noise
from .limbs import X, Z, smooth
from .posing import Controls
from .stepping import GRAVITY

BEND = np.radians(15)
"""Of the whole chain, at strength 1."""
BREATH = 0.035
"""How much taller at strength 1, as a share of the height; the width answers, so that the volume stays."""


def upright(body: Body) -> bool:
    """Its chain stands on the floor; else it lies along it."""
    trunk = body.trunk
    way = body.skeleton[trunk[-1]].tail - body.skeleton[trunk[0]].head
    return bool(abs(way[2]) >= 0.7 * np.hypot(way[0], way[1])) and "back.001" not in body.children


def depths(body: Body) -> dict[str, int]:
    """Bones that move the skin between each of them and the root."""
    out: dict[str, int] = {}
    for bone in body.skeleton.bones:
        if bone.deform:
            out[bone.name] = out[bone.parent] + 1 if bone.parent in out else 0
    return out


def breathe(m: Moment) -> Controls:
    """Squash and stretch twice a sway, tallest between the extremes, and a sway that travels along the backbone."""
    sways = max(1.0, round(m.params["rate"] * m.pace * m.span)) if m.loop else m.params["rate"] * m.pace * m.span
    start = m.dice(1, 3)[0] * TAU if m.seed else 0.0
    turn = TAU * sways * m.t / m.span + start
    tall = 1 + BREATH * m.strength * np.cos(2 * turn - 0.6)
    wide = 1 / np.sqrt(tall)
    out = {"stretch": m.vectors(wide - 1, tall - 1, wide - 1)}
    stands, depth = upright(m.body), depths(m.body)
    deepest = max(depth.values(), default=0)
    moving = {name: d for name, d in depth.items() if d > 0 or not stands or deepest == 0}
    share = BEND * m.strength / max(1, len(set(moving.values())))
    for name, d in moving.items():
        late = 1.3 * d / max(1, deepest)
        side, nod = share * np.sin(turn - late), 0.35 * share * np.sin(2 * turn - late - 0.8)
        if stands:
            damp = 0.3 if deepest == 0 else 1.0
            out[name] = damp * m.vectors(nod, side, 0)
        else:  # turning about the vertical keeps it on the floor; the ends may only rise
            bone = m.body.skeleton[name]
            axis = np.cross((bone.tail - bone.head) / max(bone.length, 1e-9), Z)
            axis /= max(float(np.linalg.norm(axis)), 1e-9)
            out[name] = side[:, None] * Z + 0.5 * (nod + 0.35 * share)[:, None] * axis
    return out


def squash(m: Moment) -> Controls:
    """A ball of dough: down and wide, up and thin, a little less each time."""
    p = m.params
    wave = np.sin(m.cycles(p["rate"])) * m.strength * p["amount"]
    tall = np.maximum(1 + wave, 0.4)
    wide = 1 / np.sqrt(tall)
    return {"stretch": m.vectors(wide - 1, tall - 1, wide - 1)}


def hop(m: Moment) -> Controls:
    """Hops by gravity; what is soft is squashed before and after, what is not leans."""
    p, size = m.params, float(m.body.high[2] - min(0.0, m.body.low[2]))
    each = m.span / max(1, round(m.span / max(hop_lasts(m.body, {**p, "count": 1.0}, m.strength), 0.2)))
    x = np.where((m.t >= 0) & (m.t < m.span) | m.loop, m.t % each, 0.0) / each
    air = np.clip((x - 0.3) / 0.4, 0, 1)
    fly = 4 * air * (1 - air)
    ready = smooth(x / 0.18) * (1 - smooth((x - 0.18) / 0.12))
    land = smooth((x - 0.7) / 0.06) * (1 - smooth((x - 0.76) / 0.24))
    rush = np.where((air > 0) & (air < 1), np.cos(np.pi * air) ** 2, 0.0) * np.sin(np.pi * np.clip(air, 0, 1))
    out = {"air": m.vectors(0, 0, p["height"] * size * m.strength * fly)}
    amount = p["soft"] * m.strength
    if amount > 0:
        tall = 1 - 0.28 * amount * ready - 0.25 * amount * land + 0.35 * amount * rush
        wide = 1 / np.sqrt(tall)
        out["stretch"] = m.vectors(wide - 1, tall - 1, wide - 1)
    side = np.where((m.t // each) % 2 < 1, 1.0, -1.0) * (1 - p["soft"]) if not m.loop else 1 - p["soft"]
    tilt = np.radians(p["tilt"]) * m.strength
    out["root"] = m.vectors(tilt * (0.5 * ready - np.sin(TAU * air) * 0.5), 0.35 * tilt * side * np.sin(np.pi * air), 0)
    return out


def hop_lasts(body: Body, p: Params, strength: float) -> float:
    high = p["height"] * max(strength, 0.05) * float(body.high[2])
    return float(max(1.0, p.get("count", 1.0)) * np.clip(2 * np.sqrt(2 * high / GRAVITY) / 0.4, 0.45, 3.0))


def swim(m: Moment) -> Controls:
    """A wave from the head to the tail that grows on the way; the head answers, the whole floats up and down."""
    p, at = m.params, along(m.body)
    a, w = TAU * m.phase, 0.45 + 0.55 * np.clip(m.vigour, 0, 1.2)
    angle = np.radians(p["angle"]) * m.strength * w
    out: dict[str, Array] = {}
    for name, s in at.items():
        share = p["head"] + (1 - p["head"]) * s**2.2
        roll = 0.15 * angle * s * np.sin(a - p["wave"] * s - 1)
        out[f"={name}"] = m.vectors(0, roll, angle * share * np.sin(a - p["wave"] * s))
    rise = np.ones_like(m.t) if m.loop else smooth(m.t / 0.8) * smooth((m.span - m.t) / 0.8)
    high = p["height"] + 0.04 * slow_noise(m, 0.25, 5)
    out["hips.shift"] = m.vectors(0, 0, m.body.size * high * rise)
    out["free"] = m.vectors(rise, rise, rise)
    out["root"] = m.vectors(0.04 * slow_noise(m, 0.2, 6) * rise, 0, 0)
    return out


def slither(m: Moment) -> Controls:
    """Each place of the body follows the one before it through the same bends; the head looks ahead."""
    p, at = m.params, along(m.body)
    a = TAU * m.phase
    angle = np.radians(p["angle"]) * m.strength * (0.3 + 0.7 * np.clip(m.vigour, 0, 1))
    out: dict[str, Array] = {}
    for name, s in at.items():
        ahead = smooth(0.35 + s / 0.25)
        out[f"={name}"] = m.vectors(0, 0, angle * ahead * np.sin(a - TAU * p["waves"] * s))
    return out


def fly(m: Moment) -> Controls:
    """Wings go down stiff and come up folded, their tips late; the body rises with each beat. `flap` 0: it glides."""
    p, size = m.params, m.body.size
    a = m.cycles(p["flaps"])
    rise = np.ones_like(m.t) if m.loop else smooth(m.t / 0.9) * smooth((m.span - m.t) / 0.9)
    beat = np.radians(p["flap"]) * m.strength * rise
    bank = np.clip(np.gradient(m.way.headings) * 24, -1, 1) * -0.4 * rise
    glide = 0.05 * slow_noise(m, 0.3, 8) * rise
    lift = p["height"] * size * rise + size * (0.05 * rise * np.cos(a + 0.6) * p["flap"] / 45 + 0.5 * glide)
    out: dict[str, Array] = {
        "hips.shift": m.vectors(0, 0, np.maximum(lift, 0)),
        "free": m.vectors(rise, rise, rise),
        "hips": m.vectors(np.radians(p["lean"]) * rise, bank + glide, 0),
        "chest": m.vectors(np.radians(p["lean"]) * rise + 0.04 * np.cos(a), bank + glide, 0),
        "head": m.vectors(0.2 * np.radians(p["lean"]) * rise, 0.3 * bank, 0),
        "tail": m.vectors(0.1 * np.sin(a - 1.0) * rise, 0, 0),
    }
    for key in m.body.legs:
        out[f"foot.{key}"] = out["hips.shift"] + m.vectors(0, 0.35 * m.body.leg * rise, 0.3 * m.body.leg * rise)
        out[f"sole.{key}"] = m.vectors(0.9 * rise, 0, 0)
    for side, bones in m.body.wings.items():
        sign = 1.0 if side == "L" else -1.0
        for number, name in enumerate(bones):
            late = a - 0.55 * number
            fold = 0.35 * max(number, 0.3) * np.maximum(0, np.cos(late)) * p["flap"] / 45 * rise
            up = beat * (0.85 if number == 0 else 0.45) * np.sin(late) + (0.1 + glide) * rise * (number == 0)
            out[name] = m.vectors(0.25 * beat * np.cos(late) * (number == 0), -sign * up, -sign * fold * 0.5)
    return out


def wind(m: Moment) -> Controls:
    """Gusts bend it, more towards the top; it swings back, and what hangs on it trembles in its own time."""
    p, body = m.params, m.body
    gust = 0.55 + 0.45 * slow_noise(m, 0.22, 1)
    lean, depth = np.radians(p["angle"]) * m.strength, depths(body)
    deepest = max(max(depth.values(), default=0), 1)
    course = TAU * m.dice(1, 9)[0] if m.seed else 0.4
    axis = np.array([-np.sin(course), np.cos(course), 0.0])
    across = np.cross(axis, Z)
    out: dict[str, Array] = {}
    low = float(body.low[2])
    tall = max(float(body.high[2]) - low, 1e-6)
    trunk = set(body.trunk)
    for number, (name, d) in enumerate(depth.items()):
        bone = body.skeleton[name]
        high = np.clip((0.5 * (bone.head[2] + bone.tail[2]) - low) / tall, 0, 1)
        if d == 0 and deepest > 1 and name in trunk:
            continue
        late = 1.1 * d / deepest
        push = lean / deepest * (0.45 * gust + 0.55 * np.sin(m.cycles(p["rate"]) - late)) * (0.4 + 0.6 * high)
        cross = 0.4 * lean / deepest * np.sin(m.cycles(2 * p["rate"]) - late - 0.9) * high
        out[name] = push[:, None] * axis + cross[:, None] * across
        if name not in trunk:
            flutter = p["flutter"] * lean * np.sin(m.cycles(4 * p["rate"]) + 2.4 * number) * (0.4 + 0.6 * gust)
            out[name] = out[name] + flutter[:, None] * (0.7 * X + 0.5 * Z)
    return out


MAKERS = {
    "breathe": Maker(breathe),
    "squash": Maker(squash),
    "hop": Maker(hop, travels=True),
    "swim": Maker(swim, travels=True),
    "slither": Maker(slither, travels=True),
    "fly": Maker(fly, travels=True),
    "wind": Maker(wind),
}
