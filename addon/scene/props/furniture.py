# SPDX-License-Identifier: GPL-3.0-or-later
"""Furniture of boards and legs: table, chair, stool, bench, shelf, ladder."""

from __future__ import annotations

import numpy as np

from .jointed import bar, beam, compound, mirrored
from .prop import Kit, Prop, builds
from .shapes import box, cylinder, lathe
from .skins import said
from .solid import Floats, Solid, fit, join


def legs(wide: float, deep: float, high: float, thick: float, *, splay: float = 0.0, taper: float = 0.65) -> Solid:
    """Four, square, whose outer sides stand `splay` outside of a top of `wide` by `deep`."""
    x, y = wide / 2 - thick / 2, deep / 2 - thick / 2
    one = box(thick, thick, high, 0.12 * thick)

    def shaped(points: Floats) -> Floats:
        down = 1 - points[:, 2:] / high
        flat = points[:, :2] * (1 - (1 - taper) * down) + np.array([x, y]) + splay * down * np.sign([x, y])
        return np.hstack([flat, points[:, 2:]])

    return mirrored(mirrored(one.shaped(shaped)), "y")


@builds
def table(kit: Kit) -> Prop:
    """Four legs, an apron and a top of boards; round on a column, where that was said."""
    wide, deep, high = kit.size
    top = 0.045 * high
    if said(kit, "round"):
        plate = cylinder(wide / 2, top, 48, 0.3 * top).scaled(1, deep / wide, 1).moved(z=high - top)
        stem = [
            (0, 0),
            (0.1, 0),
            (0.09, 0.1),
            (0.045, 0.2),
            (0.06, 0.5),
            (0.04, 0.7),
            (0.06, 0.9),
            (0.13, 0.96),
            (0, 0.96),
        ]
        column = lathe([(r * wide, z * high) for r, z in stem], 28)
        foot = beam(
            (0.05 * wide, 0, 0.16 * high), (0.32 * wide, 0, 0.03 * high), 0.06 * wide, 0.05 * wide, 0.008 * wide
        )
        feet = join(*(foot.turned("z", 45 + 90 * k) for k in range(4)))
        lift = feet.box[0][2]
        stand = join(feet.moved(z=-lift), column)
        return Prop([compound(kit, "table", join(plate, stand), still=True)])
    count = max(3, round(deep / 0.14))
    board = deep / count
    boards = [
        box(wide, 0.997 * board, top, 0.12 * top).moved(0, (k + 0.5) * board - deep / 2, high - top)
        for k in range(count)
    ]
    thick = 0.075 * min(wide, deep, high) + 0.015 * high
    inset = 0.05 * min(wide, deep)
    under = legs(wide - 2 * inset, deep - 2 * inset, high - 0.9 * top, thick)
    apron, width = 0.12 * high, 0.35 * thick
    front = box(wide - 2 * inset - 1.2 * thick, width, apron).moved(
        0, deep / 2 - inset - 0.5 * thick, high - top - apron
    )
    side = box(width, deep - 2 * inset - 1.2 * thick, apron).moved(
        wide / 2 - inset - 0.5 * thick, 0, high - top - apron
    )
    whole = join(*boards, under, mirrored(front, "y"), mirrored(side))
    return Prop([compound(kit, "table", whole, still=True)])


@builds
def chair(kit: Kit) -> Prop:
    """A seat on tapered legs, its back of slats to +Y, so that who sits looks at the camera."""
    wide, deep, high = kit.size
    thick, seat = 0.085 * wide, 0.5 * high
    plate = 0.045 * high
    lean = 0.12 * deep
    top = box(wide, deep - lean, plate, 0.35 * plate).moved(0, -lean / 2, seat - plate)
    front = mirrored(
        box(thick, thick, seat - 0.5 * plate, 0.12 * thick).moved(wide / 2 - 0.75 * thick, thick - deep / 2, 0)
    )
    back = deep / 2 - lean - 0.7 * thick
    under, bend = np.array([wide / 2 - 0.6 * thick, back, 0]), np.array([wide / 2 - 0.6 * thick, back, seat])
    head = np.array([wide / 2 - 0.6 * thick, deep / 2 - thick / 2, high])
    post = mirrored(join(beam(under, bend, thick, thick, 0.12 * thick), beam(bend, head, thick, thick, 0.12 * thick)))
    rail = 0.09 * high
    across = wide - 1.6 * thick

    def on_back(z: float) -> float:
        return float(bend[1] + (head[1] - bend[1]) * (z - seat) / (high - seat))

    crest = box(across, 0.6 * thick, rail, 0.15 * thick).moved(0, on_back(0.95 * high), high - rail - 0.01 * high)
    low = box(across, 0.5 * thick, 0.5 * rail, 0.1 * thick).moved(0, on_back(seat + 0.16 * high), seat + 0.14 * high)
    foot, end = (on_back(seat + 0.16 * high), seat + 0.16 * high), (on_back(high - rail), high - 0.6 * rail)
    slat = beam((0, *foot), (0, *end), 0.1 * across, 0.25 * thick, 0.04 * thick)
    slats = [slat.moved(x * across) for x in (-0.3, -0.1, 0.1, 0.3)]
    z, stretch = 0.22 * high, 0.4 * thick
    sides = mirrored(box(stretch, deep - lean - 1.6 * thick, stretch).moved(wide / 2 - 0.75 * thick, -lean / 2, z))
    cross = box(wide - 1.6 * thick, stretch, stretch).moved(0, -lean / 2, z)
    apron = box(wide - 2 * thick, deep - lean - 2 * thick, 0.06 * high).moved(0, -lean / 2, seat - plate - 0.055 * high)
    whole = join(top, front, post, crest, low, *slats, sides, cross, apron)
    return Prop([compound(kit, "chair", fit(whole, kit.size), still=True)])


@builds
def stool(kit: Kit) -> Prop:
    """A round seat on four splayed round legs with rungs."""
    wide, _, high = kit.size
    seat = 0.08 * high
    radius = wide / 2
    plate = cylinder(0.94 * radius, seat, 40, 0.4 * seat).moved(z=high - seat)
    thick = 0.085 * radius
    turns = [np.array([np.cos(a), np.sin(a), 0]) for a in np.radians([45, 135, 225, 315])]
    up = np.array([0, 0, 1.0])
    feet = [bar(0.94 * radius * t, 0.6 * radius * t + (high - seat) * up, thick, 12) for t in turns]
    rungs = []
    for k in range(4):
        z = (0.3 if k % 2 else 0.42) * high
        r = radius * (0.94 - 0.34 * z / (high - seat))
        rungs.append(bar(r * turns[k] + z * up, r * turns[(k + 1) % 4] + z * up, 0.6 * thick, 8))
    return Prop([compound(kit, "stool", fit(join(plate, *feet, *rungs), kit.size), still=True)])


@builds
def bench(kit: Kit) -> Prop:
    """A seat of three boards on two trestles with a stretcher; a park bench where it is higher than 0.6 m."""
    wide, deep, high = kit.size
    seat = high if high < 0.6 * wide and not said(kit, "park") and high <= 1.5 * deep else 0.5 * high
    plate, gap = 0.09 * seat, 0.03 * deep
    board = (deep - 2 * gap) / 3
    boards = [box(wide, board, plate, 0.15 * plate).moved(0, (k - 1) * (board + gap), seat - plate) for k in range(3)]
    thick = 0.12 * seat
    foot = beam((0.38 * wide, 0.46 * deep, 0), (0.38 * wide, 0.3 * deep, seat - plate), thick, thick, 0.1 * thick)
    tie = box(thick, 0.85 * deep, thick).moved(0.38 * wide, 0, seat - plate - thick)
    rail = box(0.76 * wide, 0.6 * thick, thick).moved(0, 0, 0.35 * seat)
    low = box(thick, 0.7 * deep, 0.7 * thick).moved(0.38 * wide, 0, 0.38 * seat)
    parts = [*boards, mirrored(join(mirrored(foot, "y"), tie, low)), rail]
    if seat < high:
        posts = mirrored(
            beam((0.38 * wide, 0.42 * deep, seat - plate), (0.38 * wide, 0.49 * deep, high), thick, 0.6 * thick)
        )
        parts += [posts]
        parts += [
            box(wide, 0.3 * thick, 0.12 * high, 0.1 * thick).moved(0, 0.42 * deep, z * high) for z in (0.68, 0.86)
        ]
    return Prop([compound(kit, "bench", fit(join(*parts), kit.size), still=True)])


@builds
def shelf(kit: Kit) -> Prop:
    """A bookcase with four boards between its sides, open to the front; a cupboard or cabinet has doors."""
    wide, deep, high = kit.size
    thick = min(0.03 * wide, 0.08 * deep)
    side = mirrored(box(thick, deep, high, 0.08 * thick).moved(wide / 2 - thick / 2))
    inner = wide - 2 * thick
    back = box(inner, 0.4 * thick, 0.95 * high).moved(0, deep / 2 - 0.2 * thick, 0.04 * high)
    heights = np.linspace(0.05 * high, high - thick, 6 if high > wide else 4)
    boards = [box(inner, deep - 0.5 * thick, thick, 0.08 * thick).moved(0, -0.2 * thick, z) for z in heights]
    kick = box(inner, 0.5 * thick, 0.05 * high).moved(0, -0.4 * deep, 0)
    parts = [side, back, *boards, kick]
    if said(kit, "cupboard", "cabinet", "wardrobe", "closet"):
        leaf = box(0.497 * wide - thick, 0.9 * thick, 0.93 * high, 0.1 * thick)
        leaf = leaf.moved(0.25 * wide - thick / 2, -deep / 2 + 0.45 * thick, 0.05 * high)
        knob = bar((0.04 * wide, -deep / 2, 0.5 * high), (0.04 * wide, -deep / 2, 0.58 * high), 0.2 * thick)
        parts = [each.scaled(1, 1 - 0.9 * thick / deep, 1).moved(y=0.45 * thick) for each in parts]
        parts += [mirrored(leaf), mirrored(knob.moved(y=-0.2 * thick)).painted("brass")]
    return Prop([compound(kit, "shelf", fit(join(*parts), kit.size), still=True)])


@builds
def ladder(kit: Kit) -> Prop:
    """It leans to the back."""
    wide, deep, high = kit.size
    thick = 0.08 * wide
    rails = mirrored(
        beam((wide / 2 - thick / 2, -deep / 2, 0), (wide / 2 - thick / 2, deep / 2, high), thick, 1.3 * thick)
    )
    count = max(3, round(high / 0.3))
    rungs = [
        bar((-0.46 * wide, deep * (t - 0.5), high * t), (0.46 * wide, deep * (t - 0.5), high * t), 0.35 * thick, 12)
        for t in (np.arange(count) + 0.5) / count
    ]
    return Prop([compound(kit, "ladder", fit(join(rails, *rungs), kit.size))])
