# SPDX-License-Identifier: GPL-3.0-or-later
"""What things roll down, go over and fall through: ramp, staircase, bridge, fence, pole, funnel, slide."""

from __future__ import annotations

import itertools

import numpy as np

from .jointed import bar, beam, compound, mirrored
from .prop import Kit, Prop, builds
from .shapes import ball, box, extrude, lathe, torus
from .solid import fit, join, part


@builds
def ramp(kit: Kit) -> Prop:
    """A wedge of boards, high at the left: things roll down to the right. Its hull is its true plane."""
    wide, deep, high = kit.size
    lip = 0.004 * high
    slope = np.hypot(wide, high)
    count = max(4, round(slope / 0.15))
    cut = 0.03 / count
    top = [(wide / 2, lip)]
    for k in range(1, count):
        for t, down in ((k / count - cut / 2, 0), (k / count, 0.006 * high), (k / count + cut / 2, 0)):
            top.append((wide / 2 - t * wide, lip + t * (high - lip) - down))
    outline = [(-wide / 2, 0), (wide / 2, 0), *top, (-wide / 2, high)]
    wedge = extrude(outline, deep).turned("x", 90).moved(y=deep / 2)
    return Prop([part(kit, "ramp", wedge, "hull", still=True)])


@builds
def staircase(kit: Kit) -> Prop:
    """It goes up from the front to the back: treads with noses, risers and two stringers."""
    wide, deep, high = kit.size
    count = max(2, round(high / 0.19))
    rise, run, side = high / count, deep / count, 0.04 * wide
    tread, nose = 0.18 * rise, 0.08 * run
    across = wide - 2 * side
    steps = []
    for k in range(count):
        y, z = k * run - deep / 2, (k + 1) * rise
        steps.append(
            box(wide, run + (nose if k else 0), tread, 0.3 * tread).moved(
                0, y + run / 2 - (nose if k else 0) / 2, z - tread
            )
        )
        steps.append(box(across, 0.12 * run, rise - tread).moved(0, y + 0.07 * run, k * rise))
    back = box(across, 0.06 * run, high - tread).moved(0, deep / 2 - 0.03 * run, 0)
    teeth = [(-deep / 2 + 0.03 * run, 0), (deep / 2, 0), (deep / 2, high - tread)]
    for k in range(count - 1, -1, -1):
        teeth += [(k * run - deep / 2 + 0.03 * run, (k + 1) * rise - tread)]
        teeth += [(k * run - deep / 2 + 0.03 * run, k * rise - tread)] if k else []
    stringer = extrude(teeth, side).turned("x", 90).turned("z", 90).moved(wide / 2 - side)
    return Prop([compound(kit, "staircase", join(*steps, back), mirrored(stringer), still=True)])


@builds
def bridge(kit: Kit) -> Prop:
    """It rises over its middle from the left to the right: planks on two beams, with a railing at each side."""
    wide, deep, high = kit.size
    rail, rise, plank = 0.55 * high, 0.36 * high, 0.05 * high
    count = max(8, round(wide / 0.16))

    def up(x: float) -> float:
        return float(rise * (1 - (2 * x / wide) ** 2))

    xs = np.linspace(-wide / 2, wide / 2, count + 1)
    planks, beams = [], []
    for a, b in itertools.pairwise(xs):
        start, end = np.array([a, 0, up(a) + plank / 2]), np.array([b, 0, up(b) + plank / 2])
        planks.append(beam(start + 0.02 * (end - start), end - 0.02 * (end - start), deep, plank, 0.1 * plank))
        mid = (up(a) + up(b)) / 2
        if mid > 0.02 * high:
            low = [(a, max(0.0, up(a) - 0.12 * high)), (b, max(0.0, up(b) - 0.12 * high)), (b, up(b)), (a, up(a))]
            beams.append(extrude(low, 0.05 * deep).turned("x", 90).moved(y=0.4 * deep))
    posts, rails = [], []
    tops = np.linspace(-0.485 * wide, 0.485 * wide, 7)
    thick = 0.06 * high
    for k, x in enumerate(tops):
        posts.append(box(thick, thick, rail, 0.15 * thick).moved(x, 0.5 * deep - thick / 2, up(x) + plank / 2))
        if k:
            for z, t in ((rail, 0.8), (0.55 * rail, 0.5)):
                a, b = tops[k - 1], x
                line = (
                    (a, 0.5 * deep - thick / 2, up(a) + plank + z - thick),
                    (b, 0.5 * deep - thick / 2, up(b) + plank + z - thick),
                )
                rails.append(beam(*line, t * thick, t * thick, 0.1 * thick))
    whole = join(*planks, mirrored(join(*beams, *posts, *rails), "y"))
    return Prop([compound(kit, "bridge", fit(whole, kit.size), still=True)])


@builds
def fence(kit: Kit) -> Prop:
    """Pointed pickets before two rails, with a post at each end."""
    wide, deep, high = kit.size
    post = min(0.09 * high, deep)
    count = max(2, round(wide / 1.6)) + 1
    posts = [
        box(post, post, 0.94 * high, 0.1 * post).moved(x, deep / 2 - post / 2)
        for x in np.linspace(post / 2 - wide / 2, wide / 2 - post / 2, count)
    ]
    thick = 0.25 * deep
    rails = [box(wide - post, thick, 0.09 * high).moved(0, -0.5 * deep + 1.5 * thick, z * high) for z in (0.18, 0.68)]
    many = max(3, round(wide / 0.14))
    step = (wide - 1.5 * post) / many
    slat = 0.62 * step
    shape = [(-slat / 2, 0), (slat / 2, 0), (slat / 2, high - slat * 0.7), (0, high), (-slat / 2, high - slat * 0.7)]
    picket = extrude(shape, thick, 0.1 * thick).turned("x", 90).moved(0, -deep / 2 + thick, 0)
    pickets = []
    for k in range(many):
        tall = 1 - 0.025 * float(kit.rng.random()) if k else 1.0
        up = picket.scaled(1, 1, tall)
        pickets.append(up.moved((k - (many - 1) / 2) * step, 0, 0.03 * high if tall < 0.97 else 0.0))
    return Prop([compound(kit, "fence", fit(join(*posts, *rails, *pickets), kit.size), still=True)])


@builds
def pole(kit: Kit) -> Prop:
    """A slim post with a foot plate and a knob."""
    wide, deep, high = kit.size
    radius = min(wide, deep) / 2
    line = [(0, 0), (1, 0), (1, 0.25), (0.85, 0.5), (0.7, 0.8)]
    knob = 1.4 * radius
    shaft = [*((r * radius, z * radius) for r, z in line), (0.55 * radius, high - knob), (0, high - knob)]
    top = ball(knob / 2, 8).moved(z=high - knob / 2)
    collar = torus(0.55 * radius, 0.12 * radius, 28, 8).moved(z=high - knob)
    whole = fit(join(lathe(shaft, 32), top, collar), kit.size)
    return Prop([part(kit, "pole", whole, "cylinder", still=True)])


@builds
def funnel(kit: Kit) -> Prop:
    """Open at both ends, on three legs; what falls in comes out below."""
    wide, _, high = kit.size
    wall, spout = 0.015 * wide, 0.09 * wide
    radius = wide / 2 - 0.02 * wide
    outer = [(spout, 0.28 * high), (spout, 0.42 * high), (radius, 0.97 * high)]
    inner = [(radius - 1.4 * wall, 0.97 * high), (spout - wall, 0.42 * high + 0.3 * wall), (spout - wall, 0.28 * high)]
    cup = lathe([*outer, *inner], 48, closed=True)
    lip = torus(radius - 0.5 * wall, 0.02 * wide, 48, 8).moved(z=0.97 * high)
    hold = torus(0.36 * wide, 0.016 * wide, 40, 8).moved(z=0.78 * high)
    foot = bar((0.37 * wide, 0, 0.78 * high), (0.46 * wide, 0, 0), 0.016 * wide, 10)
    feet = [foot.turned("z", 30 + 120 * k) for k in range(3)]
    whole = fit(join(cup, lip, hold, *feet), kit.size)
    return Prop([part(kit, "funnel", whole, "mesh", still=True)])


@builds
def slide(kit: Kit) -> Prop:
    """A playground's, with a ladder at the left; things slide down to the right."""
    wide, deep, high = kit.size
    deck, start, end, low = 0.72 * high, -0.22 * wide, 0.42 * wide, 0.08 * high
    thick, side = 0.02 * high, 0.1 * high
    line = [(-0.42 * wide, deck), (start, deck), (0.28 * wide, low + 0.05 * high), (end, low), (wide / 2, low)]
    floor, walls = [], []
    for (xa, za), (xb, zb) in itertools.pairwise(line):
        floor.append(beam((xa, 0, za), (xb, 0, zb), 0.92 * deep, thick))
        strip = extrude([(xa, za - thick), (xb, zb - thick), (xb, zb + side), (xa, za + side)], 0.04 * deep)
        walls.append(strip.turned("x", 90).moved(y=deep / 2))
    rail = bar((-0.45 * wide, 0.46 * deep, high), (start, 0.46 * deep, high), 0.02 * high)
    posts = [bar((x, 0.46 * deep, 0), (x, 0.46 * deep, high), 0.02 * high) for x in (-0.45 * wide, start)]
    prop = bar((0.3 * wide, 0.4 * deep, 0), (0.3 * wide, 0.4 * deep, low + 0.03 * high), 0.02 * high)
    frame = mirrored(join(rail, *posts, prop), "y").painted("steel")
    rungs = [
        bar((-0.47 * wide, -0.46 * deep, z), (-0.47 * wide, 0.46 * deep, z), 0.018 * high)
        for z in np.linspace(0.12, 0.66, 5) * high
    ]
    whole = join(*floor, mirrored(join(*walls), "y"), frame, join(*rungs).painted("steel"))
    return Prop([compound(kit, "slide", fit(whole, kit.size), still=True)])
