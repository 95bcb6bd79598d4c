# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the backbone of a shape runs: a smooth curve through the middles of its slices. numpy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Spine:
    """`joints` (bones + 1, 3) in metres, from the base to the top, or along a lying body from one end to the other."""

    joints: Array
    upright: bool

    @property
    def length(self) -> float:
        """Along the chain, in metres."""
        return float(np.linalg.norm(np.diff(self.joints, axis=0), axis=1).sum())


def find(vertices: Array, triangles: NDArray[Any], bones: int, axis: str = "auto") -> Spine:
    """The chain of a body (Z up): `axis` is `upright`, `lying`, or `auto` for the longer one."""
    centres, areas = _surface(vertices, triangles)
    along, upright = _direction(centres, areas, vertices, axis)
    position = vertices @ along
    low, high = position.min(), position.max()
    # The ends of a shape are no part of its backbone; only the foot of an upright one is, it carries the body.
    ends = (0.0, 0.94) if upright else (0.06, 0.94)
    t = np.linspace(*ends, bones + 1)
    joints = _middles(centres, areas, (centres @ along - low) / (high - low), t)
    joints += np.outer(low + t * (high - low) - joints @ along, along)  # a mean over a slice leans inwards at the ends
    return Spine(joints, upright)


def _surface(vertices: Array, triangles: NDArray[Any]) -> tuple[Array, Array]:
    """Centres (F, 3) and areas (F,) of the triangles: what a mean over the surface needs."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return (a + b + c) / 3, np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _direction(centres: Array, areas: Array, vertices: Array, axis: str) -> tuple[Array, bool]:
    """Unit vector from base to top and True, or along the ground and False."""
    extent = np.ptp(vertices, axis=0)
    flat = centres[:, :2] - np.average(centres[:, :2], axis=0, weights=areas)
    _, vectors = np.linalg.eigh(np.cov(flat.T, aweights=areas))
    ground = np.array([*vectors[:, 1], 0.0])
    ground *= 1.0 if ground[np.abs(ground).argmax()] > 0 else -1.0
    if axis == "auto":
        # A body as wide as it is tall looks best when it sways, so that lying is for the clearly long ones.
        axis = "lying" if np.ptp(vertices @ ground) > 1.25 * extent[2] else "upright"
    return (_UP, True) if axis == "upright" else (ground, False)


def _middles(centres: Array, areas: Array, s: Array, t: Array) -> Array:
    """Means (T, 3) of the surface around each position; a smooth kernel leaves no slice empty."""
    weights = np.exp(-0.5 * ((t[:, None] - s[None]) / 0.08) ** 2) * areas + 1e-12
    out: Array = (weights @ centres) / weights.sum(axis=1, keepdims=True)
    return out
