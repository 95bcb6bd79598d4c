# SPDX-License-Identifier: GPL-3.0-or-later
"""Cloths: open sheets of about 1,600 even quads, so that they drape; patterns follow their threads."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import MOTIFS, Color, said, substance_of, usual
from .solid import Floats, Skin, Solid, fit, part

FACES = 1600
WHITE, RED, NAVY = (0.93, 0.92, 0.89), (0.66, 0.03, 0.05), (0.08, 0.12, 0.35)
FLAGS = (
    ((0.05, 0.45, 0.5), WHITE, (0.93, 0.4, 0.3)), ((0.95, 0.7, 0.15), NAVY, (0.95, 0.7, 0.15)),
    ((0.45, 0.15, 0.5), (0.95, 0.8, 0.3), (0.1, 0.5, 0.45)), ((0.9, 0.35, 0.15), WHITE, (0.1, 0.3, 0.6)),
)  # fmt: skip
"""Stripes from below; of no country."""


def _sheet(x: float, y: float, step: int = 1) -> tuple[Solid, int, int]:
    """Its counts of faces are multiples of `step`."""
    across = max(step, step * round(np.sqrt(FACES * x / y) / step))
    along = max(step, step * round(np.sqrt(FACES * y / x) / step))
    return shapes.sheet(x, y, across, along), across, along


def _disc(points: Floats) -> Floats:
    """A square of side 2 as a disc of radius 1: each square becomes a circle."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([x * np.sqrt(1 - y**2 / 2), y * np.sqrt(1 - x**2 / 2), points[:, 2]], axis=1)


def _cut(kit: Kit, made: Solid) -> Solid:
    x, y, _ = kit.size
    if said(kit, "round", "circular"):
        made = made.shaped(lambda p: _disc(p / (x / 2, y / 2, 1)) * (x / 2, y / 2, 1))
    return made


def _other(kit: Kit, color: Color) -> list[Skin]:
    """What alternates in a pattern: the thing's own and white, or the usual colour and white."""
    return [Skin("", usual(kit, color)), Skin("", WHITE)]


@builds
def cloth(kit: Kit) -> Prop:
    """Plain; towels, handkerchiefs and carpets have a border."""
    x, y, _ = kit.size
    made, across, along = _sheet(x, y)
    plain = said(kit, *MOTIFS)
    if not plain and said(kit, "towel", "scarf"):
        made = made.patterned([Skin(), Skin("", WHITE)], lambda at, _: int(0.38 < abs(at[0]) / x < 0.44))
    elif not plain and said(kit, "carpet", "rug", "handkerchief", "napkin"):
        edge = [Skin(), Skin("", (0.8, 0.62, 0.35) if said(kit, "carpet", "rug") else WHITE)]
        made = made.patterned(edge, lambda _, k: int(_in(k % across, across, k // across, along) == 2))
    return Prop([part(kit, "cloth", fit(_cut(kit, made), kit.size), "mesh")])


def _in(i: int, across: int, j: int, along: int) -> int:
    """How many faces a face is away from the edge."""
    return min(i, across - 1 - i, j, along - 1 - j)


@builds
def tablecloth(kit: Kit) -> Prop:
    """Gingham: red, rose and white, or its own colour and white; a hem around it. Plain of what is not linen."""
    x, y, _ = kit.size
    made, across, along = _sheet(x, y, 2)
    plain = said(kit, "plain", *MOTIFS) or substance_of(kit) not in ("linen", "cotton", "")
    rose = Skin("", (0.82, 0.36, 0.36))
    two = _other(kit, RED)
    skins = [two[0], rose if two[0].color else two[1], two[1]]

    def thread(_: Floats, k: int) -> int:
        i, j = k % across, k // across
        return 2 if _in(i, across, j, along) == 0 else 2 - (i // 2 % 2 + j // 2 % 2)

    made = made if plain else made.patterned(skins, thread)
    return Prop([part(kit, "tablecloth", fit(_cut(kit, made), kit.size), "mesh")])


@builds
def curtain(kit: Kit) -> Prop:
    """Hanging in folds that open downwards, in the plane of X and Z, with a paler heading and hem."""
    x, y, z = kit.size
    deep = y if y > 0 else 0.06 * x
    flat = shapes.sheet(x, z, 72, 24).turned("x", 90).moved(z=z / 2)
    folds = max(4, round(x / 0.2))
    phase = kit.rng.uniform(-0.4, 0.4, folds + 2)

    def pleated(points: Floats) -> Floats:
        u = (points[:, 0] / x + 0.5) * folds
        turn = 2 * np.pi * u + np.interp(u, np.arange(folds + 2), phase)
        down = 1 - points[:, 2] / z
        wave = np.sin(turn) * (0.55 + 0.45 * down) + 0.15 * down * np.sin(0.37 * turn)
        lean = 0.25 * x / folds * np.sin(2 * turn) * 0.35
        return np.stack([points[:, 0] + lean * (0.6 + 0.4 * down), deep / 2 * wave, points[:, 2]], axis=1)

    size = kit.size if y > 0 else (x, 0.0, z)
    return Prop([part(kit, "curtain", fit(flat.shaped(pleated), size), "mesh", sharp=80)])


@builds
def flag(kit: Kit) -> Prop:
    """Upright in the plane of X and Z: three stripes; checks, a cross or plain where that is said."""
    x, _, z = kit.size
    across, along = 48, 33
    made = shapes.sheet(x, z, across, along).turned("x", 90).moved(z=z / 2)
    colored = usual(kit, WHITE) is None
    if said(kit, "racing", "finish") or (not colored and said(kit, "checkered", "chequered", "checked")):
        dark = Skin("", (0.03, 0.03, 0.035))
        made = made.patterned([Skin("", WHITE), dark], lambda _, k: (k % across // 6 + (k // across + 1) // 6) % 2)
    elif said(kit, "pirate"):
        dark = Skin("", (0.03, 0.03, 0.035))
        made = made.patterned([dark, Skin("", WHITE)], lambda at, _: _skull(at[0] / z, at[2] / z - 0.5))
    elif said(kit, "cross"):
        skins = [Skin("", usual(kit, RED)), Skin("", WHITE)]
        made = made.patterned(
            skins, lambda at, _: int(abs(at[0] + 0.15 * x) < 0.085 * z or abs(at[2] - z / 2) < 0.085 * z)
        )
    elif not colored and not said(kit, "plain", *MOTIFS):
        colors = FLAGS[int(kit.rng.integers(len(FLAGS)))]
        made = made.patterned([Skin("", color) for color in colors], lambda _, k: k // across * 3 // along)
    return Prop([part(kit, "flag", fit(made, kit.size), "mesh")])


def _skull(x: float, z: float) -> int:
    """1 where a skull over crossed bones is white, in heights of the flag from its middle."""
    head = np.hypot(x, z - 0.14) < 0.17 or (abs(x) < 0.09 and -0.1 < z < 0.1)
    eyes = np.hypot(abs(x) - 0.07, z - 0.12) < 0.045
    bones = abs(abs(x) - 1.6 * abs(z + 0.2)) < 0.05 and abs(x) < 0.34
    return int((head and not eyes) or (bones and z < -0.06))
