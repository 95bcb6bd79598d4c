# SPDX-License-Identifier: GPL-3.0-or-later
"""Closed triangle meshes as arrays: vertices (V, 3) and faces (F, 3), counter-clockwise seen from outside."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vertices = NDArray[np.float32]
Faces = NDArray[np.int32]


def face_normals(vertices: Vertices, faces: Faces) -> NDArray[np.float64]:
    """Normals (F, 3) as long as twice the area of the face."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return np.asarray(np.cross(b - a, c - a), np.float64)


def smooth(vertices: Vertices, faces: Faces, rounds: int, beat: Callable[[], None] | None = None) -> Vertices:
    """Even out the triangles without shrinking the whole (Taubin 1995): a step in, a slightly longer step out.

    The mesh must be closed: then each neighbour of a vertex follows it in exactly one face. `beat` is called between
    the steps, so that the caller can stop by raising.
    """
    points = vertices.astype(np.float64)
    nexts = faces[:, [1, 2, 0]].reshape(-1)
    degree = _gather(faces, np.ones(faces.size), len(points))[:, None]
    for _ in range(rounds):
        for step in (0.5, -0.52):
            if beat:
                beat()
            mean = np.stack([_gather(faces, points[nexts, i], len(points)) for i in range(3)], axis=1) / degree
            points += step * (mean - points)
    return points.astype(np.float32)


def _gather(faces: Faces, values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Sum one value per face corner into its vertex."""
    return np.asarray(np.bincount(faces.reshape(-1), values, count), np.float64)


def save(path: Path, arrays: Mapping[str, NDArray[Any]], beat: Callable[[], None]) -> None:
    """Write what `numpy.load` reads as .npz, compressed; the same arrays give the same bytes.

    Like `numpy.savez_compressed`, but in steps, so that `beat` can stop it by raising, and quicker: floats of a mesh
    hardly shrink further with more effort.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        for name, array in arrays.items():
            data = np.ascontiguousarray(array)
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                header = np.lib.format.header_data_from_array_1_0(data)  # type: ignore[no-untyped-call]
                np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
                for part in np.array_split(data.reshape(-1), data.nbytes // (1 << 21) + 1):
                    beat()
                    file.write(part.tobytes())
