# SPDX-License-Identifier: GPL-3.0-or-later
"""Ropes and chains: many bodies in a line with ball joints between them, the uppermost the main one."""

from __future__ import annotations

import itertools

import numpy as np

from . import shapes
from .prop import Joint, Kit, Prop, builds
from .skins import said
from .solid import Floats, Solid, join, part, scale_to

BEND = 50.0
"""Degrees that a piece turns against the next."""


def _hung(kit: Kit, name: str, pieces: list[Solid], meet: list[float], shape: str) -> Prop:
    """The pieces, uppermost first, that fill the box together; `meet` are the heights of the joints between them."""
    by, move = scale_to(join(*pieces), kit.size)
    parts = [
        part(kit, f"{name} {k + 1}", piece.scaled(*by).moved(*move), shape, sharp=70) for k, piece in enumerate(pieces)
    ]
    joints = [
        Joint("ball", a.name, b.name, (0.0, 0.0, float(z * by[2] + move[2])), (0.0, 0.0, 1.0), -BEND, BEND)
        for a, b, z in zip(parts[:-1], parts[1:], meet, strict=True)
    ]
    return Prop(parts, joints)


@builds
def rope(kit: Kit) -> Prop:
    """Three strands laid around each other, in 12 to 20 pieces; smooth where a cable is said."""
    x, _, z = kit.size
    r = x / 2
    count = int(np.clip(round(z / (5 * x)), 12, 20))
    step = (z - 2 * r) / count
    ends = [z - r - step * k for k in range(count + 1)]
    pieces = []
    for high, low in itertools.pairwise(ends):
        if said(kit, "cable", "wire", "hose"):
            pieces.append(shapes.capsule(r, high - low + 2 * r, 16).moved(z=low - r))
        else:
            pieces.append(_laid(r, low - r, high + r))
    return _hung(kit, "rope", pieces, ends[1:-1], "capsule")


def _laid(r: float, low: float, high: float) -> Solid:
    """Three strands between two heights; where they end they close in, so that pieces bend into each other."""
    thin = r / (1 + 2 / 3**0.5)
    at = np.linspace(low, high, max(7, min(13, 1 + round((high - low) / r))))
    turn = 2 * np.pi * at / (9 * r)
    inside = np.minimum(at - low, high - at)
    round_off = np.sqrt(np.clip(1 - np.clip(1 - inside / r, 0, 1) ** 2, 0.08, 1))
    strands = []
    for k in range(3):
        way = turn + 2 * np.pi * k / 3
        line = np.stack([(r - thin) * round_off * np.cos(way), (r - thin) * round_off * np.sin(way), at], axis=1)
        strands.append(shapes.tube(line, 1.08 * thin * round_off, 8))
    return join(*strands)


@builds
def chain(kit: Kit) -> Prop:
    """Links through each other, every second a quarter turned."""
    x, _, z = kit.size
    wire = 0.105 * x
    count = max(4, round((z - 4 * wire) / (1.05 * x)))
    pitch = (z - 4 * wire) / count
    tops = [z - pitch * k for k in range(count)]
    pieces = []
    for k, top in enumerate(tops):
        link = _link(x, pitch + 4 * wire, wire).moved(z=top - pitch - 4 * wire)
        pieces.append(link.turned("z", 90 * (k % 2)))
    return _hung(kit, "link", pieces, [top - 2 * wire for top in tops[1:]], "hull")


def _link(wide: float, high: float, wire: float) -> Solid:
    """A loop in the plane of X and Z standing on z = 0; `wire` is half as thick as its bar."""
    r = wide / 2 - wire
    turn = np.linspace(0, np.pi, 9)
    arc: Floats = np.stack([r * np.cos(turn), 0 * turn, r * np.sin(turn)], axis=1)
    line = np.concatenate([arc + np.array([0, 0, high - wire - r]), np.array([0, 0, wire + r]) - arc])
    return shapes.tube(line, wire, 10, closed=True)
