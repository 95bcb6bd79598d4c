# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes to build things of, as `Solid`. Metres, Z up; all but balls and rings stand on z = 0 above the origin.

UVs are metres too, one island over the other, u along the longer side of boards: for patterns that repeat.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .solid import Floats, Solid

Profile = Sequence[tuple[float, float]]
"""Points (radius, height), counter-clockwise: from the foot's middle outwards and up."""


def _lattice(xs: ArrayLike, ys: ArrayLike, zs: ArrayLike) -> Solid:
    """The surface of a block, cut into quads at these coordinates."""
    cuts = [np.asarray(each, float) for each in (xs, ys, zs)]
    number: dict[tuple[int, ...], int] = {}
    faces, uv = [], []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        long, short = (a, b) if np.ptp(cuts[a]) >= np.ptp(cuts[b]) else (b, a)
        for side in (0, len(cuts[axis]) - 1):
            for i in range(len(cuts[a]) - 1):
                for j in range(len(cuts[b]) - 1):
                    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
                    face = []
                    for p, q in corners if side else corners[::-1]:
                        key = [0, 0, 0]
                        key[axis], key[a], key[b] = side, p, q
                        face.append(number.setdefault(tuple(key), len(number)))
                        uv.append((cuts[long][key[long]], cuts[short][key[short]]))
                    faces.append(tuple(face))
    return Solid(np.array([[cuts[k][key[k]] for k in range(3)] for key in number]), tuple(faces), np.array(uv))


def box(
    x: float, y: float, z: float, bevel: float = 0.0, steps: int = 1, cuts: int | tuple[int, int, int] = 1
) -> Solid:
    """A block with round edges, `bevel` wide, of 2 `steps` faces, its flats cut into `cuts` (of all or each axis)."""
    half = np.array([x, y, z]) / 2
    bevel = float(min(bevel, 0.999 * half.min()))
    inner, into = half - bevel, np.broadcast_to(cuts, 3)
    if bevel <= 0:
        return _lattice(*(np.linspace(-h, h, n + 1) for h, n in zip(half, into, strict=True))).moved(z=z / 2)
    arc = bevel * np.tan(np.linspace(0, np.pi / 4, steps + 1)[1:])
    lines = [np.linspace(-i, i, n + 1) for i, n in zip(inner, into, strict=True)]
    made = _lattice(*(np.concatenate([line[0] - arc[::-1], line, line[-1] + arc]) for line in lines))

    def rounded(points: Floats) -> Floats:
        core = np.clip(points, -inner, inner)
        out = points - core
        made: Floats = core + bevel * out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
        return made

    return made.shaped(rounded).moved(z=z / 2)


def ball(radius: float, cuts: int = 12) -> Solid:
    """Of even quads, centred; 6 `cuts`² faces."""
    line = np.tan(np.linspace(-np.pi / 4, np.pi / 4, cuts + 1))
    made = _lattice(line, line, line)
    uv = np.arctan(made.uv) * radius
    on = made.vertices / np.linalg.norm(made.vertices, axis=1, keepdims=True)
    return Solid(on * radius, made.faces, uv)


def lathe(profile: Profile, sides: int = 32, *, closed: bool = False) -> Solid:
    """The profile turned about Z: closed where it begins and ends at radius 0, or `closed` like a ring's."""
    line = np.array(profile, float)
    line[np.abs(line[:, 0]) < 1e-9, 0] = 0.0
    around = 2 * np.pi * np.arange(sides) / sides
    first: list[int] = []
    points: list[tuple[float, float, float]] = []
    for r, z in line:
        first.append(len(points))
        spin = around if r > 0 else around[:1]
        points += [(r * np.cos(a), r * np.sin(a), z) for a in spin]
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wide = float(line[:, 0].max())
    faces, uv = [], []
    for k in range(len(line) - (0 if closed else 1)):
        m = (k + 1) % len(line)
        (r0, z0), (r1, z1) = line[k], line[m]
        flat = abs(z1 - z0) < 0.4 * abs(r1 - r0)
        v0 = way[k]
        v1 = way[k] + float(np.hypot(r1 - r0, z1 - z0))
        for s in range(sides):
            t = (s + 1) % sides
            corners = [(first[k], s, r0, v0), (first[k], t, r0, v0), (first[m], t, r1, v1), (first[m], s, r1, v1)]
            if r0 == 0 and r1 == 0:
                continue
            keep = corners if r0 and r1 else (corners[1:] if not r0 else corners[:3])
            faces.append(tuple(f + (i if r else 0) for f, i, r, _ in keep))
            for _, i, r, v in keep:
                turn = 2 * np.pi * (i + (sides if i == 0 and t == 0 else 0)) / sides
                uv.append((r * np.cos(turn), r * np.sin(turn)) if flat else (turn * wide, v))
    return Solid(np.array(points), tuple(faces), np.array(uv))


def cylinder(radius: float, height: float, sides: int = 32, bevel: float = 0.0, top: float | None = None) -> Solid:
    """Standing; `top` is the radius up there (0 makes a cone), `bevel` rounds the rims."""
    top = radius if top is None else top
    if bevel <= 0:
        return lathe([(0, 0), (radius, 0), *([(top, height)] if top > 0 else []), (0, height)], sides)
    turn = np.linspace(0, np.pi / 2, 4)
    foot = [(radius - bevel + bevel * np.sin(a), bevel - bevel * np.cos(a)) for a in turn]
    head = [(top - bevel + bevel * np.cos(a), height - bevel + bevel * np.sin(a)) for a in turn]
    return lathe([(0, 0), *foot, *(head if top > bevel else []), (0, height)], sides)


def cone(radius: float, height: float, sides: int = 32) -> Solid:
    return cylinder(radius, height, sides, top=0.0)


def capsule(radius: float, height: float, sides: int = 24) -> Solid:
    """`height` over all, at least twice the radius."""
    turn = np.linspace(-np.pi / 2, 0, 7)
    foot = [(radius * np.cos(a), radius + radius * np.sin(a)) for a in turn]
    return lathe([*foot, *((r, height - z) for r, z in foot[::-1])], sides)


def torus(radius: float, thick: float, sides: int = 40, steps: int = 14) -> Solid:
    """A ring around Z, centred: `radius` of its middle line, `thick` the radius of its body."""
    turn = 2 * np.pi * np.arange(steps) / steps
    return lathe([(radius + thick * np.cos(a), thick * np.sin(a)) for a in turn], sides, closed=True)


def vessel(outside: Profile, wall: float, sides: int = 40, floor: float | None = None) -> Solid:
    """A bowl, cup or bottle: `outside` from the foot's middle (0, 0) up to the lip, with an inside `wall` away from it
    that ends `floor` above the foot."""
    line = np.array(outside, float)
    floor = wall if floor is None else floor
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.unique(np.concatenate([way, np.arange(0, way[-1], way[-1] / 12)]))
    line = np.stack([np.interp(even, way, line[:, k]) for k in (0, 1)], axis=1)
    along = np.gradient(line, axis=0)
    inward = np.stack([-along[:, 1], along[:, 0]], axis=1)
    inward /= np.maximum(np.linalg.norm(inward, axis=1, keepdims=True), 1e-12)
    inner = line + wall * inward
    keep = [(r, z) for r, z in inner[::-1] if z > floor + 0.3 * wall and r > 0.3 * wall]
    lip = (line[-1] + inner[-1]) / 2 + 0.25 * wall * along[-1] / max(np.linalg.norm(along[-1]), 1e-12)
    last = keep[-1][0]
    return lathe([*outside, tuple(lip), *keep, (0.9 * last, floor), (0.0, floor)], sides)


def curve(points: ArrayLike, steps: int = 6, *, closed: bool = False) -> Floats:
    """A smooth line (N, 2 or 3) through points: Catmull-Rom, `steps` pieces between two."""
    p = np.asarray(points, float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    made = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - 3 * c + d - a) * t**3)
        for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)
    ]
    return np.concatenate(made if closed else [*made, p[-2:-1]])


def tube(path: ArrayLike, radius: float | ArrayLike, sides: int = 12, *, closed: bool = False) -> Solid:
    """A round line along points (N, 3), of one radius or one at each; flat ends, or none where `closed`."""
    line = np.asarray(path, float)
    count = len(line)
    radii = np.broadcast_to(np.asarray(radius, float), count)
    along = (np.roll(line, -1, 0) - np.roll(line, 1, 0)) if closed else np.gradient(line, axis=0)
    along = along / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    up = np.eye(3)[np.argmin(np.abs(along[0]))]
    frames = []
    for one in along:
        up = up - (up @ one) * one
        up = up / np.linalg.norm(up)
        frames.append(up)
    side = np.array(frames)
    if closed:  # what the frame turned on its way round is given back evenly
        other = np.cross(along[0], side[0])
        last = side[-1] - (side[-1] @ along[0]) * along[0]
        extra = -np.arctan2(last @ other, last @ side[0]) * np.arange(count) / count
        side = side * np.cos(extra)[:, None] + np.cross(along, side) * np.sin(extra)[:, None]
    other = np.cross(along, side)
    turn = 2 * np.pi * np.arange(sides) / sides
    rings = [
        line[k] + radii[k] * (np.outer(np.cos(turn), side[k]) + np.outer(np.sin(turn), other[k])) for k in range(count)
    ]
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    faces: list[tuple[int, ...]] = []
    uv: list[tuple[float, float]] = []
    wide = 2 * np.pi * float(radii.max()) / sides
    for k in range(count - (0 if closed else 1)):
        m, far = (k + 1) % count, way[k + 1] if k + 1 < count else way[-1] + np.linalg.norm(line[0] - line[-1])
        for s in range(sides):
            t = (s + 1) % sides
            faces.append((k * sides + s, k * sides + t, m * sides + t, m * sides + s))
            uv += [(way[k], s * wide), (way[k], (s + 1) * wide), (far, (s + 1) * wide), (far, s * wide)]
    if not closed:
        for k, order in ((0, range(sides - 1, -1, -1)), (count - 1, range(sides))):
            faces.append(tuple(k * sides + s for s in order))
            uv += [(radii[k] * np.cos(turn[s]), radii[k] * np.sin(turn[s])) for s in order]
    return Solid(np.concatenate(rings), tuple(faces), np.array(uv))


def sheet(x: float, y: float, across: int = 40, along: int = 40) -> Solid:
    """Flat and open at z = 0, its face up, `across` × `along` quads."""
    xs, ys = np.linspace(-x / 2, x / 2, across + 1), np.linspace(-y / 2, y / 2, along + 1)
    points = np.array([(a, b, 0.0) for b in ys for a in xs])
    wide = across + 1
    faces = tuple(
        (j * wide + i, j * wide + i + 1, (j + 1) * wide + i + 1, (j + 1) * wide + i)
        for j in range(along)
        for i in range(across)
    )
    return Solid(points, faces, np.array([points[k][:2] for face in faces for k in face]))


def extrude(outline: ArrayLike, height: float, bevel: float = 0.0, hole: ArrayLike | None = None) -> Solid:
    """An outline (N, 2), counter-clockwise, made thick; `bevel` cuts its rims, `hole` (N, 2) has as many points."""
    line = np.asarray(outline, float)
    side = np.roll(line, -1, 0) - np.roll(line, 1, 0)
    inset = (
        bevel * np.stack([-side[:, 1], side[:, 0]], axis=1) / np.maximum(np.linalg.norm(side, axis=1), 1e-12)[:, None]
    )
    rings = [(line, 0.0), (line, height)]
    if bevel > 0:
        rings = [(line + inset, 0.0), (line, bevel), (line, height - bevel), (line + inset, height)]
    if hole is not None:
        rings += [(np.asarray(hole, float), height), (np.asarray(hole, float), 0.0)]
    count, many = len(line), len(rings)
    points = np.concatenate([np.column_stack([ring, np.full(count, z)]) for ring, z in rings])
    step = np.linalg.norm(np.roll(line, -1, 0) - line, axis=1)
    way = np.concatenate([[0], np.cumsum(step)])
    faces: list[tuple[int, ...]] = []
    uv: list[tuple[float, float]] = []
    for k in range(many if hole is not None else many - 1):
        m = (k + 1) % many
        flat = rings[k][1] == rings[m][1]
        for s in range(count):
            t = (s + 1) % count
            face = (k * count + s, k * count + t, m * count + t, m * count + s)
            faces.append(face)
            if flat:
                uv += [tuple(points[c][:2]) for c in face]
            else:
                uv += [
                    (way[s], rings[k][1]),
                    (way[s + 1], rings[k][1]),
                    (way[s + 1], rings[m][1]),
                    (way[s], rings[m][1]),
                ]
    if hole is None:
        for cap in (tuple(range(count - 1, -1, -1)), tuple(range((many - 1) * count, many * count))):
            faces.append(cap)
            uv += [tuple(points[c][:2]) for c in cap]
    return Solid(points, tuple(faces), np.array(uv))


def ring(count: int, radius: float = 1.0, start: float = 0.0) -> Floats:
    """Points (count, 2) on a circle, counter-clockwise from `start` degrees."""
    turn = 2 * np.pi * np.arange(count) / count + np.radians(start)
    made: Floats = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return made
