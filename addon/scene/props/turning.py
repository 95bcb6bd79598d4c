# SPDX-License-Identifier: GPL-3.0-or-later
"""What turns or tells the time: windmill, fan, carousel, clock, hourglass; and a fountain."""

from __future__ import annotations

import numpy as np

from .jointed import bar, beam, compound, filled, mirrored
from .prop import Joint, Kit, Prop, builds
from .shapes import ball, box, curve, cylinder, extrude, lathe, torus, tube, vessel
from .skins import said
from .solid import Skin, Solid, fit, join, part


def _around(solid: Solid, count: int, axis: str = "z") -> Solid:
    return join(*(solid.turned(axis, 360 * k / count) for k in range(count)))


@builds
def windmill(kit: Kit) -> Prop:
    """A tower with a cap and four sails that turn about Y."""
    wide, deep, high = kit.size
    reach = min(wide / 2, 0.48 * high)
    hub = high - reach
    foot, top = 0.4 * deep, 0.26 * deep
    back = deep / 2 - foot * np.cos(np.pi / 8)
    front = -deep / 2 + 0.03 * high
    tower = lathe(
        [(0, 0), (foot, 0), (foot, 0.03 * high), (0.94 * foot, 0.04 * high), (top, 0.94 * hub), (0, 0.94 * hub)], 8
    )
    rim = lathe([(0, 0), (1.15 * top, 0), (1.15 * top, 0.02 * high), (0, 0.02 * high)], 8).moved(z=0.92 * hub)
    cap = lathe([(0, 0), (1.12 * top, 0), (0.95 * top, 0.5 * top), (0.5 * top, 0.95 * top), (0, 1.15 * top)], 24)
    cap = cap.moved(z=0.94 * hub).painted("oak")
    way = box(0.4 * foot, 0.2 * foot, 0.2 * hub, 0.01 * high).moved(0, -0.82 * foot, 0.02 * hub).painted("oak")
    pane = box(0.22 * foot, 0.14 * foot, 0.08 * hub).painted("glass", (0.2, 0.3, 0.4))
    panes = [pane.moved(0, -(foot + (top - foot) * z) * 0.9, z * hub) for z in (0.42, 0.68)]
    axle = bar((0, front + 0.02 * high, hub), (0, -0.3 * top, hub), 0.02 * high, 14).painted("oak")
    house = join(tower.painted("limestone"), rim).turned("z", 22.5)
    house = join(house, cap)
    stand = compound(kit, "tower", house.moved(y=back), join(way, *panes, axle).moved(y=back), still=True)
    spar = beam((0, 0, 0), (0, 0, reach), 0.022 * high, 0.016 * high)
    slats = [
        box(0.24 * reach, 0.008 * high, 0.01 * high).moved(0.06 * reach, 0, z * reach)
        for z in np.linspace(0.3, 0.97, 8)
    ]
    sides = [box(0.012 * high, 0.008 * high, 0.7 * reach).moved(x * reach, 0, 0.28 * reach) for x in (-0.055, 0.175)]
    cloth = box(0.15 * reach, 0.003 * high, 0.68 * reach).moved(0.1 * reach, 0.004 * high, 0.29 * reach)
    boss = cylinder(0.035 * high, 0.05 * high, 20, 0.008 * high).turned("x", 90).moved(y=0.02 * high).painted("iron")
    sails = [
        _around(each, 4, "y").turned("y", 45) for each in (join(spar, cloth.painted("linen")), join(*slats, *sides))
    ]
    by = reach / max(sails[1].box[1][0], sails[1].box[1][2])
    hit, unhit = (each.scaled(by, 1, by).moved(0, front, hub) for each in sails)
    turn = compound(kit, "sails", join(hit, boss.moved(0, front, hub)), unhit)
    return Prop([turn, stand], [Joint("hinge", "sails", "tower", (0.0, front, hub))])


@builds
def fan(kit: Kit) -> Prop:
    """On a table: four blades in a cage turn about Y."""
    wide, deep, high = kit.size
    radius = min(wide / 2, 0.4 * high)
    hub = high - radius
    foot = lathe(
        [(0, 0), (0.36 * wide, 0), (0.35 * wide, 0.02 * high), (0.1 * wide, 0.06 * high), (0, 0.06 * high)], 32
    )
    foot = foot.scaled(1, min(1.0, 0.5 * deep / (0.36 * wide)), 1)
    stem = cylinder(0.03 * wide, hub, 20).moved(y=0.12 * deep)
    motor = cylinder(0.12 * wide, 0.45 * deep, 28, 0.04 * wide).turned("x", -90).moved(0, 0.05 * deep, hub)
    rings = ((0.985, -0.26), (0.78, -0.41), (0.5, -0.46), (0.22, -0.485), (0.78, -0.09), (0.5, -0.02))
    wires = [torus(r * radius, 0.006 * wide, 40, 6).turned("x", 90).moved(y=y * deep) for r, y in rings]
    line = [(0.0, -0.48), (0.5, -0.46), (0.82, -0.4), (0.985, -0.26), (0.8, -0.1), (0.3, 0.06)]
    rib = tube(curve([(r * radius, y * deep, 0) for r, y in line], 3), 0.005 * wide, 5)
    cage = join(*wires, _around(rib, 14, "y")).moved(z=hub).painted("steel")
    boss = cylinder(0.1 * radius, 0.02 * deep, 20).turned("x", 90).moved(0, -0.475 * deep, hub)
    leaf = [(0.1, -0.1), (0.5, -0.3), (0.8, -0.2), (0.86, 0.1), (0.5, 0.22), (0.12, 0.1)]
    blade = extrude(curve(leaf, 4, closed=True) * radius, 0.012 * radius)
    blade = blade.turned("x", 90).turned("x", -22).painted("", (0.2, 0.45, 0.7))
    nose = lathe([(0, -0.1), (0.14, -0.1), (0.15, 0.02), (0.1, 0.12), (0, 0.15)], 20).scaled(radius).turned("x", 90)
    rotor = join(_around(blade, 4, "y"), nose).moved(0, -0.25 * deep, hub)
    head = join(foot, stem, motor)
    stand = compound(kit, "stand", head, join(cage, boss), still=True)
    turn = part(kit, "blades", rotor, "compound")
    return Prop([turn, stand], [Joint("hinge", "blades", "stand", (0.0, -0.25 * deep, hub))])


@builds
def carousel(kit: Kit) -> Prop:
    """A round floor with poles, seats and a striped roof that turns about Z on a low base."""
    wide, deep, high = kit.size
    radius = wide / 2
    base = part(kit, "base", cylinder(0.7 * radius, 0.06 * high, 40).scaled(1, deep / wide, 1), "cylinder", still=True)
    floor = cylinder(0.98 * radius, 0.05 * high, 48, 0.01 * high).moved(z=0.07 * high)
    pole = cylinder(0.09 * radius, 0.66 * high, 24).moved(z=0.1 * high).painted("", (0.95, 0.85, 0.6))
    roof = lathe([(0, 0), (radius, 0), (radius, 0.03 * high), (0.5 * radius, 0.17 * high), (0, 0.24 * high)], 48)
    red, white = Skin("cotton", (0.75, 0.1, 0.1)), Skin("cotton", (0.95, 0.92, 0.85))
    roof = roof.patterned([red, white], lambda at, _: int((np.degrees(np.arctan2(at[1], at[0])) + 360) // 30) % 2)
    roof = roof.moved(z=0.73 * high)
    knob = ball(0.02 * high, 6).moved(z=0.98 * high).painted("gold")
    post = bar((0.75 * radius, 0, 0.1 * high), (0.75 * radius, 0, 0.76 * high), 0.014 * radius, 10).painted("gold")
    back = ball(1.0, 8).scaled(0.07 * radius, 0.2 * radius, 0.09 * high).moved(0.75 * radius, 0, 0.38 * high)
    head = ball(1.0, 6).scaled(0.045 * radius, 0.09 * radius, 0.06 * high).turned("x", 30)
    head = head.moved(0.75 * radius, 0.22 * radius, 0.48 * high)
    neck = bar((0.75 * radius, 0.12 * radius, 0.38 * high), (0.75 * radius, 0.19 * radius, 0.48 * high), 0.045 * radius)
    legs = [
        bar((x * radius, y * radius, 0.36 * high), (x * radius, 1.5 * y * radius, 0.24 * high), 0.022 * radius, 8)
        for x in (0.72, 0.78) for y in (-0.13, 0.13)
    ]  # fmt: skip
    horse = join(back, head, neck, *legs)
    colors = ((0.9, 0.88, 0.82), (0.35, 0.2, 0.12), (0.25, 0.25, 0.28))
    rides = [join(post, horse.painted("", colors[k % 3])).turned("z", 60 * k) for k in range(6)]
    hit, unhit = (each.scaled(1, deep / wide, 1) for each in (join(floor, pole, roof, knob), join(*rides)))
    top = compound(kit, "carousel", hit, unhit)
    return Prop([top, base], [Joint("hinge", "carousel", "base", (0.0, 0.0, 0.06 * high), (0.0, 0.0, 1.0))])


@builds
def clock(kit: Kit) -> Prop:
    """Round, on two feet, with a face, hands and two bells; of a wall without the bells."""
    wall = said(kit, "wall")
    case = cylinder(1.0, 0.7, 48, 0.08).turned("x", 90).moved(0, 0.35, 1.3)
    rim = torus(0.93, 0.07, 48, 10).turned("x", 90).moved(0, -0.36, 1.3)
    face = cylinder(0.93, 0.04, 48).turned("x", 90).moved(0, -0.34, 1.3).painted("paper", (0.95, 0.94, 0.88))
    dark = (0.05, 0.05, 0.06)
    marks = [box(w, 0.03, h).moved(0, -0.39, 0.68) for w, h in ((0.06, 0.16), (0.03, 0.1), (0.03, 0.1))]
    ticks = [marks[k % 3].turned("y", 30 * k).moved(z=1.3) for k in range(12)]
    hour = float(kit.rng.uniform(0, 12))
    hands = [
        box(0.09, 0.03, 0.5).moved(0, -0.41, -0.08).turned("y", 30 * hour),
        box(0.06, 0.03, 0.8).moved(0, -0.44, -0.1).turned("y", 360 * (hour % 1)),
        cylinder(0.07, 0.1, 16).turned("x", 90).moved(y=-0.38),
    ]
    signs = join(*ticks, join(*hands).moved(z=1.3)).painted("plastic", dark)
    solids = [case, rim, face, signs]
    if not wall:
        feet = mirrored(bar((0.75, 0, 0.0), (0.5, 0, 0.6), 0.09, 12))
        dome = lathe([(0, 0), (0.42, 0), (0.4, 0.18), (0.28, 0.34), (0, 0.42)], 28).turned("y", 35).moved(0.58, 0, 2.22)
        pin = bar((0.45, 0, 2.0), (0.6, 0, 2.3), 0.05)
        grip = tube(curve([(-0.45, 0, 2.4), (-0.3, 0, 2.75), (0.3, 0, 2.75), (0.45, 0, 2.4)], 5), 0.05, 8)
        hammer = join(bar((0, 0, 2.2), (0, 0, 2.5), 0.04), ball(0.1, 5).moved(z=2.5))
        solids += [feet, mirrored(join(dome, pin)), grip, hammer]
    return Prop([part(kit, "clock", fit(join(*solids), kit.size), "hull")])


@builds
def hourglass(kit: Kit) -> Prop:
    """Two bulbs of glass with sand in a wooden stand."""
    bulb = [(0.32, 0.0), (0.36, 0.06), (0.37, 0.16), (0.31, 0.3), (0.16, 0.42), (0.045, 0.48)]
    line = curve(np.array([*bulb, (0.035, 0.5), *((r, 1 - z) for r, z in bulb[::-1])]), 4)
    inner = np.column_stack([np.maximum(line[:, 0] - 0.02, 0.015), 0.02 + 0.96 * line[:, 1]])
    wall = [(0, 0), *map(tuple, line), (0.02, 1), (0.02, 0.98), *map(tuple, inner[::-1]), (0, 0.02)]
    glass = lathe(wall, 40).painted("glass")
    level = float(kit.rng.uniform(0.66, 0.8))
    upper = [(r - 0.006, z) for r, z in inner if 0.5 < z < level]
    top = lathe([(0, upper[0][1]), *upper, (0, level - 0.05)], 32)
    lower = [(r - 0.006, z) for r, z in inner if z < 0.18]
    low = lathe([(0, 0.025), *lower, (0.12, 0.24), (0, 0.3)], 32)
    thread = bar((0, 0, 0.28), (0, 0, upper[0][1]), 0.008, 6)
    sand = join(top, low, thread).painted("sand")
    plate = cylinder(0.47, 0.08, 40, 0.02)
    post = lathe([(0, 0), (0.035, 0), (0.045, 0.25), (0.025, 0.5), (0.045, 0.75), (0.035, 1), (0, 1)], 14).moved(x=0.4)
    wood = join(plate.moved(z=-0.08), plate.moved(z=1.0), _around(post, 3).turned("z", 30)).painted("oak")
    return Prop([part(kit, "hourglass", fit(join(glass, sand, wood), kit.size), "cylinder")])


@builds
def fountain(kit: Kit) -> Prop:
    """A round basin of stones, a column and a bowl, with water in both."""
    count = 16
    angle = np.linspace(-np.pi / count, np.pi / count, 4)
    rim = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    stone = extrude(np.concatenate([0.84 * rim[::-1], rim]), 0.3)
    coping = extrude(np.concatenate([0.81 * rim[::-1], 1.03 * rim]), 0.06, 0.01).moved(z=0.3)
    basin = _around(join(stone, coping).scaled(1, 0.996, 1), count)
    floor = cylinder(0.84, 0.06, 40)
    column = lathe(
        [(0, 0), (0.22, 0), (0.22, 0.1), (0.15, 0.16), (0.1, 0.3), (0.13, 0.5), (0.09, 0.72), (0.14, 0.8), (0, 0.8)], 28
    )
    bowl = vessel([(0, 0), (0.14, 0), (0.3, 0.06), (0.45, 0.16), (0.5, 0.24)], 0.04, 40).moved(z=0.76)
    finial = lathe([(0, 0), (0.08, 0), (0.05, 0.12), (0.1, 0.2), (0.06, 0.28), (0.03, 0.34), (0, 0.36)], 24).moved(
        z=0.8
    )
    water = join(cylinder(0.85, 0.01, 40).moved(z=0.24), cylinder(0.47, 0.01, 40).moved(z=0.95)).painted("water")
    cores = join(
        cylinder(0.09, 0.8, 16), cylinder(0.16, 0.17, 24, top=0.46).moved(z=0.78), cylinder(0.05, 0.2, 12).moved(z=0.95)
    )
    stones = join(basin, floor, cores)
    water = join(water, join(column, bowl, finial).painted())
    return Prop([filled(kit, "fountain", stones, water, still=True)])
