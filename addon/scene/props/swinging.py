# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs and swings: pendulum, Newton's cradle, swing, wrecking crane."""

from __future__ import annotations

import numpy as np

from .jointed import bar, beam, compound, leaning, mirrored
from .prop import Joint, Kit, Prop, builds
from .shapes import ball, box, cylinder, lathe, torus
from .solid import Solid, join


def _round(radius: float, sides: int = 32) -> Solid:
    """A ball with rings around X, so that it is widest at one point at the left and at the right."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 17)
    return lathe([(radius * np.cos(a), radius * np.sin(a)) for a in turn], sides).turned("y", 90)


@builds
def pendulum(kit: Kit) -> Prop:
    """A bob on a rod before a post, pulled aside as far as its box allows."""
    wide, deep, high = kit.size
    radius = min(0.09 * high, 0.2 * wide, 0.3 * deep)
    pivot = (0.0, radius + 0.02 * deep - deep / 2 + 0.3 * deep, 0.95 * high)
    length = 0.75 * high
    turn = min(55.0, np.degrees(np.arcsin(min(0.95, (wide / 2 - radius) / length))))
    post = pivot[1] + radius + 0.06 * deep
    back = min(deep / 2 - 0.05 * high, max(post, 0.25 * deep))
    base = box(wide, deep, 0.05 * high, 0.015 * high)
    stand = beam((0, back, 0.04 * high), (0, back, high - 0.03 * high), 0.06 * high, 0.06 * high, 0.008 * high)
    head = box(0.09 * high, 0.09 * high, 0.035 * high, 0.01 * high).moved(y=back, z=0.965 * high)
    pin = bar((0, back, pivot[2]), (0, pivot[1] - 0.02 * high, pivot[2]), 0.012 * high).painted("steel")
    frame = compound(kit, "stand", join(base, stand, head).painted("oak"), pin, still=True, substance="oak")
    low = (0.0, pivot[1], pivot[2] - length)
    rod = bar((0, pivot[1], pivot[2] + 0.02 * high), (0, pivot[1], low[2] - 1.15 * radius), 0.007 * high)
    eye = cylinder(0.02 * high, 0.02 * high, 20).turned("x", 90).moved(0, pivot[1] + 0.01 * high, pivot[2])
    bob = compound(kit, "bob", _round(radius).moved(*low), join(rod, eye).painted("steel"))
    return Prop([leaning(bob, pivot, "y", turn), frame], [Joint("hinge", "bob", "stand", pivot)])


@builds
def cradle(kit: Kit) -> Prop:
    """Newton's: five balls in a row that just touch, each on two strings, the left one pulled aside."""
    wide, deep, high = kit.size
    radius, bars = 0.064 * wide, 0.022 * min(wide, high)
    top, length = high - bars, 0.66 * high
    edge, side = wide / 2 - bars, deep / 2 - bars
    foot = box(wide, deep, 0.07 * high, 0.015 * high).painted("plastic", (0.05, 0.05, 0.06))
    legs = mirrored(mirrored(bar((edge, side, 0.05 * high), (edge, side, top), bars, 16)), "y")
    rails = mirrored(bar((-edge, side, top), (edge, side, top), bars, 16), "y")
    knees = mirrored(mirrored(ball(bars, 4).moved(edge, side, top)), "y")
    frame = compound(kit, "frame", join(foot, legs, rails, knees), still=True)
    up = np.array([0, 0.3, 1.0])
    parts, joints = [], []
    for number in range(5):
        x = 2 * radius * (number - 2)
        low = np.array([x, 0, top - length])
        strings = mirrored(bar((x, side, top), low + 0.95 * radius * up, 0.003 * wide, 6), "y")
        knob = cylinder(0.25 * radius, 0.2 * radius, 16).moved(x, 0, low[2] + 0.92 * radius)
        one = compound(kit, f"ball_{number + 1}", _round(radius).moved(*low), join(strings.painted("nylon"), knob))
        parts.append(one)
        joints.append(Joint("hinge", one.name, "frame", (x, 0.0, top)))
    turn = np.degrees(np.arcsin(min(0.7, (edge - 5.2 * radius) / length)))
    leaning(parts[0], joints[0].anchor, "y", turn)
    return Prop([*parts, frame], joints)


@builds
def swing(kit: Kit) -> Prop:
    """A playground's: a seat on two ropes between two pairs of legs; it swings to the front and back."""
    wide, deep, high = kit.size
    thick = 0.02 * high
    top = high - thick
    legs = mirrored(mirrored(bar((0.5 * wide - thick, deep / 2 - thick, 0.0), (0.42 * wide, 0, top), thick, 14)), "y")
    frame = join(legs, bar((-0.46 * wide, 0, top), (0.46 * wide, 0, top), thick, 14))
    low, feet = frame.box
    frame = frame.moved(z=-low[2]).scaled(1, 1, high / (feet[2] - low[2]))
    ties = bar((0.455 * wide, deep / 4, high / 2), (0.455 * wide, -deep / 4, high / 2), 0.6 * thick)
    stand = compound(kit, "frame", join(frame, mirrored(ties)), still=True)
    seat = box(0.4 * wide, 0.2 * wide, 0.02 * high, 0.006 * high).painted("pine").moved(z=0.22 * high)
    rope = mirrored(bar((0.17 * wide, 0, top), (0.17 * wide, 0, 0.21 * high), 0.3 * thick, 8)).painted("hemp")
    hung = compound(kit, "seat", seat, rope, substance="pine")
    return Prop([hung, stand], [Joint("hinge", "seat", "frame", (0.0, 0.0, top), (1.0, 0.0, 0.0))])


@builds
def wrecking_crane(kit: Kit) -> Prop:
    """A heavy ball on a gallows, pulled aside to the left."""
    wide, deep, high = kit.size
    thick, radius = 0.05 * high, min(0.12 * high, 0.3 * deep)
    top, length = high - thick, 0.68 * high
    back = deep / 2 - thick
    feet = box(wide, deep, 0.5 * thick, 0.1 * thick)
    post = beam((0, back, 0.3 * thick), (0, back, high), 1.4 * thick, 1.4 * thick, 0.1 * thick)
    reach = -deep / 2 + radius
    boom = beam((0, back + 0.6 * thick, top), (0, reach - thick, top), thick, 1.6 * thick, 0.1 * thick)
    boom = boom.moved(z=high - boom.box[1][2])
    strut = beam((0, back, 0.6 * high), (0, reach * 0.4, top), 0.6 * thick, 0.6 * thick)
    gallows = compound(kit, "gallows", join(feet, post, boom, strut).painted("steel"), still=True, substance="steel")
    pivot = (0.0, reach, top - 0.8 * thick)
    links = [
        torus(0.024 * high, 0.006 * high, 16, 6).scaled(0.7, 1, 1).turned("y", 90).turned("z", 90 * (k % 2))
        .moved(0, reach, pivot[2] - 0.036 * high * k)
        for k in range(int((length - radius) / (0.036 * high)) + 1)
    ]  # fmt: skip
    heavy = _round(radius).moved(0, reach, pivot[2] - length)
    weight = compound(kit, "ball", heavy, join(*links).painted("steel"))
    turn = np.degrees(np.arcsin(min(0.8, (wide / 2 - radius) / length)))
    return Prop([leaning(weight, pivot, "y", turn), gallows], [Joint("hinge", "ball", "gallows", pivot)])
