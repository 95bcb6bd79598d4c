# SPDX-License-Identifier: GPL-3.0-or-later
"""Points on surfaces, bodies put on the ground, and the two plain formats for what a mesh file cannot hold."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mesh import Faces, Vertices, face_normals

Floats = NDArray[np.float32]


def grounded(vertices: NDArray[Any], size_m: float) -> Vertices:
    """Z up already: the longest side `size_m`, the middle of the base at the origin."""
    low, high = vertices.min(axis=0).astype(np.float64), vertices.max(axis=0).astype(np.float64)
    origin = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    return np.asarray((vertices - origin) * (size_m / (high - low).max()), np.float32)


def on_surface(vertices: Vertices, faces: Faces, count: int, seed: int) -> tuple[NDArray[np.intp], Floats]:
    """`count` points, evenly by area: the face of each (N,), and the shares of its three corners (N, 3)."""
    chance = np.random.default_rng(seed)
    area = np.linalg.norm(face_normals(vertices, faces), axis=1)
    face = np.sort(np.searchsorted(np.cumsum(area) / area.sum(), chance.random(count)))
    face = np.minimum(face, len(faces) - 1)
    root, other = np.sqrt(chance.random(count)), chance.random(count)
    return face, np.stack([1 - root, root * (1 - other), root * other], axis=1).astype(np.float32)


def write_ply(path: Path, points: Floats, colors: Floats, normals: Floats | None = None) -> None:
    """Points (N, 3), colours (N, 3) sRGB 0 to 1 and, where known, normals (N, 3): binary PLY, which Blender reads."""
    columns = dict(zip("xyz", points.T, strict=True))
    if normals is not None:
        columns |= dict(zip(("nx", "ny", "nz"), normals.T, strict=True))
    shades = np.round(np.clip(colors, 0, 1) * 255)
    columns |= dict(zip(("red", "green", "blue"), shades.T, strict=True))
    kinds = [(name, "<f4" if len(name) < 3 else "u1") for name in columns]
    data = np.empty(len(points), kinds)
    for name, column in columns.items():
        data[name] = column
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(points)}"]
    header += [f"property {'uchar' if kind == 'u1' else 'float'} {name}" for name, kind in kinds]
    with path.open("wb") as file:
        file.write(("\n".join([*header, "end_header"]) + "\n").encode("ascii"))
        file.write(data.tobytes())


def write_exr(path: Path, plane: Floats) -> None:
    """One plane (H, W) as OpenEXR with the channel Y, 32-bit floats, not compressed (the published file layout)."""
    height, width = plane.shape
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"Y\0" + struct.pack("<i4B2i", 2, 0, 0, 0, 0, 1, 1) + b"\0"
    attributes = (
        ("channels", "chlist", channels),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)),
    )
    head = struct.pack("<2i", 20000630, 2)
    for name, kind, value in attributes:
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    first, size = len(head) + 8 * height, 8 + 4 * width
    rows = np.empty(height, [("y", "<i4"), ("size", "<i4"), ("values", "<f4", width)])
    rows["y"], rows["size"], rows["values"] = np.arange(height), 4 * width, plane
    with path.open("wb") as file:
        file.write(head)
        file.write((first + size * np.arange(height, dtype="<u8")).tobytes())
        file.write(rows.tobytes())
