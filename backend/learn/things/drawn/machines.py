# SPDX-License-Identifier: GPL-3.0-or-later
"""Cars, screens, household machines, tools."""

from __future__ import annotations

import numpy as np

from ..shape import Shape
from .pile import Pile
from .solids import Points, box, curve, pillow, placed, slab, tube, turned, vec

Rng = np.random.Generator
DARK = (0.08, 0.08, 0.09)


def car(rng: Rng) -> Shape:
    """Along Y, its front at -Y: a lofted body, a cabin and wheels."""
    long, wide, high = rng.uniform(3.2, 5.0), rng.uniform(1.5, 1.9), rng.uniform(1.2, 1.9)
    r, waist = rng.uniform(0.28, 0.42), rng.uniform(0.5, 0.62) * high
    pile = Pile(rng, "paint")
    low = 0.6 * r
    nose, tail = rng.uniform(0.6, 0.95) * waist, rng.uniform(0.75, 1.0) * waist
    hood, trunk = rng.uniform(0.12, 0.34), rng.uniform(0.02, 0.28)
    if rng.random() < 0.25:
        hood, trunk, waist = 0.05, 0.02, 0.5 * high
    side = np.array([(-0.5, low), (-0.5, nose), (-0.5 + hood, waist), (0.5 - trunk, waist), (0.5, tail), (0.5, low)])
    lower = slab(side[::-1] * (-long, 1) if False else _ccw(side * (long, 1)), wide)
    pile.add(placed((lower[0] - vec(0, 0, wide / 2), lower[1]), x=90, z=90))
    lean = rng.uniform(0.05, 0.14)
    cabin = np.array(
        [(-0.5 + hood, waist), (-0.5 + hood + lean, high), (0.5 - trunk - 0.6 * lean, high), (0.5 - trunk, waist)]
    )
    glass = slab(_ccw(cabin * (long, 1)), wide * 0.86)
    pile.add(
        placed((glass[0] - vec(0, 0, wide * 0.43), glass[1]), x=90, z=90), DARK if rng.random() < 0.7 else pile.color
    )
    if rng.random() < 0.8:
        roof = cabin[1:3] * (long, 1)
        pile.add(pillow((wide * 0.88, np.ptp(roof[:, 0]) * 1.02, 0.08), (0, roof[:, 0].mean(), high), 0.2))
    axle = rng.uniform(0.28, 0.34)
    for x in (-1, 1):
        for y in (-axle, axle):
            wheel = turned([(0, -0.1), (0.8 * r, -0.1), (r, -0.06), (r, 0.06), (0.8 * r, 0.1), (0, 0.1)], 24)
            pile.add(placed(wheel, (x * (wide / 2 - 0.06), y * long, r), y=90), DARK)
            hub = turned([(0, -0.11), (0.5 * r, -0.11), (0.5 * r, 0.11), (0, 0.11)], 16)
            pile.add(placed(hub, (x * (wide / 2 - 0.06), y * long, r), y=90), (0.7, 0.7, 0.72))
        pile.add(pillow((0.3, 0.08, 0.14), (x * wide * 0.36, -long / 2, 0.75 * nose), 0.7, 12), (0.95, 0.95, 0.85))
        pile.add(pillow((0.25, 0.06, 0.14), (x * wide * 0.36, long / 2, 0.8 * tail), 0.5, 12), (0.7, 0.1, 0.08))
    pile.add(box((wide * 0.98, 0.12, 0.16), (0, -long / 2, low + 0.1)), DARK)
    return pile.shape()


def _ccw(outline: Points) -> Points:
    """An outline (N, 2) counter-clockwise."""
    x, y = outline.T
    area = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum()
    return outline if area > 0 else outline[::-1]


def screen(rng: Rng) -> Shape:
    """Monitors, televisions, laptops, old sets, telephones."""
    pile = Pile(rng, "metal")
    kind = str(rng.choice(["monitor", "laptop", "set", "phone"]))
    wide, high = rng.uniform(0.5, 1.2), rng.uniform(0.35, 0.6)
    glow = pile.shade("paint")
    if kind == "monitor":
        lift, thick = rng.uniform(0.06, 0.2), rng.uniform(0.02, 0.08)
        pile.add(box((wide, thick, high), (0, 0, lift), foot=True))
        pile.add(box((wide * 0.95, 0.01, high * 0.9), (0, -thick / 2 - 0.002, lift + high / 2)), glow, patched=True)
        pile.add(tube([(0, 0.03, 0.01), (0, thick / 2, lift + 0.3 * high)], 0.025, 8))
        pile.add(pillow((rng.uniform(0.25, 0.5), 0.2, 0.025), (0, 0.02, 0.012), 0.3))
    elif kind == "laptop":
        deep = wide * 0.68
        pile.add(box((wide, deep, 0.03), (0, 0, 0), foot=True))
        pile.add(box((wide * 0.9, deep * 0.45, 0.008), (0, 0.15 * deep, 0.034)), DARK)
        lid = box((wide, 0.02, deep), (0, 0, 0), foot=True)
        lean = rng.uniform(-30, -5)
        pile.add(placed(lid, (0, deep / 2, 0.03), x=lean))
        pile.add(
            placed(
                box((wide * 0.92, 0.005, deep * 0.85), (0, -0.012, 0.07 * deep), foot=True), (0, deep / 2, 0.03), x=lean
            ),
            glow,
            patched=True,
        )
    elif kind == "set":
        deep = rng.uniform(0.3, 0.6)
        pile.add(pillow((wide, deep, high), (0, 0, high / 2), 0.12))
        pile.add(pillow((wide * 0.7, 0.06, high * 0.75), (-0.1 * wide, -deep / 2, high / 2), 0.3), glow)
        for i in range(3):
            pile.add(
                placed(
                    turned([(0, 0), (0.03, 0), (0.03, 0.03), (0, 0.03)], 16),
                    (0.38 * wide, -deep / 2, high * (0.3 + 0.2 * i)),
                    x=90,
                ),
                DARK,
            )
        if rng.random() < 0.5:
            for x in (-0.2, 0.2):
                pile.add(tube([(0, 0, high), (x, 0, high + 0.35)], 0.008, 6))
    else:
        pile.add(placed(pillow((0.5, 0.4, 0.16), soft=0.35), (0, 0, 0.08)))
        pile.add(
            tube(
                curve([(-0.3, 0.05, 0.2), (-0.15, 0.05, 0.26), (0.15, 0.05, 0.26), (0.3, 0.05, 0.2)], 12),
                [0.06] * 3 + [0.035] * 6 + [0.06] * 3,
            )
        )
        pile.add(placed(turned([(0, 0), (0.12, 0), (0.11, 0.02), (0, 0.02)]), (0, -0.08, 0.155), x=15), glow)
    return pile.shape()


def appliance(rng: Rng) -> Shape:
    """Washing machines, ovens, radios, loudspeakers, clocks, cameras: boxes with round and square fronts."""
    wide, deep, high = rng.uniform(0.3, 0.8), rng.uniform(0.2, 0.6), rng.uniform(0.25, 0.9)
    pile = Pile(rng, str(rng.choice(["paint", "metal", "wood"])))
    pile.add(pillow((wide, deep, high), (0, 0, high / 2), rng.choice([0.05, 0.12, 0.3])), patched=rng.random() < 0.2)
    front = -deep / 2
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.5:
            r = rng.uniform(0.1, 0.42) * min(wide, high)
            at = (rng.uniform(-0.2, 0.2) * wide, front + 0.01, high * rng.uniform(0.35, 0.65))
            pile.add(
                placed(turned([(0, 0), (r, 0), (r, 0.02), (0.8 * r, 0.035), (0, 0.02)]), at, x=90), pile.shade("metal")
            )
        else:
            size = (wide * rng.uniform(0.3, 0.85), 0.02, high * rng.uniform(0.1, 0.5))
            pile.add(box(size, (0, front, high * rng.uniform(0.3, 0.75))), pile.shade("metal"))
    for x in np.linspace(-0.35, 0.35, int(rng.integers(2, 6))) * wide:
        pile.add(
            placed(turned([(0, 0), (0.02, 0), (0.018, 0.03), (0, 0.03)], 12), (x, front + 0.01, 0.9 * high), x=90), DARK
        )
    if rng.random() < 0.3:
        pile.add(
            tube(
                curve(
                    [
                        (-0.35 * wide, 0, high),
                        (-0.3 * wide, 0, high + 0.12),
                        (0.3 * wide, 0, high + 0.12),
                        (0.35 * wide, 0, high),
                    ],
                    12,
                ),
                0.015,
                8,
            )
        )
    return pile.shape()


def tool(rng: Rng) -> Shape:
    """A handle with a head: hammers, axes, brooms, spades, spoons, swords, guitars."""
    pile = Pile(rng, "wood")
    long, thick = rng.uniform(0.5, 1.4), rng.uniform(0.015, 0.035)
    pile.add(tube([(0, 0, 0), (0, 0, long)], [thick, thick * rng.uniform(0.7, 1.2)], 10))
    steel = pile.shade("metal")
    kind = str(rng.choice(["hammer", "axe", "broom", "spade", "spoon", "sword", "guitar"]))
    if kind == "hammer":
        pile.add(pillow((rng.uniform(0.15, 0.35), 0.08, 0.08), (0, 0, long), 0.3), steel)
    elif kind == "axe":
        blade = _ccw(
            np.array([(0, -0.06), (0.1, -0.08), (0.22, -0.16), (0.25, 0), (0.22, 0.16), (0.1, 0.06), (0, 0.06)])
        )
        made = slab(blade, 0.03)
        pile.add(placed(made, (0, 0.015, long - 0.1), x=90), steel)
    elif kind == "broom":
        pile.add(pillow((0.35, 0.08, rng.uniform(0.1, 0.3)), (0, 0, 0), 0.2), pile.shade("coat"), patched=True)
    elif kind in ("spade", "spoon"):
        size = (0.22, 0.04, 0.3) if kind == "spade" else (0.12, 0.05, 0.18)
        pile.add(pillow(size, (0, 0, -0.4 * size[2]), 0.7), steel)
    elif kind == "sword":
        edge = _ccw(np.array([(-0.035, 0), (0.035, 0), (0.03, 0.75), (0, 0.85), (-0.03, 0.75)]))
        pile.add(placed(slab(edge, 0.012), (0, 0.006, long * 0.25), x=90), steel)
        pile.add(box((0.25, 0.03, 0.03), (0, 0, long * 0.25)), steel)
    else:
        for z, r in ((-0.1, 0.2), (0.12, 0.15)):
            pile.add(placed(turned([(0, 0), (r, 0), (r, 0.09), (0, 0.09)]), (0, 0.045, z), x=90), pile.shade("wood"))
        pile.add(box((0.08, 0.02, 0.16), (0, 0, long)))
    if rng.random() < 0.4:
        shape = pile.shape()
        c, s = np.cos(1.3), np.sin(1.3)
        return shape.turned(np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))
    return pile.shape()


FAMILY = (car, car, screen, appliance, tool)
