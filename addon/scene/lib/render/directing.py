# SPDX-License-Identifier: GPL-3.0-or-later
"""Of many bodies, what a camera frames at each frame: all of it from one place, or the small ones while they act.

numpy only. `Cast` is what was seen; boxes are (F, N, 2, 3) lowest and highest corners in metres, NaN where hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .framing import Array

_ACTS, _CREEPS = 0.08, 0.015
"""Of its size, and of the picture's height, a second: what moves less is at rest to the eye."""
_TALL = 0.75
"""Height of a picture by its width."""
_SMALL, _TINY, _LEAST, _PAIR = 0.08, 0.05, 0.15, 0.03
"""Of the picture's height: what acts and would be smaller over the film, or smaller than `_TINY` of all that is there
at the moment, is gone after, and then it has at least so much of it; or `_PAIR`, where others act as well."""
_FAST, _SOME = 0.7, 0.25
"""Of its size a second: what the camera goes after moves so fast; and so many of a kind do."""
FEW = 5
"""Of so many of a kind all are looked at; of more those in the midst."""
_NEAR, SHARDS, _LARGE = 2.2, 0.6, 0.4
"""Times as far from their midst as the nearer half: what is farther has left; of pieces. Of the largest: what counts
there."""
_ALONG, _LONG = 42.0, 4.0
"""Degrees from the front, and how many times longer than deep and tall a row is that is seen from there."""
_CROWD = 16
"""So many of a kind are seen as well as one of twice the size."""
_SOON, _STILL = 0.1, 0.35
"""Seconds before something acts, and after, in which it counts as acting."""
_AFTER, _SHORTEST = 1.0, 2.0
"""Seconds that a film goes on when all is at rest; it lasts at least so long."""


@dataclass(frozen=True)
class Cast:
    """`moved` (F, N) metres that the fastest point of each went since the frame before; `kinds` (N,) what they are, the
    same for all of a kind and all pieces of a thing; `kept` (F, N) whether it has not left; `rate` frames a second."""

    boxes: Array
    moved: Array
    kinds: Sequence[str]
    kept: Array
    rate: float

    @cached_property
    def sizes(self) -> Array:
        """(N,) the longest side of each, metres."""
        sides = np.nanmax(np.where(self.shown[..., None], self.boxes[:, :, 1] - self.boxes[:, :, 0], 0.0), axis=2)
        out: Array = np.maximum(sides.max(axis=0), 1e-6)
        return out

    @cached_property
    def shown(self) -> Array:
        out: Array = np.isfinite(self.boxes[:, :, 0, 0])
        return out

    @cached_property
    def acts(self) -> Array:
        """(F, N) does it move so that one sees it?"""
        least = np.maximum(_ACTS * self.sizes, _CREEPS * self.extent) / self.rate
        out: Array = (self.moved > least) & self.kept & self.shown
        return out

    @cached_property
    def extent(self) -> float:
        """Height of a picture of everything that stays, metres."""
        stays = self.kept & self.shown
        return tall(self.boxes[:, :, 0][stays].min(axis=0), self.boxes[:, :, 1][stays].max(axis=0))

    @cached_property
    def seen(self) -> Array:
        """(N,) how large each looks, metres: many of a kind more than one."""
        counts = {kind: list(self.kinds).count(kind) for kind in set(self.kinds)}
        out: Array = self.sizes * np.array([min(counts[kind], _CROWD) ** 0.25 for kind in self.kinds])
        return out

    @cached_property
    def heroes(self) -> Array:
        """(N,) acts, and would be too small in a picture of everything."""
        out: Array = self.acts.any(axis=0) & (self.seen < _SMALL * self.extent)
        return out


def tall(low: Array, high: Array) -> float:
    """Height in metres of a picture that shows a box."""
    wide = high - low
    return float(max(wide[2], _TALL * wide[:2].max(), 1e-6))


def side(low: Array, high: Array) -> float | None:
    """Degrees from the front from which a box is seen best: along what is much longer than deep and tall; none else."""
    wide = high - low
    return _ALONG if wide[0] > _LONG * max(wide[1], wide[2]) else None


def rest(cast: Cast) -> int:
    """The last frame, from 0, at which something moves; -1 where nothing ever does."""
    return int(np.flatnonzero(cast.acts.any(axis=1)).max(initial=-1))


def leaves(cast: Cast) -> bool:
    """Has all that moved left when the last of it is at rest to the eye?"""
    last = min(rest(cast) + 1, len(cast.kept) - 1)
    return not (cast.kept[last] & cast.acts.any(axis=0)).any()


def length(moves_until: int, whole: int, rate: float, left: bool = False) -> int:
    """Frames of a film that ends when all is at rest: `moves_until` as `rest` has it, `whole` at most; `left`: none is
    waited for."""
    if moves_until < 0:
        return whole
    return min(whole, max(moves_until + 1 + round(0.0 if left else _AFTER * rate), round(_SHORTEST * rate)))


def windows(cast: Cast) -> Array | None:
    """(F, 2, 3) the box around the heroes at each frame, beyond which nothing need be seen; nothing where all is large
    enough from one place. NaN before something acts, and when all is over."""
    kinds = sorted({kind for kind, hero in zip(cast.kinds, cast.heroes, strict=True) if hero})
    if not kinds:
        return None
    members = [np.flatnonzero([each == kind for each in cast.kinds] & cast.heroes) for kind in kinds]
    acts, began = _acting(cast, members)
    out = np.full((len(acts), 2, 3), np.nan)
    last = int(np.flatnonzero(acts.any(axis=1)).max(initial=-1))
    for frame in range(last + 1):
        here = [k for k in np.flatnonzero(acts[frame]) if (cast.shown & cast.kept)[frame, members[k]].any()]
        if here:
            groups = [members[k] for k in sorted(here, key=lambda k: -int(began[frame, k]))]
            out[frame] = _window(cast, frame, groups)
        elif frame:
            out[frame] = out[frame - 1]
    return out


def _acting(cast: Cast, members: list[Array]) -> tuple[Array, Array]:
    """(F, K) which kinds go fast now or soon, and the frame at which they began to."""
    soon, still = (max(1, round(each * cast.rate)) for each in (_SOON, _STILL))
    fast = (cast.moved > _FAST * cast.sizes / cast.rate) & cast.acts
    acts = np.stack([fast[:, mine].sum(axis=1) >= _SOME * len(mine) for mine in members], axis=1)
    wide = np.lib.stride_tricks.sliding_window_view(np.pad(acts, ((still, soon), (0, 0))), still + 1 + soon, axis=0)
    acts = wide.any(axis=-1)
    began = np.zeros(acts.shape, int)
    for k, mine in enumerate(acts.T):
        starts = np.flatnonzero(mine & ~np.concatenate([[False], mine[:-1]]))
        at = np.searchsorted(starts, np.arange(len(mine)), side="right") - 1
        began[:, k] = np.where(at >= 0, starts[np.maximum(at, 0)], 0) if len(starts) else 0
    return acts, began


def _window(cast: Cast, frame: int, groups: list[Array]) -> Array:
    """Around what began to act last, and around as many of the others as leave it large enough."""
    boxes = cast.boxes[frame]
    stays = boxes[(cast.shown & cast.kept)[frame]]
    least = float(cast.seen[groups[0]].max())
    low, high = stays[:, 0].min(axis=0), stays[:, 1].max(axis=0)
    if least >= _TINY * tall(low, high):
        return np.stack([low, high])
    here = [mine[(cast.shown & cast.kept)[frame, mine]] for mine in groups]
    room = float(cast.sizes[groups[0]].max()) / _LEAST
    here[0] = core(here[0], boxes, room / 2)
    low, high = boxes[here[0], 0].min(axis=0), boxes[here[0], 1].max(axis=0)
    most = max(room, *(high - low))
    for others in here[1:]:
        wider = np.minimum(low, boxes[others, 0].min(axis=0)), np.maximum(high, boxes[others, 1].max(axis=0))
        if max(wider[1] - wider[0]) <= max(most, least / _PAIR):
            low, high = wider
    half = np.maximum(high - low, most) / 2
    return np.stack([(low + high) / 2 - half, (low + high) / 2 + half])


def core(mine: Array, boxes: Array, reach: float) -> Array:
    """Of many of a kind those within `reach` metres of their middle, the nearest `_SOME` of them at least."""
    middles = boxes[mine].mean(axis=1)
    away = np.linalg.norm(middles - np.median(middles, axis=0), axis=1)
    out: Array = mine[away <= max(reach, float(np.quantile(away, _SOME)))] if len(mine) > FEW else mine
    return out


def midst(mine: Array, boxes: Array, near: float = _NEAR) -> Array:
    """Of many of a kind the half that is nearest to where the large ones are, with all that are not `near` times as far
    off; `mine` are numbers in `boxes` (N, 2, 3)."""
    if len(mine) <= FEW:
        return mine
    middles = boxes[mine].mean(axis=1)
    sizes = (boxes[mine, 1] - boxes[mine, 0]).max(axis=1)
    large = sizes >= _LARGE * sizes.max()
    away = np.linalg.norm(middles - np.median(middles[large], axis=0), axis=1)
    out: Array = mine[away <= max(near * float(np.median(away[large])), float(sizes.max()))]
    return out
