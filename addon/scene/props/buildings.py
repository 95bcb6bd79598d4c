# SPDX-License-Identifier: GPL-3.0-or-later
"""Wall, arch, tower, house, castle, tent, igloo."""

from __future__ import annotations

import itertools

import numpy as np

from .jointed import bar, beam, compound, filled, metric, mirrored
from .prop import Kit, Prop, builds
from .shapes import ball, box, cone, cylinder, extrude, lathe
from .skins import said
from .solid import Floats, Solid, fit, join, part

PANE = (0.12, 0.2, 0.3)
"""sRGB of a window by day."""


def _opening(wide: float, high: float, thick: float) -> Solid:
    """A window in its frame with two bars, in the plane y = 0, standing on z = 0."""
    edge = 0.09 * wide
    pane = box(wide, 0.5 * thick, high).painted("glass", PANE)
    sides = mirrored(box(edge, thick, high).moved(wide / 2))
    rims = [box(wide + edge, thick, edge).moved(z=z - edge / 2) for z in (0.0, high)]
    bars = [box(0.5 * edge, 0.8 * thick, high), box(wide, 0.8 * thick, 0.5 * edge).moved(z=high / 2)]
    sill = box(wide + 3 * edge, 2 * thick, edge).moved(z=-edge)
    cross = join(sides, *rims, *bars, sill).painted("plaster", (0.93, 0.92, 0.88))
    return join(pane, cross)


@builds
def wall(kit: Kit) -> Prop:
    """Courses of bricks in running bond, mortar between them."""
    wide, deep, high = kit.size
    rows = int(np.clip(round(high / 0.075), 3, 40))
    across = int(np.clip(round(wide / 0.225), 2, 24))
    tall, long = high / rows, wide / across
    joint = 0.13 * tall
    bricks = []
    for r in range(rows):
        cuts = np.linspace(-wide / 2, wide / 2, across + 1)
        if r % 2:
            cuts = np.array([-wide / 2, *(cuts[:-1] + long / 2), wide / 2])
        for a, b in itertools.pairwise(cuts):
            start, end = a + joint / 2 * (a > -wide / 2 + 1e-9), b - joint / 2 * (b < wide / 2 - 1e-9)
            depth = deep * (1 - 0.02 * float(kit.rng.random()))
            up = tall - joint if r < rows - 1 else tall
            bricks.append(box(end - start, depth, up).moved((start + end) / 2, 0, r * tall))
    mortar = box(0.99 * wide, 0.93 * deep, 0.985 * high).painted("concrete", (0.72, 0.7, 0.66))
    return Prop([part(kit, "wall", fit(join(*bricks, mortar), kit.size), "box", still=True)])


@builds
def arch(kit: Kit) -> Prop:
    """Two piers of stones and a half circle of wedges with a keystone; things go through."""
    wide, deep, high = kit.size
    thick = 0.2 * wide
    inner = wide / 2 - thick
    spring = high - wide / 2
    parts = []
    if spring > 0.05 * high:
        count = max(1, round(spring / (0.8 * thick)))
        for k in range(count):
            block = box(thick, deep, 0.985 * spring / count, 0.04 * thick)
            parts.append(mirrored(block.moved(inner + thick / 2, 0, k * spring / count)))
    count = 11
    for k in range(count):
        a, b = np.pi * (k + 0.015) / count, np.pi * (k + 0.985) / count
        out = wide / 2
        turn = np.array([a, (a + b) / 2, b])
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        stone = extrude(np.concatenate([out * ring, inner * ring[::-1]]), deep, 0.03 * thick).turned("x", 90)
        key = 1.06 if k == count // 2 else 1.0
        parts.append(stone.moved(y=deep / 2).scaled(1, key, 1).moved(z=max(spring, 0.0)))
    return Prop([compound(kit, "arch", fit(join(*parts), kit.size), still=True)])


def _battlements(radius: float, high: float, count: int, thick: float) -> Solid:
    turn = np.radians(np.linspace(-0.28, 0.28, 4) * 360 / count)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    one = extrude(np.concatenate([(radius - thick) * ring[::-1], radius * ring]), high)
    return join(*(one.turned("z", 360 * k / count) for k in range(count)))


def _turret(radius: float, high: float, *, roof: bool = False) -> tuple[Solid, Solid]:
    """A round tower on the origin, and its door and windows."""
    top = 0.84 * high
    steps = (
        ((0.98, 0.0), (0.95, 0.05)), ((0.93, 0.0), (0.78, 0.3)), ((0.8, 0.25), (0.76, 0.88)),
        ((0.77, 0.85), (1.0, 0.95)), ((1.0, 0.945), (1.0, 1.0)),
    )  # fmt: skip
    rings = [lathe([(0, a), (r, a), (s, b), (0, b)], 32).scaled(radius, radius, top) for (r, a), (s, b) in steps]
    body = join(*rings)
    crown = _battlements(radius, 0.1 * high, 10, 0.2 * radius).moved(z=top)
    if roof:
        crown = cone(1.12 * radius, high - top, 32).moved(z=top).painted("terracotta")
    gate = extrude([(-0.3, 0), (0.3, 0), (0.3, 0.55), (0.21, 0.78), (0, 0.9), (-0.21, 0.78), (-0.3, 0.55)], 0.3)
    gate = gate.scaled(radius).turned("x", 90).moved(y=-0.68 * radius).painted("oak")
    slits = []
    for z, way in ((0.5, 0), (0.72, 60), (0.66, -70), (0.4, 140)):
        slit = box(0.14 * radius, 0.2 * radius, 0.075 * high).painted("plastic", (0.04, 0.04, 0.05))
        slits.append(slit.moved(0, -0.735 * radius, z * top).turned("z", way))
    return join(body, crown), join(gate, *slits)


@builds
def tower(kit: Kit) -> Prop:
    """Round, of stone, with battlements; a roof where that was said."""
    hit, unhit = _turret(0.5, kit.size[2] / max(kit.size[0], 1e-6), roof=said(kit, "roof"))
    return Prop([filled(kit, "tower", hit, unhit, still=True)])


@builds
def castle(kit: Kit) -> Prop:
    """Four towers, walls with battlements and a gate between them."""
    hits, unhits = [], []
    for x in (-1, 1):
        for y in (-1, 1):
            hit, unhit = _turret(0.34, 1.9 if y > 0 else 1.6, roof=y > 0)
            hits.append(hit.moved(x, y))
            unhits.append(unhit.moved(x, y))
    for turn in range(4):
        side = box(1.7, 0.24, 0.9)
        teeth = [box(0.14, 0.24, 0.14).moved((k - 3) * 0.24, 0, 0.9) for k in range(7)]
        hits.append(join(side, *teeth).moved(y=-1).turned("z", 90 * turn))
    keep = join(
        box(0.9, 0.7, 1.5), *(box(0.14, 0.14, 0.14).moved(x, y, 1.5) for x in (-0.38, 0, 0.38) for y in (-0.28, 0.28))
    )
    hits.append(keep.moved(0, 0.25))
    outline = [(-0.26, 0), (0.26, 0), (0.26, 0.42), (0.16, 0.6), (0, 0.66), (-0.16, 0.6), (-0.26, 0.42)]
    gate = extrude(outline, 0.3).turned("x", 90).moved(y=-0.86).painted("oak")
    bands = [box(0.5, 0.32, 0.03).moved(0, -1.0, z).painted("iron") for z in (0.14, 0.34)]
    panes = [box(0.1, 0.74, 0.18).moved(x, 0.25, 1.15).painted("glass", PANE) for x in (-0.25, 0, 0.25)]
    return Prop([filled(kit, "castle", join(*hits), join(*unhits, gate, *bands, *panes), still=True)])


@builds
def house(kit: Kit) -> Prop:
    """Walls, a gable roof with eaves, door, windows and a chimney; its front to -Y."""
    eaves, ridge, long, deep = 1.15, 2.0, 1.75, 1.45
    gable = [(-deep, 0), (deep, 0), (deep, eaves), (0, ridge), (-deep, eaves)]
    walls = extrude(gable, 2 * long).turned("x", 90).turned("z", 90).moved(-long)
    low, high = np.array([0, -1.22 * deep, eaves - 0.12]), np.array([0, 0.03, ridge + 0.09])
    slab = beam(low, high, 2 * long + 0.5, 0.14, 0.01)
    way = high - low
    under, over = np.array([0, 0, 0.07]), np.array([0, 0, 0.1])
    rows = [
        beam(low + t * way + under, low + (t + 0.13) * way + over, 2 * long + 0.52, 0.05)
        for t in np.linspace(0, 0.87, 8)
    ]
    roof = mirrored(join(slab, *rows), "y").painted("terracotta")
    stack = box(0.36, 0.36, 1.15, 0.01).moved(0.9, 0.45, 1.35)
    cap = box(0.46, 0.46, 0.1, 0.01).moved(0.9, 0.45, 2.42).painted("concrete")
    foot = box(2 * long + 0.08, 2 * deep + 0.08, 0.1).painted("concrete")
    leaf = box(0.52, 0.1, 1.0, 0.01).painted("oak", (0.2, 0.33, 0.27))
    frame = join(mirrored(box(0.06, 0.14, 1.06).moved(0.29)), box(0.64, 0.14, 0.06).moved(z=1.0))
    knob = ball(0.03, 5).moved(0.2, -0.08, 0.48).painted("brass")
    step = box(0.8, 0.35, 0.09).moved(0, -0.12).painted("concrete")
    door = join(leaf, frame.painted("plaster", (0.93, 0.92, 0.88)), knob, step).moved(0, -deep, 0.04)
    window = _opening(0.56, 0.58, 0.08)
    panes = [window.moved(x, -deep, 0.42) for x in (-1.05, 1.05)] + [
        window.moved(x, -deep, 0.42).turned("z", 180) for x in (-1, 1)
    ]
    ends = [window.turned("z", turn).moved(x, y, 0.42) for turn, x in ((90, long), (-90, -long)) for y in (-0.6, 0.6)]
    attic = [_opening(0.36, 0.34, 0.08).turned("z", turn).moved(x, 0, 1.28) for turn, x in ((90, long), (-90, -long))]
    return Prop(
        [filled(kit, "house", join(walls, roof, stack, cap, foot), join(door, *panes, *ends, *attic), still=True)]
    )


@builds
def tent(kit: Kit) -> Prop:
    """Two slopes of canvas over poles, open to the front."""
    slope = beam((0, 0, 1.0), (0.9, 0, 0), 2.0, 0.03)
    low = slope.box[0][2]
    flap = extrude([(0.12, 0), (0.86, 0), (0.0, 0.97)], 0.02).turned("x", 90).moved(y=-0.97).turned("z", 12)
    back = extrude([(-0.87, 0), (0.87, 0), (0, 0.97)], 0.02).turned("x", 90).moved(y=0.98)
    poles = [bar((0, y, 0), (0, y, 1.05), 0.025, 8).painted("pine") for y in (-0.98, 0.98)]
    cloth = join(mirrored(slope.moved(z=-low).scaled(1, 1, 1)), back, mirrored(flap))
    ridge = bar((0, -1, 1.02), (0, 1, 1.02), 0.02, 8).painted("pine")
    return Prop([compound(kit, "tent", fit(join(cloth, *poles, ridge), kit.size), still=True)])


@builds
def igloo(kit: Kit) -> Prop:
    """Courses of snow blocks and a tunnel to the front."""
    blocks = []
    courses = 6
    for k in range(courses):
        a, b = np.radians(np.array([k, k + 0.97]) * 84 / courses)
        count = max(5, int(18 * np.cos(a)))
        wedge = 360 / count
        turn = np.radians(np.linspace(-0.485, 0.485, 3) * wedge)
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        rows = [(np.cos(a), np.sin(a)), (np.cos(b), np.sin(b))]
        one = extrude(np.concatenate([0.84 * ring[::-1], ring]), 1.0)

        def bent(points: Floats, rows: list[tuple[float, float]] = rows) -> Floats:
            up = points[:, 2:]
            r = rows[0][0] + up * (rows[1][0] - rows[0][0])
            z = rows[0][1] + up * (rows[1][1] - rows[0][1])
            thin = np.linalg.norm(points[:, :2], axis=1, keepdims=True)
            return np.hstack([points[:, :2] * r, z * thin])

        one = one.shaped(bent)
        blocks += [one.turned("z", wedge * (j + 0.5 * (k % 2))) for j in range(count)]
    lid = lathe([(0, 0.8), (0.13, 0.8), (0.13, 0.98), (0, 1.0)], 16)
    stones = []
    for k in range(7):
        turn = np.pi * (k + np.array([0.01, 0.5, 0.99])) / 7
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        stones.append(extrude(np.concatenate([0.42 * ring, 0.3 * ring[::-1]]), 0.6).turned("x", 90).moved(y=-0.75))
    tunnel = join(*stones)
    dark = cylinder(0.31, 0.05, 24).turned("x", 90).moved(y=-1.0).painted("plastic", (0.05, 0.06, 0.08))
    inside = dark.shaped(lambda points: np.column_stack([points[:, 0], points[:, 1], np.maximum(points[:, 2], 0.0)]))
    return Prop([filled(kit, "igloo", join(metric(join(*blocks)), lid, tunnel), inside, still=True)])
