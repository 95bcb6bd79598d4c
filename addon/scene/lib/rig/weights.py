# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bone moves which vertex. A table (V, B) of weights, numpy only; nothing here knows Blender."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
INFLUENCES = 4
"""What game engines and glTF take."""


def distances(points: Array, heads: Array, tails: Array) -> Array:
    """From each point (V, 3) to each bone (B, 3) to (B, 3): (V, B) metres."""
    out = np.empty((len(points), len(heads)))
    for b, (head, tail) in enumerate(zip(heads, tails, strict=True)):
        bone = tail - head
        t = np.clip((points - head) @ bone / max(bone @ bone, 1e-18), 0, 1)
        out[:, b] = np.linalg.norm(points - head - t[:, None] * bone, axis=1)
    return out


def nearest(points: Array, heads: Array, tails: Array) -> Array:
    """Weights that fall off with distance, for every vertex: what is left when bone heat finds no answer."""
    away = distances(points, heads, tails)
    soft = 0.15 * np.linalg.norm(tails - heads, axis=1).mean()
    return limited(1.0 / (away + soft) ** 4)


def filled(weights: Array, points: Array, heads: Array, tails: Array) -> tuple[Array, int]:
    """The same weights where there are some, the nearest bones elsewhere; and how many vertices had none."""
    bare = ~(weights.sum(axis=1) > 1e-6)
    out = weights.copy()
    if bare.any():
        out[bare] = nearest(points[bare], heads, tails)
    return out, int(bare.sum())


def smoothed(weights: Array, edges: NDArray[Any], rounds: int) -> Array:
    """Spread over the mesh's edges (E, 2), so that a bend creases nowhere."""
    count = np.bincount(edges.ravel(), minlength=len(weights))[:, None]
    out = weights
    for _ in range(rounds):
        total = np.zeros_like(out)
        for b in range(out.shape[1]):
            total[:, b] = np.bincount(edges[:, 0], out[edges[:, 1], b], len(out))
            total[:, b] += np.bincount(edges[:, 1], out[edges[:, 0], b], len(out))
        out = np.where(count > 0, 0.5 * out + 0.5 * total / np.maximum(count, 1), out)
    return out


def limited(weights: Array, influences: int = INFLUENCES) -> Array:
    """At most so many bones a vertex, the sum 1. Every row must have a weight."""
    out: Array = weights.copy()
    if out.shape[1] > influences:
        rest = np.argpartition(out, -influences, axis=1)[:, :-influences]
        np.put_along_axis(out, rest, 0.0, axis=1)
    out /= out.sum(axis=1, keepdims=True)
    out[out < 1e-3] = 0.0
    out /= out.sum(axis=1, keepdims=True)
    return out
