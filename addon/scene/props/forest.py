# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in woods and fields: leaf, mushroom, pumpkin, rock."""

from __future__ import annotations

import numpy as np

from .jointed import filled, hue
from .plants import lumpy
from .prop import Kit, Prop, builds
from .shapes import ball, cone, curve, lathe, sheet, torus, tube
from .skins import said
from .solid import Floats, fit, join, part


@builds
def leaf(kit: Kit) -> Prop:
    """One, open, a little curled, for cloth."""
    flat = sheet(1.0, 1.0, 10, 16)

    def shaped(points: Floats) -> Floats:
        t = points[:, 1] + 0.5
        wide = np.maximum(np.sin(np.pi * t**0.75) ** 1.35, 0.03)
        return np.column_stack([points[:, 0] * wide, points[:, 1], 0.5 * points[:, 0] ** 2 + 0.3 * (t - 0.5) ** 2])

    return Prop([part(kit, "leaf", fit(flat.shaped(shaped), kit.size), "mesh")])


@builds
def mushroom(kit: Kit) -> Prop:
    """A cap with pale dots on a bent stem with a ring."""
    rng = kit.rng
    line = curve([(0.04, 0, 0), (0, 0, 0.3), (0, 0, 0.7)], 5)
    stem = tube(line, np.interp(line[:, 2], [0, 0.12, 0.7], [0.2, 0.16, 0.12]), 20)
    skirt = lathe([(0, 0.5), (0.24, 0.44), (0.25, 0.46), (0.14, 0.56), (0, 0.58)], 24)
    dome = curve([(0.5, 0.62), (0.52, 0.68), (0.42, 0.88), (0.22, 1.02), (0.0, 1.06)], 4).clip(0, None)
    cap = lathe([(0, 0.68), (0.3, 0.66), *map(tuple, dome)], 36)
    dots = []
    for k in range(11):
        at = (0.06 + 0.36 * np.sqrt((k + 0.5) / 11)) * (k > 0)
        turn = 2.4 * k
        z = float(np.interp(at, dome[::-1, 0], dome[::-1, 1]))
        dots.append(
            ball(float(rng.uniform(0.035, 0.065)), 5).scaled(1, 1, 0.7).moved(at * np.cos(turn), at * np.sin(turn), z)
        )
    pale = join(stem, skirt).painted("mushroom", (0.92, 0.87, 0.76))
    white = join(*dots).painted("mushroom", (0.96, 0.94, 0.88))
    core = tube(line[[0, -1]], [0.17, 0.11], 12)
    return Prop([filled(kit, "mushroom", join(core, hue(kit, cap, (0.72, 0.09, 0.06))), join(pale, white))])


@builds
def pumpkin(kit: Kit) -> Prop:
    """Ribbed, with a stalk; a lantern of Halloween has a face."""
    made = ball(1.0, 18)

    def ribs(points: Floats) -> Floats:
        turn = np.arctan2(points[:, 1], points[:, 0])
        flat = np.hypot(points[:, 0], points[:, 1])
        by = 1 - 0.11 * flat * (1 - np.abs(np.cos(5 * turn)) ** 0.7)
        dip = 0.24 * np.exp(-((flat / 0.3) ** 2)) * np.sign(points[:, 2])
        return np.column_stack([points[:, :2] * by[:, None], 0.78 * points[:, 2] - dip])

    body = hue(kit, made.shaped(ribs), (0.9, 0.42, 0.06))
    stalk = tube(curve([(0, 0, 0.45), (0.03, 0, 0.75), (0.16, 0, 1.0)], 4), np.linspace(0.15, 0.1, 9), 8).painted(
        "leaf", (0.3, 0.35, 0.12)
    )
    face = []
    if said(kit, "halloween", "lantern", "face", "carved", "jack"):
        dark = (0.08, 0.03, 0.01)
        face = [
            cone(0.16, 0.26, 3).turned("z", 90).scaled(1, 0.6, 1).moved(x, -0.95, 0.08).painted("plastic", dark)
            for x in (-0.33, 0.33)
        ]
        mouth = torus(0.42, 0.07, 30, 8).turned("x", 90).moved(0, -0.86, 0.04)
        low = mouth.shaped(lambda p: np.column_stack([p[:, 0], p[:, 1], np.minimum(p[:, 2], -0.16)]))
        face.append(low.painted("plastic", dark))
    return Prop([filled(kit, "pumpkin", body, join(stalk, *face))])


@builds
def rock(kit: Kit) -> Prop:
    """A ball cut by planes of chance, its cuts weathered."""
    rng = kit.rng
    ways = rng.normal(size=(26, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    depths = rng.uniform(0.62, 0.95, 26)

    def cut(points: Floats) -> Floats:
        over = points @ ways.T / depths
        out: Floats = points / np.maximum(1.0, (np.clip(over, 0, None) ** 14).sum(axis=1, keepdims=True) ** (1 / 14))
        return out

    made = lumpy(lumpy(ball(1.0, 18).shaped(cut), rng, 0.06, 3.0), rng, 0.02, 12.0)
    return Prop([part(kit, "rock", fit(made, kit.size), "hull", sharp=32)])
