# SPDX-License-Identifier: GPL-3.0-or-later
"""Apples and pears, pumpkins, mushrooms, cakes, pineapples."""

from __future__ import annotations

import numpy as np

from ..shape import Shape
from .pile import Pile
from .solids import around, curve, drum, pillow, tube, turned

Rng = np.random.Generator
STEM, LEAF = (0.35, 0.25, 0.12), (0.2, 0.4, 0.2)


def apple(rng: Rng) -> Shape:
    """Or a pear, the longer its neck is."""
    pile, neck = Pile(rng, "paint"), rng.uniform(0.0, 0.45)
    t = np.linspace(0.02, np.pi - 0.02, 24)
    r = np.sin(t) * (0.5 + neck * 0.3 * np.cos(t) * (t > np.pi / 2))
    dip = 0.1 * np.exp(-((t - np.pi) ** 2) / 0.1) * (neck < 0.2)
    z = -np.cos(t) * 0.45 - dip + neck * (t / np.pi) ** 2
    pile.add(turned([(0, z[0]), *np.stack([np.maximum(r, 0.01), z], axis=1), (0, z[-1])]), patched=True)
    pile.add(tube([(0, 0, z[-1] - 0.02), (0.05, 0, z[-1] + 0.18)], 0.018, 6), STEM)
    return pile.shape()


def pumpkin(rng: Rng) -> Shape:
    pile, ribs, flat = Pile(rng, "paint"), int(rng.integers(6, 12)), rng.uniform(0.6, 1.0)
    for i in range(ribs):
        pile.add(pillow((0.5, 0.5, flat), around(0.28, 360 * i / ribs, flat / 2), 1.0, 20))
    stalk = curve([(0, 0, flat * 0.9), (0.02, 0, flat + 0.1), (0.1, 0, flat + 0.2)], 6)
    pile.add(tube(stalk, [0.07, 0.06, 0.05, 0.04, 0.04, 0.05], 8), STEM)
    return pile.shape()


def mushroom(rng: Rng) -> Shape:
    pile, high, r = Pile(rng, "paint"), rng.uniform(0.4, 0.9), rng.uniform(0.35, 0.6)
    pile.add(turned([(0, 0), (0.18, 0), (0.13, high * 0.5), (0.12, high), (0, high)]), (0.9, 0.87, 0.78))
    t = np.linspace(0, 1.5, 10)
    hat = np.stack([r * np.cos(t), high + 0.7 * r * np.sin(t)], axis=1)
    pile.add(turned([(0, high - 0.03), (r * 0.95, high - 0.05), *hat, (0, high + 0.71 * r)]), patched=True)
    return pile.shape()


def cake(rng: Rng) -> Shape:
    pile, z = Pile(rng, "clay"), 0.0
    for r in np.sort(rng.uniform(0.25, 0.6, int(rng.integers(1, 4))))[::-1]:
        h = rng.uniform(0.15, 0.35)
        pile.add(drum(r, z, z + h), pile.shade("clay"), patched=True)
        pile.add(drum(r * 0.97, z + h, z + h + 0.03), pile.shade("clay"))
        z += h
    for _ in range(int(rng.integers(0, 9))):
        turn = rng.uniform(0, 360)
        pile.add(tube([around(0.15, turn, z), around(0.15, turn, z + 0.2)], 0.015, 6), pile.shade("paint"))
    return pile.shape()


def pineapple(rng: Rng) -> Shape:
    pile, high = Pile(rng, "paint"), rng.uniform(0.5, 0.8)
    pile.add(pillow((0.5, 0.5, high), (0, 0, high / 2), 0.9), patched=True)
    for i in range(14):
        out, turn = 0.38 - 0.02 * i, i * 137.5
        leaf = [
            around(0, turn, high - 0.05),
            around(0.5 * out, turn, high + 0.2),
            around(out, turn, high + 0.25 + 0.02 * i),
        ]
        pile.add(tube(curve(leaf, 6), [0.04, 0.04, 0.035, 0.03, 0.02, 0.008], 6), LEAF)
    return pile.shape()


FAMILY = (apple, pumpkin, mushroom, cake, pineapple)
