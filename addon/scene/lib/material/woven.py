# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns that follow the UV map: boards, cloths, hides, fibres. Scales are cells a metre."""

from __future__ import annotations

import math

from .nodes import between, cells, grain, joined, maths, node, noise, parts, step, vector
from .patterns import Pattern, Place, draws


@draws
def wood(at: Place) -> Pattern:
    """Plain-sawn: arches of years 25 mm apart, and fibres. Each object is another board."""
    tree = at.tree
    one = node(tree, "ObjectInfo").outputs["Random"]
    here = vector(tree, "ADD", at.sheet, joined(tree, maths(tree, "MULTIPLY", one, 37.0), one))
    along = grain(tree, here, (1.1, 7.0, 1.0), 2.0)
    _, across, _ = parts(tree, here)
    years = maths(tree, "ADD", maths(tree, "MULTIPLY", across, 40.0), maths(tree, "MULTIPLY", along, 7.0))
    ring = maths(tree, "FRACT", years)
    late = maths(tree, "MULTIPLY", step(tree, ring, 0.15, 0.9), step(tree, ring, 1.0, 0.92))
    fibre = grain(tree, here, (14.0, 900.0, 1.0), 3.0)
    broad = grain(tree, here, (5.0, 130.0, 1.0), 2.0)
    fine = maths(tree, "ADD", step(tree, fibre, 0.35, 0.7), step(tree, broad, 0.35, 0.7))
    mix = maths(tree, "ADD", maths(tree, "MULTIPLY", late, 0.45), maths(tree, "MULTIPLY", fine, 0.22))
    return Pattern(mix, fibre, 0.0002, between(tree, one, 0.88, 1.08), between(tree, fibre, 0.8, 1.2))


@draws
def weave(at: Place) -> Pattern:
    """Threads both ways, thick and thin; single ones are too fine to be drawn."""
    tree = at.tree
    warp, weft = grain(tree, at.sheet, (25.0, 900.0, 1.0)), grain(tree, at.sheet, (900.0, 25.0, 1.0))
    cloth = maths(tree, "MULTIPLY", maths(tree, "ADD", warp, weft), 0.5)
    return Pattern(step(tree, cloth, 0.35, 0.65), cloth, 0.0008, None, None)


@draws
def satin(at: Place) -> Pattern:
    tree = at.tree
    threads = grain(tree, at.sheet, (12.0, 700.0, 1.0))
    return Pattern(maths(tree, "MULTIPLY", threads, 0.5), threads, 0.0002, None, between(tree, threads, 0.8, 1.25))


@draws
def twill(at: Place) -> Pattern:
    """Diagonal ribs, pale where the weft shows."""
    tree = at.tree
    u, v, _ = parts(tree, at.sheet)
    turned = joined(tree, maths(tree, "ADD", u, v), maths(tree, "SUBTRACT", u, v))
    ribs, worn = grain(tree, turned, (700.0, 18.0, 1.0)), noise(tree, at.sheet, 6.0, 3.0)
    mix = maths(tree, "MULTIPLY", step(tree, ribs, 0.4, 0.75), between(tree, worn, 0.1, 0.9))
    return Pattern(mix, ribs, 0.0008)


@draws
def fleece(at: Place) -> Pattern:
    tree = at.tree
    tufts, curls = noise(tree, at.sheet, 60.0, 2.0), noise(tree, at.sheet, 400.0, 3.0, 0.6, 1.0)
    mix = maths(tree, "ADD", between(tree, tufts, -0.2, 0.7), between(tree, curls, -0.4, 0.7))
    return Pattern(mix, maths(tree, "ADD", tufts, maths(tree, "MULTIPLY", curls, 0.5)), 0.003)


@draws
def leather(at: Place) -> Pattern:
    tree = at.tree
    pores = cells(tree, at.sheet, 330.0).outputs["Distance"]
    cloud = noise(tree, at.sheet, 9.0, 4.0)
    mix = maths(tree, "ADD", between(tree, cloud, -0.3, 0.9), maths(tree, "MULTIPLY", step(tree, pores, 0.4, 0.9), 0.4))
    return Pattern(mix, step(tree, pores, 0.9, 0.1), 0.0006, None, between(tree, cloud, 0.8, 1.2))


@draws
def wicker(at: Place) -> Pattern:
    """Strands of 12 mm, over and under."""
    tree = at.tree
    u, v, _ = parts(tree, at.sheet)
    a, b = (maths(tree, "MULTIPLY", way, 1 / 0.012) for way in (u, v))
    odd = maths(tree, "FLOORED_MODULO", maths(tree, "ADD", maths(tree, "FLOOR", a), maths(tree, "FLOOR", b)), 2.0)
    round_a, round_b = (
        maths(tree, "ABSOLUTE", maths(tree, "SINE", maths(tree, "MULTIPLY", way, math.pi))) for way in (a, b)
    )
    over = maths(tree, "MULTIPLY_ADD", odd, maths(tree, "SUBTRACT", round_a, round_b), round_b)
    fibre = maths(tree, "MULTIPLY", grain(tree, at.sheet, (300.0, 300.0, 1.0)), 0.3)
    return Pattern(maths(tree, "ADD", step(tree, over, 0.75, 0.1), fibre), over, 0.004)


@draws
def corrugated(at: Place) -> Pattern:
    tree = at.tree
    ribs, fibre = grain(tree, at.sheet, (3.0, 130.0, 1.0), 1.0), noise(tree, at.sheet, 300.0, 2.0)
    mix = maths(tree, "ADD", between(tree, ribs, -0.3, 0.9), between(tree, fibre, -0.3, 0.4))
    return Pattern(mix, ribs, 0.0004)


@draws
def twist(at: Place) -> Pattern:
    """Yarns laid slanting."""
    tree = at.tree
    u, v, _ = parts(tree, at.sheet)
    turned = joined(tree, maths(tree, "ADD", u, v), maths(tree, "SUBTRACT", u, v))
    yarn = grain(tree, turned, (30.0, 260.0, 1.0), 3.0)
    return Pattern(step(tree, yarn, 0.65, 0.35), yarn, 0.002)


@draws
def fibres(at: Place) -> Pattern:
    tree = at.tree
    curl = maths(tree, "MULTIPLY", noise(tree, at.sheet, 9.0), 0.08)
    bent = vector(tree, "ADD", at.sheet, joined(tree, 0.0, curl))
    hairs, locks = grain(tree, bent, (14.0, 420.0, 1.0), 2.0), grain(tree, bent, (8.0, 60.0, 1.0), 2.0)
    mix = maths(tree, "ADD", between(tree, hairs, -0.7, 1.1), between(tree, locks, -0.4, 0.8))
    return Pattern(mix, maths(tree, "ADD", hairs, locks), 0.004)


@draws
def leaf(at: Place) -> Pattern:
    tree = at.tree
    cloud, net = noise(tree, at.sheet, 25.0, 3.0), cells(tree, at.sheet, 220.0, "DISTANCE_TO_EDGE").outputs[0]
    veins = step(tree, net, 0.12, 0.0)
    mix = maths(tree, "ADD", between(tree, cloud, -0.4, 1.0), maths(tree, "MULTIPLY", veins, 0.35))
    return Pattern(mix, veins, 0.0002, None, between(tree, cloud, 0.8, 1.2))
