# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a surface lie inside others, and which of its faces cut others, by Blender's tree of boxes."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mathutils import Vector
from mathutils.bvhtree import BVHTree

from .....backend.geometry.topology import Beat, no_beat
from .meshes import Array

_WAYS = np.array([[0.86, 0.37, 0.35], [-0.31, 0.89, 0.33], [0.29, -0.36, 0.89]])
"""Directions of rays, along no axis: generated meshes have many edges along them."""
_CHUNK = 4000
MOST = 256
"""Parts that others are looked for in."""
SAMPLED = 60000
"""Faces that are looked at for cuts; of more a share, evenly taken."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Lists of millions of lists are made in a fifth of the time when nobody looks for circles in them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def tree(points: Array, faces: Array, beat: Beat = no_beat) -> BVHTree:
    with _quiet():
        beat()
        places = points.tolist()
        beat()
        numbers = faces.tolist()
        beat()
        return BVHTree.FromPolygons(places, numbers, all_triangles=True)


def inner(points: Array, faces: Array, part: Array, closed: Array, beat: Beat = no_beat) -> Array:
    """(K,) which parts lie wholly inside a closed one; `part` (F,) numbers 0 to K - 1, `closed` (K,).

    A part counts as inside where its extreme points in six directions all are: a ray from there, away from the part,
    leaves the other through an odd number of faces.
    """
    count = len(closed)
    out = np.zeros(count, bool)
    low, high = np.full((count, 3), np.inf), np.full((count, 3), -np.inf)
    for k in range(3):
        np.minimum.at(low, part, points[faces[:, k]])
        np.maximum.at(high, part, points[faces[:, k]])
    inside = _boxed(low, high, closed, beat)
    if not len(inside):
        return out
    around = np.flatnonzero(closed & _containers(low, high, inside))
    face = np.flatnonzero(np.isin(part, around))
    rays = tree(points, faces[face], beat)
    owner = part[face]
    members = np.argsort(part, kind="stable")
    first = np.searchsorted(part[members], np.arange(count + 1))
    for number, this in enumerate(inside.tolist()):
        if number % 32 == 0:
            beat()
        own = points[faces[members[first[this] : first[this + 1]]].reshape(-1)]
        within: set[int] | None = None
        for way in np.concatenate([_WAYS, -_WAYS]):
            start = own[(own @ way).argmax()]
            found = _odd(rays, owner, start, way, this)
            within = found if within is None else within & found
            if not within:
                break
        out[this] = bool(within)
    return out


def _boxed(low: Array, high: Array, closed: Array, beat: Beat) -> Array:
    """The parts whose box lies in that of one of the MOST largest closed ones, which no part outside can."""
    volume = np.prod(high - low, axis=1)
    inside = np.zeros(len(low), bool)
    able = np.flatnonzero(closed)
    for big in able[np.argsort(-volume[able], kind="stable")[:MOST]].tolist():
        beat()
        within = (low >= low[big]).all(axis=1) & (high <= high[big]).all(axis=1) & (volume < volume[big])
        inside |= within
    return np.flatnonzero(inside)


def _containers(low: Array, high: Array, inside: Array) -> Array:
    box_low, box_high = low[inside].min(axis=0), high[inside].max(axis=0)
    return np.asarray(((low <= box_high) & (high >= box_low)).all(axis=1))


def _odd(rays: BVHTree, owner: Array, start: Array, way: Array, this: int) -> set[int]:
    """The parts whose surface a ray from `start` crosses an odd number of times."""
    odd: set[int] = set()
    at, direction = Vector(start.tolist()), Vector(way.tolist()).normalized()
    for _ in range(256):
        place, _, index, _ = rays.ray_cast(at + direction * 1e-6, direction)
        if place is None:
            return odd
        part = int(owner[index])
        if part != this:
            odd ^= {part}
        at = place
    return set()


def cuts(points: Array, faces: Array, beat: Beat = no_beat) -> tuple[int, int]:
    """How many faces cut another that has no vertex in common with them, and how many were looked at."""
    step = -(-len(faces) // SAMPLED)
    looked = np.arange(0, len(faces), step)
    whole, found = tree(points, faces, beat), 0
    for begin in range(0, len(looked), _CHUNK):
        beat()
        some = looked[begin : begin + _CHUNK]
        near, corners = np.unique(faces[some], return_inverse=True)
        few = tree(points[near], corners.reshape(-1, 3), beat)
        both = np.array(few.overlap(whole), np.int64).reshape(-1, 2)
        if not len(both):
            continue
        mine, other = faces[some[both[:, 0]]], faces[both[:, 1]]
        apart = ~(mine[:, :, None] == other[:, None, :]).any(axis=(1, 2))
        found += len(np.unique(both[apart, 0]))
    return found, len(looked)
