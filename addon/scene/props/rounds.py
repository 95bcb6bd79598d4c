# SPDX-License-Identifier: GPL-3.0-or-later
"""Turned and rolling things: barrels, wheels, gears, coins, pins, pillars."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import said, usual
from .solid import Floats, Skin, Solid, fit, join, part

BLACK, WHITE = (0.035, 0.035, 0.04), (0.93, 0.92, 0.9)


@builds
def barrel(kit: Kit) -> Prop:
    """Of staves that bulge, two sunk heads and hoops; a drum of steel where that is said."""
    if said(kit, "drum", "oil", "steel", "metal"):
        return Prop([part(kit, "barrel", fit(_drum(), kit.size), "hull")])
    staves, steps = 20, 9
    height = np.linspace(0, 1, steps)
    bulge = 0.26 + 0.07 * np.sin(np.pi * height)
    pieces = []
    for k in range(staves):
        gap = 0.006 + 0.004 * kit.rng.random()
        turn = 2 * np.pi * (k + np.array([gap * 2, 0.5, 1 - gap * 2])) / staves
        out, inn = np.stack([np.cos(turn), np.sin(turn)], axis=1), np.stack([np.cos(turn), np.sin(turn)], axis=1)
        ring = [np.concatenate([r * out, (r - 0.03) * inn[::-1]]) for r in bulge]
        pieces.append(_loft(ring, height))
    heads = []
    for at in (0.05, 0.93):
        for k in range(5):
            left, right = -0.25 + 0.1 * k + 0.002, -0.25 + 0.1 * (k + 1) - 0.002
            xs = np.linspace(left, right, 4)
            ys = np.sqrt(np.maximum(0.262**2 - xs**2, 0))
            line = np.concatenate([np.stack([xs, -ys], axis=1), np.stack([xs, ys], axis=1)[::-1]])
            heads.append(shapes.extrude(line, 0.02).moved(z=at))
    hoops = []
    for low, high in ((0.015, 0.085), (0.2, 0.26), (0.74, 0.8), (0.915, 0.985)):
        r0, r1 = (0.26 + 0.07 * np.sin(np.pi * each) for each in (low, high))
        line = [(r0 - 0.01, low), (r0 + 0.008, low), (r1 + 0.008, high), (r1 - 0.01, high)]
        hoops.append(shapes.lathe(line, 40, closed=True).painted("iron"))
    bung = shapes.cylinder(0.03, 0.03, 16, 0.006).turned("x", 90).moved(0, -0.32, 0.5).painted("cork")
    boards = [piece.grained(*kit.rng.uniform(-9, 9, 2)) for piece in (*pieces, *heads)]
    return Prop([part(kit, "barrel", fit(join(*boards, *hoops, bung), kit.size), "hull", sharp=30)])


def _loft(rings: list[Floats], height: Floats) -> Solid:
    """Closed outlines (N, 2) one above the other, ends closed."""
    count = len(rings[0])
    points = np.concatenate([np.column_stack([ring, np.full(count, z)]) for ring, z in zip(rings, height, strict=True)])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(rings[0], axis=0), axis=1)), [0]])
    along[-1] = along[-2] + np.linalg.norm(rings[0][-1] - rings[0][0])
    faces: list[tuple[int, ...]] = []
    uv: list[tuple[float, float]] = []
    for k in range(len(rings) - 1):
        for s in range(count):
            t = (s + 1) % count
            faces.append((k * count + s, k * count + t, (k + 1) * count + t, (k + 1) * count + s))
            low, high = height[k], height[k + 1]
            uv += [(low, along[s]), (low, along[s + 1]), (high, along[s + 1]), (high, along[s])]
    last = (len(rings) - 1) * count
    for face in (tuple(range(count - 1, -1, -1)), tuple(range(last, last + count))):
        faces.append(face)
        uv += [tuple(points[c, :2]) for c in face]
    return Solid(points, tuple(faces), np.array(uv))


def _drum() -> Solid:
    side = [(0, 0.025), (0.27, 0.025), (0.275, 0.0), (0.295, 0.0), (0.3, 0.012), (0.295, 0.03), (0.288, 0.035)]
    for at in (0.33, 0.66):
        side += [(0.288, at - 0.03), (0.298, at - 0.015), (0.302, at), (0.298, at + 0.015), (0.288, at + 0.03)]
    side += [(0.288, 0.965), (0.295, 0.97), (0.3, 0.988), (0.295, 1.0), (0.275, 1.0), (0.27, 0.975), (0, 0.975)]
    caps = [shapes.cylinder(r, 0.018, 16, 0.004).moved(x, 0.12, 0.973) for r, x in ((0.035, 0.13), (0.02, -0.16))]
    return join(shapes.lathe(side, 48), *caps)


@builds
def coin(kit: Kit) -> Prop:
    """A milled rim, a crowned head on one side, a number on the other."""
    thick = 0.5 * kit.size[2] / kit.size[0] * 2
    count = 96
    rim = shapes.ring(count, 0.5) * np.where(np.arange(count) % 2, 1.0, 0.988)[:, None]
    body = shapes.extrude(rim, thick, 0.08 * thick)
    deep = 0.16 * thick
    border = [(0.455, 0), (0.49, 0), (0.485, deep), (0.46, deep)]
    flat = shapes.lathe(border, 64, closed=True)
    star = shapes.ring(10, 0.27, 90) * np.where(np.arange(10) % 2, 0.42, 1.0)[:, None]
    relief = [flat, shapes.extrude(star, deep, 0.3 * deep)]
    relief += [shapes.cylinder(0.012, deep, 8).moved(0.39 * p[0], 0.39 * p[1]) for p in shapes.ring(20)]
    back = [flat, shapes.box(0.07, 0.44, deep, 0.3 * deep), shapes.box(0.2, 0.06, deep, 0.3 * deep).moved(0, -0.2)]
    back.append(shapes.box(0.05, 0.14, deep, 0.3 * deep).turned("z", -45).moved(-0.06, 0.17))
    top = join(*relief).moved(z=thick - 0.3 * deep)
    under = join(*back).turned("x", 180).moved(z=0.3 * deep)
    return Prop([part(kit, "coin", fit(join(body, top, under), kit.size), "cylinder")])


@builds
def gear(kit: Kit) -> Prop:
    """Of real teeth, upright, its axle along Y: a rim, spokes and a hub with a hole."""
    teeth = 17 + 2 * int(kit.rng.integers(-1, 2))  # odd: a gap on its right, a tooth on its left
    deep = kit.size[1] / kit.size[0]
    shape = np.array([(0.0, 0.435), (0.16, 0.44), (0.28, 0.47), (0.36, 0.5), (0.64, 0.5), (0.72, 0.47), (0.84, 0.44)])
    turn = 2 * np.pi * (np.repeat(np.arange(teeth), len(shape)) + np.tile(shape[:, 0], teeth)) / teeth
    radius = np.tile(shape[:, 1], teeth)
    unit = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    rim = shapes.extrude(unit * radius[:, None], deep, 0.06 * deep, unit * 0.34)
    pieces = [rim]
    arms = 5 if teeth < 20 else 6
    for k in range(arms):
        spoke = shapes.box(0.27, 0.085, 0.6 * deep, 0.08 * deep).moved(0.225, 0, 0.2 * deep)
        pieces.append(spoke.turned("z", 360 * k / arms))
    hub = shapes.ring(48)
    pieces.append(shapes.extrude(hub * 0.13, deep, 0.06 * deep, hub * 0.055))
    made = join(*pieces).turned("x", 90)
    return Prop([part(kit, "gear", fit(made, kit.size), "mesh", axis="y", sharp=30)])


@builds
def wheel(kit: Kit) -> Prop:
    """A tyre with a tread on a rim with spokes, its axle along X; of wood with an iron tyre where that is said."""
    wide = kit.size[0] / kit.size[2]
    wooden = said(kit, "wooden", "cart", "wagon", "wood", "oak")
    made = _cart(wide) if wooden else _tyre(wide, said(kit, "tyre", "tire"))
    upright = made.moved(z=-(made.box[0][2] + made.box[1][2]) / 2).turned("y", 90)
    return Prop([part(kit, "wheel", fit(upright, kit.size), "cylinder", axis="x", sharp=35)])


def _tyre(wide: float, bare: bool) -> Solid:
    h = wide / 2
    side = [(0.31, -0.72 * h), (0.36, -0.9 * h), (0.43, -0.97 * h), (0.475, -0.86 * h), (0.487, -0.6 * h)]
    inner = [(0.29, 0.6 * h), (0.29, -0.6 * h)]
    tyre = shapes.lathe([*side, *((r, -z) for r, z in side[::-1]), *inner], 60, closed=True).painted()
    blocks = []
    for k in range(30):
        for row, at in ((0, -0.47), (1, 0.0), (2, 0.47)):
            block = shapes.box(0.05, 0.072, 0.36 * h).turned("x", (-25, 0, 25)[row])
            blocks.append(block.moved(0.474, 0, at * h - 0.18 * h).turned("z", 12 * k + 6 * (row == 1)))
    made = [tyre, *blocks]
    if not bare:
        steel = Skin("aluminium")
        line = [(0.26, -0.62 * h), (0.315, -0.7 * h), (0.32, -0.62 * h), (0.29, -0.55 * h)]
        rim = shapes.lathe([*line, *((r, -z) for r, z in line[::-1])], 48, closed=True).painted(*steel)
        hub = shapes.cylinder(0.085, 1.1 * h, 24, 0.015).moved(z=-0.55 * h).painted(*steel)
        spokes = []
        for k in range(5):
            for lean in (-9, 9):
                spoke = shapes.box(0.22, 0.03, 0.5 * h, 0.008).moved(0.17, 0, -0.25 * h).turned("z", 72 * k + lean)
                spokes.append(spoke.painted(*steel))
        nuts = [
            shapes.cylinder(0.012, 1.2 * h, 6).moved(0.05 * p[0], 0.05 * p[1], -0.6 * h).painted("steel")
            for p in shapes.ring(5)
        ]
        made += [rim, hub, *spokes, *nuts]
    return join(*made)


def _cart(wide: float) -> Solid:
    h = wide / 2
    felloe = shapes.lathe([(0.4, -0.7 * h), (0.48, -0.7 * h), (0.48, 0.7 * h), (0.4, 0.7 * h)], 60, closed=True)
    iron = shapes.lathe([(0.475, -0.75 * h), (0.5, -0.75 * h), (0.5, 0.75 * h), (0.475, 0.75 * h)], 60, closed=True)
    hub = [(0, -h), (0.06, -h), (0.07, -0.9 * h), (0.1, -0.4 * h), (0.1, 0.4 * h), (0.07, 0.9 * h), (0.06, h), (0, h)]
    spoke = shapes.lathe([(0, 0.06), (0.028, 0.06), (0.034, 0.2), (0.024, 0.41), (0, 0.41)], 10).turned("y", 90)
    spokes = [spoke.turned("z", 30 * k).painted("oak") for k in range(12)]
    bands = [shapes.torus(0.082, 0.012, 24, 8).moved(z=z * h).painted("iron") for z in (-0.75, 0.75)]
    return join(felloe.painted("oak"), iron.painted("iron"), shapes.lathe(hub, 24).painted("oak"), *spokes, *bands)


@builds
def ring(kit: Kit) -> Prop:
    """A torus; a doughnut with icing where that is said."""
    x, _, z = kit.size
    thick = min(z / 2, x / 5)
    if said(kit, "donut", "doughnut"):
        thick = x / 5.5
        dough = shapes.torus(x / 2 - thick, thick, 40, 16).painted("bread")
        turn = np.linspace(-0.1 * np.pi, 1.1 * np.pi, 12)
        line = [(x / 2 - thick + 1.07 * thick * np.cos(a), 1.07 * thick * np.sin(a)) for a in turn]
        back = [(x / 2 - thick + 0.9 * thick * np.cos(a), 0.9 * thick * np.sin(a)) for a in turn[::-1]]
        pink = usual(kit, (0.95, 0.5, 0.62))
        icing = shapes.lathe([*line, *back], 60, closed=True).shaped(lambda p: _dripping(p, thick)).painted("", pink)
        crumbs = []
        for turn_at, lean, spin in kit.rng.uniform((0, -50, 0), (360, 50, 180), (40, 3)):
            color = [(0.95, 0.8, 0.2), (0.3, 0.65, 0.9), WHITE, (0.5, 0.8, 0.35)][int(spin) % 4]
            crumb = (
                shapes.capsule(0.05 * thick, 0.32 * thick, 6).turned("x", 90).turned("z", spin).moved(z=1.06 * thick)
            )
            crumbs.append(crumb.turned("y", lean).moved(x / 2 - thick).turned("z", turn_at).painted("wax", color))
        made = join(dough, icing, *crumbs)
    else:
        made = shapes.torus(x / 2 - thick, thick, 48, 16)
    return Prop([part(kit, "ring", fit(made, kit.size), "mesh")])


def _dripping(points: Floats, thick: float) -> Floats:
    turn = np.arctan2(points[:, 1], points[:, 0])
    low = np.clip(0.35 - points[:, 2] / thick, 0, None)
    drop = low * (0.25 * np.sin(7 * turn) + 0.2 * np.sin(11 * turn + 1))
    out: Floats = points + np.outer(drop * thick, (0, 0, 1))
    return out


@builds
def cylinder(kit: Kit) -> Prop:
    """Plain; a pipe, a log or a pillar where that is said."""
    x, _, z = kit.size
    if said(kit, "pipe", "tube", "hollow"):
        wall = [(0.42 * x, 0), (0.5 * x, 0), (0.5 * x, z), (0.42 * x, z)]
        return Prop([part(kit, "pipe", fit(shapes.lathe(wall, 40, closed=True), kit.size), "mesh")])
    if said(kit, "column", "pillar", "columns", "pillars"):
        return Prop([part(kit, "pillar", fit(_pillar(x / 2, z), kit.size), "hull")])
    if said(kit, "log", "logs", "trunk"):
        return Prop([part(kit, "log", fit(_log(kit), kit.size), "hull")])
    made = shapes.cylinder(x / 2, z, 48, 0.04 * min(x, z)).grained(across=True)
    return Prop([part(kit, "cylinder", fit(made, kit.size), "cylinder")])


def _pillar(r: float, z: float) -> Solid:
    """Fluted, on a base, with a capital."""
    count = 80
    flutes = np.abs(np.sin(np.arange(count) * np.pi * 20 / count))
    ring = shapes.ring(count)
    high = min(0.16 * z, 1.2 * r)
    steps = np.linspace(0, 1, 6)
    rings = [ring * (r * (0.8 - 0.12 * t**1.5) * (0.93 + 0.07 * flutes))[:, None] for t in steps]
    shaft = _loft(rings, high * 0.9 + (z - 1.8 * high) * steps)
    foot = [(0, 0.4), (0.98, 0.4), (1.0, 0.5), (0.98, 0.6), (0.86, 0.66), (0.9, 0.75), (0.86, 0.85), (0.8, 1), (0, 1)]
    base = shapes.lathe([(a * r, b * high) for a, b in foot], 48)
    top = shapes.lathe([(a * r * 0.95, z - b * high) for a, b in foot[::-1]], 48)
    plates = [shapes.box(2 * r, 2 * r, 0.4 * high, 0.02 * r).moved(z=at) for at in (0, z - 0.4 * high)]
    return join(shaft, base, top, *plates)


def _log(kit: Kit) -> Solid:
    """Rough bark, rings on the cut ends."""
    x, _, z = kit.size
    waves, phase = kit.rng.integers(2, 14, 6), kit.rng.uniform(0, 6.3, 6)

    def rough(p: Floats) -> Floats:
        turn = np.arctan2(p[:, 1], p[:, 0])
        bumps = sum(np.sin(n * turn + f + 3 * np.sin(f * p[:, 2] / x)) / n for n, f in zip(waves, phase, strict=True))
        out: Floats = p * np.stack([1 + 0.05 * bumps, 1 + 0.05 * bumps, np.ones(len(p))], axis=1)
        return out

    bark = shapes.lathe([(0, 0.004 * x), *((0.5 * x, t) for t in np.linspace(0.004 * x, z, 14)), (0, z)], 48)
    ends = []
    for at, turn in ((z + 0.004 * x, 0), (0.0, 180)):
        line = [(0.0, -0.01 * x), *((0.47 * x * k / 9, -0.003 * x * (k % 2)) for k in range(9, 0, -1)), (0, 0)]
        end = shapes.lathe([(0, -0.01 * x), (0.47 * x, -0.01 * x), *line[1:]], 48).turned("x", turn).moved(z=at)
        ends.append(end.shaped(rough).painted("pine"))
    return join(bark.shaped(rough).painted("bark"), *ends)


@builds
def cone(kit: Kit) -> Prop:
    """A traffic cone where that is said, else plain."""
    x, y, z = kit.size
    if not said(kit, "traffic", "road", "safety"):
        made = shapes.cylinder(x / 2, z, 48, top=0.0)
        return Prop([part(kit, "cone", fit(made, kit.size), "hull", sharp=60)])
    orange = usual(kit, (0.95, 0.3, 0.05))
    foot = shapes.box(x, y, 0.06 * z, 0.015 * z).painted("rubber", BLACK)
    body = shapes.lathe([(0, 0.05), (0.36, 0.05), (0.06, 0.98), (0.045, 1), (0, 1)], 48).scaled(x, y, z)
    bands = []
    for low, high in ((0.35, 0.5), (0.66, 0.78)):
        line = [
            (0.36 - 0.3 * (t - 0.05) / 0.93 + d, t)
            for t, d in ((low, -0.01), (low, 0.006), (high, 0.006), (high, -0.01))
        ]
        bands.append(shapes.lathe(line, 48, closed=True).scaled(x, y, z).painted("", WHITE))
    return Prop([part(kit, "cone", fit(join(foot, body.painted("", orange), *bands), kit.size), "hull", sharp=50)])


@builds
def pin(kit: Kit) -> Prop:
    """A bowling pin with two red stripes at its neck."""
    side = [
        (0.1, 0.0),
        (0.125, 0.02),
        (0.15, 0.12),
        (0.188, 0.3),
        (0.15, 0.5),
        (0.095, 0.64),
        (0.079, 0.7),
        (0.09, 0.8),
    ]
    line = shapes.curve([*side, (0.105, 0.89), (0.085, 0.965), (0.04, 0.995), (0.0, 1.0)], 5)
    body = shapes.lathe([(0, 0), *((max(r, 0), z) for r, z in line)], 36)
    bands = []
    for low, high in ((0.655, 0.682), (0.715, 0.742)):
        at = np.array([low, (low + high) / 2, high])
        wide = np.interp(at, line[:, 1], line[:, 0])
        rim = [(r + 0.0022, z) for r, z in zip(wide, at, strict=True)]
        bands.append(shapes.lathe([(wide[0] - 0.02, low), *rim, (wide[2] - 0.02, high)], 36, closed=True))
    red = [band.painted("", (0.8, 0.05, 0.07)) for band in bands]
    return Prop([part(kit, "pin", fit(join(body.painted("", usual(kit, WHITE, "plastic")), *red), kit.size), "hull")])
