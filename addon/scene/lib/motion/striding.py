# SPDX-License-Identifier: GPL-3.0-or-later
"""Going on legs: what hips, chest, head, arms and tail do to the steps of two or four feet."""

from __future__ import annotations

import numpy as np

from .anatomy import Body
from .clip import TAU, Array, Maker, Moment, Params
from .limbs import blurred
from .posing import Controls
from .stepping import Gait


def biped_gait(body: Body, p: Params) -> Gait:
    return Gait(
        p["duty"],
        {"L": 0.0, "R": 0.5},
        clearance=p["clearance"],
        off=np.radians(p["push"]),
        strike=np.radians(p["strike"]),
        stride=p["stride"],
        narrow=p["narrow"],
        kick=p["kick"],
    )


def quadruped_gait(body: Body, p: Params) -> Gait:
    offsets = {"L": 0.0, "R": p["hind"], "front_L": p["front"], "front_R": (p["front"] + p["fore"]) % 1.0}
    return Gait(
        p["duty"],
        offsets,
        clearance=p["clearance"],
        off=np.radians(p["push"]),
        strike=0.0,
        stride=p["stride"],
        narrow=p["narrow"],
        kick=p["kick"],
    )


def biped(m: Moment) -> Controls:
    """Weight from foot to foot, pelvis and shoulders against each other, arms a little late, the head steady."""
    p, leg, w = m.params, m.body.leg, np.clip(m.vigour, 0.0, 1.3) * m.strength
    a = TAU * m.phase
    mid = TAU * p["duty"] / 2
    settle = TAU * max(p["duty"] - 0.5, 0.0) / 2
    bounce = p["bounce"] * leg
    # Walking vaults over a straight leg and is lowest when both feet are down; running is a spring, lowest in the
    # middle of each stance, with a flight in between.
    z = -bounce * np.cos(2 * (a - (settle if p["duty"] >= 0.5 else mid)))
    drop = p["crouch"] * leg
    twist, roll, lean = np.radians(p["twist"]), np.radians(p["roll"]), np.radians(p["lean"])
    hips = m.vectors(lean * 0.4 + 0.02 * np.cos(2 * a), -roll * np.cos(a - mid), -twist * np.cos(a))
    chest = m.vectors(
        lean + 0.025 * np.cos(2 * a - 0.6), 0.5 * roll * np.cos(a - mid - 0.3), 1.2 * twist * np.cos(a - 0.35)
    )
    head = m.vectors(
        0.35 * lean - 0.03 * np.cos(2 * a - 1.1), 0.15 * roll * np.cos(a - 0.9), 0.15 * twist * np.cos(a - 0.6)
    )
    bend = m.way.headings
    lookahead = np.gradient(blurred(bend, 4.0)) * 24
    head = head + m.vectors(0, 0, np.clip(0.35 * lookahead, -0.5, 0.5))
    shift = m.vectors(p["sway"] * leg * np.cos(a - mid), 0.012 * leg * np.sin(2 * a), z - drop)
    out = {
        "hips.shift": shift * w[:, None],
        "hips": hips * w[:, None],
        "chest": chest * w[:, None],
        "head": head * w[:, None],
    }
    for side, sign in (("L", 1.0), ("R", -1.0)):
        out |= _swing(m, side, sign * np.cos(a - 0.25), sign * np.cos(a - 0.75), w)
    if m.body.tail:
        out["tail"] = m.vectors(0.05 * np.cos(2 * a), 0, 0.25 * np.cos(a)) * w[:, None]
    return out


def _swing(m: Moment, side: str, stride: Array, late: Array, w: Array) -> dict[str, Array]:
    """An arm: forward when the leg of the other side is. `stride` 1: its own leg is forward."""
    p = m.params
    reach, bend = np.radians(p["arms"]), np.radians(p["elbow"])
    upper = w * (-reach * stride + np.radians(p["carry"]))
    fore = upper + 0.1 + w * (bend * (1 - 0.5 * late) + 0.03)
    tuck = 0.16 + 0.05 * w
    return {
        f"arm.{side}": m.vectors(tuck, -np.sin(upper), -np.cos(upper)),
        f"fore.{side}": m.vectors(tuck * 0.5 - 0.12 * np.sin(fore), -np.sin(fore), -np.cos(fore)),
        f"hand.{side}": m.vectors(0.1 * late * w, 0, 0),
        f"shoulder.{side}": m.vectors(0, 0, -0.08 * stride * w),
    }


def quadruped(m: Moment) -> Controls:
    """A back that gives to the steps, a neck that answers, a tail that follows."""
    p, leg, w = m.params, m.body.leg, np.clip(m.vigour, 0.0, 1.3) * m.strength
    a, beats = TAU * m.phase, p["beats"]
    z = -p["bounce"] * leg * np.cos(beats * (a - TAU * p["duty"] / 2))
    pitch, roll, twist = np.radians(p["pitch"]), np.radians(p["roll"]), np.radians(p["twist"])
    rock = pitch * np.cos(a - TAU * p["rock"])
    arch = np.radians(p["arch"]) * np.cos(a - TAU * p["rock"] - 1.2)
    nod = np.radians(p["nod"]) * np.cos(beats * a - 1.8)
    out = {
        "hips.shift": m.vectors(p["sway"] * leg * np.cos(a - 1.4), 0, z - p["crouch"] * leg) * w[:, None],
        "hips": m.vectors(rock - arch, -roll * np.cos(a - 1.2), -twist * np.cos(a)) * w[:, None],
        "chest": m.vectors(rock + arch, roll * np.cos(a - 2.0), twist * np.cos(a - 0.5)) * w[:, None],
        "head": m.vectors(0.3 * rock + nod, 0, 0.2 * twist * np.cos(a - 1.0)) * w[:, None],
    }
    out["tail"] = m.vectors(0.12 * np.cos(beats * a) - 0.15 * p["bounce"] * 10, 0, 0.22 * np.cos(a - 0.8)) * w[:, None]
    return out


MAKERS = {
    "stride": Maker(biped, gait=biped_gait, travels=True),
    "four": Maker(quadruped, gait=quadruped_gait, travels=True),
}
