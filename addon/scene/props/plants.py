# SPDX-License-Identifier: GPL-3.0-or-later
"""What grows: tree, fir, palm, flower, cactus."""

from __future__ import annotations

import itertools

import numpy as np

from .jointed import bar, filled, hue, metric
from .prop import Kit, Prop, builds
from .shapes import ball, curve, cylinder, extrude, lathe, ring, sheet, tube
from .skins import said
from .solid import Floats, Solid, join


def lumpy(solid: Solid, rng: np.random.Generator, depth: float, waves: float = 3.0) -> Solid:
    """Its points moved to and from the origin by smooth chance, as a share of their distance."""
    ways, phases = rng.normal(size=(8, 3)) * waves, rng.uniform(0, 2 * np.pi, 8)

    def moved(points: Floats) -> Floats:
        away = np.linalg.norm(points, axis=1, keepdims=True)
        on = points / np.maximum(away, 1e-9)
        out: Floats = points * (1 + 2 * depth * np.sin(on @ ways.T + phases).mean(axis=1, keepdims=True))
        return out

    return solid.shaped(moved)


def _cores(line: Floats, radii: Floats) -> list[Solid]:
    """Straight bars inside of a bent stem, for what hits it."""
    return [tube([a, b], [r, s], 8) for (a, r), (b, s) in itertools.pairwise(zip(line, radii, strict=True))]


def _foliage(rng: np.random.Generator, radius: float) -> Solid:
    return lumpy(lumpy(ball(radius, 8), rng, 0.16, 2.5), rng, 0.12, 9.0).painted("leaf")


@builds
def tree(kit: Kit) -> Prop:
    """A trunk with roots, branches and clouds of leaves; a birch is slim and white."""
    rng = kit.rng
    lean = rng.normal(0, 0.05, (4, 2))
    slim = 0.6 if said(kit, "birch") else 1.0
    line = curve([(0, 0, 0), (*lean[0], 0.7), (*lean[1], 1.3), (*lean[2] * 2, 2.0), (*lean[3] * 2, 2.7)], 5)
    radii = slim * np.interp(line[:, 2], [0, 0.12, 0.35, 1.4, 2.7], [0.3, 0.2, 0.15, 0.11, 0.04])
    few = [0, 5, 10, 15, len(line) - 1]
    parts, cores = [tube(line, radii, 14)], _cores(line[few], 0.85 * radii[few].clip(0, 0.2 * slim))
    for k in range(5):
        way = np.array([np.cos(2 * np.pi * k / 5 + 0.4), np.sin(2 * np.pi * k / 5 + 0.4), 0])
        parts.append(tube([0.1 * slim * way + (0, 0, 0.16), 0.36 * slim * way + (0, 0, -0.02)], [0.09 * slim, 0.03], 8))
    clouds = [_foliage(rng, 0.62).moved(*line[-1]), _foliage(rng, 0.7).moved(*(line[-1] + (0, 0, 0.4)))]
    count = 9
    for k in range(count):
        turn = 2.4 * k + rng.uniform(-0.3, 0.3)
        start = line[int(len(line) * rng.uniform(0.5, 0.85))]
        reach = rng.uniform(0.75, 1.05)
        end = np.array([reach * np.cos(turn), reach * np.sin(turn), start[2] + rng.uniform(0.25, 0.9)])
        middle = (start + end) / 2 + (0, 0, 0.05)
        parts.append(tube(curve([start, middle, end], 3), np.linspace(0.07, 0.025, 7) * slim, 8))
        cores.append(bar(start, middle, 0.05 * slim, 6))
        clouds.append(_foliage(rng, rng.uniform(0.42, 0.6)).moved(*end))
    bark = join(*parts)
    bark = bark.painted("birch", (0.88, 0.87, 0.83)) if slim < 1 else bark
    trunk = bark.shaped(lambda points: np.column_stack([points[:, :2], np.maximum(points[:, 2], 0)]))
    return Prop([filled(kit, "tree", join(*cores), join(trunk, *clouds), still=True)])


@builds
def fir(kit: Kit) -> Prop:
    """Tiers of drooping branches around a trunk; for Christmas with balls and a star."""
    rng = kit.rng
    tiers, count = [], 7
    for k in range(count):
        t = k / (count - 1)
        low, radius = 0.45 + 2.1 * t, 0.95 * (1 - t) + 0.22
        tall = 0.75 - 0.25 * t
        sides = 22
        line = [
            (0, 0.1 * tall),
            (0.8 * radius, 0.02),
            (radius, 0),
            (0.62 * radius, 0.3 * tall),
            (0.25 * radius, 0.75 * tall),
            (0, tall),
        ]
        made = lathe(line, sides)
        wave = rng.uniform(0.85, 1.05, sides) * np.where(np.arange(sides) % 2, 0.8, 1.06)

        def ragged(points: Floats, wave: Floats = wave, radius: float = radius) -> Floats:
            away = np.linalg.norm(points[:, :2], axis=1)
            turn = np.round((np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)) * len(wave) / (2 * np.pi)).astype(
                int
            )
            share = (away / radius) ** 2
            by = 1 + (wave[turn % len(wave)] - 1) * share
            drop = 0.16 * (wave[turn % len(wave)] - 0.9) * share
            return np.column_stack([points[:, :2] * by[:, None], points[:, 2] - drop])

        tiers.append(made.shaped(ragged).turned("z", float(rng.uniform(0, 360))).moved(z=low))
    green = join(*tiers).painted("leaf", (0.07, 0.24, 0.1))
    trunk = cylinder(0.13, 2.4, 14, top=0.04)
    extra = []
    if said(kit, "christmas", "decorated"):
        colors = [(0.8, 0.08, 0.08), (0.9, 0.68, 0.15), (0.15, 0.3, 0.8)]
        for k in range(30):
            t, turn = (k + 0.5) / 30, 2.4 * k
            radius, z = 0.86 * (1 - t) + 0.24, 0.5 + 2.1 * t
            extra.append(
                ball(0.06, 5).moved(radius * np.cos(turn), radius * np.sin(turn), z).painted("glass", colors[k % 3])
            )
        extra.append(star(0.2, 0.06).turned("x", 90).moved(0, 0.03, 3.12).painted("gold"))
    return Prop([filled(kit, "fir", trunk, join(green, *extra), still=True)])


def star(radius: float, thick: float) -> Solid:
    """With five points, lying."""
    line = ring(10, radius, 90)
    line[1::2] *= 0.45
    return extrude(line, thick)


@builds
def palm(kit: Kit) -> Prop:
    """A bent trunk with rings, nine fronds and three coconuts."""
    rng = kit.rng
    line = curve([(0, 0, 0), (0.06, 0, 0.9), (0.22, 0, 1.8), (0.5, 0, 2.7)], 8)
    radii = np.interp(np.arange(len(line)), [0, 3, len(line)], [0.17, 0.12, 0.08]) * np.where(
        np.arange(len(line)) % 2, 0.9, 1.06
    )
    trunk = tube(line, radii, 14)
    top, fronds = line[-1], []
    for k in range(9):
        reach, lift = rng.uniform(1.0, 1.25), rng.uniform(0.15, 0.5)
        blade = sheet(1.0, 1.0, 14, 6).moved(x=0.5)

        def bent(points: Floats, reach: float = reach, lift: float = lift) -> Floats:
            t, s = points[:, 0], points[:, 1] * 2
            notch = 1 - 0.35 * (np.round(t * 14) % 2) * (np.abs(s) > 0.9)
            wide = 0.26 * np.sin(np.pi * np.clip(t * 0.92 + 0.06, 0, 1)) ** 0.8 * notch
            z = lift * np.sin(2.6 * t) - 0.75 * t**2.2 - 0.14 * np.abs(s) * np.sin(np.pi * t)
            return np.column_stack([reach * t, wide * s, z])

        made = _thick(blade.shaped(bent), 0.012).turned("z", 40 * k + float(rng.uniform(-8, 8)))
        fronds.append(made.moved(*top))
    nuts = [ball(0.1, 6).moved(*(top + 0.14 * np.array([np.cos(a), np.sin(a), -0.6]))) for a in (0.5, 2.6, 4.7)]
    leaves = join(*fronds).painted("leaf")
    cores = _cores(line[::8], 0.8 * radii[::8])
    return Prop([filled(kit, "palm", join(*cores, *nuts), join(trunk, leaves), still=True)])


def _thick(flat: Solid, by: float) -> Solid:
    """An open sheet made a closed body, `by` thick downwards."""
    count = len(flat.vertices)
    edges: dict[tuple[int, int], None] = {}
    for face in flat.faces:
        for a, b in zip(face, (*face[1:], face[0]), strict=True):
            if (b, a) in edges:
                del edges[(b, a)]
            else:
                edges[(a, b)] = None
    rim = tuple((b, a, a + count, b + count) for a, b in edges)
    under = flat.flipped()
    low = tuple(tuple(k + count for k in face) for face in under.faces)
    uv = np.concatenate([flat.uv, under.uv, np.zeros((4 * len(rim), 2))])
    points = np.concatenate([flat.vertices, flat.vertices - (0, 0, by)])
    return Solid(points, (*flat.faces, *low, *rim), uv, flat.skins)


def _petal(long: float, wide: float, cup: float) -> Solid:
    """Along +X from the origin; its tip rises by `cup` of its length."""
    blade = sheet(1.0, 1.0, 6, 4).moved(x=0.5)

    def bent(points: Floats) -> Floats:
        t, s = points[:, 0], points[:, 1]
        across = wide * (np.sin(np.pi * np.clip(0.08 + 0.86 * t, 0, 1)) ** 0.7)
        return np.column_stack([long * t, across * s, cup * long * t**2 + 0.35 * wide * (s**2) * 4 * t * 0.5])

    return _thick(blade.shaped(bent), 0.03 * long)


@builds
def flower(kit: Kit) -> Prop:
    """A daisy, or the tulip, rose or sunflower that was said."""
    rng = kit.rng
    stem = tube(curve([(0, 0, 0), (0.08, 0, 0.8), (0, 0, 1.7)], 5), 0.04, 8).painted("leaf")
    leaf = [
        _petal(0.6, 0.2, 0.5).turned("z", turn).moved(0.05, 0, z).painted("leaf")
        for turn, z in ((20, 0.35), (200, 0.6))
    ]
    petals: list[Solid] = []
    if said(kit, "tulip"):
        for k in range(6):
            one = _petal(0.62, 0.42, 0.12).turned("y", -74 + 6 * (k % 2)).turned("z", 60 * k)
            petals.append(
                hue(
                    kit, one.moved(0.06 * np.cos(np.pi * k / 3), 0.06 * np.sin(np.pi * k / 3), 1.68), (0.85, 0.12, 0.12)
                )
            )
    elif said(kit, "rose"):
        for k in range(16):
            t = k / 15
            one = _petal(0.36 + 0.12 * t, 0.34 + 0.2 * t, 0.25).turned("y", -86 + 50 * t).turned("z", 137.5 * k)
            petals.append(hue(kit, one.moved(0, 0, 1.7 + 0.05 * (1 - t)), (0.72, 0.05, 0.1)))
    else:
        sun = said(kit, "sunflower")
        count, color = (22, (0.95, 0.7, 0.08)) if sun else (14, (0.96, 0.95, 0.93))
        for k in range(count):
            one = _petal(0.5, 0.17, float(rng.uniform(0.05, 0.25))).moved(0.1).turned("z", 360 * k / count)
            petals.append(hue(kit, one.moved(z=0.012 * (k % 2)), color))
        eye = ball(0.24 if sun else 0.17, 7).scaled(1, 1, 0.45).moved(z=0.03)
        petals.append(eye.painted("felt", (0.28, 0.16, 0.07) if sun else (0.95, 0.75, 0.1)))
        petals = [join(*petals).turned("x", 38).moved(z=1.72)]
    return Prop([filled(kit, "flower", stem, metric(join(*leaf, *petals)), still=True)])


def _ribbed(path: Floats, radii: Floats, ribs: int = 12) -> Solid:
    made = tube(path, radii, 2 * ribs)
    rings = made.vertices.reshape(len(path), 2 * ribs, 3)
    middle = rings.mean(axis=1, keepdims=True)
    deep = np.where(np.arange(2 * ribs) % 2, 0.84, 1.0)[None, :, None]
    points = (middle + (rings - middle) * deep).reshape(-1, 3)
    return made.shaped(lambda _: points)


@builds
def cactus(kit: Kit) -> Prop:
    """Ribbed, with two arms that bend up and a flower."""
    rng = kit.rng

    def stalk(points: list[tuple[float, float, float]], radius: float) -> Solid:
        line = curve(points, 6)
        away = np.linalg.norm(np.diff(line, axis=0), axis=1)[::-1].cumsum()[::-1]
        left = np.append(away, 0.0)
        dome = np.sqrt(np.clip(1 - (1 - np.minimum(left / radius, 1)) ** 2, 0.02, 1))
        return _ribbed(line, radius * dome)

    high, low = rng.uniform(0.55, 0.75), rng.uniform(0.35, 0.5)
    body = stalk([(0, 0, 0), (0, 0, 0.6), (0, 0, 1.2), (0, 0, 1.5), (0, 0, 1.6)], 0.2)
    right = stalk(
        [(0.1, 0, low), (0.36, 0, low + 0.04), (0.44, 0, low + 0.25), (0.44, 0, low + 0.6), (0.44, 0, low + 0.7)], 0.1
    )
    left = stalk([(-0.1, 0, high), (-0.34, 0, high + 0.03), (-0.42, 0, high + 0.2), (-0.42, 0, high + 0.45)], 0.09)
    bloom = [_petal(0.15, 0.09, 0.6).turned("z", 60 * k).moved(z=1.57) for k in range(6)]
    green = hue(kit, join(body, right, left), (0.2, 0.42, 0.2), "leaf")
    arms = [bar((0, 0, z), (x, 0, z + 0.03), r, 8) for x, z, r in ((0.4, low, 0.08), (-0.38, high, 0.07))]
    tips = [bar((x, 0, z), (x, 0, z + h), r, 8) for x, z, h, r in ((0.44, low, 0.6, 0.08), (-0.42, high, 0.36, 0.07))]
    core = join(bar((0, 0, 0), (0, 0, 1.5), 0.16, 12), *arms, *tips)
    seen = join(green, join(*bloom).painted("silk", (0.9, 0.3, 0.5)))
    return Prop([filled(kit, "cactus", core, seen, still=True)])
