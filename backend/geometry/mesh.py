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
READ = ("faces", "uv", "colors", "confidence")
"""What is known of a mesh beside its vertices."""
_BRIGHTEST = 2.0
"""Models overshoot white a little; what counts to 255 goes far beyond."""


def prove(arrays: Mapping[str, NDArray[Any]]) -> None:
    """That these are a mesh: `vertices` (V, 3) of floats and `faces` (F, 3) of their numbers; where they are there,
    `uv` (F, 3, 2), `colors` (V, 3 or 4) from 0 to 1 and `confidence` (V,), of floats too. Raises `ValueError` in words.
    """
    if missing := [name for name in ("vertices", "faces") if name not in arrays]:
        raise ValueError(f"has no {missing[0]}")
    vertices, faces = arrays["vertices"], arrays["faces"]
    for name, array in (("vertices", vertices), ("faces", faces)):
        if not isinstance(array, np.ndarray):
            raise ValueError(f"has {name} that are a {type(array).__name__}, not an array")
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f"has {name} of the shape {array.shape}, not (n, 3)")
    if not len(vertices) or not len(faces):
        raise ValueError("is empty")
    if vertices.dtype.kind != "f":
        raise ValueError(f"has vertices of {vertices.dtype}, which are floats")
    if not np.isfinite(vertices).all():
        raise ValueError("has positions that are no numbers")
    if faces.dtype.kind not in "iu":
        raise ValueError(f"has faces of {faces.dtype}, which are whole numbers")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError("has faces whose vertices do not exist")
    if np.ptp(vertices, axis=0).max() < 1e-6:
        raise ValueError("has no extent")
    count = len(vertices)
    shapes: dict[str, list[tuple[int, ...]]] = {
        "uv": [(len(faces), 3, 2)],
        "colors": [(count, 3), (count, 4)],
        "confidence": [(count,)],
    }
    for name, fit in shapes.items():
        more = arrays.get(name)
        if more is None or not more.size:
            continue
        if more.shape not in fit or more.dtype.kind != "f":
            raise ValueError(f"has {name} that are {more.shape} of {more.dtype}, not {fit[0]} of floats")
        if not np.isfinite(more).all():
            raise ValueError(f"has {name} that are no numbers")
        if name == "colors" and more.max() > _BRIGHTEST:
            raise ValueError(f"has colors up to {more.max():g}, where white is 1")


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
