# SPDX-License-Identifier: GPL-3.0-or-later
"""A roughness for surfaces of which only the colour is known."""

from __future__ import annotations

import numpy as np

from ..mesh.meshes import Array, Floats

_FINE = 1024
"""px: larger textures are looked at in blocks, for busyness is no detail."""


def guessed(light: Floats, known: Array, base: float) -> Floats:
    """A roughness (H, W) in 0.05 to 1, guessed from the luminance (H, W) of the base colour alone, as it is stored.

    Even areas (skin, lacquer, glaze) get `base`, busy ones (fur, bark, cloth) up to 0.3 more: the standard deviation
    of the luminance around a texel, where 0.1 counts as very busy. Of five windows about the texel the calmest counts
    (as in Kuwahara's filter), lest every border between two even areas get a rough rim.
    """
    height, width = light.shape
    block = max(1, min(light.shape) // _FINE)
    radius = max(2, height // 256) // block
    count = _summed(known.astype(np.float32), block)
    weight = np.maximum(_around(count, radius), 1e-6)
    seen = np.where(known, light, 0)
    mean = _around(_summed(seen, block), radius) / weight
    square = _around(_summed(seen * seen, block), radius) / weight
    spread = np.where(count > 0, np.sqrt(np.maximum(square - mean * mean, 0)), np.inf)
    step, (rows, columns) = radius + 1, spread.shape
    padded, calmest = np.pad(spread, step, constant_values=np.inf), spread
    for y, x in ((0, 0), (0, 2 * step), (2 * step, 0), (2 * step, 2 * step)):
        calmest = np.minimum(calmest, padded[y : y + rows, x : x + columns])
    busy = np.where(np.isfinite(calmest), calmest, 0) / 0.1
    rough = np.clip(base + 0.3 * np.clip(busy, 0, 1), 0.05, 1).astype(np.float32)
    if block > 1:
        rough = rough.repeat(block, axis=0).repeat(block, axis=1)
        rough = np.pad(rough, ((0, height - rough.shape[0]), (0, width - rough.shape[1])), mode="edge")
    return rough


def _summed(values: Floats, block: int) -> Floats:
    """Sums over blocks; what is left over at the far edges is dropped."""
    height, width = (edge // block * block for edge in values.shape)
    out = values[:height:block, :width:block].astype(np.float32)
    for y, x in np.ndindex(block, block):
        if y or x:
            out += values[y:height:block, x:width:block]
    return out


def _around(values: Array, radius: int) -> Array:
    """The sum over a square of 2 radius + 1, in float64 lest the running sums drift."""
    out = values.astype(np.float64)
    for axis in (0, 1):
        pads = [(0, 0), (0, 0)]
        pads[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(out, pads), axis=axis)
        n, width = out.shape[axis], 2 * radius + 1
        after, before = [slice(None)] * 2, [slice(None)] * 2
        after[axis], before[axis] = slice(width, width + n), slice(n)
        out = total[tuple(after)] - total[tuple(before)]
    return out
