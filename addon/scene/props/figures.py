# SPDX-License-Identifier: GPL-3.0-or-later
"""Snowman, duck, robot, teddy: they look at the camera."""

from __future__ import annotations

import numpy as np

from .jointed import bar, compound, filled, hue, mirrored
from .plants import lumpy
from .prop import Joint, Kit, Prop, builds
from .shapes import ball, box, cone, curve, cylinder, lathe, torus, tube
from .solid import Floats, Solid, join, scale_to

BLACK = (0.03, 0.03, 0.035)


@builds
def snowman(kit: Kit) -> Prop:
    """Three balls, a hat, a carrot, coal, a scarf and arms of twigs."""
    rng = kit.rng
    low, middle, head = ((0.36, 0.3), (0.27, 0.8), (0.19, 1.18))
    balls = [lumpy(ball(r, 10), rng, 0.03).moved(z=z) for r, z in (low, middle, head)]
    snow = join(*balls).shaped(lambda points: np.maximum(points, [-np.inf, -np.inf, 0.0]))
    hat = join(cylinder(0.25, 0.03, 32, 0.008), cylinder(0.16, 0.27, 32, 0.01, top=0.17)).turned("x", -6).moved(z=1.31)
    band = cylinder(0.168, 0.05, 32).turned("x", -6).moved(z=1.345).painted("felt", (0.6, 0.08, 0.08))
    nose = cone(0.04, 0.24, 14).turned("x", 84).moved(0, -0.17, 1.18).painted("wax", (0.93, 0.42, 0.06))

    def coal(radius: float, turn: float, lift: float, size: float) -> Solid:
        """On the ball of this radius, `turn` to the side and `lift` up, degrees."""
        a, b = np.radians([turn, lift])
        at = radius * np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])
        return lumpy(ball(size, 4), rng, 0.15).moved(*at)

    face = [coal(0.185, s * 22, 20, 0.026) for s in (-1, 1)]
    face += [coal(0.187, turn, -26 + 0.018 * turn**2, 0.016) for turn in (-30, -16, 0, 16, 30)]
    buttons = [coal(0.268, 0, lift, 0.03).moved(z=0.8) for lift in (38, 8, -22)]
    coals = join(join(*face).moved(z=1.18), *buttons).painted("coal")
    scarf = torus(0.185, 0.055, 32, 10).scaled(1, 1, 0.75).moved(z=1.02)
    tail = box(0.1, 0.035, 0.32, 0.012).turned("x", 14).turned("y", 8).moved(0.12, -0.265, 0.71)
    cloth = join(scarf, tail).painted("wool", (0.75, 0.12, 0.1))

    def arm(side: int) -> Solid:
        line = curve([(side * 0.2, 0, 0.88), (side * 0.4, -0.04, 0.95), (side * 0.6, -0.06, 1.12)], 4)
        fingers = [
            tube([line[5], line[5] + (side * x, -0.03, z)], [0.012, 0.006], 6) for x, z in ((0.12, -0.01), (0.02, 0.14))
        ]
        return join(tube(line, np.linspace(0.02, 0.01, len(line)), 7), *fingers)

    arms = join(arm(1), arm(-1)).painted("bark")
    hit = join(snow, hat.painted("felt", BLACK))
    return Prop([filled(kit, "snowman", hit, join(band, nose, coals, cloth, arms))])


@builds
def duck(kit: Kit) -> Prop:
    """Of the bath: yellow, with an orange beak."""

    def body(points: Floats) -> Floats:
        x, y, z = (points / 0.5).T
        tail = np.clip(y, 0, None)
        flat = np.where(z < -0.55, -0.55 + (z + 0.55) * 0.35, z)
        return np.column_stack([0.42 * x * (1 - 0.28 * tail**2), 0.56 * y, 0.36 * flat + 0.3 * tail**3])

    trunk = ball(0.5, 14).shaped(body).moved(z=0.23)
    head = ball(0.27, 12).scaled(1, 1, 0.96).moved(0, -0.26, 0.72)
    neck = lathe([(0, 0), (0.27, 0), (0.2, 0.14), (0.22, 0.26), (0, 0.26)], 28).moved(0, -0.24, 0.36)

    def wing(points: Floats) -> Floats:
        y = points[:, 1] / 0.3
        return np.column_stack([points[:, 0], points[:, 1], points[:, 2] + 0.13 * np.clip(y, 0, 1) ** 2])

    wings = mirrored(ball(1.0, 8).scaled(0.07, 0.28, 0.15).shaped(wing).turned("z", 10).moved(0.4, 0.1, 0.32))
    tuft = tube(curve([(0, -0.25, 0.95), (0, -0.2, 1.03), (0, -0.1, 1.05)], 4), np.linspace(0.06, 0.015, 9), 8)
    bill = [
        ball(1.0, 8).scaled(0.15, 0.16, 0.045).turned("x", turn).moved(0, -0.54, z)
        for turn, z in ((-12, 0.7), (10, 0.64))
    ]
    eyes = [ball(0.055, 6).moved(s * 0.13, -0.475, 0.8).painted("plastic", (0.97, 0.97, 0.97)) for s in (-1, 1)]
    pupils = [ball(0.035, 6).moved(s * 0.135, -0.51, 0.805).painted("plastic", BLACK) for s in (-1, 1)]
    yellow = hue(kit, join(trunk, head, neck), (0.98, 0.78, 0.08))
    more = hue(kit, join(wings, tuft), (0.98, 0.78, 0.08))
    beak = join(*bill).painted("", (0.93, 0.35, 0.05))
    return Prop([filled(kit, "duck", yellow, join(more, beak, *eyes, *pupils))])


@builds
def robot(kit: Kit) -> Prop:
    """A box with a face, a dial and lamps; its arms hang on hinges."""
    steel, dark = ("steel", (0.62, 0.64, 0.67)), ("plastic", BLACK)
    chest = box(0.5, 0.34, 0.5, 0.04, 2).moved(z=0.42)
    hips = box(0.4, 0.28, 0.08, 0.02).moved(z=0.35).painted(*steel)
    leg = join(box(0.15, 0.18, 0.3, 0.02).moved(0.12, 0, 0.08), box(0.19, 0.32, 0.1, 0.03, 2).moved(0.12, -0.03, 0))
    neck = cylinder(0.08, 0.08, 20).moved(z=0.9).painted(*steel)
    head = box(0.38, 0.3, 0.28, 0.04, 2).moved(z=0.95)
    hit = join(chest, hips, mirrored(leg).painted(*steel), neck, head)
    visor = box(0.3, 0.03, 0.11, 0.012).moved(0, -0.15, 1.07).painted(*dark)
    eyes = mirrored(cylinder(0.038, 0.04, 20, 0.01).turned("x", 90).moved(0.075, -0.14, 1.125)).painted(
        "glass", (0.3, 0.9, 1.0)
    )
    mouth = join(*(box(0.025, 0.03, 0.035).moved(x, -0.145, 0.99) for x in np.linspace(-0.09, 0.09, 6))).painted(*dark)
    ears = mirrored(cylinder(0.06, 0.04, 20, 0.01).turned("y", 90).moved(0.18, 0, 1.09)).painted(*steel)
    aerial = join(
        bar((0, 0, 1.22), (0, 0, 1.38), 0.012, 8).painted(*steel),
        ball(0.035, 6).moved(z=1.4).painted("glass", (0.9, 0.1, 0.08)),
    )
    panel = box(0.34, 0.02, 0.26, 0.008).moved(0, -0.165, 0.56).painted("plastic", (0.85, 0.86, 0.85))
    dial = cylinder(0.065, 0.03, 24).turned("x", 90).moved(-0.08, -0.165, 0.7).painted("paper", (0.96, 0.95, 0.9))
    hand = box(0.012, 0.012, 0.055).turned("y", 35).moved(-0.08, -0.195, 0.7).painted(*dark)
    colors = ((0.9, 0.12, 0.1), (0.95, 0.75, 0.1), (0.15, 0.65, 0.25))
    lamps = [ball(0.025, 5).moved(0.06 + 0.06 * (k - 0.3), -0.178, 0.72).painted("glass", colors[k]) for k in range(3)]
    grill = [box(0.26, 0.012, 0.012).moved(0, -0.178, 0.6 - 0.022 * k).painted(*dark) for k in range(2)]
    extra = join(visor, eyes, mouth, ears, aerial, panel, dial, hand, *lamps, *grill)
    shoulder = ball(0.085, 8).moved(0.32, 0, 0.82)
    upper = bar((0.34, 0, 0.82), (0.37, 0, 0.48), 0.05, 14)
    claw = [box(0.03, 0.05, 0.11, 0.01).moved(0.37 + s * 0.045, 0, 0.33) for s in (-1, 1)]
    fist = cylinder(0.075, 0.08, 20, 0.02).moved(0.37, 0, 0.42)
    arm = join(hue(kit, shoulder, (0.85, 0.2, 0.12)), upper.painted(*steel), fist, join(*claw).painted(*steel))
    by, move = scale_to(join(hit, extra, mirrored(arm)), kit.size)

    def put(solid: Solid) -> Solid:
        return solid.scaled(*by).moved(*move)

    parts, joints = [compound(kit, "robot", put(hit), put(extra))], []
    for name, side in (("right", -1), ("left", 1)):
        parts.append(compound(kit, f"{name}_arm", put(arm if side > 0 else arm.scaled(-1, 1, 1))))
        x, y, z = (float(each) for each in np.array([side * 0.26, 0, 0.82]) * by + move)
        joints.append(Joint("hinge", f"{name}_arm", "robot", (x, y, z), (1.0, 0.0, 0.0), low=-170, high=60))
    return Prop(parts, joints)


@builds
def teddy(kit: Kit) -> Prop:
    """A bear that sits."""

    def blob(x: float, y: float, z: float, size: tuple[float, float, float], turn: float = 0.0) -> Solid:
        return ball(1.0, 9 if max(size) > 0.25 else 6).scaled(*size).turned("x", turn).moved(x, y, z)

    body = blob(0, 0.05, 0.42, (0.34, 0.3, 0.42))
    head = blob(0, -0.02, 1.0, (0.33, 0.3, 0.29))
    arms = mirrored(blob(0.36, -0.12, 0.58, (0.12, 0.14, 0.27), -40))
    feet = mirrored(blob(0.25, -0.34, 0.16, (0.15, 0.3, 0.16)))
    ears = mirrored(blob(0.25, 0.02, 1.25, (0.12, 0.07, 0.12)))
    pale = (0.87, 0.74, 0.55)
    snout = blob(0, -0.29, 0.93, (0.14, 0.11, 0.11)).painted("", pale)
    soles = mirrored(blob(0.25, -0.6, 0.17, (0.1, 0.06, 0.11))).painted("", pale)
    inner = mirrored(blob(0.25, -0.03, 1.25, (0.07, 0.04, 0.07))).painted("", pale)
    belly = blob(0, -0.12, 0.42, (0.22, 0.16, 0.27)).painted("", pale)
    eyes = mirrored(ball(0.035, 6).moved(0.12, -0.29, 1.07))
    nose = blob(0, -0.4, 0.98, (0.05, 0.03, 0.035))
    mouth = tube(curve([(-0.05, -0.385, 0.88), (0, -0.4, 0.87), (0.05, -0.385, 0.88)], 3), 0.01, 6)
    black = join(eyes, nose, mouth).painted("plastic", BLACK)
    bow = mirrored(blob(0.1, -0.24, 0.75, (0.11, 0.05, 0.075)))
    ribbon = join(bow, ball(0.045, 6).moved(0, -0.27, 0.75)).painted("satin", (0.75, 0.08, 0.1))
    fur = hue(kit, join(body, head, arms, feet, ears), (0.55, 0.34, 0.17))
    return Prop([filled(kit, "teddy", fur, join(snout, soles, inner, belly, black, ribbon))])
