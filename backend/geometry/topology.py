# SPDX-License-Identifier: GPL-3.0-or-later
"""How the triangles of a mesh hang together, also where that is broken: half-edges, fans, winding.

A half-edge h is the side of the face h // 3 that goes from its corner h to the next one. Half-edges of one edge are
paired two by two; what hangs together by pairs around a vertex is a fan. A sound vertex has one fan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Beat = Callable[[], None]
"""Called between the parts of long work; raises to stop it."""


def no_beat() -> None:
    """For those who need not be asked."""


def components(count: int, a: Array, b: Array, beat: Beat = no_beat) -> Array:
    """The lowest number that each of `count` things is linked with, by the links a[i] - b[i]."""
    names = np.arange(count)
    while True:
        beat()
        low = np.minimum(names[a], names[b])
        before = names.copy()
        for ends in (a, b):
            np.minimum.at(names, ends, low)
            np.minimum.at(names, before[ends], low)  # the roots too, or a chain takes as many rounds as it is long
        while not np.array_equal(names, names[names]):
            names = names[names]
        beat()
        if np.array_equal(names, before):
            return names


def after(halves: Array) -> Array:
    """The next half-edges of the same faces."""
    return np.asarray(halves + 1 - 3 * (halves % 3 == 2))


def edges(faces: Array, count: int) -> tuple[Array, Array]:
    """The edge of each half-edge (3F,), and how many half-edges each edge has (E,)."""
    start, end = faces.reshape(-1).astype(np.int64), faces[:, [1, 2, 0]].reshape(-1).astype(np.int64)
    key = np.minimum(start, end) * count + np.maximum(start, end)
    _, edge, uses = np.unique(key, return_inverse=True, return_counts=True)
    return edge.reshape(-1), uses


def pairs(points: Array, faces: Array, beat: Beat = no_beat) -> tuple[Array, Array]:
    """Half-edges (P, 2) that continue one another, and those without another (B,).

    Where more than two meet in an edge, those are paired that bound the same solid. Faces at a rim are left out of that
    (a fin on a solid has one), and of an odd number the two first that go on most straightly are taken out.
    """
    edge, uses = edges(faces, len(points))
    beat()
    order = np.argsort(edge, kind="stable")
    first = np.concatenate([[0], np.cumsum(uses)[:-1]]).astype(np.int64)
    twos = first[uses == 2]
    found = [np.stack([order[twos], order[twos + 1]], axis=1)]
    single = [order[first[uses == 1]]]
    fin = (uses[edge] == 1).reshape(-1, 3).any(axis=1)
    for number, place in enumerate(np.flatnonzero(uses > 2).tolist()):
        if number % 200 == 0:
            beat()
        crowd = order[first[place] : first[place] + uses[place]]
        inner = crowd[~fin[crowd // 3]]
        if len(inner) and len(inner) % 2 == 0:
            single.append(np.setdiff1d(crowd, inner))
            crowd = inner
        matched, alone = _matched(points, faces, crowd)
        found.append(np.array(matched, np.int64).reshape(-1, 2))
        single.append(np.array(alone, np.int64))
    return np.concatenate(found), np.concatenate(single)


def _matched(points: Array, faces: Array, crowd: Array) -> tuple[list[tuple[int, int]], list[int]]:
    """Pair the half-edges around one edge; those left over."""
    flat = faces.reshape(-1)
    start, end, tip = flat[crowd], flat[after(crowd)], flat[after(after(crowd))]
    forward = start < end
    low, high = points[min(start[0], end[0])], points[max(start[0], end[0])]
    axis = (high - low) / max(float(np.linalg.norm(high - low)), 1e-300)
    arm = points[tip] - low
    arm = arm - np.outer(arm @ axis, axis)
    right = arm[np.argmax(np.linalg.norm(arm, axis=1))]
    up = np.cross(axis, right)
    angle = np.arctan2(arm @ up, arm @ right)
    turn = np.argsort(angle, kind="stable")
    ring = [(int(crowd[i]), bool(forward[i]), float(angle[i])) for i in turn]
    out: list[tuple[int, int]] = []
    if len(ring) % 2:
        options = [
            (abs(abs(a[2] - b[2]) - np.pi), i, j)
            for i, a in enumerate(ring)
            for j, b in enumerate(ring)
            if i < j and a[1] != b[1]
        ]
        if options:
            _, i, j = min(options)
            out.append((ring[i][0], ring[j][0]))
            ring = [each for k, each in enumerate(ring) if k not in (i, j)]
    # A face that goes down the edge opens a solid in the sense of rising angles, one that goes up closes it.
    while True:
        for i, (half, up_wards, _) in enumerate(ring):
            nearest, its_way, _ = ring[(i + 1) % len(ring)]
            if not up_wards and its_way:
                out.append((half, nearest))
                ring = [each for each in ring if each[0] not in (half, nearest)]
                break
        else:
            return out, [each[0] for each in ring]


def fans(faces: Array, paired: Array, beat: Beat = no_beat) -> Array:
    """The fan of each corner (3F,), numbered from 0."""
    start = faces.reshape(-1)
    h, g = paired[:, 0], paired[:, 1]
    same = start[h] == start[g]
    a = np.concatenate([h, after(h)])
    b = np.concatenate([np.where(same, g, after(g)), np.where(same, after(g), g)])
    _, fan = np.unique(components(faces.size, a, b, beat), return_inverse=True)
    return np.asarray(fan.reshape(-1))


def wound(
    points: Array, faces: Array, paired: Array, beat: Beat = no_beat, *, hollow: bool = False
) -> tuple[Array, Array]:
    """Which faces (F,) to turn so that neighbours agree and solids face outwards, and which are of one-sided parts.

    `hollow`: only the largest part is told where outwards is; in others most faces rule, for they may be its hollows.

    Each face is two nodes, one a side; sides that continue one another are linked. A part whose sides hang together
    is one-sided, as a Moebius strip is, and cannot be wound at all.
    """
    count, start = len(faces), faces.reshape(-1)
    here, there = paired[:, 0] // 3, paired[:, 1] // 3
    same = (start[paired[:, 0]] == start[paired[:, 1]]).astype(np.int64)
    turned = one_sided = np.zeros(count, bool)
    if same.any():
        a = np.concatenate([2 * here, 2 * here + 1])
        b = np.concatenate([2 * there + same, 2 * there + 1 - same])
        side = components(2 * count, a, b, beat)
        one_sided = side[0::2] == side[1::2]
        part = np.minimum(side[0::2], side[1::2]) // 2
        turned = (side[0::2] > side[1::2]) & ~one_sided
    else:
        part = components(count, here, there, beat)
    corner = points[faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) / 2
    area = np.linalg.norm(normal, axis=1)
    total = np.maximum(np.bincount(part, area, count), 1e-300)
    middle = corner.mean(axis=1)
    centre = np.stack([np.bincount(part, area * middle[:, k], count) for k in range(3)], axis=1) / total[:, None]
    beat()
    sign = np.where(turned, -1.0, 1.0)
    volume = np.bincount(part, sign * ((middle - centre[part]) * normal).sum(axis=1), count) / 3
    flat = np.abs(volume) < 1e-3 * total**1.5
    if hollow:
        flat |= total < total.max()
    most = np.bincount(part, area * turned, count) > total / 2
    inverted = np.where(flat, most, volume < 0)[part] & ~one_sided
    return turned ^ inverted, one_sided
