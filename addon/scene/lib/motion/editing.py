# SPDX-License-Identifier: GPL-3.0-or-later
"""A take cut, mirrored, made faster, smoother, or closed to a loop. numpy only; takes are never changed in place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.errors import UserError
from .limbs import blurred
from .take import Take, about, after, inverse, turned

Array = NDArray[Any]
UP = np.array([0.0, 0.0, 1.0])


def continuous(turns: Array) -> Array:
    """The same turns (T, …, 4), of each quaternion's two signs the one that is nearer to the frame before."""
    dots = np.sum(turns[1:] * turns[:-1], axis=-1, keepdims=True)
    signs = np.cumprod(np.where(dots < 0, -1.0, 1.0), axis=0)
    return np.concatenate([turns[:1], turns[1:] * signs])


def between(first: Array, second: Array, share: Array | float) -> Array:
    """Spherical interpolation of quaternions (…, 4), the shorter way."""
    share = np.asarray(share, float)[..., None]
    dot = np.sum(first * second, axis=-1, keepdims=True)
    second = np.where(dot < 0, -second, second)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    flat = angle < 1e-4
    below = np.where(flat, 1.0, np.sin(angle))
    a = np.where(flat, 1 - share, np.sin((1 - share) * angle) / below)
    b = np.where(flat, share, np.sin(share * angle) / below)
    mixed = a * first + b * second
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))


def arc(first: Array, second: Array) -> Array:
    """The smallest turns (…, 4) that take directions (…, 3) into others; of opposite ones, about any level axis."""
    a = first / np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-12)
    b = second / np.maximum(np.linalg.norm(second, axis=-1, keepdims=True), 1e-12)
    a, b = np.broadcast_arrays(a, b)
    w = 1 + np.sum(a * b, axis=-1, keepdims=True)
    spare = np.cross(a, np.where(np.abs(a[..., :1]) > 0.9, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]))
    out = np.where(w < 1e-9, np.concatenate([0 * w, spare], axis=-1), np.concatenate([w, np.cross(a, b)], axis=-1))
    return np.asarray(out / np.linalg.norm(out, axis=-1, keepdims=True))


def trimmed(take: Take, start: float, end: float) -> Take:
    """From `start` to `end` in seconds; an end of 0 is that of the file."""
    first = round(start * take.fps)
    last = round(end * take.fps) + 1 if end > 0 else len(take)
    if first >= min(last, len(take)):
        seconds = (len(take) - 1) / take.fps
        raise UserError(f"Nothing is left of a motion of {seconds:.2f} s between the two times. Choose other times.")
    return cut(take, first, last)


def cut(take: Take, first: int, last: int) -> Take:
    """Its frames from `first` to the one before `last`."""
    return replace(take, turns=take.turns[first:last], places=take.places[first:last], contacts={})


def moved(take: Take, turn: Array, place: Array | None = None) -> Take:
    """The whole, rest pose and motion, turned by one quaternion (4,) about the origin, then put off by `place` (3,)."""
    place = np.zeros(3) if place is None else place
    return replace(
        take,
        heads=turned(turn, take.heads),
        tails=turned(turn, take.tails),
        turns=after(after(turn, take.turns), inverse(turn)),
        places=turned(turn, take.places) + place,
    )


def redirected(take: Take, turn: Array, place: Array) -> Take:
    """The motion alone turned (4,) and put off (3,); the rest pose stays."""
    return replace(take, turns=after(turn, take.turns), places=turned(turn, take.places) + place)


def mirrored(take: Take) -> Take:
    """Left and right changed by a mirror: who is named left then stands on the right, so names must be swapped too."""
    flip, turn = np.array([-1.0, 1.0, 1.0]), np.array([1.0, 1.0, -1.0, -1.0])
    return replace(
        take, heads=take.heads * flip, tails=take.tails * flip, turns=take.turns * turn, places=take.places * flip
    )


def resampled(take: Take, fps: float, speed: float = 1.0) -> Take:
    """At so many frames a second, `speed` times as fast."""
    step = take.fps * speed / fps
    count = max(1, int((len(take) - 1) / step + 1e-2) + 1)
    at = np.minimum(np.arange(count) * step, len(take) - 1)
    low = np.minimum(at.astype(int), max(len(take) - 2, 0))
    high, share = np.minimum(low + 1, len(take) - 1), at - low
    turns = between(take.turns[low], take.turns[high], np.broadcast_to(share[:, None], take.turns[low].shape[:2]))
    places = take.places[low] * (1 - share)[:, None] + take.places[high] * share[:, None]
    return replace(take, turns=turns, places=places, fps=fps, contacts={})


def smoothed(take: Take, width: float) -> Take:
    """Tremble of less than `width` frames taken away."""
    if width <= 0:
        return take
    turns = blurred(continuous(take.turns), width)
    turns /= np.maximum(np.linalg.norm(turns, axis=-1, keepdims=True), 1e-9)
    return replace(take, turns=turns, places=blurred(take.places, width))


def heading(turns: Array) -> Array:
    """How far (T,) in radians turns (T, 4) of the hips have turned about the vertical, without jumps."""
    return np.asarray(np.unwrap(2 * np.arctan2(turns[:, 3], turns[:, 0])))


def yaw(angle: Array | float) -> Array:
    return about(UP, np.asarray(angle, float))


def best_loop(take: Take, shortest: int) -> tuple[int, int]:
    """The two frames, at least so many apart, between which it repeats best: pose and speed alike."""
    count = len(take)
    if count <= shortest + 1:
        return 0, count - 1
    ends = turned(take.turns, take.tails - take.heads)
    level = take.places[:, 2:] * 2
    pose = np.concatenate([ends.reshape(count, -1), level], axis=1)
    speed = np.gradient(pose, axis=0) * take.fps * 0.15
    where = np.concatenate([pose, speed], axis=1)
    picked = np.arange(0, count, max(1, count // 400))
    square = np.sum(where[picked] ** 2, axis=1)
    apart = square[:, None] + square[None] - 2 * where[picked] @ where[picked].T
    apart = np.where(picked[None] - picked[:, None] >= shortest, apart, np.inf)
    first, last = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return int(picked[first]), int(picked[last])


def looped(take: Take, blend: int) -> tuple[Take, Array]:
    """Closed: its last frame has the pose of its first, which is then left out. And the way (3,) of one round.

    The difference of the poses is spread over the last `blend` frames; the way over the floor is kept.
    """
    blend = int(np.clip(blend, 1, len(take) - 1))
    share = np.zeros(len(take))
    x = np.arange(1, blend + 1) / blend
    share[-blend:] = x * x * (3 - 2 * x)
    gap = after(take.turns[0], inverse(take.turns[-1]))  # (J, 4): what takes the last pose into the first
    still = np.broadcast_to([1.0, 0.0, 0.0, 0.0], take.turns.shape)
    turns = after(between(still, np.broadcast_to(gap, take.turns.shape), share[:, None]), take.turns)
    places = take.places.copy()
    places[:, 2] += share * (take.places[0, 2] - take.places[-1, 2])
    way = (take.places[-1] - take.places[0]) * [1.0, 1.0, 0.0]
    return replace(take, turns=turns[:-1], places=places[:-1], loop=True), way


def repeated(take: Take, way: Array, times: int) -> Take:
    """A closed take so many times, each round beginning where the one before ended."""
    places = np.concatenate([take.places + round_ * way for round_ in range(times)])
    contacts = {name: np.tile(on, times) for name, on in take.contacts.items()}
    return replace(take, turns=np.tile(take.turns, (times, 1, 1)), places=places, contacts=contacts)
