# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns in the object's own space: stone, metal, ground, what is solid all through. Scales are cells a metre."""

from __future__ import annotations

from .nodes import Socket, between, cells, grain, joined, maths, node, noise, parts, step, vector
from .patterns import Pattern, Place, draws


@draws
def cork(at: Place) -> Pattern:
    tree = at.tree
    seen = cells(tree, at.block, 260.0)
    specks = step(tree, noise(tree, at.block, 190.0, 2.0), 0.58, 0.66)
    tone = maths(tree, "MULTIPLY", step(tree, seen.outputs["Distance"], 0.2, 0.9), 0.35)
    return Pattern(maths(tree, "MAXIMUM", specks, tone), seen.outputs["Distance"], 0.0006)


@draws
def brushed(at: Place) -> Pattern:
    tree = at.tree
    lines = grain(tree, at.block, (6.0, 700.0, 700.0), 2.0)
    broad = noise(tree, at.block, 9.0, 2.0)
    tone = maths(tree, "ADD", maths(tree, "MULTIPLY", lines, 0.6), maths(tree, "MULTIPLY", broad, 0.5))
    return Pattern(0.0, None, 0.0, between(tree, lines, 0.92, 1.04), between(tree, tone, 0.55, 1.35))


@draws
def hammered(at: Place) -> Pattern:
    tree = at.tree
    dents = cells(tree, at.block, 60.0, "SMOOTH_F1").outputs["Distance"]
    cloud = noise(tree, at.block, 25.0, 3.0)
    return Pattern(0.0, dents, 0.002, between(tree, cloud, 0.75, 1.2), between(tree, cloud, 0.7, 1.3))


@draws
def marble(at: Place) -> Pattern:
    """Veins are where folded clouds cross their middle: those of a wall, of a hand's breadth, and fine ones between."""
    tree = at.tree

    def veins(scale: float, wide: float) -> Socket:
        cloud = noise(tree, at.block, scale, 5.0, 0.55, 0.9)
        off = maths(tree, "ABSOLUTE", maths(tree, "SUBTRACT", cloud, 0.5))
        return step(tree, off, wide, 0.0)

    there = step(tree, noise(tree, at.block, 5.0, 1.0), 0.35, 0.65)
    broad = maths(tree, "MAXIMUM", maths(tree, "MULTIPLY", veins(4.0, 0.05), there), veins(0.6, 0.012))
    fine = maths(tree, "MULTIPLY", veins(28.0, 0.035), 0.4)
    cloud = maths(tree, "MULTIPLY", noise(tree, at.block, 7.0, 3.0), 0.22)
    return Pattern(maths(tree, "ADD", maths(tree, "MAXIMUM", broad, fine), cloud))


@draws
def speckle(at: Place) -> Pattern:
    """Grains of three tones, 3 mm wide; from afar clouds are left of them."""
    tree = at.tree
    color = parts(tree, cells(tree, at.block, 320.0).outputs["Color"])
    dark, light = step(tree, color[0], 0.72, 0.78), step(tree, color[1], 0.7, 0.78)
    cloud = noise(tree, at.block, 8.0, 4.0)
    mix = maths(tree, "ADD", maths(tree, "MULTIPLY", dark, 0.9), maths(tree, "MULTIPLY", light, -0.45))
    mix = maths(tree, "ADD", mix, between(tree, cloud, -0.35, 0.35))
    return Pattern(mix, color[2], 0.0002, None, between(tree, color[0], 0.8, 1.15))


@draws
def grain_(at: Place) -> Pattern:
    """Fine and even; stains are faint, and flat."""
    tree = at.tree
    stains, fine = noise(tree, at.block, 5.0, 4.0, 0.6), noise(tree, at.block, 380.0, 2.0)
    mix = maths(tree, "MULTIPLY_ADD", step(tree, stains, 0.3, 0.75), 0.18, between(tree, fine, -0.4, 1.0))
    pits = step(tree, cells(tree, at.block, 130.0).outputs["Distance"], 0.0, 0.35)
    return Pattern(mix, maths(tree, "ADD", pits, fine), 0.0005)


@draws
def layers(at: Place) -> Pattern:
    """Beds, each some centimetres high, washed out at their borders."""
    tree = at.tree
    beds = grain(tree, at.block, (1.2, 1.2, 26.0), 3.0)
    fine = grain(tree, at.block, (25.0, 25.0, 300.0), 2.0)
    mix = maths(tree, "ADD", step(tree, beds, 0.35, 0.65), between(tree, fine, -0.4, 0.4))
    return Pattern(mix, maths(tree, "ADD", beds, maths(tree, "MULTIPLY", fine, 0.3)), 0.003)


@draws
def brick(at: Place) -> Pattern:
    """Courses of bricks of 215 by 65 mm, level whichever way a wall faces. The origin is the middle of one, so that a
    single brick shows no mortar."""
    tree = at.tree
    x, y, z = parts(tree, node(tree, "TexCoord").outputs["Object"])
    nx, ny, nz = (maths(tree, "ABSOLUTE", n) for n in parts(tree, node(tree, "TexCoord").outputs["Normal"]))
    flat, side = maths(tree, "GREATER_THAN", nz, 0.7), maths(tree, "GREATER_THAN", nx, ny)

    def either(which: Socket, no: Socket, yes: Socket) -> Socket:
        return maths(tree, "MULTIPLY_ADD", which, maths(tree, "SUBTRACT", yes, no), no)

    u, v = either(maths(tree, "GREATER_THAN", side, flat), x, y), either(flat, z, y)
    row = either(flat, maths(tree, "ADD", v, 0.0375), maths(tree, "MULTIPLY_ADD", v, 0.075 / 0.11, 0.0375))
    made = node(tree, "TexBrick", Vector=joined(tree, u, row), Scale=1.0, Mortar_Size=0.005, Mortar_Smooth=0.2)
    made.inputs["Brick Width"].default_value, made.inputs["Row Height"].default_value = 0.225, 0.075
    made.inputs["Color1"].default_value, made.inputs["Color2"].default_value = (0, 0, 0, 1), (1, 1, 1, 1)
    tone, gap = made.outputs[0], made.outputs[1]
    cloud = noise(tree, at.block, 60.0, 4.0)
    shade = maths(tree, "ADD", between(tree, parts(tree, tone)[0], 0.66, 1.0), between(tree, cloud, -0.2, 0.35))
    lit = either(gap, shade, joined(tree, 1.0, 1.0, 1.0))
    height = maths(tree, "SUBTRACT", maths(tree, "MULTIPLY", cloud, 0.3), gap)
    return Pattern(gap, height, 0.006, lit)


@draws
def bark(at: Place) -> Pattern:
    tree = at.tree
    cloud = noise(tree, at.block, 9.0, 3.0)
    bent = vector(tree, "ADD", at.block, joined(tree, maths(tree, "MULTIPLY", cloud, 0.12), 0.0))
    plates = cells(tree, vector(tree, "MULTIPLY", bent, (1.0, 1.0, 0.22)), 40.0, "DISTANCE_TO_EDGE").outputs[0]
    fine = grain(tree, at.block, (150.0, 150.0, 30.0), 3.0)
    gaps = step(tree, plates, 0.22, 0.0)
    mix = maths(tree, "ADD", maths(tree, "MULTIPLY", gaps, 0.75), between(tree, fine, -0.6, 0.9))
    height = maths(tree, "SUBTRACT", maths(tree, "MULTIPLY", fine, 0.4), gaps)
    return Pattern(mix, height, 0.012)


@draws
def blades(at: Place) -> Pattern:
    """A lawn from a few metres off."""
    tree = at.tree
    broad, tufts = noise(tree, at.block, 1.3, 3.0), noise(tree, at.block, 45.0, 3.0, 0.6)
    thin = noise(tree, at.block, 260.0, 2.0, 0.6, 1.5)
    mix = maths(tree, "ADD", between(tree, tufts, -0.6, 0.9), between(tree, thin, -0.7, 1.2))
    height = maths(tree, "ADD", tufts, maths(tree, "MULTIPLY", thin, 0.8))
    return Pattern(mix, height, 0.012, between(tree, broad, 0.75, 1.3))


@draws
def streaks(at: Place) -> Pattern:
    """Of an apple: from top to bottom, paler on one side."""
    tree = at.tree
    lines, side = grain(tree, at.block, (170.0, 170.0, 14.0), 2.0), noise(tree, at.block, 11.0, 1.0)
    dots = step(tree, cells(tree, at.block, 160.0).outputs["Distance"], 0.14, 0.06)
    mix = maths(tree, "MULTIPLY", step(tree, lines, 0.4, 0.85), step(tree, side, 0.42, 0.7))
    return Pattern(maths(tree, "MAXIMUM", mix, maths(tree, "MULTIPLY", dots, 0.6)))


@draws
def pores(at: Place) -> Pattern:
    tree = at.tree
    small = step(tree, cells(tree, at.block, 330.0).outputs["Distance"], 0.4, 0.15)
    large = step(tree, cells(tree, at.block, 90.0).outputs["Distance"], 0.32, 0.12)
    hole = maths(tree, "MAXIMUM", maths(tree, "MULTIPLY", small, 0.6), large)
    cloud = noise(tree, at.block, 12.0, 3.0)
    mix = maths(tree, "ADD", maths(tree, "MULTIPLY", hole, 0.75), between(tree, cloud, -0.15, 0.35))
    return Pattern(mix, maths(tree, "SUBTRACT", 1.0, hole), 0.003)


@draws
def beads(at: Place) -> Pattern:
    tree = at.tree
    edge = cells(tree, at.block, 220.0, "DISTANCE_TO_EDGE").outputs[0]
    return Pattern(step(tree, edge, 0.22, 0.0), step(tree, edge, 0.0, 0.4), 0.002)


@draws
def holes(at: Place) -> Pattern:
    """Of a cheese."""
    tree = at.tree
    hole = step(tree, cells(tree, at.block, 42.0).outputs["Distance"], 0.34, 0.26)
    return Pattern(maths(tree, "MULTIPLY", hole, 0.85), maths(tree, "SUBTRACT", 1.0, hole), 0.01)


@draws
def ice(at: Place) -> Pattern:
    """Cracks and clouds in clear water."""
    tree = at.tree
    bent = vector(tree, "ADD", at.block, joined(tree, maths(tree, "MULTIPLY", noise(tree, at.block, 20.0), 0.06), 0.0))
    crack = step(tree, cells(tree, bent, 9.0, "DISTANCE_TO_EDGE").outputs[0], 0.03, 0.0)
    frost = step(tree, noise(tree, at.block, 14.0, 5.0, 0.65), 0.45, 0.75)
    milky = maths(tree, "MAXIMUM", crack, frost)
    height = maths(tree, "ADD", noise(tree, at.block, 30.0, 3.0), maths(tree, "MULTIPLY", crack, -0.5))
    return Pattern(milky, height, 0.004, None, between(tree, milky, 0.6, 4.0))


@draws
def snow(at: Place) -> Pattern:
    tree = at.tree
    drifts, fine = noise(tree, at.block, 12.0, 4.0, 0.55), noise(tree, at.block, 500.0, 2.0)
    height = maths(tree, "ADD", drifts, maths(tree, "MULTIPLY", fine, 0.15))
    return Pattern(step(tree, drifts, 0.6, 0.3), height, 0.012, None, between(tree, fine, 0.6, 1.3))


@draws
def sand(at: Place) -> Pattern:
    tree = at.tree
    x, y, _ = parts(tree, at.block)
    bent = maths(tree, "MULTIPLY", noise(tree, at.block, 3.0, 2.0), 9.0)
    way = maths(tree, "MULTIPLY_ADD", x, 55.0, maths(tree, "MULTIPLY_ADD", y, 18.0, bent))
    ripple = maths(tree, "MULTIPLY_ADD", maths(tree, "SINE", way), 0.5, 0.5)
    fine, broad = noise(tree, at.block, 900.0, 2.0), noise(tree, at.block, 2.0, 3.0)
    mix = maths(tree, "ADD", between(tree, fine, -0.7, 1.0), between(tree, broad, -0.2, 0.5))
    mix = maths(tree, "MULTIPLY_ADD", ripple, -0.35, mix)
    return Pattern(mix, maths(tree, "ADD", ripple, maths(tree, "MULTIPLY", fine, 0.25)), 0.004)


@draws
def soil(at: Place) -> Pattern:
    tree = at.tree
    lumps, fine = noise(tree, at.block, 14.0, 4.0, 0.6), noise(tree, at.block, 160.0, 3.0, 0.6)
    mix = maths(tree, "ADD", between(tree, lumps, -0.4, 1.0), between(tree, fine, -0.5, 0.8))
    height = maths(tree, "ADD", lumps, maths(tree, "MULTIPLY", fine, 0.5))
    return Pattern(mix, height, 0.02, None, between(tree, lumps, 0.7, 1.3))


@draws
def gravel(at: Place) -> Pattern:
    tree = at.tree
    edge, stone = (
        cells(tree, at.block, 38.0, "DISTANCE_TO_EDGE").outputs[0],
        cells(tree, at.block, 38.0).outputs["Color"],
    )
    gap, fine = step(tree, edge, 0.14, 0.0), noise(tree, at.block, 200.0, 3.0)
    tone = between(tree, parts(tree, stone)[0], 0.55, 1.3)
    mix = maths(tree, "ADD", gap, between(tree, fine, -0.2, 0.3))
    return Pattern(mix, step(tree, edge, 0.0, 0.35), 0.012, tone)


@draws
def flakes(at: Place) -> Pattern:
    tree = at.tree
    shine = parts(tree, cells(tree, at.block, 1600.0).outputs["Color"])
    return Pattern(maths(tree, "MULTIPLY", step(tree, shine[0], 0.75, 1.0), 0.35))


@draws
def lava(at: Place) -> Pattern:
    """A black crust that glows where it is torn."""
    tree = at.tree
    cloud = noise(tree, at.block, 6.0, 4.0, 0.6)
    bent = vector(tree, "ADD", at.block, joined(tree, maths(tree, "MULTIPLY", cloud, 0.25), cloud))
    edge = cells(tree, bent, 7.0, "DISTANCE_TO_EDGE").outputs[0]
    torn = maths(tree, "MULTIPLY", step(tree, edge, 0.16, 0.0), between(tree, cloud, 0.3, 1.6))
    hot = maths(tree, "MAXIMUM", torn, step(tree, cloud, 0.6, 0.8))
    crust = maths(tree, "SUBTRACT", noise(tree, at.block, 50.0, 4.0), hot)
    return Pattern(hot, crust, 0.02, glow=hot)
