# SPDX-License-Identifier: GPL-3.0-or-later
"""A body as a few parts that are nearly convex, by CoACD (Wei, Liu, Ling, Su 2022), and hulls around all of it."""

from __future__ import annotations

import bpy
import numpy as np

from .....backend.geometry.mending import Surface
from .....backend.geometry.topology import Beat
from .....backend.protocol.errors import UserError
from . import levels, meshes, voxels
from .hulls import Array, Hull, hull

_FACES = 1000
"""Triangles that CoACD is given: its time grows with them, and hulls have few corners."""
_VOXELS = 4000
"""Triangles of a closed surface in place of one that is not: on others CoACD may not come to an end."""
_COARSE, _MANY, _FINER, _ENOUGH = 0.15, 0.6, 0.65, 0.9
"""CoACD's threshold at first, for some parts and, over the root of their number, for many; what it is multiplied with
while there are fewer; and which share of those allowed will do."""
_SEARCH = {"mcts_nodes": 10, "mcts_iterations": 60, "mcts_max_depth": 2, "resolution": 1000}
"""Less than CoACD does by default: with 20, 60 and 3 two of five meshes fitted better, two worse, in more time."""
_NEAR = 1.15
"""Times the slack: a threshold that is not worth another round."""
_FARTHEST = 1 / 64
"""Of the diagonal: no edge between two places of the surface that must be in a hull is longer."""
_NOISE = 1e-5
"""Of the diagonal: what is less outside is so by rounding, and would make slivers of a hull."""
_TOGETHER = 4096


def split(points: Array, faces: Array, *, most: int, slack: float, beat: Beat) -> list[Array] | None:
    """Corners (C, 3) of at most so many convex parts, or of as many as leave none with a concavity above `slack`.

    One call of CoACD cannot be asked to stop, so that a cancel ends the process; it takes some seconds at most. None
    where CoACD is not installed or finds nothing.
    """
    try:
        import coacd
    except (ImportError, OSError):  # its library may lack one of the system's
        return None
    coacd.set_log_level("off")
    body = coacd.Mesh(*_prepared(points, faces, beat))
    threshold = max(slack, min(_COARSE, _MANY / most**0.5))
    while True:
        beat()
        found = coacd.run_coacd(
            body, threshold=threshold, max_convex_hull=most, preprocess_mode="off", seed=0, **_SEARCH
        )
        if len(found) >= _ENOUGH * most or threshold <= _NEAR * slack:
            return [np.asarray(corners) for corners, _ in found] or None
        threshold = max(slack, threshold * _FINER)


def covered(parts: list[Array], points: Array, faces: Array, most: int, beat: Beat) -> list[Array]:
    """The largest parts, each with what of the surface it is the nearest to: together they hold all of it."""
    solid = sorted((found for part in parts if (found := hull(part))), key=lambda found: -found.volume)[:most]
    if not solid:
        return [points]
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    places = np.unique(refined(points[faces].astype(float), _FARTHEST * size).reshape(-1, 3), axis=0)
    nearest, outside = _nearest(solid, places, beat)
    out = outside > _NOISE * size
    return [np.concatenate([one.points, places[out & (nearest == k)]]) for k, one in enumerate(solid)]


def _nearest(solid: list[Hull], places: Array, beat: Beat) -> tuple[Array, Array]:
    """Of each place (P, 3) the number of the hull that it is the least outside of, and how far. (P,)"""
    numbers, away = [], []
    for start in range(0, len(places), _TOGETHER):
        beat()
        above = np.array([one.above(places[start : start + _TOGETHER]) for one in solid])
        numbers.append(above.argmin(axis=0))
        away.append(above.min(axis=0))
    return np.concatenate(numbers), np.concatenate(away)


def _prepared(points: Array, faces: Array, beat: Beat) -> tuple[Array, Array]:
    """The surface closed and with few triangles, in a unit of its own."""
    middle, size = points.mean(axis=0), float(np.linalg.norm(np.ptp(points, axis=0)))
    near = (points.astype(float) - middle) / size
    places, triangles = _reduced(near, faces, beat)
    if not closed(triangles):
        places, triangles = _reduced(*_solid(near, faces, beat), beat)
    corners = places[triangles]
    if np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) < 0:
        triangles = triangles[:, ::-1]
    return places * size + middle, triangles.astype(np.int32)


def _solid(points: Array, faces: Array, beat: Beat) -> tuple[Array, Array]:
    for thicken in (False, True):
        try:
            whole = voxels.rebuilt(Surface.of(points, faces), _VOXELS, thicken, beat)
        except UserError:
            continue
        return whole.points, whole.faces
    return points, faces


def _reduced(points: Array, faces: Array, beat: Beat) -> tuple[Array, Array]:
    mesh = meshes.new_mesh("body", points.astype(np.float32), faces.astype(np.int32))
    fewer = levels.reduced(mesh, _FACES, beat)
    triangles, used = meshes.triangles_of(fewer), meshes.vertices_of(fewer)
    for each in (mesh, fewer):
        bpy.data.meshes.remove(each)
    kept, triangles = np.unique(triangles, return_inverse=True)
    return used[kept].astype(float), triangles.reshape(-1, 3)


def closed(faces: Array) -> bool:
    """Every edge has two triangles, which go along it in opposite ways."""
    ways = np.concatenate([faces[:, [k, (k + 1) % 3]] for k in range(3)]).astype(np.int64)
    there, back = (np.sort(ways @ np.array(key)) for key in ((1 << 32, 1), (1, 1 << 32)))
    return bool(len(there) and (there == back).all() and (np.diff(there) > 0).all())


def refined(triangles: Array, longest: float) -> Array:
    """Triangles (T, 3, 3) quartered until no edge is longer."""
    done = []
    for _ in range(12):
        edges = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
        done.append(triangles[edges <= longest])
        a, b, c = (triangles[edges > longest][:, k] for k in range(3))
        if not len(a):
            break
        ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
        pieces = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
        triangles = np.concatenate([np.stack(piece, axis=1) for piece in pieces])
    else:
        done.append(triangles)
    return np.concatenate(done)
