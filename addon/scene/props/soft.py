# SPDX-License-Identifier: GPL-3.0-or-later
"""Furniture with cushions, and what stands on furniture: sofa, bed, lamp, candle, pedestal."""

from __future__ import annotations

import numpy as np

from .furniture import legs
from .jointed import bar, compound, filled, mirrored
from .prop import Kit, Prop, builds
from .shapes import ball, box, curve, cylinder, lathe, tube
from .skins import said
from .solid import Floats, Solid, fit, join, part


def _padded(x: float, y: float, z: float, puff: float = 0.12) -> Solid:
    """A cushion: a block with round edges whose sides bulge by a share of its height."""
    made = box(x, y, z, 0.35 * min(x, y, z), 3, 6)

    def bulge(points: Floats) -> Floats:
        u, v = (np.clip(np.abs(points[:, k]) / half, 0, 1) for k, half in ((0, x / 2), (1, y / 2)))
        out = points.copy()
        out[:, 2] += puff * (points[:, 2] - z / 2) * 2 * (1 - u**2) * (1 - v**2)
        return out

    return fit(made.shaped(bulge), (x, y, z))


@builds
def sofa(kit: Kit) -> Prop:
    """Seat and back cushions between two arms; an armchair has one of each."""
    wide, deep, high = kit.size
    arm = min(0.13 * wide, 0.2 * high + 0.05 * wide)
    count = max(1, round((wide - 2 * arm) / 0.7))
    foot, seat = 0.09 * high, 0.48 * high
    base = box(wide - 1.2 * arm, 0.92 * deep, 0.24 * high, 0.03 * high, 2).moved(0, 0.02 * deep, foot)
    sides = mirrored(box(arm, 0.97 * deep, 0.62 * high, 0.35 * arm, 4).moved(wide / 2 - arm / 2, 0.01 * deep, foot))
    back = box(wide - 1.2 * arm, 0.22 * deep, 0.86 * high, 0.08 * deep, 4).moved(0, 0.38 * deep, foot)
    each = (wide - 2 * arm) / count
    cushions = []
    for k in range(count):
        x = (k - (count - 1) / 2) * each
        cushions.append(
            _padded(0.985 * each, 0.7 * deep, seat - foot - 0.2 * high).moved(x, -0.14 * deep, foot + 0.22 * high)
        )
        tall = _padded(0.97 * each, 0.5 * high, 0.2 * deep, 0.2).turned("x", 80).moved(x, 0.3 * deep, 0.7 * high)
        cushions.append(tall)
    pegs = legs(0.94 * wide, 0.88 * deep, foot + 0.01 * high, 0.06 * high, splay=0.01 * wide).painted("oak")
    whole = fit(join(base, sides, back, *cushions, pegs), kit.size)
    return Prop([compound(kit, "sofa", whole, still=True)])


@builds
def bed(kit: Kit) -> Prop:
    """A frame with a head to the back, a mattress, a blanket and pillows."""
    wide, deep, high = kit.size
    post, low = 0.05 * wide, 0.45 * high
    head = box(wide, post, high, 0.2 * post).moved(0, deep / 2 - post / 2)
    inset = box(0.84 * wide, 0.4 * post, 0.3 * high, 0.1 * post).moved(0, deep / 2 - 1.1 * post, 0.62 * high)
    end = box(wide, post, low, 0.2 * post).moved(0, post / 2 - deep / 2)
    rails = mirrored(box(0.6 * post, deep - post, 0.22 * high).moved(wide / 2 - 0.5 * post, 0, 0.18 * high))
    slab = box(wide - 1.5 * post, deep - 2 * post, 0.08 * high).moved(z=0.2 * high)
    soft = _padded(wide - 1.4 * post, deep - 2.1 * post, 0.36 * high, 0.02).moved(z=0.27 * high).painted("cotton")
    cover = _padded(wide - 0.9 * post, 0.6 * deep, 0.3 * high, 0.06).moved(0, -0.17 * deep, 0.37 * high)
    fold = _padded(wide - 0.9 * post, 0.12 * deep, 0.12 * high, 0.1).moved(0, 0.13 * deep, 0.6 * high)
    count = 1 if wide < 1.2 else 2
    pillow = _padded(0.8 * (wide - 2 * post) / count, 0.2 * deep, 0.2 * high, 0.5).turned("x", 14).moved(z=0.6 * high)
    pillows = [pillow.moved((k - (count - 1) / 2) * (wide - 2 * post) / count, 0.32 * deep) for k in range(count)]
    wood = join(head, inset, end, rails, slab)
    cloths = join(soft, join(*pillows).painted("cotton", (0.95, 0.94, 0.9)), fold.painted("cotton"))
    whole = fit(join(wood, cloths, cover.painted("wool", (0.2, 0.33, 0.52))), kit.size)
    return Prop([compound(kit, "bed", whole, still=True)])


@builds
def street_lamp(kit: Kit) -> Prop:
    """A post with a lantern of six panes."""
    post = lathe([(0, 0), (0.1, 0), (0.1, 0.03), (0.06, 0.1), (0.04, 0.14), (0.03, 0.8), (0.07, 0.81), (0, 0.81)], 24)
    panes = lathe([(0, 0.81), (0.08, 0.81), (0.18, 0.93), (0, 0.93)], 6).painted("glass", (1.0, 0.85, 0.5))
    roof = lathe([(0, 0.93), (0.21, 0.93), (0.08, 0.97), (0.02, 0.985), (0.02, 1.0), (0, 1.0)], 6)
    edges = [bar((0.085, 0, 0.81), (0.185, 0, 0.93), 0.008, 6).turned("z", 60 * k) for k in range(6)]
    return Prop([compound(kit, "street_lamp", fit(join(post, panes, roof, *edges), kit.size), still=True)])


@builds
def lamp(kit: Kit) -> Prop:
    """Of a table, with a shade."""
    wide, _, high = kit.size
    stem = [
        (0.27, 0.0),
        (0.27, 0.025),
        (0.11, 0.07),
        (0.06, 0.14),
        (0.1, 0.24),
        (0.14, 0.34),
        (0.1, 0.45),
        (0.035, 0.52),
    ]
    line = curve([*stem, (0.03, 0.7)], 4)
    foot = lathe([(0, 0), *((r * wide, z * high) for r, z in line), (0, 0.7 * high)], 36)
    low, top, wall = 0.5 * wide, 0.3 * wide, 0.012 * wide
    rim = [(low, 0.52 * high), (top, high), (top - wall, high), (low - wall, 0.52 * high)]
    shade = lathe(rim, 48, closed=True).painted("linen", (0.96, 0.88, 0.7))
    bulb = lathe([(0, 0), (0.04, 0), (0.05, 0.04), (0.09, 0.13), (0.07, 0.2), (0, 0.23)], 20).scaled(wide)
    bulb = bulb.moved(z=0.7 * high).painted("glass", (1.0, 0.93, 0.75))
    spoke = bar((0, 0, 0.93 * high), (0.32 * wide, 0, 0.93 * high), 0.006 * wide, 6)
    pole = bar((0, 0, 0.68 * high), (0, 0, 0.935 * high), 0.008 * wide, 8)
    whole = join(foot, shade, bulb, pole, *(spoke.turned("z", 120 * k) for k in range(3)))
    return Prop([part(kit, "lamp", fit(whole, kit.size), "hull")])


@builds
def candle(kit: Kit) -> Prop:
    """With drops of wax, a wick and a flame."""
    rng = kit.rng
    angle = 2 * np.pi * np.arange(28) / 28
    stick = cylinder(1.0, 3.6, 28)
    rise = 0.12 * np.sin(2 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(5 * angle + rng.uniform(0, 6))

    def melted(points: Floats) -> Floats:
        turn = np.arctan2(points[:, 1], points[:, 0])
        rim = (points[:, 2] > 3) & (np.hypot(points[:, 0], points[:, 1]) > 0.5)
        out = points.copy()
        out[:, 2] += rim * (0.15 + np.interp(turn, np.linspace(-np.pi, np.pi, 28), rise)) - 0.1 * (points[:, 2] > 3)
        return out

    drops = []
    for at in rng.uniform(0, 2 * np.pi, 6):
        long = rng.uniform(0.5, 1.8)
        line = [(np.cos(at), np.sin(at), 3.65), (1.04 * np.cos(at), 1.04 * np.sin(at), 3.5 - long)]
        drops += [tube(line, [0.1, 0.13], 8), ball(0.15, 5).moved(*line[1])]
    wick = tube(curve([(0, 0, 3.3), (0.02, 0, 3.8), (0.1, 0, 4.05)], 3), 0.05, 6).painted("hemp", (0.1, 0.08, 0.07))
    body = join(stick.shaped(melted), *drops)
    glow = [(0, 3.72), (0.16, 3.8), (0.27, 4.05), (0.24, 4.35), (0.1, 4.75), (0, 5.1)]
    flame = lathe([(max(r, 0.0), z) for r, z in curve(glow, 3)], 16).painted("fire")
    return Prop([filled(kit, "candle", body, join(wick, flame))])


@builds
def pedestal(kit: Kit) -> Prop:
    """A square shaft with a moulded foot and a flat top; a round one is a column's piece."""
    if said(kit, "round"):
        line = [
            (0, 0),
            (1, 0),
            (1, 0.12),
            (0.9, 0.16),
            (0.78, 0.22),
            (0.76, 0.8),
            (0.9, 0.86),
            (1, 0.9),
            (1, 1),
            (0, 1),
        ]
        return Prop([compound(kit, "pedestal", fit(lathe(line, 48), kit.size), still=True)])
    wide, deep, high = kit.size
    steps = ((1.0, 0.0, 0.1), (0.9, 0.1, 0.05), (0.76, 0.15, 0.68), (0.88, 0.83, 0.05), (1.0, 0.88, 0.12))
    blocks = [box(w * wide, w * deep, 1.0 * h * high, 0.012 * wide, 2).moved(z=z * high) for w, z, h in steps]
    panel = join(
        *(
            box(0.5 * wide, 0.012 * wide, 0.5 * high, 0.004 * wide).moved(0, s * 0.382 * deep, 0.24 * high)
            for s in (-1, 1)
        )
    )
    whole = fit(join(*blocks, panel), kit.size)
    return Prop([compound(kit, "pedestal", whole, still=True)])
