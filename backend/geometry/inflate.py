# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the surface stands out in front of and behind the plane of the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .filters import box, gaussian, guided, sample, weighted

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Body:
    """A body between two height fields, where u > 0: front z = front rise, back z = -back rise, with
    rise = crest (sqrt(u) / crest)^curve.

    All (X, Y) on the node grid, lengths in cells. Both sides meet on the zero line of u, upright and without a seam,
    because the root rises there like the rim of a sphere; and they never cross, whatever the two factors are.
    """

    u: Array
    front: Array
    back: Array
    crest: Array  # sqrt(u) in the middle of the part that a place belongs to
    half: Array  # half-width of that part
    curve: float  # 1 for an ellipse as cross-section, towards 0 for a box

    def rise(self) -> Array:
        return np.asarray(self.crest * (np.sqrt(np.maximum(self.u, 0)) / self.crest) ** self.curve)

    def angle(self, x: Array, y: Array) -> Array:
        """How far around the round cross-section a place lies: 0 in the middle of a part, pi / 2 at the rim."""
        root = np.sqrt(np.maximum(sample(self.u, x, y), 0))
        return np.asarray(np.arccos(np.clip(root / sample(self.crest, x, y), 0, 1)))

    def field(self) -> tuple[NDArray[np.float32], int]:
        """Return (field (X, Y, Z), the index k of the plane z = 0); positive inside, for `marching.isosurface`.

        Written for u, not for z, because u is close to linear across the rim, and so is the field.
        """
        deep = int(np.ceil(float((np.maximum(self.front, self.back) * self.rise()).max()))) + 2
        power = 2 / self.curve
        z = (np.abs(np.arange(-deep, deep + 1.0)) ** power).astype(np.float32)
        u = self.u.astype(np.float32)[..., None]
        out = np.empty((*self.u.shape, len(z)), np.float32)
        for side, factor in ((slice(0, deep), self.back), (slice(deep, None), self.front)):
            steep = self.crest**2 / (factor * self.crest) ** power
            np.multiply(steep.astype(np.float32)[..., None], z[side], out=out[..., side])
        return np.subtract(u, out, out=out), deep

    def refine(self, vertices: NDArray[np.float32], plane: int) -> NDArray[np.float32]:
        """Put the vertices that sit on an upright grid edge exactly on the surface (marching cubes is linear)."""
        vertices = vertices.copy()
        column = np.flatnonzero((vertices[:, :2] == np.round(vertices[:, :2])).all(axis=1))
        i, j = vertices[column, :2].astype(np.intp).T
        rise = self.rise()[i, j]
        z = vertices[column, 2] - plane
        exact = np.where(z >= 0, self.front[i, j], -self.back[i, j]) * rise
        low = np.floor(z)
        vertices[column, 2] = plane + np.clip(exact, low + 0.01, low + 0.99)
        return vertices


def roundness(u: Array, *, reach: float) -> tuple[Array, Array]:
    """Return (factor, half): factor sqrt(u) has a round cross-section, and half is its half-width at that place.

    Where laplace(u) = -4, sqrt(u) is a sphere in a disc but 1.41 times too thick in a long strip. The second
    derivatives tell one from the other: the square of their norm over 16 is 1/2 in a disc and 1 in a strip. And
    u + |grad u|^2 / 8 is the same all across a strip (the P-function of the torsion problem): the u at its middle.
    Both are averaged over `reach` nodes, mostly from the middle of the parts, so that the factor changes slowly.
    """
    xx, yy, xy = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    xx[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
    yy[:, 1:-1] = u[:, 2:] - 2 * u[:, 1:-1] + u[:, :-2]
    xy[1:-1, 1:-1] = (u[2:, 2:] - u[2:, :-2] - u[:-2, 2:] + u[:-2, :-2]) / 4
    gx, gy = np.gradient(np.maximum(u, 0))
    whole = u > 0  # with all its neighbours, diagonal ones included
    core = whole.copy()
    for shift in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)):
        core &= np.roll(whole, shift, (0, 1))
    norm = np.clip((xx * xx + yy * yy + 2 * xy * xy) / 16, 0.5, 1.0)
    middle = np.maximum(u, 0) + (gx * gx + gy * gy) / 8
    # A faint "strip, as thick as measured here" where no node has all its neighbours: threads are strips. The fainter
    # rest keeps the average defined far from everything.
    weight = np.where(core, u / u.max(), 0.0) + 1e-4 * whole + 1e-9
    norm = weighted(np.where(core, norm, 1.0), weight, reach)
    middle = weighted(np.where(whole, middle, 0.0), weight, reach)
    factor = 1 / np.sqrt(2 * norm)
    return factor, factor * np.sqrt(np.maximum(middle, 1e-6))


def inflate(
    u: Array, bumps: Array, *, thickness: float, deepest: float, fullness: float, back: str, cells: float
) -> Body:
    """Make the body for a solved silhouette u.

    `thickness` is how deep a part is for its width, 1 for round; `deepest` bounds the depth of the whole, as a part
    of its longest side of `cells`. `fullness` turns the cross-section from an ellipse (0) towards a box (1). `bumps`
    (X, Y), in cells, are added to the front. `back`: symmetric, shallow (a third as deep) or flat.
    """
    factor, half = roundness(u, reach=max(1.5, 0.03 * cells))
    crest = half / factor
    curve = 1 - 0.6 * fullness
    limit = deepest * cells / 2
    smooth = thickness * factor / (1 + (thickness * half / limit) ** 4) ** 0.25
    facing = np.clip(np.sqrt(np.maximum(u, 0)) / crest, 0, 1)  # 1 in the middle of a part, 0 at the rim
    height = smooth * crest * facing**curve
    # A part of the height, so bumps cannot reach the rim or tear the body; bounded, so there are no spikes; and gone
    # where the surface turns away, since a bump there would be drawn out over the side.
    relief = facing**1.5 * np.clip(bumps / np.maximum(height, 0.02 * cells), -0.3, 0.3)
    behind = smooth
    if back == "shallow":
        behind = smooth / 3
    elif back == "flat":
        ground = max(1.0, 0.015 * cells)
        behind = smooth / (1 + (height / ground) ** 8) ** 0.125
    elif back != "symmetric":
        raise ValueError(f"no back {back!r}, there are symmetric, shallow, flat")
    return Body(u, smooth * (1 + relief), behind, crest, half, curve)


def shading(luminance: Array, *, cells: float) -> Array:
    """Return bumps (rows, columns) of about -1 to 1 from brightness: what is darker than its surroundings lies deeper.

    Only soft contrast counts: a strong edge is paint or the border of a part, and the guided filter leaves it in the
    base; where all is strong contrast, such as stripes, bumps are held down.
    """
    small, large = max(1, round(0.008 * cells)), max(3, round(0.045 * cells))
    calm = guided(luminance, small, 0.02)
    fine = calm - guided(calm, large, 0.18)
    coarse = guided(calm, large, 0.12)
    broad = coarse - guided(coarse, 3 * large, 0.25)
    bumps = np.tanh(fine / 0.10) + 0.6 * np.tanh(broad / 0.12)
    mean = box(luminance, large)
    contrast = np.maximum(box(luminance * luminance, large) - mean * mean, 0)
    bumps /= 1 + contrast / 0.14**2
    return gaussian(bumps, max(0.6, 0.003 * cells))
