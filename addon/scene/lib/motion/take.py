# SPDX-License-Identifier: GPL-3.0-or-later
"""A motion as plain data, of a skeleton of its own: what files are read into and what clips compute.

Metres, Z up, the body faces -Y, its left is +X. numpy only; putting a take onto a rig is `retarget`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Take:
    """`names` (J) with parents before children; `parents` (J,) int, -1 for the first.

    `heads` and `tails` (J, 3): the source's rest pose in metres. `turns` (T, J, 4): quaternions w x y z, each joint's
    turn in the *world's* axes against its rest pose, its ancestors' turns included: a bone's direction at a frame is
    `turn · (tail - head)`. `places` (T, 3): where the first joint is. `stretch` (T, J, 3), where given, scales each
    bone along its own axes. `contacts`: names of joints and (T,) bool, true where that joint's end stands on the floor.
    """

    names: tuple[str, ...]
    parents: Array
    heads: Array
    tails: Array
    turns: Array
    places: Array
    fps: float
    loop: bool = False
    stretch: Array | None = None
    contacts: Mapping[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, frames = len(self.names), len(self.places)
        if self.turns.shape != (frames, count, 4) or self.heads.shape != (count, 3) or self.tails.shape != (count, 3):
            raise ValueError(f"a take of {frames} frames and {count} joints has turns {self.turns.shape}")
        if any(parent >= joint for joint, parent in enumerate(self.parents)):
            raise ValueError("a joint comes before its parent")

    def __len__(self) -> int:
        return len(self.places)

    @property
    def height(self) -> float:
        """From the floor to the first joint at rest: what steps and jumps scale with."""
        return float(self.heads[0, 2] - min(self.heads[:, 2].min(), self.tails[:, 2].min()))

    def joints(self) -> tuple[Array, Array]:
        """Heads and tails (T, J, 3) of all bones at every frame, stretch left out."""
        heads = np.empty((len(self), len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                heads[:, joint] = self.places
            else:
                offset = self.heads[joint] - self.heads[parent]
                heads[:, joint] = heads[:, parent] + turned(self.turns[:, parent], offset)
        return heads, heads + turned(self.turns, self.tails - self.heads)


def turned(turns: Array, vectors: Array) -> Array:
    """Vectors (…, 3) turned by unit quaternions (…, 4), w x y z."""
    w, axis = turns[..., :1], turns[..., 1:]
    cross = np.cross(axis, vectors)
    out: Array = vectors + 2 * (w * cross + np.cross(axis, cross))
    return out


def after(second: Array, first: Array) -> Array:
    """The turn that does `first`, then `second`: the product of quaternions (…, 4), w x y z."""
    w1, x1, y1, z1 = np.moveaxis(np.asarray(second, float), -1, 0)
    w2, x2, y2, z2 = np.moveaxis(np.asarray(first, float), -1, 0)
    return np.stack(
        [
            w1 * w2 - x1 * x2 - y1 * y2 - z1 * z2,
            w1 * x2 + x1 * w2 + y1 * z2 - z1 * y2,
            w1 * y2 - x1 * z2 + y1 * w2 + z1 * x2,
            w1 * z2 + x1 * y2 - y1 * x2 + z1 * w2,
        ],
        axis=-1,
    )


def inverse(turns: Array) -> Array:
    out: Array = np.asarray(turns) * np.array([1.0, -1.0, -1.0, -1.0])
    return out


def about(axis: Array, angles: Array) -> Array:
    """Quaternions (…, 4) of turns by `angles` (…) in radians about a unit axis (3,)."""
    angles = np.asarray(angles, float)[..., None]
    return np.concatenate([np.cos(angles / 2), np.sin(angles / 2) * np.asarray(axis, float)], axis=-1)
