# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of tubes, boxes and discs of which the joints are known: (vertices (V, 3) metres, faces (F, 3)), facing -Y."""

from __future__ import annotations

import numpy as np

from ..golden.zoo import joined

Mesh = tuple[np.ndarray, np.ndarray]


def tube(line, radii, around: int = 14) -> Mesh:
    """Rings around a line (C, 3), closed at both ends; `radii` one for all or (C,)."""
    line = np.asarray(line, float)
    steps = np.linspace(0, len(line) - 1, 6 * len(line))
    line = np.stack([np.interp(steps, np.arange(len(line)), line[:, k]) for k in range(3)], axis=1)
    radii = np.interp(steps, np.linspace(0, len(line) / 6 - 1, np.size(radii)), np.atleast_1d(radii))
    way = np.gradient(line, axis=0)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    helper = np.where(np.abs(way[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    u = np.cross(way, helper)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(way, u)
    angle = 2 * np.pi * np.arange(around) / around
    ring = np.cos(angle)[None, :, None] * u[:, None] + np.sin(angle)[None, :, None] * v[:, None]
    points = (line[:, None] + radii[:, None, None] * ring).reshape(-1, 3)
    r, c = (each.ravel() for each in np.mgrid[0 : len(line) - 1, 0:around])
    a, b = r * around + c, r * around + (c + 1) % around
    sides = np.concatenate([np.stack([a, b, b + around], 1), np.stack([a, b + around, a + around], 1)])
    c = np.arange(around)
    n, last, low, high = (c + 1) % around, len(points) - around, len(points), len(points) + 1
    caps = [np.stack([n, c, np.full(around, low)], 1), np.stack([last + c, last + n, np.full(around, high)], 1)]
    return np.concatenate([points, line[[0, -1]]]), np.concatenate([sides, *caps]).astype(np.int32)


def box(low, high) -> Mesh:
    corner = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    faces = [[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)]
    return corner * (np.subtract(high, low)) + low, np.array(faces, np.int32)


def _both(line, radii) -> list[Mesh]:
    return [tube(np.asarray(line, float) * [side, 1, 1], radii) for side in (1, -1)]


def horse() -> tuple[Mesh, str]:
    parts = [tube([(0, 0.5, 0.75), (0, 0, 0.72), (0, -0.5, 0.75)], 0.17)]
    parts += [tube([(0, -0.45, 0.8), (0, -0.65, 1.1), (0, -0.75, 1.25)], [0.12, 0.09])]
    parts += [tube([(0, -0.7, 1.25), (0, -0.98, 1.08)], [0.1, 0.06])]
    parts += [tube([(0, 0.5, 0.8), (0, 0.66, 0.7), (0, 0.72, 0.4)], 0.04)]
    for y in (-0.42, 0.42):
        parts += _both([(0.11, y, 0.7), (0.11, y + 0.03, 0.35), (0.11, y, 0.0)], [0.08, 0.05, 0.05])
    return joined(*parts), "quadruped"


def bird() -> tuple[Mesh, str]:
    """In flight."""
    parts = [tube([(0, 0.3, 0.1), (0, 0, 0.1), (0, -0.25, 0.12), (0, -0.4, 0.14)], [0.03, 0.1, 0.09, 0.04])]
    for side in (1, -1):
        points, faces = tube([(side * x, -0.05 + 0.1 * x, 0.13) for x in (0.02, 0.3, 0.6, 0.85)], [0.12, 0.1, 0.05])
        points[:, 2] = 0.13 + 0.18 * (points[:, 2] - 0.13) + 0.08 * np.abs(points[:, 0])
        parts.append((points, faces))
    return joined(*parts), "bird"


def hen() -> tuple[Mesh, str]:
    """On two legs."""
    parts = [tube([(0, 0.3, 0.42), (0, 0.1, 0.34), (0, -0.1, 0.34)], [0.05, 0.13, 0.1])]
    parts += [tube([(0, -0.08, 0.36), (0, -0.17, 0.5), (0, -0.28, 0.54)], [0.08, 0.05, 0.02])]
    parts += _both([(0.07, 0.02, 0.3), (0.07, 0.0, 0.0)], 0.018)
    parts += _both([(0.07, 0.02, 0.015), (0.07, -0.08, 0.015)], 0.016)
    return joined(*parts), "bird"


def fish() -> tuple[Mesh, str]:
    y = np.linspace(-0.5, 0.35, 12)
    points, faces = tube(
        np.stack([0 * y, y, 0 * y + 0.2], 1), 0.13 * np.sqrt(np.clip(1 - ((y + 0.1) / 0.46) ** 2, 0.03, 1))
    )
    points[:, 0] *= 0.6
    tail, more = tube([(0, 0.33, 0.2), (0, 0.42, 0.2), (0, 0.5, 0.2)], [0.03, 0.1, 0.14])
    tail[:, 0] *= 0.15
    return joined((points, faces), (tail, more)), "fish"


def snake_line() -> np.ndarray:
    t = np.linspace(0, 1, 80)
    return np.stack([0.35 * np.sin(9 * t), 1.6 * t - 0.8, 0 * t + 0.05], 1)


def snake() -> tuple[Mesh, str]:
    return tube(snake_line(), [0.05, 0.05, 0.045, 0.015]), "snake"


def tree() -> tuple[Mesh, str]:
    rng = np.random.default_rng(2)
    parts = [tube([(0, 0, 0), (0.02, 0, 0.8), (0, 0.03, 1.7)], [0.09, 0.07, 0.03])]
    for k in range(8):
        way = np.array([np.cos(2.4 * k), np.sin(2.4 * k), 0.6 + 0.3 * rng.random()])
        start = np.array([0.0, 0, 0.8 + 0.1 * k])
        parts.append(tube([start, start + 0.3 * way, start + 0.65 * way + [0, 0, 0.1]], [0.04, 0.02]))
    return joined(*parts), "plant"


def chair() -> tuple[Mesh, str]:
    legs = [box((x, y, 0), (x + 0.05, y + 0.05, 0.45)) for x in (-0.25, 0.2) for y in (-0.25, 0.2)]
    return joined(
        *legs, box((-0.25, -0.25, 0.43), (0.25, 0.25, 0.48)), box((-0.25, 0.2, 0.45), (0.25, 0.25, 1))
    ), "furniture"


def _wheel(x: float, y: float) -> Mesh:
    return tube([(x - 0.1, y, 0.3), (x + 0.1, y, 0.3)], 0.3, around=32)


def car(*, joined_wheels: bool = False) -> tuple[Mesh, str]:
    """4 m long; its wheels separate shells, or shells of one with the body."""
    parts = [box((-0.75, -2, 0.35), (0.75, 2, 0.8)), box((-0.65, -0.9, 0.75), (0.65, 1.3, 1.35))]
    parts += [_wheel(x, y) for x in (-0.7, 0.7) for y in (-1.1, 1.1)]
    points, faces = joined(*parts)
    if joined_wheels:
        each = (len(points) - 16) // 4
        faces = np.concatenate([faces, [[0, 16 + each * k, 17 + each * k] for k in range(4)]]).astype(np.int32)
    return (points, faces), "vehicle"


def ball() -> tuple[Mesh, str]:
    y = np.linspace(-0.5, 0.5, 16)
    return tube(np.stack([0 * y, 0 * y, y + 0.5], 1), np.sqrt(np.clip(0.25 - y**2, 1e-4, 1)), around=24), "soft"


KINDS = {each.__name__: each for each in (horse, bird, hen, fish, snake, tree, chair, car, ball)}
