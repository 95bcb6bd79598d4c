# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes and inertia of our bodies as MuJoCo takes them, and quaternions wxyz. A mesh is hit as its convex pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import mujoco
import numpy as np

from ..bodies import Array, Body
from ..solids import solid

_THIN = 1e-3
"""Metres: a hull is at least so thick."""


def geoms(spec: mujoco.MjSpec, body: Body, name: str) -> Iterator[dict[str, Any]]:
    """What `add_geom` is given for each piece."""
    x, y, z = body.size / 2
    kinds = mujoco.mjtGeom
    if body.shape == "box":
        yield {"type": kinds.mjGEOM_BOX, "size": [x, y, z]}
    elif body.shape == "sphere":
        yield {"type": kinds.mjGEOM_SPHERE, "size": [max(x, y, z), 0, 0]}
    elif body.shape == "cylinder":
        yield {"type": kinds.mjGEOM_CYLINDER, "size": [max(x, y), z, 0]}
    elif body.shape == "capsule" and z > max(x, y):
        yield {"type": kinds.mjGEOM_CAPSULE, "size": [max(x, y), z - max(x, y), 0]}
    else:
        for number, points in enumerate(_pieces(body)):
            mesh = f"{name}m{number}"
            spec.add_mesh(
                name=mesh, uservert=_thick(points).ravel(), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_CONVEX
            )
            yield {"type": kinds.mjGEOM_MESH, "meshname": mesh}


def _pieces(body: Body) -> tuple[Array, ...]:
    if body.shape == "compound" and body.pieces:
        return body.pieces
    if body.shape == "mesh" and len(body.faces):
        return _split(np.ascontiguousarray(body.points, float).tobytes(), np.asarray(body.faces, np.int32).tobytes())
    return (body.points,)


@lru_cache(maxsize=32)
def _split(points: bytes, faces: bytes) -> tuple[Array, ...]:
    return solid(np.frombuffer(points).reshape(-1, 3), np.frombuffer(faces, np.int32).reshape(-1, 3), split=True).pieces


def _thick(points: Array) -> Array:
    """Flat ones are made thicker, for MuJoCo wants a volume."""
    middle = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - middle, full_matrices=False)
    along = (points - middle) @ axes.T
    out = points
    for k, axis in enumerate(axes):
        if np.ptp(along[:, k]) < _THIN:
            out = np.concatenate([out - 0.5 * _THIN * axis, out + 0.5 * _THIN * axis])
    return np.asarray(out, float)


def inertia(body: Body) -> Array:
    """(3, 3) of one kilogram about the centre of mass."""
    x, y, z = body.size
    if body.shape == "sphere":
        return np.eye(3) * 0.1 * float(max(x, y, z)) ** 2
    if body.shape == "cylinder":
        across = max(x, y) ** 2 / 16 + z**2 / 12
        return np.diag([across, across, max(x, y) ** 2 / 8])
    block = np.diag([y * y + z * z, x * x + z * z, x * x + y * y]) / 12
    if body.shape == "box" or not len(body.faces):
        return np.maximum(block, np.eye(3) * 1e-12)
    out = _solid_inertia(body.points, np.asarray(body.faces))
    return block if out is None else out


def _solid_inertia(points: Array, faces: Array) -> Array | None:
    """From the tetrahedra between faces and the origin; None where they enclose nothing."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    six = np.einsum("ij,ij->i", a, np.cross(b, c))
    whole = six.sum()
    if abs(whole) < 1e-15:
        return None
    total = a + b + c
    second = sum(np.einsum("t,ti,tj->ij", six, p, p) for p in (a, b, c, total)) / (20 * whole)
    out = np.trace(second) * np.eye(3) - second
    least = np.linalg.eigvalsh(out)
    sound = least[0] > 1e-12 and least[0] + least[1] > 0.99 * least[2]
    return out if sound and least[2] < float(np.sum(np.ptp(points, axis=0) ** 2)) else None


def matrix(quaternion: Array) -> Array:
    out = np.empty(9)
    mujoco.mju_quat2Mat(out, np.asarray(quaternion, float))
    return out.reshape(3, 3)


def inverse(quaternion: Array) -> Array:
    out: Array = np.asarray(quaternion, float) * [1, -1, -1, -1]
    return out


def product(a: Array, b: Array) -> Array:
    out = np.empty(4)
    mujoco.mju_mulQuat(out, np.asarray(a, float), np.asarray(b, float))
    return out


def seen_from(pose: Array, other: Array) -> Array:
    """A pose (7,) in the frame of another."""
    place = matrix(other[3:]).T @ (pose[:3] - other[:3])
    return np.concatenate([place, product(inverse(other[3:]), pose[3:])])
