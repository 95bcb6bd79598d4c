# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone moves which vertex. A table (V, B) of weights, numpy only; nothing here knows Blender."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry.topology import Beat, no_beat
from .proxy import Proxy

Array = NDArray[Any]
INFLUENCES = 4
"""What game engines and glTF take."""
_LEAST = 1e-3
"""A weight below this moves nothing that can be seen."""


def distances(points: Array, heads: Array, tails: Array) -> Array:
    """From each point (V, 3) to each bone (B, 3) to (B, 3): (V, B) metres."""
    out = np.empty((len(points), len(heads)))
    for b, (head, tail) in enumerate(zip(heads, tails, strict=True)):
        bone = tail - head
        t = np.clip((points - head) @ bone / max(bone @ bone, 1e-18), 0, 1)
        out[:, b] = np.linalg.norm(points - head - t[:, None] * bone, axis=1)
    return out


def nearest(points: Array, heads: Array, tails: Array) -> Array:
    """Weights that fall off with the distance in a straight line, for every vertex."""
    return fading(distances(points, heads, tails), heads, tails)


def detours(proxy: Proxy, heads: Array, tails: Array, beat: Beat = no_beat) -> Array:
    """(N, B) metres by which the way to a bone through a body's cells is longer than the straight line: over a gap.

    After Dionne and de Lasa, "Geodesic voxel binding" (2013). 0 where no way leads.
    """
    straight = distances(proxy.points, heads, tails)
    out = np.empty_like(straight)
    for b, (head, tail) in enumerate(zip(heads, tails, strict=True)):
        beat()
        steps = int(np.clip(np.linalg.norm(tail - head) / proxy.cell, 1, 40)) + 1
        cells = np.unique([proxy.nearest(head + t * (tail - head)) for t in np.linspace(0, 1, steps)])
        # ways along cells are up to a tenth too long, and begin and end in the middle of one
        out[:, b] = proxy.distances(cells) - 1.12 * straight[:, b] - 2 * proxy.cell
    return np.asarray(np.where(np.isfinite(out), np.maximum(out, 0), 0))


def fading(away: Array, heads: Array, tails: Array) -> Array:
    """Weights (V, B) that fall off with distances (V, B). The power comes next to the true weights of a human skin."""
    soft = 0.05 * float(np.linalg.norm(tails - heads, axis=1).mean())
    ratio = (away.min(axis=1, keepdims=True) + max(soft, 1e-9)) / (away + max(soft, 1e-9))
    return limited(np.asarray(ratio**8))


def bare(weights: Array) -> Array:
    """(V,) which vertices have no weight, or one that is no number."""
    total = weights.sum(axis=1)
    return np.asarray(~(np.isfinite(total) & (total > 1e-6)))


def smoothed(weights: Array, edges: NDArray[Any], rounds: int) -> Array:
    """Spread over the mesh's edges (E, 2), so that a bend creases nowhere."""
    if not rounds or not len(edges):
        return weights
    count = np.bincount(edges.ravel(), minlength=len(weights))
    inner, share = count > 0, 0.5 / np.maximum(count, 1)
    out = weights.astype(float)
    for b in range(out.shape[1]):
        column = np.ascontiguousarray(out[:, b])
        if not column.any():
            continue
        for _ in range(rounds):
            total = np.bincount(edges[:, 0], column[edges[:, 1]], len(out))
            total += np.bincount(edges[:, 1], column[edges[:, 0]], len(out))
            column = np.where(inner, 0.5 * column + share * total, column)
        out[:, b] = column
    return out


def limited(weights: Array, influences: int = INFLUENCES) -> Array:
    """At most so many bones a vertex, the sum 1. Every row must have a weight."""
    out: Array = np.array(weights, float)
    if out.shape[1] > influences:
        rest = np.argpartition(out, -influences, axis=1)[:, :-influences]
        np.put_along_axis(out, rest, 0.0, axis=1)
    out /= out.sum(axis=1, keepdims=True)
    out[out < _LEAST] = 0.0
    out /= out.sum(axis=1, keepdims=True)
    return out
