# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels of a vehicle: separate shells that are round discs near the floor, or arcs of its underside.

The body faces -Y, axles run along X.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .....backend.geometry import parts
from . import proxy
from .backbone import UP
from .shape import Shape
from .skeleton import ROOT, Bone, Skeleton, root

Array = NDArray[Any]
_SECTORS = 20
_SMALL, _BIG = 0.04, 0.3
"""Of the body's length: radii of wheels."""


@dataclass(frozen=True)
class Wheel:
    """`centre` (3,) and `radius`, `width` in metres."""

    centre: Array
    radius: float
    width: float


def look(shape: Shape, arcs: float = 1.0) -> tuple[float, Shape, list[Wheel]]:
    """How much it is like a vehicle, 0 to 1; its shape with axles along X; its wheels.

    `arcs` 0 to 1 is how far circles of an underside are trusted: round paws have them too.
    """
    best: tuple[float, Shape, list[Wheel]] = (0.0, shape, [])
    for seen in (shape, shape.turned(-np.pi / 2)):
        for ways, trust in ((_discs, 1.0), (_arcs, 0.8 * arcs)):
            wheels = ways(seen)
            score = trust * _likely(seen, wheels)
            if score > best[0] + 0.05:
                best = score, seen, wheels
    return best


def _likely(shape: Shape, wheels: list[Wheel]) -> float:
    """Two at least, one behind the other, of about one size; most have a counterpart on the other side."""
    if len(wheels) < 2 or len(wheels) > 24:
        return 0.0
    long = float(shape.size[1])
    y = np.array([wheel.centre[1] for wheel in wheels])
    sizes = np.array([wheel.radius for wheel in wheels])
    apart = np.clip(np.ptp(y) / (0.3 * long), 0, 1)
    alike = np.clip(2.2 - sizes.max() / sizes.min(), 0, 1)
    mates = [any(np.linalg.norm(a.centre * [-1, 1, 1] - b.centre) < 0.5 * a.radius for b in wheels) for a in wheels]
    return float(apart * alike * (0.3 + 0.7 * np.mean(mates)))


def _discs(shape: Shape) -> list[Wheel]:
    """Shells that are round about an axis along X and reach down to the floor; rims are one with their tyres."""
    size = float(shape.size.max())
    grid = np.rint(shape.surface / (1e-5 * size)).astype(np.int64)
    _, weld = np.unique(grid, axis=0, return_inverse=True)
    weld = weld.reshape(-1)
    faces = weld[shape.triangles]
    label = parts.label(faces.astype(np.int32), int(weld.max()) + 1)[faces[:, 0]]
    found: list[Wheel] = []
    names, counts = np.unique(label, return_counts=True)
    for name in names[np.argsort(-counts)][:200]:
        wheel = _disc(shape, shape.triangles[label == name])
        if wheel and all(np.linalg.norm(wheel.centre - other.centre) > 0.7 * other.radius for other in found):
            found.append(wheel)
    return found


def _disc(shape: Shape, faces: Array) -> Wheel | None:
    points = shape.surface[np.unique(faces)]
    low, high = points.min(axis=0), points.max(axis=0)
    extent, middle, long = high - low, (low + high) / 2, float(shape.size[1])
    radius = float(extent[1:].mean() / 2)
    if not _SMALL * long < radius < _BIG * long or abs(extent[1] - extent[2]) > 0.2 * radius:
        return None
    if extent[0] > 2.2 * radius or low[2] - shape.low[2] > 0.5 * radius:
        return None
    dense, _ = proxy.samples(shape.surface, faces, 0.1 * radius)
    away = dense[:, 1:] - middle[1:]
    sector = ((np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi) % 1) * _SECTORS).astype(int) % _SECTORS
    rim = np.zeros(_SECTORS)
    np.maximum.at(rim, sector, np.linalg.norm(away, axis=1))
    return Wheel(middle, radius, float(extent[0])) if rim.min() > 0.85 * radius and rim.max() < 1.15 * radius else None


def _arcs(shape: Shape) -> list[Wheel]:
    """Circles that stand on the floor, fitted to the lowest line of each side; only those that both sides have."""
    half, long, step = 0.5 * float(shape.size[0]), float(shape.size[1]), 0.5 * shape.cells.cell
    points, _ = proxy.samples(shape.surface, shape.triangles, step)
    sides = []
    for side in (1, -1):
        outer = points[points[:, 0] * side > 0.45 * half]
        sides.append(_circles(outer[:, 1:] - [0, shape.low[2]], step, long) if len(outer) else [])
    found = []
    for y, radius in sides[0]:
        for other, second in sides[1]:
            if abs(y - other) < 0.3 * radius and abs(radius - second) < 0.25 * radius:
                at, size = (y + other) / 2, (radius + second) / 2
                width = 0.3 * half
                for side in (1, -1):
                    place = np.array([side * (half - width / 2 - step), at, shape.low[2] + size])
                    found.append(Wheel(place, size, width))
                break
    return found


def _circles(line: Array, step: float, long: float) -> list[tuple[float, float]]:
    """(y, radius) of circles tangent to the floor that the lowest line of points (S, 2) is made of."""
    start = line[:, 0].min()
    bins = ((line[:, 0] - start) / step).astype(int)
    lowest = np.full(bins.max() + 1, np.inf)
    np.minimum.at(lowest, bins, line[:, 1])
    y = start + (np.arange(len(lowest)) + 0.5) * step
    on = lowest < 0.02 * long
    found = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    for first, last in edges.reshape(-1, 2):
        fits = [_circle(y, lowest, (first, last), share * long, long) for share in (0.02, 0.035, 0.05, 0.07, 0.1)]
        found += [max((fit for fit in fits if fit), key=lambda fit: fit[2], default=None)]
    return [(fit[0], fit[1]) for fit in found if fit]


def _circle(y: Array, low: Array, at: tuple[int, int], high: float, long: float) -> tuple[float, float, float] | None:
    """(y, radius, angle that it spans) of the arc around bins `at` below a height, or None where that is none."""
    a, b = at
    while a > 0 and low[a - 1] < high:
        a -= 1
    while b < len(y) and low[b] < high:
        b += 1
    u, z = y[a:b], low[a:b]
    if len(u) < 6:
        return None
    table = np.stack([u, z, np.ones(len(u))], axis=1)
    (p, q, _), *_ = np.linalg.lstsq(table, u**2 + z**2, rcond=None)
    centre, radius = float(p / 2), float(q / 2)
    if not _SMALL * long < radius < _BIG * long:
        return None
    error = float(np.abs(np.hypot(u - centre, z - radius) - radius).mean())
    span = float(np.ptp(u)) / radius
    return (centre, radius, span) if error < 0.04 * radius and span > 0.9 else None


def skeleton(shape: Shape, wheels: list[Wheel], confidence: float) -> Skeleton:
    """`body` from the rear to the front, and a bone for each wheel from its middle along its axle to the left (+X),
    as long as the wheel's radius: a turn about the bone rolls it. Numbered from the front."""
    low, size = shape.low, shape.size
    height = float(np.mean([wheel.centre[2] for wheel in wheels])) if wheels else float(low[2] + 0.3 * size[2])
    rear = np.array([0.0, low[1] + 0.9 * size[1], height])
    front = np.array([0.0, low[1] + 0.1 * size[1], height])
    out = [root(np.array([0.0, low[1] + size[1] / 2, 0.0]), 0.3 * float(size[1])), Bone("body", ROOT, rear, front, UP)]
    count = {"L": 0, "R": 0, "": 0}
    for wheel in sorted(wheels, key=lambda wheel: float(wheel.centre[1])):
        side = "" if abs(wheel.centre[0]) < 0.5 * wheel.radius else "L" if wheel.centre[0] > 0 else "R"
        count[side] += 1
        name = ".".join(filter(None, ("wheel", side, f"{count[side]:03d}")))
        tail = wheel.centre + np.array([wheel.radius, 0.0, 0.0])
        out.append(Bone(name, "body", wheel.centre, tail, UP))
    names = tuple(bone.name for bone in out if bone.name.startswith("wheel"))
    return Skeleton("vehicle", tuple(out), confidence, {"hips": ("body",), "wheels": names})
