# SPDX-License-Identifier: GPL-3.0-or-later
"""Image filters on arrays (rows, columns) or (rows, columns, channels). Each returns a new array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]  # of float32 or float64: what goes in comes out
Mask = NDArray[np.bool_]


def gaussian(image: Image, sigma: float) -> Image:
    """Blur; `sigma` in pixels. The border pixels go on beyond the border."""
    if sigma <= 0:
        return image.copy()
    if sigma > 6:  # three boxes are as good as a Gaussian and cost the same for any width
        radius = max(1, round((np.sqrt(4 * sigma * sigma + 1) - 1) / 2))
        return box(box(box(image, radius), radius), radius)
    radius = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        wide = [(radius, radius) if a == axis else (0, 0) for a in range(image.ndim)]
        padded = np.pad(image, wide, mode="edge")
        size = image.shape[axis]
        total = np.zeros_like(image)
        for i, factor in enumerate(kernel):
            part = padded[i : i + size] if axis == 0 else padded[:, i : i + size]
            total += image.dtype.type(factor) * part
        image = total
    return image


def box(image: Image, radius: int) -> Image:
    """Mean over a square of 2 radius + 1 pixels; at the border over the part that exists."""
    for axis in (0, 1):
        moved = np.moveaxis(image, axis, 0)
        size = len(moved)
        total = np.concatenate([np.zeros_like(moved[:1], np.float64), np.cumsum(moved, 0, dtype=np.float64)])
        low = np.maximum(np.arange(size) - radius, 0)
        high = np.minimum(np.arange(size) + radius + 1, size)
        count = (high - low).reshape(-1, *[1] * (image.ndim - 1))
        image = np.moveaxis((total[high] - total[low]) / count, 0, axis).astype(image.dtype)
    return image


def guided(image: Image, radius: int, strength: float) -> Image:
    """The self-guided filter (He et al. 2010): smooths contrasts well below `strength`, keeps those well above."""
    mean = box(image, radius)
    variance = np.maximum(box(image * image, radius) - mean * mean, 0)
    slope = variance / (variance + strength * strength)
    return box(slope, radius) * image + box(mean - slope * mean, radius)


def weighted(image: Image, weight: Image, sigma: float) -> Image:
    """Blur that counts each pixel by its weight: where all is light, what is near and heavy prevails."""
    return np.asarray(gaussian(image * weight, sigma) / np.maximum(gaussian(weight, sigma), 1e-12))


def grow(mask: Mask, pixels: int) -> Mask:
    """Widen a mask by about `pixels`, as an octagon: crosses and squares take turns."""
    mask = mask.copy()
    for step in range(pixels):
        before = mask.copy()
        mask[1:] |= before[:-1]
        mask[:-1] |= before[1:]
        if step % 2:
            before = mask.copy()
        mask[:, 1:] |= before[:, :-1]
        mask[:, :-1] |= before[:, 1:]
    return mask


def shrink(mask: Mask, pixels: int) -> Mask:
    """Narrow a mask by about `pixels`. The world beyond the border counts as outside."""
    if pixels <= 0:
        return mask.copy()
    return ~grow(np.pad(~mask, pixels, constant_values=True), pixels)[pixels:-pixels, pixels:-pixels]


def fill(image: Image, weight: Image) -> Image:
    """Fill where `weight` (rows, columns; 0 to 1) is low with a smooth blend of what is near (push-pull).

    Gortler et al. 1996: average down to one pixel, counting each by its weight, then go back up and use the coarser
    level where the finer one knows little.
    """
    weight = weight.astype(image.dtype)
    if min(weight.shape) <= 1 and max(weight.shape) <= 2:
        mean = (image * weight[..., None]).sum((0, 1)) / max(float(weight.sum()), 1e-12)
        return np.broadcast_to(mean, image.shape).astype(image.dtype)
    rows, columns = weight.shape
    even = [(0, rows % 2), (0, columns % 2)]
    heavy = np.pad(image * weight[..., None], [*even, (0, 0)])
    weights = np.pad(weight, even)
    heavy = _halve(heavy)
    weights = _halve(weights)
    coarse = heavy / np.maximum(weights, 1e-12)[..., None]
    coarse = fill(coarse, np.minimum(weights * 4, 1))
    coarse = doubled(coarse)[:rows, :columns]
    return np.asarray(coarse + (image - coarse) * weight[..., None])


def _halve(array: Image) -> Image:
    return np.asarray((array[::2, ::2] + array[1::2, ::2] + array[::2, 1::2] + array[1::2, 1::2]) / 4)


def doubled(array: Image) -> Image:
    """Twice as many nodes along the first two axes, linear in between."""
    for axis in (0, 1):
        array = np.moveaxis(array, axis, 0)
        before = np.concatenate([array[:1], array[:-1]])
        after = np.concatenate([array[1:], array[-1:]])
        both = np.stack([0.75 * array + 0.25 * before, 0.75 * array + 0.25 * after], axis=1).astype(array.dtype)
        array = np.moveaxis(both.reshape(-1, *array.shape[1:]), 0, axis)
    return array


def sample(image: Image, x: Image, y: Image) -> Image:
    """Read image[x, y] at places between the nodes, bilinear, clamped to the border."""
    x = np.clip(x, 0, image.shape[0] - 1.001)
    y = np.clip(y, 0, image.shape[1] - 1.001)
    i, j = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - i, y - j
    low = image[i, j] * (1 - fy) + image[i, j + 1] * fy
    high = image[i + 1, j] * (1 - fy) + image[i + 1, j + 1] * fy
    return np.asarray(low * (1 - fx) + high * fx)
