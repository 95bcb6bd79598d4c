# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigid things: they turn, roll, wobble and drive, and never bend."""

from __future__ import annotations

import numpy as np

from .clip import TAU, Array, Maker, Moment, slow_noise
from .posing import Controls


def spin(m: Moment) -> Controls:
    """Turns about the vertical; outside a loop it starts and ends softly."""
    p = m.params
    turns = max(1.0, round(p["turns"])) if m.loop else p["turns"]
    time = np.clip(m.t / m.span, 0, 1) if not m.loop else m.t / m.span
    if not m.loop:
        time = time - np.sin(TAU * time) / TAU
    return {"root": m.vectors(0, 0, TAU * turns * time)}


def roll(m: Moment) -> Controls:
    """About the axle through its middle, by the way it goes: it does not slip."""
    radius = max(float(m.body.high[2] - min(m.body.low[2], 0.0)) / 2, 1e-3)
    angle = m.gone / radius
    if m.loop:
        angle = TAU * max(1.0, round(m.gone[-1] / max(m.t[-1], 1e-6) * m.span / radius / TAU)) * m.t / m.span
    return {"root": m.vectors(angle, 0, 0)}


def wobble(m: Moment) -> Controls:
    """From one foot onto the other, with a turn on each: heavy things that are shaken."""
    p = m.params
    a = m.cycles(p["rate"])
    angle = np.radians(p["angle"]) * m.strength
    on = 1.0 if m.loop else m.within(0.4)
    quick = np.sin(a) * (1 - 0.25 * np.cos(2 * a))
    return {"root": m.vectors(0.3 * angle * np.sin(2 * a) * on, angle * quick * on, 0.5 * angle * np.cos(a) * on)}


def drive(m: Moment) -> Controls:
    """Wheels turn by the way over their radius, the front ones steer; the body gives to speed, bends and the road."""
    p, body = m.params, m.body
    out: dict[str, Array] = {}
    rates = np.gradient(m.gone) * 24
    push = np.gradient(rates) * 24
    bend = np.gradient(m.way.headings) * 24
    wheels = [body.skeleton[name] for name in body.wheels]
    middle = np.mean([wheel.head[1] for wheel in wheels]) if wheels else 0.0
    base = max(float(np.ptp([wheel.head[1] for wheel in wheels])), 0.3 * body.size) if wheels else body.size
    steer = np.clip(np.arctan2(bend * base, np.maximum(np.abs(rates), 0.1 * body.size)), -0.6, 0.6)
    for wheel in wheels:
        radius = max(wheel.length, 0.02 * body.size)
        angle = m.gone / radius
        if m.loop:
            per = (m.gone[-1] - m.gone[0]) / max(m.t[-1] - m.t[0], 1e-6) * m.span
            angle = TAU * max(1.0, round(per / radius / TAU)) * m.t / m.span
        out[wheel.name] = m.vectors(angle, 0, 0)
        if wheel.head[1] < middle - 0.05 * base:
            out[f"={wheel.name}"] = m.vectors(0, 0, steer)
        else:
            out[f"={wheel.name}"] = m.vectors()
    road = np.radians(p["road"]) * m.strength * np.clip(np.abs(rates) / max(0.5 * body.size, 1e-6), 0, 1)
    pitch = np.clip(-0.02 * push / max(body.size, 1e-6), -0.06, 0.06) + road * slow_noise(m, 1.1, 1)
    lean = np.clip(0.05 * bend * rates / max(body.size, 1e-6), -0.07, 0.07) + 0.7 * road * slow_noise(m, 0.8, 2)
    for name in [name for name in body.trunk if name not in body.wheels][:1]:
        # Wheels that hang on the frame would leave the floor with it: it only trembles then.
        hung = any(wheel.parent == name for wheel in wheels)
        out[name] = m.vectors(pitch, lean, 0) * (0.1 if hung else 1.0)
    return out


MAKERS = {
    "spin": Maker(spin),
    "roll": Maker(roll, travels=True),
    "wobble": Maker(wobble),
    "drive": Maker(drive, travels=True),
}
