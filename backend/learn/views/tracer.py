# SPDX-License-Identifier: GPL-3.0-or-later
"""Rays against a Thing's faces, from either side, through the holes of textures with transparent parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import embreex.mesh_construction
import embreex.rtcore_scene
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..things.thing import Thing
    from .paint import Paint

PEELS = 6  # transparent layers that a ray goes through at most
NEAR = 2e-4  # world units a ray starts beyond the layer that it went through


@dataclass(frozen=True)
class Hits:
    """`face` (N,) int32, -1 for none; `bary` (N, 3) weights of the corners; `distance` (N,) in ray lengths."""

    face: NDArray[np.int32]
    bary: NDArray[np.float32]
    distance: NDArray[np.float32]


class Tracer:
    def __init__(self, thing: Thing, paint: Paint) -> None:
        self._paint = paint if paint.holes else None
        self._scene = embreex.rtcore_scene.EmbreeScene()
        corners = np.ascontiguousarray(thing.vertices[thing.faces])
        self._mesh = embreex.mesh_construction.TriangleMesh(self._scene, corners)

    def cast(self, origins: NDArray[np.float32], directions: NDArray[np.float32]) -> Hits:
        """First opaque hits of the rays (N, 3), (N, 3); one origin (3,) for all is fine."""
        rays = np.ascontiguousarray(directions, np.float32)
        starts = np.ascontiguousarray(np.broadcast_to(origins, rays.shape), np.float32)
        face, bary, distance = self._run(starts, rays)
        if self._paint:
            todo = np.flatnonzero(face >= 0)
            for _ in range(PEELS):
                todo = todo[~self._paint.opaque(face[todo], bary[todo])]
                if not len(todo):
                    break
                ray = rays[todo]
                gone = distance[todo] + NEAR / np.linalg.norm(ray, axis=1)
                face[todo], bary[todo], more = self._run(starts[todo] + ray * gone[:, None], ray)
                distance[todo] = gone + more
                todo = todo[face[todo] >= 0]
            else:
                face[todo] = -1
        return Hits(face, bary, distance)

    def blocked(self, origins: NDArray[np.float32], directions: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the rays (N, 3), (N, 3) hit anything opaque."""
        return self.cast(origins, directions).face >= 0

    def _run(
        self, origins: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        found = self._scene.run(origins, directions, query="INTERSECT", output=True)
        bary = np.empty((len(origins), 3), np.float32)
        bary[:, 1], bary[:, 2] = found["u"], found["v"]
        bary[:, 0] = 1 - bary[:, 1] - bary[:, 2]
        return found["primID"], bary, found["tfar"]
