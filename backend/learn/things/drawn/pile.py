# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts that are put together, each with a colour or a small picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..readers.mesh import part
from ..shape import Shape, joined
from ..thing import Pixels
from .solids import Solid

SIDE = 64
HUES = {
    "coat": "734f33 402e21 bf9e73 d9d1c7 807a75 26211f",
    "feathers": "4c4033 e6e0d9 333340 8c4c26 336699 99261a",
    "skin": "667380 4c5940 b2804c 404c66 999999",
    "wood": "8c6138 593821 c2996b 40261a deccb2",
    "metal": "b2b2b8 4c4c52 bf994c 1f1f21 8c4c2e",
    "clay": "e6e6e0 b26647 406699 809973 d9bf8c 333338",
    "cloth": "993333 40598c d9d1bf 59734c 333333 cc9940",
    "paint": "d9d9d9 bf261f 264ca6 f2bf26 26734c 1f1f1f",
}
"""sRGB, as hexadecimal."""


def near(rng: np.random.Generator, value: float, spread: float) -> float:
    """The value, more or less by that share of it."""
    return float(value * (1 + spread * rng.uniform(-1.5, 1.5)))


class Pile:
    """Collects solids. `hue` is what most of them are of; every pile has its own shade of it."""

    def __init__(self, rng: np.random.Generator, hue: str) -> None:
        self._rng, self._parts = rng, list[Shape]()
        self.color = self.shade(hue)

    def shade(self, hue: str) -> tuple[float, ...]:
        """A colour of that kind, a little other each time."""
        base = np.frombuffer(bytes.fromhex(str(self._rng.choice(HUES[hue].split()))), np.uint8) / 255
        return tuple(np.clip(base * self._rng.uniform(0.75, 1.2) + self._rng.normal(0, 0.03, 3), 0.02, 0.98))

    def add(self, solid: Solid, color: tuple[float, ...] | None = None, *, patched: bool = False) -> None:
        """`patched`: the colour changes over the surface, as coats, grain and glazes do."""
        points, faces = solid
        color = color or self.color
        if not patched:
            self._parts.append(part(points, faces, None, color))
            return
        low, size = points.min(axis=0), max(float(np.ptp(points, axis=0).max()), 1e-9)
        flat = (points - low) / size
        uv = np.stack([flat[:, 1] + 0.37 * flat[:, 0], flat[:, 2]], axis=1) * self._rng.uniform(0.6, 1.0)
        self._parts.append(part(points, faces, uv, color, self._picture(color)))

    def _picture(self, color: tuple[float, ...]) -> Pixels:
        """(S, S, 4): blots, stripes or grain of the colour and another."""
        rng = self._rng
        stretch = (rng.uniform(1, 12), rng.uniform(1, 12)) if rng.random() < 0.6 else (5, 5)
        noise = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), stretch, mode="wrap")
        noise = (noise - noise.min()) / max(float(np.ptp(noise)), 1e-9)
        if rng.random() < 0.5:
            noise = (noise > rng.uniform(0.35, 0.65)).astype(float)
        other = np.clip(np.array(color) * rng.uniform(0.3, 1.7) + rng.normal(0, 0.05, 3), 0, 1)
        mixed = np.array(color) + noise[..., None] * (other - color)
        whole = np.concatenate([mixed * 255, np.full((SIDE, SIDE, 1), 255)], axis=2)
        return np.asarray(whole.round(), np.uint8)

    def shape(self) -> Shape:
        return joined(self._parts)


def legs(width: float, depth: float, inset: float) -> NDArray[np.float64]:
    """(4, 2): the corners of a rectangle, moved inwards."""
    x, y = width / 2 - inset, depth / 2 - inset
    return np.array([(-x, -y), (x, -y), (-x, y), (x, y)])
