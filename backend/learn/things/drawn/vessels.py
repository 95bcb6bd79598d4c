# SPDX-License-Identifier: GPL-3.0-or-later
"""What is turned: vases, bottles, bowls, cups, pots, pans, jugs, plates, bins, candlesticks, basins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..shape import Shape
from .pile import Pile
from .solids import curve, pillow, placed, tube, turned, vec

Rng = np.random.Generator


def shell(outside: NDArray[np.float64], wall: float) -> NDArray[np.float64]:
    """A profile (N, 2) up the outside, over the lip and down the inside, from axis to axis."""
    inside = outside[::-1] - (wall, 0)
    inside[:, 0] = np.maximum(inside[:, 0], 0.3 * wall)
    floor = outside[0, 1] + wall
    inside = inside[inside[:, 1] > floor]
    bottom = [(inside[-1, 0], floor)] if len(inside) else []
    return np.array([(0, outside[0, 1]), *outside, *inside, *bottom, (0, floor)])


def belly(rng: Rng, knots: int, low: float, high: float) -> NDArray[np.float64]:
    """A smooth line up a vessel of height 1: radius and height (24, 2)."""
    radii = rng.uniform(low, high, knots)
    line = curve(np.stack([radii, np.linspace(0, 1, knots), 0 * radii], axis=1), 24)[:, :2]
    line[:, 0] = np.maximum(line[:, 0], 0.6 * low)
    return np.asarray(line)


def _handle(pile: Pile, rng: Rng, x: float, low: float, high: float, color: tuple[float, ...] | None = None) -> None:
    out, thick = rng.uniform(0.35, 0.8) * (high - low), rng.uniform(0.02, 0.045)
    line = curve(
        [(x, 0, high), (x + out, 0, high - 0.1 * (high - low)), (x + 0.9 * out, 0, (low + high) / 2), (x, 0, low)], 14
    )
    pile.add(tube(line, thick, 8), color)


def vase(rng: Rng) -> Shape:
    pile = Pile(rng, "clay")
    pile.add(
        turned(shell(belly(rng, int(rng.integers(4, 6)), 0.12, 0.42), rng.uniform(0.015, 0.04))),
        patched=rng.random() < 0.5,
    )
    if rng.random() < 0.3:
        for sign in (0, 180):
            part = Pile(rng, "clay")
            _handle(part, rng, 0.2, 0.5, 0.85)
            shape = part.shape()
            pile.add(placed((shape.vertices, shape.faces.astype(np.int64)), z=sign))
    if rng.random() < 0.35:
        for _ in range(int(rng.integers(3, 9))):
            lean = rng.normal(0, 0.25, 2)
            top = np.array([*lean, rng.uniform(1.2, 1.8)])
            pile.add(tube(curve([(0, 0, 0.5), (0, 0, 1.0), top], 6), 0.012, 6), (0.25, 0.4, 0.2))
            pile.add(pillow(rng.uniform(0.08, 0.22, 3), top, 1.0, 12), pile.shade("paint"))
    return pile.shape()


def bottle(rng: Rng) -> Shape:
    wide, neck = rng.uniform(0.12, 0.25), rng.uniform(0.035, 0.07)
    shoulder, top = rng.uniform(0.45, 0.75), rng.uniform(0.8, 0.9)
    line = np.array(
        [
            (wide * 0.95, 0),
            (wide, 0.03),
            (wide * rng.uniform(0.85, 1.05), shoulder),
            (neck, top),
            (neck, 0.97),
            (neck * 1.2, 0.97),
            (neck * 1.2, 1.0),
        ]
    )
    pile = Pile(rng, str(rng.choice(["clay", "paint"])))
    if rng.random() < 0.3:  # a square one
        pile.add(pillow((2 * wide, 1.5 * wide, shoulder), (0, 0, shoulder / 2), 0.2))
        line[:3, 0], line[:3, 1] = neck, shoulder * np.array([0.9, 0.93, 0.95])
    pile.add(turned([(0, line[0, 1]), *line, (0, 1.0)]))
    if rng.random() < 0.6:
        pile.add(turned([(0, 0.98), (neck * 1.4, 0.98), (neck * 1.4, 1.06), (0, 1.06)]), pile.shade("paint"))
    if rng.random() < 0.5:
        band = wide * 1.015
        pile.add(
            turned([(0, 0.12), (band, 0.12), (band, shoulder * 0.8), (0, shoulder * 0.8)]),
            pile.shade("cloth"),
            patched=True,
        )
    return pile.shape()


def cup(rng: Rng) -> Shape:
    high, foot, rim = rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.28), rng.uniform(0.26, 0.4)
    line = curve([(foot, 0, 0), (rng.uniform(foot, 1.1 * rim), 0.35 * high, 0), (rim, high, 0)], 16)[:, :2]
    pile = Pile(rng, "clay")
    kind = str(rng.choice(["cup", "mug", "bowl", "goblet"]))
    if kind == "bowl":
        line[:, 0] *= 1.7
    pile.add(turned(shell(line, 0.025)), patched=rng.random() < 0.4)
    if kind in ("cup", "mug"):
        _handle(pile, rng, rim * 0.9, 0.15 * high, 0.85 * high)
    if kind == "cup" and rng.random() < 0.5:
        pile.add(turned(shell(np.array([(0.25, -0.05), (0.55, 0.02), (0.6, 0.03)]), 0.02)))
    if kind == "goblet":
        stem = -rng.uniform(0.25, 0.6)
        pile.add(turned([(0, stem), (0.26, stem), (0.03, stem + 0.04), (0.03, 0.01), (0, 0.03)]))
    return pile.shape()


def pot(rng: Rng) -> Shape:
    """Pots, pans and kettles."""
    kind = str(rng.choice(["pot", "pan", "kettle"]))
    high, wide = rng.uniform(0.08, 0.16) if kind == "pan" else rng.uniform(0.2, 0.7), rng.uniform(0.32, 0.5)
    pile = Pile(rng, str(rng.choice(["metal", "paint"])))
    rim = wide * (0.4 if kind == "kettle" else rng.uniform(0.9, 1.05))
    line = curve([(wide * rng.uniform(0.75, 1), 0, 0), (wide, 0.3 * high, 0), (rim, high, 0)], 14)[:, :2]
    pile.add(turned(shell(line, 0.025)))
    dark = pile.shade("metal")
    if kind == "pan":
        end = vec(wide + rng.uniform(0.5, 0.9), 0, high)
        pile.add(tube([(wide, 0, 0.8 * high), (wide + 0.2, 0, high), end], [0.03, 0.035, 0.04]), dark)
        return pile.shape()
    if kind == "pot":
        for sign in (-1, 1):
            near, far = sign * line[-4, 0], sign * (line[-4, 0] + 0.13)
            bow = [(near, -0.1, 0.75), (far, -0.08, 0.78), (far, 0.08, 0.78), (near, 0.1, 0.75)]
            pile.add(tube(curve([(x, y, share * high) for x, y, share in bow], 10), 0.022, 8), dark)
    else:
        bow = [(-0.6, 0, 0), (-0.4, 0, 0.35), (0.4, 0, 0.35), (0.6, 0, 0)]
        pile.add(tube(curve([(x * wide, y, high + z) for x, y, z in bow], 14), 0.03, 8), dark)
        pile.add(tube([(wide * 0.7, 0, 0.4 * high), (wide * 1.35, 0, 1.05 * high)], [0.09, 0.04]))
    if rng.random() < 0.8:
        cover, lid = line[-1, 0] * 1.03, rng.uniform(0.03, 0.14)
        pile.add(turned([(0, high), (cover, high), (cover * 0.6, high + lid), (0, high + 1.1 * lid)]))
        pile.add(pillow((0.1, 0.1, 0.09), (0, 0, high + 1.1 * lid + 0.04), 1.0, 12), dark)
    return pile.shape()


def plate(rng: Rng) -> Shape:
    deep = rng.uniform(0.04, 0.16)
    line = np.array([(0.3, 0), (rng.uniform(0.33, 0.42), 0.6 * deep), (0.5, deep)])
    pile = Pile(rng, "clay")
    pile.add(turned(shell(line, 0.018)), patched=rng.random() < 0.4)
    if rng.random() < 0.6:
        for _ in range(int(rng.integers(1, 7))):
            size = rng.uniform(0.1, 0.2)
            at = (*rng.uniform(-0.22, 0.22, 2), deep * 0.5 + 0.4 * size)
            pile.add(
                pillow((size, size, size * rng.uniform(0.6, 1.1)), at, rng.uniform(0.7, 1), 14),
                pile.shade("paint"),
                patched=True,
            )
    return pile.shape()


def bin(rng: Rng) -> Shape:
    """Bins, buckets, baskets, barrels, flower pots."""
    foot, rim, high = rng.uniform(0.2, 0.35), rng.uniform(0.3, 0.42), rng.uniform(0.4, 1.0)
    middle = (foot + rim) / 2 * (rng.uniform(1.1, 1.3) if rng.random() < 0.4 else 1.0)
    pile = Pile(rng, str(rng.choice(["wood", "metal", "clay", "paint"])))
    line = curve([(foot, 0, 0), (middle, high / 2, 0), (rim, high, 0)], 14)[:, :2]
    pile.add(turned(shell(line, 0.03), int(rng.choice([6, 8, 32, 32]))), patched=rng.random() < 0.5)
    style = rng.random()
    if style < 0.3:
        pile.add(
            tube(
                curve([(-rim, 0, high), (-0.8 * rim, 0, high + 0.3), (0.8 * rim, 0, high + 0.3), (rim, 0, high)], 12),
                0.015,
                8,
            ),
            pile.shade("metal"),
        )
    elif style < 0.6:
        for share in (0.2, 0.8):
            r = float(np.interp(share * high, line[:, 1], line[:, 0])) + 0.012
            pile.add(
                turned(
                    [
                        (0, share * high - 0.03),
                        (r, share * high - 0.03),
                        (r, share * high + 0.03),
                        (0, share * high + 0.03),
                    ]
                ),
                pile.shade("metal"),
            )
    elif style < 0.85:
        stem = high + rng.uniform(0.1, 0.5)
        pile.add(tube([(0, 0, 0.7 * high), (0, 0, stem)], 0.03, 8), (0.35, 0.25, 0.15))
        for _ in range(int(rng.integers(4, 12))):
            out = rng.normal(0, 0.18, 3) + vec(0, 0, stem + 0.1)
            pile.add(
                pillow(rng.uniform(0.2, 0.5, 3), out, 1.0, 12), (0.2 + 0.2 * rng.random(), 0.45, 0.2), patched=True
            )
    return pile.shape()


def candlestick(rng: Rng) -> Shape:
    """A turned stick: candlestick, chess piece, balustrade, table leg, statuette's foot."""
    line = belly(rng, int(rng.integers(6, 10)), 0.03, 0.14)
    foot = rng.uniform(0.16, 0.3)
    pile = Pile(rng, str(rng.choice(["metal", "wood", "clay"])))
    pile.add(turned([(0, 0), (foot, 0), (foot, 0.04), *(line * (1, 0.9) + (0, 0.05)), (0, 0.96)]))
    if rng.random() < 0.6:
        pile.add(turned([(0, 0.9), (0.05, 0.9), (0.05, rng.uniform(1.1, 1.5)), (0, 1.5)]), (0.9, 0.88, 0.8))
    return pile.shape()


def basin(rng: Rng) -> Shape:
    """Basins, tubs, toilets: an oval shell on a foot, with a tap."""
    deep, long = rng.uniform(0.15, 0.45), rng.uniform(1.0, 2.0)
    kind = str(rng.choice(["basin", "bath", "toilet"]))
    points, faces = turned(shell(curve([(0.3, 0, 0), (0.42, 0.5 * deep, 0), (0.5, deep, 0)], 12)[:, :2], 0.04), 40)
    points = points * (long if kind != "basin" else 1.2, 1, 1)
    pile = Pile(rng, "clay")
    white = (0.9, 0.9, 0.88) if rng.random() < 0.7 else pile.color
    base = rng.uniform(0.2, 0.9) if kind == "basin" else rng.uniform(0.05, 0.35)
    pile.add((points + vec(0, 0, base), faces), white)
    foot = 0.15 if kind == "basin" else 0.3
    pile.add(turned([(0, 0), (foot * 1.3, 0), (foot, 0.1 * base), (foot, base + 0.06), (0, base + 0.06)]), white)
    if kind == "toilet":
        pile.add(pillow((0.25, 0.9, 0.6), (-0.55 * long, 0, base + 0.4), 0.15), white)
        pile.add(pillow((1.0 * long, 0.98, 0.06), (0, 0, base + deep + 0.02), 0.9), pile.shade("paint"))
    else:
        x = -0.46 * (long if kind != "basin" else 1.2)
        top = base + deep
        pile.add(
            tube(
                curve([(x, 0, top), (x, 0, top + 0.22), (x + 0.12, 0, top + 0.26), (x + 0.2, 0, top + 0.18)], 10),
                0.025,
                8,
            ),
            (0.75, 0.75, 0.78),
        )
    shape = pile.shape()
    return shape.turned(np.array([[0, 1.0, 0], [-1, 0, 0], [0, 0, 1]]))


FAMILY = (vase, bottle, cup, pot, plate, bin, candlestick, basin)
