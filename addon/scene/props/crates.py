# SPDX-License-Identifier: GPL-3.0-or-later
"""What things are packed in: crates, parcels, chests, suitcases."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import said, substance_of
from .solid import Skin, Solid, fit, join, part

DARK, LIGHT = (0.06, 0.055, 0.06), (0.94, 0.93, 0.9)


WOODS = ("oak", "pine", "beech", "birch", "walnut", "mahogany", "balsa", "bamboo", "plywood", "plastic", "")


@builds
def crate(kit: Kit) -> Prop:
    """Boards in a frame; a plain block where that is said or what it is made of has no boards; a parcel, a chest."""
    own = substance_of(kit)
    shape = "box"
    if said(kit, "chest", "treasure"):
        made, shape = _chest(kit), "hull"
    elif said(kit, "suitcase", "luggage"):
        made, shape = _suitcase(kit), "hull"
    elif own == "cardboard" or said(kit, "parcel", "package", "carton", "cardboard"):
        made = _parcel(kit)
    elif own not in WOODS or said(kit, "cube", "block"):
        made = shapes.box(*kit.size, 0.04 * min(kit.size), 2)
    else:
        made = _boards(kit)
    return Prop([part(kit, "crate", fit(made, kit.size), shape)])


def _boards(kit: Kit) -> Solid:
    """Four boards and a frame with a slanting one on each side."""
    x, y, z = kit.size
    least = min(kit.size)
    wide, deep = 0.16 * least, 0.035 * least
    gap, bevel = 0.012 * least, 0.008 * least
    pieces = []
    for a, b, up, turn in ((x, z, y, 0), (y, z, x, 90), (x, z, y, 180), (y, z, x, 270)):
        inner = up / 2 - deep
        high = (b - 2 * deep) / 4
        panel = [
            shapes.box(a - 2 * deep, deep, high - gap, bevel).moved(0, -inner + deep / 2, deep + high * k + gap / 2)
            for k in range(4)
        ]
        rim = [shapes.box(a, deep, wide, bevel).moved(0, -inner - deep / 2, at) for at in (0, b - wide)]
        posts = [
            shapes.box(wide, deep, b - 2 * wide, bevel).moved(s * (a - wide) / 2, -inner - deep / 2, wide)
            for s in (-1, 1)
        ]
        across, rise = a - 2 * wide, b - 2 * wide
        slant = shapes.box(wide * 0.9, 0.6 * deep, float(np.hypot(across, rise)) - 0.3 * wide, bevel)
        slant = slant.moved(z=-slant.box[1][2] / 2).turned("y", float(np.degrees(np.arctan2(across, rise))))
        slant = slant.moved(0, -inner - 0.3 * deep, b / 2)
        pieces += [each.turned("z", turn) for each in (*panel, *rim, *posts, slant)]
    for at in (0.0, z - deep):
        count = 5
        step = (y - 2 * deep) / count
        pieces += [
            shapes.box(x - 2 * deep, step - gap, deep, bevel).moved(0, -y / 2 + deep + step * (k + 0.5), at)
            for k in range(count)
        ]
    return join(*(piece.grained(*kit.rng.uniform(-9, 9, 2)) for piece in pieces))


def _parcel(kit: Kit) -> Solid:
    """Cardboard with flaps that meet, a tape over them and a label."""
    x, y, z = kit.size
    thick = 0.006 * max(kit.size)
    body = shapes.box(x, y, z - thick, thick)
    flaps = [
        shapes.box(x, y / 2 - thick / 2, 1.5 * thick, thick / 3).moved(0, s * y / 4, z - 2 * thick) for s in (-1, 1)
    ]
    tape = Skin("plastic", (0.78, 0.62, 0.38))
    strips = [shapes.box(x + thick, 0.12 * y, thick / 3).moved(z=z - 0.6 * thick)]
    strips += [shapes.box(thick / 3, 0.12 * y, 0.2 * z).moved(s * (x + thick / 2) / 2, 0, 0.8 * z) for s in (-1, 1)]
    label = shapes.box(0.36 * x, thick / 3, 0.26 * z).moved(0.2 * x, -y / 2, 0.5 * z).painted("paper", LIGHT)
    lines = [
        shapes.box(w * x, thick / 3, 0.015 * z).moved(
            0.2 * x - (0.26 - w) * x / 2, -y / 2 - thick / 8, (0.56 + 0.05 * k) * z
        )
        for k, w in enumerate((0.16, 0.24, 0.26))
    ]
    return join(
        body, *flaps, *(s.painted(*tape) for s in strips), label,
        *(each.painted("paper", DARK) for each in lines),
    )  # fmt: skip


def _chest(kit: Kit) -> Solid:
    """A treasure chest: boards, a round lid, iron bands and a lock."""
    x, y, z = kit.size
    bevel, low = 0.01 * z, 0.58 * z
    turn = np.linspace(0, np.pi, 13)
    arc = np.stack([-y / 2 * np.cos(turn), (z - low) * np.sin(turn)], axis=1)[::-1]
    pieces = [shapes.box(x * 0.98, y * 0.96, low / 3 - bevel, bevel).moved(z=low / 3 * k) for k in range(3)]
    lid = shapes.extrude(arc * 0.97, 0.98 * x).turned("x", 90).turned("z", 90).moved(-0.49 * x, 0, low + bevel)
    pieces.append(lid)
    for at in (-0.4, 0.0, 0.4):
        band = (
            shapes.extrude(arc, 0.07 * x, 0.004 * x)
            .turned("x", 90)
            .turned("z", 90)
            .moved((at - 0.035) * x, 0, low + bevel)
        )
        strap = shapes.box(0.07 * x, y, low, bevel).moved(at * x)
        pieces += [band.painted("iron"), strap.painted("iron")]
    lock = shapes.box(0.12 * x, 0.05 * y, 0.16 * z, bevel).moved(0, -y / 2, low - 0.1 * z).painted("brass")
    hole = shapes.cylinder(0.02 * x, 0.02 * y, 12).turned("x", 90).moved(0, -0.52 * y, low - 0.02 * z).painted("", DARK)
    return join(*pieces, lock, hole)


def _suitcase(kit: Kit) -> Solid:
    """Round corners, a seam, two straps with buckles and a handle."""
    x, y, z = kit.size
    body = shapes.box(x, y, z, 0.3 * y, 3)
    seam = shapes.box(1.006 * x, 0.05 * y, 1.006 * z, 0.02 * y).moved(z=-0.003 * z).painted("brass")
    pieces = [body, seam]
    for at in (-0.28, 0.28):
        pieces.append(
            shapes.box(0.06 * x, 1.03 * y, 1.015 * z, 0.28 * y, 3).moved(at * x, 0, -0.0075 * z).painted("leather")
        )
        pieces.append(
            shapes.box(0.085 * x, 0.04 * y, 0.07 * z, 0.01 * y).moved(at * x, -0.515 * y, 0.72 * z).painted("brass")
        )
    grip = [(-0.11, 0.98), (-0.11, 1.06), (-0.07, 1.1), (0.07, 1.1), (0.11, 1.06), (0.11, 0.98)]
    line = shapes.curve([(u * x, 0, v * z) for u, v in grip], 4)
    return join(*pieces, shapes.tube(line, 0.09 * y, 10).painted("leather"))
