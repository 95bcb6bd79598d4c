# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns and limbs over time, in numpy: two bones that reach a point, a bone that looks where it is told."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .take import about, after, turned

Array = NDArray[Any]
X, Y, Z = np.eye(3)
FORWARD = -Y
_FULL = 0.9995
"""Share of its length that a limb stretches to at most: a straight one has no plane to bend in."""


def rotation(vectors: Array) -> Array:
    """Quaternions (…, 4) of rotation vectors (…, 3): about the axis along them, by their length in radians."""
    vectors = np.asarray(vectors, float)
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    half = np.sinc(angle / (2 * np.pi)) / 2  # sin(a/2) / a, also for a = 0
    return np.concatenate([np.cos(angle / 2), vectors * half], axis=-1)


def heading(angles: Array) -> Array:
    """Turns (…, 4) about the vertical; 0 faces -Y, a quarter turn faces +X, the body's left."""
    return about(Z, angles)


def unit(vectors: Array) -> Array:
    out: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return out


def between(first: Array, second: Array) -> Array:
    """The shortest turn (…, 4) from one unit vector (…, 3) to another; half turns go about Y, as arms do."""
    cosine = np.sum(first * second, axis=-1, keepdims=True)
    quaternion = np.concatenate([1 + cosine, np.cross(first, second)], axis=-1)
    quaternion = np.where(cosine < -0.9999, np.array([0.0, 0.0, 1.0, 0.0]), quaternion)
    return unit(quaternion)


def of_matrix(rows: Array) -> Array:
    """Quaternions (…, 4) of rotation matrices (…, 3, 3)."""
    m = rows
    trace = m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    squares = np.stack([trace, *(2 * m[..., k, k] - trace for k in range(3))], -1)
    w = np.stack([1 + trace, m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1)
    out = [w]
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        row: list[Any] = [None] * 4
        row[0] = m[..., j, i] - m[..., i, j]
        row[1 + k] = 1 + 2 * m[..., k, k] - trace
        row[1 + i] = m[..., i, k] + m[..., k, i]
        row[1 + j] = m[..., j, k] + m[..., k, j]
        out.append(np.stack(row, -1))
    best = squares.argmax(axis=-1)
    return unit(np.take_along_axis(np.stack(out, -2), best[..., None, None], axis=-2)[..., 0, :])


def framed(along: Array, normal: Array) -> Array:
    """Matrices (…, 3, 3) whose columns are a direction, what is nearest to `normal` across it, and the third."""
    along = unit(along)
    normal = np.broadcast_to(normal, along.shape)
    across = unit(normal - along * np.sum(along * normal, axis=-1, keepdims=True))
    return np.stack([along, across, np.cross(along, across)], axis=-1)


def laid(rest: tuple[Array, Array], now: tuple[Array, Array]) -> Array:
    """The turn (…, 4) that lays a bone's direction and normal at rest (3,) onto those of now (…, 3)."""
    return of_matrix(framed(*now) @ framed(*rest).T)


def reach(start: Array, goal: Array, lengths: tuple[float, float], pole: Array) -> tuple[Array, Array]:
    """Where the middle joint and the end of two bones are (T, 3) that reach for `goal`, bent towards `pole` (T, 3)."""
    one, two = lengths
    way = goal - start
    far = np.linalg.norm(way, axis=-1, keepdims=True)
    direction = way / np.maximum(far, 1e-9)
    held = np.clip(far, abs(one - two) * 1.001 + 1e-6, (one + two) * _FULL)
    along = (one**2 - two**2 + held**2) / (2 * held)
    across = np.sqrt(np.maximum(one**2 - along**2, 0.0))
    aside = unit(pole - direction * np.sum(pole * direction, axis=-1, keepdims=True))
    return start + direction * along + aside * across, start + direction * held


def hung(rest: Array, wanted: Array) -> Array:
    """The turn (T, 4) of an arm that rests along `rest` (3,) and shall point to `wanted` (T, 3), unit vectors.

    First down to the side within the frontal plane, then the short way from there: an arm that was modelled level or
    up hangs with its palm inwards and does not roll about itself.
    """
    side = np.sign(rest[0]) or 1.0
    down = unit(np.array([0.16 * side, 0.0, -1.0]))
    angle = np.arctan2(down[0], down[2]) - np.arctan2(rest[0], rest[2])
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    lowered = about(Y, np.array(angle if np.hypot(rest[0], rest[2]) > 0.2 else 0.0))
    lowered = after(between(turned(lowered, rest), down), lowered)
    return after(between(np.broadcast_to(down, wanted.shape), wanted), lowered)


def smooth(x: Array | float) -> Array:
    """0 below 0, 1 above 1, and a soft way between."""
    x = np.clip(x, 0.0, 1.0)
    out: Array = np.asarray(x * x * (3 - 2 * x))
    return out


def blurred(values: Array, width: float, *, onward: bool = False) -> Array:
    """Values (T, …) averaged over time by a Gaussian of so many frames; beyond the ends held, or going `onward`."""
    if width <= 0 or len(values) < 2:
        return values
    side = int(np.ceil(3 * width))
    side = min(side, len(values) - 1) if onward else side
    kernel = np.exp(-0.5 * (np.arange(-side, side + 1) / width) ** 2)
    kernel /= kernel.sum()
    flat = values.reshape(len(values), -1)
    ends = np.repeat(flat[:1], side, 0), np.repeat(flat[-1:], side, 0)
    if onward:
        ends = 2 * flat[:1] - flat[side:0:-1], 2 * flat[-1:] - flat[-2 : -side - 2 : -1]
    padded = np.concatenate([ends[0], flat, ends[1]])
    out = np.stack([np.convolve(padded[:, k], kernel, "valid") for k in range(flat.shape[1])], -1)
    return out.reshape(values.shape)
