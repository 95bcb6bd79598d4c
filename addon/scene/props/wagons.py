# SPDX-License-Identifier: GPL-3.0-or-later
"""What rolls on spoked wheels: train, cart. They head to the right (+X)."""

from __future__ import annotations

import numpy as np

from .jointed import bar, beam, compound, hue, mirrored
from .prop import Kit, Prop, builds
from .shapes import box, cylinder, lathe, torus
from .solid import Solid, join
from .vehicles import DARK, rolling

RED, GOLD = (0.62, 0.06, 0.05), (0.85, 0.62, 0.2)


def _boiler(wide: float, deep: float, high: float, floor: float) -> tuple[Solid, Solid, Solid]:
    """A steam engine's: its body, what else of it is hit, and bands, lamp and funnel."""
    half, axis, top = wide / 2, floor + 0.29 * deep, floor + 0.57 * deep

    def lying(radius: float, long: float, front: float, bevel: float = 0.0) -> Solid:
        """A cylinder along X whose right end is `front` from the right."""
        return cylinder(radius, long, 36, bevel).turned("y", 90).moved(half - front - long, 0, axis)

    smoke = lying(0.31 * deep, 0.12 * wide, 0.06 * wide).painted("iron", DARK)
    dome = lathe([(0, 0), (0.12, 0), (0.12, 0.1), (0.08, 0.19), (0, 0.22)], 24).scaled(deep).painted("brass", GOLD)
    line = [(0, 0), (0.09, 0), (0.07, 0.3), (0.1, 0.75), (0.15, 0.86), (0.15, 1), (0, 1)]
    funnel = lathe(line, 28).scaled(deep, deep, high - top + 0.05 * high)
    funnel = funnel.moved(half - 0.12 * wide, 0, top - 0.05 * high)
    face = lying(0.25 * deep, 0.014 * wide, 0.049 * wide)
    band = torus(0.303 * deep, 0.012 * deep, 36, 6).turned("y", 90)
    bands = [band.moved(half - x * wide, 0, axis) for x in (0.21, 0.33, 0.48)]
    lamp = cylinder(0.07 * deep, 0.05 * wide, 20).turned("y", 90).moved(half - 0.07 * wide, 0, top - 0.02 * deep)
    seen = join(join(*bands, lamp).painted("brass", GOLD), join(face, funnel).painted("iron", (0.12, 0.12, 0.13)))
    body = lying(0.3 * deep, 0.6 * wide, 0.06 * wide, 0.03 * deep)
    return body, join(smoke, dome.moved(half - 0.4 * wide, 0, top - 0.03 * deep)), seen


@builds
def train(kit: Kit) -> Prop:
    """A steam engine with six wheels that turn."""
    wide, deep, high = kit.size
    half, back = wide / 2, 0.17 * wide - wide / 2
    big, thick, floor = 0.17 * high, 0.08 * deep, 0.26 * high
    frame = box(0.96 * wide, 0.62 * deep, 0.07 * high, 0.01 * high).moved(-0.01 * wide, 0, floor - 0.06 * high)
    body, more, seen = _boiler(wide, deep, high, floor)
    cab = box(0.26 * wide, 0.82 * deep, 0.34 * high, 0.01 * high).moved(back, 0, floor)
    post = box(0.02 * wide, 0.03 * deep, 0.24 * high).moved(0.115 * wide, 0.38 * deep)
    wall = box(0.015 * wide, 0.72 * deep, 0.24 * high).moved(0.115 * wide)
    frontage = join(mirrored(mirrored(post), "y"), wall).moved(back, 0, floor + 0.33 * high).painted("iron", RED)
    roof = box(0.32 * wide, deep, 0.04 * high, 0.015 * high, 2).moved(back - 0.01 * wide, 0, floor + 0.56 * high)
    bars = []
    for y in np.linspace(-0.3, 0.3, 9) * deep:
        bars.append(
            beam((half - 0.06 * wide, y, floor), (half - 0.005 * wide, 1.15 * y, 0.04 * high), *2 * (0.02 * deep,))
        )
    dark = join(frame, roof).painted("iron", DARK)
    hit = join(hue(kit, join(body, cab), (0.08, 0.27, 0.16)), more, frontage, dark)
    base = compound(kit, "train", hit, join(seen, join(*bars).painted("iron", RED)))
    places = [(x * wide, sy * (0.4 * deep - thick / 2), big) for x in (0.3, 0.0, -0.3) for sy in (1, -1)]
    wheels, joints = rolling(kit, "train", places, _spoked(big, thick).painted("iron", RED))
    return Prop([base, *wheels], joints)


def _spoked(radius: float, wide: float, count: int = 10) -> Solid:
    """Of iron or wood, upright, its axle along Y."""
    tyre = lathe([(0.84 * radius, 0), (radius, 0), (radius, wide), (0.84 * radius, wide)], 36, closed=True).moved(
        z=-wide / 2
    )
    hub = cylinder(0.2 * radius, 1.3 * wide, 20).moved(z=-0.65 * wide)
    spoke = bar((0.1 * radius, 0, 0), (0.9 * radius, 0, 0), 0.05 * radius, 8)
    return join(tyre, hub, *(spoke.turned("z", 360 * k / count) for k in range(count))).turned("x", 90)


@builds
def cart(kit: Kit) -> Prop:
    """An open box of boards on four spoked wheels, with a shaft to the front (+X)."""
    wide, deep, high = kit.size
    radius, thick = 0.27 * high, 0.06 * deep
    long, floor = 0.72 * wide, 0.42 * high
    middle = -wide / 2 + long / 2 + 0.01 * wide
    across = deep - 2.6 * thick
    wall = 0.035 * deep
    bed = box(long, across, 0.07 * high, 0.01 * high).moved(middle, 0, floor)
    boards = []
    for k in range(3):
        z, tall = floor + (0.07 + 0.17 * k) * high, 0.155 * high
        boards.append(mirrored(box(long, wall, tall, 0.2 * wall).moved(middle, across / 2 - wall / 2, z), "y"))
        boards += [box(wall, across, tall, 0.2 * wall).moved(middle + s * (long / 2 - wall / 2), 0, z) for s in (-1, 1)]
    axles = [
        bar(
            (middle + s * 0.33 * long, -deep / 2, radius),
            (middle + s * 0.33 * long, deep / 2, radius),
            0.035 * high,
            12,
        )
        for s in (-1, 1)
    ]
    blocks = [
        box(0.08 * wide, 0.6 * across, floor - radius).moved(middle + s * 0.33 * long, 0, radius) for s in (-1, 1)
    ]
    shaft = beam(
        (middle + 0.3 * long, 0, floor), (wide / 2 - 0.01 * wide, 0, high - 0.02 * high), 0.04 * deep, 0.04 * high
    )
    grip = bar(
        (wide / 2 - 0.02 * wide, -0.16 * deep, 0.97 * high),
        (wide / 2 - 0.02 * wide, 0.16 * deep, 0.97 * high),
        0.028 * high,
        12,
    )
    base = compound(kit, "cart", join(bed, *boards, *blocks), join(shaft, grip, join(*axles).painted("iron")))
    places = [(middle + s * 0.33 * long, t * (deep / 2 - 0.7 * thick), radius) for s in (-1, 1) for t in (-1, 1)]
    wheels, joints = rolling(kit, "cart", places, _spoked(radius, thick).painted("oak"))
    return Prop([base, *wheels], joints)
