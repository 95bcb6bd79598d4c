# SPDX-License-Identifier: GPL-3.0-or-later
"""What sticks out of a body: peaks of the distance from its middle, and the curve through the middle of each limb."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .proxy import Proxy

Array = NDArray[Any]


@dataclass(frozen=True)
class Limb:
    """`tip` (3,): its end; `length`: metres it sticks out, of the way through the body; `cells`: indices of the proxy.

    `curve` (C, 3) and `radii` (C,): its middle line from where it leaves the body to the tip.
    `level`: distance from the middle where it leaves; `root` (3,): that place.
    """

    tip: Array
    length: float
    level: float
    cells: Array
    curve: Array
    radii: Array

    @property
    def root(self) -> Array:
        out: Array = self.curve[0]
        return out

    @property
    def radius(self) -> float:
        """Half the usual thickness."""
        return float(np.median(self.radii))


def middle(proxy: Proxy) -> int:
    """The cell in the middle of the body's mass, well within it."""
    away = np.linalg.norm(proxy.points - proxy.points.mean(axis=0), axis=1)
    return int((away - 1.5 * proxy.depth).argmin())


def find(proxy: Proxy, far: Array, least: float) -> list[Limb]:
    """Limbs longer than `least` metres for distances `far` (N,) from the middle, the longest first."""
    found = []
    for tip, level, cells in peaks(proxy, far, least):
        curve, radii = slices(proxy, far, cells, level)
        found.append(Limb(proxy.points[tip], float(far[tip] - level), level, cells, curve, radii))
    return sorted(found, key=lambda limb: -limb.length)


def peaks(proxy: Proxy, far: Array, least: float) -> list[tuple[int, float, Array]]:
    """Cells where `far` is highest around, by at least `least` above the pass to a higher one.

    Each with the level of that pass (the highest has the lowest pass of the others) and the cells (K,) above it.
    """
    order = np.argsort(-far, kind="stable")
    rank = np.empty(len(far) + 1, np.int64)
    rank[order], rank[len(far)] = np.arange(len(far)), len(far) + 1
    parent = list(range(len(far)))
    top = list(range(len(far)))

    def base(cell: int) -> int:
        while parent[cell] != cell:
            parent[cell] = parent[parent[cell]]
            cell = parent[cell]
        return cell

    higher = rank[proxy.near] < rank[:-1, None]
    passes: dict[int, float] = {}
    for cell in order.tolist():
        for other in set(proxy.near[cell][higher[cell]].tolist()):
            a, b = base(cell), base(other)
            if a == b:
                continue
            if rank[top[a]] < rank[top[b]]:
                a, b = b, a
            if far[top[a]] - far[cell] >= least:
                passes[top[a]] = float(far[cell])
            parent[a] = b
    first = int(order[0])
    passes[first] = min(passes.values(), default=float(0.5 * far[first]))
    return [(tip, level, above(proxy, far, tip, level)) for tip, level in passes.items()]


def above(proxy: Proxy, far: Array, tip: int, level: float) -> Array:
    """Cells connected with the tip by cells that are all farther than the level."""
    high = np.append(far > level, False)
    seen = np.zeros(len(far) + 1, bool)
    front = np.array([tip])
    seen[tip] = True
    while len(front):
        touched = np.unique(proxy.near[front])
        front = touched[high[touched] & ~seen[touched]]
        seen[front] = True
    return np.flatnonzero(seen[:-1])


def slices(proxy: Proxy, far: Array, cells: Array, level: float) -> tuple[Array, Array]:
    """Middles (C, 3) and half thicknesses (C,) of slices of the cells by distance, from `level` on outwards."""
    width = 1.5 * proxy.cell
    bins = np.floor((far[cells] - level) / width).astype(int)
    bins = np.clip(bins, 0, None)
    count = np.bincount(bins)
    full = np.flatnonzero(count)
    curve = np.stack([np.bincount(bins, proxy.points[cells, k])[full] for k in range(3)], axis=1) / count[full, None]
    radii = np.sqrt(count[full] * proxy.cell**3 / width / np.pi)
    return smoothed(curve), radii


def smoothed(curve: Array, rounds: int = 2) -> Array:
    """The same ends, less shaken in between."""
    out = curve.copy()
    for _ in range(rounds):
        if len(out) > 2:
            out[1:-1] = 0.25 * out[:-2] + 0.5 * out[1:-1] + 0.25 * out[2:]
    return out


def along(curve: Array, share: Array | float) -> Array:
    """Places (…, 3) at shares 0 to 1 of the length of a curve (C, 3)."""
    step = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(step)])
    wanted = np.asarray(share) * at[-1]
    return np.stack([np.interp(wanted, at, curve[:, k]) for k in range(3)], axis=-1)


def length(curve: Array) -> float:
    return float(np.linalg.norm(np.diff(curve, axis=0), axis=1).sum())


def path(proxy: Proxy, far: Array, start: int) -> Array:
    """The shortest way (C, 3) from a cell down to where `far` is zero, a little smoothed."""
    way, cell, count = [start], start, len(proxy.points)
    while far[cell] > 0 and len(way) < count:
        near = proxy.near[cell]
        steps = np.where(near < count, far[np.minimum(near, count - 1)] + proxy.lengths[cell], np.inf)
        following = int(near[steps.argmin()])
        if far[following] >= far[cell]:
            break
        way.append(cell := following)
    return smoothed(proxy.points[way], 4)


def trunk(points: Array, some: Iterable[Limb]) -> Array:
    """(N,) True where none of these limbs is."""
    out = np.ones(len(points), bool)
    for limb in some:
        out[limb.cells] = False
    return out
