# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a liquid's particles come from: blocks that are there at the start, and what pours out of a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from .....backend.protocol import materials
from .....backend.protocol.materials import Substance
from .....backend.protocol.scene import Event, Item, SceneSpec
from ..mesh import meshes
from ..mesh.inside import Inside
from . import clock
from .flip import PER_CELL, Liquid, Solids
from .recording import in_world
from .thing import Thing

Array = NDArray[Any]
PARTICLES = 12_000
"""That a liquid is cut into: they set the side of a cell."""
USUAL = 0.8
"""m/s with which something pours where nothing is said."""
_LITRE = 1e-3


def substance(item: Item) -> Substance:
    """What a liquid is: what its document or its name says, or water."""
    said = materials.named().get("_".join(item.name.lower().split()), "")
    liquid = said and materials.substances()[said].kind == "fluid"
    return materials.resolved(item.material, said if liquid else "water")


def volume(thing: Thing, spec: SceneSpec) -> float:
    """m³ that it will be at the end."""
    item = thing.item
    if item.flow > 0:
        start, stop = span(item, spec)
        return item.flow * _LITRE * max(stop - start, 0.0)
    return volume_of(world(thing), meshes.drawn(thing.main.data)[0])


def volume_of(points: Array, triangles: Array) -> float:
    """Of a closed surface, whichever way it faces."""
    a, b, c = (points[triangles[:, k]].astype(float) for k in range(3))
    return abs(float(np.einsum("ij,ij->", a, np.cross(b, c)))) / 6


def world(thing: Thing) -> Array:
    """Its vertices (V, 3) where they stand."""
    return in_world(meshes.vertices_of(thing.main.data).astype(float), thing.main.matrix_world)


def cell(things: Sequence[Thing], spec: SceneSpec) -> float:
    """The side in metres at which all of them are about `PARTICLES`."""
    whole = sum(volume(each, spec) for each in things)
    return float(max((whole * PER_CELL / PARTICLES) ** (1 / 3), 1e-4))


def span(item: Item, spec: SceneSpec) -> tuple[float, float]:
    """Seconds from when to when it pours."""

    def first(kinds: tuple[str, ...], usual: float) -> float:
        found: list[Event] = [each for each in spec.events if each.target == item.id and each.kind in kinds]
        return min((each.time for each in found), default=usual)

    return first(("release", "open"), 0.0), first(("stop", "close"), clock.frame_time(spec) * clock.last_frame(spec))


def block(thing: Thing, side: float, solids: Solids, rng: np.random.Generator) -> Array:
    """Particles (N, 3) that fill its mesh, where nothing solid is."""
    points = world(thing)
    triangles, _ = meshes.drawn(thing.main.data)
    gap = side / 2
    low, high = points.min(axis=0), points.max(axis=0)
    xs, ys, zs = (np.arange(low[a] + gap / 2, high[a], gap) for a in range(3))
    encloses = Inside(points, triangles)
    columns = [encloses.column(x, y, zs) for x in xs for y in ys]
    found: Array = np.concatenate([each for each in columns if len(each)] or [np.zeros((0, 3))])
    count = max(1, round(volume_of(points, triangles) / gap**3))  # as many as its volume asks for
    if len(found):
        found = found[rng.permutation(len(found))[:count]]
        found = np.concatenate([found, found[rng.integers(0, len(found), count - len(found))]])
    found = found + rng.uniform(-0.25, 0.25, found.shape) * gap
    return found[solids(found)[0] > 0.3 * side] if len(found) else found


@dataclass
class Spout:
    """Pours `flow` m³/s out of a disc at `place`, with `speed` (3,) in m/s, from `start` to `stop` seconds."""

    place: Array
    speed: Array
    flow: float
    start: float
    stop: float
    owed: float = 0.0
    sent: int = 0

    @classmethod
    def of(cls, thing: Thing, spec: SceneSpec) -> Spout:
        points = world(thing)
        speed = np.array(thing.item.initial_velocity, float)
        if not speed.any():
            down = np.array(spec.environment.gravity)
            speed = USUAL * down / max(float(np.linalg.norm(down)), 1e-9)
        middle = (points.min(axis=0) + points.max(axis=0)) / 2
        return cls(middle, speed, thing.item.flow * _LITRE, *span(thing.item, spec))

    def pour(self, liquid: Liquid, time: float, lasts: float) -> None:
        """What comes in the `lasts` seconds from `time` on, evenly (Roberts' R2 sequence): clumps would tear it."""
        if not self.start <= time < self.stop:
            return
        self.owed += self.flow * lasts * PER_CELL / liquid.cell**3
        count = int(self.owed)
        self.owed -= count
        fast = float(np.linalg.norm(self.speed))
        wide = max((self.flow / (np.pi * fast)) ** 0.5, 0.8 * liquid.cell)
        turn = np.array(Vector(self.speed).to_track_quat("Z", "Y").to_matrix())
        number = self.sent + np.arange(count)
        self.sent += count
        far, angle = wide * np.sqrt(0.7548776662 * number % 1), 2 * np.pi * 0.5698402910 * number
        along = fast * lasts * (np.arange(count) + 0.5) / max(count, 1)
        disc = np.stack([far * np.cos(angle), far * np.sin(angle), along], axis=1)
        liquid.add(self.place + disc @ turn.T, self.speed)
