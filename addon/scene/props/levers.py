# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns on a pin and is moved by what falls on it: seesaw, catapult, door; and a bell."""

from __future__ import annotations

import numpy as np

from .jointed import bar, beam, compound, mirrored
from .prop import Joint, Kit, Prop, builds
from .shapes import ball, box, cylinder, extrude, torus, vessel
from .solid import Solid, join, part, scale_to


@builds
def seesaw(kit: Kit) -> Prop:
    """A level plank along X on a pin; what falls on one end lifts the other."""
    wide, deep, high = kit.size
    thick = 0.1 * high
    pin = high - 0.6 * thick
    plank = box(wide, 0.8 * deep, thick, 0.2 * thick).moved(z=0.998 * high - thick)
    pads = mirrored(box(0.12 * wide, 0.7 * deep, 0.005 * high).moved(0.42 * wide, 0, 0.995 * high))
    board = part(kit, "plank", join(plank, pads.painted("", (0.75, 0.16, 0.12))), "box")
    outline = [
        (-0.13 * wide, 0),
        (0.13 * wide, 0),
        (0.03 * wide, pin - 0.55 * thick),
        (-0.03 * wide, pin - 0.55 * thick),
    ]
    trestle = extrude(outline, 0.62 * deep, 0.01 * high).turned("x", 90).moved(y=0.31 * deep)
    cheek = extrude([(-0.05 * wide, 0), (0.05 * wide, 0), (0.02 * wide, high), (-0.02 * wide, high)], 0.05 * deep)
    cheeks = mirrored(cheek.scaled(1, 0.97, 1).turned("x", 90).moved(y=-0.42 * deep), "y").painted(
        "", (0.75, 0.16, 0.12)
    )
    axle = bar((0, -deep / 2, pin), (0, deep / 2, pin), 0.35 * thick, 16).painted("steel")
    base = compound(kit, "base", trestle, join(cheeks, axle), still=True)
    return Prop([board, base], [Joint("hinge", "plank", "base", (0.0, 0.0, pin), low=-30, high=30)])


def _bucket(cup: float) -> Solid:
    """Of five boards, open above, `2 cup` wide, its floor on z = 0."""
    wall = 0.1 * cup
    sides = mirrored(box(2 * cup, wall, cup).moved(0, cup - wall / 2), "y")
    ends = mirrored(box(wall, 2 * cup - 2 * wall, cup).moved(cup - wall / 2))
    return join(box(2 * cup, 2 * cup, wall), sides, ends)


@builds
def catapult(kit: Kit) -> Prop:
    """A trebuchet: let go, the weight at the short end falls and the bucket throws to the right."""
    wide, deep, high = kit.size
    pin = np.array([0.16 * wide, 0, 0.6 * high])
    cup, reach = 0.075 * wide, 0.62 * wide
    lean = np.degrees(np.arcsin((pin[2] - 0.14 * high) / reach))
    stone = box(0.24 * wide, 0.4 * deep, 0.3 * high, 0.02 * high).moved(0.3 * reach, 0, -0.15 * high)
    shaft = beam((0.9 * cup - reach, 0, 0), (0.32 * reach, 0, 0), 0.08 * deep, 0.09 * deep, 0.01 * deep)
    arm = join(shaft, stone.painted("iron")).turned("y", -lean).moved(*pin)
    tip = pin - reach * np.array([np.cos(np.radians(lean)), 0, np.sin(np.radians(lean))])
    arm = join(arm, _bucket(cup).moved(tip[0], 0, tip[2] - 0.3 * cup))
    thick = 0.06 * deep
    skid = beam(
        (-wide / 2, 0.4 * deep, 0.12 * high), (wide / 2, 0.4 * deep, 0.12 * high), thick, 1.4 * thick, 0.1 * thick
    )
    leg = join(*(beam((x, 0.4 * deep, 0.12 * high), pin + np.array([0, 0.4 * deep, 0]), thick, thick, 0.1 * thick)
                 for x in (-0.14 * wide, 0.44 * wide)))  # fmt: skip
    cross = [beam((x, -0.42 * deep, 0.12 * high), (x, 0.42 * deep, 0.12 * high), thick, thick, 0.1 * thick)
             for x in (-0.44 * wide, 0.46 * wide)]  # fmt: skip
    wheel = cylinder(0.12 * high, 0.08 * deep, 24, 0.01 * high).turned("x", 90).moved(0, -0.42 * deep, 0.12 * high)
    hub = cylinder(0.035 * high, 0.09 * deep, 16).turned("x", 90).moved(0, -0.42 * deep, 0.12 * high).painted("iron")
    wheels = mirrored(mirrored(join(wheel, hub).moved(0.3 * wide)), "y")
    side = np.array([0, deep / 2, 0])
    axle = bar(pin - side, pin + side, 0.35 * thick, 14).painted("iron")
    frame = join(mirrored(join(skid, leg), "y"), *cross, wheels)
    by, move = scale_to(join(arm, frame, axle), kit.size)
    arm, frame, axle = (each.scaled(*by).moved(*move) for each in (arm, frame, axle))
    x, _, z = (float(each) for each in pin * by + move)
    parts = [compound(kit, "arm", arm), compound(kit, "frame", frame, axle, still=True)]
    return Prop(parts, [Joint("hinge", "arm", "frame", (x, 0.0, z), low=-10, high=115)])


@builds
def door(kit: Kit) -> Prop:
    """A leaf with four panels in a frame, hinged at its left."""
    wide, deep, high = kit.size
    post, gap = 0.08 * wide, 0.006 * wide
    jamb = box(post, deep, high, 0.04 * post).moved(wide / 2 - post / 2)
    lintel = box(wide - 2 * post, deep, post).moved(z=high - post)
    frame = compound(kit, "frame", join(mirrored(jamb), lintel), still=True)
    across, up, thick = wide - 2 * post - 2 * gap, high - post - 2 * gap, 0.3 * deep
    leaf = box(across, thick, up).moved(z=gap)
    details = []
    for x in (-0.23, 0.23):
        for low, tall in ((0.08, 0.36), (0.52, 0.4)):
            panel = box(0.34 * across, 1.25 * thick, tall * up, 0.12 * thick).moved(x * across, 0, gap + low * up)
            details.append(panel)
    knob = join(
        ball(0.028 * wide, 6).moved(y=0.028 * wide - deep / 2),
        cylinder(0.012 * wide, thick + 0.03 * wide, 12).turned("x", 90).moved(y=0.5 * thick),
        cylinder(0.035 * wide, 0.12 * thick, 20).turned("x", 90).moved(y=-0.5 * thick),
    )
    handle = mirrored(knob, "y").moved(0.42 * across, 0, 0.48 * up).painted("brass")
    hinges = [
        cylinder(0.012 * wide, 0.09 * wide, 12).moved(-across / 2 - gap / 2, -thick / 2, z * up) for z in (0.12, 0.82)
    ]
    solid = compound(kit, "leaf", leaf, join(*details, handle, join(*hinges).painted("brass")))
    hinge = Joint("hinge", "leaf", "frame", (-across / 2 - gap / 2, 0.0, high / 2), (0.0, 0.0, 1.0), -110, 110)
    return Prop([solid, frame], [hinge])


@builds
def bell(kit: Kit) -> Prop:
    """Hung between two posts, with a clapper."""
    wide, deep, high = kit.size
    post = 0.09 * wide
    feet = mirrored(box(1.6 * post, deep, 0.05 * high, 0.01 * high).moved(wide / 2 - 0.8 * post))
    posts = mirrored(box(post, post, 0.9 * high).moved(wide / 2 - post, 0, 0.03 * high))
    head = box(wide, 1.4 * post, 0.1 * high, 0.015 * high).moved(z=0.9 * high)
    frame = compound(kit, "frame", join(feet, posts, head).painted("oak"), still=True, substance="oak")
    mouth, tall = 0.3 * wide, 0.55 * high
    line = [(0, 0), (0.5, 0.01), (0.56, 0.06), (0.6, 0.3), (0.66, 0.6), (0.8, 0.85), (1.0, 1.0)]
    cup = vessel([(r * mouth, z * tall) for r, z in line], 0.07 * mouth).turned("x", 180).moved(z=0.84 * high)
    pivot = (0.0, 0.0, 0.87 * high)
    ear = torus(0.04 * high, 0.012 * high, 20, 8).turned("x", 90).moved(z=0.86 * high)
    clapper = join(
        bar((0, 0, 0.8 * high), (0, 0, 0.34 * high), 0.012 * wide), ball(0.06 * wide, 6).moved(z=0.32 * high)
    )
    hung = compound(kit, "bell", cup, join(ear, clapper.painted("iron")), shape="hull")
    return Prop([hung, frame], [Joint("hinge", "bell", "frame", pivot)])
