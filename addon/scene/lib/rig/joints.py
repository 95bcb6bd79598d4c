# SPDX-License-Identifier: GPL-3.0-or-later
"""Places along limbs and trunks that several kinds of bodies share. The body faces -Y, its plane is x = 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import limbs

Array = NDArray[Any]


def bend(curve: Array, low: float, high: float) -> tuple[float, float]:
    """Where a curve is farthest from its chord, as a share of its length, and how far, of the chord's length.

    Looked for between the shares `low` and `high`.
    """
    shares = np.linspace(low, high, 25)
    places = limbs.along(curve, shares)
    chord = curve[-1] - curve[0]
    long = max(float(np.linalg.norm(chord)), 1e-9)
    off = np.linalg.norm(np.cross(places - curve[0], chord / long), axis=1)
    most = int(off.argmax())
    return float(shares[most]), float(off[most] / long)


def hinge(curve: Array, usual: float, low: float, high: float) -> Array:
    """The joint of a limb (3,): at its usual share of the curve, or where the curve clearly bends."""
    at, off = bend(curve, low, high)
    trust = np.clip((off - 0.04) / 0.08, 0, 1)
    return limbs.along(curve, usual + trust * (at - usual))


def mirrored(point: Array) -> Array:
    out: Array = np.asarray(point) * np.array([-1.0, 1.0, 1.0])
    return out


def even(chains: Iterable[Array], tolerance: float) -> tuple[Array, Array]:
    """Two chains of joints (J, 3), left and right: joints that nearly mirror each other, within `tolerance` metres,
    do so exactly."""
    left, right = chains
    near = np.linalg.norm(left - mirrored(right), axis=1) <= tolerance
    both = np.where(near[:, None], (left + mirrored(right)) / 2, left)
    return both, np.where(near[:, None], mirrored(both), right)
