# SPDX-License-Identifier: GPL-3.0-or-later
"""What things lie in: turned vessels with a true inside, so their collision shape is the mesh itself."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import said, usual
from .solid import Floats, Skin, Solid, fit, join, part

WHITE, BLUE = (0.93, 0.93, 0.92), (0.1, 0.22, 0.55)
Line = list[tuple[float, float]]


def _line(points: Line, steps: int = 5) -> Line:
    """Smooth, from the foot's middle on."""
    return [(0.0, points[0][1]), *((max(float(r), 1e-4), float(z)) for r, z in shapes.curve(points, steps))]


def _at(line: Line, z: float) -> float:
    """The radius of a profile at a height, where it goes up."""
    return float(np.interp(z, [p[1] for p in line[1:]], [p[0] for p in line[1:]]))


def _band(line: Line, low: float, high: float, out: float = 0.002, sides: int = 48) -> Solid:
    """A thin belt on a profile."""
    heights = np.linspace(low, high, 5)
    rim = [(_at(line, z) + out, float(z)) for z in heights]
    inside = [(_at(line, z) - out, float(z)) for z in heights[::-1]]
    return shapes.lathe([*rim, *inside], sides, closed=True)


def _handle(points: list[tuple[float, float]], thick: float, flat: float = 0.75) -> Solid:
    """A bow in the plane of x and z, `flat` times as deep as wide."""
    line = shapes.curve([(x, 0.0, z) for x, z in points], 6)
    return shapes.tube(line, thick, 12).scaled(1, 1 / flat, 1)


def _vessel(kit: Kit, name: str, made: Solid, sharp: float = 50) -> Prop:
    return Prop([part(kit, name, fit(made, kit.size), "mesh", sharp=sharp)])


@builds
def bottle(kit: Kit) -> Prop:
    """Of wine, with a label; a flask of a laboratory where that is said."""
    if said(kit, "flask", "erlenmeyer"):
        line = _line(
            [(0.3, 0), (0.42, 0.01), (0.45, 0.06), (0.3, 0.4), (0.13, 0.75), (0.115, 0.9), (0.12, 0.97), (0.15, 1)]
        )
        return _vessel(kit, "flask", shapes.vessel(line, 0.012, floor=0.02))
    side: Line = [(0.095, 0.0), (0.125, 0.006), (0.134, 0.03), (0.134, 0.2), (0.134, 0.42), (0.134, 0.58), (0.12, 0.66)]
    line = _line([*side, (0.08, 0.735), (0.052, 0.8), (0.05, 0.88), (0.05, 0.945)], 4)
    line += [(0.058, 0.948), (0.06, 0.96), (0.058, 0.972), (0.052, 0.975), (0.051, 1.0)]
    label = _band(line, 0.2, 0.44, 0.0015).painted("paper", (0.93, 0.89, 0.78))
    stripes = [_band(line, low, high, 0.0022) for low, high in ((0.225, 0.232), (0.408, 0.415))]
    badge = shapes.lathe([(0, 0), (0.04, 0), (0.04, 0.003), (0, 0.003)], 24).turned("x", 90).moved(0, -0.1345, 0.32)
    gold = [each.painted("gold") for each in (*stripes, badge)]
    return _vessel(kit, "bottle", join(shapes.vessel(line, 0.009, 44, floor=0.03), label, *gold))


@builds
def cup(kit: Kit) -> Prop:
    """A mug with a handle; a tumbler, a beaker or a tea cup where that is said."""
    x, _, z = kit.size
    if said(kit, "glass", "tumbler", "beaker", "paper", "goblet", "wine"):
        return _vessel(kit, "cup", _glass(kit))
    if said(kit, "tea", "teacup"):
        line = _line([(0.24, 0), (0.25, 0.04), (0.22, 0.07), (0.36, 0.2), (0.46, 0.5), (0.5, 0.8), (0.54, 1.0)])
        grip = _handle([(0.44, 0.84), (0.62, 0.9), (0.72, 0.7), (0.6, 0.45), (0.42, 0.36)], 0.035)
        return _vessel(
            kit, "cup", join(shapes.vessel(line, 0.03, 44), grip, _band(line, 0.93, 0.97, 0.004).painted("gold"))
        )
    r = 0.42
    h = r * 2 * z / x * 1.18
    line = [(0, 0.02), (0.8 * r, 0.02), (0.84 * r, 0), (0.92 * r, 0), (0.985 * r, 0.02), (r, 0.06)]
    line += [(r, float(t)) for t in np.linspace(0.1, h, 7)]
    points = [
        (r - 0.03, 0.8 * h),
        (r + 0.1, 0.83 * h),
        (r + 0.25, 0.72 * h),
        (r + 0.27, 0.48 * h),
        (r + 0.15, 0.25 * h),
    ]
    grip = _handle([*points, (r - 0.03, 0.2 * h)], 0.05)
    return _vessel(kit, "cup", join(shapes.vessel(line, 0.055, 44, floor=0.07), grip))


def _glass(kit: Kit) -> Solid:
    if said(kit, "goblet", "wine"):
        stem: Line = [(0.3, 0), (0.34, 0.012), (0.3, 0.025), (0.06, 0.06), (0.03, 0.12), (0.028, 0.3), (0.05, 0.42)]
        line = _line([*stem, (0.24, 0.5), (0.34, 0.66), (0.33, 0.84), (0.28, 1.0)])
        return shapes.vessel(line, 0.012, 44, floor=0.45)
    if said(kit, "paper"):
        line = [(0, 0.02), (0.3, 0.02), (0.31, 0), (0.32, 0), (0.44, 0.96), (0.46, 0.965), (0.465, 0.985), (0.455, 1.0)]
        return shapes.vessel(line, 0.012, 44, floor=0.035)
    if said(kit, "beaker"):
        line = [(0, 0), (0.4, 0), (0.44, 0.02), (0.455, 0.06), *((0.455, t) for t in np.linspace(0.1, 0.94, 6))]
        line.append((0.5, 1.0))
        marks = [_band(line, t, t + 0.008, 0.003).painted("", WHITE) for t in (0.25, 0.4, 0.55, 0.7)]
        return join(shapes.vessel(line, 0.02, 44, floor=0.03), *marks)
    line = [(0, 0), (0.34, 0), (0.38, 0.02), *((0.385 + 0.07 * t, t) for t in np.linspace(0.06, 1, 8))]
    return shapes.vessel(line, 0.02, 44, floor=0.07)


@builds
def bowl(kit: Kit) -> Prop:
    turn = np.radians(np.linspace(-62, 0, 12))
    line: Line = [(0, 0.035), (0.19, 0.035), (0.2, 0), (0.225, 0), (0.235, 0.04)]
    line += [(0.5 * np.cos(a), 0.47 + 0.48 * np.sin(a)) for a in turn]
    bands = [_band(line, 0.36, 0.375, 0.002), _band(line, 0.4, 0.435, 0.002)]
    blue = [band.painted("", (0.12, 0.25, 0.5)) for band in bands] if said(kit, "painted") else []
    return _vessel(kit, "bowl", join(shapes.vessel(line, 0.03, 56, floor=0.065), *blue))


@builds
def plate(kit: Kit) -> Prop:
    """Flat, with a broad rim and a gold line."""
    outside: Line = [
        (0, 0.02),
        (0.27, 0.02),
        (0.275, 0),
        (0.29, 0),
        (0.3, 0.02),
        (0.33, 0.05),
        (0.42, 0.075),
        (0.5, 0.1),
    ]
    line = [
        *outside,
        (0.502, 0.108),
        (0.498, 0.113),
        (0.42, 0.095),
        (0.34, 0.073),
        (0.31, 0.048),
        (0.28, 0.042),
        (0, 0.04),
    ]
    gold = [(0.47, 0.1), (0.485, 0.105), (0.484, 0.1105), (0.469, 0.1068)]
    made = join(shapes.lathe(line, 56), shapes.lathe(gold, 56, closed=True).painted("gold"))
    return Prop([part(kit, "plate", fit(made, kit.size), "hull", sharp=50)])


@builds
def vase(kit: Kit) -> Prop:
    """Of its seed's own shape; an amphora has handles."""
    belly, neck = kit.rng.uniform(0.4, 0.5), kit.rng.uniform(0.15, 0.22)
    at = kit.rng.uniform(0.4, 0.6)
    if said(kit, "amphora"):
        belly, neck, at = 0.4, 0.13, 0.55
    if said(kit, "tall", "slender", "slim"):
        belly, neck, at = 0.36, 0.17, 0.62
    side: Line = [(0.2, 0), (0.22, 0.015), (0.21, 0.04), (0.8 * belly, 0.45 * at), (belly, at)]
    lip = neck + kit.rng.uniform(0.04, 0.1)
    line = _line([*side, (0.75 * belly, at + 0.5 * (0.82 - at)), (neck, 0.84), (neck * 1.02, 0.92), (lip, 1.0)])
    bands = [_band(line, low, low + 0.012, 0.003) for low in (at - 0.16, at + 0.12)]
    if said(kit, "amphora", "painted", "greek"):
        bands += [_band(line, at - 0.1, at + 0.07, 0.0025)]
    color = usual(kit, BLUE) or (0.93, 0.9, 0.82)
    made = [shapes.vessel(line, 0.022, 48, floor=0.03), *(band.painted("", color) for band in bands)]
    if said(kit, "amphora", "urn"):
        points = [(neck, 0.9), (neck + 0.14, 0.92), (neck + 0.22, 0.82), (_at(line, 0.7) - 0.01, 0.68)]
        grip = _handle(points, 0.026)
        made += [grip, grip.turned("z", 180)]
    return _vessel(kit, "vase", join(*made))


@builds
def teapot(kit: Kit) -> Prop:
    """With a spout, a handle and a lid with a knob; its inside is true below the lid."""
    line = _line(
        [(0.28, 0), (0.32, 0.015), (0.33, 0.04), (0.46, 0.18), (0.5, 0.38), (0.42, 0.6), (0.3, 0.7), (0.24, 0.72)]
    )
    pot = shapes.vessel(line, 0.025, 44, floor=0.04)
    cover: Line = [
        (0, 0.715),
        (0.23, 0.715),
        (0.262, 0.728),
        (0.262, 0.742),
        (0.2, 0.775),
        (0.06, 0.805),
        (0.028, 0.82),
    ]
    knob: Line = [(0.03, 0.835), (0.062, 0.86), (0.07, 0.89), (0.045, 0.925), (0.0, 0.935)]
    lid = shapes.lathe([*cover, *knob], 40)
    rise = shapes.curve([(-0.38, 0, 0.2), (-0.56, 0, 0.27), (-0.66, 0, 0.44), (-0.74, 0, 0.6), (-0.84, 0, 0.68)], 5)
    thick = np.interp(np.linspace(0, 1, len(rise)), [0, 0.3, 0.75, 1], [0.14, 0.1, 0.058, 0.06])
    spout = shapes.tube(rise, thick, 16)
    hole = shapes.tube(rise[-2:] + (0.004, 0, 0.004) * np.array([[-1], [1]]), 0.045, 16).painted("", (0.03, 0.03, 0.03))
    over = said(kit, "kettle")
    points = [(0.38, 0.62), (0.58, 0.68), (0.74, 0.56), (0.74, 0.36), (0.6, 0.2), (0.44, 0.17)]
    if over:
        points = [(-0.3, 0.68), (-0.34, 0.95), (-0.18, 1.15), (0.0, 1.19), (0.18, 1.15), (0.34, 0.95), (0.3, 0.68)]
    grip = _handle(points, 0.042, 0.85)
    bands = [_band(line, 0.5, 0.515, 0.003), _band(line, 0.12, 0.135, 0.003)]
    blue = usual(kit, BLUE) if not over else None
    return _vessel(kit, "teapot", join(pot, lid, spout, hole, grip, *(band.painted("", blue) for band in bands)))


@builds
def jug(kit: Kit) -> Prop:
    """With a lip that pours to the left."""
    line = _line(
        [(0.26, 0), (0.29, 0.012), (0.36, 0.1), (0.42, 0.3), (0.38, 0.55), (0.27, 0.76), (0.25, 0.84), (0.3, 1.0)]
    )
    pot = shapes.vessel(line, 0.022, 48, floor=0.03)

    def lipped(p: Floats) -> Floats:
        turn = np.arctan2(p[:, 1], -p[:, 0])
        pull = np.exp(-((turn / 0.42) ** 2)) * np.clip((p[:, 2] - 0.8) / 0.2, 0, 1) ** 1.5
        out: Floats = p + np.outer(pull, (-0.15, 0, 0.03))
        return out

    grip = _handle([(0.25, 0.88), (0.42, 0.94), (0.58, 0.82), (0.58, 0.58), (0.5, 0.38), (0.37, 0.3)], 0.042, 0.7)
    return _vessel(kit, "jug", join(pot.shaped(lipped), grip))


@builds
def bucket(kit: Kit) -> Prop:
    """With ribs, a rolled rim, ears and a bail that lies on the rim's side."""
    line: Line = [(0, 0.03), (0.33, 0.03), (0.335, 0), (0.35, 0), (0.355, 0.03)]
    line += [(0.355 + 0.12 * t + 0.008 * (k in (3, 8)), t) for k, t in enumerate(np.linspace(0.06, 0.98, 12))]
    pail = shapes.vessel(line, 0.014, 48, floor=0.05)
    rim = shapes.torus(0.472, 0.014, 48, 10).moved(z=0.985)
    ears = [shapes.box(0.012, 0.09, 0.1, 0.004).moved(s * 0.474, 0, 0.86) for s in (-1, 1)]
    pegs = [shapes.cylinder(0.02, 0.04, 12).turned("y", 90).moved(s * 0.484 - 0.02, 0, 0.92) for s in (-1, 1)]
    turn = np.linspace(0, np.pi, 25)
    bail = np.stack([0.49 * np.cos(turn), -0.47 * np.sin(turn), 0.92 - 0.16 * np.sin(turn)], axis=1)
    wire = shapes.tube(bail, 0.011, 8).painted("steel")
    grip = shapes.tube(bail[10:15], 0.026, 12).painted("beech")
    return _vessel(kit, "bucket", join(pail, rim, *ears, *pegs, wire, grip))


@builds
def tank(kit: Kit) -> Prop:
    """Five panes, rim and foot: an aquarium. A pool or a tub where that is said."""
    x, y, z = kit.size
    if said(kit, "tub", "bath", "bathtub"):
        return _vessel(kit, "tub", _tub())
    solid = said(kit, "trough", "pool")
    wall = (0.05 if solid else 0.02) * min(x, y)
    panes = [shapes.box(x, y, wall, wall / 6)]
    panes += [shapes.box(x, wall, z - wall, wall / 6).moved(0, s * (y - wall) / 2, wall) for s in (-1, 1)]
    panes += [shapes.box(wall, y - 2 * wall, z - wall, wall / 6).moved(s * (x - wall) / 2, 0, wall) for s in (-1, 1)]
    if not solid:
        black = Skin("plastic", (0.04, 0.04, 0.045))
        thick, high = 1.6 * wall, 2.5 * wall
        for at in (0.0, z - high):
            panes += [
                shapes.box(x + wall, thick, high, wall / 4).moved(0, s * y / 2, at).painted(*black) for s in (-1, 1)
            ]
            panes += [
                shapes.box(thick, y - thick, high, wall / 4).moved(s * x / 2, 0, at).painted(*black) for s in (-1, 1)
            ]
    return Prop([part(kit, "tank", fit(join(*panes), kit.size), "compound")])


def _tub() -> Solid:
    """A bath on four feet: an oval vessel."""
    line = _line([(0.24, 0.1), (0.34, 0.13), (0.42, 0.3), (0.455, 0.6), (0.465, 0.9), (0.5, 0.97), (0.495, 1.0)])
    tub = shapes.vessel(line, 0.03, 56, floor=0.14)
    foot = shapes.ball(0.05, 6).scaled(1, 1, 1.4).moved(z=0.07)
    feet = [foot.moved(a * 0.26, b * 0.22).painted("brass") for a in (-1, 1) for b in (-1, 1)]
    return join(tub, *feet)


@builds
def basket(kit: Kit) -> Prop:
    """Woven: canes around rods in and out, a rolled rim, two handles."""
    rods, rows = 18, 11
    wide = np.linspace(0.38, 0.47, rows)
    pieces = [shapes.cylinder(0.39, 0.03, 36, 0.01)]
    turn = np.linspace(0, 2 * np.pi, rods * 4, endpoint=False)
    for k, r in enumerate(wide):
        wave = r + 0.016 * np.cos(turn * rods / 2 + np.pi * (k % 2))
        high = np.full_like(turn, 0.05 + 0.84 * k / (rows - 1))
        pieces.append(
            shapes.tube(np.stack([wave * np.cos(turn), wave * np.sin(turn), high], axis=1), 0.04, 6, closed=True)
        )
    for k in range(rods):
        a = 2 * np.pi * k / rods
        foot, head = (np.array([r * np.cos(a), r * np.sin(a), z]) for r, z in ((0.378, 0.0), (0.476, 0.93)))
        pieces.append(shapes.tube([foot, head], 0.014, 6))
    for phase in (0, np.pi):
        twist = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        r, h = 0.478 + 0.018 * np.cos(twist * 14 + phase), 0.945 + 0.025 * np.sin(twist * 14 + phase)
        pieces.append(shapes.tube(np.stack([r * np.cos(twist), r * np.sin(twist), h], axis=1), 0.027, 6, closed=True))
    line = shapes.curve(
        [(0.49, -0.13, 0.9), (0.5, -0.11, 1.05), (0.5, 0, 1.14), (0.5, 0.11, 1.05), (0.49, 0.13, 0.9)], 5
    )
    grip = shapes.tube(line, 0.024, 8)
    pieces += [grip, grip.turned("z", 180)]
    return _vessel(kit, "basket", join(*pieces))
