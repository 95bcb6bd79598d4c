# SPDX-License-Identifier: GPL-3.0-or-later
"""What the makers of clips are given: a body, times, phases of the steps, and dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .anatomy import Body
from .limbs import smooth
from .posing import Controls
from .stepping import Gait
from .ways import Way

Array = NDArray[Any]
Params = Mapping[str, float]
TAU = 2 * np.pi


@dataclass(frozen=True)
class Moment:
    """One clip on the timeline. `t` (T,): seconds since it began, negative before; `span`: how many it lasts.

    `phase` (T,): strides so far, the left (hind) foot lands at whole numbers; `vigour` (T,): 0 standing, 1 striding.
    `gone` (T,): metres since it began.
    `strength` and `pace` are what was asked for, 1 the usual. `loop`: it must repeat after `span`.
    """

    body: Body
    t: Array
    span: float
    way: Way
    phase: Array
    vigour: Array
    gone: Array
    params: Params
    strength: float
    pace: float
    seed: int
    loop: bool

    def cycles(self, rate: float) -> Array:
        """Angle (T,) that turns `rate` times a second; in a loop a whole number of times."""
        turns = rate * self.pace * self.span
        if self.loop:
            turns = max(1.0, round(turns))
        return TAU * turns * self.t / max(self.span, 1e-6)

    def dice(self, count: int, salt: int = 0) -> Array:
        """So many numbers from 0 to 1, the same for the same seed; all 0.5 for the seed 0."""
        if not self.seed:
            return np.full(count, 0.5)
        return np.random.default_rng([self.seed, salt]).random(count)

    def within(self, ease: float = 0.3) -> Array:
        """(T,) 1 while it lasts, softly 0 outside."""
        ease = min(ease, self.span / 2)
        return smooth(self.t / ease) * smooth((self.span - self.t) / ease)

    def vectors(self, x: Array | float = 0.0, y: Array | float = 0.0, z: Array | float = 0.0) -> Array:
        out: Array = np.stack([np.broadcast_to(np.asarray(v, float), self.t.shape) for v in (x, y, z)], axis=-1)
        return out


@dataclass(frozen=True)
class Maker:
    """How a family of clips is computed. `over`: laid over what the rest of the body does. `gait`: it goes by steps.

    `travels`: it takes the body along. `lasts`: seconds that it needs, where its numbers say it.
    """

    controls: Callable[[Moment], Controls]
    over: bool = False
    gait: Callable[[Body, Params], Gait] | None = None
    travels: bool = False
    lasts: Callable[[Body, Params, float], float] | None = None


def slow_noise(moment: Moment, rate: float, salt: int) -> Array:
    """(T,) from -1 to 1, without a visible period within a few seconds; in a loop it closes."""
    shifts = moment.dice(3, salt) * TAU + salt
    whole = moment.cycles(rate / max(moment.pace, 1e-6))
    out = np.sin(whole + shifts[0]) + 0.6 * np.sin(2 * whole + shifts[1]) + 0.4 * np.sin(3 * whole + shifts[2])
    return np.asarray(out / 1.6)
