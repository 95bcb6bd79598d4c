# SPDX-License-Identifier: GPL-3.0-or-later
"""Connected parts of a mesh, and values spread over its surface."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import topology
from .mesh import Faces, Vertices


def label(faces: Faces, count: int) -> NDArray[np.intp]:
    """The part of each of `count` vertices: the lowest vertex that it is connected with."""
    a, b, c = faces.T
    return np.asarray(topology.components(count, np.concatenate([a, b]), np.concatenate([b, c])))


def volumes(vertices: Vertices, faces: Faces, names: NDArray[np.intp]) -> NDArray[np.float64]:
    """The volume of each part, at the index of its name; closed parts with their faces outwards."""
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    signed = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return np.asarray(np.bincount(names[faces[:, 0]], signed, len(names)), np.float64)


def large(vertices: Vertices, faces: Faces, least: float) -> NDArray[np.bool_]:
    """(V,) which vertices are of parts with at least `least` times the volume of the largest; of no hollow inside."""
    names = label(faces, len(vertices))
    size = volumes(vertices, faces, names)
    return np.asarray(size[names] >= least * size.max())


def only(keep: NDArray[np.bool_], faces: Faces) -> Faces:
    """The faces of the vertices that are kept, counted anew."""
    number = np.cumsum(keep) - 1
    return np.asarray(number[faces[keep[faces[:, 0]]]], np.int32)


def without_crumbs(vertices: Vertices, faces: Faces, least: float) -> tuple[Vertices, Faces]:
    """Drop the parts of less than `least` times the volume of the largest, and hollows inside."""
    keep = large(vertices, faces, least)
    return vertices[keep], only(keep, faces)


def spread(
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
    faces: Faces,
    rounds: int,
    beat: Callable[[], object] = bool,
) -> NDArray[np.float32]:
    """Carry values (V, C) from where their weight (V,) is high over the surface: diffusion with the known held fast.

    `beat` is called each round.
    """
    known = weight[:, None]
    state = values * known
    nexts = faces[:, [1, 2, 0]].reshape(-1)
    here = faces.reshape(-1)
    degree = np.maximum(np.bincount(here, minlength=len(values)), 1)[:, None]
    for _ in range(rounds):
        beat()
        mean = np.stack(
            [np.bincount(here, state[nexts, i], len(values)) for i in range(values.shape[1])], axis=1
        ).astype(np.float32)
        state = known * values + (1 - known) * mean / degree
    return np.asarray(state, np.float32)
