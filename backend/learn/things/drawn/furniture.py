# SPDX-License-Identifier: GPL-3.0-or-later
"""Chairs, tables, sofas, beds, shelves, cabinets, stairs and what else stands in rooms and gardens."""

from __future__ import annotations

import numpy as np

from ..shape import Shape
from .pile import Pile, legs
from .solids import Points, Solid, box, curve, pillow, placed, slab, tube, turned, vec

Rng = np.random.Generator


def _legs(pile: Pile, rng: Rng, width: float, depth: float, high: float) -> None:
    """Four legs to the floor: square, tapered, splayed or turned."""
    kind, thick = rng.choice(["square", "taper", "splayed", "turned"]), rng.uniform(0.03, 0.07)
    knobs = np.stack([thick * rng.uniform(0.35, 0.8, 7), np.linspace(0, high, 7)], axis=1)
    for x, y in legs(width, depth, thick):
        if kind == "square":
            pile.add(box((thick, thick, high), (x, y, 0), foot=True))
        elif kind == "turned":
            pile.add(placed(turned([(0, 0), *knobs, (0, high)], 16), (x, y, 0)))
        else:
            out = 1.2 if kind == "splayed" else 1.0
            pile.add(tube([(x, y, high), (x * out, y * out, 0)], [0.6 * thick, 0.32 * thick], 12))
    if rng.random() < 0.3:
        for side in (-1, 1):
            x = side * (width / 2 - thick)
            pile.add(box((0.5 * thick, depth - 2 * thick, 0.5 * thick), (x, 0, 0.3 * high)))


def chair(rng: Rng) -> Shape:
    wide, deep, seat = rng.uniform(0.4, 0.55), rng.uniform(0.4, 0.52), rng.uniform(0.4, 0.5)
    pile = Pile(rng, str(rng.choice(["wood", "wood", "metal", "paint"])))
    soft = rng.random() < 0.5
    cloth = pile.shade("cloth") if soft else pile.color
    thick = rng.uniform(0.025, 0.09)
    top = pillow((wide, deep, thick), (0, 0, seat), 0.2 if soft else 0.1)
    pile.add(top, cloth, patched=soft and rng.random() < 0.5)
    office = rng.random() < 0.2
    if office:
        pile.add(tube([(0, 0, 0.1), (0, 0, seat)], 0.03))
        for i in range(5):
            a = 2 * np.pi * i / 5
            pile.add(tube([(0, 0, 0.11), (0.28 * np.cos(a), 0.28 * np.sin(a), 0.06)], [0.03, 0.02], 8))
            pile.add(pillow((0.06, 0.06, 0.06), (0.28 * np.cos(a), 0.28 * np.sin(a), 0.03), 1.0, 12))
    else:
        _legs(pile, rng, wide, deep, seat)
    _back(pile, rng, (wide, deep, seat), cloth)
    if rng.random() < 0.3:
        for x in (-wide / 2, wide / 2):
            pile.add(box((0.04, deep, 0.03), (x, 0, seat + 0.22)))
            pile.add(tube([(x, -deep / 2 + 0.04, seat), (x, -deep / 2 + 0.04, seat + 0.22)], 0.015, 8))
    return pile.shape()


def _back(pile: Pile, rng: Rng, size: tuple[float, float, float], cloth: tuple[float, ...]) -> None:
    """Of a chair whose seat has this width, depth and height: a panel, slats, rungs, a cushion, or none."""
    wide, deep, seat = size
    high, lean = rng.uniform(0.35, 0.65), rng.uniform(0.0, 0.15)
    style = rng.choice(["panel", "slats", "rungs", "cushion", "none"], p=[0.25, 0.25, 0.2, 0.25, 0.05])

    def up(x: float, share: float) -> Points:
        return vec(x, deep / 2 - 0.02 + lean * high * share, seat + high * share)

    tilt = -float(np.degrees(lean))
    if style == "panel":
        pile.add(placed(box((wide * 0.95, 0.02, high * rng.uniform(0.4, 0.8))), up(0, 0.58), x=tilt), patched=True)
    if style == "cushion":
        pile.add(placed(pillow((wide, 0.09, high), soft=0.25), up(0, 0.56), x=tilt), cloth)
    if style in ("panel", "slats", "rungs"):
        for x in (0.03 - wide / 2, wide / 2 - 0.03):
            pile.add(tube([up(x, 0), up(x, 1)], 0.018, 8))
    if style == "slats":
        for x in np.linspace(-wide / 2, wide / 2, int(rng.integers(5, 9)))[1:-1]:
            pile.add(tube([up(x, 0), up(x, 1)], 0.012, 6))
        pile.add(box((wide, 0.025, 0.06), up(0, 1)))
    if style == "rungs":
        for share in np.linspace(0.3, 1.0, int(rng.integers(2, 5))):
            pile.add(box((wide, 0.025, 0.06), up(0, share)))


def stool(rng: Rng) -> Shape:
    r, high = rng.uniform(0.15, 0.24), rng.uniform(0.35, 0.8)
    pile = Pile(rng, str(rng.choice(["wood", "metal"])))
    pile.add(
        turned([(0, high), (r, high), (r, high + 0.03), (0.8 * r, high + rng.uniform(0.03, 0.1)), (0, high + 0.06)]),
        pile.shade("cloth"),
    )
    count, out = int(rng.integers(3, 5)), rng.uniform(1.0, 1.4)
    for i in range(count):
        a = 2 * np.pi * (i + 0.5) / count
        pile.add(
            tube(
                [(0.8 * r * np.cos(a), 0.8 * r * np.sin(a), high), (out * r * np.cos(a), out * r * np.sin(a), 0)],
                0.02,
                8,
            )
        )
    if rng.random() < 0.6:
        u = np.linspace(0, 2 * np.pi, 25)
        pile.add(tube(np.stack([0.95 * r * np.cos(u), 0.95 * r * np.sin(u), 0 * u + 0.35 * high], axis=1), 0.012, 6))
    return pile.shape()


def table(rng: Rng) -> Shape:
    wide, deep, high = rng.uniform(0.6, 2.0), rng.uniform(0.5, 1.0), rng.uniform(0.35, 0.9)
    pile = Pile(rng, str(rng.choice(["wood", "wood", "metal", "paint"])))
    thick = rng.uniform(0.02, 0.07)
    if rng.random() < 0.35:
        r = wide / 2
        pile.add(
            turned([(0, high), (r, high), (r, high + thick), (0, high + thick)], int(rng.choice([6, 8, 40]))),
            patched=rng.random() < 0.5,
        )
        if rng.random() < 0.5:
            pile.add(
                turned(
                    [(0, 0), (0.5 * r, 0), (0.45 * r, 0.05), (0.07, 0.1), (0.06, 0.5 * high), (0.1, high), (0, high)]
                )
            )
        else:
            _legs(pile, rng, 1.3 * r, 1.3 * r, high)
        return pile.shape()
    pile.add(box((wide, deep, thick), (0, 0, high), foot=True), patched=rng.random() < 0.6)
    style = rng.random()
    if style < 0.6:
        _legs(pile, rng, wide * 0.96, deep * 0.94, high)
        if rng.random() < 0.5:
            pile.add(box((wide * 0.88, deep * 0.86, 0.08), (0, 0, high - 0.08), foot=True))
    elif style < 0.8:
        for x in (-0.42, 0.42):
            pile.add(box((0.05, deep * 0.8, high), (x * wide, 0, 0), foot=True))
        pile.add(box((wide * 0.84, 0.03, high * rng.uniform(0.15, 0.6)), (0, deep * 0.3, high * 0.6)))
    else:
        side = rng.choice([-1, 1])
        pile.add(box((0.42 * wide, deep * 0.9, high), (side * 0.27 * wide, 0, 0), foot=True))
        _fronts(pile, rng, (0.42 * wide, high), (side * 0.27 * wide, -0.45 * deep, 0))
        for y in (-0.4, 0.4):
            pile.add(tube([(-side * 0.45 * wide, y * deep, 0), (-side * 0.45 * wide, y * deep, high)], 0.025, 8))
    if rng.random() < 0.25:
        pile.add(box((wide * 0.8, deep * 0.8, 0.02), (0, 0, high * 0.3)))
    return pile.shape()


def _fronts(pile: Pile, rng: Rng, size: tuple[float, float], low: tuple[float, float, float]) -> None:
    """Drawers or doors with knobs on a front (width, height) that faces -Y; `low`: the middle of its lower edge."""
    (wide, high), (x, y, z) = size, low
    columns, rows = int(rng.integers(1, 4)) if wide > 0.7 else 1, int(rng.integers(1, 5))
    knob, front = pile.shade("metal"), pile.shade("wood") if rng.random() < 0.3 else None
    handle = (0.25 * wide / columns, 0.02, 0.015) if rng.random() < 0.5 else (0.03, 0.04, 0.03)
    w, h = wide / columns, high * 0.94 / rows
    for i in range(columns):
        for j in range(rows):
            middle = vec(x - wide / 2 + (i + 0.5) * w, y - 0.008, z + high * 0.04 + (j + 0.5) * h)
            pile.add(box((w * 0.94, 0.03, h * 0.92), middle), front)
            pile.add(box(handle, middle - vec(0, 0.03, 0)), knob)


def cabinet(rng: Rng) -> Shape:
    """Wardrobes, chests of drawers, sideboards, fridges, ovens."""
    wide, deep, high = rng.uniform(0.4, 1.6), rng.uniform(0.35, 0.6), rng.uniform(0.5, 2.0)
    pile = Pile(rng, str(rng.choice(["wood", "wood", "paint"])))
    foot = rng.uniform(0.05, 0.2) if rng.random() < 0.7 else 0.0
    pile.add(box((wide, deep, high), (0, 0, foot), foot=True), patched=rng.random() < 0.6)
    _fronts(pile, rng, (wide, high), (0, -deep / 2, foot))
    if rng.random() < 0.5:
        pile.add(box((wide * 1.06, deep * 1.06, 0.03), (0, 0, foot + high), foot=True))
    if foot:
        _legs(pile, rng, wide * 0.95, deep * 0.95, foot + 0.01)
    return pile.shape()


def shelf(rng: Rng) -> Shape:
    wide, deep, high = rng.uniform(0.5, 1.4), rng.uniform(0.22, 0.4), rng.uniform(0.6, 2.0)
    pile = Pile(rng, str(rng.choice(["wood", "metal", "paint"])))
    board = rng.uniform(0.015, 0.04)
    for side in (-1, 1):
        pile.add(box((board, deep, high), (side * (wide - board) / 2, 0, 0), foot=True))
    levels = np.linspace(0.05, high - board, int(rng.integers(3, 7)))
    for z in levels:
        pile.add(box((wide, deep, board), (0, 0, z), foot=True))
    if rng.random() < 0.6:
        pile.add(box((wide, 0.015, high), (0, deep / 2, 0), foot=True))
    if rng.random() < 0.7:
        for z in levels[:-1]:
            x, room = -wide / 2 + board, levels[1] - levels[0]
            while x < wide / 2 - 0.1 and rng.random() < 0.92:
                w, h = rng.uniform(0.02, 0.07), room * rng.uniform(0.5, 0.9)
                pile.add(box((w * 0.95, deep * 0.7, h), (x + w / 2, 0, z + board), foot=True), pile.shade("cloth"))
                x += w
    return pile.shape()


def sofa(rng: Rng) -> Shape:
    seats = int(rng.integers(1, 4))
    wide, deep, seat = 0.3 + 0.6 * seats, rng.uniform(0.75, 1.0), rng.uniform(0.36, 0.46)
    pile = Pile(rng, "cloth")
    soft, arm, back = rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.25), rng.uniform(0.75, 1.05)
    foot = rng.uniform(0.04, 0.15)
    pile.add(pillow((wide, deep, seat - foot - 0.1), (0, 0, (seat + foot - 0.1) / 2), 0.15))
    pile.add(
        pillow((wide, 0.22, back - foot), (0, deep / 2 - 0.1, (back + foot) / 2), soft), patched=rng.random() < 0.3
    )
    if rng.random() < 0.85:
        for side in (-1, 1):
            at = (side * (wide - arm) / 2, 0, 0.3 + foot / 2)
            pile.add(pillow((arm, deep, rng.uniform(0.5, 0.65) - foot), at, soft))
    inner = (wide - 2 * arm) / seats
    other = pile.shade("cloth") if rng.random() < 0.3 else pile.color
    for i in range(seats):
        x = -wide / 2 + arm + (i + 0.5) * inner
        pile.add(pillow((inner * 0.98, deep * 0.78, 0.16), (x, -0.07, seat - 0.04), 0.25), other)
        if rng.random() < 0.7:
            pile.add(
                placed(pillow((inner * 0.95, 0.18, 0.42), soft=0.35), (x, deep / 2 - 0.26, seat + 0.22), x=-12), other
            )
    for x, y in legs(wide, deep, 0.08):
        pile.add(tube([(x, y, 0), (x, y, foot + 0.05)], 0.025, 8), (0.2, 0.13, 0.08))
    return pile.shape()


def bed(rng: Rng) -> Shape:
    wide, long, high = rng.uniform(0.9, 1.8), rng.uniform(1.8, 2.1), rng.uniform(0.3, 0.55)
    if rng.random() < 0.2:
        wide, long = 0.65, 1.25
    pile = Pile(rng, "wood")
    sheet, cover = (0.9, 0.89, 0.86), pile.shade("cloth")
    pile.add(box((wide, long, 0.15), (0, 0, high - 0.2), foot=True))
    _legs(pile, rng, wide, long, high - 0.2)
    pile.add(pillow((wide * 0.98, long * 0.97, 0.24), (0, 0, high + 0.03), 0.15), sheet)
    pile.add(
        pillow((wide * 1.04, long * rng.uniform(0.5, 0.75), 0.2), (0, -long * 0.15, high + 0.08), 0.2),
        cover,
        patched=True,
    )
    for x in (0.0,) if wide < 1.2 else (-0.24 * wide, 0.24 * wide):
        pile.add(pillow((min(0.6, wide * 0.45), 0.38, 0.16), (x, long * 0.37, high + 0.2), 0.5), sheet)
    head = rng.uniform(0.3, 0.8)
    for y, tall in ((long / 2, head), (-long / 2, head * rng.choice([0.0, 0.5]))):
        if tall and rng.random() < 0.6:
            pile.add(box((wide, 0.05, high + tall), (0, y, 0), foot=True), patched=True)
        elif tall:
            for x in np.linspace(-wide / 2, wide / 2, int(rng.integers(5, 10))):
                pile.add(tube([(x, y, 0), (x, y, high + tall)], 0.02, 8))
            pile.add(box((wide, 0.05, 0.05), (0, y, high + tall)))
    return pile.shape()


def stairs(rng: Rng) -> Shape:
    """Stairs, ladders and fences."""
    pile = Pile(rng, str(rng.choice(["wood", "metal", "clay"])))
    kind = str(rng.choice(["stairs", "ladder", "fence", "bench"]))
    count = int(rng.integers(5, 13))
    if kind == "stairs":
        wide, rise, run = rng.uniform(0.7, 1.4), 0.18, rng.uniform(0.2, 0.32)
        solid = rng.random() < 0.5
        for i in range(count):
            pile.add(
                box((wide, run, (i + 1) * rise if solid else 0.04), (0, i * run, 0 if solid else i * rise), foot=True)
            )
        if rng.random() < 0.6:
            for x in (-wide / 2, wide / 2):
                pile.add(tube([(x, 0, 1.0), (x, count * run, count * rise + 1.0)], 0.025, 8))
                for i in range(0, count, 2):
                    pile.add(tube([(x, i * run, i * rise), (x, i * run, i * rise + 1.0)], 0.015, 6))
    elif kind == "ladder":
        lean = rng.uniform(0.0, 0.5)
        for x in (-0.22, 0.22):
            pile.add(tube([(x, 0, 0), (x, lean, 0.28 * count)], 0.025, 8))
        for i in range(1, count):
            pile.add(tube([(-0.22, lean * i / count, 0.28 * i), (0.22, lean * i / count, 0.28 * i)], 0.016, 8))
    elif kind == "fence":
        high = rng.uniform(0.7, 1.3)
        pointed = slab(np.array([(-0.05, 0), (0.05, 0), (0.05, 0.9), (0, 1), (-0.05, 0.9)]) * (1, high), 0.02)
        upright: Solid = placed(pointed, x=90)
        for i in range(count):
            pile.add((upright[0] + vec(0.14 * i, 0, 0), upright[1]))
        for z in (0.25, 0.75):
            pile.add(box((0.14 * count, 0.03, 0.06), (0.07 * (count - 1), 0.02, z * high)))
    else:
        wide = rng.uniform(1.0, 1.8)
        for y in np.linspace(-0.2, 0.2, 4):
            pile.add(box((wide, 0.1, 0.035), (0, y, 0.43)))
        for z in (0.6, 0.75):
            pile.add(placed(box((wide, 0.03, 0.1)), (0, 0.28 + 0.15 * (z - 0.6), z), x=-10))
        for x in (-0.42 * wide, 0.42 * wide):
            pile.add(tube(curve([(x, -0.22, 0), (x, -0.2, 0.4), (x, 0.2, 0.42), (x, 0.33, 0.85)], 14), 0.03, 8))
            pile.add(tube([(x, 0.2, 0.42), (x, 0.25, 0)], 0.03, 8))
    return pile.shape()


FAMILY = (chair, chair, stool, table, table, cabinet, shelf, sofa, bed, stairs)
