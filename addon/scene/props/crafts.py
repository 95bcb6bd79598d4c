# SPDX-License-Identifier: GPL-3.0-or-later
"""What floats and flies: boat, raft, lifebuoy, plane, rocket. Boat and plane head to the right (+X)."""

from __future__ import annotations

import itertools

import numpy as np

from .jointed import bar, compound, filled, hue, mirrored
from .prop import Joint, Kit, Prop, builds
from .shapes import ball, box, curve, cylinder, extrude, lathe, torus, tube
from .skins import usual
from .solid import Floats, Skin, Solid, fit, join, part
from .vehicles import DARK, GLASS, loft, squircle


def _sail(corners: list[tuple[float, float]], belly: float) -> Solid:
    """A triangle (3, 2) in X and Z, blown to -Y by `belly`."""
    a, b, c = (np.array(each, float) for each in corners)
    steps = 8
    rows = []
    for side in (0.0, 0.012):
        for v in np.linspace(0, 1, steps + 1):
            for u in np.linspace(0, 1, steps + 1):
                at = (a * (1 - u) + b * u) * (1 - 0.985 * v) + c * 0.985 * v
                out = -belly * np.sin(np.pi * u) * np.sin(np.pi * (0.15 + 0.85 * (1 - v))) * (1 - 0.4 * v)
                rows.append((at[0], out + side, at[1]))
    n, half = steps + 1, (steps + 1) ** 2
    quads = [
        (j * n + i, j * n + i + 1, (j + 1) * n + i + 1, (j + 1) * n + i) for j in range(steps) for i in range(steps)
    ]
    back = [tuple(half + k for k in face[::-1]) for face in quads]
    loop = [
        *range(n),
        *(k * n + n - 1 for k in range(1, n)),
        *(half - 2 - k for k in range(n - 1)),
        *((n - 1 - k) * n for k in range(1, n - 1)),
    ]
    rim = [(y, x, x + half, y + half) for x, y in zip(loop, (*loop[1:], loop[0]), strict=True)]
    faces = (*quads, *back, *rim)
    points = np.array(rows)
    uv = np.array([points[k][[0, 2]] for face in faces for k in face])
    made = Solid(points, faces, uv)
    return made if (c[1] > a[1]) == (b[0] > a[0]) else made.flipped()


def _stations(steps: int = 15) -> list[Floats]:
    """The outside of a hull, 4 m long, from the stern to the bow: from gunwale to gunwale over the keel."""
    rings = []
    for x, low, top, across in (
        (-1.0, 0.16, 0.62, 0.6), (-0.8, 0.06, 0.58, 0.78), (-0.4, 0.0, 0.55, 0.94), (0.0, 0.0, 0.55, 1.0),
        (0.35, 0.01, 0.58, 0.93), (0.65, 0.06, 0.63, 0.7), (0.87, 0.18, 0.68, 0.37), (0.97, 0.36, 0.72, 0.14),
        (1.0, 0.5, 0.735, 0.05),
    ):  # fmt: skip
        t = np.linspace(-1, 1, steps)
        y = across * np.sign(t) * np.abs(t) ** 0.55
        rings.append(np.column_stack([np.full(steps, x), y, low + (top - low) * np.abs(t) ** 2.4]) * [2.0, 0.78, 1.0])
    return rings


@builds
def rowboat(kit: Kit) -> Prop:
    """Open, with three benches and two oars."""
    outer = _stations()
    shell = [
        np.concatenate([each, (each * [1, 0.92, 1] + [0, 0, 0.045 * (k > 0)])[::-1]]) for k, each in enumerate(outer)
    ]
    spars = [
        bar(one[at] + [0, 0, lift], two[at] + [0, 0, lift], radius, 8)
        for at, lift, radius in ((0, 0, 0.035), (14, 0, 0.035), (3, 0, 0.022), (11, 0, 0.022), (7, 0.015, 0.03))
        for one, two in itertools.pairwise(outer)
    ]
    floor = box(2.6, 0.8, 0.03).moved(-0.2, 0, 0.12)
    stern = extrude([(y, z) for _, y, z in outer[0]], 0.06).turned("x", 90).turned("z", 90).moved(-2.0)
    benches = [
        box(0.24, 1.4 * across, 0.045).moved(x, 0, 0.36) for x, across in ((-0.95, 0.8), (0.0, 0.97), (0.85, 0.8))
    ]
    oar = join(
        bar((0.1, 0.1, 0.5), (-0.55, 1.25, 0.62), 0.028), box(0.16, 0.42, 0.025).turned("z", 30).moved(-0.6, 1.3, 0.61)
    )
    oars = mirrored(oar.scaled(1, 0.72, 1), "y").painted("beech")
    hit = join(*benches, floor, join(*spars).painted("oak"))
    return Prop([filled(kit, "rowboat", hit, join(loft(shell), stern, oars))])


@builds
def boat(kit: Kit) -> Prop:
    """A sailing boat with a cabin."""
    rings = _stations()
    hull = loft(rings)
    rail = [curve([each[end] for each in rings], 3) for end in (0, -1)]
    rails = [tube(line, 0.035, 8).painted("oak") for line in rail]
    stripe = [tube(curve([each[end] - [0, 0, 0.1] for each in rings], 3) * [1, 1.01, 1], 0.02, 6) for end in (0, -1)]
    stripes = join(*stripe).painted("plastic", (0.75, 0.1, 0.08))
    cabin = join(box(0.9, 0.8, 0.34, 0.06, 2).moved(-0.35, 0, 0.5), box(0.98, 0.88, 0.05, 0.02).moved(-0.35, 0, 0.83))
    cabin = cabin.painted("plastic", (0.93, 0.92, 0.88))
    ports = mirrored(
        join(*(cylinder(0.08, 0.04, 20).turned("x", 90).moved(x, -0.39, 0.68) for x in (-0.6, -0.35, -0.1))), "y"
    )
    mast = bar((0.3, 0, 0.5), (0.3, 0, 3.6), 0.04, 14).painted("oak")
    boom = bar((0.3, 0, 1.12), (-1.55, 0, 1.12), 0.03, 10).painted("oak")
    main = _sail([(0.24, 1.18), (-1.5, 1.18), (0.26, 3.5)], 0.16)
    jib = _sail([(1.85, 0.85), (0.42, 1.1), (0.34, 3.2)], 0.12)
    stay = [
        bar((0.3, 0, 3.55), end, 0.008, 5).painted("steel")
        for end in ((1.95, 0, 0.75), (-1.95, 0, 0.65), (0.2, 0.72, 0.6), (0.2, -0.72, 0.6))
    ]
    flag = _sail([(0.3, 3.42), (-0.05, 3.5), (0.3, 3.58)], 0.02).painted("nylon", (0.8, 0.1, 0.1))
    sails = join(main, jib).painted("canvas", (0.95, 0.93, 0.87))
    rudder = box(0.06, 0.04, 0.5).moved(-2.0, 0, 0.1).painted("oak")
    extra = join(*rails, stripes, ports.painted("glass", GLASS), mast, boom, sails, flag, *stay, rudder)
    return Prop([filled(kit, "boat", join(hull, cabin), extra)])


def _wing(span: float, root: float, tip: float, thick: float, rise: float = 0.0) -> Solid:
    """Across X = 0, `span` to each side, `root` and `tip` long; it `rises` outwards."""
    line = curve([(-0.5, 0.0), (0.0, 0.42), (0.42, 0.3), (0.5, 0.0), (0.42, -0.18), (0.0, -0.2)], 3, closed=True)[::-1]
    sections = []
    for y, c in ((-span, tip), (0.0, root), (span, tip)):
        up = line[:, 1] * thick * c / root + rise * abs(y)
        sections.append(np.column_stack([line[:, 0] * c, np.full(len(line), y), up]))
    return loft(sections)


def _airframe(wide: float, deep: float, high: float, axis: float, radius: float) -> Solid:
    """Hull, wings, tail and cowl of a plane."""
    half, rings = wide / 2, []
    for at, size, lift in (
        (-0.98, 0.12, 0.12), (-0.6, 0.45, 0.06), (-0.1, 0.85, 0.0), (0.25, 1.0, 0.0), (0.6, 0.95, 0.0),
        (0.85, 0.75, 0.0), (0.9, 0.6, 0.0),
    ):  # fmt: skip
        flat = squircle((size * radius, size * radius), 2.6, 24)
        rings.append(np.column_stack([np.full(24, at * half), flat[:, 0], flat[:, 1] + axis + lift * high]))
    wings = _wing(deep / 2, 0.3 * wide, 0.19 * wide, 0.09 * high, 0.03).moved(0.14 * wide, 0, axis - 0.14 * high)
    tail = _wing(0.2 * deep, 0.16 * wide, 0.09 * wide, 0.035 * high).moved(-0.415 * wide, 0, axis + 0.15 * high)
    edge = [(-0.5, axis + 0.12 * high), (-0.33, axis + 0.15 * high), (-0.43, high), (-0.5, high)]
    fin = extrude([(x * wide, z) for x, z in edge], 0.02 * deep).turned("x", 90).moved(y=0.01 * deep)
    cowl = lathe([(0, 0), (0.7 * radius, 0), (0.6 * radius, 0.05 * wide), (0, 0.05 * wide)], 28).turned("y", 90)
    pale = join(wings, tail, fin).painted("", (0.93, 0.93, 0.9))
    return join(loft(rings), pale, cowl.moved(0.44 * wide, 0, axis).painted("aluminium"))


@builds
def raft(kit: Kit) -> Prop:
    """Logs along X side by side, two beams across, lashed."""
    count, length = 8, 4.4
    logs = []
    for k in range(count):
        r, out = 0.2 * float(kit.rng.uniform(0.9, 1.0)), float(kit.rng.uniform(-0.12, 0.12))
        log = cylinder(r, length - abs(2 * out), 18, 0.03).turned("y", 90).moved(out + abs(out) - length / 2, z=0.2)
        logs.append(log.moved(y=0.4 * (k - (count - 1) / 2)).grained(*kit.rng.uniform(-9, 9, 2)))
    beam = cylinder(0.09, 3.3, 14, 0.02).turned("x", 90).moved(0, 1.65, 0.45)
    beams = [beam.moved(x) for x in (-1.5, 1.5)]
    knots = [torus(0.13, 0.03, 18, 8).turned("y", 90).moved(x + side, 0.4 * (k - (count - 1) / 2), 0.43)
             for x in (-1.5, 1.5) for k in range(count) for side in (-0.06, 0.06)]  # fmt: skip
    return Prop([filled(kit, "raft", join(*logs, *beams), join(*knots).painted("hemp"))])


@builds
def lifebuoy(kit: Kit) -> Prop:
    """Flatter than round, white with four red bands, a line slack between them."""
    skins = [Skin("plastic", usual(kit, (0.93, 0.92, 0.9))), Skin("plastic", (0.8, 0.07, 0.05))]
    body = torus(0.36, 0.14, 72, 16).scaled(1, 1, 0.75)
    body = body.patterned(skins, lambda at, _: int(abs(np.degrees(np.arctan2(at[1], at[0])) % 90 - 45) < 13))
    turn = np.radians(np.linspace(0, 90, 13) + 45)
    far = 0.505 + 0.02 * np.sin(np.linspace(0, np.pi, 13))
    line = tube(np.stack([far * np.cos(turn), far * np.sin(turn), 0 * turn], axis=1), 0.012, 6).painted("hemp")
    made = join(body, *(line.turned("z", 90 * k) for k in range(4)))
    return Prop([part(kit, "lifebuoy", fit(made, kit.size), "mesh")])


@builds
def plane(kit: Kit) -> Prop:
    """With a propeller, which turns about X, on three wheels."""
    wide, deep, high = kit.size
    axis, radius, nose = 0.5 * high, 0.25 * high, 0.49 * wide
    dome = ball(1.0, 8).scaled(0.13 * wide, 0.6 * radius, 0.2 * high).moved(0.06 * wide, 0, axis + 0.2 * high)
    wheels = []
    for x, y, r in (
        (0.24 * wide, 0.14, 0.11 * high),
        (0.24 * wide, -0.14, 0.11 * high),
        (-0.42 * wide, 0.0, 0.06 * high),
    ):
        up = (x, 0.5 * y * deep, axis - 0.1 * high if y else axis + 0.05 * high)
        wheels.append(torus(0.7 * r, 0.3 * r, 24, 8).turned("x", 90).moved(x, y * deep, r).painted("rubber", DARK))
        wheels.append(bar((x, y * deep, r), up, 0.02 * high, 8).painted("steel"))
    body = _airframe(wide, deep, high, axis, radius)
    base = compound(kit, "plane", body, join(dome.painted("glass", GLASS), *wheels))
    blade = box(0.012 * wide, 0.05 * deep, 0.42 * high, 0.004 * wide).turned("z", 25)
    cap = lathe([(0, 0), (0.28 * radius, 0), (0.2 * radius, 0.02 * wide), (0, 0.04 * wide)], 20).turned("y", 90)
    blades = join(blade, blade.turned("x", 180)).painted("oak")
    turn = join(blades, cap.moved(-0.012 * wide).painted("", (0.75, 0.1, 0.08))).turned("x", 30)
    screw = part(kit, "propeller", turn.moved(nose - 0.02 * wide, 0, axis), "hull")
    return Prop([base, screw], [Joint("hinge", "propeller", "plane", (nose, 0.0, axis), (1.0, 0.0, 0.0))])


@builds
def rocket(kit: Kit) -> Prop:
    """Upright on three fins, with a round window."""
    line = curve([(0.36, 0.0), (0.5, 0.5), (0.56, 1.1), (0.5, 1.8), (0.36, 2.3), (0.16, 2.65), (0.0, 2.85)], 5).clip(
        0, None
    )
    body = lathe([(0, 0), *map(tuple, line)], 40).moved(z=0.45)
    shade = body.patterned([Skin("plastic", (0.93, 0.93, 0.92)), Skin("", None)], lambda at, _: int(at[2] > 2.45))
    fin = extrude(
        [(0.3, 0.75), (0.42, 1.5), (0.8, 0.85), (0.95, 0.0), (0.8, 0.0), (0.62, 0.45), (0.3, 0.55)][::-1], 0.09, 0.02
    )
    fin = fin.turned("x", 90).moved(y=0.045)
    fins = [hue(kit, fin.turned("z", 30 + 120 * k), (0.75, 0.09, 0.07)) for k in range(3)]
    bell = lathe([(0, 0.18), (0.3, 0.18), (0.2, 0.5), (0, 0.5)], 28).painted("steel", (0.3, 0.3, 0.32))
    window = cylinder(0.19, 0.1, 28).turned("x", 90).moved(0, -0.49, 1.75).painted("glass", (0.15, 0.4, 0.6))
    frame = torus(0.2, 0.04, 28, 8).turned("x", 90).moved(0, -0.57, 1.75).painted("steel")
    band = torus(0.525, 0.03, 40, 6).moved(z=1.0).painted("steel")
    return Prop([filled(kit, "rocket", join(shade, *fins), join(bell, window, frame, band))])
