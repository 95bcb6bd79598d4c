# SPDX-License-Identifier: GPL-3.0-or-later
"""Weather of a scene in words: rain, snow, sparks and leaves, as one mesh of grains whose ways are kept as shape keys.

Blender's own particles replay only from the first frame on, or from a cache that a copied file has not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .....backend.protocol.scene import SceneSpec
from ..material.substance import material
from . import caches, clock, drifting, forces, recording
from .thing import Thing

if TYPE_CHECKING:
    from ...work import Work

Array = NDArray[Any]
ROLE = "weather"
_FRAMES = 16
"""That a grain is seen at least, on its way down."""


@dataclass(frozen=True)
class Weather:
    """`fall` m/s; `size` half axes in metres of a scene of 1 m; `flutter` m/s of swirling; `of` a substance."""

    grain: drifting.Grain
    of: str
    count: int
    fall: float
    size: tuple[float, float, float]
    flutter: float
    spin: float


KINDS = {
    "rain": Weather(drifting.FLAKE, "water", 1200, 7.0, (0.0025, 0.0025, 0.05), 0.05, 0.0),
    "snow": Weather(drifting.FLAKE, "snow", 1500, 0.9, (0.007, 0.007, 0.007), 0.35, 1.0),
    "sparks": Weather(drifting.FLAKE, "fire", 700, 1.6, (0.005, 0.005, 0.005), 0.8, 2.0),
    "leaves": Weather(drifting.LEAF, "leaf", 160, 1.1, (0.035, 0.035, 0.035), 0.7, 4.0),
}


def bake(work: Work, spec: SceneSpec, things: Sequence[Thing], beat: Callable[[float], None]) -> dict[str, Any]:
    """Let it fall over all of the scene; returns figures."""
    for old in list(work.objects(ROLE)):
        bpy.data.objects.remove(old)
    kind = KINDS.get(spec.environment.weather)
    if not kind:
        return {}
    low, high = _room(things)
    high[2] = max(high[2], _FRAMES * kind.fall * clock.frame_time(spec))
    scale = float(np.clip((high - low)[:2].max() / 2.5, 0.2, 20.0))
    shapes = np.array(list(_ways(spec, kind, things, low, high, scale, beat)), np.float32)
    obj = bpy.data.objects.new(spec.environment.weather.capitalize(),
                               drifting.mesh(spec.environment.weather, kind.grain, kind.count))  # fmt: skip
    obj.data.materials.append(material(kind.of))
    caches.keep_shapes(work.add(ROLE, obj), shapes)
    beat(1.0)
    return {"weather": spec.environment.weather, "weather_grains": kind.count}


def _room(things: Sequence[Thing]) -> tuple[Array, Array]:
    """Where it falls: all that stands there, twice as wide, from the floor to above the highest."""
    parts = [part for each in things for part in each.parts if part.type == "MESH"]
    boxes = [recording.in_world(np.array(part.bound_box), part.matrix_world) for part in parts]
    points = np.concatenate(boxes) if boxes else np.array([[-1.0, -1, 0], [1, 1, 1]])
    low, high = points.min(axis=0), points.max(axis=0)
    wide = max(float((high - low).max()), 0.3)
    middle = (low + high) / 2
    return np.array([*(middle[:2] - 1.8 * wide), 0.0]), np.array([*(middle[:2] + 1.8 * wide), high[2] + 1.2 * wide])


def _ways(
    spec: SceneSpec, kind: Weather, things: Sequence[Thing], low: Array, high: Array, scale: float,
    beat: Callable[[float], None],
) -> Any:  # fmt: skip
    """Vertices (N V, 3) frame by frame; what reaches an end of the room comes in again at the other, unseen."""
    rng = np.random.default_rng(spec.seed + 11)
    last, lasts, found = clock.last_frame(spec), clock.frame_time(spec), forces.fields(things)
    room = high - low
    places = low + rng.uniform(0, 1, (kind.count, 3)) * room
    sizes = np.array(kind.size) * max(0.4, scale**0.5) * rng.uniform(0.6, 1.3, (kind.count, 1))
    falls = kind.fall * rng.uniform(0.8, 1.2, kind.count)
    angles, spins = rng.uniform(0, 6.3, (kind.count, 2)), kind.spin * rng.normal(size=(kind.count, 2))
    fresh = np.zeros(kind.count, bool)
    for frame in range(last):
        time = frame * lasts
        speed = forces.wind(spec, found, time) + kind.flutter * forces.swirl(places / scale, time, spec.seed)
        speed[:, 2] -= falls
        after = places + lasts * speed
        out = ((after < low) | (after > high)).any(axis=1)
        hidden = out | fresh
        tilt = turns_of(speed) if kind.spin == 0 else drifting.turned(angles + spins * time)
        yield drifting.shape(kind.grain, places, np.where(hidden[:, None], 0.0, sizes), tilt)
        places, fresh = low + (after - low) % room, out
        beat(frame / last)


def turns_of(speed: Array) -> Array:
    """Rotations (N, 3, 3) that lay Z along the way of each."""
    z = speed / np.maximum(np.linalg.norm(speed, axis=1, keepdims=True), 1e-9)
    x = np.cross(np.array([0.0, 1.0, 0.0]), z)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return np.stack([x, np.cross(z, x), z], axis=2)
