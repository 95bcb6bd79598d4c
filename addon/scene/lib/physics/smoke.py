# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoke, steam and fire of a scene in words: puffs that rise, widen, drift in the wind and go.

Mantaflow's gas is not used even where it runs: its volumes lie in files beside the scene, which neither a copy of the
job nor an export takes along. Puffs are a mesh with shape keys and replay wherever the file goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from . import caches, clock, drifting, forces, pouring, recording
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
_COUNT = 200
_FLAMES = (0.7, 1.5, -0.5, 0.75)
_PLUME = 0.14
"""Of its way that a puff of smoke widens: as a plume does."""
_KINDS = {"fire": _FLAMES, "flame": _FLAMES, "steam": (1.8, 0.7, 2.0, 0.5), "smoke": (3.5, 0.8, 2.6, 0.5)}
"""Seconds that a puff lives, m/s that it rises, how many times its size it grows by, its first size by the source's."""


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Let each source smoke; returns figures."""
    sources = [each for each in things if each.item.type == "smoke" and each.main.type == "MESH"]
    if not sources:
        return {}
    grain, rise = drifting.puff(), 0.0
    for number, source in enumerate(sources):
        obj = source.main
        spots = pouring.world(source)
        told = lambda done, n=number: beat((n + done) / len(sources))  # noqa: E731
        shapes = np.array(list(_ways(spec, source, things, spots, grain, told)))
        rise = max(rise, float(shapes[-1][:, 2].max() - spots[:, 2].max()))
        back = np.linalg.inv(np.array(obj.matrix_world))
        new, old = drifting.mesh(obj.data.name, grain, _COUNT), obj.data
        for each in old.materials:
            new.materials.append(each)
        obj.data = new
        caches.keep_shapes(obj, np.array([recording.in_world(each, back) for each in shapes], np.float32))
    beat(1.0)
    return {"smokes": len(sources), "smoke_puffs": _COUNT * len(sources), "smoke_rise_m": round(rise, 3)}


def _ways(
    spec: SceneSpec, source: Thing, things: Sequence[Thing], spots: Array, grain: drifting.Grain,
    beat: Callable[[float], None],
) -> Iterator[Array]:  # fmt: skip
    """Vertices (N V, 3) in the world, frame by frame."""
    rng = np.random.default_rng(spec.seed + source.item.seed + 100 * source.index + 3)
    said = f"{source.item.material.name} {source.item.name}".lower()
    life, rise, grow, first = next((each for name, each in _KINDS.items() if name in said), _KINDS["smoke"])
    low, high = spots.min(axis=0), spots.max(axis=0)
    wide, scale = max(float((high - low)[:2].max()) / 2, 0.01), max(float((high - low).max()), 0.05)
    last, lasts, found = clock.last_frame(spec), clock.frame_time(spec), forces.fields(things)
    lives = life * rng.uniform(0.8, 1.2, _COUNT)
    ages = -lives * rng.permutation(_COUNT) / _COUNT  # they come one by one
    sizes, speeds = first * wide * rng.uniform(0.6, 1.2, _COUNT), np.zeros((_COUNT, 3))
    places = _born(low, high, _COUNT, rng)
    pace = rise * np.sqrt(scale / 0.5)
    up = -_unit(np.array(spec.environment.gravity)) * pace
    for frame in range(last):
        share = np.clip(ages / lives, 0.0, 1.0)
        full = sizes * (1 + grow * share) + _PLUME * max(grow, 0.0) / 2.6 * pace * np.maximum(ages, 0.0)
        full = full * np.minimum(1.0, 8 * share) * np.sqrt(1 - share)
        yield drifting.shape(grain, places, np.repeat(full[:, None], 3, axis=1))
        goes = forces.wind(spec, found, frame * lasts) * np.minimum(3 * share, 0.9)[:, None] + up
        turns = forces.swirl(places / (3 * scale), frame * lasts, spec.seed)
        goes = goes + (0.06 + 0.42 * share)[:, None] * pace * turns
        speeds += (goes - speeds) * min(1.0, 4 * lasts)
        speeds += lasts * forces.pull(spec, found, frame * lasts, places)
        alive = ages >= 0
        places[alive] += lasts * speeds[alive]
        ages += lasts
        gone = np.flatnonzero(ages >= lives)
        ages[gone], speeds[gone] = 0.0, 0.0
        places[gone] = _born(low, high, len(gone), rng)
        beat(frame / last)


def _born(low: Array, high: Array, count: int, rng: np.random.Generator) -> Array:
    """At the foot of the source, within its width."""
    middle, half = (low + high) / 2, (high - low) / 2
    spread = rng.uniform(-0.5, 0.5, (count, 3)) * half
    spread[:, 2] = -0.8 * half[2]
    out: Array = middle + spread
    return out


def _unit(way: Array) -> Array:
    """Down, where there is no gravity too."""
    far = float(np.linalg.norm(way))
    return way / far if far > 1e-9 else np.array([0.0, 0.0, -1.0])
