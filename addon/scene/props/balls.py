# SPDX-License-Identifier: GPL-3.0-or-later
"""Balls of all games, fruit, eggs, balloons."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import said, usual
from .solid import Floats, Skin, Solid, fit, join, part

WHITE, BLACK = (0.93, 0.92, 0.9), (0.05, 0.05, 0.055)
BEACH = ((0.86, 0.1, 0.1), WHITE, (0.98, 0.78, 0.08), WHITE, (0.08, 0.35, 0.8), WHITE)


def _round(kit: Kit) -> str:
    """The collision shape: a ball that was pulled long is none."""
    return "sphere" if max(kit.size) < 1.02 * min(kit.size) else "hull"


@builds
def ball(kit: Kit) -> Prop:
    kinds = {
        "football": _football, "soccer": _football, "basketball": _basketball, "tennis": _tennis, "beach": _beach,
"bowling": _bowling, "globe": _globe, "pool": _billiard, "billiard": _billiard,
        "snooker": _billiard,
    }  # fmt: skip
    make = next((kinds[word] for word in kinds if said(kit, word)), _plain)
    return Prop([part(kit, "ball", fit(make(kit), kit.size), _round(kit), sharp=80)])


def _plain(kit: Kit) -> Solid:
    return shapes.ball(0.5, 16)


def _seam(line: Floats, thick: float, color: tuple[float, float, float], sink: float = 0.55) -> Solid:
    """A line (N, 3) of directions inlaid in a ball of radius 0.5."""
    on = line / np.linalg.norm(line, axis=1, keepdims=True)
    return shapes.tube(on * (0.5 - sink * thick), thick, 6, closed=True).painted("", color)


def _basketball(kit: Kit) -> Solid:
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    c, s, o = np.cos(turn), np.sin(turn), 0 * turn
    side = np.stack([0.62 + 0.2 * np.cos(2 * turn), 0.85 * c, 0.85 * s], axis=1)
    lines = [np.stack([c, s, o], axis=1), np.stack([c, o, s], axis=1), side, side * (-1, 1, 1)]
    skin = shapes.ball(0.5, 16).painted("", usual(kit, (0.82, 0.33, 0.1), "rubber", "leather"))
    return join(skin, *(_seam(line, 0.009, BLACK) for line in lines)).turned("z", 25).turned("x", -20)


def _tennis(kit: Kit) -> Solid:
    turn = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    a, b = 0.75, 0.25
    line = [a * np.cos(turn) + b * np.cos(3 * turn), a * np.sin(turn) - b * np.sin(3 * turn), 0.87 * np.sin(2 * turn)]
    return join(
        shapes.ball(0.5, 16).painted("", usual(kit, (0.8, 0.88, 0.2))), _seam(np.stack(line, axis=1), 0.014, WHITE)
    )


def _beach(kit: Kit) -> Solid:
    """Panels from pole to pole: in all colours, or in the one that was asked and white."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 25)
    line = [(0.5 * np.cos(a) if abs(a) < 1.57 else 0.0, 0.5 * np.sin(a)) for a in turn]
    skins = [Skin("", color) for color in BEACH] if usual(kit, WHITE) else [Skin(), Skin("", WHITE)] * 3
    made = shapes.lathe(line, 48)
    made = made.patterned(skins, lambda at, _: int(np.arctan2(at[1], at[0]) % (2 * np.pi) / (np.pi / 3)))
    caps = [shapes.cylinder(0.07, 0.01, 24, 0.003).moved(z=z).painted("", WHITE) for z in (0.491, -0.501)]
    return join(made, *caps).turned("x", 30)


def _bowling(kit: Kit) -> Solid:
    holes = [shapes.cylinder(0.035, 0.02, 16).moved(x, y, 0.482) for x, y in ((-0.06, 0.05), (0.06, 0.05), (0, -0.08))]
    return join(shapes.ball(0.5, 16), *(hole.painted("rubber", BLACK) for hole in holes)).turned("x", 35)


def _billiard(kit: Kit) -> Solid:
    line = [(0, 0.46), (0.2, 0.46), (0.2, 0.4615), (0.15, 0.48), (0.1, 0.49), (0.05, 0.5), (0, 0.5)]
    disc = shapes.lathe([(r, np.sqrt(0.502**2 - r * r) if k > 1 else 0.44) for k, (r, _) in enumerate(line)], 32)
    bar = shapes.cylinder(0.03, 0.03, 12).scaled(0.9, 3.2, 1).moved(z=0.475)
    return join(shapes.ball(0.5, 16), disc.painted("", WHITE), bar.painted("", BLACK)).turned("x", 50)


def _globe(kit: Kit) -> Solid:
    """Blue, with land of its seed's own."""
    waves = kit.rng.normal(size=(24, 3)) * np.repeat([2.0, 3.5, 7.0], 8)[:, None]
    phase, weight = kit.rng.uniform(0, 2 * np.pi, 24), np.repeat([1.0, 0.6, 0.25], 8)
    skins = [Skin("", (0.1, 0.3, 0.6)), Skin("", (0.25, 0.5, 0.2)), Skin("", (0.85, 0.75, 0.5)), Skin("", WHITE)]

    def land(at: Floats, _: int) -> int:
        up = at / np.linalg.norm(at)
        high = float(weight @ np.sin(waves @ up + phase))
        return 3 if abs(up[2]) > 0.93 else 0 if high < 0.8 else 2 if high > 2.6 else 1

    return shapes.ball(0.5, 30).patterned(skins, land)


def _football(kit: Kit, steps: int = 4) -> Solid:
    """Of 12 black and 20 white panels: a truncated icosahedron blown up, its seams sunk in."""
    gold = (1 + 5**0.5) / 2
    corners = [(0, a, b * gold) for a in (-1, 1) for b in (-1, 1)]
    tips = np.array([np.roll(each, k) for each in corners for k in range(3)]) / np.hypot(1, gold)
    near = {(i, j) for i, j in itertools.permutations(range(12), 2) if tips[i] @ tips[j] > 0.4}
    cut = {(i, j): (2 * tips[i] + tips[j]) / 3 for i, j in near}
    panels = [np.array([cut[i, j] for j in range(12) if (i, j) in near]) for i in range(12)]
    for i, j, k in itertools.combinations(range(12), 3):
        if {(i, j), (j, k), (i, k)} <= near:
            panels.append(np.array([cut[pair] for pair in itertools.permutations((i, j, k), 2)]))
    points: dict[tuple[float, ...], int] = {}
    faces: list[tuple[int, ...]] = []
    uv: list[tuple[float, float]] = []
    skin: list[int] = []
    for number, panel in enumerate(panels):
        for grid, flat in _patches(panel, steps):
            index = [[points.setdefault(tuple(p.round(6)), len(points)) for p in row] for row in grid]
            for a, b in itertools.product(range(steps), repeat=2):
                four = ((a, b), (a + 1, b), (a + 1, b + 1), (a, b + 1))
                faces.append(tuple(index[p][q] for p, q in four))
                uv += [tuple(flat[p][q]) for p, q in four]
                skin.append(int(number < 12))
    made = Solid(np.array(list(points)), tuple(faces), np.array(uv), (_white(kit), Skin("plastic", BLACK)), tuple(skin))
    return made.turned("x", 15)


def _white(kit: Kit) -> Skin:
    """White, or the colour that was asked."""
    return Skin("plastic", WHITE) if usual(kit, WHITE, "leather", "rubber", "plastic") else Skin()


def _patches(panel: Floats, steps: int) -> Iterator[tuple[Floats, Floats]]:
    """A quad of each corner of a panel: points (steps + 1, steps + 1, 3) on the ball and their places in the plane."""
    middle = panel.mean(axis=0)
    out = middle / np.linalg.norm(middle)
    east = np.cross(out, (0.3, 0.5, 0.8))
    east /= np.linalg.norm(east)
    north = np.cross(out, east)
    around = sorted(panel, key=lambda p: np.arctan2((p - middle) @ north, (p - middle) @ east))
    share = np.linspace(0, 1, steps + 1)
    for before, here, after in zip(around[-1:] + around[:-1], around, around[1:] + around[:1], strict=True):
        u, v = share[:, None, None], share[None, :, None]
        first, last = (before + here) / 2, (here + after) / 2
        flat = (1 - u) * (1 - v) * middle + u * (1 - v) * first + u * v * here + (1 - u) * v * last
        rim = np.maximum(u, v) > 1 - 1e-9
        grid = flat / np.linalg.norm(flat, axis=-1, keepdims=True) * np.where(rim, 0.484, 0.5)
        yield grid, np.stack([flat @ east, flat @ north], axis=-1) / 2


@builds
def apple(kit: Kit) -> Prop:
    """With a dent, a stem and a leaf; an orange where that is said."""
    if said(kit, "orange") and not said(kit, "apple"):
        skin = shapes.ball(0.5, 14).painted("", (0.95, 0.5, 0.08))
        star = shapes.cylinder(0.05, 0.02, 5, 0.004).moved(z=0.487).painted("leaf")
        return Prop([part(kit, "orange", fit(join(skin, star), kit.size), _round(kit), sharp=60)])
    wide = 1 + kit.rng.uniform(-0.04, 0.04)
    side = [(0.0, 0.1), (0.08, 0.06), (0.2, 0.0), (0.34, 0.13), (0.47 * wide, 0.38), (0.5 * wide, 0.6), (0.43, 0.82)]
    line = shapes.curve([*side, (0.28, 0.93), (0.14, 0.9), (0.05, 0.8), (0.0, 0.77)], 4)
    body = shapes.lathe([(max(r, 0), z) for r, z in line], 32)
    bumps = kit.rng.uniform(0, 2 * np.pi)

    def lobed(points: Floats) -> Floats:
        turn = np.arctan2(points[:, 1], points[:, 0])
        lobes = 1 + 0.025 * np.cos(5 * turn + bumps) * np.clip(1 - points[:, 2:].ravel(), 0, 1)
        out: Floats = points * np.stack([lobes, lobes, np.ones_like(lobes)], axis=1)
        return out

    lean = kit.rng.uniform(-0.08, 0.08)
    stem = shapes.tube(
        shapes.curve([(0, 0, 0.74), (0.01, 0, 0.9), (lean, 0.03, 1.05)]), np.linspace(0.016, 0.026, 13), 8
    )
    leaf = shapes.extrude(_leaf(), 0.006).shaped(lambda p: p - np.outer(0.9 * p[:, 0] ** 2 - 0.3 * p[:, 0], (0, 0, 1)))
    leaf = leaf.turned("z", 20).moved(lean * 0.6, 0.02, 0.94).painted("leaf")
    return Prop([part(kit, "apple", fit(join(body.shaped(lobed), stem.painted("bark"), leaf), kit.size), "hull")])


def _leaf() -> Floats:
    x = np.linspace(0, 0.36, 9)
    y = 0.09 * np.sin(np.pi * (x / 0.36) ** 0.75)
    return np.concatenate([np.stack([x, -y], axis=1), np.stack([x, y], axis=1)[-2:0:-1]])


@builds
def egg(kit: Kit) -> Prop:
    """Hügelschäffer's curve: an ellipse that is thicker below."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 21)
    line = [(0.5 * np.cos(a) * (1 - 0.13 * np.sin(a)), 0.5 + 0.5 * np.sin(a)) for a in turn]
    line[0], line[-1] = (0.0, 0.0), (0.0, 1.0)
    return Prop([part(kit, "egg", fit(shapes.lathe(line, 28), kit.size), "hull")])


@builds
def balloon(kit: Kit) -> Prop:
    """With its knot below."""
    side = [(0, 0.13), (0.03, 0.135), (0.12, 0.22), (0.3, 0.42), (0.44, 0.68), (0.46, 0.9), (0.36, 1.1), (0.18, 1.22)]
    line = shapes.curve([*side, (0.0, 1.25)], 4)
    body = shapes.lathe([(max(r, 0), z) for r, z in line], 32)
    lip = shapes.lathe([(0, 0.13), (0.02, 0.12), (0.016, 0.09), (0.055, 0.03), (0.05, 0.02), (0.0, 0.06)][::-1], 16)
    knot = shapes.torus(0.02, 0.016, 16, 8).moved(z=0.115)
    return Prop([part(kit, "balloon", fit(join(body, lip, knot), kit.size), "hull", sharp=60)])
