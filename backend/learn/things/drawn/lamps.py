# SPDX-License-Identifier: GPL-3.0-or-later
"""Lamps: on tables, floors and desks, hanging, with arms and candles, lanterns, street lamps."""

from __future__ import annotations

import numpy as np

from ..shape import Shape
from .pile import Pile
from .solids import Points, box, curve, pillow, placed, tube, turned, vec
from .vessels import belly

Rng = np.random.Generator


def _shade(pile: Pile, rng: Rng, z: float, size: float = 1.0) -> None:
    """A shade whose lower rim is at z: cone, drum, dome, ball or bell."""
    color, wall = pile.shade(str(rng.choice(["cloth", "clay", "paint"]))), 0.012
    low, high, top = rng.uniform(0.18, 0.34) * size, rng.uniform(0.16, 0.36) * size, rng.uniform(0.06, 0.2) * size
    kind = rng.choice(["cone", "drum", "dome", "ball", "bell"])
    if kind == "ball":
        r = rng.uniform(0.12, 0.22) * size
        pile.add(pillow((2 * r, 2 * r, 2 * r * rng.uniform(0.7, 1.1)), (0, 0, z + r), 1.0), color)
        return
    t = np.linspace(0, 1, 12)
    lines = {
        "cone": np.stack([low + (top - low) * t, z + high * t], axis=1),
        "drum": np.stack([low + 0 * t, z + high * t], axis=1),
        "dome": np.stack([low * np.cos(t * 1.45), z + high * np.sin(t * 1.45)], axis=1),
        "bell": np.stack([top + (low - top) * (1 - t) ** 2, z + high * t], axis=1),
    }
    line = lines[str(kind)]
    pile.add(turned(_closed(line, wall), int(rng.choice([4, 6, 32, 32, 32]))), color, patched=rng.random() < 0.3)
    pile.add(pillow((0.08, 0.08, 0.11), (0, 0, z + 0.4 * high), 1.0, 12), (0.95, 0.93, 0.8))


def _closed(line: Points, wall: float) -> Points:
    """A thin skin of a profile, open below: up outside and down inside."""
    inside = np.maximum(line - (wall, 0), (0.004, -np.inf))
    roof = line[-1, 1]
    return np.array([(0, roof + 0.004), *inside[::-1] - (0, 0.004), *line, (0, roof + 0.006)])


def standing(rng: Rng) -> Shape:
    """Table lamps and floor lamps."""
    floor = rng.random() < 0.5
    pile = Pile(rng, str(rng.choice(["metal", "wood", "clay"])))
    foot = rng.uniform(0.1, 0.2)
    pole = rng.uniform(0.9, 1.5) if floor else rng.uniform(0.15, 0.5)
    if not floor and rng.random() < 0.6:
        body = belly(rng, 5, 0.05, 0.17) * (1, pole) + np.array([0, 0.02])
        pile.add(
            turned([(0, 0), (body[0, 0] + 0.03, 0), (body[0, 0] + 0.03, 0.02), *body, (0, pole + 0.03)]),
            patched=rng.random() < 0.4,
        )
    else:
        if rng.random() < 0.3:
            for a in np.radians((90, 210, 330)):
                pile.add(tube([(0, 0, 0.3 * pole), (foot * 1.8 * np.cos(a), foot * 1.8 * np.sin(a), 0.01)], 0.014, 8))
        else:
            pile.add(turned([(0, 0), (foot, 0), (foot, 0.02), (0.03, rng.uniform(0.025, 0.08)), (0, 0.08)]))
        pile.add(tube([(0, 0, 0.01), (0, 0, pole)], rng.uniform(0.01, 0.022), 10))
    _shade(pile, rng, pole - rng.uniform(0, 0.05), 1.0 if not floor else rng.uniform(0.8, 1.3))
    return pile.shape()


def desk(rng: Rng) -> Shape:
    """With a bent or jointed arm and a head that looks down."""
    pile = Pile(rng, str(rng.choice(["metal", "paint"])))
    foot = rng.uniform(0.1, 0.18)
    pile.add(turned([(0, 0), (foot, 0), (foot, 0.03), (0.03, 0.05), (0, 0.06)]))
    lower, upper = rng.uniform(0.25, 0.45), rng.uniform(0.25, 0.45)
    a, b = np.radians(rng.uniform(60, 120)), np.radians(rng.uniform(-10, 50))
    elbow = np.array([0, -np.cos(a) * lower, 0.05 + np.sin(a) * lower])
    end = elbow + vec(0, -np.cos(b) * upper, np.sin(b) * upper)
    thick = rng.uniform(0.01, 0.02)
    if rng.random() < 0.4:
        pile.add(tube(curve([(0, 0, 0.04), elbow, end], 14), thick, 8))
    else:
        pile.add(tube([(0, 0, 0.04), elbow], thick, 8))
        pile.add(tube([elbow, end], thick, 8))
        pile.add(pillow((0.05, 0.05, 0.05), elbow, 1.0, 12))
    t, r, deep = np.linspace(0, 1, 8), rng.uniform(0.07, 0.14), rng.uniform(0.1, 0.2)
    line = np.stack([r * (1 - 0.7 * t ** rng.uniform(0.7, 2)), deep * t], axis=1)
    pile.add(placed(turned(_closed(line, 0.008)), end + vec(0, -0.03, -0.6 * deep), x=rng.uniform(-45, 20)), pile.color)
    return pile.shape()


def hanging(rng: Rng) -> Shape:
    """From a ceiling: one shade, several, or a chandelier."""
    pile = Pile(rng, "metal")
    drop = rng.uniform(0.2, 0.7)
    pile.add(turned([(0, 0), (0.09, 0), (0.09, 0.02), (0, 0.03)]))
    pile.add(tube([(0, 0, 0.01), (0, 0, -drop)], 0.008, 8))
    if rng.random() < 0.45:
        _shade(pile, rng, -drop - 0.2, rng.uniform(0.8, 1.6))
        return pile.shape()
    arms, out, up = int(rng.integers(3, 9)), rng.uniform(0.25, 0.5), rng.uniform(-0.1, 0.2)
    body = belly(rng, 6, 0.02, 0.08) * (1, 0.35) - np.array([0, drop + 0.35])
    pile.add(turned([(0, -drop - 0.35), *body, (0, -drop)]))
    hue = pile.shade("clay")
    for i in range(arms):
        line = curve([(0, 0, -drop - 0.15), (0.5 * out, 0, -drop - 0.3), (out, 0, -drop - 0.15 + up)], 12)
        pile.add(placed(tube(line, 0.012, 8), z=i * 360 / arms))
        end = line[-1]
        if rng.random() < 0.03:
            continue
        candle = turned(
            [
                (0, end[2]),
                (0.045, end[2]),
                (0.045, end[2] + 0.01),
                (0.018, end[2] + 0.02),
                (0.018, end[2] + 0.13),
                (0, end[2] + 0.14),
            ]
        )
        pile.add(placed((candle[0] + vec(out, 0, 0), candle[1]), z=i * 360 / arms), (0.92, 0.9, 0.82))
        if arms < 6:
            bowl = turned(
                _closed(np.array([(0.05, 0.0), (0.07, 0.05), (0.09, 0.1)])[::-1] * (1, -1) + (0, end[2] + 0.1), 0.006)
            )
            pile.add(placed((bowl[0] + vec(out, 0, 0), bowl[1]), z=i * 360 / arms), hue)
    return pile.shape()


def lantern(rng: Rng) -> Shape:
    """A frame or glass around a light, on a post, a bracket or with a ring."""
    pile = Pile(rng, "metal")
    wide, high = rng.uniform(0.14, 0.22), rng.uniform(0.25, 0.45)
    sides = int(rng.choice([4, 6, 24]))
    post = rng.uniform(1.0, 2.2) if rng.random() < 0.4 else 0.0
    if post:
        pile.add(turned([(0, 0), (0.13, 0), (0.11, 0.1), (0.04, 0.16), (0.03, post), (0, post)]))
    pile.add(turned([(0, post), (wide * 0.8, post), (wide, post + 0.04), (0, post + 0.04)], sides))
    pile.add(
        turned([(0, post + 0.04), (wide * 0.75, post + 0.04), (wide * 0.92, post + high), (0, post + high)], sides),
        (0.9, 0.88, 0.75),
    )
    roof = rng.uniform(0.06, 0.25)
    pile.add(
        turned(
            [
                (0, post + high),
                (wide * 1.2, post + high),
                (wide * 1.15, post + high + 0.02),
                (0.03, post + high + roof),
                (0, post + high + roof + 0.02),
            ],
            sides,
        )
    )
    for i in range(sides if sides < 24 else 4):
        a = 2 * np.pi * i / (sides if sides < 24 else 4)
        pile.add(
            tube(
                [
                    (wide * 0.8 * np.cos(a), wide * 0.8 * np.sin(a), post + 0.03),
                    (wide * 0.96 * np.cos(a), wide * 0.96 * np.sin(a), post + high),
                ],
                0.012,
                6,
            )
        )
    if not post:
        u = np.linspace(0.1 * np.pi, 0.9 * np.pi, 12)
        arc = np.stack([0.12 * np.cos(u), 0 * u, post + high + roof + 0.02 + 0.12 * np.sin(u)], axis=1)
        pile.add(tube(arc, 0.01, 6))
    return pile.shape()


def wall(rng: Rng) -> Shape:
    """A bracket on a plate, with one or two shades."""
    pile = Pile(rng, "metal")
    pile.add(box((0.12, 0.02, 0.2), (0, 0.01, 0)))
    for x in (0.0,) if rng.random() < 0.5 else (-0.16, 0.16):
        end = np.array([x, -rng.uniform(0.12, 0.25), rng.uniform(-0.02, 0.12)])
        pile.add(tube(curve([(0, 0, 0), (0.7 * x, 0.7 * end[1], -0.05), end], 10), 0.012, 8))
        part = Pile(rng, "metal")
        _shade(part, rng, 0.0, 0.6)
        made = part.shape()
        pile.add((made.vertices + end, made.faces.astype(np.int64)), pile.shade("clay"))
    return pile.shape()


FAMILY = (standing, desk, hanging, lantern, wall, standing)
