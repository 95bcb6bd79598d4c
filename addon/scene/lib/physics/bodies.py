# SPDX-License-Identifier: GPL-3.0-or-later
"""What engines of rigid bodies are given and give back: plain numbers, the same for each of them.

Metres, kilograms, seconds, radians; world axes, Z up. A body's frame has its centre of mass as origin and the axes of
its object. A pose (7,) is place and quaternion wxyz; a motion (6,) is velocity in m/s and spin in rad/s, world axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Path = Callable[[float], Array]
"""The pose (7,) at a time in seconds."""


@dataclass(frozen=True)
class Body:
    """`kind`: active (falls and is hit), still (is hit) or moved (goes along `path` and pushes others).

    `shape` as in `protocol.scene.SHAPES` without auto; `points` (V, 3) and `faces` (F, 3) are its mesh in its frame (a
    hull may have no faces), `pieces` the points (P, 3) of each convex piece of a compound. Primitives fill the box of
    `points`, whose middle is the origin, round ones about Z.
    """

    name: str
    kind: str
    shape: str
    points: Array
    faces: Array
    pose: Array
    motion: Array = field(default_factory=lambda: np.zeros(6))
    rest: Array | None = None
    """Pose in which its joints were made; None is `pose`."""
    mass: float = 1.0
    friction: float = 0.5
    restitution: float = 0.5
    """Of a pair each is the product of both bodies', see `protocol.materials.bullet_restitutions`."""
    pieces: tuple[Array, ...] = ()
    path: Path | None = None
    linear_damping: float = 0.0
    """Share of its speed that it loses in a second."""
    angular_damping: float = 0.0

    @property
    def size(self) -> Array:
        """Of its box (3,)."""
        out: Array = np.ptp(self.points, axis=0)
        return out


@dataclass(frozen=True)
class Joint:
    """Between bodies `a` and `b` by number; `b` -1 is the world. `anchor` and `axis` in world axes at the rest poses.

    `kind` as in `protocol.scene.Constraint`. Limits in radians (hinge, ball) or metres (slider); None is free. A rope
    keeps `anchor` on a and `far` on b within `length`; a spring pulls them to it.
    """

    kind: str
    a: int
    b: int
    anchor: Array
    axis: Array
    low: float | None = None
    high: float | None = None
    far: Array | None = None
    length: float | None = None
    stiffness: float = 100.0
    damping: float = 0.5


@dataclass(frozen=True)
class World:
    """`step` in seconds; `force` gives newtons (B, 3) at the bodies' centres for a time and a state."""

    gravity: Array
    step: float
    iterations: int = 20
    start: float = 0.0
    """The time of the first state: paths and forces go by it."""
    force: Callable[[float, State], Array] | None = None


@dataclass(frozen=True)
class State:
    """`poses` (B, 7) and `motions` (B, 6) of all bodies, in their order."""

    poses: Array
    motions: Array


class Solve(Protocol):
    """The seam between our physics and an engine: a generator of the states after 0, 1, 2 ... steps, without end.

    Closing it frees all that the engine holds.
    """

    def __call__(self, bodies: list[Body], joints: list[Joint], world: World) -> Iterator[State]: ...
