# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture of a body with a front and a back: two pictures side by side, and where each face finds its part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .filters import fill, gaussian, grow, sample, shrink
from .inflate import Body

Picture = NDArray[np.float32]

TURN = np.radians(57)  # where a surface begins to turn away from the viewer, as an angle around its cross-section
COARSE = 768  # px, longest side at which smooth colours are worked out
SPARE = 0.025  # the outermost part of a half-width that is never shown: there the photo is dark, blurred or mixed


def front(colour: Picture, alpha: NDArray[np.float32], rim: int) -> Picture:
    """Return the photo (rows, columns, 3; 0 to 1) with the object's own colours carried on beyond its outline.

    The outermost `rim` pixels are a mix with the old background, so they are replaced too, but not where a part is so
    thin that it has nothing else.
    """
    opaque = alpha > 0.9
    core = shrink(opaque, rim)
    trusted = core | (opaque & ~grow(core, rim + 1))
    weight = np.maximum(trusted.astype(np.float32), 0.01 * alpha * alpha)
    return fill(colour, gaussian(weight, 0.7) * np.maximum(trusted, weight))


def soften(picture: Picture, alpha: NDArray[np.float32]) -> Picture:
    """Return a plausible back: the colours of the outline carried inwards, with the fine grain of the front.

    What only a front has, such as a face, is gone in the middle; at the rim it is the front, so no seam shows.
    """
    solid: Picture = (alpha > 0.5).astype(np.float32)
    step = -(-max(alpha.shape) // COARSE)  # what is this smooth can be worked out on a smaller picture
    calm, near = _calm(_shrunk(picture, step), _shrunk(solid[..., None], step)[..., 0])
    calm, near = _stretched(calm, picture.shape), _stretched(near[..., None], picture.shape)
    fine = min(0.006 * max(alpha.shape), 2.5)
    grain = picture - gaussian(picture, fine)
    # Grain is what is fine and faint everywhere; a line or an edge is a feature, and would come back as a ghost.
    strength = gaussian((grain * grain).sum(axis=2), fine)[..., None]
    grain /= 1 + (strength / 0.03**2) ** 2
    keep = near * near
    return np.asarray(np.clip(picture * keep + (calm + grain) * (1 - keep), 0, 1), np.float32)


def _calm(picture: Picture, solid: Picture) -> tuple[Picture, Picture]:
    """Return the outline's colours carried inwards, and how near the outline each pixel is: 1 there and outside."""
    size = float(max(solid.shape))
    near = np.asarray(np.clip(2.2 * (1 - gaussian(solid, 0.03 * size)), 0, 1) ** 2, np.float32)
    # Hardly any weight in the middle, or a white belly would show on the back of a penguin.
    return gaussian(fill(picture, np.maximum(near, 1e-5)), 0.01 * size), near


def _shrunk(image: Picture, step: int) -> Picture:
    """The mean of each block of `step` by `step` pixels."""
    rows, columns = -image.shape[0] % step, -image.shape[1] % step
    padded = np.pad(image, [(0, rows), (0, columns), (0, 0)], mode="edge")
    blocks = padded.reshape(padded.shape[0] // step, step, padded.shape[1] // step, step, -1)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _stretched(image: Picture, shape: tuple[int, ...]) -> Picture:
    """Back to full size, linear in between, one axis after the other."""
    step = -(-max(shape) // COARSE)
    for axis in (0, 1):
        place = np.clip((np.arange(shape[axis]) + 0.5) / step - 0.5, 0, image.shape[axis] - 1)
        low = place.astype(np.intp)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        part = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        image = np.asarray(image.take(low, axis) * (1 - part) + image.take(high, axis) * part, np.float32)
    return image


def coordinates(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], forward: NDArray[np.bool_], body: Body
) -> NDArray[np.float32]:
    """Return uv (F, 3, 2), origin bottom-left; the faces that look `forward` (F,) find the left half.

    `vertices` are in grid units. Straight projection would smear the last pixel of the rim far over the side. So from
    TURN outwards the pixels are shared out evenly by angle, the outermost ones left out; farther in, nothing moves.
    """
    gx, gy = np.gradient(body.u)
    length = np.maximum(np.hypot(gx, gy), 1e-6)
    x, y = vertices[:, 0].astype(np.float64), vertices[:, 1].astype(np.float64)
    angle = np.maximum(body.angle(x, y), TURN)
    band = 1 - np.sin(TURN)
    even = SPARE + (band - SPARE) * (np.pi / 2 - angle) / (np.pi / 2 - TURN)
    inwards = sample(body.half, x, y) * (even - (1 - np.sin(angle)))
    shifted = x + inwards * sample(gx / length, x, y), y + inwards * sample(gy / length, x, y)
    place = np.stack([(s + 0.5) / n for s, n in zip(shifted, body.u.shape, strict=True)], axis=1)
    place[:, 0] /= 2
    uv = place[faces]
    uv[~forward, :, 0] += 0.5
    return np.asarray(uv, np.float32)
