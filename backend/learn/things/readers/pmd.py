# SPDX-License-Identifier: GPL-3.0-or-later
"""PMD, the mesh format of 0 A.D. (versions 2 to 4): a mesh in its bind pose and the points where props hang.

Little endian: "PSMD", version, size, vertices, [texture coordinates per vertex from version 4]; per vertex position
3f, normal 3f, uv 2f each, bone 4 u8, weight 4f; triangles of u16; bones (translation 3f, rotation 4f); prop points
(name, translation, rotation, bone u8). Y up, left-handed; the faces are turned round here, so that the cross product
of their sides points outwards in these axes too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....geometry.gltf import rotation

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """`vertices` (V, 3), `faces` (F, 3), `uv` (F, 3, 2), `points`: name of a prop point to its 4 x 4 matrix."""

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    points: dict[str, Matrix]


def read(data: bytes) -> Mesh:
    """ValueError where it is none, or not whole."""
    try:
        return _read(data)
    except (struct.error, IndexError) as error:
        raise ValueError(f"the file is cut off: {error}") from error


def _read(data: bytes) -> Mesh:
    if data[:4] != b"PSMD":
        raise ValueError("this is no PMD")
    version, _, count = struct.unpack_from("<III", data, 4)
    if not 2 <= version <= 4:
        raise ValueError(f"PMD version {version} is not known")
    at, maps = 16, 1
    if version >= 4:
        (maps,) = struct.unpack_from("<I", data, at)
        at += 4
    if not 1 <= maps <= 8:
        raise ValueError(f"there are {maps} texture coordinates a vertex")
    kind = np.dtype(
        [("p", "<f4", 3), ("n", "<f4", 3), ("uv", "<f4", (maps, 2)), ("bone", "u1", 4), ("weight", "<f4", 4)]
    )
    corners = np.frombuffer(data, kind, count, at)
    at += kind.itemsize * count
    (triangles,) = struct.unpack_from("<I", data, at)
    faces = np.frombuffer(data, "<u2", triangles * 3, at + 4).reshape(-1, 3)[:, ::-1].astype(np.int32)
    at += 4 + triangles * 6
    if not len(faces) or faces.max() >= count:
        raise ValueError("a face names a vertex that is not there")
    (bones,) = struct.unpack_from("<I", data, at)
    at += 4
    poses = [_matrix(data, at + 28 * i) for i in range(bones)]
    at += 28 * bones
    points: dict[str, Matrix] = {}
    (props,) = struct.unpack_from("<I", data, at)
    at += 4
    for _ in range(props):
        (length,) = struct.unpack_from("<I", data, at)
        name = data[at + 4 : at + 4 + length].decode("utf-8", "replace")
        at += 4 + length
        local, bone = _matrix(data, at), data[at + 28]
        at += 29
        points[name] = poses[bone] @ local if bone < len(poses) else local
    return Mesh(corners["p"].astype(np.float64), faces, corners["uv"][:, 0][faces].astype(np.float32), points)


def _matrix(data: bytes, at: int) -> Matrix:
    """A translation and a quaternion (x, y, z, w) as 4 x 4."""
    values = struct.unpack_from("<7f", data, at)
    matrix = np.eye(4)
    matrix[:3, 3] = values[:3]
    matrix[:3, :3] = rotation(*values[3:])
    return matrix
