# SPDX-License-Identifier: GPL-3.0-or-later
"""What gives way: cushions, jelly, mattresses. Each is one closed skin of even quads, as soft bodies want it."""

from __future__ import annotations

import numpy as np

from . import shapes
from .prop import Kit, Prop, builds
from .skins import said
from .solid import Floats, Solid, fit, part


@builds
def cushion(kit: Kit) -> Prop:
    """Square and plump, its corners drawn out; a bean bag where that is said."""
    if said(kit, "beanbag", "bean"):
        made = _beanbag(kit)
    else:
        made = shapes.box(2, 2, 0.04, cuts=(22, 22, 1)).moved(z=-0.02).shaped(_plump)
    return Prop([part(kit, "cushion", fit(made, kit.size), "hull", sharp=70)])


def _plump(points: Floats) -> Floats:
    x, y, z = points.T
    full = np.clip((1 - x**2) * (1 - y**2), 0, 1) ** 0.42
    folds = 0.012 * np.sin(14 * np.arctan2(y, x)) * np.clip(np.hypot(x, y) - 0.5, 0, 1)
    high = np.sign(z) * (0.02 + 0.36 * full + folds * full)
    return np.stack([x * (1 - 0.1 * (1 - y**2) * np.abs(x)), y * (1 - 0.1 * (1 - x**2) * np.abs(y)), high], axis=1)


def _beanbag(kit: Kit) -> Solid:
    waves, phase = kit.rng.normal(size=(6, 3)) * 4, kit.rng.uniform(0, 6.3, 6)

    def slumped(points: Floats) -> Floats:
        up = np.clip(points[:, 2] + 0.5, 0, 1)
        wide = 1.15 - 0.55 * up**2
        dents = 0.03 * np.sin(points @ waves.T + phase).mean(axis=1)
        out: Floats = points * np.stack([wide + dents, wide + dents, np.ones(len(points))], axis=1)
        out[:, 2] = np.maximum(out[:, 2], -0.33 + 0.04 * points[:, 2])
        return out

    return shapes.ball(0.5, 14).shaped(slumped)


@builds
def jelly(kit: Kit) -> Prop:
    """Out of a fluted mould; a cube where that is said."""
    if said(kit, "cube", "block"):
        return Prop([part(kit, "jelly", fit(shapes.box(*kit.size, 0.12 * min(kit.size), 2, 10), kit.size), "hull")])
    turn = np.linspace(0, np.pi / 2, 6)
    side = [(0.5 - 0.13 * t, 0.03 + 0.5 * t) for t in np.linspace(0, 1, 8)]
    top = [(0.27 + 0.1 * np.cos(a), 0.57 + 0.1 * np.sin(a)) for a in turn]
    crown = [(0.21, 0.665), (0.14, 0.655), (0.07, 0.65), (0.0, 0.65)]
    foot = [(0.0, 0.0), (0.12, 0), (0.24, 0), (0.36, 0), (0.47, 0)]

    def fluted(points: Floats) -> Floats:
        turn = np.arctan2(points[:, 1], points[:, 0])
        far = np.clip(np.hypot(points[:, 0], points[:, 1]) - 0.2, 0, 0.2) / 0.2
        wide = 1 + 0.055 * far * (np.abs(np.cos(6 * turn)) - 0.6)
        out: Floats = points * np.stack([wide, wide, np.ones(len(points))], axis=1)
        return out

    made = shapes.lathe([*foot, *side, *top, *crown], 60).shaped(fluted)
    return Prop([part(kit, "jelly", fit(made, kit.size), "hull", sharp=60)])


@builds
def mattress(kit: Kit) -> Prop:
    """Quilted; a round pad with a rim where a trampoline is said."""
    x, y, z = kit.size
    if said(kit, "trampoline"):
        line = [(0.0, 0.0), *((0.5 * t, 0.0) for t in np.linspace(0.2, 0.96, 5)), (0.5, 0.25), (0.5, 0.75), (0.48, 1.0)]
        line += [(0.42, 1.0), (0.4, 0.86), *((0.5 * t, 0.86) for t in (0.6, 0.4, 0.2)), (0.0, 0.86)]
        made = shapes.lathe(line, 48)
        dark = made.painted("", (0.05, 0.05, 0.06)).skins[0]
        made = made.patterned([made.skins[0], dark], lambda at, _: int(np.hypot(*at[:2]) < 0.395 and at[2] > 0.5))
        return Prop([part(kit, "trampoline", fit(made, kit.size), "hull")])
    cells = 1 + np.maximum(1, np.round(np.array([x, y]) / 0.22)).astype(int)
    flat = shapes.box(x, y, z, 0.22 * z, 2, (4 * int(cells[0]), 4 * int(cells[1]), 4))

    def quilted(points: Floats) -> Floats:
        waves = np.abs(np.sin(np.pi * cells * (points[:, :2] / (x, y) + 0.5)))
        puff = 0.09 * z * np.sqrt(waves.prod(axis=1)) * np.sign(points[:, 2] - z / 2)
        puff *= np.abs(points[:, 2] - z / 2) > 0.49 * z
        return points + np.outer(puff, (0, 0, 1))

    return Prop([part(kit, "mattress", fit(flat.shaped(quilted), kit.size), "box")])
