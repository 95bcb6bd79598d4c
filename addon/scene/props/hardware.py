# SPDX-License-Identifier: GPL-3.0-or-later
"""From the workshop: anvil, hammer, rod, weight; and a cork and a feather to fall beside them."""

from __future__ import annotations

import numpy as np

from . import shapes
from .jointed import compound
from .prop import Kit, Prop, builds
from .solid import Floats, fit, join, part


@builds
def anvil(kit: Kit) -> Prop:
    """Its horn to the right, its heel to the left, on a waist and a foot."""
    foot = shapes.box(0.62, 0.42, 0.14, 0.02).shaped(_waisted)
    waist = shapes.box(0.34, 0.26, 0.42, 0.02).moved(z=0.1)
    body = shapes.box(0.66, 0.32, 0.36, 0.012).moved(-0.1, 0, 0.46)
    line = [(0, 0), (0.16, 0.0), (0.155, 0.08), (0.13, 0.2), (0.09, 0.31), (0.04, 0.38), (0, 0.395)]
    horn = shapes.lathe(line, 28).turned("y", 90).moved(0.2, 0, 0.645)
    hole = shapes.box(0.05, 0.05, 0.004).moved(-0.34, 0, 0.817).painted("", (0.02, 0.02, 0.022))
    made = fit(join(foot, waist, body, horn), kit.size)
    hole = shapes.box(0.05 * kit.size[0], 0.18 * kit.size[1], 0.002 * kit.size[2])
    hole = hole.moved(-0.3 * kit.size[0], 0, 0.998 * kit.size[2]).painted("", (0.02, 0.02, 0.022))
    return Prop([compound(kit, "anvil", made, hole)])


def _waisted(points: Floats) -> Floats:
    """Narrower at its top."""
    out = points.copy()
    out[:, :2] *= 1 - 1.6 * np.clip(points[:, 2:] - 0.03, 0, 0.11)
    return out


@builds
def hammer(kit: Kit) -> Prop:
    """Lying on its side, its head to the right, with a claw; the handle of wood."""
    handle = shapes.cylinder(0.032, 0.9, 20, 0.012).scaled(1, 0.7, 1).turned("y", 90).moved(-0.5, 0, 0.05)
    handle = handle.painted("oak").grained(across=True)
    face = shapes.cylinder(0.05, 0.14, 24, 0.01).turned("x", 90).moved(0.42, -0.05, 0.05)
    neck = shapes.box(0.075, 0.2, 0.075, 0.012).moved(0.42, 0.0, 0.0125)
    claws = [shapes.extrude(_claw(), 0.03, 0.004).moved(0.42 + side * 0.032 - 0.015, 0, 0.035) for side in (-1, 1)]
    steel = [each.painted("steel") for each in (face, neck, *claws)]
    return Prop([compound(kit, "hammer", fit(join(handle, *steel), kit.size))])


def _claw() -> Floats:
    """One of two, bent, seen from above: from the neck to its tip."""
    return np.array([(0.0, 0.06), (0.03, 0.06), (0.03, 0.16), (0.018, 0.23), (0.0, 0.2)])


@builds
def rod(kit: Kit) -> Prop:
    """Round, lying along X."""
    bar = shapes.cylinder(0.5, 1.0, 24, 0.04).turned("y", 90)
    return Prop([part(kit, "rod", fit(bar, kit.size), "cylinder", axis="x")])


@builds
def weight(kit: Kit) -> Prop:
    """As for scales: a drum with a neck, a knob and a ring on it."""
    line = [(0, 0), (0.47, 0), (0.5, 0.03), (0.5, 0.5), (0.46, 0.55), (0.2, 0.6), (0.15, 0.66), (0.17, 0.72)]
    body = shapes.lathe([*line, (0.24, 0.78), (0.22, 0.84), (0, 0.86)], 40)
    ring = shapes.torus(0.085, 0.022, 24, 10).turned("x", 90).moved(z=0.9).painted("steel")
    return Prop([part(kit, "weight", fit(join(body, ring), kit.size), "hull")])


@builds
def cork(kit: Kit) -> Prop:
    """Of a bottle: a little narrower at its foot."""
    made = shapes.cylinder(0.44, 1.8, 32, 0.05, top=0.5)
    return Prop([part(kit, "cork", fit(made, kit.size), "hull")])


@builds
def feather(kit: Kit) -> Prop:
    """A quill along Y with a vane that is bent up a little, of one piece."""
    count = 22
    y = np.linspace(0, 1, count)
    half = 0.5 * np.sin(np.pi * np.clip((y - 0.16) / 0.84, 0, 1) ** 0.75) ** 0.7 + 0.03
    ragged = half * (1 - 0.12 * kit.rng.random(count) * (y > 0.3))
    left, right = np.stack([-half, y], axis=1), np.stack([ragged, y], axis=1)
    vane = shapes.extrude(np.concatenate([right, left[::-1]]), 0.05)
    quill = shapes.extrude([(-0.022, -0.05), (0.022, -0.05), (0.01, 0.97), (-0.01, 0.97)], 0.06).moved(z=-0.005)
    made = fit(join(vane, quill.painted("bone")), (1.0, 1.0, 0.12))
    bent = made.shaped(lambda p: np.column_stack([p[:, 0], p[:, 1], p[:, 2] + 0.6 * p[:, 1] ** 2]))
    return Prop([part(kit, "feather", fit(bent, kit.size), "hull")])
