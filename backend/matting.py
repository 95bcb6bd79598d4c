# SPDX-License-Identifier: GPL-3.0-or-later
"""From a coarse guess to a sharp matte and clean edge colours, in numpy alone.

All images are float32, 0 to 1: a matte is (H, W), a picture (H, W, 3). Nothing here is random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SOLVE_SIDE = 640
"""px, the longest side at which the filter's coefficients are solved; they are applied at full size."""


def box(values: Floats, radius: int) -> Floats:
    """Mean over a square of 2 radius + 1 px, over the part of it that lies inside the image; (H, W) or (H, W, C)."""
    import numpy as np

    for axis in (0, 1):
        length = values.shape[axis]
        total = np.cumsum(values, axis=axis, dtype=np.float64)
        total = np.concatenate([np.zeros_like(np.take(total, [0], axis)), total], axis)
        index = np.arange(length)
        last, first = np.minimum(index + radius + 1, length), np.maximum(index - radius, 0)
        shape = [1] * values.ndim
        shape[axis] = length
        mean = (np.take(total, last, axis) - np.take(total, first, axis)) / (last - first).reshape(shape)
        values = mean.astype(np.float32)
    return values


def scaled(values: Floats, size: tuple[int, int]) -> Floats:
    """(H, W) or (H, W, C) to `size` (width, height) px, bilinear, averaging where it gets smaller."""
    import numpy as np
    from PIL import Image

    if values.shape[1::-1] == size:
        return values
    planes = values[..., None] if values.ndim == 2 else values
    made = [
        np.asarray(Image.fromarray(np.ascontiguousarray(planes[..., i])).resize(size, Image.Resampling.BILINEAR))
        for i in range(planes.shape[2])
    ]
    return made[0] if values.ndim == 2 else np.stack(made, -1)


def guided(picture: Floats, guess: Floats, radius: float, epsilon: float) -> Floats:
    """The guess bent to the picture's edges: a guided filter with a colour guide (He, Sun, Tang 2010).

    `radius` is a share of the longest side, `epsilon` the variance of colour below which an area counts as flat.
    """
    import numpy as np

    height, width = guess.shape
    shrink = min(1.0, SOLVE_SIDE / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small, matte = scaled(picture, size), scaled(guess, size)
    reach = max(1, round(radius * max(size)))
    mean, mean_matte = box(small, reach), box(matte, reach)
    cross = box(small * matte[..., None], reach) - mean * mean_matte[..., None]
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    spread = np.empty((*matte.shape, 3, 3), np.float32)
    for i, j in pairs:
        value = box(small[..., i] * small[..., j], reach) - mean[..., i] * mean[..., j]
        spread[..., i, j] = spread[..., j, i] = value
    spread += np.eye(3, dtype=np.float32) * epsilon
    slope = np.linalg.solve(spread.astype(np.float64), cross[..., None].astype(np.float64))[..., 0].astype(np.float32)
    offset = mean_matte - (slope * mean).sum(-1)
    slope, offset = scaled(box(slope, reach), (width, height)), scaled(box(offset, reach), (width, height))
    result: Floats = np.clip((slope * picture).sum(-1) + offset, 0, 1)
    return result


def by_colour(picture: Floats, guess: Floats, radius: float) -> tuple[Floats, Floats]:
    """How much each pixel looks like the sure inside nearby rather than the sure outside; and how far they differ.

    Both (H, W): a matte 0 to 1, and the distance of the two colours, 0 to about 1.7.
    """
    import numpy as np

    inside = spread_colours(picture, np.clip(guess * 4 - 3, 0, 1), radius)
    outside = spread_colours(picture, np.clip(1 - guess * 4, 0, 1), radius)
    way = inside - outside
    length = (way**2).sum(-1)
    matte = ((picture - outside) * way).sum(-1) / np.maximum(length, 1e-4)
    return np.clip(matte, 0, 1).astype(np.float32), np.sqrt(length).astype(np.float32)


def spread_colours(picture: Floats, weight: Floats, radius: float = 0.0) -> Floats:
    """Colours where `weight` is 0 taken from where it is not, near before far (push and pull over a pyramid).

    `radius`, a share of the longest side, blurs first, so that single pixels do not decide.
    """
    import numpy as np

    weighted = np.concatenate([picture * weight[..., None], weight[..., None]], -1).astype(np.float32)
    if radius > 0:
        weighted = box(weighted, max(1, round(radius * max(weight.shape))))
    levels = [weighted]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        levels.append(scaled(levels[-1], ((width + 1) // 2, (height + 1) // 2)))
    colour = levels[-1][..., :3] / np.maximum(levels[-1][..., 3:], 1e-6)
    for level in reversed(levels[:-1]):
        height, width = level.shape[:2]
        sure = np.clip(level[..., 3:] * 8, 0, 1)
        own = level[..., :3] / np.maximum(level[..., 3:], 1e-6)
        colour = scaled(colour, (width, height)) * (1 - sure) + own * sure
    result: Floats = np.clip(colour, 0, 1).astype(np.float32)
    return result


def foreground(picture: Floats, matte: Floats) -> Floats:
    """The subject's own colours, (H, W, 3): the background is taken out of edge pixels, and they bleed outward.

    Blur fusion (Forte 2021) with both colours spread by pyramid: F' = F + a (I - a F - (1 - a) B). The matte is taken
    2 px narrower for it, so that an edge drawn a little too wide shows no fringe; thin parts keep their own colour.
    """
    import numpy as np

    narrow = np.clip(box(matte, 2) * 2 - 1, 0, 1)
    inside = spread_colours(picture, np.maximum(narrow**4, 0.05 * matte**4))
    outside = spread_colours(picture, (1 - matte) ** 4)
    share = narrow[..., None]
    mixed = inside + share * (picture - share * inside - (1 - share) * outside)
    result: Floats = np.clip(mixed, 0, 1).astype(np.float32)
    return result
