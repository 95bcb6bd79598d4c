# SPDX-License-Identifier: GPL-3.0-or-later
"""Several of one kind: where each stands from the middle of all of them. numpy only; metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_TILES = ("domino", "card", "tile")
"""What stands in a row facing along it, so that one pushes the next over."""
_STACKED = ("book", "plate", "coin", "cushion", "mattress")
_PILED = ("rock", "leaf", "apple", "fruit")
_FEW, _CANNONBALLS = 6, 50
TOPPLES = 0.5
"""Free space between two tiles of a row, as a share of their height."""


@dataclass(frozen=True)
class Spots:
    """`places` (N, 3): base centres, the lowest at 0, in the order in which they are put down. `turns` (N,): radians
    about the vertical. `leans`: each but the lowest is put onto those before it."""

    places: Array
    turns: Array
    leans: bool = False

    def turned(self, angle: float) -> Spots:
        """All of it about the middle, by radians."""
        c, s = math.cos(angle), math.sin(angle)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        return Spots(self.places @ turn.T, self.turns + angle, self.leans)


def usual(name: str, count: int, *, falls: bool, hollow: bool, kind: str) -> str:
    """The arrangement that is meant where none is said."""
    if count == 1:
        return "row"
    if hollow:
        return "pile"
    if falls:
        return "scattered"
    if name == "domino":
        return "row"
    if name == "brick" and count > 3:
        return "wall"
    if name == "pin" and count > 2:
        return "pyramid"
    if name in _STACKED and count <= 12:
        return "stack"
    if name in _PILED and count > 3:
        return "pile"
    if kind == "passive" and count > 2:
        return "scattered"
    return "row" if count <= _FEW else "scattered"


def arranged(
    kind: str, count: int, size: tuple[float, float, float], name: str, rng: np.random.Generator, *, gap: float | None
) -> Spots:
    """Places for `count` things of `size`; `gap` metres are free between two, None is what suits them."""
    if count == 1:
        return Spots(np.zeros((1, 3)), np.zeros(1))
    tile = name in _TILES
    w, d, h = (max(side, 1e-4) for side in size)
    if tile and gap is None:
        gap = TOPPLES * h
    return _KINDS[kind](count, (w, d, h), tile, gap, rng)


def _row(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    """From left to right."""
    w, d, _ = size
    pitch = (d if tile else w) + (0.35 * w if gap is None else gap)
    places = np.zeros((count, 3))
    places[:, 0] = (np.arange(count) - (count - 1) / 2) * pitch
    return Spots(places, np.full(count, math.pi / 2 if tile else 0.0))


def _column(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    """From front to back."""
    _, d, _ = size
    places = np.zeros((count, 3))
    places[:, 1] = (np.arange(count) - (count - 1) / 2) * (d + (0.35 * d if gap is None else gap))
    return Spots(places, np.zeros(count))


def _stack(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    places = np.zeros((count, 3))
    places[:, 2] = np.arange(count) * size[2]
    return Spots(places, np.zeros(count), leans=True)


def _grid(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    w, d, _ = size
    free = 0.4 * max(w, d) if gap is None else gap
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    number = np.arange(count)
    places = np.zeros((count, 3))
    places[:, 0] = (number % columns - (columns - 1) / 2) * (w + free)
    places[:, 1] = (number // columns - (rows - 1) / 2) * (d + free)
    return Spots(places, np.zeros(count))


def ring(count: int, across: float, least: float, deep: float) -> Spots:
    """Around a middle that is free to a radius of `least` metres; all face outwards, as from a table."""
    radius = max(least + deep / 2, count * across / (2 * math.pi), across / 2)
    turns = 2 * math.pi * np.arange(count) / count
    places = np.stack([radius * np.sin(turns), -radius * np.cos(turns), np.zeros(count)], axis=1)
    return Spots(places, turns)


def _circle(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    w, d, _ = size
    if not tile:
        return ring(count, w + (0.35 * w if gap is None else gap), 0.0, d)
    spots = ring(count, d + (gap or 0.0), 0.0, d)
    return Spots(spots.places, spots.turns + math.pi / 2)


def _scattered(count: int, size: Any, tile: bool, gap: float | None, rng: np.random.Generator) -> Spots:
    """Apart, by chance, over a square that grows until all have found a place."""
    across = math.hypot(size[0], size[1]) + (0.15 * max(size[:2]) if gap is None else gap)
    half, found = 0.62 * across * math.sqrt(count), [np.zeros(2)][:0]
    aside = 0.7 * size[0] if count <= _FEW else 0.0  # few do not hide each other
    while len(found) < count:
        for _ in range(40):
            spot = rng.uniform(-half, half, 2)
            if all(np.hypot(*(spot - one)) >= across and abs(spot[0] - one[0]) >= aside for one in found):
                found.append(spot)
                break
        else:
            half *= 1.15
    places = np.column_stack([np.array(found), np.zeros(count)])
    places[:, :2] -= (places[:, :2].min(axis=0) + places[:, :2].max(axis=0)) / 2
    return Spots(places, rng.uniform(-math.pi, math.pi, count))


def _pile(count: int, size: Any, tile: bool, gap: float | None, rng: np.random.Generator) -> Spots:
    """A heap: round things as cannonballs are stacked, others one after the other, most of them near its middle."""
    if max(size) < 1.6 * min(size) and count <= _CANNONBALLS:
        return _cannonballs(count, max(size[:2]), rng)
    radius = 0.5 * max(size[:2]) * count ** (1 / 3)
    turns, far = rng.uniform(-math.pi, math.pi, count), radius * np.sqrt(rng.uniform(0, 1, count))
    places = np.stack([far * np.cos(turns), far * np.sin(turns), np.arange(count) * 1e-3], axis=1)
    places[0, :2] = 0.0
    return Spots(places, rng.uniform(-math.pi, math.pi, count), leans=True)


def _cannonballs(count: int, pitch: float, rng: np.random.Generator) -> Spots:
    """Squares on squares; those that are too few for another one lie around the lowest."""
    side = 1
    while sum(k * k for k in range(1, side + 2)) <= count:
        side += 1
    places: list[tuple[float, float, float]] = []
    for level, wide in enumerate(range(side, 0, -1)):
        line = (np.arange(wide) - (wide - 1) / 2) * pitch * 1.01
        places += [(float(x), float(y), level * 0.7 * pitch) for x in line for y in line]
    line = (np.arange(side) - (side - 1) / 2) * pitch * 1.01
    edge = (side + 1) / 2 * pitch * 1.01
    around = [(edge, float(y), 0.0) for y in line] + [(-edge, float(y), 0.0) for y in line]
    around += [(float(x), edge, 0.0) for x in line] + [(float(x), -edge, 0.0) for x in line]
    corners = [(x, y, 0.0) for x in (edge, -edge) for y in (edge, -edge)]
    spare = count - len(places)
    every = np.array(sorted([*places, *(around + corners)[:spare]], key=lambda place: place[2]))
    return Spots(every, rng.uniform(-math.pi, math.pi, count), leans=True)


def _pyramid(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    """In one plane, each course one shorter than the one below it."""
    w, _, h = size
    pitch = w + (0.06 * w if gap is None else gap)
    rows = math.ceil((math.sqrt(8 * count + 1) - 1) / 2)
    places: list[tuple[float, float, float]] = []
    for level in range(rows):
        wide = min(rows - level, count - len(places))
        places += [((k - (wide - 1) / 2) * pitch, 0.0, level * h) for k in range(wide)]
    return Spots(np.array(places), np.zeros(count), leans=True)


def triangle(count: int, size: Any, gap: float | None) -> Spots:
    """Ten pins: rows on the floor, the point of the triangle to the front."""
    pitch = 2.0 * max(size[:2]) if gap is None else max(size[:2]) + gap
    places: list[tuple[float, float, float]] = []
    row = 0
    while len(places) < count:
        wide = min(row + 1, count - len(places))
        places += [((k - (wide - 1) / 2) * pitch, row * pitch * math.sqrt(0.75), 0.0) for k in range(wide)]
        row += 1
    spots = np.array(places)
    spots[:, 1] -= spots[:, 1].mean()
    return Spots(spots, np.zeros(count))


def _wall(count: int, size: Any, tile: bool, gap: float | None, rng: Any) -> Spots:
    """Courses, each half a brick aside of the one below."""
    w, _, h = size
    pitch = w + (0.02 * w if gap is None else gap)
    wide = max(2, round(math.sqrt(count * 1.6 * h / w))) if count > 2 else count
    number = np.arange(count)
    level = number // wide
    places = np.zeros((count, 3))
    places[:, 0] = (number % wide - (wide - 1) / 2) * pitch + (level % 2 - 0.5) * 0.5 * pitch
    places[:, 2] = level * h
    return Spots(places, np.zeros(count), leans=True)


_KINDS = {
    "row": _row, "column": _column, "stack": _stack, "grid": _grid, "circle": _circle, "scattered": _scattered,
    "pile": _pile, "pyramid": _pyramid, "wall": _wall,
}  # fmt: skip
