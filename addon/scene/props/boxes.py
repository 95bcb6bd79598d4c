# SPDX-License-Identifier: GPL-3.0-or-later
"""Bricks, boards, books, gifts, and what is played with."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import COLORS, said, usual
from .solid import Floats, Skin, Solid, fit, join, part

DARK, LIGHT = (0.06, 0.055, 0.06), (0.94, 0.93, 0.9)
WRAPS = ((0.15, 0.35, 0.55), (0.12, 0.42, 0.3), (0.45, 0.2, 0.5), (0.92, 0.9, 0.85), (0.1, 0.45, 0.5))
SPOTS = {1: ((0, 0),), 2: ((-1, -1), (1, 1)), 3: ((-1, -1), (0, 0), (1, 1)), 4: ((-1, -1), (1, 1), (-1, 1), (1, -1)),
         5: ((-1, -1), (1, 1), (-1, 1), (1, -1), (0, 0)),
         6: ((-1, -1), (1, 1), (-1, 1), (1, -1), (-1, 0), (1, 0))}  # fmt: skip
"""Where the pips of a number are, in steps from the middle."""


@builds
def brick(kit: Kit) -> Prop:
    """With worn edges, of its own each."""
    x, y, z = kit.size
    made = shapes.box(x, y, z, 0.05 * z, 2, 4)
    waves, phase = kit.rng.normal(size=(6, 3)) * 9 / x, kit.rng.uniform(0, 6.3, 6)
    worn = made.shaped(lambda p: p + 0.008 * z * np.sin(p @ waves.T + phase) @ kit.rng.normal(size=(6, 3)) / 3)
    return Prop([part(kit, "brick", fit(worn, kit.size), "box")])


@builds
def plank(kit: Kit) -> Prop:
    if said(kit, "stick"):
        line = np.linspace([-0.5, 0, 0], [0.5, 0, 0], 12) * kit.size[0]
        least = min(kit.size[1:])
        line[:, 1:] += kit.rng.normal(0, 0.06 * least, (12, 2))
        return Prop([part(kit, "stick", fit(shapes.tube(line, least / 2, 10), kit.size), "hull")])
    made = shapes.box(*kit.size, 0.06 * min(kit.size))
    return Prop([part(kit, "plank", fit(made, kit.size), "box")])


@builds
def pyramid(kit: Kit) -> Prop:
    """Of steps where that is said, else smooth with the joints of its courses."""
    steps = 8
    square = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    pieces = []
    for k in range(steps):
        low, high = 1 - k / steps, 1 - (k + 1) / steps
        if said(kit, "stepped", "steps", "maya", "aztec"):
            pieces.append(shapes.box(low, low, 1 / steps, 0.006).moved(z=k / steps))
            continue
        rings = [(low * 0.985, k / steps), (low, k / steps + 0.006), (high + 0.006, (k + 1) / steps - 0.006)]
        rings += [(high * 0.985 if high else 0.002, (k + 1) / steps)]
        pieces.append(_stack([(square * wide, z) for wide, z in rings]))
    return Prop([part(kit, "pyramid", fit(join(*pieces), kit.size), "hull", sharp=15)])


def _stack(rings: list[tuple[Floats, float]]) -> Solid:
    """Outlines of as many points, one above the other."""
    count = len(rings[0][0])
    points = np.concatenate([np.column_stack([ring, np.full(count, z)]) for ring, z in rings])
    faces, uv = [tuple(range(count - 1, -1, -1))], list(points[range(count - 1, -1, -1), :2])
    for k in range(len(rings) - 1):
        for s in range(count):
            t = (s + 1) % count
            face = (k * count + s, k * count + t, (k + 1) * count + t, (k + 1) * count + s)
            axis = 0 if abs(points[face[0], 0] - points[face[1], 0]) > 1e-9 else 1
            faces.append(face)
            uv += [points[c][[axis, 2]] for c in face]
    last = (len(rings) - 1) * count
    faces.append(tuple(range(last, last + count)))
    return Solid(points, tuple(faces), np.array([*uv, *points[last : last + count, :2]]))


def _pips(number: int, step: float, radius: float, sink: float, color: tuple[float, float, float]) -> list[Solid]:
    """On the plane z = 0, face up: shallow lenses."""
    pip = shapes.lathe([(0, -sink), (radius, -sink), (radius, 0.0), (0.8 * radius, sink), (0, sink)], 16)
    return [pip.moved(u * step, v * step).painted("", color) for u, v in SPOTS.get(number, ())]


@builds
def domino(kit: Kit) -> Prop:
    """Standing, its pips to the front."""
    x, y, z = 0.5, 0.5 * kit.size[1] / kit.size[0], 1.0
    body = shapes.box(x, y, z, 0.12 * y, 2)
    numbers = kit.rng.integers(0, 7, 2)
    line = shapes.box(0.8 * x, 0.02, 0.014).moved(0, -y / 2 + 0.0095, z / 2 - 0.007).painted("", DARK)
    stud = shapes.cylinder(0.022, 0.012, 16, 0.003).turned("x", 90).moved(0, -y / 2 + 0.01, z / 2).painted("brass")
    pips = [
        pip.turned("x", 90).moved(0, -y / 2, z * (0.25 + 0.5 * k))
        for k in range(2)
        for pip in _pips(int(numbers[k]), 0.13, 0.045, 0.003, DARK)
    ]
    made = join(body.painted("", usual(kit, LIGHT, "plastic")), line, stud, *pips)
    return Prop([part(kit, "domino", fit(made, kit.size), "box")])


@builds
def die(kit: Kit) -> Prop:
    """Opposite faces make seven; light dice have dark pips, coloured ones white."""
    body = shapes.box(1, 1, 1, 0.17, 3).moved(z=-0.5).painted("", usual(kit, LIGHT, "plastic"))
    dark = said(kit, *COLORS) and not said(kit, "white", "ivory", "cream", "yellow", "beige")
    made = [body]
    turns = {1: ("x", 0), 6: ("x", 180), 2: ("x", 90), 5: ("x", -90), 3: ("y", 90), 4: ("y", -90)}
    for number, (axis, degrees) in turns.items():
        pips = _pips(number, 0.24, 0.14 if number == 1 else 0.095, 0.006, LIGHT if dark else DARK)
        made += [pip.moved(z=0.497).turned(axis, degrees) for pip in pips]
    turn = kit.rng.integers(0, 4, 2)
    tumbled = join(*made).turned("x", 90 * int(turn[0])).turned("z", 90 * int(turn[1]))
    return Prop([part(kit, "die", fit(tumbled, kit.size), "box")])


@builds
def gift(kit: Kit) -> Prop:
    """A box with a lid, a ribbon both ways and a bow."""
    x, y, z = kit.size
    high = 0.8 * z
    wide, thick = 0.11 * min(x, y), 0.008 * z
    wrap = usual(kit, WRAPS[int(kit.rng.integers(len(WRAPS)))], "cardboard")
    silk = Skin("satin", (0.85, 0.08, 0.12) if kit.rng.random() < 0.6 else (0.95, 0.78, 0.3))
    body = shapes.box(0.96 * x, 0.96 * y, 0.78 * high, 0.01 * z)
    lid = shapes.box(x - 2 * thick, y - 2 * thick, 0.26 * high, 0.012 * z).moved(z=0.74 * high)
    bands = [
        shapes.box(wide, 0.96 * y + 2 * thick, 0.75 * high), shapes.box(0.96 * x + 2 * thick, wide, 0.75 * high),
        shapes.box(wide, y, 0.26 * high + thick, thick / 2).moved(z=0.74 * high),
        shapes.box(x, wide, 0.26 * high + thick, thick / 2).moved(z=0.74 * high),
    ]  # fmt: skip
    size = 0.32 * min(x, y)
    line = shapes.curve([(0, 0.04), (0.45, 0.34), (0.95, 0.42), (1.05, 0.16), (0.5, 0.02), (0, -0.02)], 5) * size
    along = np.gradient(line, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1, keepdims=True)
    loop = shapes.extrude(np.concatenate([line - thick / 2 * normal, (line + thick / 2 * normal)[::-1]]), wide)
    loop = loop.turned("x", 90).moved(0, wide / 2, high + 1.5 * thick)
    knot = shapes.ball(0.5, 6).scaled(0.9 * wide, 0.8 * wide, 0.8 * wide).moved(z=high + 0.35 * wide)
    bow = join(*(loop.turned("z", turn) for turn in (20, 110, 200, 290)), knot)
    paper = ("plastic" if wrap else "", wrap)
    made = join(body.painted(*paper), lid.painted(*paper), *(each.painted(*silk) for each in (*bands, bow)))
    return Prop([part(kit, "gift", fit(made, kit.size), "hull")])


@builds
def book(kit: Kit) -> Prop:
    """Lying, its spine to the left: covers, a round spine, pages a little in."""
    x, y, z = kit.size
    board = 0.09 * z
    red, green, blue = kit.rng.uniform(0.08, 0.5, 3)
    color = usual(kit, (red, green, blue), "cardboard")
    cover = Skin("leather" if color else "", color)
    boards = [shapes.box(x - z / 3, y, board, board / 3).moved(z / 6, 0, at) for at in (0, z - board)]
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 11)
    half = np.stack([z / 3 * np.cos(turn), z / 2 * np.sin(turn)], axis=1)
    inner = np.stack([(z / 3 - board) * np.cos(turn), (z / 2 - board) * np.sin(turn)], axis=1)
    spine = shapes.extrude(np.concatenate([half, inner[::-1]]), y).turned("x", 90).moved(-x / 2 + z / 3, y / 2, z / 2)
    block = [(-z / 3 + 1.2 * board, 0), (-z / 3 + 1.2 * board, 1), (x - z / 2.2, 1), (x - z / 2, 0.5), (x - z / 2.2, 0)]
    line = np.array(block) * (1, z - 2 * board) + (-x / 2 + z / 3, board)
    pages = shapes.extrude(line[::-1], y - 3 * board).turned("x", 90).moved(0, y / 2 - 1.5 * board, 0)
    pages = _leaves(pages.painted("paper", (0.93, 0.9, 0.82)))
    gold = Skin("gold", None)
    ribs = [
        shapes.extrude(np.concatenate([half * 1.04, (half * 0.97)[::-1]]), 0.012 * y)
        .turned("x", 90).moved(-x / 2 + z / 3, at * y, z / 2).painted(*gold)
        for at in (-0.38, -0.3, 0.31, 0.39)
    ]  # fmt: skip
    frame = [
        shapes.box(w, h, 0.1 * board).moved(z / 6 + u, v, z - 0.03 * board).painted(*gold)
        for u, v, w, h in (
            (0, 0.4 * y, 0.7 * x, 0.006 * y), (0, -0.4 * y, 0.7 * x, 0.006 * y),
            (-0.35 * x, 0, 0.006 * y, 0.806 * y), (0.35 * x, 0, 0.006 * y, 0.806 * y), (0, 0.12 * y, 0.4 * x, 0.03 * y),
            (0, 0.05 * y, 0.3 * x, 0.02 * y),
        )
    ]  # fmt: skip
    made = join(*(each.painted(*cover) for each in (*boards, spine)), pages, *ribs, *frame)
    return Prop([part(kit, "book", fit(made, kit.size), "box")])


def _leaves(pages: Solid) -> Solid:
    """The block of pages and, on its edges, the lines of some leaves."""
    low, high = pages.box
    thin = (high[2] - low[2]) / 40
    lines = [
        shapes.box(high[0] - low[0] - 8 * thin, high[1] - low[1] + thin / 2, thin / 3)
        .moved((low[0] + high[0]) / 2 - 2 * thin, 0, low[2] + (k + 0.5) * (high[2] - low[2]) / 9)
        .painted("paper", (0.75, 0.71, 0.62))
        for k in range(9)
    ]
    return join(pages, *lines)
